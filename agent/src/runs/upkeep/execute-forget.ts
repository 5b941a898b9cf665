/**
 * Executes a forget run: what the plan's retention does not keep is removed by name. The decision is made as the run begins, by what
 * the ledger knows then; a newest run that is not clean, or a size nobody would expect, leaves everything where it is.
 */
import type { PlanId, RepositoryId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecPlan, SpecRepository } from '@holdfast/shared/domain/plan.ts';
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import { describeFreeze } from '@holdfast/shared/domain/retention-words.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { ResticEngine } from '../../engines/restic/engine.ts';
import { listNextFires } from '../../scheduler/next-fire.ts';
import { endPart, type PartResult, summariseParts, toFailure } from '../attempts/part.ts';
import { type PreparedRepository, prepareRepository, prepareRepositoryDraft, withWorkDir } from '../inputs.ts';
import { type JournaledForget, journaledBackupSchema, journaledCopySchema } from '../journaled-run.ts';
import { openLimitedExec } from '../limited-exec.ts';
import type { Recorder, RunEnd } from '../log/recorder.ts';
import { openRepository } from '../open-repository.ts';
import { toOrderedRef } from '../secrets/maintenance-secrets.ts';
import type { Workbench } from '../workbench.ts';
import { coverCopies, describeOutcome, planPlanRetention, type SourceRetention } from './retention.ts';
import { type OnLockLook, type TryEnd, toRemovalFailure, tryUpkeep, type UpkeepTry } from './upkeep-try.ts';

/** Fewer tries than usual: the next backup begins a removal again. */
const LOCKED_TRIES = 5;
/** Runs that are looked at for the newest one that was not skipped. */
const LOOKED_BACK = 50;

export interface ForgetExecution extends UpkeepTry<JournaledForget> {
  spec: Spec | undefined;
}

/** Whether the newest backup run of the plan that was not skipped ended clean; true when none is known any more. */
function isNewestRunClean({ journal }: Workbench, plan: PlanId): boolean {
  for (const run of journal.runs.listClosed(plan, 'backup', LOOKED_BACK)) {
    const body = journaledBackupSchema.safeParse(run.body);
    const state = body.success ? summariseParts(body.data.ended).state : 'failed';
    if (state !== 'skipped') return state === 'succeeded';
  }
  return true;
}

/** Whether the newest copy of the plan into this repository that was not skipped went well; true when none is known any more. */
function isNewestCopyClean({ journal }: Workbench, plan: PlanId, repository: RepositoryId): boolean {
  for (const run of journal.runs.listClosed(plan, 'copy', LOOKED_BACK)) {
    const body = journaledCopySchema.safeParse(run.body);
    if (!body.success || body.data.repository !== repository) continue;
    const { state } = body.data;
    if (state !== undefined && state !== 'skipped') return state === 'succeeded';
  }
  return true;
}

/** How long a plan keeps what lies in one of its repositories; undefined: for ever, or it has nothing to do with that repository. */
export function findRetention(plan: SpecPlan, repository: RepositoryId): SpecPlan['retention'] {
  if (repository === plan.repositoryId) return plan.retention;
  return repository === plan.copy?.repositoryId ? plan.copy.retention : undefined;
}

/** What the plan's retention says now of a repository, of each of its sources that has snapshots there. */
export function lookAtRetention(
  workbench: Workbench,
  plan: SpecPlan,
  repository = plan.repositoryId,
): readonly SourceRetention[] {
  const retention = findRetention(plan, repository);
  if (retention === undefined) return [];
  const { journal, clock } = workbench;
  const all = journal.snapshots.listByPlan(plan.id);
  const made = all.filter((snapshot) => snapshot.repository === repository);
  const look = {
    now: clock.now(),
    isNewestRunClean: isNewestRunClean(workbench, plan.id),
    ...(repository === plan.repositoryId ? {} : { isNewestCopyClean: isNewestCopyClean(workbench, plan.id, repository) }),
    listFires: listNextFires,
  };
  return planPlanRetention(made, { ...plan, retention, pinned: coverCopies(plan.pinned, all) }, look);
}

interface Ready {
  engine: ResticEngine;
  plan: SpecPlan;
  repository: SpecRepository;
  spec: Spec;
}

function getReady({ workbench, recorder, body, spec }: ForgetExecution): Ready {
  const plan = spec?.plans.find((candidate) => candidate.id === body.plan);
  const repository = spec?.repositories.find((candidate) => candidate.id === body.repository);
  const isOfPlan = plan?.repositoryId === body.repository || plan?.copy?.repositoryId === body.repository;
  if (!spec || !plan || !repository || !isOfPlan)
    throw new AppError('not_found', 'this host does not have the plan with that repository any more');
  return { engine: workbench.engine(openLimitedExec(workbench, recorder, plan.options.limits)), plan, repository, spec };
}

/** Through the admin credential where the order brought one. */
function prepare(
  { workbench, recorder, body }: ForgetExecution,
  repository: SpecRepository,
  workDir: string,
): PreparedRepository {
  if (!body.admin) return prepareRepository(workbench, repository, workDir);
  const prepared = prepareRepositoryDraft(workbench, body.admin.draft, toOrderedRef(recorder.run), workDir);
  return { ...prepared, pinnedId: repository.pinnedId };
}

const toPart = (source: SourceId, state: PartResult['state'], failure?: PartResult['failure']): PartResult => ({
  source,
  state,
  warnings: [],
  bytes: 0,
  evidence: [],
  ...(failure ? { failure } : {}),
});

/** Ends the part of a source of which nothing is removed. */
function endIdle(
  { recorder, body }: ForgetExecution,
  source: SourceId,
  found: SourceRetention | undefined,
): PartResult | undefined {
  const refuse = (reason: 'retention_frozen' | 'retention_asks', message: string) => {
    recorder.log('warn', message);
    return endPart(source, createReasonError(reason, message));
  };
  if (found?.plan.frozen !== undefined)
    return { ...refuse('retention_frozen', `nothing is removed: ${describeFreeze(found.plan.frozen)}`), state: 'skipped' };
  if (found === undefined || found.removals.length === 0) {
    recorder.log('info', 'nothing to remove');
    return toPart(source, 'succeeded');
  }
  if (!found.plan.needsPerson || body.isApproved) return undefined;
  const message = `${found.plan.removed} of ${found.plan.decisions.length} backups would go in one step, which waits for a person to agree on the page of the plan`;
  return { ...refuse('retention_asks', message), state: 'skipped' };
}

interface Removing {
  execution: ForgetExecution;
  ready: Ready;
  onLockLook: OnLockLook;
}

async function removeOf({ execution, ready, onLockLook }: Removing, found: SourceRetention): Promise<PartResult> {
  const { workbench, recorder, body, signal } = execution;
  const { source, removals } = found;
  const { snapshots } = workbench.journal;
  const repository: RepositoryId = body.repository;
  const whys = new Map(removals.map(({ engineId, why }) => [engineId, why]));
  recorder.log('info', describeOutcome(found));
  for (const { engineId, why } of removals) recorder.log('info', `removes ${engineId.slice(0, 8)}: ${why}`);
  recorder.beginStage('forget', source);
  snapshots.markLeaving(repository, [...whys.keys()], recorder.run);
  const { gone, failure } = await withWorkDir(workbench, async (workDir) => {
    const prepared = prepare(execution, ready.repository, workDir);
    const tags = [`host:${ready.spec.host}`, `plan:${body.plan}`, `source:${source}`];
    const { access, pinnedId } = prepared;
    const onLog: Recorder['log'] = (level, text) => recorder.log(level, text);
    return ready.engine.forget({ access, pinnedId, workDir, engineIds: [...whys.keys()], tags, signal, onLog, onLockLook });
  });
  for (let from = 0; from < gone.length; from += RUNS.removedPerEvent) {
    const some = gone.slice(from, from + RUNS.removedPerEvent);
    const told = some.map((engineId) => ({ engineId, why: whys.get(engineId) ?? '' }));
    recorder.removed(source, told, () => {
      for (const engineId of some) snapshots.setState(repository, engineId, 'removed');
    });
  }
  snapshots.markLeaving(
    repository,
    [...whys.keys()].filter((engineId) => !gone.includes(engineId)),
    undefined,
  );
  recorder.endStage('forget', failure === undefined, source);
  if (failure) {
    const { reason, message } = toRemovalFailure(failure, body.admin !== undefined);
    throw createReasonError(reason, message);
  }
  recorder.log(
    'info',
    `removed from the repository: ${gone.length} of ${removals.length}; their space comes back when it is pruned`,
  );
  return toPart(source, 'succeeded');
}

function finishPart({ workbench, recorder, body }: ForgetExecution, part: PartResult): void {
  const { source, state, failure } = part;
  body.ended = [...body.ended, { source, state, ...(failure ? { failure } : {}) }];
  if (failure && state !== 'skipped') recorder.log('error', failure.message);
  recorder.finishPart({ source, state, warnings: [], bytes: 0, durationMs: 0, ...(failure ? { failure } : {}) }, () =>
    workbench.journal.runs.revise(recorder.run, body),
  );
}

/** The credential of this run may only add: what would go stays, and that is no fault of the run. */
function leaveAll(execution: ForgetExecution, message: string): void {
  const failure = toFailure(createReasonError('removal_refused', message));
  execution.recorder.log('warn', message);
  for (const source of listOpen(execution.body)) finishPart(execution, { ...toPart(source, 'skipped'), failure });
}

const listOpen = (body: JournaledForget): SourceId[] =>
  body.sources.filter((source) => !body.ended.some((part) => part.source === source));

function endAll({ ended }: JournaledForget): RunEnd {
  const { state, failure } = summariseParts(ended);
  return { state, failure, evidence: [], bytes: 0 };
}

async function removeAll(execution: ForgetExecution, onLockLook: OnLockLook): Promise<void> {
  const { workbench, recorder, body, signal } = execution;
  const ready = getReady(execution);
  const found = new Map(lookAtRetention(workbench, ready.plan, body.repository).map((each) => [each.source, each]));
  for (const source of listOpen(body)) {
    const idle = endIdle(execution, source, found.get(source));
    if (idle) finishPart(execution, idle);
  }
  // As the repository's settings say; where they do not know, the repository itself refuses.
  if (listOpen(body).length > 0 && body.admin === undefined && ready.repository.addsOnly === true)
    leaveAll(execution, 'The credential of this host may only add');
  if (listOpen(body).length > 0) {
    await withWorkDir(workbench, async (workDir) => {
      const { engine, repository } = ready;
      const prepared = prepare(execution, repository, workDir);
      recorder.addRedaction(prepared.redact);
      await openRepository({ engine, recorder, prepared, repository, workDir, signal });
    });
  }
  for (const source of listOpen(body)) {
    const each = found.get(source);
    if (each) finishPart(execution, await removeOf({ execution, ready, onLockLook }, each));
  }
}

/** A removal by retention, to its end or to the next try. */
export async function executeForget(execution: ForgetExecution): Promise<TryEnd> {
  const { recorder, body, signal } = execution;
  return tryUpkeep(execution, {
    isAdmin: body.admin !== undefined,
    lockedTries: LOCKED_TRIES,
    async work(onLockLook) {
      await removeAll(execution, onLockLook);
      return endAll(body);
    },
    fail(error) {
      if (body.admin === undefined && findReason(error) === 'removal_refused') leaveAll(execution, error.message);
      for (const source of listOpen(body)) finishPart(execution, endPart(source, error, signal));
      recorder.finalize();
      return endAll(body);
    },
  });
}
