/** Runs that ended since this process began, each told once, with its duration. */
import { DEFAULT_TENANT, idSchema, type RunId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import type { CoreContext } from '../core/ports.ts';
import type { Run } from '../store/runs.ts';

export interface FinishedRun {
  run: Run;
  kind: string;
  state: string;
  seconds: number;
}

export interface FinishedRuns {
  /** Looks at every run that was spoken of since the last time. */
  settle(): Promise<void>;
  close(): void;
}

const runId = idSchema('run');
/** Runs spoken of that are looked at together, whether or not anybody asks. */
const BATCH = 500;
/** Runs already told, so that a late word about one does not count it again. */
const REMEMBERED = 50_000;

export function createFinishedRuns(
  context: Pick<CoreContext, 'bus' | 'store' | 'log' | 'clock'>,
  observe: (run: FinishedRun) => void,
): FinishedRuns {
  const startedAt = context.clock.now();
  let touched = new Set<RunId>();
  const told = new Set<RunId>();
  /** One look at a time, so that no run is observed by two of them. */
  let last: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    const batch = touched;
    touched = new Set();
    for (const id of batch) {
      const run = told.has(id) ? undefined : await context.store.runs.findRun(DEFAULT_TENANT, id);
      if (run === undefined || !isTerminal(run.state)) continue;
      told.add(id);
      if (told.size > REMEMBERED) told.delete(told.values().next().value ?? id);
      // A host may still speak of a run whose end an earlier process has heard of and counted.
      if (run.durationMs === undefined || (run.reportedAt ?? startedAt) < startedAt) continue;
      observe({ run, kind: run.kind, state: run.state, seconds: run.durationMs / 1000 });
    }
  }

  function settle(): Promise<void> {
    const next = last.then(look);
    last = next.catch(() => undefined);
    return next;
  }

  const unsubscribe = context.bus.subscribe(DEFAULT_TENANT, (event) => {
    if (event.kind !== 'refresh' || !event.topic.startsWith('run:')) return;
    const id = runId.safeParse(event.topic.slice('run:'.length)).data;
    if (id === undefined) return;
    touched.add(id);
    if (touched.size >= BATCH)
      settle().catch((error: unknown) => context.log.warn({ err: error }, 'counting finished runs failed'));
  });
  return { settle, close: unsubscribe };
}
