import type { PlanId } from '@holdfast/shared/domain/ids.ts';

/** What the scheduler keeps in the journal; its fire ledger holds the contract. */
export interface SettledFires {
  lastConsidered(planId: PlanId): number | undefined;
  setLastConsidered(planId: PlanId, at: number): void;
  consider(planId: PlanId, fireAt: number): boolean;
}
