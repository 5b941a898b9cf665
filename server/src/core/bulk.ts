/**
 * One act on many things at once. Each is done by the use case that does it for one, with its rights and its line in the audit; what
 * cannot be done to one says why and keeps no other from it. Asked again, what is so already stays as it is.
 */
import { setImmediate as giveWay } from 'node:timers/promises';
import {
  type AlertId,
  type FindingId,
  type HostId,
  type Id,
  type IdKind,
  idSchema,
  type PlanId,
  type RunId,
  type ScheduleId,
  type SourceId,
} from '@holdfast/shared/domain/ids.ts';
import type { Blackout } from '@holdfast/shared/domain/plan.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import type { Plan } from '../store/plans.ts';
import { acknowledgeAlert, getAlert, reopenAlert, snoozeAlert } from './alerts/alerts.ts';
import { type Caller, demand, type Permission } from './caller.ts';
import { setDrillDays } from './drills/drill-settings.ts';
import { drainHost, resumeHost } from './hosts/host-drain.ts';
import { getHost, updateHost } from './hosts/hosts.ts';
import { addPlanWindow, removePlanWindow } from './plans/plan-windows.ts';
import { getPlan, updatePlan } from './plans/plans.ts';
import { getSharedSchedule } from './plans/shared-schedules.ts';
import type { CoreContext } from './ports.ts';
import { cancelRun, getRun, type StartedRuns, startPlan } from './runs/runs.ts';
import { findNeighbourPlans, protectInPlan } from './sources/finding-plans.ts';
import { adoptFinding, getFinding, ignoreFinding, nameFinding, watchFinding } from './sources/findings.ts';
import { testSources } from './sources/source-tests.ts';
import { getSource } from './sources/sources.ts';

/** Things that one request names: twice as many as a big fleet has hosts. Each is a step of its own, so that nothing else waits for them. */
export const BULK_MOST = 10_000;

/** Names that are looked up in one step of the event loop: some milliseconds. */
const NAMES_AT_ONCE = 50;

export const BULK_RESULTS = ['done', 'unchanged', 'refused'] as const;

/** What became of one of them. */
export interface BulkOutcome {
  id: string;
  /** Its name; the id of what has none, or is gone. */
  name: string;
  result: (typeof BULK_RESULTS)[number];
  /** What was done, or why not. */
  text: string;
  /** Runs that it started. */
  runs: readonly RunId[];
}

/** What an act needs beside the things. */
export interface BulkInput {
  tag?: string | undefined;
  minutes?: number | undefined;
  /** In the zone of each plan. */
  window?: Blackout | undefined;
  /** Whose times plans take over. */
  sharedSchedule?: ScheduleId | undefined;
  /** Between two drills; 0: none by schedule. */
  days?: number | undefined;
  /** Until when alerts are put off, epoch milliseconds. */
  until?: number | undefined;
  /** The reason for leaving alone what was found. */
  why?: string | undefined;
}

type Step = Omit<BulkOutcome, 'id' | 'name' | 'runs'> & { runs?: readonly RunId[] };
type Work<K extends IdKind> = (context: CoreContext, caller: Caller, id: Id<K>, input: BulkInput) => Promise<Step>;

interface Noun<K extends IdKind> {
  kind: K;
  /** Its name, or `not_found`. */
  find(context: CoreContext, caller: Caller, id: Id<K>): Promise<string>;
}

export interface BulkAct {
  /** Carries it out on each, once, and tells of them in the order given. `forbidden` for who may do it to none. */
  carryOut(context: CoreContext, caller: Caller, ids: readonly string[], input: BulkInput): Promise<readonly BulkOutcome[]>;
  /** The names of what there is; what is gone by its id. */
  name(context: CoreContext, caller: Caller, ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** What each of its things asks for. */
  permission: Permission;
}

const done = (text: string, runs: readonly RunId[] = []): Step => ({ result: 'done', text, runs });
const unchanged = (text: string): Step => ({ result: 'unchanged', text });
const start = ({ runs }: StartedRuns): Step =>
  done(
    runs.length === 1 ? 'started' : `started ${runs.length} runs`,
    runs.map(({ id }) => id),
  );

async function takeStep(work: () => Promise<Step>): Promise<Step> {
  try {
    return await work();
  } catch (thrown) {
    const error = toAppError(thrown);
    const text = error.code === 'internal' ? 'something unexpected went wrong; try this one by itself' : error.message;
    return { result: 'refused', text };
  }
}

function checkMany(ids: readonly string[]): readonly string[] {
  const unique = [...new Set(ids)];
  if (unique.length === 0) throw new AppError('invalid', 'choose at least one', { details: { field: 'ids' } });
  if (unique.length > BULK_MOST)
    throw new AppError('limit', `at most ${BULK_MOST} can be chosen at once`, { retry: 'after_change' });
  return unique;
}

/** Done to one after the other. */
function defineAct<K extends IdKind>(noun: Noun<K>, permission: Permission, work: Work<K>): BulkAct {
  return defineActOnAll(noun, permission, async (context, caller, ids, input) => {
    const steps = new Map<string, Step>();
    for (const id of ids) {
      steps.set(id, await takeStep(() => work(context, caller, idSchema(noun.kind).parse(id) as Id<K>, input)));
      // Hosts and people are answered between two of them.
      await giveWay();
    }
    return steps;
  });
}

function defineActOnAll<K extends IdKind>(
  noun: Noun<K>,
  permission: Permission,
  work: (context: CoreContext, caller: Caller, ids: readonly string[], input: BulkInput) => Promise<ReadonlyMap<string, Step>>,
): BulkAct {
  const findName = async (context: CoreContext, caller: Caller, id: string) => {
    try {
      return await noun.find(context, caller, idSchema(noun.kind).parse(id) as Id<K>);
    } catch {
      return undefined;
    }
  };
  const nameAll = async (context: CoreContext, caller: Caller, ids: readonly string[]) => {
    const names = new Map<string, string>();
    for (const [at, id] of ids.entries()) {
      names.set(id, (await findName(context, caller, id)) ?? id);
      if (at % NAMES_AT_ONCE === NAMES_AT_ONCE - 1) await giveWay();
    }
    return names;
  };
  return {
    permission,
    async carryOut(context, caller, ids, input) {
      demand(caller, permission);
      const unique = checkMany(ids);
      const names = await nameAll(context, caller, unique);
      const steps = await work(context, caller, unique, input);
      return unique.map((id) => ({
        id,
        name: names.get(id) ?? id,
        runs: [],
        ...(steps.get(id) ?? { result: 'refused', text: `there is no such ${noun.kind}` }),
      }));
    },
    name: async (context, caller, ids) => nameAll(context, caller, checkMany(ids)),
  };
}

const HOST: Noun<'host'> = { kind: 'host', find: async (context, caller, id) => (await getHost(context, caller, id)).name };
const SOURCE: Noun<'source'> = {
  kind: 'source',
  find: async (context, caller, id) => (await getSource(context, caller, id)).name,
};
const PLAN: Noun<'plan'> = { kind: 'plan', find: async (context, caller, id) => (await getPlan(context, caller, id)).name };
const ALERT: Noun<'alert'> = {
  kind: 'alert',
  find: async (context, caller, id) => (await getAlert(context, caller, id)).title,
};
const RUN: Noun<'run'> = {
  kind: 'run',
  async find(context, caller, id) {
    const run = await getRun(context, caller, id);
    const plan = run.plan === undefined ? undefined : await context.store.plans.findPlan(caller.tenant, run.plan);
    return `${run.kind}${plan === undefined ? '' : ` of ${plan.name}`}, ${id.slice(-6)}`;
  },
};

const FINDING: Noun<'finding'> = {
  kind: 'finding',
  find: async (context, caller, id) => nameFinding((await getFinding(context, caller, id)).name),
};

/** The source is what is told of: a plan is still to be made for it. */
async function protectFinding(context: CoreContext, caller: Caller, id: FindingId): Promise<Step> {
  const source = await adoptFinding(context, caller, id);
  return done(`is the source ${source.name} now, and still needs a plan`);
}

/** Into the plan of its neighbour. */
async function protectBesides(context: CoreContext, caller: Caller, id: FindingId): Promise<Step> {
  const finding = await getFinding(context, caller, id);
  const wanted = (await findNeighbourPlans(context, caller, [finding])).get(id);
  if (wanted === undefined)
    throw new AppError('precondition', 'no plan has a neighbour of it; make it a source, and then a plan for it');
  const { source, plan } = await protectInPlan(context, caller, id, wanted.id);
  return done(`is the source ${source.name} now, in the plan ${plan.name}`);
}

async function leaveAlone(context: CoreContext, caller: Caller, id: FindingId, { why = '' }: BulkInput): Promise<Step> {
  if ((await getFinding(context, caller, id)).ignored !== undefined) return unchanged('is left alone already');
  await ignoreFinding(context, caller, id, why);
  return done('is left alone');
}

async function watchAgain(context: CoreContext, caller: Caller, id: FindingId): Promise<Step> {
  if ((await getFinding(context, caller, id)).ignored === undefined) return unchanged('is counted already');
  await watchFinding(context, caller, id);
  return done('is counted again');
}

function demandTag({ tag }: BulkInput): string {
  if (tag !== undefined && tag.trim() !== '') return tag.trim();
  throw new AppError('invalid', 'Tag: say which', { details: { field: 'tag' } });
}

async function addTag(context: CoreContext, caller: Caller, id: HostId, input: BulkInput): Promise<Step> {
  const tag = demandTag(input);
  const { tags } = await getHost(context, caller, id);
  if (tags.includes(tag)) return unchanged(`has the tag ${tag} already`);
  await updateHost(context, caller, id, { tags: [...tags, tag] });
  return done(`has the tag ${tag}`);
}

async function removeTag(context: CoreContext, caller: Caller, id: HostId, input: BulkInput): Promise<Step> {
  const tag = demandTag(input);
  const { tags } = await getHost(context, caller, id);
  if (!tags.includes(tag)) return unchanged(`does not have the tag ${tag}`);
  await updateHost(context, caller, id, { tags: tags.filter((one) => one !== tag) });
  return done(`lost the tag ${tag}`);
}

async function drain(context: CoreContext, caller: Caller, id: HostId, { minutes = 60 }: BulkInput): Promise<Step> {
  const before = await getHost(context, caller, id);
  // The same wish a moment later would only move the end.
  const end = context.clock.now() + minutes * 60_000;
  if (before.drain !== undefined && Math.abs(before.drain.until - end) < 60_000) return unchanged('is drained already');
  await drainHost(context, caller, id, minutes);
  return done('takes no new runs for a while');
}

async function resume(context: CoreContext, caller: Caller, id: HostId): Promise<Step> {
  if ((await getHost(context, caller, id)).drain === undefined) return unchanged('takes runs already');
  await resumeHost(context, caller, id);
  return done('takes runs again');
}

async function switchPlan(context: CoreContext, caller: Caller, id: PlanId, enabled: boolean): Promise<Step> {
  const plan = await getPlan(context, caller, id);
  if (plan.enabled === enabled) return unchanged(enabled ? 'is enabled already' : 'is paused already');
  await updatePlan(context, caller, id, { enabled });
  return done(enabled ? 'is enabled' : 'is paused');
}

function demandWindow({ window }: BulkInput): Blackout {
  if (window !== undefined) return window;
  throw new AppError('invalid', 'Window: say which', { details: { field: 'window' } });
}

async function addBlackout(context: CoreContext, caller: Caller, id: PlanId, input: BulkInput): Promise<Step> {
  const window = demandWindow(input);
  const isNew = await addPlanWindow(context, caller, id, window);
  return isNew ? done(`begins nothing between ${window.from} and ${window.to}`) : unchanged('has this window already');
}

async function removeBlackout(context: CoreContext, caller: Caller, id: PlanId, input: BulkInput): Promise<Step> {
  const window = demandWindow(input);
  const wasThere = await removePlanWindow(context, caller, id, window);
  return wasThere
    ? done(`begins what is due between ${window.from} and ${window.to} again`)
    : unchanged('does not have this window');
}

async function shareSchedule(context: CoreContext, caller: Caller, id: PlanId, { sharedSchedule }: BulkInput): Promise<Step> {
  if (sharedSchedule === undefined)
    throw new AppError('invalid', 'Shared schedule: say which', { details: { field: 'sharedSchedule' } });
  const shared = await getSharedSchedule(context, caller, sharedSchedule);
  if ((await getPlan(context, caller, id)).sharedSchedule === shared.id) return unchanged(`goes by “${shared.name}” already`);
  await updatePlan(context, caller, id, { sharedSchedule: shared.id });
  return done(`goes by “${shared.name}” now`);
}

/** Whether a backup of the plan has not ended yet: a second one would only wait behind it. */
async function isUnderWay(context: CoreContext, caller: Caller, plan: PlanId, source?: SourceId): Promise<boolean> {
  const filter = { plan, source, kind: 'backup', active: true } as const;
  return (await context.store.runs.listRuns(caller.tenant, filter, { limit: 1 })).rows.length > 0;
}

async function runPlan(context: CoreContext, caller: Caller, id: PlanId): Promise<Step> {
  if (await isUnderWay(context, caller, id)) return unchanged('is under way already');
  return start(await startPlan(context, caller, id));
}

async function runSource(context: CoreContext, caller: Caller, id: SourceId): Promise<Step> {
  await getSource(context, caller, id);
  const plans = (await context.store.plans.listPlansOfSources(caller.tenant, [id])).filter((plan: Plan) => plan.enabled);
  if (plans.length === 0) throw new AppError('precondition', 'it is in no plan that is switched on');
  const runs: RunId[] = [];
  for (const plan of plans) {
    if (await isUnderWay(context, caller, plan.id, id)) continue;
    runs.push(...(await startPlan(context, caller, plan.id, [id])).runs.map((run) => run.id));
  }
  return runs.length === 0 ? unchanged('is under way already') : done('started', runs);
}

async function testAll(context: CoreContext, caller: Caller, ids: readonly string[]): Promise<ReadonlyMap<string, Step>> {
  const known = ids.filter((id): id is SourceId => idSchema('source').safeParse(id).success);
  const outcomes = await testSources(context, caller, known);
  return new Map(outcomes.map(({ source, works, text }) => [source, works ? done(text) : { result: 'refused', text }]));
}

/** `days` that no schedule can have are refused by the use case for one. */
async function scheduleDrills(context: CoreContext, caller: Caller, id: SourceId, { days }: BulkInput): Promise<Step> {
  if (days === undefined) throw new AppError('invalid', 'Days: say how many', { details: { field: 'days' } });
  const isNew = await setDrillDays(context, caller, id, days === 0 ? undefined : days);
  const words = days === 0 ? 'drilled by no schedule of days' : days === 1 ? 'drilled every day' : `drilled every ${days} days`;
  return isNew ? done(`is ${words}`) : unchanged(`is ${words} already`);
}

async function cancel(context: CoreContext, caller: Caller, id: RunId): Promise<Step> {
  const run = await getRun(context, caller, id);
  if (isTerminal(run.state)) return unchanged(`has ended already: ${run.state}`);
  await cancelRun(context, caller, id);
  return done('is being cancelled');
}

/** Backs up what a run that did not end clean was about, unless its plan ran there since. */
async function retry(context: CoreContext, caller: Caller, id: RunId): Promise<Step> {
  const run = await getRun(context, caller, id);
  if (!isTerminal(run.state)) return unchanged('has not ended yet');
  if (run.kind !== 'backup' || run.plan === undefined)
    throw new AppError('precondition', 'only backups of a plan are run again from here');
  if (run.state === 'succeeded') return unchanged('ended clean');
  const [newest] = (
    await context.store.runs.listRuns(caller.tenant, { plan: run.plan, host: run.host, kind: 'backup' }, { limit: 1 })
  ).rows;
  if (newest !== undefined && newest.id !== run.id) return unchanged('its plan ran there again since');
  const parts = await context.store.runs.listParts(caller.tenant, id);
  return start(
    await startPlan(
      context,
      caller,
      run.plan,
      parts.map((part) => part.source),
    ),
  );
}

async function acknowledge(context: CoreContext, caller: Caller, id: AlertId): Promise<Step> {
  const { state, acknowledgedAt, acknowledgedBy } = await getAlert(context, caller, id);
  if (acknowledgedAt !== undefined && state !== 'resolved')
    return unchanged(`${acknowledgedBy ?? 'somebody'} sees to it already`);
  await acknowledgeAlert(context, caller, id);
  return done('you see to it');
}

/** An instant that none can be put off until is refused by the use case for one. */
async function snooze(context: CoreContext, caller: Caller, id: AlertId, { until }: BulkInput): Promise<Step> {
  if (until === undefined) throw new AppError('invalid', 'Until: say when', { details: { field: 'until' } });
  const { state, snoozedUntil } = await getAlert(context, caller, id);
  // The same wish a moment later would only move the end.
  if (state === 'snoozed' && Math.abs((snoozedUntil ?? 0) - until) < 60_000) return unchanged('is put off until then already');
  await snoozeAlert(context, caller, id, until);
  return done(`asks for nobody until ${new Date(until).toISOString().slice(0, 16)}Z`);
}

async function reopen(context: CoreContext, caller: Caller, id: AlertId): Promise<Step> {
  if ((await getAlert(context, caller, id)).state === 'open') return unchanged('is open already');
  await reopenAlert(context, caller, id);
  return done('is open again');
}

/** Every act, by the things it is done to. */
export const BULK_ACTS = {
  hosts: {
    drain: defineAct(HOST, 'host.manage', drain),
    resume: defineAct(HOST, 'host.manage', resume),
    tag: defineAct(HOST, 'host.manage', addTag),
    untag: defineAct(HOST, 'host.manage', removeTag),
  },
  sources: {
    run: defineAct(SOURCE, 'run.start', runSource),
    test: defineActOnAll(SOURCE, 'source.manage', testAll),
    schedule_drills: defineAct(SOURCE, 'source.manage', scheduleDrills),
  },
  plans: {
    enable: defineAct(PLAN, 'plan.manage', (context, caller, id) => switchPlan(context, caller, id, true)),
    pause: defineAct(PLAN, 'plan.manage', (context, caller, id) => switchPlan(context, caller, id, false)),
    run: defineAct(PLAN, 'run.start', runPlan),
    add_blackout: defineAct(PLAN, 'plan.manage', addBlackout),
    remove_blackout: defineAct(PLAN, 'plan.manage', removeBlackout),
    share_schedule: defineAct(PLAN, 'plan.manage', shareSchedule),
  },
  alerts: {
    acknowledge: defineAct(ALERT, 'alert.handle', acknowledge),
    snooze: defineAct(ALERT, 'alert.handle', snooze),
    reopen: defineAct(ALERT, 'alert.handle', reopen),
  },
  findings: {
    protect: defineAct(FINDING, 'source.manage', protectFinding),
    add_to_plans: defineAct(FINDING, 'plan.manage', protectBesides),
    ignore: defineAct(FINDING, 'plan.manage', leaveAlone),
    watch: defineAct(FINDING, 'plan.manage', watchAgain),
  },
  runs: { cancel: defineAct(RUN, 'run.start', cancel), retry: defineAct(RUN, 'run.start', retry) },
} as const satisfies Readonly<Record<string, Readonly<Record<string, BulkAct>>>>;

export type BulkNoun = keyof typeof BULK_ACTS;
