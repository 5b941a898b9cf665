/** Which fires of a plan are settled, so that a crash, a repeat or a clock that goes back never makes one fire two runs. */
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import type { Database } from './database.ts';

export interface FireLedger {
  /** Fires up to this instant (epoch milliseconds) are settled; undefined for a plan that had none. */
  lastConsidered(planId: PlanId): number | undefined;
  /** May go back when the clock did; the slots still hold what was considered. */
  setLastConsidered(planId: PlanId, at: number): void;
  /** Takes the slot of one fire. False when it was taken before. */
  consider(planId: PlanId, fireAt: number): boolean;
  /**
   * Forgets slots outside (settledBefore, notAfter), in epoch milliseconds: long past, or set while the clock was far
   * ahead.
   */
  purge(settledBefore: number, notAfter: number): void;
}

export function createFireLedger(database: Database): FireLedger {
  const select = database.prepare('SELECT at FROM fires_considered WHERE plan = ?');
  const upsert = database.prepare('INSERT OR REPLACE INTO fires_considered (plan, at) VALUES (?, ?)');
  const insert = database.prepare('INSERT INTO fire_slots (plan, fire_at) VALUES (?, ?) ON CONFLICT DO NOTHING');
  const removeOld = database.prepare('DELETE FROM fire_slots WHERE fire_at < ?');
  const removeAhead = database.prepare('DELETE FROM fire_slots WHERE fire_at > ?');
  return {
    lastConsidered: (planId) => (select.get(planId) as unknown as { at: number } | undefined)?.at,
    setLastConsidered: (planId, at) => void database.transact(() => upsert.run(planId, at)),
    consider: (planId, fireAt) => database.transact(() => Number(insert.run(planId, fireAt).changes) === 1),
    purge(settledBefore, notAfter) {
      database.transact(() => {
        removeOld.run(settledBefore);
        removeAhead.run(notAfter);
      });
    },
  };
}
