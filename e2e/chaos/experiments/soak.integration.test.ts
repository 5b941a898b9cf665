import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isGood } from '../experiment.ts';
import { openTestLab } from './fixtures/test-lab.ts';
import type { Look } from './soak/look.ts';
import { computeHourlySlope, measureGrowth, type Sample } from './soak/trend.ts';
import { judgeSoak, type Observed } from './soak/verdict.ts';
import { SOAK } from './soak.ts';

const HOUR_MS = 3_600_000;
const MEGABYTE = 1024 * 1024;
const LOOKS = 90;
const SURE = new Set(['soak-fds', 'soak-zombies', 'soak-wal', 'soak-lost']);

/** An hour of samples that grow, every tenth of them wild. */
const makeSamples = (perHour: number): readonly Sample[] =>
  Array.from({ length: LOOKS }, (_, index) => ({
    atMs: (index * HOUR_MS) / LOOKS,
    value: 100 + (perHour * index) / LOOKS + (index % 10 === 3 ? 40 : 0),
  }));

const STEADY = { residentBytes: 140 * MEGABYTE, heapBytes: 30 * MEGABYTE, handles: 600, descriptors: 230, threads: 11 };
const FILES = { databaseBytes: 3 * MEGABYTE, walBytes: 4 * MEGABYTE };

/** Looks at programs of which one holds more and more of something, `perLook` at each. */
function makeLooks(program: 'server' | 'agent', holding: keyof Look['programs']['server'], perLook: number): readonly Look[] {
  return Array.from({ length: LOOKS }, (_, index) => {
    const programs = { server: { ...STEADY, ...FILES }, agent: { ...STEADY, ...FILES } };
    programs[program][holding] += perLook * index;
    return { atMs: (index * HOUR_MS) / LOOKS, programs, zombies: index % 3 === 0 ? 1 : 0 };
  });
}

const CALM: Observed = {
  warmUpMs: HOUR_MS / 4,
  soakedMs: HOUR_MS,
  faults: 120,
  looks: makeLooks('server', 'residentBytes', (0.2 * MEGABYTE) / LOOKS),
  reported: 10,
  visits: 900,
  problems: [],
};

const listBad = (change: Partial<Observed>) =>
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
      // How memory grows cannot be said of seconds, and handles and threads come and go.
      if (SURE.has(outcome.name)) assert.ok(isGood(outcome), JSON.stringify(outcome, undefined, 2));
    }
    assert.ok(injections.length >= 5);
    assert.match(outcomes[0]?.detail ?? '', /[1-9]\d+ pages read/);
  });

  it('tells a level that grows from one that is wild at times', () => {
    assert.equal(computeHourlySlope(makeSamples(0)), 0);
    assert.ok(Math.abs(computeHourlySlope(makeSamples(5)) - 5) < 0.2);
    assert.ok(Math.abs(computeHourlySlope(makeSamples(-5)) + 5) < 0.2);
    assert.throws(() => computeHourlySlope([{ atMs: 1, value: 1 }]), RangeError);
    assert.equal(measureGrowth([5, 9, 5, 5, 9, 5]), 0);
    assert.equal(measureGrowth([5, 9, 6, 7, 9, 7]), 2);
  });

  it('misses each of its figures for what grows or is lost', () => {
    assert.deepEqual(listBad({}), []);
    assert.deepEqual(listBad({ looks: makeLooks('agent', 'residentBytes', (2 * MEGABYTE) / LOOKS) }), ['soak-rss-slope']);
    assert.deepEqual(listBad({ looks: makeLooks('server', 'descriptors', 1) }), ['soak-fds']);
    assert.deepEqual(listBad({ looks: makeLooks('agent', 'handles', 1) }), ['soak-handles']);
    assert.deepEqual(listBad({ looks: makeLooks('server', 'threads', 1) }), ['soak-threads']);
    assert.deepEqual(listBad({ looks: makeLooks('server', 'walBytes', MEGABYTE) }), ['soak-wal']);
    assert.deepEqual(listBad({ looks: makeLooks('server', 'databaseBytes', MEGABYTE) }), [], 'what is kept may grow');
    assert.deepEqual(
      listBad({ looks: makeLooks('server', 'heapBytes', 0).map((look, index) => ({ ...look, zombies: index })) }),
      ['soak-zombies'],
    );
    assert.deepEqual(listBad({ problems: ['an event is gone'] }), ['soak-lost']);
  });
});
