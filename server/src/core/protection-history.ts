/** How the sources stood, hour by hour: what monthly reports are made of. */
import { setImmediate as giveWay } from 'node:timers/promises';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Caller } from './caller.ts';
import type { CoreContext } from './ports.ts';
import { judgeSources } from './protected-sources.ts';
import { countProtections, type Protection, type ProtectionCounts } from './protection.ts';

const tenant = DEFAULT_TENANT;
const HOUR_MS = 3_600_000;
const HISTORIAN: Caller = { actor: { kind: 'system', id: 'history', name: 'history' }, tenant, role: 'viewer' };

/** Judges all sources, in short steps. */
async function judgeAllSources(context: CoreContext): Promise<ProtectionCounts> {
  const protections: Protection[] = [];
  let after: string | undefined;
  do {
    const page = await context.store.catalog.listSources(tenant, {}, { limit: HTTP.pageSizeMax, after });
    protections.push(...(await judgeSources(context, HISTORIAN, page.rows)).map(({ protection }) => protection));
    after = page.next;
    await giveWay();
  } while (after !== undefined);
  return countProtections(protections);
}

/** Looks once an hour of the clock, as soon as the hour has begun; the ticker calls it more often than that. */
export function createHistorian(context: CoreContext): { runRound(): Promise<void> } {
  let lastHour: number | undefined;
  return {
    async runRound() {
      const hour = Math.floor(context.clock.now() / HOUR_MS);
      if (hour === lastHour) return;
      const counts = await judgeAllSources(context);
      await context.store.history.recordProtection(tenant, hour * HOUR_MS, counts);
      lastHour = hour;
    },
  };
}
