/** End-points that order something of snapshots somebody chose: read them whole, delete them, copy them. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { copyPlan } from '../../core/plans/plan-copies.ts';
import type { StartedRuns } from '../../core/runs/runs.ts';
import { startDeletion } from '../../core/snapshots/snapshot-deletion.ts';
import { startCopy, startVerify } from '../../core/snapshots/snapshot-orders.ts';
import { type ApiEndpoint, defineEndpoint } from '../http/route.ts';
import { runShape, toRunShape } from './runs.ts';
import { idParams, listOf, nameShape } from './shapes/shapes.ts';

const chosen = z.array(idSchema('snapshot')).min(1).max(RUNS.snapshotsPerOrder);
const wantedHost = idSchema('host').optional().meta({
  description: 'Carries it out: the host that made them, or another one that holds the credential of their repository anyway',
});
const startedShape = nameShape('StartedSnapshotRuns', z.strictObject({ runs: listOf(runShape) }));
const toReply = ({ runs }: StartedRuns) => ({ data: { runs: runs.map(toRunShape) } });
const common = { tag: 'snapshots', reply: startedShape, status: 202 } as const;

const verifyEndpoint = defineEndpoint({
  ...common,
  method: 'post',
  path: '/snapshots/verify',
  scope: 'operate',
  summary:
    'Reads snapshots to their end: every byte is decrypted and authenticated. One run for each host and repository; another host reads where the one that made a snapshot is away.',
  body: z.strictObject({ snapshots: chosen, host: wantedHost }),
  handle: async (context, caller, { body }) => toReply(await startVerify(context, caller, body)),
});

const deleteEndpoint = defineEndpoint({
  ...common,
  method: 'post',
  path: '/snapshots/delete',
  scope: 'configure',
  summary:
    'Deletes snapshots from their repository; where that has an admin credential, by the host that maintains it. Pinned ones and the last two that a drill proved are refused, and then nothing is deleted.',
  body: z.strictObject({
    snapshots: chosen,
    host: wantedHost,
    confirm: z.string().max(100).meta({ description: '`delete` and the number of snapshots, such as `delete 3`' }),
    copies: z.boolean().optional().meta({
      description:
        'The same backups go from wherever else they lie too, as copies or as originals; `confirm` counts what was named',
    }),
  }),
  handle: async (context, caller, { body }) => toReply(await startDeletion(context, caller, body)),
});

const copyEndpoint = defineEndpoint({
  ...common,
  method: 'post',
  path: '/snapshots/copy',
  scope: 'operate',
  summary: 'Copies snapshots to another repository; what lies there already is not copied twice.',
  body: z.strictObject({ snapshots: chosen, repository: idSchema('repository'), host: wantedHost }),
  handle: async (context, caller, { body }) => toReply(await startCopy(context, caller, body)),
});

const copyPlanEndpoint = defineEndpoint({
  ...common,
  method: 'post',
  path: '/plans/:id/copy',
  scope: 'operate',
  tag: 'plans',
  params: idParams('plan'),
  summary: `Copies what the plan made and its second repository never had, the newest first, at most ${RUNS.snapshotsPerOrder} snapshots at once.`,
  handle: async (context, caller, { params }) => toReply(await copyPlan(context, caller, params.id)),
});

export const SNAPSHOT_ORDER_ENDPOINTS: readonly ApiEndpoint[] = [verifyEndpoint, deleteEndpoint, copyEndpoint, copyPlanEndpoint];
