import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { routineSchema } from '@holdfast/shared/domain/routine.ts';
import { formatTags } from '@holdfast/shared/domain/snapshot.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import type { StoredSnapshot } from '@holdfast/shared/protocol/contents.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { setAdminCredential } from '../../../core/repositories/admin-credential.ts';
import { startFileRestore } from '../../../core/restores/file-restores.ts';
import { setRoutine } from '../../../core/routine/routine.ts';
import { createOrderedRun } from '../../../core/runs/run-orders.ts';
import { FACTS } from '../../../store/contract/samples.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Order } from '../../../store/orders.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Run } from '../../../store/runs.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import type { Source } from '../../../store/sources.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, HOUR_MS, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { REPOSITORY_CONTENTS_SCREENS } from './repository-contents.ts';
import { STORED_SNAPSHOT_SCREENS } from './stored-snapshot.ts';

const ADMIN = createCaller();
const idOf = (letter: string) => letter.repeat(64);
const strange = (letter: string, change: Partial<StoredSnapshot> = {}): StoredSnapshot => ({
  engineId: idOf(letter),
  createdAt: NOW - HOUR_MS,
  hostname: 'laptop',
  tags: [],
  paths: ['/home/ada'],
  pathCount: 1,
  sizeBytes: 4096,
  ...change,
});

describe('what a repository really holds', () => {
  let world: World;
  let host: Host;
  let away: Host;
  let files: Source;
  let database: Source;
  let repository: Repository;
  let known: Snapshot;
  let stored: StoredSnapshot[];

  before(async () => {
    world = await createWorld([...REPOSITORY_CONTENTS_SCREENS, ...STORED_SNAPSHOT_SCREENS]);
    const facts = { ...FACTS, capabilities: [...AGENT_CAPABILITIES] };
    host = await addHost(world, { name: 'db-1', facts });
    away = await addHost(world, { name: 'db-2', facts, online: false });
    const heartbeat = { loopLagMs: 0, outboxEvents: 0, outboxBytes: 0, activeRuns: 0, queuedRuns: 0, cpuRatio: 0 };
    const memory = { memoryUsedBytes: 1, memoryTotalBytes: 2, stateDiskFreeBytes: 3 };
    world.directory.heartbeats.set(host.id, { at: NOW, ...heartbeat, ...memory });
    files = await addSource(world, { host: host.id, name: 'letters', kind: 'files', config: { paths: ['/srv'] } });
    database = await addSource(world, { host: host.id, name: 'shop' });
    repository = await addRepository(world, { name: 's3-eu', testedFrom: host.id, engineId: idOf('0') });
    const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [files.id] });
    await addRun(world, { host: host.id, plan: plan.id, repository: repository.id, source: files.id, at: NOW - 5 * HOUR_MS });
    const made = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { source: files.id }, { limit: 1 });
    known = made.rows[0] ?? assert.fail('no snapshot');
    world.directory.answers['repository.contents'] = (_host, { after }) => ({
      snapshots: stored.slice(after, after + 2),
      total: stored.length,
      unreadable: 0,
      ...(after + 2 < stored.length ? { next: after + 2 } : {}),
    });
    world.directory.answers['snapshot.list'] = (_host, { path }) => ({
      path,
      entries: [{ name: 'shop.pgdump', type: 'file', sizeBytes: 777 }],
      total: 1,
    });
  });
  after(() => world.close());

  const tagsOf = (of: Host, source: SourceId = files.id) =>
    formatTags({ tenant: DEFAULT_TENANT, host: of.id, plan: 'plan_x', source, run: 'run_x', role: 'data' });
  const toStored = ({ engineId, createdAt }: Snapshot) => strange('f', { engineId, createdAt, tags: tagsOf(host) });
  const path = (more = '') => `/repositories/${repository.id}/contents${more}`;
  const look = (query = '') => world.read(`${path()}?host=${host.id}${query}`);
  const listLooks = () => world.directory.calls.filter(({ type }) => type === 'repository.contents').length;
  const adopt = (letter: string, source: Source) =>
    world.ask('post', path(`/${idOf(letter)}/adopt`), { form: { host: host.id, source: source.id, next: 'restore' } });
  const remove = (form: Record<string, string | string[]>) =>
    world.ask('post', path('/delete'), { form: { host: host.id, ...form } });

  it('is looked at only when a person asks, all of it, part after part', async () => {
    assert.match(readWords(await world.read(path())), /What does s3-eu really hold\?/);
    assert.equal(listLooks(), 0);
    stored = [strange('a'), strange('b'), toStored(known)];
    assert.match(readWords(await look()), /s3-eu holds 3 snapshots: 1 known, 2 orphans\./);
    assert.equal(listLooks(), 2);
  });

  it('tells what is known, missing, of a host that has not told of it yet, and of nobody', async () => {
    stored = [strange('a', { tags: tagsOf(host) }), strange('b', { tags: tagsOf(away) })];
    const words = readWords(await look());
    assert.match(words, /s3-eu holds 2 snapshots: 0 known, 1 orphan, 1 missing, 1 not told yet\./);
    assert.match(readWords(await look('&state=missing')), /missing letters db-1 /);
    const reply = await adopt('b', files);
    assert.ok(reply.kind === 'page');
    assert.match(readWords(reply.html.toString()), /made by a run of a host that has not told of it yet/);
  });

  it('shows what strangers wrote as text, and finds it by machine, tag, path and id', async () => {
    stored = [strange('a', { hostname: MARKUP_NAME, tags: [MARKUP_NAME], paths: [MARKUP_NAME] }), strange('b'), toStored(known)];
    assertInert(await look());
    assertInert(await world.read(`${path(`/${idOf('a')}`)}?host=${host.id}`));
    assert.match(readWords(await look('&q=LAPTOP')), /of 2\b/);
    assert.match(readWords(await look('&q=/home/ad&state=orphan')), /1–1 of 1\b/);
    assert.match(readWords(await look('&q=nothing-like-it')), /Nothing here matches/);
  });

  it('lets an orphan be adopted: restored by name, and never a good backup of its source', async () => {
    stored = [strange('a'), toStored(known)];
    const reply = await adopt('a', files);
    assert.ok(reply.kind === 'redirect');
    assert.match(reply.to, /\/snapshots\/snap_\w+\/restore$/);
    const { snapshots, standings } = world.context.store;
    const { rows } = await snapshots.listSnapshots(DEFAULT_TENANT, { source: files.id }, { limit: 10 });
    const adopted = rows.find(({ engineId }) => engineId === idOf('a')) ?? assert.fail('not listed');
    assert.deepEqual(
      [adopted.state, adopted.adoptedBy, adopted.plan, adopted.sizeBytes],
      ['quarantined', 'ada', undefined, 4096],
    );
    const [standing] = await standings.listStandings(DEFAULT_TENANT, [files.id]);
    assert.equal(standing?.lastGoodSnapshot, known.id, 'what a run made stays the newest good one');
    assert.match(readWords(await look()), /s3-eu holds 2 snapshots, all known\..*known adopted/);
    const target = { kind: 'directory', path: '/var/tmp/back' } as const;
    const run = await startFileRestore(world.context, ADMIN, { snapshot: adopted.id, host: host.id, target });
    assert.deepEqual([run.kind, run.snapshot], ['restore', adopted.id]);
    const again = await adopt('a', files);
    assert.ok(again.kind === 'page');
    assert.match(readWords(again.html.toString()), /is in the ledger already, because somebody adopted it/);
    const { rows: acts } = await world.context.store.trail.listAudit(
      DEFAULT_TENANT,
      { action: 'snapshot.adopted' },
      { limit: 5 },
    );
    assert.deepEqual(
      acts.map(({ change }) => [change?.['source'], change?.['engineId']]),
      [['letters', idOf('a')]],
    );
  });

  it('takes a dump over with its name and size, and refuses a tree as a database', async () => {
    stored = [strange('c'), strange('d')];
    assert.equal((await adopt('c', database)).kind, 'redirect');
    const { rows } = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { source: database.id }, { limit: 10 });
    assert.deepEqual([rows[0]?.fileName, rows[0]?.sizeBytes], ['shop.pgdump', 777]);
    world.directory.answers['snapshot.list'] = (_host, body) => ({
      path: body.path,
      entries: [{ name: 'home', type: 'dir', sizeBytes: 0 }],
      total: 1,
    });
    const refused = await adopt('d', database);
    assert.ok(refused.kind === 'page');
    assert.match(readWords(refused.html.toString()), /this snapshot is a tree of files and no dump of a database/);
  });

  it('loses orphans alone, when the words were typed, by an order that says what they are', async () => {
    stored = [strange('d'), strange('e'), toStored(known)];
    const asked = await remove({ engine: [idOf('d'), idOf('e')] });
    assert.ok(asked.kind === 'page');
    assert.match(readWords(asked.html.toString()), /Delete 2 snapshots of nobody’s for good\?.*Type delete 2 to confirm/);
    const mistyped = await remove({ engine: [idOf('d'), idOf('e')], sure: '1', confirm: 'delete' });
    assert.ok(mistyped.kind === 'page');
    const refused = await remove({ engine: [idOf('d'), known.engineId], sure: '1', confirm: 'delete 2' });
    assert.ok(refused.kind === 'page');
    assert.match(readWords(refused.html.toString()), /is in the ledger already/);
    const { orders } = world.context.store;
    const listOrders = async () =>
      (await orders.listWaitingOrders(host.id, NOW)).filter(({ type }) => type === 'delete_snapshot.start');
    assert.deepEqual(await listOrders(), []);
    const done = await remove({ engine: [idOf('d'), idOf('e')], sure: '1', confirm: 'delete 2' });
    assert.equal(done.kind, 'redirect');
    const [order] = await listOrders();
    const body = JSON.parse(order?.body ?? '{}') as RequestBody<'delete_snapshot.start'>;
    assert.deepEqual(
      body.snapshots.map(({ engineId, isOrphan }) => [engineId, isOrphan]),
      [
        [idOf('d'), true],
        [idOf('e'), true],
      ],
    );
    const action = 'repository.orphans_deletion_started';
    const { rows } = await world.context.store.trail.listAudit(DEFAULT_TENANT, { action }, { limit: 5 });
    assert.match(JSON.stringify(rows[0]?.change), /"hostname":"laptop".*"paths":\["\/home\/ada"\]/);
  });

  it('leaves removing to the host that keeps the repository up where that takes the admin credential, and takes nothing for an orphan while a copy goes on', async () => {
    const { context, directory } = world;
    const admin = { config: { accessKeyId: 'remover' }, secrets: { secretAccessKey: 'geheim' } };
    await setAdminCredential(context, ADMIN, repository.id, admin);
    await setRoutine(context, ADMIN, repository.id, { kind: 'routine', routine: routineSchema.parse({}), maintainer: away.id });
    stored = [strange('7', { tags: tagsOf(host) }), strange('8')];
    directory.online.add(away.id);
    const done = await remove({ engine: idOf('8'), sure: '1', confirm: 'delete 1' });
    assert.equal(done.kind, 'redirect');
    const orders = await context.store.orders.listWaitingOrders(away.id, NOW);
    const body = JSON.parse(orders[0]?.body ?? '{}') as RequestBody<'delete_snapshot.start'>;
    assert.deepEqual([body.isAdmin, body.snapshots.map(({ engineId }) => engineId)], [true, [idOf('8')]]);
    directory.online.delete(away.id);
    assert.match(readWords(await look()), /2 orphans/);
    const run: Run = {
      ...createOrderedRun(context, ADMIN, { kind: 'copy', host: host.id, plan: undefined, repository: repository.id }),
    };
    const order: Order = {
      ...{ id: context.createId('request'), tenant: DEFAULT_TENANT, host: host.id, type: 'copy.start', run: run.id, body: '{}' },
      ...{ notAfter: NOW + HOUR_MS, createdAt: NOW, state: 'waiting' },
    };
    await context.store.orders.insertOrderedRun(run, [], order);
    assert.match(readWords(await look()), /1 orphan, .*1 not told yet/, 'a copy has the tags of the first one');
  });

  it('names the reason when nobody can look, and is not for those who may not restore', async () => {
    assert.match(readWords(await world.read(`${path()}?host=${away.id}`)), /Nobody could look into s3-eu\./);
    const old = await addHost(world, { name: 'old-1', facts: { ...FACTS, hostname: 'old-1', capabilities: [] } });
    const words = readWords(await world.read(`${path()}?host=${old.id}`));
    assert.match(words, /the agent of old-1 is too old to list what a repository holds/);
    const isForbidden = (error: unknown) => error instanceof AppError && error.code === 'forbidden';
    const one = readWords(await world.read(`${path(`/${idOf('a')}`)}?host=${old.id}`));
    assert.match(one, /Nobody could look at snapshot aaaaaaaa\./);
    await assert.rejects(world.ask('get', path(), { role: 'viewer' }), isForbidden);
    await assert.rejects(world.ask('get', path(`/${idOf('a')}/files`), { role: 'viewer' }), isForbidden);
  });
});
