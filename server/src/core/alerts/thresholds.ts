/** When a condition holds: the numbers an operator may set, for the whole installation. */
import { ALERTS } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

const SETTING = 'alerts.thresholds';

export const thresholdsSchema = z.strictObject({
  /** Runs of a source in a plan that end unclean in a row before it is an alert. */
  failuresInARow: z.int().min(1).max(ALERTS.failuresInARowMax).default(1),
  /** Minutes without a sign of life before a host is silent. */
  silentMinutes: z.int().min(2).max(10_080).default(2),
  /** GiB on the disk of an agent's state, below which it is low. */
  hostDiskGib: z.number().min(0.1).max(1024).default(1),
  /** GiB on the disk of this server's data, below which it is low. */
  serverDiskGib: z.number().min(0.1).max(1024).default(1),
});
export type Thresholds = z.infer<typeof thresholdsSchema>;
export const DEFAULT_THRESHOLDS: Thresholds = thresholdsSchema.parse({});

export async function readThresholds({ store }: Pick<CoreContext, 'store'>): Promise<Thresholds> {
  const stored = await store.settings.findSetting(SETTING);
  return stored === undefined ? DEFAULT_THRESHOLDS : thresholdsSchema.parse(JSON.parse(stored));
}

export async function getThresholds(context: CoreContext, caller: Caller): Promise<Thresholds> {
  demand(caller, 'view');
  return readThresholds(context);
}

/** Takes what is given and leaves the rest; holds from the next look on, which is within a minute. */
export async function updateThresholds(context: CoreContext, caller: Caller, change: Partial<Thresholds>): Promise<Thresholds> {
  demand(caller, 'channel.manage');
  const before = await readThresholds(context);
  const after = thresholdsSchema.parse({ ...before, ...change });
  await context.store.settings.putSetting(SETTING, JSON.stringify(after));
  await recordAct(context, caller, {
    action: 'thresholds.updated',
    target: { kind: 'settings', id: SETTING, name: 'thresholds of alerts' },
    change: { before, after },
  });
  return after;
}
