import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { PasswordProof } from '../../store/repositories.ts';
import { judgePasswordProof } from './password-signs.ts';

const NOW = 1_770_000_000_000;
const DAY = 24 * 3_600_000;

const judge = (ageDays: number, change: { passwordProof?: PasswordProof; engineId?: string | undefined } = {}) =>
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

  it('is not asked for while no host has opened the repository', () => {
    assert.deepEqual(judge(400, { engineId: undefined }), []);
  });
});
