import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isGood } from '../experiment.ts';
import { openTestLab } from './fixtures/test-lab.ts';
import { computeHourlySlope, measureGrowth, type Sample } from './soak/trend.ts';
import { judgeSoak, SOAK } from './soak.ts';

const HOUR_MS = 3_600_000;

/** An hour of samples: a level that grows, with waste on top that comes and goes. */
const makeSamples = (perHour: number): readonly Sample[] =>
  Array.from({ length: 1_800 }, (_, index) => ({
    atMs: index * 2_000,
    value: 100 + (perHour * index) / 1_800 + (index % 17) * 2,
  }));

const CALM = {
  soakedMs: HOUR_MS,
  faults: 120,
  memory: new Map([['server', makeSamples(0.2)]]),
  descriptors: new Map([['server', [240, 241, 240, 243, 240, 240]]]),
  zombies: [0, 1, 0, 0, 1, 0],
  reported: 10,
  problems: [],
};

const listBad = (change: Partial<typeof CALM>) =>
  judgeSoak({ ...CALM, ...change })
    .filter((outcome) => !isGood(outcome))
    .map(({ name }) => name);

describe('A soak', { timeout: 300_000 }, () => {
  it('of some seconds loses nothing and leaves nothing open', async (t) => {
    const { lab, injections } = await openTestLab(t, 'selection', { soakMs: 12_000 });
    const outcomes = await SOAK.run(lab);
    assert.deepEqual(
      outcomes.map(({ name }) => name),
      SOAK.figures,
    );
    for (const outcome of outcomes) {
      t.diagnostic(`${outcome.name}: ${outcome.bad}, ${outcome.detail}`);
      // How memory grows cannot be said of seconds.
      if (outcome.unit === undefined) assert.ok(isGood(outcome), JSON.stringify(outcome, undefined, 2));
    }
    assert.ok(injections.length >= 5);
  });

  it('tells a level that grows from waste that comes and goes', () => {
    assert.ok(Math.abs(computeHourlySlope(makeSamples(0))) < 0.2);
    assert.ok(Math.abs(computeHourlySlope(makeSamples(5)) - 5) < 0.3);
    assert.equal(measureGrowth([5, 9, 5, 5, 9, 5]), 0);
    assert.equal(measureGrowth([5, 9, 6, 7, 9, 7]), 2);
  });

  it('misses each of its figures for what grows or is lost', () => {
    assert.deepEqual(listBad({}), []);
    assert.deepEqual(listBad({ memory: new Map([['agent', makeSamples(2)]]) }), ['soak-rss-slope']);
    assert.deepEqual(listBad({ descriptors: new Map([['server', [240, 241, 242, 243, 244, 245]]]) }), ['soak-fds']);
    assert.deepEqual(listBad({ zombies: [0, 0, 1, 1, 2, 2] }), ['soak-zombies']);
    assert.deepEqual(listBad({ problems: ['an event is gone'] as never }), ['soak-lost']);
  });
});
