/** End-points of coverage: what was found and is no source; and how months went. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { FINDING_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { RUN_KINDS, RUN_STATES } from '@holdfast/shared/domain/run.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { COVERAGE } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { createFieldsError } from '../../core/adapters/adapter-input.ts';
import { type Caller, demand } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import { findNeighbourPlans, protectInPlan } from '../../core/sources/finding-plans.ts';
import {
  adoptFinding,
  countFindings,
  hurryCoverage,
  ignoreFinding,
  listFindings,
  watchFinding,
} from '../../core/sources/findings.ts';
import type { Finding } from '../../store/coverage.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import {
  adapterKindInput,
  flagInput,
  idParams,
  instantSchema,
  listOf,
  nameShape,
  pageFields,
  searchInput,
  sortFields,
  toPageReply,
  toSortedRequest,
} from './shapes/shapes.ts';
import { sourceShape, toSourceShape } from './shapes/source-shape.ts';

/** Days one answer tells of unasked, and the most of them. */
const DAYS = 30;
const DAYS_MAX = 366;
const instantInput = z.coerce.number().int().min(0);

const findingShape = nameShape(
  'Finding',
  z.strictObject({
    id: idSchema('finding'),
    host: idSchema('host'),
    kind: z.string().meta({ description: 'Of the source it would be' }),
    place: z.string().meta({ description: 'The server it lies on; empty for directories' }),
    name: z.string().meta({ description: 'As the host told it: a database or an absolute path' }),
    via: idSchema('source').optional().meta({ description: 'The source through whose connection it was found' }),
    sizeBytes: z.int().min(0).optional(),
    firstSeenAt: instantSchema,
    lastSeenAt: instantSchema,
    isNew: z.boolean().meta({ description: 'It was not there at the first look' }),
    neighbourPlan: idSchema('plan').optional().meta({
      description: 'The plan of the source it was found through, or of its host’s other directories: `protect` can put it there',
    }),
    ignored: z.strictObject({ at: instantSchema, by: z.string(), why: z.string() }).optional(),
  }),
);

/** Findings with the plan that each could be in. */
async function toFindingShapes(
  context: CoreContext,
  caller: Caller,
  findings: readonly Finding[],
): Promise<readonly z.infer<typeof findingShape>[]> {
  const plans = await findNeighbourPlans(context, caller, findings);
  return findings.map(({ tenant: _tenant, ...finding }) => {
    const plan = plans.get(finding.id);
    return { ...finding, ...(plan && { neighbourPlan: plan.id }) };
  });
}

async function toFindingReply(context: CoreContext, caller: Caller, finding: Finding) {
  const [data] = await toFindingShapes(context, caller, [finding]);
  if (data === undefined) throw new AppError('internal', 'a finding has no shape');
  return { data };
}

const listEndpoint = defineEndpoint({
  method: 'get',
  path: '/coverage',
  scope: 'read',
  summary: 'Lists what hosts found that is no source, the newest first.',
  tag: 'coverage',
  query: z.strictObject({
    ...pageFields,
    search: searchInput.optional().meta({ description: 'Part of its name or of its host’s' }),
    host: idSchema('host').optional(),
    kind: adapterKindInput.optional().meta({ description: 'Of the source it would be' }),
    fresh: z.literal('true').optional().meta({ description: 'Only what was not there at the first look' }),
    ignored: flagInput.optional().meta({ description: 'Only what somebody chose to leave alone, or only what nobody did' }),
    ...sortFields(FINDING_ORDERS, 'the newest come first'),
  }),
  reply: listOf(findingShape),
  async handle(context, caller, { query }) {
    const { search, host, kind, fresh, ignored } = query;
    const filter = { search, host, kind, ignored, ...(fresh === undefined ? {} : { fresh: true as const }) };
    const page = await listFindings(context, caller, filter, toSortedRequest(query));
    return toPageReply({ ...page, rows: await toFindingShapes(context, caller, page.rows) }, (shape) => shape);
  },
});

const countsEndpoint = defineEndpoint({
  method: 'get',
  path: '/coverage/counts',
  scope: 'read',
  summary: 'How much of it there is.',
  tag: 'coverage',
  reply: nameShape(
    'CoverageCounts',
    z.strictObject({
      open: z.int(),
      fresh: z.int().meta({ description: 'Of the open ones, those that appeared after the first look' }),
    }),
  ),
  handle: async (context, caller) => ({ data: await countFindings(context, caller) }),
});

const lookEndpoint = defineEndpoint({
  method: 'post',
  path: '/coverage/look',
  scope: 'configure',
  summary: 'Has all connected hosts asked again, now rather than within a day.',
  tag: 'coverage',
  reply: nameShape(
    'CoverageLook',
    z.strictObject({ hosts: z.int().meta({ description: 'Hosts that will be asked, once they are connected' }) }),
  ),
  status: 202,
  handle: async (context, caller) => ({ data: { hosts: await hurryCoverage(context, caller) } }),
});

const adoptEndpoint = defineEndpoint({
  method: 'post',
  path: '/coverage/:id/protect',
  scope: 'configure',
  summary: 'Makes a source of it, with the connection it was found through, and puts it into a plan where one is named.',
  tag: 'coverage',
  params: idParams('finding'),
  body: z.strictObject({
    tested: z.boolean().default(false).meta({ description: 'True: nothing is made unless it works from its host' }),
    plan: idSchema('plan').optional().meta({ description: 'Whose next backup has it too, such as its `neighbourPlan`' }),
  }),
  reply: sourceShape,
  status: 201,
  async handle(context, caller, { params, body }) {
    const { tested, plan } = body;
    const source =
      plan === undefined
        ? await adoptFinding(context, caller, params.id, { tested })
        : (await protectInPlan(context, caller, params.id, plan, { tested })).source;
    return { data: toSourceShape(source), version: source.version };
  },
});

const ignoreEndpoint = defineEndpoint({
  method: 'post',
  path: '/coverage/:id/ignore',
  scope: 'configure',
  summary: 'Leaves it unprotected, for a reason that is kept.',
  tag: 'coverage',
  params: idParams('finding'),
  body: z.strictObject({ why: z.string().min(1).max(COVERAGE.whyChars) }),
  reply: findingShape,
  handle: async (context, caller, { params, body }) =>
    toFindingReply(context, caller, await ignoreFinding(context, caller, params.id, body.why)),
});

const watchEndpoint = defineEndpoint({
  method: 'post',
  path: '/coverage/:id/watch',
  scope: 'configure',
  summary: 'Counts it again.',
  tag: 'coverage',
  params: idParams('finding'),
  reply: findingShape,
  handle: async (context, caller, { params }) => toFindingReply(context, caller, await watchFinding(context, caller, params.id)),
});

const historyEndpoint = defineEndpoint({
  method: 'get',
  path: '/history',
  scope: 'read',
  summary: 'How the sources stood on each UTC day, and how many runs there were.',
  tag: 'coverage',
  query: z.strictObject({
    from: instantInput
      .optional()
      .meta({ description: 'Epoch milliseconds, the whole UTC day of it; 30 days before `to` where left out' }),
    to: instantInput.optional().meta({ description: 'Not told of any more, at most 366 days after `from`; now where left out' }),
  }),
  reply: nameShape(
    'History',
    z.strictObject({
      days: listOf(
        z.strictObject({
          at: instantSchema.meta({ description: 'The beginning of the day' }),
          looks: z.int().min(1).meta({ description: 'Hours in which the sources were judged; the counts are sums over them' }),
          protected: z.int(),
          atRisk: z.int(),
          unprotected: z.int(),
          unknown: z.int(),
          paused: z.int(),
        }),
      ),
      runs: listOf(z.strictObject({ kind: z.enum(RUN_KINDS), state: z.enum(RUN_STATES), count: z.int() })),
    }),
  ),
  async handle({ store, clock }, caller, { query }) {
    demand(caller, 'view');
    const { to = clock.now() } = query;
    const { from = Math.max(0, to - DAYS * DAY_MS) } = query;
    if (from >= to || to - from > DAYS_MAX * DAY_MS) throw createFieldsError({ to: 'must be 1 to 366 days after `from`' });
    const [days, runs] = await Promise.all([
      store.history.listProtectionDays(caller.tenant, Math.floor(from / DAY_MS), Math.ceil(to / DAY_MS)),
      store.history.countRuns(caller.tenant, from, to),
    ]);
    const toDay = ({ day, looks, counts: { at_risk: atRisk, ...counts } }: (typeof days)[number]) => ({
      ...{ at: day * DAY_MS, looks, atRisk, ...counts },
    });
    return { data: { days: days.map(toDay), runs } };
  },
});

export const COVERAGE_ENDPOINTS: readonly ApiEndpoint[] = [
  listEndpoint,
  countsEndpoint,
  lookEndpoint,
  adoptEndpoint,
  ignoreEndpoint,
  watchEndpoint,
  historyEndpoint,
];
