import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RestoreMode } from '@holdfast/shared/domain/restore.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import { findAccount, startPostgres } from '../../../handlers/fixtures/database-servers.ts';
import {
  carryOut,
  createOrder,
  giveOrder,
  type RestoreOrder,
  readEnd,
  readLog,
} from '../../../handlers/fixtures/restore-orders.ts';
import { mountSmallDisk } from '../../fixtures/small-disk.ts';
import { storeShop } from '../fixtures/stored-shop.ts';

const MEGABYTE = 1024 * 1024;
/** A minute's wait passes in a tenth of a second. */
const SPEED = 600;

const SHOP_SQL = `CREATE TABLE customers (id int PRIMARY KEY, name text);
INSERT INTO customers SELECT i, repeat('x', 300) || i FROM generate_series(1, 60000) i;`;

test('A restore into a PostgreSQL database that something befalls', async (t) => {
  const disk = mountSmallDisk(t, 300);
  const server = await startPostgres();
  t.after(() => server.remove());
  // What a server itself needs to go on lies elsewhere: tables alone meet the end of the disk.
  const space = join(disk, 'space');
  mkdirSync(space);
  const account = findAccount('postgres');
  if (account) chownSync(space, account.uid, account.gid);
  await server.query(`CREATE TABLESPACE small LOCATION '${space}'`);
  await server.query('ALTER DATABASE template0 SET TABLESPACE small');
  const { rig, source, made } = await storeShop(t, server, SHOP_SQL, { restic: '/usr/bin/restic', speed: SPEED });
  await server.query('DELETE FROM customers WHERE id > 9; CREATE TABLE later (x int)', 'shop');
  await server.query('VACUUM FULL customers', 'shop');
  await server.query('CREATE DATABASE mine TEMPLATE template0');
  // What was not written yet may need room of its own.
  await server.query('CHECKPOINT');
  const damaged = await server.dump('shop');
  const empty = await server.dump('mine');
  const listNames = () =>
    server.query("SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate");
  const names = await listNames();

  const orderTo = (database: string, mode: RestoreMode, sizeBytes: number): RestoreOrder => ({
    ...createOrder(rig, source, { ...made, sizeBytes }, { database, on: server }),
    target: {
      kind: 'database',
      source: source.id,
      database,
      mode,
      ...(mode === 'tables' ? { tables: [{ name: 'customers' }] } : {}),
    },
    options: { safetyBackup: false },
  });
  const assertUntouched = async () => {
    assert.equal(await server.dump('shop'), damaged);
    assert.equal(await server.dump('mine'), empty);
    assert.equal(await listNames(), names);
    assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
  };
  const startAt = async (order: RestoreOrder, stage: string) => {
    await giveOrder(rig, order);
    await rig.awaitEvent((event) => event.type === 'run.stage' && event.run === order.run && event.stage === stage);
  };

  for (const [database, mode] of [
    ['shop', 'replace'],
    ['shop', 'clean'],
    ['shop', 'tables'],
    ['mine', 'new'],
  ] as const)
    await t.test(`a disk that is full half-way leaves it as it was (${mode})`, async () => {
      const filler = join(disk, 'filler');
      // The look before found room: what fills the disk comes afterwards. A database by itself takes eight megabytes.
      const order = orderTo(database, mode, MEGABYTE);
      await startAt(order, 'restore');
      const { bavail, bsize } = statfsSync(disk);
      execFileSync('fallocate', ['--length', String(bavail * bsize - 14 * MEGABYTE), filler]);
      const events = await rig.awaitEnd(order.run);
      rmSync(filler);
      assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'disk_full'], readLog(events));
      await assertUntouched();
    });

  await t.test('too little room is seen before anything is made', async () => {
    const events = await carryOut(rig, orderTo('shop', 'replace', 2 ** 50));
    assert.equal(readEnd(events).reason, 'disk_full');
    assert.match(readEnd(events).message, /has \d+ bytes free, and the restore needs about \d+/);
    await assertUntouched();
  });

  await t.test(
    'a server that is killed in the middle leaves it as it was, and what was beside it goes when it is back',
    async () => {
      // Servers of tests write their log late.
      await server.query('CHECKPOINT');
      const order = orderTo('shop', 'replace', made.sizeBytes);
      await startAt(order, 'restore');
      await waitUntil('the new database', async () => (await listNames()).includes('holdfast_new_'), { intervalMs: 1 });
      await server.kill();
      const events = await rig.awaitEnd(order.run);
      assert.equal(readEnd(events).state, 'failed', readLog(events));
      assert.match(readLog(events), /could not be removed; it is tried again, less and less often/);
      await server.start();
      await waitUntil('its removal', async () => (await listNames()) === names);
      await assertUntouched();
    },
  );
});
