import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Audit, judgeAudit, judgeSight, type Sight } from './verdict.ts';

const ID = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const green: Sight = {
  state: 'succeeded',
  allowed: ['succeeded'],
  ledger: [{ engineId: ID, role: 'data', state: 'good' }],
  stored: [ID],
};
const red: Sight = { state: 'failed', allowed: ['failed'], ledger: [], stored: [] };

describe('The verdict on a try', () => {
  it('finds nothing in a green run whose snapshot equals the source, nor in a failed one that left nothing', () => {
    assert.deepEqual(judgeSight(green), []);
    assert.deepEqual(judgeSight(red), []);
  });

  it('finds nothing in what a failed run left behind, as long as nobody can restore it', () => {
    const ledger = [{ engineId: ID, role: 'data', state: 'quarantined', isOffered: false }] as const;
    assert.deepEqual(judgeSight({ ...red, ledger, stored: [ID, OTHER] }), []);
  });

  const offered = { engineId: ID, role: 'data', state: 'good' } as const;
  const bad: readonly [string, Sight, RegExp][] = [
    ['a run that goes on', { ...red, state: 'running' }, /has not ended/],
    ['a green end of a fault that must fail', { ...green, allowed: ['failed'] }, /ended succeeded, which is not failed/],
    ['a failed end of an undisturbed run', { ...red, allowed: ['succeeded'] }, /ended failed/],
    [
      'a truncated snapshot',
      { ...green, ledger: [{ ...offered, mismatch: 'the dump has no end' }] },
      /offered, but the dump has no end/,
    ],
    ['a snapshot that is not there', { ...green, stored: [] }, /not in the repository/],
    ['a green run without a snapshot', { ...green, ledger: [] }, /without a snapshot/],
    [
      'a green run with its roles alone',
      { ...green, ledger: [{ ...offered, role: 'globals' }] },
      /without a snapshot of its data/,
    ],
    ['a failed run with a good snapshot', { ...red, ledger: [offered], stored: [ID] }, /1 snapshots of it are offered/],
    ['a partial snapshot of a green run', { ...green, ledger: [{ ...offered, state: 'partial' }] }, /partial snapshot/],
    [
      'a quarantined snapshot that can be restored',
      { ...red, ledger: [{ ...offered, state: 'quarantined', isOffered: true }], stored: [ID] },
      /quarantined and can be restored/,
    ],
  ];
  for (const [name, sight, words] of bad)
    it(`finds ${name}`, () => {
      assert.match(judgeSight(sight).join('; '), words);
    });
});

describe('The verdict on a repository', () => {
  const clean: Audit = { stored: [ID, OTHER], offered: [ID], verified: new Set([ID]), unlisted: 1 };

  it('finds nothing when ledger, repository and report agree', () => {
    assert.deepEqual(judgeAudit(clean), []);
  });

  const bad: readonly [string, Audit, RegExp][] = [
    ['a snapshot that is gone', { ...clean, stored: [OTHER] }, /not in the repository/],
    ['a snapshot that became good later', { ...clean, verified: new Set() }, /was not when its run ended/],
    ['an orphan nobody reported', { ...clean, unlisted: 0 }, /1 snapshots are vouched for by nobody, and 0 were reported/],
    ['damage', { ...clean, damage: 'pack is damaged' }, /restic check: pack is damaged/],
  ];
  for (const [name, audit, words] of bad)
    it(`finds ${name}`, () => {
      assert.match(judgeAudit(audit).join('; '), words);
    });
});
