import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSeed, createXoshiro128PlusPlus, type Seed } from './seed.ts';

function draw(seed: Seed, count: number): number[] {
  return Array.from({ length: count }, () => seed.fraction());
}

/** Pearson's statistic of a distribution that should be even. */
function computeChiSquared(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

describe('The generator', () => {
  it('yields the numbers its authors published for the state 1, 2, 3, 4', () => {
    const next = createXoshiro128PlusPlus([1, 2, 3, 4]);
    assert.deepEqual(
      Array.from({ length: 10 }, next),
      [641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295, 495546011, 621204420],
    );
  });

  it('refuses the one state that yields zeros for ever', () =>
    assert.throws(() => createXoshiro128PlusPlus([0, 0, 0, 0]), RangeError));
});

describe('A seed', () => {
  it('gives the same sequence again, as a number or as text', () =>
    assert.deepEqual(draw(createSeed(7), 100), draw(createSeed('7'), 100)));

  it('gives this sequence on every machine and in every version, so that an old seed stays worth something', () => {
    const seed = createSeed(1);
    assert.deepEqual(
      Array.from({ length: 6 }, () => seed.int([0, 999])),
      [924, 212, 864, 11, 46, 188],
    );
  });

  it('gives another sequence than its neighbour', () => {
    const neighbour = new Set(draw(createSeed(8), 1000));
    assert.equal(draw(createSeed(7), 1000).filter((value) => neighbour.has(value)).length, 0);
  });

  it('forks by name alone, whatever was drawn or forked before', () => {
    const untouched = createSeed(3).fork('kills');
    const parent = createSeed(3);
    draw(parent, 17);
    draw(parent.fork('cuts'), 5);
    assert.deepEqual(draw(parent.fork('kills'), 50), draw(untouched, 50));
  });

  it('does not move when a fork is drawn from', () => {
    const quiet = createSeed(3);
    const busy = createSeed(3);
    draw(busy.fork('kills'), 1000);
    assert.deepEqual(draw(busy, 50), draw(quiet, 50));
  });

  it('keeps forks apart from each other, from their parent and from a name with a slash', () => {
    const seed = createSeed(3);
    const streams = [seed, seed.fork('a'), seed.fork('b'), seed.fork('a').fork('b'), seed.fork('a/b'), seed.fork('a%2Fb')];
    const firsts = streams.map((stream) => stream.fraction());
    assert.equal(new Set(firsts).size, streams.length);
  });

  it('does not correlate a fork with its sibling', () => {
    const seed = createSeed(11);
    const [one, other] = [draw(seed.fork('connection 1'), 20_000), draw(seed.fork('connection 2'), 20_000)];
    const covariance = one.reduce((sum, value, index) => sum + (value - 0.5) * ((other[index] ?? 0) - 0.5), 0) / one.length;
    assert.ok(Math.abs(covariance * 12) < 0.03, `correlation ${covariance * 12}`);
  });

  it('says its name, from which it can be made again', () =>
    assert.equal(createSeed(42).fork('agent').fork('kills').name, '42/agent/kills'));
});

describe('Choices', () => {
  it('of whole numbers are even and reach both ends', () => {
    const seed = createSeed('ints');
    const counts = Array.from({ length: 16 }, () => 0);
    for (let tried = 0; tried < 64_000; tried += 1) {
      const value = seed.int([-5, 10]);
      counts[value + 5] = (counts[value + 5] ?? Number.NaN) + 1;
    }
    assert.ok(computeChiSquared(counts) < 37.7, `chi squared ${computeChiSquared(counts)} with 15 degrees of freedom`);
  });

  it('by probability come as often as they should, and never or always at the ends', () => {
    const seed = createSeed('chances');
    const hits = Array.from({ length: 50_000 }, () => seed.chance(0.2)).filter(Boolean).length;
    assert.ok(Math.abs(hits - 10_000) < 300, `${hits} of 50000 at 20 %`);
    assert.ok(Array.from({ length: 1000 }, () => seed.chance(0)).every((hit) => !hit));
    assert.ok(Array.from({ length: 1000 }, () => seed.chance(1)).every(Boolean));
  });

  it('of an item reach every item', () => {
    const seed = createSeed('picks');
    const picked = new Set(Array.from({ length: 200 }, () => seed.pick(['a', 'b', 'c'])));
    assert.deepEqual([...picked].sort(), ['a', 'b', 'c']);
  });

  it('of an order keep every item, leave the list alone and make each order about as often', () => {
    const seed = createSeed('orders');
    const list = [1, 2, 3];
    const counts = new Map<string, number>();
    for (let tried = 0; tried < 12_000; tried += 1) {
      const order = seed.shuffle(list).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    assert.deepEqual(list, [1, 2, 3]);
    assert.deepEqual([...counts.keys()].sort(), ['123', '132', '213', '231', '312', '321']);
    assert.ok(computeChiSquared([...counts.values()]) < 20.5, 'uneven orders, with 5 degrees of freedom');
  });

  it('from nothing are refused', () => {
    const seed = createSeed(1);
    assert.throws(() => seed.pick([]), RangeError);
    assert.throws(() => seed.int([2, 1]), RangeError);
    assert.throws(() => seed.int([0, 0.5]), RangeError);
    assert.throws(() => seed.int([0, 2 ** 32]), RangeError);
  });
});
