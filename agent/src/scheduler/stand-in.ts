/**
 * Settled fires while the disk refuses writes. A backup is worth more than its record: fires go on, what is settled is
 * kept in memory in front of the journal, and written back as soon as the disk takes it.
 */
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import type { SettledFires } from './settled-fires.ts';

export interface StandIn {
  /** The journal's ledger with what is in memory in front of it. */
  fires(): SettledFires;
  /** The journal's transaction; while the disk refuses writes, `effects` run again without one, on memory. */
  transact<T>(effects: () => T): T;
  /** Puts what is in memory into the journal, when it takes it. */
  writeBack(): void;
}

export function createStandIn(options: {
  fires: SettledFires;
  transact<T>(effects: () => T): T;
  isUnwritable(error: unknown): boolean;
}): StandIn {
  const last = new Map<PlanId, number>();
  const slots = new Map<string, { planId: PlanId; fireAt: number }>();
  let inMemory = false;

  const layered: SettledFires = {
    lastConsidered: (planId) => last.get(planId) ?? options.fires.lastConsidered(planId),
    setLastConsidered(planId, at) {
      if (inMemory) {
        last.set(planId, at);
        return;
      }
      options.fires.setLastConsidered(planId, at);
      last.delete(planId);
    },
    consider(planId, fireAt) {
      const key = `${planId} ${fireAt}`;
      if (slots.has(key)) return false;
      if (!inMemory) return options.fires.consider(planId, fireAt);
      slots.set(key, { planId, fireAt });
      return true;
    },
  };

  const writeBack = (): void => {
    if (last.size === 0 && slots.size === 0) return;
    try {
      options.transact(() => {
        for (const { planId, fireAt } of slots.values()) options.fires.consider(planId, fireAt);
        for (const [planId, at] of last) options.fires.setLastConsidered(planId, at);
      });
    } catch (error) {
      if (!options.isUnwritable(error)) throw error;
      return;
    }
    slots.clear();
    last.clear();
  };

  return {
    fires: () => layered,
    transact(effects) {
      const before = { last: new Map(last), slots: new Map(slots) };
      const forget = (): void => {
        restore(last, before.last);
        restore(slots, before.slots);
      };
      try {
        return options.transact(effects);
      } catch (error) {
        forget();
        if (!options.isUnwritable(error)) throw error;
      }
      inMemory = true;
      try {
        return effects();
      } catch (error) {
        forget();
        throw error;
      } finally {
        inMemory = false;
      }
    },
    writeBack,
  };
}

function restore<K, V>(map: Map<K, V>, before: ReadonlyMap<K, V>): void {
  map.clear();
  for (const [key, value] of before) map.set(key, value);
}
