/** End-points about the cap of age over all retention policies. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import { CAP_DAYS_MAX, type RetentionCap } from '../../core/retention/retention-cap.ts';
import {
  findRetentionCapVersion,
  getRetentionCap,
  previewRetentionCap,
  setRetentionCap,
} from '../../core/retention/retention-cap-change.ts';
import { type ApiEndpoint, type ApiReply, defineEndpoint } from '../http/route.ts';
import { listOf, nameShape } from './shapes/shapes.ts';

const days = { description: 'Days; 0: no cap' };
const capShape = nameShape('RetentionCap', z.strictObject({ maxAgeDays: z.int().min(0).meta(days) }));

function toCapReply(cap: RetentionCap): ApiReply<RetentionCap> {
  return { data: cap, version: findRetentionCapVersion(cap) };
}

const previewShape = nameShape(
  'RetentionCapPreview',
  z.strictObject({
    maxAgeDays: z.int().min(0),
    removed: z.int().min(0).meta({ description: 'Backups that go by this cap alone; to be sent as `seen`' }),
    plans: listOf(
      z.strictObject({
        plan: idSchema('plan'),
        name: z.string(),
        repository: idSchema('repository'),
        removed: z.int().min(0),
        backups: z.int().min(0),
        waiting: z
          .int()
          .min(0)
          .meta({ description: 'Sources of which more than half would go at once, which waits for a person' }),
        staying: z.int().min(0).meta({ description: 'Older ones that stay all the same' }),
      }),
    ),
    without: z.int().min(0).meta({ description: 'Plans without a policy, which no cap concerns' }),
    unknown: z.int().min(0),
    concerned: z.int().min(0).meta({
      description: 'How many plans something is older in, listed or not; a plan with a second repository may count twice',
    }),
    isCut: z
      .boolean()
      .meta({ description: 'More are concerned than are listed, which are those that lose the most; the numbers are of all' }),
  }),
);

const readEndpoint = defineEndpoint({
  method: 'get',
  path: '/settings/retention',
  versioned: true,
  scope: 'read',
  summary: 'The cap of age: no retention policy keeps what is older.',
  tag: 'settings',
  reply: capShape,
  handle: async (context, caller) => toCapReply(await getRetentionCap(context, caller)),
});

const previewEndpoint = defineEndpoint({
  method: 'post',
  path: '/settings/retention/preview',
  scope: 'admin',
  summary: 'What a cap of age would remove of the whole fleet now; changes nothing.',
  tag: 'settings',
  body: z.strictObject({ maxAgeDays: z.int().min(0).max(CAP_DAYS_MAX).meta(days) }),
  reply: previewShape,
  async handle(context, caller, { body }) {
    const { cap, plans, ...rest } = await previewRetentionCap(context, caller, body);
    const lines = plans.map(({ plan, ...counts }) => ({ plan: plan.id, name: plan.name, ...counts }));
    return { data: { ...rest, maxAgeDays: cap.maxAgeDays, plans: lines } };
  },
});

const changeEndpoint = defineEndpoint({
  method: 'patch',
  path: '/settings/retention',
  versioned: true,
  guarded: true,
  scope: 'admin',
  summary: 'Sets the cap of age, or takes it away with 0; refused when it would remove another number than was seen.',
  tag: 'settings',
  body: z.strictObject({
    maxAgeDays: z.int().min(0).max(CAP_DAYS_MAX).meta(days),
    seen: z.int().min(0).meta({ description: '`removed` of the preview' }),
  }),
  reply: capShape,
  handle: async (context, caller, { body: { seen, ...cap }, facts }) =>
    toCapReply(await setRetentionCap(context, caller, cap, seen, facts.ifMatch)),
});

export const RETENTION_CAP_ENDPOINTS: readonly ApiEndpoint[] = [readEndpoint, previewEndpoint, changeEndpoint];
