import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DAY_MS, HOUR_MS } from '@holdfast/shared/durations.ts';
import type { KeptSource, LookedHost, LookedSource } from '../../../core/fleet/look.ts';
import { NOW, sampleHost, sampleId, samplePlan, sampleRepository, sampleSource } from '../../../store/contract/samples.ts';
import type { Drill } from '../../../store/drills.ts';
import { gatherSources, sayNames } from './overview-sources.ts';

const plan = samplePlan(sampleRepository(), []);
const hosts = ['db-10', 'db-9', 'db-2', 'db-1'].map((name, at): LookedHost => {
  return { ...sampleHost({ name, lastSeenAt: NOW - at * HOUR_MS }), standing: 'online' };
});

function look(at: number, status: LookedSource['protection']['status'], change: Partial<KeptSource> = {}): LookedSource {
  const host = hosts[at % hosts.length];
  assert.ok(host);
  const { id, name, kind } = sampleSource(sampleHost());
  const standing = { source: id, lastGoodAt: NOW - at * HOUR_MS };
  const row = { id, name, nameKey: name, kind, host: host.id, enabled: true, proofDays: undefined };
  return { source: { ...row, plans: [plan], standing, objectives: {}, ...change }, host, protection: { status } };
}

function prove(one: LookedSource, restoreMs: number, isProven = true): LookedSource {
  const { id } = one.source;
  const drill: Drill = {
    ...{ run: sampleId('run'), source: id, host: one.host.id, snapshot: sampleId('snapshot'), isProven },
    ...{ endedAt: NOW - restoreMs, restoreMs, snapshotAgeMs: DAY_MS, things: 1 },
  };
  return { ...one, source: { ...one.source, proof: { source: id, newest: drill, ...(isProven ? { proven: drill } : {}) } } };
}

describe('What an overview gathers of all sources', () => {
  it('is the troubled, the silent and the planless ones, and the oldest good backup of a protected one', () => {
    const [good, older, bad, risky, missed, lost] = [
      look(1, 'protected'),
      look(7, 'protected'),
      look(2, 'unprotected'),
      look(3, 'at_risk'),
      look(0, 'at_risk'),
      look(9, 'unprotected', { plans: [] }),
    ];
    const list = [good, { ...missed, protection: { status: 'at_risk', isMissedFire: true } as const }, risky, bad, lost, older];
    const silent = [look(0, 'unknown'), look(4, 'unknown'), look(1, 'unknown'), look(2, 'unknown'), look(3, 'unknown')];
    const found = gatherSources([...list, ...silent]);
    assert.deepEqual(found.troubled, [bad, risky]);
    assert.deepEqual(found.planless, [lost]);
    assert.equal(found.oldestGoodAt, NOW - 7 * HOUR_MS);
    assert.deepEqual([...found.silent.hosts.values()], [2, 1, 1, 1]);
    assert.deepEqual(
      [...found.silent.ids],
      hosts.map(({ id }) => id),
    );
    const { sources, newestAt, names } = found.silent;
    assert.deepEqual([sources, newestAt, names], [5, NOW, 'db-1, db-2, db-9 and 1 more']);
  });

  it('is how recovery was proven, the quickest restore first', () => {
    const [slow, quick, failed, never] = [
      prove(look(0, 'protected'), 900),
      prove(look(1, 'protected'), 100),
      prove(look(2, 'at_risk'), 500, false),
      look(3, 'protected'),
    ];
    const { proofs, drills } = gatherSources([slow, quick, failed, never]);
    assert.deepEqual(proofs, { count: 2, oldestAt: NOW - 900 });
    assert.equal(drills.tried, 3);
    assert.deepEqual(
      drills.proven.map(({ one, ms }) => [one, ms]),
      [
        [quick, 100],
        [slow, 900],
      ],
    );
  });

  it('is gathered once for a list, and anew for another, whatever of it is another', () => {
    const list = [look(1, 'protected'), look(2, 'protected')];
    const found = gatherSources(list);
    assert.equal(gatherSources(list), found);
    assert.equal(gatherSources([...list]).troubled.length, 0);
    const after = list.map((one, at): LookedSource => (at === 0 ? { ...one, protection: { status: 'at_risk' } } : one));
    assert.deepEqual(gatherSources(after).troubled, [after[0]]);
    assert.equal(gatherSources(after).oldestGoodAt, NOW - 2 * HOUR_MS);
  });

  it('is nothing of no sources', () => {
    const { planless, silent, troubled, oldestGoodAt, proofs, drills } = gatherSources([]);
    assert.deepEqual([planless, troubled, drills, silent.hosts.size, silent.newestAt], [[], [], { tried: 0, proven: [] }, 0, 0]);
    assert.deepEqual([oldestGoodAt, proofs.count], [Number.POSITIVE_INFINITY, 0]);
  });
});

describe('Names of many', () => {
  it('are the first three by name, numbers as numbers, and how many more', () => {
    assert.equal(sayNames(['db-10', 'db-9', 'DB-1', 'db-2']), 'DB-1, db-2, db-9 and 1 more');
    assert.equal(sayNames(['b', 'a']), 'a and b');
    assert.equal(sayNames([]), '');
  });
});
