import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RUN_KINDS, RUN_STATES } from '@holdfast/shared/domain/run.ts';
import fc from 'fast-check';
import { computeFacetMask, computeFacets, readKindAndState } from './facets.ts';

const runArbitrary = fc.record({
  state: fc.constantFrom(...RUN_STATES),
  kind: fc.constantFrom(...RUN_KINDS),
  host: fc.string(),
  plan: fc.option(fc.string(), { nil: undefined }),
  repository: fc.string(),
});

describe('facets', () => {
  it('never hide a run from a filter it fits', () => {
    fc.assert(
      fc.property(runArbitrary, fc.nat({ max: 63 }), (run, bits) => {
        const chosen = Object.fromEntries(
          Object.entries(run).filter(([, value], i) => value !== undefined && (bits >> i) % 2 === 1),
        );
        const active = bits >= 32 ? { active: ['queued', 'running', 'finalizing'].includes(run.state) } : {};
        const { mask, value } = computeFacetMask({ ...chosen, ...active });
        assert.equal(BigInt(computeFacets(run)) & BigInt(mask), BigInt(value));
      }),
    );
  });

  it('fit a safe integer and stay the same for ever, because rows hold them', () => {
    const run = { state: 'failed', kind: 'backup', host: 'host_1', plan: 'plan_1', repository: 'repo_1' } as const;
    assert.equal(computeFacets(run), 808165708062768);
    assert.ok(Number.isSafeInteger(computeFacetMask({ ...run, active: true }).mask));
    assert.deepEqual(computeFacetMask({}), { mask: 0, value: 0 });
  });

  it('tell kind and state together, for counts that read the index alone', () => {
    for (const kind of RUN_KINDS)
      for (const state of RUN_STATES) {
        const facets = computeFacets({ kind, state, host: 'h', plan: 'p', repository: 'r' });
        const bits = Number((BigInt(facets) >> 1n) & 65_535n);
        assert.deepEqual(readKindAndState(bits, RUN_KINDS, RUN_STATES), { kind, state });
      }
    assert.equal(readKindAndState(65_535, [], []), undefined);
  });

  it('tell the states apart', () => {
    const values = RUN_STATES.map((state) => computeFacetMask({ state }).value);
    assert.equal(new Set(values).size, RUN_STATES.length);
  });
});
