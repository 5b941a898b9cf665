/** The cap of age: no retention policy keeps what is older. One setting for the whole installation; off until somebody sets it. */
import * as z from 'zod';
import type { CoreContext } from '../ports.ts';
import { readSetting } from '../stored-setting.ts';

/** What is suggested to whoever sets one for the first time, days. */
export const SUGGESTED_CAP_DAYS = 365;
/** As far as a policy's own maximum reaches, days. */
export const CAP_DAYS_MAX = 100 * 366;

const retentionCapSchema = z.strictObject({
  /** Days; 0: no cap. */
  maxAgeDays: z.int('must be a whole number of days').min(0, 'must not be less than 0').max(CAP_DAYS_MAX).default(0),
});
export type RetentionCap = z.infer<typeof retentionCapSchema>;

export const RETENTION_CAP = {
  key: 'retention',
  schema: retentionCapSchema,
  name: 'retention of the installation',
  action: 'settings.retention_cap_set',
} as const;

export function readRetentionCap(context: Pick<CoreContext, 'store'>): Promise<RetentionCap> {
  return readSetting(context, RETENTION_CAP);
}
