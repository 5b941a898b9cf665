import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NOW, type OpenStore, OTHER_TENANT, refusal, TENANT, withStore } from './samples.ts';

const KEY = { tenant: TENANT, holder: 'key_1', keyHash: 'a'.repeat(64) };
const CLAIM = { request: 'asked', now: NOW, expiresAt: NOW + 1000, atMost: 3 };

export function checkAnswers(open: OpenStore): void {
  describe('answers', () => {
    it(
      'are claimed once, and given to whoever comes again',
      withStore(open, async ({ answers }) => {
        assert.equal(await answers.claimAnswer(KEY, CLAIM), undefined);
        const pending = await answers.claimAnswer(KEY, { ...CLAIM, request: 'other' });
        assert.deepEqual([pending?.request, pending?.answer], ['asked', undefined]);
        await answers.settleAnswer(KEY, 'answered');
        await answers.settleAnswer(KEY, 'answered otherwise');
        assert.deepEqual(await answers.claimAnswer(KEY, CLAIM), { request: 'asked', answer: 'answered' });
      }),
    );

    it(
      'belong to one holder of one tenant',
      withStore(open, async ({ answers }) => {
        await answers.claimAnswer(KEY, CLAIM);
        assert.equal(await answers.claimAnswer({ ...KEY, holder: 'key_2' }, CLAIM), undefined);
        assert.equal(await answers.claimAnswer({ ...KEY, tenant: OTHER_TENANT }, CLAIM), undefined);
        assert.equal(await answers.claimAnswer({ ...KEY, keyHash: 'b'.repeat(64) }, CLAIM), undefined);
      }),
    );

    it(
      'are free again once released or expired, and a settled one is not released',
      withStore(open, async ({ answers }) => {
        await answers.claimAnswer(KEY, CLAIM);
        await answers.releaseAnswer(KEY);
        assert.equal(await answers.claimAnswer(KEY, CLAIM), undefined);
        await answers.settleAnswer(KEY, 'answered');
        await answers.releaseAnswer(KEY);
        assert.equal((await answers.claimAnswer(KEY, { ...CLAIM, now: NOW + 999 }))?.answer, 'answered');
        assert.equal(await answers.claimAnswer(KEY, { ...CLAIM, now: NOW + 1000, expiresAt: NOW + 2000 }), undefined);
        assert.equal(await answers.deleteExpiredAnswers(NOW + 1999), 0);
        assert.equal(await answers.deleteExpiredAnswers(NOW + 2000), 1);
      }),
    );

    it(
      'are bounded for each holder',
      withStore(open, async ({ answers }) => {
        for (const letter of 'abc') await answers.claimAnswer({ ...KEY, keyHash: letter }, CLAIM);
        await assert.rejects(answers.claimAnswer({ ...KEY, keyHash: 'd' }, CLAIM), refusal('limit'));
        assert.equal((await answers.claimAnswer({ ...KEY, keyHash: 'a' }, CLAIM))?.request, 'asked');
        assert.equal(await answers.claimAnswer({ ...KEY, holder: 'key_2', keyHash: 'd' }, CLAIM), undefined);
      }),
    );
  });
}
