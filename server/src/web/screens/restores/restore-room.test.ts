import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import type { RestorePreview } from '@holdfast/shared/protocol/browse.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, HOUR_MS } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { RUN_SCREENS } from '../runs/run.ts';
import { RESTORE_SCREENS } from './restore.ts';
import { RESTORE_FILES_SCREENS } from './restore-files.ts';

const GIB = 1024 ** 3;
const COUNTED: RestorePreview = {
  files: 120,
  others: 3,
  bytes: 2 * GIB,
  existing: 0,
  complete: true,
  conflicts: [],
  freeBytes: GIB,
};

describe('Room and speed of restored files', () => {
  let world: World;
  let host: Host;
  let snapshot: Snapshot;
  before(async () => {
    world = await createWorld([...RESTORE_SCREENS, ...RESTORE_FILES_SCREENS, ...RUN_SCREENS]);
    host = await addHost(world, { name: 'web-1', facts: { capabilities: [...AGENT_CAPABILITIES] } });
    const repository = await addRepository(world);
    const source = await addSource(world, { host: host.id, name: 'etc', kind: 'files', config: { paths: ['/etc'] } });
    const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] });
    await addRun(world, { host: host.id, plan: plan.id, repository: repository.id, source: source.id, at: NOW - HOUR_MS });
    const listed = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { source: source.id }, { limit: 1 });
    snapshot = listed.rows[0] ?? assert.fail('nothing was stored');
    world.directory.answers['restore.preview'] = () => COUNTED;
  });
  after(() => world.close());

  const pages = [
    ['the whole snapshot', '/restore', { place: '', target: '/restore/etc', understood: 'true' }],
    ['chosen files', '/files/restore', { path: '/etc/hosts', way: 'directory', host: '', target: '/restore/etc', act: 'start' }],
  ] as const;
  for (const [what, path, form] of pages) {
    const post = async (more: Record<string, string>) => {
      const named = Object.fromEntries(Object.entries(form).map(([name, value]) => [name, value === '' ? host.id : value]));
      return world.ask('post', `/snapshots/${snapshot.id}${path}`, { form: { ...named, ...more } });
    };
    const read = async (more: Record<string, string>) => {
      const reply = await post(more);
      assert.ok(reply.kind === 'page', JSON.stringify(reply));
      return { status: reply.status, page: reply.html.toString(), words: readWords(reply.html.toString()) };
    };

    it(`are counted before ${what} comes back, and too little room has to be accepted`, async () => {
      const { page, words } = await read({ act: 'look' });
      assert.match(words, /120 files and 3 links and devices, 2 GiB will be written on web-1\. Nothing is overwritten\./);
      assert.match(words, /Room on that disk 1 GiB, less than the files need/);
      assert.match(page, /name="roomAsked" value="true"/);
      const refused = await read({ roomAsked: 'true' });
      assert.equal(refused.status, 422);
      assert.match(refused.words, /make room, choose another place, or accept it/);
      assert.match(refused.page, /name="acceptLittleRoom"/, 'the tick stays before the eyes of who has to decide');
    });

    if (path === '/restore')
      it('are shown in the last step alone where that was asked for, with what is wrong', async () => {
        const ask = (target: string) =>
          world.read(`/snapshots/${snapshot.id}${path}`, {
            form: { place: host.id, act: 'look', target },
            part: 'restore-files-confirm',
          });
        assert.match(await ask('/restore/etc'), /^<div +id="restore-files-confirm"[\s\S]*less than the files need/);
        assert.match(readWords(await ask('nowhere')), /New directory ?: must be an absolute path/);
      });

    it(`are told to the host that brings ${what} back, and to who reads the page of the run`, async () => {
      const slow = await read({ downloadKiBps: 'fast' });
      assert.match(slow.words, /must be a whole number up to 10000000/);
      const reply = await post({ roomAsked: 'true', acceptLittleRoom: 'true', downloadKiBps: '2048' });
      assert.ok(reply.kind === 'redirect', JSON.stringify(reply).slice(0, 2000));
      const run = await world.context.store.runs.findRun(DEFAULT_TENANT, reply.to.replace('/runs/', '') as RunId);
      assert.deepEqual(run?.options, { downloadKiBps: 2048, acceptLittleRoom: true });
      const words = readWords(await world.read(reply.to));
      assert.match(words, /Small disk accepted/);
      assert.match(words, /Speed limit 2048 KiB\/s/);
    });
  }
});
