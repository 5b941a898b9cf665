/** The host's queue: first in, first out, at most so many at once, and never the same source twice. */
import type { RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';

export interface Job {
  run: RunId;
  /** Sources this job reads; empty for a restore. */
  sources: readonly SourceId[];
  /** Never rejects: whatever happens is recorded as the run's end. */
  execute(signal: AbortSignal): Promise<void>;
}

export interface Queue {
  /** Throws `limit` when too many wait. */
  enqueue(job: Job): void;
  /** Aborts a run, queued or running; false when it is not here. A queued job executes at once with its signal aborted, to record its end. */
  cancel(run: RunId): boolean;
  /** Sources of jobs that wait or run. */
  listBusySources(): ReadonlySet<SourceId>;
  readonly active: number;
  readonly waiting: number;
  /** Runs that wait or run, oldest first. */
  listRuns(): readonly RunId[];
  /** Takes nothing new from the queue any more; resolves when what runs has ended. */
  drain(): Promise<void>;
  /** Aborts everything that runs. */
  abortAll(): void;
}

interface Entry {
  job: Job;
  controller: AbortController;
  done: Promise<void> | undefined;
}

export function createQueue(options: { concurrency: () => number; waiting: number }): Queue {
  const waiting: Entry[] = [];
  const active = new Map<RunId, Entry>();
  let draining = false;

  const begin = (entry: Entry) => {
    active.set(entry.job.run, entry);
    entry.done = entry.job.execute(entry.controller.signal).finally(() => {
      active.delete(entry.job.run);
      fill();
    });
  };
  const fill = () => {
    while (!draining && active.size < options.concurrency()) {
      const next = waiting.shift();
      if (!next) return;
      begin(next);
    }
  };

  return {
    enqueue(job) {
      if (waiting.length >= options.waiting) throw new AppError('limit', `this host has ${waiting.length} runs waiting already`);
      waiting.push({ job, controller: new AbortController(), done: undefined });
      fill();
    },
    cancel(run) {
      const index = waiting.findIndex((entry) => entry.job.run === run);
      const queued = waiting[index];
      if (queued) {
        waiting.splice(index, 1);
        queued.controller.abort();
        // It takes no slot: with its signal aborted it only records its end.
        begin(queued);
        return true;
      }
      const running = active.get(run);
      running?.controller.abort();
      return running !== undefined;
    },
    listBusySources: () => new Set([...active.values(), ...waiting].flatMap((entry) => entry.job.sources)),
    get active() {
      return active.size;
    },
    get waiting() {
      return waiting.length;
    },
    listRuns: () => [...active.values(), ...waiting].map((entry) => entry.job.run),
    async drain() {
      draining = true;
      await Promise.all([...active.values()].map((entry) => entry.done));
    },
    abortAll() {
      for (const entry of active.values()) entry.controller.abort();
    },
  };
}
