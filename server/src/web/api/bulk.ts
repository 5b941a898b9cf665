/** End-points that do one thing to many: hosts, sources, plans, runs, alerts. Those of snapshots stand with their orders. */

import { setImmediate as giveWay } from 'node:timers/promises';
import { drainMinutesSchema } from '@holdfast/shared/domain/drain.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { blackoutSchema, tagSchema } from '@holdfast/shared/domain/plan.ts';
import { COVERAGE, HTTP } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { Scope } from '../../core/accounts/scopes.ts';
import { BULK_ACTS, BULK_MOST, BULK_RESULTS, type BulkAct, type BulkInput, type BulkNoun } from '../../core/bulk.ts';
import type { Caller } from '../../core/caller.ts';
import { DRILL_DAYS_MAX } from '../../core/drills/drill-settings.ts';
import { listPlans } from '../../core/plans/plans.ts';
import type { CoreContext } from '../../core/ports.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { instantSchema, listOf, nameShape } from './shapes/shapes.ts';

const outcomeShape = nameShape(
  'BulkOutcome',
  z.strictObject({
    id: z.string(),
    name: z.string().meta({ description: 'Its name; the id of what is gone' }),
    result: z
      .enum(BULK_RESULTS)
      .meta({ description: '`unchanged`: it was so already, and nothing was done; `refused`: `text` says why' }),
    text: z.string(),
    runs: listOf(idSchema('run')).meta({ description: 'Runs that it started' }),
  }),
);
const outcomesShape = nameShape('BulkOutcomes', z.strictObject({ outcomes: listOf(outcomeShape) }));

type Kind = 'host' | 'source' | 'plan' | 'run' | 'alert' | 'finding';

const chosen = (kind: Kind) => z.array(idSchema(kind)).min(1).max(BULK_MOST);

async function carryOut(
  context: CoreContext,
  caller: Caller,
  act: BulkAct,
  ids: readonly string[],
  input: BulkInput = {},
): Promise<{ data: z.infer<typeof outcomesShape> }> {
  return { data: { outcomes: await act.carryOut(context, caller, ids, input) } };
}

function describe(noun: BulkNoun, scope: Scope, summary: string) {
  return { method: 'post', path: `/${noun}/acts`, scope, summary, tag: noun, reply: outcomesShape } as const;
}

const hostsEndpoint = defineEndpoint({
  ...describe(
    'hosts',
    'admin',
    'Does one thing to many hosts: each is told apart, what cannot be done to one keeps no other from it, and what is so already stays.',
  ),
  body: z.strictObject({
    act: z.enum(['drain', 'resume', 'tag', 'untag']),
    ids: chosen('host'),
    minutes: drainMinutesSchema.optional().meta({ description: 'Of a drain, from now' }),
    tag: tagSchema.optional().meta({ description: 'Of tag and untag' }),
  }),
  handle: (context, caller, { body }) =>
    carryOut(context, caller, BULK_ACTS.hosts[body.act], body.ids, { tag: body.tag, minutes: body.minutes }),
});

const sourcesEndpoint = defineEndpoint({
  ...describe(
    'sources',
    'operate',
    'Backs up many sources now, each by the plans it is in; one that is under way already stays as it is.',
  ),
  body: z.strictObject({ act: z.literal('run'), ids: chosen('source') }),
  handle: (context, caller, { body }) => carryOut(context, caller, BULK_ACTS.sources[body.act], body.ids),
});

const testsEndpoint = defineEndpoint({
  ...describe(
    'sources',
    'configure',
    'Tests many sources, each from its own host, within a minute: `done` works, and `refused` says in the words of the tool why not, or why it was not asked.',
  ),
  path: '/sources/tests',
  body: z.strictObject({ ids: chosen('source') }),
  handle: (context, caller, { body }) => carryOut(context, caller, BULK_ACTS.sources.test, body.ids),
});

const drillSchedulesEndpoint = defineEndpoint({
  ...describe(
    'sources',
    'configure',
    'Says of many sources how often a drill is due; what is asked at it and where it takes place stays. What is so already stays as it is.',
  ),
  path: '/sources/drill-schedules',
  body: z.strictObject({
    ids: chosen('source'),
    everyDays: z.int().min(0).max(DRILL_DAYS_MAX).meta({ description: '0: by no schedule of days any more' }),
  }),
  handle: (context, caller, { body }) =>
    carryOut(context, caller, BULK_ACTS.sources.schedule_drills, body.ids, { days: body.everyDays }),
});

/** The plans of a tag, one more than may be chosen where there are more. */
async function listTagged(context: CoreContext, caller: Caller, tag: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await listPlans(context, caller, { tag }, { limit: HTTP.pageSizeMax, after });
    ids.push(...page.rows.map(({ id }) => id));
    if (page.next === undefined || ids.length > BULK_MOST) return ids;
    after = page.next;
    await giveWay();
  }
}

const plansEndpoint = defineEndpoint({
  ...describe(
    'plans',
    'configure',
    'Pauses or enables many plans, adds one blackout window to them or takes it away, or moves them to one shared schedule; what is so already stays as it is.',
  ),
  body: z
    .strictObject({
      act: z.enum(['enable', 'pause', 'add_blackout', 'remove_blackout', 'share_schedule']),
      ids: chosen('plan').optional(),
      tag: tagSchema.optional().meta({ description: 'In place of ids: the plans with a source on a host that has this tag' }),
      window: blackoutSchema.optional().meta({ description: 'Of add_blackout and remove_blackout, in the zone of each plan' }),
      sharedSchedule: idSchema('schedule').optional().meta({ description: 'Of share_schedule' }),
    })
    .refine(({ ids, tag }) => (ids === undefined) !== (tag === undefined), { path: ['ids'], error: 'name ids, or a tag' })
    .refine(({ act, window }) => act.endsWith('_blackout') === (window !== undefined), {
      path: ['window'],
      error: 'belongs to add_blackout and remove_blackout, and is needed there',
    })
    .refine(({ act, sharedSchedule }) => (act === 'share_schedule') === (sharedSchedule !== undefined), {
      path: ['sharedSchedule'],
      error: 'belongs to share_schedule, and is needed there',
    }),
  async handle(context, caller, { body }) {
    const ids = body.tag === undefined ? (body.ids ?? []) : await listTagged(context, caller, body.tag);
    const { window, sharedSchedule } = body;
    return carryOut(context, caller, BULK_ACTS.plans[body.act], ids, { window, sharedSchedule });
  },
});

const runPlansEndpoint = defineEndpoint({
  ...describe('plans', 'operate', 'Runs many plans now; one that is under way already is not started a second time.'),
  path: '/plans/run',
  body: z.strictObject({ ids: chosen('plan') }),
  handle: (context, caller, { body }) => carryOut(context, caller, BULK_ACTS.plans.run, body.ids),
});

const runsEndpoint = defineEndpoint({
  ...describe(
    'runs',
    'operate',
    'Cancels many runs, or runs many failed backups again; a run that has ended is not cancelled, and one whose plan ran there since is not repeated.',
  ),
  body: z.strictObject({ act: z.enum(['cancel', 'retry']), ids: chosen('run') }),
  handle: (context, caller, { body }) => carryOut(context, caller, BULK_ACTS.runs[body.act], body.ids),
});

const alertsEndpoint = defineEndpoint({
  ...describe(
    'alerts',
    'operate',
    'Acknowledges many alerts, puts them off, or takes both back; what is so already stays as it is, and one that is over is refused.',
  ),
  body: z
    .strictObject({
      act: z.enum(['acknowledge', 'snooze', 'reopen']),
      ids: chosen('alert'),
      until: instantSchema.optional().meta({ description: 'Of snooze, within 30 days; epoch milliseconds, UTC' }),
    })
    .refine(({ act, until }) => (act === 'snooze') === (until !== undefined), {
      path: ['until'],
      error: 'belongs to snooze, and is needed there',
    }),
  handle: (context, caller, { body }) => carryOut(context, caller, BULK_ACTS.alerts[body.act], body.ids, { until: body.until }),
});

const findingsEndpoint = defineEndpoint({
  ...describe(
    'findings',
    'configure',
    'Makes sources of many things that were found (with `add_to_plans` each in the plan that its neighbour is in), leaves them alone for one reason, or counts them again; what is so already stays as it is.',
  ),
  path: '/coverage/acts',
  tag: 'coverage',
  body: z
    .strictObject({
      act: z.enum(['protect', 'add_to_plans', 'ignore', 'watch']),
      ids: chosen('finding'),
      why: z
        .string()
        .min(1)
        .max(COVERAGE.whyChars)
        .optional()
        .meta({ description: 'Of ignore: the reason, kept with your name' }),
    })
    .refine(({ act, why }) => (act === 'ignore') === (why !== undefined), {
      path: ['why'],
      error: 'belongs to ignore, and is needed there',
    }),
  handle: (context, caller, { body }) => carryOut(context, caller, BULK_ACTS.findings[body.act], body.ids, { why: body.why }),
});

export const BULK_ENDPOINTS: readonly ApiEndpoint[] = [
  hostsEndpoint,
  sourcesEndpoint,
  testsEndpoint,
  drillSchedulesEndpoint,
  plansEndpoint,
  runPlansEndpoint,
  runsEndpoint,
  alertsEndpoint,
  findingsEndpoint,
];
