import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, PlanId } from './ids.ts';
import { computeSpreadMs, findCatchUpAt, hashFnv1a64 } from './spread.ts';

const MINUTE = 60_000;
const spread = (host: string, plan: string, minutes: number) => computeSpreadMs(host as HostId, plan as PlanId, minutes);

describe('hashFnv1a64', () => {
  for (const [text, hash] of [
    ['', 0xcbf29ce484222325n],
    ['a', 0xaf63dc4c8601ec8cn],
    ['foobar', 0x85944171f73967e8n],
  ] as const) {
    it(`gives the published value for "${text}"`, () => assert.equal(hashFnv1a64(text), hash));
  }
  it('reads a text as UTF-8', () => assert.notEqual(hashFnv1a64('ü'), hashFnv1a64('u')));
});

describe('The spread of a plan on a host', () => {
  it('never changes: a host and a server of any age agree on it', () => {
    assert.deepEqual(
      [
        spread('host_01jd000000abcdefghjkmnpq', 'plan_01jd000000abcdefghjkmnpq', 60),
        spread('host_01jd000000abcdefghjkmnpr', 'plan_01jd000000abcdefghjkmnpq', 60),
        spread('host_01jd000000abcdefghjkmnpq', 'plan_01jd000000abcdefghjkmnpr', 60),
        spread('host_a', 'plan_a', 720),
      ],
      [3_115_000, 2_245_000, 127_000, 24_648_000],
    );
  });

  it('is none without minutes, and otherwise whole seconds within them', () => {
    assert.equal(spread('host_a', 'plan_a', 0), 0);
    for (const minutes of [1, 7, 60, 720]) {
      for (let index = 0; index < 2000; index += 1) {
        const ms = spread(`host_${index}`, 'plan_a', minutes);
        assert.ok(ms >= 0 && ms < minutes * MINUTE && ms % 1000 === 0, `${ms} for ${minutes} minutes`);
      }
    }
  });

  it('keeps the place of a host when the minutes change', () => {
    for (let index = 0; index < 500; index += 1) {
      const [one, two] = [60, 120].map((minutes) => spread(`host_${index}`, 'plan_a', minutes));
      assert.ok(Math.abs((two ?? 0) - 2 * (one ?? 0)) <= 2000);
    }
  });

  for (const [what, idsOf] of [
    ['hosts of one plan', (index: number) => [`host_${index}`, 'plan_a']],
    ['plans of one host', (index: number) => ['host_a', `plan_${index}`]],
    [
      'hosts with ids that differ in their last letters',
      (index: number) => [`host_01jd000000${String(index).padStart(16, '0')}`, 'plan_a'],
    ],
  ] as const) {
    it(`uses each part of the window as much as any other, over 10,000 ${what}`, () => {
      const bins = new Array<number>(60).fill(0);
      for (let index = 0; index < 10_000; index += 1) {
        const [host = '', plan = ''] = idsOf(index);
        const minute = Math.floor(spread(host, plan, 60) / MINUTE);
        bins[minute] = (bins[minute] ?? 0) + 1;
      }
      const expected = 10_000 / bins.length;
      const chiSquare = bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      // Of 59 degrees of freedom: 98.3 is passed once in a thousand, and less than 30.4 as rarely.
      assert.ok(chiSquare < 98.3 && chiSquare > 30.4, `chi-square ${chiSquare}`);
    });
  }

  it('does not put the plans of a host, or the hosts of a plan, in the same order', () => {
    const order = (plan: string) =>
      Array.from({ length: 50 }, (_, index) => index).sort(
        (a, b) => spread(`host_${a}`, plan, 60) - spread(`host_${b}`, plan, 60),
      );
    assert.notDeepEqual(order('plan_a'), order('plan_b'));
  });
});

describe('The moment at which a host catches a plan up', () => {
  const WINDOW = 10 * MINUTE;
  const NOW = Date.UTC(2027, 2, 20, 12, 3);
  const at = (host: string, now = NOW, windowMs = WINDOW) => findCatchUpAt(host as HostId, 'plan_a' as PlanId, windowMs, now);

  it('lies within the window, and is the same however often it is looked for before it', () => {
    for (let index = 0; index < 500; index += 1) {
      const first = at(`host_${index}`);
      assert.ok(first >= NOW && first < NOW + WINDOW);
      assert.equal(at(`host_${index}`, Math.floor((NOW + first) / 2)), first);
      assert.equal(at(`host_${index}`, first), first);
      assert.equal(at(`host_${index}`, first + 1), first + WINDOW, 'whoever was away then has its moment in the next window');
    }
  });

  it('is another one for each host: a thousand that come back together use each minute of the window alike', () => {
    const minutes = new Array<number>(10).fill(0);
    for (let index = 0; index < 1000; index += 1) {
      const minute = Math.floor((at(`host_${index}`) - NOW) / MINUTE);
      minutes[minute] = (minutes[minute] ?? 0) + 1;
    }
    for (const count of minutes) assert.ok(count > 60 && count < 140, String(minutes));
  });

  it('is at once without a window', () => assert.equal(at('host_a', NOW, 0), NOW));
});
