/**
 * The host's queue: by priority, then first in, first out; at most so many at once, never the same source twice at once, and no more of
 * one repository than it allows; what removes snapshots has its repository to itself; what is held keeps its place and lets others pass.
 * A job whose attempt failed for a passing reason waits aside, without a slot, for its next one.
 */
import type { RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { PRIORITIES, type Priority } from '@holdfast/shared/domain/plan.ts';
import type { RunKind } from '@holdfast/shared/domain/run.ts';
import { abortForStop, findStop } from '../attempts/agent-stop.ts';
import type { Hold } from './hold.ts';

/** What an attempt says that should be followed by another one. */
export interface NextAttempt {
  afterMs: number;
}

export interface Job {
  run: RunId;
  kind: RunKind;
  priority: Priority;
  repository: RepositoryId;
  /** Sources this job reads; empty for a restore. */
  sources: readonly SourceId[];
  /** Works in its repository alone: nothing of this host is there at the same time. */
  isExclusive?: boolean | undefined;
  /** Begins whatever else runs, and takes no slot from anybody: others may wait for what it does. */
  needsNoSlot?: boolean | undefined;
  /** Never rejects: whatever happens is recorded as the run's end, unless it is to be tried again. */
  execute(signal: AbortSignal): Promise<NextAttempt | undefined>;
  /** It is held back: told once for each reason, not at every look. */
  onHeld(hold: Hold): void;
  /** Nothing holds it any more and it begins; called only after `onHeld`, and not for a run that was cancelled meanwhile. */
  onReleased(): void;
}

export interface Queue {
  /** Takes a job, to begin after `afterMs` at the earliest. */
  enqueue(job: Job, afterMs?: number): void;
  /** Aborts a run, wherever it is; false when it is not here. One that waits executes at once with its signal aborted, to record its end. */
  cancel(run: RunId): boolean;
  /** Sources of jobs that wait or run. */
  listBusySources(): ReadonlySet<SourceId>;
  readonly active: number;
  /** Jobs that wait for a slot or for their next attempt. */
  readonly waiting: number;
  /** Runs that wait or run, oldest first. */
  listRuns(): readonly RunId[];
  /** Whether a run of this host works in the repository now. */
  isBusy(repository: RepositoryId): boolean;
  /** Runs that have not begun. */
  listWaiting(): readonly RunId[];
  /** Nothing new begins until `resume`. */
  pause(): void;
  resume(): void;
  /** Looks again at what is held: to be called whenever an answer of `findHold` may have changed. */
  reconsider(): void;
  /** Takes nothing new from the queue any more; resolves when what runs has ended. */
  drain(): Promise<void>;
  /** Cuts off everything that runs, because the agent ends; takes nothing new from the queue any more. */
  abortAll(): void;
}

export interface QueueOptions {
  /** Jobs at once. */
  concurrency(): number;
  /** Jobs of one repository at once. */
  repositoryConcurrency(repository: RepositoryId): number;
  /** Why this job must not begin now; undefined when nothing stands in its way. Asked at every look, so it must be cheap. */
  findHold(job: Job): Hold | undefined;
  /** Calls back once after `ms`; returns how to stop that. */
  setTimer(ms: number, callback: () => void): () => void;
}

interface Entry {
  job: Job;
  controller: AbortController;
  done: Promise<void> | undefined;
  /** Set while it waits for its time. */
  stopTimer: (() => void) | undefined;
  /** What its run was told it waits for. */
  heldFor: Hold['reason'] | undefined;
}

/** Why nobody else of this host may enter a repository in which these are. */
function findOwner(jobs: readonly Job[]): Hold | undefined {
  const owner = jobs.find(({ isExclusive }) => isExclusive);
  return (
    owner && {
      reason: 'repository',
      message: `${owner.kind.replace('_', ' ')} ${owner.run} of this host has the repository to itself`,
    }
  );
}

export function createQueue(options: QueueOptions): Queue {
  const waiting: Entry[] = [];
  const aside = new Set<Entry>();
  const active = new Map<RunId, Entry>();
  let draining = false;
  let paused = false;

  const wait = (entry: Entry, afterMs: number) => {
    if (afterMs <= 0) {
      waiting.push(entry);
      return;
    }
    aside.add(entry);
    entry.stopTimer = options.setTimer(afterMs, () => {
      aside.delete(entry);
      entry.stopTimer = undefined;
      waiting.push(entry);
      fill();
    });
  };

  const begin = (entry: Entry) => {
    if (entry.heldFor !== undefined && !entry.controller.signal.aborted) entry.job.onReleased();
    entry.heldFor = undefined;
    active.set(entry.job.run, entry);
    entry.done = entry.job.execute(entry.controller.signal).then((next) => {
      active.delete(entry.job.run);
      // Cancelled as its attempt failed: the one that follows has only to record the end.
      const { signal } = entry.controller;
      if (next) wait(entry, signal.aborted ? 0 : next.afterMs);
      // What the end of the agent cut off can still be cancelled.
      if (findStop(signal)) entry.controller = new AbortController();
      fill();
    });
  };

  /** Whether this keeps it back; its run hears of each reason once, however long the queue before it is. */
  const isHeld = (entry: Entry, hold: Hold | undefined): boolean => {
    if (hold === undefined) return false;
    if (entry.heldFor !== hold.reason) entry.job.onHeld(hold);
    entry.heldFor = hold.reason;
    return true;
  };

  const countSlots = () => [...active.values()].filter(({ job }) => !job.needsNoSlot).length;

  const mayBegin = (entry: Entry): boolean => {
    const { job } = entry;
    // It takes nothing: with its signal aborted it only records its end.
    if (entry.controller.signal.aborted) return true;
    if (isHeld(entry, options.findHold(job))) return false;
    if (job.needsNoSlot) return true;
    if (countSlots() >= options.concurrency()) return false;
    const others = [...active.values()].map((other) => other.job).filter((other) => !other.needsNoSlot);
    if (others.some((other) => other.sources.some((source) => job.sources.includes(source)))) return false;
    const inRepository = others.filter((other) => other.repository === job.repository);
    if (isHeld(entry, findOwner(inRepository))) return false;
    if (job.isExclusive) return inRepository.length === 0;
    return inRepository.length < options.repositoryConcurrency(job.repository);
  };

  const takeNext = (): Entry | undefined => {
    for (const priority of PRIORITIES) {
      const index = waiting.findIndex((entry) => entry.job.priority === priority && mayBegin(entry));
      if (index >= 0) return waiting.splice(index, 1)[0];
    }
    return undefined;
  };

  const fill = () => {
    while (!draining && !paused) {
      const next = takeNext();
      if (!next) return;
      begin(next);
    }
  };

  const findWaiting = (run: RunId): Entry | undefined => {
    const index = waiting.findIndex((entry) => entry.job.run === run);
    if (index >= 0) return waiting.splice(index, 1)[0];
    const asideEntry = [...aside].find((entry) => entry.job.run === run);
    if (asideEntry) {
      asideEntry.stopTimer?.();
      aside.delete(asideEntry);
    }
    return asideEntry;
  };

  return {
    enqueue(job, afterMs = 0) {
      wait({ job, controller: new AbortController(), done: undefined, stopTimer: undefined, heldFor: undefined }, afterMs);
      fill();
    },
    cancel(run) {
      const queued = findWaiting(run);
      if (queued) {
        queued.controller.abort();
        begin(queued);
        return true;
      }
      const running = active.get(run);
      running?.controller.abort();
      return running !== undefined;
    },
    listBusySources: () => new Set([...active.values(), ...waiting, ...aside].flatMap((entry) => entry.job.sources)),
    get active() {
      return active.size;
    },
    get waiting() {
      return waiting.length + aside.size;
    },
    isBusy: (repository) => [...active.values()].some((entry) => entry.job.repository === repository),
    listRuns: () => [...active.values(), ...waiting, ...aside].map((entry) => entry.job.run),
    listWaiting: () => waiting.map((entry) => entry.job.run),
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      fill();
    },
    reconsider: () => fill(),
    async drain() {
      draining = true;
      for (const entry of aside) entry.stopTimer?.();
      // What is cancelled while it waits begins all the same, to record its end.
      while (active.size > 0) await Promise.all([...active.values()].map((entry) => entry.done));
    },
    abortAll() {
      draining = true;
      for (const entry of active.values()) abortForStop(entry.controller);
    },
  };
}
