/** How often restores may be started: a key that got into wrong hands, or a script that went wild, does not fill every host with them. */
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

/** Throws `limit` with `details.retryAfterS` when the tenant started as many within the last minute as it may. */
export async function demandRestoreRate({ store, clock }: CoreContext, { tenant }: Pick<Caller, 'tenant'>): Promise<void> {
  const now = clock.now();
  const filter = { kind: 'restore', since: now - MINUTE_MS } as const;
  const { rows } = await store.runs.listRuns(tenant, filter, { limit: RUNS.restoresPerMinute });
  const oldest = rows.length < RUNS.restoresPerMinute ? undefined : rows.at(-1);
  if (!oldest) return;
  const retryAfterS = Math.max(1, Math.ceil((oldest.createdAt + MINUTE_MS - now) / 1000));
  const words = `${RUNS.restoresPerMinute} restores were started within the last minute; try again in ${retryAfterS} seconds`;
  throw new AppError('limit', words, { details: { retryAfterS } });
}
