/** What the regular looks at a source say of it: whether it answers its host. */
import { SOURCE_HEALTH } from '../limits.ts';

export const SOURCE_HEALTH_STATES = ['online', 'degraded', 'offline'] as const;
export type SourceHealthState = (typeof SOURCE_HEALTH_STATES)[number];

/** By failures in a row: none is online, few are degraded, from `SOURCE_HEALTH.offlineFrom` on it is offline. */
export function judgeFailuresInARow(failures: number): SourceHealthState {
  if (failures === 0) return 'online';
  return failures < SOURCE_HEALTH.offlineFrom ? 'degraded' : 'offline';
}
