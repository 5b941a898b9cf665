import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_ROUTINE } from '@holdfast/shared/domain/routine.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import { setRoutine } from '../../../core/routine/routine.ts';
import { cancelRun } from '../../../core/runs/runs.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Run } from '../../../store/runs.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addCopy, addHost, addPlan, addRepository, addRun, addSource, HOUR_MS, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { RUN_SCREENS } from '../runs/run.ts';
import { SNAPSHOT_ACT_SCREENS } from './snapshot-acts.ts';

const facts = { capabilities: [...AGENT_CAPABILITIES] };

describe('the host that does something with chosen snapshots', () => {
  let world: World;
  let gone: Host;
  let other: Host;
  let repository: Repository;
  let snapshot: Snapshot;
  before(async () => {
    world = await createWorld([...SNAPSHOT_ACT_SCREENS, ...RUN_SCREENS]);
    gone = await addHost(world, { name: 'db-1', facts, online: false });
    other = await addHost(world, { name: 'db-2', facts });
    repository = await addRepository(world, { testedFrom: gone.id });
    const source = await addSource(world, { host: gone.id, name: 'shop' });
    const far = await addSource(world, { host: other.id, name: 'far' });
    const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id, far.id] });
    const about = { host: gone.id, plan: plan.id, repository: repository.id, source: source.id };
    for (const age of [3, 2]) await addRun(world, { ...about, at: NOW - age * HOUR_MS });
    const [newest] = (await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { source: source.id }, { limit: 1 }))
      .rows;
    assert.ok(newest);
    snapshot = newest;
  });
  after(() => world.close());

  const act = (form: Record<string, string>) =>
    world.ask('post', '/snapshots/acts', { form: { snapshots: snapshot.id, ...form } });
  const readPage = (form: Record<string, string>) => world.read('/snapshots/acts', { form: { snapshots: snapshot.id, ...form } });
  async function getStarted(form: Record<string, string>): Promise<Run> {
    const reply = await act(form);
    assert.ok(reply.kind === 'redirect', JSON.stringify(reply).slice(0, 300));
    const run = await world.context.store.runs.findRun(DEFAULT_TENANT, reply.to.replace('/runs/', '') as RunId);
    assert.ok(run, JSON.stringify(reply));
    return run;
  }

  it('is asked for where the one that made them is away, and the run says whose they were', async () => {
    const page = await readPage({ act: 'verify' });
    assertInert(page);
    assert.match(readWords(page), /Which host reads them whole\?.* made by db-1 .*gone or away\. Another one does it.* db-2 /);
    assert.match(page, /<option[^>]*value="any"[^>]*>db-2</);
    const run = await getStarted({ act: 'verify', host: 'any' });
    assert.deepEqual([run.kind, run.host], ['verify', other.id]);
    const words = readWords(await world.read(`/runs/${run.id}`));
    assert.match(words, /Host db-2 .*Snapshot made by db-1/);
    assert.equal(
      (await getStarted({ act: 'verify', host: gone.id })).host,
      gone.id,
      'an order may wait for the one that made it',
    );
  });

  it('is the one that made them while that is there, and nothing is asked', async () => {
    world.directory.online.add(gone.id);
    assert.equal((await getStarted({ act: 'verify' })).host, gone.id);
    world.directory.online.delete(gone.id);
  });

  it('is said before a deletion, and is the one that keeps the repository up where only the admin credential removes', async () => {
    assert.match(readWords(await readPage({ act: 'delete' })), /made by db-1 .*Another one does it/);
    const { context } = world;
    const before = await context.store.repositories.findRepository(DEFAULT_TENANT, repository.id);
    assert.ok(before);
    const admin = { config: { accessKeyId: 'keeper' }, secrets: {} };
    await context.store.repositories.updateRepository({ ...before, admin }, before.version);
    const routine = { kind: 'routine', routine: DEFAULT_ROUTINE, maintainer: other.id } as const;
    await setRoutine(context, createCaller(), repository.id, routine);
    const page = await readPage({ act: 'delete' });
    assert.match(readWords(page), /db-2 does it, and is given the admin credential of s3-eu for it alone\./);
    assert.ok(!page.includes(gone.id), 'no other host can be chosen');
    const run = await getStarted({ act: 'delete', confirm: 'delete 1' });
    assert.deepEqual([run.kind, run.host], ['delete_snapshot', other.id]);
    world.directory.online.delete(other.id);
    await cancelRun(context, createCaller(), run.id);
    world.directory.online.add(other.id);
  });

  it('is not asked for where else a backup lies unless that is ticked, and then all of it goes', async () => {
    const { context } = world;
    const second = await addRepository(world, { name: 'second', testedFrom: other.id });
    const copy = await addCopy(world, snapshot, second);
    const words = readWords(await readPage({ act: 'delete' }));
    assert.match(
      words,
      /Also in other repositories 1 snapshot .* in second .*Also from the other repositories they lie in \(1\)/,
    );
    assert.doesNotMatch(await readPage({ act: 'delete' }), /name="copies" checked/);
    assert.match(await readPage({ act: 'delete', copies: 'true', confirm: 'delete 3' }), /name="copies" checked/);
    const reply = await act({ act: 'delete', copies: 'true', confirm: 'delete 1', host: 'any' });
    assert.ok(reply.kind === 'redirect' && reply.to.startsWith('/runs?'), JSON.stringify(reply));
    const { rows } = await context.store.runs.listRuns(DEFAULT_TENANT, { kind: 'delete_snapshot', active: true }, { limit: 9 });
    const ordered = rows.map((run) => `${run.repository} ${run.snapshot}`);
    for (const one of [`${repository.id} ${snapshot.id}`, `${second.id} ${copy}`]) assert.ok(ordered.includes(one), one);
  });

  it('is refused in words where there is none', async () => {
    world.directory.online.delete(other.id);
    await world.context.store.hosts.setHostState(DEFAULT_TENANT, other.id, 'revoked');
    await world.context.store.hosts.setHostState(DEFAULT_TENANT, gone.id, 'revoked');
    const reply = await act({ act: 'verify', back: MARKUP_NAME });
    assert.ok(reply.kind === 'redirect' && reply.flash?.tone === 'bad');
    assert.match(reply.flash.text, /no host can do this with snapshot [0-9a-f]{8}: its host is gone, and no other approved host/);
  });
});
