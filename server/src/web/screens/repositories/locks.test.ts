import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import type { HolderState, RepositoryLock } from '@holdfast/shared/domain/lock.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import { REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import { FACTS } from '../../../store/contract/samples.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Repository } from '../../../store/repositories.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addHost, addRepository, HOUR_MS, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { LOCK_SCREENS } from './locks.ts';

const LOCK: RepositoryLock = {
  id: 'c'.repeat(64),
  createdAt: NOW - HOUR_MS,
  exclusive: true,
  hostname: FACTS.hostname,
  username: 'root',
  pid: 4242,
};

describe('the locks of a repository', () => {
  let world: World;
  let host: Host;
  let repository: Repository;
  let locks: RepositoryLock[];
  let state: HolderState;
  before(async () => {
    world = await createWorld(LOCK_SCREENS);
    host = await addHost(world, { name: 'db-1', facts: { ...FACTS, capabilities: [...AGENT_CAPABILITIES] } });
    repository = await addRepository(world, { name: 's3-eu', testedFrom: host.id });
    world.directory.answers['locks.list'] = () => ({ locks });
    world.directory.answers['locks.attest'] = (_host, { locks: asked }) => ({ holders: asked.map(({ id }) => ({ id, state })) });
  });
  after(() => world.close());
  const path = (more = '') => `/repositories/${repository.id}/locks${more}`;
  const look = () => world.read(path(), { form: { host: host.id } });
  const clear = (form: Record<string, string | string[]>) =>
    world.ask('post', path('/clear'), { form: { host: host.id, lock: LOCK.id, ...form } });
  const listUnlocks = async () => {
    const orders = await world.context.store.orders.listWaitingOrders(host.id, NOW);
    return orders
      .filter(({ type }) => type === 'unlock.start')
      .map(({ body }) => REQUESTS['unlock.start'].body.parse(JSON.parse(body)));
  };

  it('are looked at only when a person asks', async () => {
    const words = readWords(await world.read(path()));
    assert.match(words, /Who works in s3-eu\? .*Look at the locks/);
    assert.deepEqual(world.directory.calls, []);
    locks = [];
    assert.match(readWords(await look()), /Nothing locks s3-eu\./);
  });

  it('say who holds them, since when, and what the host they name says of that process', async () => {
    locks = [LOCK];
    state = 'gone';
    const gone = await look();
    assert.match(readWords(gone), /1 lock in s3-eu, left by processes that are gone\./);
    assert.match(readWords(gone), /db-1 process 4242 of root .*keeps all others out gone .*Remove the lock…/);
    assert.ok(!gone.includes('name="confirm"'), 'nothing needs to be typed');
    state = 'running';
    const working = await look();
    assert.match(readWords(working), /all of processes at work\..*Wait for it, or cancel its run/);
    assert.ok(working.includes('name="confirm"'));
  });

  it('show names that hosts wrote as text, and say when nobody knows such a host', async () => {
    locks = [{ ...LOCK, hostname: MARKUP_NAME, username: MARKUP_NAME }];
    const markup = await look();
    assertInert(markup);
    assert.match(readWords(markup), /unknown host No host of this name has joined/);
  });

  it('are removed without force only while their holders are proven gone', async () => {
    locks = [LOCK];
    state = 'running';
    const refused = await clear({});
    assert.ok(refused.kind === 'redirect' && refused.flash?.tone === 'bad');
    assert.match(refused.flash.text, /nobody could say that every holder is gone/);
    const mistyped = await clear({ confirm: 's3-us' });
    assert.ok(mistyped.kind === 'redirect' && mistyped.flash?.tone === 'bad');
    assert.deepEqual(await listUnlocks(), []);
    state = 'gone';
    const done = await clear({});
    const [order, ...more] = await listUnlocks();
    assert.ok(order && done.kind === 'redirect');
    assert.equal(done.to, `/runs/${order.run}`);
    assert.deepEqual([more, order.isForced, order.locks], [[], false, [{ ...LOCK, holder: 'gone' }]]);
    const run = await world.context.store.runs.findRun(DEFAULT_TENANT, order.run);
    assert.deepEqual([run?.kind, run?.state, run?.repository], ['unlock', 'queued', repository.id]);
  });

  it('are removed by force when the name was typed, and the trail says whose they were', async () => {
    state = 'other';
    const done = await clear({ confirm: 's3-eu' });
    assert.ok(done.kind === 'redirect' && done.flash === undefined);
    const { rows } = await world.context.store.trail.listAudit(
      DEFAULT_TENANT,
      { action: 'repository.unlock_started' },
      { limit: 10 },
    );
    // Both were written at the same instant of a clock that stands still.
    const find = (isForced: boolean) => rows.find(({ change }) => change?.['isForced'] === isForced)?.change;
    assert.deepEqual([rows.length, typeof find(false)?.['run'], typeof find(true)?.['run']], [2, 'string', 'string']);
    assert.match(JSON.stringify(find(true)), /"hostname":"[^"]+","username":"root","pid":4242.*"holder":"other"/);
  });

  it('stay when another one has come up since they were looked at', async () => {
    locks = [LOCK, { ...LOCK, id: 'd'.repeat(64) }];
    state = 'gone';
    const before = (await listUnlocks()).length;
    const reply = await clear({});
    assert.ok(reply.kind === 'redirect' && reply.flash?.tone === 'bad');
    assert.match(reply.flash.text, /another lock has come up/);
    assert.equal((await listUnlocks()).length, before);
    locks = [];
    const gone = await clear({});
    assert.ok(gone.kind === 'redirect' && gone.flash?.tone === 'good');
    assert.match(gone.flash.text, /Nothing was left to remove/);
  });

  it('name the reason when nobody can look', async () => {
    world.directory.online.delete(host.id);
    assert.match(readWords(await look()), /Nobody could look at the locks of s3-eu\./);
    world.directory.online.add(host.id);
    const old = await addHost(world, { name: 'old-1', facts: { ...FACTS, hostname: 'old-1', capabilities: [] } });
    const words = readWords(await world.read(path(), { form: { host: old.id } }));
    assert.match(words, /the agent of old-1 is too old to look after locks/);
  });

  it('are not for those who may not manage repositories', async () => {
    await assert.rejects(
      world.ask('get', path(), { role: 'viewer' }),
      (error) => error instanceof AppError && error.code === 'forbidden',
    );
  });
});
