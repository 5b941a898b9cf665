/** Executes a backup run: the repository once, then each source as a part of its own, then the run's end. */
import type { Id, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecRepository } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { combineParts, type Evidence } from '@holdfast/shared/domain/run.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import type { ResticEngine } from '../engines/restic/engine.ts';
import type { Exec } from '../exec/contract.ts';
import { backUpSource } from './backup.ts';
import { type PreparedRepository, prepareRepository, withWorkDir } from './inputs.ts';
import type { JournaledBackup } from './journaled-run.ts';
import { endPart, type PartResult } from './part.ts';
import type { Recorder } from './recorder.ts';
import type { Workbench } from './workbench.ts';

export interface BackupExecution {
  workbench: Workbench;
  recorder: Recorder;
  body: JournaledBackup;
  spec: Spec | undefined;
  signal: AbortSignal;
}

/** Ready to take the parts of one run. */
interface Ready {
  exec: Exec;
  engine: ResticEngine;
  repository: SpecRepository;
  spec: Spec;
}

function getReady({ workbench, recorder, body, spec }: BackupExecution): Ready {
  const repository = spec?.repositories.find((candidate) => candidate.id === body.repository);
  if (!spec || !repository) throw new AppError('not_found', 'this host does not have the plan’s repository any more');
  const exec = workbench.execFor(recorder.run);
  return { exec, engine: workbench.engine(exec), repository, spec };
}

/** Opens the repository read-only: it must be there, and be the one that was pinned. It is never made. */
async function checkRepository(
  execution: BackupExecution,
  ready: Ready,
  prepared: PreparedRepository,
  workDir: string,
): Promise<void> {
  const { recorder, signal } = execution;
  recorder.beginStage('preflight');
  const found = await ready.engine.findRepository({ access: prepared.access, workDir, signal });
  if (found.state !== 'found') {
    recorder.endStage('preflight', false);
    throw createReasonError(found.failure.reason, found.failure.message);
  }
  if (ready.repository.pinnedId !== undefined && ready.repository.pinnedId !== found.engineId) {
    recorder.endStage('preflight', false);
    throw new AppError(
      'integrity',
      `at this address lies another repository (${found.engineId.slice(0, 8)}) than the one this plan was made for (${ready.repository.pinnedId.slice(0, 8)}). Find out who replaced it before anything is stored.`,
    );
  }
  recorder.log('info', `pre-flight: repository ${found.engineId.slice(0, 8)} opened, ${ready.repository.name}`);
  recorder.endStage('preflight', true);
}

function runPart(execution: BackupExecution, ready: Ready, source: SourceId): Promise<PartResult> {
  const { workbench, recorder, body, signal } = execution;
  const described = ready.spec.sources.find((candidate) => candidate.id === source);
  if (body.overlapping.includes(source)) {
    const overlap = createReasonError('overlap', `${described?.name ?? source} is still being backed up by an earlier run`);
    recorder.log('warn', overlap.message);
    return Promise.resolve({ ...endPart(source, overlap, false), state: 'skipped' as const });
  }
  if (!described)
    return Promise.resolve(endPart(source, new AppError('not_found', 'this source was deleted or disabled meanwhile'), false));
  return withWorkDir(workbench, (workDir) =>
    backUpSource({
      workbench,
      exec: ready.exec,
      engine: ready.engine,
      recorder,
      source: described,
      repository: prepareRepository(workbench, ready.repository, workDir),
      tags: { tenant: ready.spec.tenant, host: ready.spec.host, plan: body.plan, source, run: recorder.run },
      workDir,
      signal,
      journalSnapshot: ({ engineId, snapshot }) =>
        workbench.journal.snapshots.record({
          repository: body.repository,
          engineId,
          snapshot: snapshot as Id<'snapshot'>,
          run: recorder.run,
          source,
          state: 'made',
        }),
    }),
  );
}

function finishPart(execution: BackupExecution, part: PartResult, durationMs: number): void {
  const { workbench, recorder, body } = execution;
  body.ended = [...body.ended, { source: part.source, state: part.state }];
  const { source, state, failure, warnings, bytes } = part;
  if (failure) recorder.log(state === 'partial' || state === 'skipped' ? 'warn' : 'error', failure.message);
  recorder.finishPart({ source, state, warnings: [...warnings], bytes, durationMs, ...(failure ? { failure } : {}) }, () => {
    workbench.journal.runs.revise(recorder.run, body);
    const vouched = state === 'succeeded' || state === 'partial';
    for (const snapshot of workbench.journal.snapshots.listByRepository(body.repository)) {
      if (snapshot.run === recorder.run && snapshot.source === source) {
        workbench.journal.snapshots.setState(body.repository, snapshot.engineId, vouched ? 'vouched' : 'unvouched');
      }
    }
  });
}

async function runAll(execution: BackupExecution): Promise<readonly PartResult[]> {
  const { workbench, recorder, body, signal } = execution;
  const pending = body.sources.filter((source) => !body.ended.some((part) => part.source === source));
  const endAll = (thrown: unknown): PartResult[] => {
    const parts = pending.map((source) => endPart(source, thrown, signal.aborted));
    for (const part of parts) finishPart(execution, part, 0);
    return parts;
  };
  if (signal.aborted) return endAll(createReasonError('cancelled', 'Cancelled before it began'));
  const onlySkips = pending.every((source) => body.overlapping.includes(source));
  let ready: Ready;
  try {
    ready = getReady(execution);
    if (!onlySkips) {
      await withWorkDir(workbench, async (workDir) => {
        const prepared = prepareRepository(workbench, ready.repository, workDir);
        recorder.addRedaction(prepared.redact);
        await checkRepository(execution, ready, prepared, workDir);
      });
    }
  } catch (error) {
    return endAll(error);
  }
  const parts: PartResult[] = [];
  for (const source of pending) {
    const startedAt = workbench.clock.monotonicMs();
    let part: PartResult;
    try {
      if (signal.aborted) throw createReasonError('cancelled', 'Cancelled before this source was begun');
      part = await runPart(execution, ready, source);
    } catch (error) {
      const app = toAppError(error);
      if (app.code === 'internal') workbench.log.error({ err: error, run: recorder.run, source }, 'a part failed unexpectedly');
      part = endPart(source, error, signal.aborted);
    }
    finishPart(execution, part, Math.max(0, Math.round(workbench.clock.monotonicMs() - startedAt)));
    parts.push(part);
  }
  return parts;
}

/** The evidence of a run: each check once, failed when it failed for any part. */
function mergeEvidence(parts: readonly PartResult[]): Evidence[] {
  if (parts.length === 1) return [...(parts[0]?.evidence ?? [])];
  const merged = new Map<Evidence['check'], Evidence>();
  for (const { evidence } of parts) {
    for (const entry of evidence) {
      const before = merged.get(entry.check);
      if (!before || (before.ok && !entry.ok)) merged.set(entry.check, entry);
    }
  }
  return [...merged.values()];
}

/**
 * Runs to the end; whatever happens is recorded, nothing is thrown. Resolves with whether the repository was reached, as far as is known:
 * one that was not is not asked again right away.
 */
export async function executeBackup(execution: BackupExecution): Promise<{ reached: boolean }> {
  const { workbench, recorder, body, signal } = execution;
  try {
    body.started = true;
    // What was cancelled while it waited, and what only stands aside for an earlier run, never began.
    const begins = !signal.aborted && !body.sources.every((source) => body.overlapping.includes(source));
    if (begins) recorder.start(() => workbench.journal.runs.revise(recorder.run, body));
    const parts = await runAll(execution);
    const states = body.ended.map((part) => part.state);
    const state = combineParts(states);
    if (begins) recorder.finalize();
    const failures = parts.filter((part) => part.failure);
    const failure =
      state === 'succeeded' ? undefined : (failures.find((part) => part.state === 'failed')?.failure ?? failures[0]?.failure);
    recorder.finish({ state, failure, evidence: mergeEvidence(parts), bytes: parts.reduce((sum, part) => sum + part.bytes, 0) });
    return { reached: !parts.some((part) => part.failure?.reason?.startsWith('repository_')) };
  } catch (error) {
    workbench.log.error({ err: error, run: recorder.run }, 'a run could not be recorded');
    recorder.finish({
      state: 'failed',
      failure: { code: 'internal', message: toAppError(error).message },
      evidence: [],
      bytes: 0,
    });
    return { reached: true };
  }
}
