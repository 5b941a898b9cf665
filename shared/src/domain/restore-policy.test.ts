import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RESTORE_MODES } from './restore.ts';
import { changesExisting, findPolicyRefusal, type JudgedTarget } from './restore-policy.ts';

const TARGETS: readonly JudgedTarget[] = [
  { kind: 'directory' },
  { kind: 'in_place' },
  { kind: 'archive' },
  { kind: 'file' },
  { kind: 'database' },
  ...RESTORE_MODES.map((mode) => ({ kind: 'database' as const, mode })),
];
const name = ({ kind, mode }: JudgedTarget) => (mode === undefined ? kind : `${kind} ${mode}`);
const listAllowed = (policy: Parameters<typeof findPolicyRefusal>[0]) =>
  TARGETS.filter((target) => findPolicyRefusal(policy, target) === undefined).map(name);

describe('What a host lets a server restore', () => {
  it('is everything where it says so, or says nothing', () => {
    assert.deepEqual(listAllowed('any'), TARGETS.map(name));
    assert.deepEqual(listAllowed(undefined), TARGETS.map(name));
  });

  it('is only what changes nothing that exists, where it says beside', () => {
    assert.deepEqual(listAllowed('beside'), ['directory', 'archive', 'file', 'database', 'database new', 'database schema_only']);
    assert.equal(changesExisting({ kind: 'database' }), false);
    assert.match(findPolicyRefusal('beside', { kind: 'in_place' }) ?? '', /only beside.*HOLDFAST_RESTORES=beside/);
  });

  it('is nothing, where it says none', () => {
    assert.deepEqual(listAllowed('none'), []);
    assert.match(findPolicyRefusal('none', { kind: 'directory' }) ?? '', /no restore from a server.*HOLDFAST_RESTORES=none/);
  });
});
