/**
 * After a crash: processes that are proven ours are ended, runs that were under way are reported as interrupted,
 * runs that only waited are put back.
 */
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { combineParts } from '@holdfast/shared/domain/run.ts';
import { endGroup } from '../exec/leftovers.ts';
import { readBootId, toEpochMs } from '../exec/proc.ts';
import type { Executor } from './executor.ts';
import { prepareRepository, withWorkDir } from './inputs.ts';
import { type JournaledRunBody, journaledRunSchema } from './journaled-run.ts';
import { endPart, toFailure } from './part.ts';
import { writeIfPossible } from './possible-write.ts';
import type { Recorder } from './recorder.ts';
import type { Workbench } from './workbench.ts';

const listPids = (processes: readonly { pid: number }[]) => processes.map(({ pid }) => pid);

/**
 * Ends what an earlier life of this agent left running, and tells how many. A pid alone proves nothing: boot and start time must match, and
 * where the recorded process is gone, what is left of its group must show our mark. What is not proven lives on and is named in the log.
 */
export function endLeftovers(workbench: Workbench): number {
  const { log, workDirs, journal } = workbench;
  const boot = readBootId();
  let ended = 0;
  for (const { run, stage, pid, startTime, bootId } of journal.runs.listProcesses()) {
    if (bootId === boot) {
      const left = endGroup({ pid, startTime }, workDirs.owns);
      if (left.ended.length > 0) log.warn({ run, pids: listPids(left.ended) }, 'ended processes that an earlier agent left');
      if (left.unproven.length > 0)
        log.warn({ run, pids: listPids(left.unproven) }, 'processes in the group of a run are not proven to be ours and live on');
      ended += left.ended.length;
      const endedAt = workbench.clock.now();
      // A tool below another may have taken the lock: all of them are remembered, not only the one that was recorded.
      const members = left.ended.filter((member) => member.pid !== pid);
      for (const each of [{ pid, startTime }, ...members])
        workbench.rememberProcess({ pid: each.pid, startedAt: toEpochMs(each.startTime), endedAt });
    }
    writeIfPossible(log, 'a process that is gone stays on the list', () => journal.runs.clearProcess(run, stage, pid));
  }
  return ended;
}

/** Removes the locks that processes of interrupted runs left, as far as they are proven to be ours. */
export async function clearLocks(workbench: Workbench, spec: Spec, repositories: ReadonlySet<RepositoryId>): Promise<void> {
  for (const repository of spec.repositories) {
    if (!repositories.has(repository.id)) continue;
    const onLog = (_level: string, text: string) => workbench.log.warn({ repository: repository.id }, text);
    await withWorkDir(workbench, async (workDir) => {
      const { access } = prepareRepository(workbench, repository, workDir);
      await workbench.engine(workbench.exec).clearOwnLocks({ access, workDir, onLog });
    });
  }
}

function reportInterrupted(recorder: Recorder, body: JournaledRunBody, durationMs: number): void {
  const interrupted = createReasonError('interrupted', 'The agent ended in the middle of this run');
  recorder.log('error', interrupted.message);
  const ended = body.kind === 'backup' ? body.ended : [];
  const sources = body.kind === 'backup' ? body.sources : [body.order.source.id];
  const open = sources.filter((source) => !ended.some((part) => part.source === source));
  for (const source of open) {
    const { failure } = endPart(source, interrupted, false);
    recorder.finishPart(
      { source, state: 'failed', warnings: [], bytes: 0, durationMs: 0, ...(failure ? { failure } : {}) },
      () => undefined,
    );
  }
  const states = [...ended.map((part) => part.state), ...open.map(() => 'failed' as const)];
  recorder.finish({ state: combineParts(states), failure: toFailure(interrupted), evidence: [], bytes: 0, durationMs });
}

export interface Recovered {
  interrupted: number;
  requeued: number;
  /** Where interrupted runs may have left a lock. */
  repositories: ReadonlySet<RepositoryId>;
}

/** Call once at start, before anything new is queued. */
export function recoverRuns(workbench: Workbench, executor: Executor): Recovered {
  endLeftovers(workbench);
  const repositories = new Set<RepositoryId>();
  let interrupted = 0;
  let requeued = 0;
  for (const run of workbench.journal.runs.listOpen()) {
    const body = journaledRunSchema.safeParse(run.body);
    if (body.success && !body.data.started) {
      executor.enqueueAgain(run.run, body.data);
      requeued += 1;
      continue;
    }
    const recorder = executor.createRecorderFor(run.run, run.logLines);
    if (body.success) {
      repositories.add(body.data.kind === 'backup' ? body.data.repository : body.data.order.repository.id);
      // How far it really got nobody knows: until now at the latest.
      reportInterrupted(recorder, body.data, Math.max(0, workbench.clock.now() - run.openedAt));
    } else
      recorder.finish({
        state: 'failed',
        failure: { code: 'internal', message: 'the journal’s row of this run is not readable' },
        evidence: [],
        bytes: 0,
      });
    writeIfPossible(workbench.log, 'snapshots of an interrupted run stay unjudged, which nothing offers for restore', () =>
      workbench.journal.snapshots.setStateOfRun(run.run, 'unvouched'),
    );
    interrupted += 1;
  }
  return { interrupted, requeued, repositories };
}
