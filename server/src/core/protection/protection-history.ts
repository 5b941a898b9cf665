/** How the sources stood, hour by hour: what monthly reports are made of. */
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { HOUR_MS } from '@holdfast/shared/durations.ts';
import type { CoreContext } from '../ports.ts';

const tenant = DEFAULT_TENANT;

/** Looks once an hour of the clock, as soon as the hour has begun; the ticker calls it more often than that. */
export function createHistorian(context: CoreContext): { runRound(): Promise<void> } {
  let lastHour: number | undefined;
  return {
    async runRound() {
      const hour = Math.floor(context.clock.now() / HOUR_MS);
      if (hour === lastHour) return;
      const { counts } = await context.fleet.look(tenant);
      await context.store.history.recordProtection(tenant, hour * HOUR_MS, counts);
      lastHour = hour;
    },
  };
}
