import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { PasswordProof, SealedCopy } from '../../store/repositories.ts';
import { judgePasswordProof } from './password-signs.ts';

const NOW = 1_770_000_000_000;
const DAY = 24 * 3_600_000;

const judge = (
  ageDays: number,
  change: { passwordProof?: PasswordProof; sealedCopy?: SealedCopy; engineId?: string | undefined } = {},
) =>
  judgePasswordProof(
    { id: 'repo_1' as RepositoryId, name: 'main', engineId: 'e', createdAt: NOW - ageDays * DAY, ...change },
    NOW,
  );
const proven = (ageDays: number) => ({ passwordProof: { at: NOW - ageDays * DAY, by: 'ada', host: 'host_1' as HostId } });

describe('The password of a repository', () => {
  it('has a week until somebody has shown that it is kept elsewhere', () => {
    assert.deepEqual(judge(6.9), []);
    const [sign] = judge(8);
    assert.deepEqual([sign?.condition, sign?.thing.id, sign?.since], ['repository.unproven', 'repo_1', NOW - DAY]);
    assert.match(sign?.text ?? '', /nobody has opened it yet/);
  });

  it('is asked for again after a quarter', () => {
    assert.deepEqual(judge(400, proven(92)), []);
    assert.match(judge(400, proven(93))[0]?.text ?? '', /opened last with a password from outside Holdfast on 2025-11-01/);
  });

  it('counts as kept for a quarter by the recovery key that it is sealed to, if somebody has shown that they have it', () => {
    const sealed = (ageDays: number) => ({ sealedCopy: { madeAt: NOW, keyProof: { at: NOW - ageDays * DAY, by: 'ada' } } });
    assert.deepEqual(judge(400, sealed(92)), []);
    assert.match(judge(400, sealed(93))[0]?.text ?? '', /recovery key which it is sealed to was shown last on 2025-11-01/);
    assert.deepEqual(judge(400, { ...sealed(200), ...proven(1) }), [], 'the newer of both counts');
    assert.deepEqual(judge(400, { ...sealed(1), ...proven(200) }), []);
    assert.match(judge(400, { sealedCopy: { madeAt: NOW } })[0]?.text ?? '', /nor shown that they have the recovery key/);
  });

  it('is not asked for while no host has opened the repository', () => {
    assert.deepEqual(judge(400, { engineId: undefined }), []);
  });
});
