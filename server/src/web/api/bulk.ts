/** End-points that do one thing to many: hosts, sources, plans, runs. Those of snapshots stand with their orders. */

import { drainMinutesSchema } from '@holdfast/shared/domain/drain.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { tagSchema } from '@holdfast/shared/domain/plan.ts';
import * as z from 'zod';
import { BULK_ACTS, BULK_MOST, BULK_RESULTS, type BulkAct, type BulkInput, type BulkNoun } from '../../core/bulk.ts';
import type { Caller } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import type { Scope } from '../../core/scopes.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { listOf, nameShape } from './shapes.ts';

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

type Kind = 'host' | 'source' | 'plan' | 'run';

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

const plansEndpoint = defineEndpoint({
  ...describe('plans', 'configure', 'Pauses or enables many plans; one that is so already stays as it is.'),
  body: z.strictObject({ act: z.enum(['enable', 'pause']), ids: chosen('plan') }),
  handle: (context, caller, { body }) => carryOut(context, caller, BULK_ACTS.plans[body.act], body.ids),
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

export const BULK_ENDPOINTS: readonly ApiEndpoint[] = [
  hostsEndpoint,
  sourcesEndpoint,
  plansEndpoint,
  runPlansEndpoint,
  runsEndpoint,
];
