import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { CONTENTS } from '@holdfast/shared/limits.ts';
import { REQUESTS, type RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { findEvent, openRunRig, PASSWORD, type RunRig, writeFolder } from '../runs/fixtures/run-rig.ts';
import { getMade } from './fixtures/restore-orders.ts';

const HOSTILE = '<script>alert(1)</script>';

/** Somebody backs up into the rig's repository by hand, and knows nothing of runs. */
function backUpByHand(rig: RunRig, binary: string, folder: string, tag: string): void {
  const args = ['backup', '--no-cache', '--host', HOSTILE, '--tag', tag, folder];
  execFileSync(binary, args, {
    env: { RESTIC_REPOSITORY: join(rig.dir, 'repository'), RESTIC_PASSWORD: PASSWORD, HOME: rig.dir },
    stdio: 'pipe',
  });
}

test('What a repository holds', async (t) => {
  const binary = GENERATIONS.at(-1)?.binary ?? assert.fail('no restic');
  const rig = await openRunRig(t, { restic: binary });
  const pinnedId = await rig.initRepository();
  const folder = writeFolder(join(rig.dir, 'letters'), { a: 'dear reader' });
  rig.addFiles('letters', [folder]);
  const own = getMade(await rig.runPlan());
  backUpByHand(rig, binary, folder, `a tag of ${'x'.repeat(2 * CONTENTS.textChars)}`);

  const { kind, config } = rig.repository;
  const draft = (ref: string, password: string) => ({ kind, config, secrets: rig.seal('request', ref, { password }) });
  const ask = async (after: number, change: { password?: string; pinnedId?: string } = {}) => {
    const ref = rig.workbench.createId('request');
    const notAfter = rig.workbench.clock.now() + 60_000;
    const body = { ref, draft: draft(ref, change.password ?? PASSWORD), pinnedId, after, notAfter, ...change };
    const { 'repository.contents': question } = REQUESTS;
    const answer = await rig.handlers['repository.contents'](question.body.parse(body), 'frame_1');
    return question.result.parse(answer);
  };
  const remove = async (engineIds: readonly string[], orphan: boolean) => {
    const run: RunId = rig.workbench.createId('run');
    const order: RequestBody<'delete_snapshot.start'> = {
      run,
      repository: { id: rig.repository.id, draft: draft(`${run}.repositories`, PASSWORD), pinnedId },
      isAdmin: false,
      snapshots: engineIds.map((engineId) => ({
        id: rig.workbench.createId('snapshot'),
        source: rig.workbench.createId('source'),
        run: rig.workbench.createId('run'),
        engineId,
        role: 'data',
        createdAt: 0,
        sizeBytes: 0,
        ...(orphan ? { isOrphan: true } : {}),
      })),
      trigger: 'manual',
      requestedBy: 'ann',
      notAfter: rig.workbench.clock.now() + 60_000,
    };
    rig.handlers['delete_snapshot.start'](order, `order_${run}`);
    return findEvent(await rig.awaitEnd(run), 'run.finished');
  };

  await t.test('is told newest first, whoever made it, each text cut to its length', async () => {
    const { snapshots, total, unreadable, next } = await ask(0);
    assert.deepEqual([total, unreadable, next], [2, 0, undefined]);
    const [foreign, ours] = snapshots;
    assert.deepEqual([foreign?.hostname, foreign?.paths, foreign?.pathCount], [HOSTILE, [folder], 1]);
    assert.deepEqual([foreign?.tags.length, foreign?.tags[0]?.length], [1, CONTENTS.textChars]);
    assert.equal(ours?.engineId, own.engineId);
    assert.ok(ours?.tags.some((tag) => tag.startsWith('run:')));
  });

  await t.test('goes on from memory, and begins with the repository itself', async () => {
    const wrong = { password: 'not this one' };
    const rest = await ask(1, wrong);
    assert.deepEqual([rest.snapshots.map(({ engineId }) => engineId), rest.total, rest.next], [[own.engineId], 2, undefined]);
    await assert.rejects(ask(0, wrong), { code: 'tool_failed' });
    await assert.rejects(ask(0, { pinnedId: 'f'.repeat(64) }), (error: { details?: { reason?: string } }) => {
      assert.equal(error.details?.reason, 'repository_replaced');
      return true;
    });
  });

  await t.test('loses what no run made by an order, and never what a run of this host vouches for', async () => {
    const foreign = (await ask(0)).snapshots[0]?.engineId ?? assert.fail('none');
    const refused = await remove([foreign, own.engineId], true);
    assert.deepEqual([refused.state, refused.failure?.reason], ['failed', 'target_refused']);
    assert.equal((await ask(0)).total, 2, 'nothing went');
    assert.equal((await remove([foreign], true)).state, 'succeeded');
    const left = await ask(0);
    assert.deepEqual(
      left.snapshots.map(({ engineId }) => engineId),
      [own.engineId],
    );
  });
});
