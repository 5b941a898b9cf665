/** What an overview says of weeks: proofs of recovery, storage, and the last 90 days. */

import { setImmediate as giveWay } from 'node:timers/promises';
import type { RepositoryId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { DAY_MS, WEEK_MS } from '@holdfast/shared/durations.ts';
import type { FleetLook } from '../../../core/fleet/look.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Visit } from '../../http/route.ts';
import { formatByteChange, formatBytes, formatCount, formatDuration, formatNoun } from '../../ui/quantity.ts';
import type { Clockface } from '../../ui/time.ts';
import { gatherSources } from './overview-sources.ts';
import type { TrustView } from './overview-trust.view.ts';
import { listDays } from './protection-days.ts';

const DAYS_SHOWN = 90;
/** The drawing of storage has a point every other day, or fewer of them where there are very many repositories. */
const GROWTH_DAYS = 60;
const GROWTH_STEPS_DAYS = [2, 4, 6, 10, 15, 30] as const;
/** Sizes that are looked up for one page: repositories by points of the drawing. */
const SIZES_LOOKED_UP = 30_000;
/** Of these, in one step of the event loop: some milliseconds. */
const SIZES_AT_ONCE = 3000;

function findMedian(sorted: readonly number[]): number | undefined {
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/** Of how many sources the recovery is proven, and how long it takes; undefined where there is nothing to try out yet. */
function describeProofs({ sources, counts }: FleetLook): TrustView['proofs'] {
  const { tried, proven } = gatherSources(sources).drills;
  const of = `of ${formatNoun(sources.length, 'source')}`;
  if (tried === 0) return counts.protected === 0 ? undefined : { count: '0', of, detail: 'no drill has tried one out yet' };
  const median = findMedian(proven.map(({ ms }) => ms));
  const last = proven.at(-1);
  const detail = [
    ...(median === undefined ? [] : [`median time to restore ${formatDuration(median)}`]),
    ...(last === undefined || proven.length < 2
      ? []
      : [`slowest ${last.one.host.name} / ${last.one.source.name} ${formatDuration(last.ms)}`]),
  ];
  return { count: formatCount(proven.length), of, detail: detail.join(' · ') };
}

/** How big all repositories are together at each instant by which one of them was measured. */
async function sumSizes(
  { store }: CoreContext,
  tenant: TenantId,
  instants: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const sums = new Map<number, number>();
  const limit = Math.max(1, Math.floor(SIZES_AT_ONCE / instants.length));
  for (let after: RepositoryId | undefined; ; ) {
    const { sizes, next } = await store.history.sumSizes(tenant, instants, { after, limit });
    for (const { at, sizeBytes } of sizes) sums.set(at, (sums.get(at) ?? 0) + sizeBytes);
    if (next === undefined) return sums;
    after = next;
    await giveWay();
  }
}

async function readGrowth(context: CoreContext, visit: Visit, now: number): Promise<TrustView['growth']> {
  const { tenant } = visit.caller;
  const repositories = await context.store.repositories.countRepositories(tenant);
  if (repositories === 0) return undefined;
  const stepDays = GROWTH_STEPS_DAYS.find((days) => repositories * (GROWTH_DAYS / days) <= SIZES_LOOKED_UP) ?? GROWTH_DAYS;
  const points = Array.from(
    { length: GROWTH_DAYS / stepDays + 1 },
    (_, index) => now - (GROWTH_DAYS - index * stepDays) * DAY_MS,
  );
  const sums = await sumSizes(context, tenant, [...points, now - WEEK_MS]);
  const total = sums.get(now);
  if (total === undefined) return undefined;
  const weekAgo = sums.get(now - WEEK_MS);
  const change = weekAgo === undefined ? '' : ` · ${formatByteChange(total - weekAgo)} in a week`;
  const values = points.flatMap((at) => sums.get(at) ?? []);
  const days = formatNoun((values.length - 1) * stepDays, 'day');
  return {
    aside: `${formatBytes(total)}${change}`,
    values,
    label: `Stored bytes over ${days}, from ${formatBytes(values[0])} to ${formatBytes(total)}`,
  };
}

async function readDays({ store }: CoreContext, visit: Visit, now: number): Promise<TrustView['strip']> {
  const today = Math.floor(now / DAY_MS);
  const first = today - DAYS_SHOWN + 1;
  const seen = await store.history.listProtectionDays(visit.caller.tenant, first, today + 1);
  if (seen.length === 0) return undefined;
  const days = listDays(first * DAY_MS, (today + 1) * DAY_MS, seen);
  const bad = days.filter(({ tone }) => tone === 'unprotected' || tone === 'at-risk').length;
  const known = days.filter(({ share }) => share !== undefined).length;
  const aside = bad === 0 ? `${formatNoun(known, 'day')}, all good` : `${formatNoun(bad, 'bad day')} of ${formatCount(known)}`;
  return { days, aside, label: `The last ${DAYS_SHOWN} days: ${aside}` };
}

export async function readTrust(context: CoreContext, visit: Visit, face: Clockface, look: FleetLook): Promise<TrustView> {
  const [growth, strip] = await Promise.all([readGrowth(context, visit, face.now), readDays(context, visit, face.now)]);
  const { urls } = visit;
  return {
    proofs: describeProofs(look),
    growth,
    strip,
    drillsHref: urls.drills(),
    repositoriesHref: urls.repositories(),
    reportsHref: urls.reports(),
  };
}
