/** When a condition holds: the numbers an operator may set, for the whole installation. */
import { ALERTS } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { demandVersion, findSettingVersion, readSetting, writeSetting } from '../stored-setting.ts';

export const thresholdsSchema = z.strictObject({
  /** Runs of a source in a plan that end unclean in a row before it is an alert. */
  failuresInARow: z.int().min(1).max(ALERTS.failuresInARowMax).default(1),
  /** Minutes without a sign of life before a host is silent. */
  silentMinutes: z.int().min(2).max(10_080).default(2),
  /** GiB on the disk of an agent's state, below which it is low. */
  hostDiskGib: z.number().min(0.1).max(1024).default(1),
  /** GiB on the disk of this server's data, below which it is low. */
  serverDiskGib: z.number().min(0.1).max(1024).default(1),
  /** Days before the end of a certificate, of this server's address or of a repository's, from which on it is near. */
  certificateDays: z.int().min(1).max(90).default(14),
});
export type Thresholds = z.infer<typeof thresholdsSchema>;

const SETTING = {
  key: 'alerts.thresholds',
  schema: thresholdsSchema,
  name: 'thresholds of alerts',
  action: 'thresholds.updated',
} as const;

export function readThresholds(context: Pick<CoreContext, 'store'>): Promise<Thresholds> {
  return readSetting(context, SETTING);
}

export async function getThresholds(context: CoreContext, caller: Caller): Promise<Thresholds> {
  demand(caller, 'view');
  return readThresholds(context);
}

/** What they come to: to be given back with a change that is made for them. */
export function findThresholdsVersion(thresholds: Thresholds): number {
  return findSettingVersion(SETTING, thresholds);
}

/** Takes what is given and leaves the rest; holds from the next look on, which is within a minute. `conflict` where they have another version. */
export async function updateThresholds(
  context: CoreContext,
  caller: Caller,
  change: Partial<Thresholds>,
  version?: number,
): Promise<Thresholds> {
  demand(caller, 'channel.manage');
  const before = await readThresholds(context);
  demandVersion(SETTING, before, version);
  const after = thresholdsSchema.parse({ ...before, ...change });
  await writeSetting(context, caller, SETTING, { before, after });
  return after;
}
