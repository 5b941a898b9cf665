import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createId } from '@holdfast/shared/domain/ids.ts';
import { BROWSE } from '@holdfast/shared/limits.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import { REQUESTS, type RequestBody, type RequestResult } from '@holdfast/shared/protocol/messages.ts';
import { GENERATIONS } from '../engines/restic/fixtures/laboratory.ts';
import { openRunRig, PASSWORD } from '../runs/fixtures/run-rig.ts';
import { getMade, sealDraft } from './fixtures/restore-orders.ts';

type Browse = 'snapshot.list' | 'snapshot.find' | 'snapshot.diff' | 'restore.preview';
type Wish<T extends Browse> = Omit<RequestBody<T>, 'ref' | 'repository' | 'engineId' | 'notAfter'>;

test('Questions about the inside of a snapshot', async (t) => {
  const rig = await openRunRig(t, { restic: GENERATIONS[0]?.binary });
  await rig.initRepository();
  const root = join(rig.dir, 'srv');
  mkdirSync(join(root, 'many'), { recursive: true });
  mkdirSync(join(root, 'docs'));
  for (let at = 0; at < BROWSE.entriesPerPage + 30; at += 1) writeFileSync(join(root, 'many', `file-${at}`), '');
  for (const name of ['one', 'two']) writeFileSync(join(root, 'docs', name), name);
  rig.addFiles('letters', [root]);
  const { engineId } = getMade(await rig.runPlan());

  const ask = async <T extends Browse>(type: T, wish: Wish<T>, change: { password?: string; notAfter?: number } = {}) => {
    const ref = createId('request', { clock: systemClock, randomBytes: systemRandomBytes });
    const { kind, config } = rig.repository;
    const repository = sealDraft(rig, ref, kind, config, { password: change.password ?? PASSWORD });
    const body = { ref, repository, engineId, notAfter: change.notAfter ?? systemClock.now() + 60_000, ...wish };
    const handler = rig.handlers[type] as (given: unknown, id: string) => unknown;
    const answer = await handler(REQUESTS[type].body.parse(body), 'frame_1');
    return REQUESTS[type].result.parse(answer) as RequestResult<T>;
  };

  await t.test('are answered page by page, and the next page needs neither repository nor password', async () => {
    const first = await ask('snapshot.list', { path: join(root, 'many') });
    assert.deepEqual([first.entries.length, first.total, first.next], [500, 530, 500]);
    const wrong = { password: 'not this one' };
    const second = await ask('snapshot.list', { path: join(root, 'many'), after: 500 }, wrong);
    assert.deepEqual([second.entries.length, second.next], [30, undefined]);
    const names = new Set([...first.entries, ...second.entries].map(({ name }) => name));
    assert.equal(names.size, 530);
    const some = await ask('snapshot.list', { path: root, limit: 1 });
    assert.deepEqual([some.entries.map(({ name }) => name), some.next], [['docs'], 1]);
    await assert.rejects(ask('snapshot.find', { name: 'one' }, wrong), { code: 'tool_failed' });
  });

  await t.test('have an end, and leave nothing behind', async () => {
    const late = { notAfter: systemClock.now() - 1 };
    await assert.rejects(ask('snapshot.list', { path: root }, late), { code: 'cancelled' });
    await assert.rejects(ask('snapshot.list', { path: '/nowhere' }), { code: 'not_found' });
    assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
    assert.deepEqual(readdirSync(join(rig.dir, 'repository/locks')), []);
  });

  await t.test('find and compare', async () => {
    const found = await ask('snapshot.find', { name: 'tw?' });
    assert.deepEqual(
      found.entries.map(({ path }) => path),
      [join(root, 'docs/two')],
    );
    const same = await ask('snapshot.diff', { olderId: engineId });
    assert.deepEqual(same.changes, []);
  });

  await t.test('say beforehand what a restore would write, replace, and not do', async () => {
    const preview = (target: RestoreTarget) => ask('restore.preview', { target });
    const docs = join(root, 'docs');
    rmSync(join(docs, 'two'));
    const inPlace = await preview({ kind: 'in_place', paths: [docs] });
    assert.deepEqual([inPlace.files, inPlace.bytes, inPlace.existing, inPlace.conflicts], [2, 6, 1, []]);
    assert.ok((inPlace.freeBytes ?? 0) > 0);
    rmSync(docs, { recursive: true });
    symlinkSync('/etc', docs);
    const blocked = await preview({ kind: 'in_place', paths: [docs] });
    assert.match(blocked.conflicts.join(), /docs is a link here and a directory in the snapshot/);
    const taken = await preview({ kind: 'directory', path: root, paths: [docs] });
    assert.match(taken.conflicts.join(), /srv is not empty/);
    const free = await preview({ kind: 'archive', format: 'tar', path: join(rig.dir, 'new/x.tar'), from: docs });
    assert.deepEqual([free.files, free.conflicts, free.existing], [2, [], 0]);
    await assert.rejects(preview({ kind: 'in_place', paths: [join(root, 'gone')] }), { code: 'not_found' });
    rig.workbench.restores = 'none';
    const bound = await preview({ kind: 'archive', format: 'tar', path: join(rig.dir, 'new/x.tar'), from: docs });
    assert.match(bound.conflicts.join(), /This host takes no restore from a server/);
    rig.workbench.restores = 'any';
  });
});
