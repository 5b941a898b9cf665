/** End-points about plans: kept, run now, asked when they are due. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema, planOptionsChangeSchema } from '@holdfast/shared/domain/plan.ts';
import { type Schedule, scheduleSchema } from '@holdfast/shared/domain/schedule.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { createFieldsError } from '../../core/adapters/adapter-input.ts';
import { type Caller, demand } from '../../core/caller.ts';
import { createPlan, deletePlan, getPlan, updatePlan } from '../../core/plans/plans.ts';
import type { CoreContext } from '../../core/ports.ts';
import { startForget } from '../../core/retention/forget.ts';
import { startPlan } from '../../core/runs/runs.ts';
import type { Plan } from '../../store/plans.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { describeCatalogKind } from './catalog-endpoints.ts';
import type { FireCalendar } from './fire-calendar.ts';
import { createPlanListEndpoint } from './plan-list.ts';
import { runShape, toRunShape } from './runs.ts';
import { createScheduleGate } from './schedule-gate.ts';
import { planShape, toPlanShape } from './shapes/plan-shape.ts';
import { idParams, instantSchema, listOf, nameShape } from './shapes/shapes.ts';

const FIRES = 10;
const FIRES_MAX = 100;
/** Beginnings of all hosts together; a plan of many hosts tells fewer of each, but at least one. */
const BEGINS_MAX = 1000;

const hostBeginsShape = nameShape(
  'HostBegins',
  z.strictObject({
    host: idSchema('host'),
    spreadSeconds: z.int().min(0).meta({ description: 'This host’s part of the spread: so long after a fire it begins' }),
    begins: listOf(
      z.strictObject({
        dueAt: instantSchema.meta({ description: 'When it begins: the fire, the spread, then out of blackout windows' }),
        fireAt: instantSchema.meta({ description: 'The fire that names the run, the newest of those due together' }),
        standsFor: z.int().min(0).meta({ description: 'Older fires due at the same instant, which the one run stands for' }),
      }),
    ),
    missed: listOf(z.strictObject({ fireAt: instantSchema })).meta({
      description: 'Fires in between that blackout windows keep back for longer than the grace',
    }),
  }),
);

const nextFiresShape = nameShape(
  'NextFires',
  z.strictObject({
    schedule: z.strictObject({ cron: z.string(), zone: z.string() }).optional(),
    words: z.string().optional().meta({ description: 'The schedule in plain words' }),
    fires: listOf(z.strictObject({ fireAt: instantSchema })),
    clockChanges: listOf(z.strictObject({ fireAt: instantSchema, text: z.string() })).meta({
      description: 'What changes of the zone’s clocks do to these fires',
    }),
    warning: z
      .string()
      .optional()
      .meta({ description: 'What a person would not expect of it: months that it names and in which there is no such day' }),
    hosts: listOf(hostBeginsShape)
      .optional()
      .meta({ description: 'What each host of a saved plan begins next, spread and blackout windows included' }),
  }),
);

const sourcesInput = z.array(idSchema('source')).min(1).max(RUNS.partsPerRun);

function toNextFires(calendar: FireCalendar, schedule: Schedule, from: number, count: number): z.infer<typeof nextFiresShape> {
  const fires = calendar.listNextFires(schedule, from, count);
  const through = fires.at(-1) ?? from;
  const warning = calendar.describeMissingDates(schedule);
  return {
    schedule,
    words: calendar.describeCron(schedule),
    fires: fires.map((fireAt) => ({ fireAt })),
    clockChanges: calendar.listClockChanges(schedule, from, through).map(({ at, text }) => ({ fireAt: at, text })),
    ...(warning === undefined ? {} : { warning }),
  };
}

async function listHostBegins(
  context: CoreContext,
  caller: Caller,
  calendar: FireCalendar,
  { plan, schedule, from, count }: { plan: Plan; schedule: Schedule; from: number; count: number },
): Promise<z.infer<typeof hostBeginsShape>[]> {
  const hosts = await context.store.plans.listHostsOfPlan(caller.tenant, plan.id);
  const each = Math.min(count, Math.max(1, Math.floor(BEGINS_MAX / Math.max(hosts.length, 1))));
  return hosts.map((host) => {
    const { spreadMs, begins, missed } = calendar.listNextBegins({ ...plan, schedule }, host, from, each);
    return { host, spreadSeconds: spreadMs / 1000, begins, missed: missed.map((fireAt) => ({ fireAt })) };
  });
}

const plans = describeCatalogKind('plan', 'plans', 'configure', planShape, toPlanShape);

const getEndpoint = plans.get('One plan.', getPlan);
const deleteEndpoint = plans.delete('Ends a plan; its runs and snapshots stay.', deletePlan);

const runEndpoint = defineEndpoint({
  method: 'post',
  path: '/plans/:id/run',
  scope: 'operate',
  summary: 'Runs a plan now: one run for each host that has sources of it.',
  tag: 'plans',
  params: idParams('plan'),
  body: z.strictObject({ sources: sourcesInput.optional().meta({ description: 'Only these sources of the plan' }) }),
  reply: nameShape('StartedRuns', z.strictObject({ runs: listOf(runShape) })),
  status: 202,
  async handle(context, caller, { params, body }) {
    const { runs } = await startPlan(context, caller, params.id, body.sources);
    return { data: { runs: runs.map(toRunShape) } };
  },
});

const forgetEndpoint = defineEndpoint({
  method: 'post',
  path: '/plans/:id/forget',
  scope: 'configure',
  summary:
    'Removes what the plan’s retention does not keep, now: one run for each host that has sources of it, or one on the host that maintains the repository where that has an admin credential.',
  tag: 'plans',
  params: idParams('plan'),
  body: z.strictObject({
    isApproved: z
      .boolean()
      .default(false)
      .meta({ description: 'More than half of the backups of a source may go in one step; never lifts a guard' }),
    repository: idSchema('repository')
      .optional()
      .meta({ description: 'The second repository of the plan, for its copies; left out: its own' }),
  }),
  reply: nameShape('StartedForgetRuns', z.strictObject({ runs: listOf(runShape) })),
  status: 202,
  async handle(context, caller, { params, body }) {
    const { runs } = await startForget(context, caller, params.id, body);
    return { data: { runs: runs.map(toRunShape) } };
  },
});

function createWriting(calendar: FireCalendar): readonly ApiEndpoint[] {
  const admit = createScheduleGate(calendar);
  return [
    plans.create(
      'Adds a plan: which sources go to which repository, and when.',
      z.strictObject({
        name: nameSchema,
        repository: idSchema('repository'),
        sources: sourcesInput,
        schedule: scheduleSchema.optional(),
        sharedSchedule: idSchema('schedule').optional().meta({ description: 'In place of a schedule of its own' }),
        enabled: z.boolean().default(true),
        options: planOptionsChangeSchema.default({}),
        retentionPolicy: idSchema('policy').optional().meta({ description: 'Left out: everything is kept' }),
        copyRepository: idSchema('repository').optional().meta({ description: 'Each clean backup is copied there too' }),
        copyPolicy: idSchema('policy').optional().meta({ description: 'Left out: copies are kept for ever' }),
      }),
      async (context, caller, input) => {
        admit(context, caller, input.schedule);
        return await createPlan(context, caller, input);
      },
    ),
    plans.update(
      'Changes a plan; a schedule is its own from then on, one of `null` leaves it to be run by hand, a shared schedule of `null` makes what that says its own, a retention policy of `null` keeps everything.',
      z.strictObject({
        name: nameSchema.optional(),
        repository: idSchema('repository').optional(),
        sources: sourcesInput.optional(),
        schedule: scheduleSchema.nullable().optional(),
        sharedSchedule: idSchema('schedule').nullable().optional(),
        enabled: z.boolean().optional(),
        options: planOptionsChangeSchema.optional(),
        retentionPolicy: idSchema('policy').nullable().optional(),
        copyRepository: idSchema('repository').nullable().optional(),
        copyPolicy: idSchema('policy').nullable().optional(),
      }),
      async (context, caller, id, change, expectedVersion) => {
        admit(context, caller, change.schedule);
        return await updatePlan(context, caller, id, change, expectedVersion);
      },
    ),
  ];
}

function createForecasts(calendar: FireCalendar): readonly ApiEndpoint[] {
  const from = instantSchema.optional().meta({ description: 'Only fires after this instant; now when left out' });
  return [
    defineEndpoint({
      method: 'post',
      path: '/plans/next-fires',
      scope: 'read',
      summary: 'When a schedule that is not saved would be due.',
      tag: 'plans',
      body: scheduleSchema.extend({ count: z.int().min(1).max(FIRES_MAX).default(FIRES), from }),
      reply: nextFiresShape,
      async handle(context, caller, { body }) {
        demand(caller, 'view');
        const { cron, zone, count } = body;
        const start = body.from ?? context.clock.now();
        const check = calendar.checkCron(cron, zone, start);
        if (!check.ok) throw createFieldsError({ [check.field]: check.message });
        return { data: toNextFires(calendar, { cron, zone }, start, count) };
      },
    }),
    defineEndpoint({
      method: 'get',
      path: '/plans/:id/next-fires',
      scope: 'read',
      summary: 'When a plan is due next; empty for one that is disabled or runs only by hand.',
      tag: 'plans',
      params: idParams('plan'),
      query: z.strictObject({
        count: z.coerce.number().int().min(1).max(FIRES_MAX).default(FIRES),
        from: z.coerce.number().int().min(0).optional().meta({ description: 'Only fires after this instant; now when left out' }),
      }),
      reply: nextFiresShape,
      async handle(context, caller, { params, query }) {
        const plan = await getPlan(context, caller, params.id);
        const { schedule, enabled } = plan;
        if (!schedule || !enabled) return { data: { schedule, fires: [], clockChanges: [] } };
        const from = query.from ?? context.clock.now();
        const hosts = await listHostBegins(context, caller, calendar, { plan, schedule, from, count: query.count });
        return { data: { ...toNextFires(calendar, schedule, from, query.count), hosts } };
      },
    }),
  ];
}

/** The end-points of plans, given what knows the calendar. */
export function createPlanEndpoints(calendar: FireCalendar): readonly ApiEndpoint[] {
  return [
    createPlanListEndpoint(calendar),
    ...createForecasts(calendar),
    ...createWriting(calendar),
    getEndpoint,
    deleteEndpoint,
    runEndpoint,
    forgetEndpoint,
  ];
}
