/** Runs: started by hand, watched, cancelled, read. */
import type { HostId, PlanId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { RunOrder } from '@holdfast/shared/domain/list-orders.ts';
import { isTerminal, type LogLine } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { LogFilter } from '../../store/logs.ts';
import type { NamedSnapshot } from '../../store/orders.ts';
import type { FoundPage, SortedPage } from '../../store/page.ts';
import type { Plan } from '../../store/plans.ts';
import type { Run, RunAttempt, RunFilter, RunPart, RunStage } from '../../store/runs.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import type { Source } from '../../store/sources.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { readWholeList } from '../whole-list.ts';
import { announceRun, createOrder, createOrderedRun, orderTerms, placeCancellation, placeRun } from './run-orders.ts';

/** The act of asking for a run's end. */
const CANCELLED = 'run.cancelled';

export interface StartedRuns {
  /** One run for each host that has sources of the plan. */
  runs: readonly Run[];
}

function groupByHost(sources: readonly Source[]): Map<HostId, Source[]> {
  const groups = new Map<HostId, Source[]>();
  for (const source of sources) groups.set(source.host, [...(groups.get(source.host) ?? []), source]);
  return groups;
}

async function startOnHost(
  context: CoreContext,
  caller: Caller,
  plan: Plan,
  host: HostId,
  sources: readonly Source[],
): Promise<Run> {
  const run = createOrderedRun(context, caller, { kind: 'backup', host, plan: plan.id, repository: plan.repository });
  const sourceIds = sources.map((source) => source.id);
  const order = createOrder(context, caller.tenant, host, 'run.start', {
    run: run.id,
    plan: plan.id,
    sources: sourceIds,
    ...orderTerms(context, caller),
  });
  await placeRun(context, caller, run, sourceIds, order);
  return run;
}

/**
 * Runs a plan now, on each host that has sources of it; `only` narrows it to some sources. Throws `not_found`, and `precondition` where no
 * enabled source is left.
 */
export async function startPlan(
  context: CoreContext,
  caller: Caller,
  id: PlanId,
  only?: readonly SourceId[],
): Promise<StartedRuns> {
  demand(caller, 'run.start');
  const plan = await context.store.plans.findPlan(caller.tenant, id);
  if (!plan) throw new AppError('not_found', 'there is no such plan');
  const wanted = only === undefined ? plan.sources : plan.sources.filter((source) => only.includes(source));
  const sources = (await context.store.sources.findSources(caller.tenant, wanted)).filter((source) => source.enabled);
  if (sources.length === 0) throw new AppError('precondition', 'the plan has no enabled source to back up');
  const runs: Run[] = [];
  for (const [host, group] of groupByHost(sources)) runs.push(await startOnHost(context, caller, plan, host, group));
  await recordAct(context, caller, {
    action: 'plan.run_started',
    target: { kind: 'plan', id: plan.id, name: plan.name },
    change: { runs: runs.map((run) => run.id) },
  });
  return { runs };
}

export async function getRun(context: CoreContext, caller: Caller, id: RunId): Promise<Run> {
  demand(caller, 'view');
  const run = await context.store.runs.findRun(caller.tenant, id);
  if (!run) throw new AppError('not_found', 'there is no such run');
  return run;
}

export interface RunDetail {
  run: Run;
  parts: readonly RunPart[];
  stages: readonly RunStage[];
  /** Failed attempts before the last one. */
  attempts: readonly RunAttempt[];
  snapshots: readonly Snapshot[];
  /** Snapshots that its order names, newest first. */
  named: readonly NamedSnapshot[];
  /** Who asked for its end, where somebody did. */
  cancelledBy?: string | undefined;
}

/** The audit knows it; whoever may see a run may see this much of it. */
async function findWhoCancelled(context: CoreContext, caller: Caller, id: RunId): Promise<string | undefined> {
  const found = await context.store.trail.listAudit(caller.tenant, { action: CANCELLED, target: id }, { limit: 1 });
  return found.rows[0]?.actor.name;
}

/** All of one run, however many parts it has: a page holds fewer. */
export async function getRunDetail(context: CoreContext, caller: Caller, id: RunId): Promise<RunDetail> {
  const run = await getRun(context, caller, id);
  const { runs, orders, snapshots } = context.store;
  const mayBeCancelled = run.state === 'cancelled' || !isTerminal(run.state);
  const [parts, stages, attempts, data, globals, named, cancelledBy] = await Promise.all([
    runs.listParts(caller.tenant, id),
    runs.listStages(caller.tenant, id),
    runs.listAttempts(caller.tenant, id),
    readWholeList((page) => snapshots.listSnapshots(caller.tenant, { run: id }, page)),
    readWholeList((page) => snapshots.listSnapshots(caller.tenant, { run: id, role: 'globals' }, page)),
    orders.listNamedSnapshots(caller.tenant, id),
    mayBeCancelled ? findWhoCancelled(context, caller, id) : undefined,
  ]);
  return {
    run,
    parts,
    stages,
    attempts,
    snapshots: [...data, ...globals],
    named,
    ...(cancelledBy === undefined ? {} : { cancelledBy }),
  };
}

export async function listRuns(
  context: CoreContext,
  caller: Caller,
  filter: RunFilter,
  page: SortedPage<RunOrder>,
): Promise<FoundPage<Run>> {
  demand(caller, 'view');
  return context.store.runs.listRuns(caller.tenant, filter, page);
}

export async function readRunLog(
  context: CoreContext,
  caller: Caller,
  id: RunId,
  filter: LogFilter,
): Promise<readonly LogLine[]> {
  await getRun(context, caller, id);
  return context.store.logs.readLog(caller.tenant, id, filter);
}

/** Asks for the end of a run. Idempotent while it runs; `conflict` when it has ended. */
export async function cancelRun(context: CoreContext, caller: Caller, id: RunId): Promise<Run> {
  demand(caller, 'run.start');
  const run = await getRun(context, caller, id);
  if (isTerminal(run.state)) throw new AppError('conflict', `this run has ended already: ${run.state}`);
  await placeCancellation(context, caller, run);
  await recordAct(context, caller, { action: CANCELLED, target: { kind: 'run', id, name: id } });
  announceRun(context, run);
  return getRun(context, caller, id);
}
