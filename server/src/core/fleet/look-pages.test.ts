import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sampleHost, sampleSource } from '../../store/contract/samples.ts';
import type { LookedSource } from './look.ts';
import { type LookOrder, pageLooked } from './look-pages.ts';

const host = { ...sampleHost(), standing: 'online' as const };
/** By name, three of each, as a look has them. */
const sources: readonly LookedSource[] = Array.from({ length: 300 }, (_, at): LookedSource => {
  const { id, kind } = sampleSource(host);
  const name = `source ${String(Math.floor(at / 3)).padStart(3, '0')}`;
  const row = { id, name, nameKey: name, kind, host: host.id, enabled: at % 2 === 0, proofDays: undefined };
  return { source: { ...row, plans: [], objectives: {} }, host, protection: { status: 'paused' } };
});
const rank = ({ source }: LookedSource) => String(sources.findIndex((one) => one.source.id === source.id) % 7);
const ORDERS: readonly LookOrder[] = (['asc', 'desc'] as const).flatMap((direction) => [
  { name: 'name', direction, sayValue: undefined },
  { name: 'rank', direction, sayValue: rank },
]);

describe('Pages of what was looked at', () => {
  for (const order of ORDERS)
    it(`are all sources that fit by ${order.name} ${order.direction}, each once, whatever fits on a page`, () => {
      const isFitting = ({ source }: LookedSource) => source.enabled;
      const placeOf = (one: LookedSource) => [order.sayValue?.(one) ?? '', one.source.nameKey, one.source.id].join(' ');
      const sorted = sources.filter(isFitting).sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
      if (order.direction === 'desc') sorted.reverse();
      for (const limit of [1, 7, 149, 150, 200]) {
        const ids: string[] = [];
        let after: string | undefined;
        do {
          const page = pageLooked(sources, order, { limit, after }, isFitting);
          ids.push(...page.ids);
          after = page.next;
        } while (after !== undefined);
        assert.deepEqual(
          ids,
          sorted.map(({ source }) => source.id),
        );
      }
    });

  it('by name look at no source behind their end', () => {
    let looked = 0;
    const page = pageLooked(sources, { name: 'name', direction: 'asc', sayValue: undefined }, { limit: 10 }, () => {
      looked += 1;
      return true;
    });
    assert.deepEqual([page.ids.length, page.next !== undefined, looked], [10, true, 11]);
  });
});
