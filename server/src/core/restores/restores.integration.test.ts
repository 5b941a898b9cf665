import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import type { HostId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { openCatalogRig, SECRETS } from '../fixtures/catalog-rig.ts';
import { expireOrders } from '../runs/run-orders.ts';
import { cancelRun, getRun } from '../runs/runs.ts';
import { createSource } from '../sources/sources.ts';
import { startFileRestore } from './file-restores.ts';
import type { DatabaseTarget, RestoreWish } from './restore-target.ts';
import { startRestore } from './restores.ts';

const directory = { kind: 'directory' as const, path: '/restore/here' };

describe('A restore', () => {
  it('is ordered with secrets that only its host can open, for this request only', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, operator, host, source, repository } = rig;
    const snapshot = await rig.reportBackup(source, repository, 'succeeded');
    const run = await startRestore(context, operator, {
      snapshot,
      host: host.id,
      target: { kind: 'database', source: source.id, database: 'shop_2' },
    });
    const [order] = await context.store.orders.listWaitingOrders(host.id, rig.clock.now());
    assert.ok(order);
    assert.deepEqual([order.type, order.run, run.state], ['restore.start', run.id, 'queued']);
    const body = JSON.parse(order.body) as RequestBody<'restore.start'>;
    const open = (sealed: NonNullable<typeof body.repository.draft.secrets>, ref: string) =>
      openSealed(
        context.crypto,
        host.sealing,
        context.identity.publicKey,
        { host: host.id, purpose: 'request', ref, version: 1 },
        sealed,
      ).values;
    assert.ok(body.repository.draft.secrets && body.connection?.secrets);
    assert.equal(open(body.repository.draft.secrets, `${run.id}.repositories`)['password'], SECRETS.repository);
    assert.equal(open(body.connection.secrets, `${run.id}.sources`)['password'], SECRETS.database);
    assert.throws(() => open(body.repository.draft.secrets as never, `${run.id}.sources`), { code: 'integrity' });
    const other = await rig.enrol('db-2');
    assert.throws(
      () =>
        openSealed(
          context.crypto,
          other.sealing,
          context.identity.publicKey,
          { host: other.id, purpose: 'request', ref: `${run.id}.repositories`, version: 1 },
          body.repository.draft.secrets as never,
        ),
      { code: 'integrity' },
    );
  });

  it('of a database takes along what was recorded at the backup, for its host to compare', async (t) => {
    const rig = await openCatalogRig(t);
    const contents = {
      tableCount: 1,
      digest: 'a'.repeat(16),
      tables: [{ name: 'public.orders', shape: 'b'.repeat(16), rows: 7, isExact: true }],
    };
    const { source, repository, host } = rig;
    const snapshot = await rig.reportBackup(source, repository, 'succeeded', contents);
    const target = { kind: 'database', source: source.id, database: 'shop_2' } as const;
    await startRestore(rig.context, rig.operator, { snapshot, host: host.id, target });
    const [order] = await rig.context.store.orders.listWaitingOrders(host.id, rig.clock.now());
    const body = JSON.parse(order?.body ?? '') as RequestBody<'restore.start'>;
    assert.deepEqual(body.recorded, contents);
  });

  it('is started no more often within a minute than the limit says, whoever asks', async (t) => {
    const rig = await openCatalogRig(t);
    const snapshot = await rig.reportBackup(rig.files, rig.repository, 'succeeded');
    const start = () => startRestore(rig.context, rig.operator, { snapshot, host: rig.host.id, target: directory });
    for (let started = 0; started < RUNS.restoresPerMinute; started += 1) await start();
    await assert.rejects(start(), (error: AppError) => {
      assert.deepEqual([error.code, error.details['retryAfterS']], ['limit', 60]);
      return true;
    });
    rig.clock.advance(60_001);
    const run = await start();
    assert.equal(run.kind, 'restore');
  });

  it('of a snapshot on a host’s own disk is refused on another host', async (t) => {
    const rig = await openCatalogRig(t);
    const other = await rig.enrol('db-2');
    const snapshot = await rig.reportBackup(rig.files, rig.repository, 'succeeded');
    const request = { snapshot, host: other.id, target: directory };
    await assert.rejects(startRestore(rig.context, rig.operator, request), { code: 'conflict' });
    const rest = await rig.addRepository('remote', 'rest');
    const remote = await rig.reportBackup(rig.files, rest, 'succeeded');
    assert.equal((await startRestore(rig.context, rig.operator, { ...request, snapshot: remote })).host, other.id);
  });

  it('is offered only for what a clean run vouches for', async (t) => {
    const rig = await openCatalogRig(t);
    const start = (snapshot: string) =>
      startRestore(rig.context, rig.operator, { snapshot: snapshot as never, host: rig.host.id, target: directory });
    for (const state of ['failed', 'cancelled'] as const) {
      const snapshot = await rig.reportBackup(rig.files, rig.repository, state);
      await assert.rejects(start(snapshot), { code: 'precondition', message: /quarantined/ }, state);
    }
    assert.equal((await start(await rig.reportBackup(rig.files, rig.repository, 'partial'))).kind, 'restore');
    await assert.rejects(start('snap_nobody_knows'), { code: 'not_found' });
  });

  it('goes from like to like: databases into databases of the same engine, trees into directories', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, operator, host } = rig;
    const tree = await rig.reportBackup(rig.files, rig.repository, 'succeeded');
    const dump = await rig.reportBackup(rig.source, rig.repository, 'succeeded');
    const mariadb = await createSource(context, operator, {
      host: host.id,
      name: 'blog',
      kind: 'mariadb',
      config: { host: '127.0.0.1', port: 3306, user: 'backup', database: 'blog' },
      secrets: { password: 'x-geheim' },
    });
    const into = (source: string) => ({ kind: 'database' as const, source: source as never, database: 'new' });
    const attempts = [
      [dump, directory],
      [tree, into(rig.source.id)],
      [dump, into(mariadb.id)],
      [dump, into(rig.files.id)],
      [dump, into('src_nobody')],
    ] as const;
    for (const [snapshot, target] of attempts)
      await assert.rejects(startRestore(context, operator, { snapshot, host: host.id, target }), { code: 'invalid' });
    for (const path of ['relative', '/with\nbreak', '/', '//', '/.', '/srv/..', '/srv/../']) {
      const target = { kind: 'directory' as const, path };
      for (const start of [startRestore, startFileRestore])
        await assert.rejects(start(context, operator, { snapshot: tree, host: host.id, target }), (error: AppError) => {
          assert.deepEqual([error.code, Object.keys(error.details)], ['invalid', ['field.target.path']], path);
          return true;
        });
    }
    assert.equal((await context.store.orders.listWaitingOrders(host.id, rig.clock.now())).length, 0);
  });

  it('is not ordered where its host told that it refuses it, whichever way it is asked for', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, operator, host, source, files } = rig;
    const tree = await rig.reportBackup(files, rig.repository, 'succeeded');
    const dump = await rig.reportBackup(source, rig.repository, 'succeeded');
    const tell = async (restores: 'beside' | 'none') => {
      const known = await context.store.hosts.findHost(admin.tenant, host.id);
      const facts = { ...known?.facts, capabilities: [...AGENT_CAPABILITIES], restores } as never;
      await context.store.hosts.recordContact(host.id, { at: rig.clock.now(), facts });
    };
    const replace = () =>
      startRestore(context, operator, {
        snapshot: dump,
        host: host.id,
        target: { kind: 'database', source: source.id, database: 'shop', mode: 'replace' },
        understood: true,
        databaseName: 'shop',
      });
    const inPlace = () =>
      startFileRestore(context, operator, {
        snapshot: tree,
        host: host.id,
        target: { kind: 'in_place', paths: ['/etc/app'] },
        hostName: 'db-1',
      });
    const beside = () => startRestore(context, operator, { snapshot: tree, host: host.id, target: directory });
    await tell('beside');
    const refusal = { code: 'precondition', message: /db-1 lets a server restore only beside what is there/ };
    for (const start of [replace, inPlace]) await assert.rejects(start(), refusal);
    assert.equal((await beside()).state, 'queued');
    await tell('none');
    for (const start of [replace, inPlace, beside])
      await assert.rejects(start(), { code: 'precondition', message: /db-1 takes no restore from a server/ });
    assert.equal((await context.store.orders.listWaitingOrders(host.id, rig.clock.now())).length, 1);
  });

  it('keeps setuid bits and devices where that was asked for, and is asked it of new directories alone', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, operator, host, source, files } = rig;
    const tree = await rig.reportBackup(files, rig.repository, 'succeeded');
    const dump = await rig.reportBackup(source, rig.repository, 'succeeded');
    const known = await context.store.hosts.findHost(operator.tenant, host.id);
    const facts = { ...known?.facts, capabilities: [...AGENT_CAPABILITIES] } as never;
    await context.store.hosts.recordContact(host.id, { at: rig.clock.now(), facts });
    const options = { keepPrivileges: true };
    await startFileRestore(context, operator, {
      snapshot: tree,
      host: host.id,
      target: { ...directory, paths: ['/etc'] },
      options,
    });
    const [order] = await context.store.orders.listWaitingOrders(host.id, rig.clock.now());
    assert.deepEqual((JSON.parse(order?.body ?? '') as RequestBody<'restore.start'>).options, options);
    const refusal = (error: AppError) => error.code === 'invalid' && 'field.options.keepPrivileges' in error.details;
    const inPlace = { kind: 'in_place' as const, paths: ['/etc/app'] };
    await assert.rejects(
      startFileRestore(context, operator, { snapshot: tree, host: host.id, target: inPlace, hostName: 'db-1', options }),
      refusal,
    );
    const target = { kind: 'database' as const, source: source.id, database: 'shop_2' };
    await assert.rejects(startRestore(context, operator, { snapshot: dump, host: host.id, target, options }), refusal);
  });

  it('of files in place names the source that their safety backup belongs to, and asks no agent that makes none', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, operator, host, files } = rig;
    const other = await rig.enrol('db-2');
    const snapshot = await rig.reportBackup(files, await rig.addRepository('shared', 'rest'), 'succeeded');
    const able = async (on: { id: HostId }, capabilities: readonly string[]) => {
      const known = await context.store.hosts.findHost(admin.tenant, on.id);
      const facts = { ...known?.facts, capabilities } as never;
      await context.store.hosts.recordContact(on.id, { at: rig.clock.now(), facts });
    };
    const start = (on: { id: HostId; name: string }, options?: { safetyBackup: boolean }) => {
      const target = { kind: 'in_place' as const, paths: ['/etc/app'] };
      return startFileRestore(context, operator, { snapshot, host: on.id, target, hostName: on.name, options });
    };
    const readOrder = async (on: { id: HostId }, run: RunId) => {
      const orders = await context.store.orders.listWaitingOrders(on.id, rig.clock.now());
      const bodies = orders.map(({ body }) => JSON.parse(body) as RequestBody<'restore.start'>);
      return bodies.find((body) => body.run === run) ?? assert.fail('no order');
    };
    const [here, there] = [
      { id: host.id, name: 'db-1' },
      { id: other.id, name: 'db-2' },
    ];
    await able(here, ['restore.preview']);
    await assert.rejects(start(here), { code: 'precondition', message: /too old to back up first/ });
    const waived = await readOrder(here, (await start(here, { safetyBackup: false })).id);
    assert.deepEqual([waived.options, waived.safetySource], [{ safetyBackup: false }, undefined]);
    for (const one of [here, there]) await able(one, AGENT_CAPABILITIES);
    assert.equal((await readOrder(here, (await start(here)).id)).safetySource, files.id);
    await assert.rejects(start(there), { code: 'precondition', message: /db-2 has no source of files/ });
    const add = (name: string, path: string) =>
      createSource(context, admin, { host: other.id, name, kind: 'files', config: { paths: [path] }, secrets: {} });
    const some = await add('srv', '/srv');
    assert.equal((await readOrder(there, (await start(there)).id)).safetySource, some.id);
    const exact = await add('etc', '/etc');
    assert.equal((await readOrder(there, (await start(there)).id)).safetySource, exact.id);
  });

  it('that may modify a database is refused without consent and its name typed once more, whoever asks', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, operator, host, source } = rig;
    const snapshot = await rig.reportBackup(source, rig.repository, 'succeeded');
    const order = (target: Partial<DatabaseTarget>, wish: RestoreWish = {}) =>
      startRestore(context, operator, {
        snapshot,
        host: host.id,
        target: { kind: 'database', source: source.id, database: 'shop', ...target },
        ...wish,
      });
    for (const mode of ['replace', 'clean', 'append', 'data_only'] as const) {
      for (const wish of [{}, { understood: false }])
        await assert.rejects(order({ mode }, wish), { code: 'invalid', message: /understand/ }, mode);
      for (const databaseName of [undefined, '', 'Shop', 'shop '])
        await assert.rejects(order({ mode }, { understood: true, databaseName }), {
          code: 'invalid',
          message: /type the name of the database, shop/,
        });
    }
    const tables = [{ name: 'orders' }];
    await assert.rejects(order({ mode: 'tables', tables }), { code: 'invalid', message: /understand/ });
    await assert.rejects(order({ mode: 'tables' }, { understood: true }), { code: 'invalid', message: /at least one/ });
    await assert.rejects(order({ tables }), { code: 'invalid', message: /only for the mode/ });
    assert.equal((await context.store.orders.listWaitingOrders(host.id, rig.clock.now())).length, 0);
  });

  it('with a mode or options goes only to an agent that knows them, with the source a safety backup belongs to', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, operator, host, source } = rig;
    const snapshot = await rig.reportBackup(source, rig.repository, 'succeeded');
    const request = {
      snapshot,
      host: host.id,
      target: {
        kind: 'database' as const,
        source: source.id,
        database: String(source.config['database']),
        mode: 'replace' as const,
      },
      options: { endSessions: true },
      understood: true,
      databaseName: String(source.config['database']),
    };
    const known = await context.store.hosts.findHost(rig.admin.tenant, host.id);
    assert.ok(known?.facts);
    const answer = async (capabilities: string[]) =>
      context.store.hosts.recordContact(host.id, { at: rig.clock.now(), facts: { ...known.facts, capabilities } as never });
    await answer([]);
    await assert.rejects(startRestore(context, operator, request), { code: 'precondition', message: /update it first/ });
    await answer(['restore.look']);
    await startRestore(context, operator, request);
    const [order] = await context.store.orders.listWaitingOrders(host.id, rig.clock.now());
    const body = JSON.parse(order?.body ?? '{}') as RequestBody<'restore.start'>;
    assert.deepEqual([body.options, body.safetySource], [{ endSessions: true }, source.id]);
    assert.ok(body.target.kind === 'database' && body.target.mode === 'replace');
  });

  it('as another user takes the password along sealed for its run, and the name alone is kept', async (t) => {
    const rig = await openCatalogRig(t);
    const { context, admin, operator, host, source } = rig;
    const snapshot = await rig.reportBackup(source, rig.repository, 'succeeded');
    const credential = { user: 'postgres', password: 'of the superuser 🔑' };
    const target = { kind: 'database', source: source.id, database: 'shop_2' } as const;
    const start = (more: RestoreWish) => startRestore(context, operator, { snapshot, host: host.id, target, ...more });
    const known = await context.store.hosts.findHost(admin.tenant, host.id);
    const answer = async (capabilities: readonly string[]) =>
      context.store.hosts.recordContact(host.id, { at: rig.clock.now(), facts: { ...known?.facts, capabilities } as never });
    await answer(AGENT_CAPABILITIES.filter((one) => one !== 'restore.start credential'));
    await assert.rejects(start({ credential }), { code: 'precondition', message: /too old for restores as another user/ });
    await answer(AGENT_CAPABILITIES);
    for (const [wrong, field] of [
      [{ ...credential, user: '' }, 'user'],
      [{ ...credential, user: 'a\nb' }, 'user'],
      [{ ...credential, password: '' }, 'password'],
      [{ ...credential, password: 'of the\u0000superuser' }, 'password'],
    ] as const)
      await assert.rejects(start({ credential: wrong }), (error: AppError) => {
        assert.deepEqual([error.code, Object.keys(error.details)], ['invalid', [`field.credential.${field}`]]);
        assert.doesNotMatch(JSON.stringify([error.message, error.details]), /superuser/);
        return true;
      });
    const files = { snapshot: await rig.reportBackup(rig.files, rig.repository, 'succeeded'), host: host.id, target: directory };
    await assert.rejects(startRestore(context, operator, { ...files, credential }), {
      code: 'invalid',
      message: /only for restores into a database/,
    });
    assert.equal((await context.store.orders.listWaitingOrders(host.id, rig.clock.now())).length, 0);

    const run = await start({ credential, options: { owners: false } });
    const [order] = await context.store.orders.listWaitingOrders(host.id, rig.clock.now());
    const body = JSON.parse(order?.body ?? '') as RequestBody<'restore.start'>;
    assert.deepEqual(body.options, { owners: false, connectAs: 'postgres' });
    assert.equal(body.connection?.config['user'], source.config['user'], 'the own user is there to clean up');
    const binding = { host: host.id, purpose: 'request', ref: `${run.id}.credential`, version: 1 } as const;
    assert.ok(body.credential);
    const opened = openSealed(context.crypto, host.sealing, context.identity.publicKey, binding, body.credential);
    assert.deepEqual(opened.values, { password: credential.password });
    const audit = await context.store.trail.listAudit(admin.tenant, {}, { limit: 50 });
    const told = JSON.stringify([audit.rows, order, await getRun(context, operator, run.id)]);
    assert.match(told, /"connectAs":"postgres"/);
    assert.doesNotMatch(told, /of the superuser/);
  });

  it('needs an approved host', async (t) => {
    const rig = await openCatalogRig(t);
    const rest = await rig.addRepository('remote', 'rest');
    const snapshot = await rig.reportBackup(rig.files, rest, 'succeeded');
    const other = await rig.enrol('db-2');
    await rig.context.store.hosts.setHostState(rig.admin.tenant, other.id, 'quarantined');
    await assert.rejects(startRestore(rig.context, rig.operator, { snapshot, host: other.id, target: directory }), {
      code: 'not_found',
    });
  });

  it('that waited too long for its host fails by itself, and one taken back in time is cancelled', async (t) => {
    const rig = await openCatalogRig(t);
    const snapshot = await rig.reportBackup(rig.files, rig.repository, 'succeeded');
    const late = await startRestore(rig.context, rig.operator, { snapshot, host: rig.host.id, target: directory });
    rig.clock.advance(10 * 60_000 + 1);
    assert.equal(await expireOrders(rig.context), 1);
    const expired = await getRun(rig.context, rig.viewer, late.id);
    assert.deepEqual([expired.state, expired.failure?.reason], ['failed', 'expired']);
    const early = await startRestore(rig.context, rig.operator, { snapshot, host: rig.host.id, target: directory });
    assert.equal((await cancelRun(rig.context, rig.operator, early.id)).state, 'cancelled');
    await assert.rejects(cancelRun(rig.context, rig.operator, early.id), { code: 'conflict' });
    assert.equal((await rig.context.store.orders.listWaitingOrders(rig.host.id, rig.clock.now())).length, 0);
  });
});
