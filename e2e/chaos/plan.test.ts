import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Experiment } from './experiment.ts';
import { parseSpan, planChaos } from './plan.ts';

const make = (figures: readonly string[], isSoak = false): Experiment => ({ figures, isSoak, run: async () => [] });
const CATALOG = [make(['gate-faults']), make(['kill-agent', 'kill-server']), make(['soak-memory'], true)];
const titles = (words: Parameters<typeof planChaos>[1]) => planChaos(CATALOG, words).experiments.map((one) => one.figures[0]);

describe('A call of the laboratory', () => {
  it('makes everything but the soak in a quarter of an hour, and the soak with the published figures', () => {
    assert.equal(planChaos(CATALOG, {}).effort, 'quarter');
    assert.deepEqual(titles({}), ['gate-faults', 'kill-agent']);
    assert.equal(planChaos(CATALOG, { full: '1' }).effort, 'full');
    assert.deepEqual(titles({ full: '1' }), ['gate-faults', 'kill-agent', 'soak-memory']);
    assert.equal(planChaos(CATALOG, { selection: '1' }).effort, 'selection');
  });

  it('leaves out what takes long at every effort, unless all is made or it is asked for', () => {
    const catalog = [...CATALOG, { ...make(['coverage']), isLong: true }];
    const count = (words: Parameters<typeof planChaos>[1]) => planChaos(catalog, words).experiments.length;
    assert.deepEqual([count({}), count({ full: '1' }), count({ only: 'cov' }), count({ selection: '1' })], [2, 4, 1, 2]);
  });

  it('takes an experiment by the beginning of one of its figures', () => {
    assert.deepEqual(titles({ only: 'kill-s' }), ['kill-agent']);
    assert.deepEqual(titles({ only: 'soak' }), ['soak-memory']);
    assert.throws(() => titles({ only: 'nothing' }), /no figure is called nothing; there are: gate-faults, kill-agent/);
  });

  it('soaks alone for the time it is given', () => {
    const plan = planChaos(CATALOG, { soak: '8h' });
    assert.deepEqual([plan.soakMs, plan.experiments.length], [28_800_000, 1]);
    assert.deepEqual(['90s', '1.5m', '3d'].map(parseSpan), [90_000, 90_000, 259_200_000]);
    for (const bad of ['', '8', 'h', '8 h', '-1h', '8hours']) assert.throws(() => parseSpan(bad), /SOAK is a time/);
  });

  it('puts into the documents only what was made with all tries, or soaked for an hour', () => {
    const docs = (words: Parameters<typeof planChaos>[1]) => planChaos(CATALOG, { ...words, docs: '1' });
    assert.equal(docs({ full: '1', only: 'gate' }).experiments.length, 1);
    assert.equal(docs({ soak: '1h' }).experiments.length, 1);
    for (const words of [{}, { only: 'gate' }, { soak: '59m' }, { full: '1', soak: '5m' }])
      assert.throws(() => docs(words), /DOCS takes figures/);
  });
});
