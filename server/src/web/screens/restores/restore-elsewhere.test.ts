import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import { startRestore } from '../../../core/restores/restores.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import type { Source } from '../../../store/sources.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addCopy, addHost, addPlan, addRepository, addRun, addSource, HOUR_MS, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { RESTORE_SCREENS } from './restore.ts';
import { RESTORE_CHOICE_SCREENS } from './restore-choice.ts';

describe('A restore of what lies on the disk of a lost host', () => {
  let world: World;
  let lost: Host;
  let other: Host;
  let source: Source;
  let remote: Repository;
  let original: Snapshot;
  before(async () => {
    world = await createWorld([...RESTORE_SCREENS, ...RESTORE_CHOICE_SCREENS]);
    const facts = { capabilities: [...AGENT_CAPABILITIES] };
    lost = await addHost(world, { name: 'db-1', facts, online: false });
    other = await addHost(world, { name: 'db-2', facts });
    const disk = await addRepository(world, { name: 'disk of db-1', kind: 'local', config: { path: '/backup' } });
    remote = await addRepository(world, { name: MARKUP_NAME });
    source = await addSource(world, { host: lost.id, name: 'shop' });
    const plan = await addPlan(world, { name: 'nightly', repository: disk.id, sources: [source.id] });
    await addRun(world, { host: lost.id, plan: plan.id, repository: disk.id, source: source.id, at: NOW - 2 * HOUR_MS });
    const listed = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { source: source.id }, { limit: 1 });
    original = listed.rows[0] ?? assert.fail('nothing was stored');
  });
  after(() => world.close());

  it('says where it lies and offers nothing while it lies nowhere else', async () => {
    const page = await world.read(`/snapshots/${original.id}/restore`);
    assert.match(
      readWords(page),
      /it lies on the disk of db-1, which is offline\. No other host can read it\. Back to the snapshot/,
    );
    const chosen = await world.ask('get', `/sources/${source.id}/restore`);
    assert.deepEqual(chosen, { kind: 'redirect', to: `/snapshots/${original.id}/restore` });
  });

  it('goes on from the copy that can be reached: offered there, and taken where only the source was named', async () => {
    const copy = await addCopy(world, original, remote);
    const page = await world.read(`/snapshots/${original.id}/restore`);
    assertInert(page);
    assert.match(page, new RegExp(`href="/snapshots/${copy}/restore"[^>]*>.{0,40}Restore it from `, 's'));
    assert.match(readWords(page), /The same backup lies in the repository <script>.* too\./);
    const chosen = await world.ask('get', `/sources/${source.id}/restore`);
    assert.deepEqual(chosen, { kind: 'redirect', to: `/snapshots/${copy}/restore` });
    assert.match(readWords(await world.read(`/snapshots/${copy}/restore`)), /This is the newest good one/);
    world.directory.online.add(lost.id);
    const near = await world.ask('get', `/sources/${source.id}/restore`);
    assert.deepEqual(near, { kind: 'redirect', to: `/snapshots/${original.id}/restore` }, 'an original that answers comes first');
    const standby = await addSource(world, { host: other.id, name: 'standby' });
    const run = await startRestore(world.context, createCaller('operator'), {
      snapshot: { newest: true, source: source.id },
      host: other.id,
      target: { kind: 'database', source: standby.id, database: 'shop_2' },
    });
    assert.equal(run.snapshot, copy, 'another host takes what it can read');
  });
});
