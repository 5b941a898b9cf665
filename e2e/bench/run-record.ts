/** Runs as the installation recorded them, with the times the benchmarks compare. */
import type { HostId, RunId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal, type Stage } from '@holdfast/shared/domain/run.ts';
import type { ApiClient, ApiHost, ApiRunDetail } from '../harness/api.ts';
import { waitFor } from '../harness/services/wait-for.ts';

/** A run with the instants the API tells beside what the harness knows. */
export type TimedRun = Omit<ApiRunDetail, 'stages'> & {
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly stages: readonly { readonly stage: Stage; readonly startedAt: number; readonly endedAt?: number }[];
};

/** Seldom enough that asking costs the machine nothing that is worth measuring. */
const POLL_MS = 500;
const SPEC_MS = 15_000;
const DEADLINE_MS = 15 * 60_000;

/** Waits until the host works by the newest plans, so that what is measured is not the way there. */
export async function awaitSpecTaken(api: ApiClient, host: HostId): Promise<void> {
  const look = async () => ((await api.get<ApiHost>(`/hosts/${host}`)).drift ? undefined : true);
  await waitFor('the host to have its plans', look, { deadlineMs: SPEC_MS });
}

/** Waits for a clean end. Throws with the failure when it ends otherwise. */
export async function awaitSuccess(api: ApiClient, id: RunId): Promise<TimedRun> {
  const look = async () => {
    const run = await api.get<TimedRun>(`/runs/${id}`);
    return isTerminal(run.state) ? run : undefined;
  };
  const run = await waitFor(`run ${id} to end`, look, { deadlineMs: DEADLINE_MS, intervalMs: POLL_MS });
  if (run.state !== 'succeeded')
    throw new Error(`run ${id} is ${run.state}: ${JSON.stringify(run.failure)}\n${await api.readLog(id)}`);
  return run;
}

/** Milliseconds of one stage, by the host's own clock. Throws when the run has no such stage, or more than one. */
export function getStageMs(run: Pick<TimedRun, 'id' | 'stages'>, stage: Stage): number {
  const [found, ...more] = run.stages.filter((one) => one.stage === stage);
  if (found?.endedAt === undefined || more.length > 0) throw new Error(`run ${run.id} has no single finished stage ${stage}`);
  return found.endedAt - found.startedAt;
}

/** Milliseconds from the run's start to its end: pre-flight, dump, evidence. */
export function getWholeMs(run: Pick<TimedRun, 'id' | 'startedAt' | 'finishedAt'>): number {
  if (run.startedAt === undefined || run.finishedAt === undefined) throw new Error(`run ${run.id} has no start or end`);
  return run.finishedAt - run.startedAt;
}
