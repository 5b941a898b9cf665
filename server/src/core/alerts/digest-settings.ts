/** When digests are told: an hour of the day, and a day of the week, in one zone. */
import { type Schedule, zoneSchema } from '@holdfast/shared/domain/schedule.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import * as z from 'zod';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { demandVersion, findSettingVersion, readSetting, writeSetting } from '../stored-setting.ts';
import type { DIGESTS } from './subscription.ts';

export const digestSettingsSchema = z.strictObject({
  zone: zoneSchema.default('UTC'),
  /** 0 to 23, by the clock of the zone. */
  hour: z.int().min(0).max(23).default(8),
  /** Of the weekly one; 0 is Sunday. */
  weekday: z.int().min(0).max(6).default(1),
});
export type DigestSettings = z.infer<typeof digestSettingsSchema>;
export type DigestPeriod = (typeof DIGESTS)[number];

const SETTING = {
  key: 'alerts.digest',
  schema: digestSettingsSchema,
  name: 'time of digests',
  action: 'digest.updated',
} as const;

export function readDigestSettings(context: Pick<CoreContext, 'store'>): Promise<DigestSettings> {
  return readSetting(context, SETTING);
}

export async function getDigestSettings(context: CoreContext, caller: Caller): Promise<DigestSettings> {
  demand(caller, 'view');
  return readDigestSettings(context);
}

/** What they come to: to be given back with a change that is made for them. */
export function findDigestVersion(settings: DigestSettings): number {
  return findSettingVersion(SETTING, settings);
}

/** Takes what is given and leaves the rest. `conflict` where they have another version. */
export async function updateDigestSettings(
  context: CoreContext,
  caller: Caller,
  change: Partial<DigestSettings>,
  version?: number,
): Promise<DigestSettings> {
  demand(caller, 'channel.manage');
  const before = await readDigestSettings(context);
  demandVersion(SETTING, before, version);
  const after = digestSettingsSchema.parse({ ...before, ...change });
  await writeSetting(context, caller, SETTING, { before, after });
  return after;
}

/** How far a digest looks back. */
export function spanOf(period: DigestPeriod): number {
  return period === 'daily' ? DAY_MS : 7 * DAY_MS;
}

/** The newest instant a digest of this period was due, at or before `now`. */
export function findDigestDue(
  { listFires }: Pick<CoreContext, 'listFires'>,
  { zone, hour, weekday }: DigestSettings,
  period: DigestPeriod,
  now: number,
): number | undefined {
  const schedule: Schedule = { cron: `0 ${hour} * * ${period === 'daily' ? '*' : weekday}`, zone };
  // A day of 25 hours has two dues within the last 25: the newest counts.
  return listFires(schedule, now - spanOf(period) - DAY_MS / 12, 3)
    .filter((at) => at <= now)
    .at(-1);
}
