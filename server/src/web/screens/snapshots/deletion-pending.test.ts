import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import { startDeletion } from '../../../core/snapshots/snapshot-deletion.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Run } from '../../../store/runs.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, HOUR_MS, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { RESTORE_SCREENS } from '../restores/restore.ts';
import { RESTORE_CHOICE_SCREENS } from '../restores/restore-choice.ts';
import { RESTORE_START_SCREENS } from '../restores/restore-start.ts';
import { RUN_SCREENS } from '../runs/run.ts';
import { RUNS_SCREENS } from '../runs/runs.ts';
import { SNAPSHOT_SCREENS } from './snapshot.ts';
import { SNAPSHOTS_SCREENS } from './snapshots.ts';

describe('A snapshot whose deletion waits for its host', () => {
  let world: World;
  let host: Host;
  let newer: Snapshot;
  let older: Snapshot;
  let run: Run;
  before(async () => {
    world = await createWorld([
      ...SNAPSHOTS_SCREENS,
      ...SNAPSHOT_SCREENS,
      ...RESTORE_SCREENS,
      ...RESTORE_CHOICE_SCREENS,
      ...RESTORE_START_SCREENS,
      ...RUN_SCREENS,
      ...RUNS_SCREENS,
    ]);
    host = await addHost(world, { name: MARKUP_NAME, facts: { capabilities: [...AGENT_CAPABILITIES] }, online: false });
    const repository = await addRepository(world, { testedFrom: host.id });
    const source = await addSource(world, { host: host.id, name: 'shop' });
    const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] });
    const about = { host: host.id, plan: plan.id, repository: repository.id, source: source.id };
    for (const age of [30, 3]) await addRun(world, { ...about, at: NOW - age * HOUR_MS });
    const { rows } = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { source: source.id }, { limit: 2 });
    newer = rows[0] ?? assert.fail('no snapshot');
    older = rows[1] ?? assert.fail('one snapshot');
    const wanted = { snapshots: [newer.id], confirm: 'delete 1' };
    run = (await startDeletion(world.context, createCaller(), wanted)).runs[0] ?? assert.fail('nothing was ordered');
  });
  after(() => world.close());

  it('is called so in the list and on its page, which says what it waits for', async () => {
    const list = await world.read('/snapshots', { part: 'snapshots' });
    const row = (id: string) => readWords(list.split(`row-${id}`)[1]?.split('<tr')[0] ?? '');
    assert.match(row(newer.id), /deletion pending/);
    assert.doesNotMatch(row(newer.id), /Restore/);
    assert.doesNotMatch(row(older.id), /deletion pending/);
    const page = await world.read(`/snapshots/${newer.id}`);
    assertInert(page);
    assert.match(
      readWords(page),
      /ada had this snapshot deleted: it waits for .*, which is offline\. Until then it can be taken back/,
    );
    assert.match(page, new RegExp(`action="/runs/${run.id}/cancel"`));
    assert.doesNotMatch(page, /Restore this…/);
    assert.doesNotMatch(await world.read(`/snapshots/${newer.id}`, { role: 'viewer' }), /Take it back/);
  });

  it('is offered for restore nowhere: its source’s older one is', async () => {
    assert.match(readWords(await world.read(`/snapshots/${newer.id}/restore`)), /The deletion of this snapshot is ordered/);
    assert.match(await world.read('/restore'), new RegExp(`href="/sources/${newer.source}/restore"`));
    const chosen = await world.ask('get', `/sources/${newer.source}/restore`);
    assert.deepEqual(chosen, { kind: 'redirect', to: `/snapshots/${older.id}/restore` });
  });

  it('is as before once that is taken back', async () => {
    const reply = await world.ask('post', `/runs/${run.id}/cancel`);
    assert.equal(reply.kind, 'redirect');
    const page = await world.read(`/snapshots/${newer.id}`);
    assert.match(page, /Restore this…/);
    assert.doesNotMatch(readWords(page), /deletion pending/);
  });
});
