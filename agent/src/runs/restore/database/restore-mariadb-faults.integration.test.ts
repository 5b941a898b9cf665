import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RestoreMode } from '@holdfast/shared/domain/restore.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import { startMariadb } from '../../../handlers/fixtures/database-servers.ts';
import { createOrder, giveOrder, type RestoreOrder, readEnd, readLog } from '../../../handlers/fixtures/restore-orders.ts';
import { mountSmallDisk } from '../../fixtures/small-disk.ts';
import { prepareSourceDraft, withWorkDir } from '../../inputs.ts';
import type { JournaledRestore } from '../../journaled-run.ts';
import { recoverRuns } from '../../recovery/recovery.ts';
import { toRestoreRefs } from '../../secrets/secrets-apart.ts';
import { storeShop } from '../fixtures/stored-shop.ts';
import { ask } from './restore-ask.ts';
import { carryOutStep, nameTaken } from './restore-take.ts';

const MEGABYTE = 1024 * 1024;
/** A minute's wait passes in a tenth of a second. */
const SPEED = 600;

const SHOP_SQL = `
CREATE TABLE customers (id int PRIMARY KEY, name text CHARACTER SET utf8mb4);
INSERT INTO customers SELECT seq, concat('customer 🦔 ', repeat('x', 300), seq) FROM seq_1_to_60000;
DELIMITER //
CREATE FUNCTION one() RETURNS int DETERMINISTIC RETURN 1//
CREATE TRIGGER tidy BEFORE INSERT ON customers FOR EACH ROW SET NEW.name = trim(NEW.name)//
DELIMITER ;
CREATE VIEW few AS SELECT id, one() AS one FROM customers WHERE id < 5;`;

const DAMAGE_SQL = 'DELETE FROM customers WHERE id > 9; CREATE TABLE later (x int); CREATE VIEW newer AS SELECT 1 AS one';

test('A restore into a MariaDB database that something befalls', async (t) => {
  const disk = mountSmallDisk(t, 400);
  const server = await startMariadb(disk);
  const rigOptions = { restic: '/usr/bin/restic', speed: SPEED };
  const { rig, source, made, before } = await storeShop(t, server, SHOP_SQL, rigOptions);
  await server.query(DAMAGE_SQL, 'shop');
  const damaged = await server.dump('shop');
  const listNames = () => server.query('SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY 1');
  const names = await listNames();
  const { journal } = rig.workbench;

  const createReplace = (mode: RestoreMode = 'replace', sizeBytes = made.sizeBytes): RestoreOrder => ({
    ...createOrder(rig, source, { ...made, sizeBytes }, { database: 'shop', on: server }),
    target: { kind: 'database', source: source.id, database: 'shop', mode },
    options: { safetyBackup: false },
  });
  const assertUntouched = async () => {
    assert.equal(await server.dump('shop'), damaged);
    assert.equal(await listNames(), names);
    assert.deepEqual(readdirSync(rig.tooling.workDirs.root), []);
  };
  const startAt = async (order: RestoreOrder, stage: string) => {
    await giveOrder(rig, order);
    await rig.awaitEvent((event) => event.type === 'run.stage' && event.run === order.run && event.stage === stage);
  };

  for (const mode of ['replace', 'clean', 'tables'] as const)
    await t.test(`a disk that is full half-way leaves it as it was (${mode})`, async () => {
      const filler = join(disk, 'filler');
      // The look before found room: what fills the disk comes afterwards.
      const order = createReplace(mode, MEGABYTE);
      const target = {
        ...order.target,
        ...(mode === 'tables' ? { tables: [{ name: 'customers' }] } : {}),
      } as typeof order.target;
      await startAt({ ...order, target }, 'restore');
      const { bavail, bsize } = statfsSync(disk);
      execFileSync('fallocate', ['--length', String(bavail * bsize - 10 * MEGABYTE), filler]);
      const events = await rig.awaitEnd(order.run);
      rmSync(filler);
      assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'disk_full'], readEnd(events).message);
      await assertUntouched();
    });

  await t.test('too little room is seen before anything is made', async () => {
    const order = createReplace('replace', 10_000 * MEGABYTE);
    await giveOrder(rig, order);
    const events = await rig.awaitEnd(order.run);
    assert.equal(readEnd(events).reason, 'disk_full');
    assert.match(readEnd(events).message, /has \d+ bytes free, and the restore needs about \d+/);
    await assertUntouched();
  });

  await t.test(
    'a server that is killed in the middle leaves it as it was, and what was beside it goes when it is back',
    async () => {
      const order = createReplace();
      await startAt(order, 'restore');
      const scratch = nameTaken(order.run).scratch;
      await waitUntil('the new database', async () => (await listNames()).includes(scratch), { intervalMs: 1 });
      await server.kill();
      const events = await rig.awaitEnd(order.run);
      assert.equal(readEnd(events).state, 'failed');
      assert.match(readLog(events), /could not be removed; it is tried again/);
      assert.equal(journal.runs.listClosedWith('restore', 'half').length, 1);
      await server.start();
      await recoverRuns(rig.workbench, rig.executor, undefined);
      await waitUntil('its removal', () => journal.runs.listClosedWith('restore', 'half').length === 0);
      await assertUntouched();
    },
  );

  /** Everything up to the move, and the move if it is wished, as the agent does it; then the agent is gone. */
  const leave = async (order: RestoreOrder, hasMoved: boolean) => {
    const taken = nameTaken(order.run);
    await server.query(`CREATE DATABASE ${taken.scratch}`);
    await server.query(before, taken.scratch);
    const { workbench } = rig;
    const { connection } = order;
    assert.ok(connection);
    await withWorkDir(workbench, async (workDir) => {
      const prepared = prepareSourceDraft(workbench, connection, toRestoreRefs(order).connection, workDir);
      const { restore } = prepared.adapter;
      assert.ok(restore?.planTake && order.target.kind === 'database');
      const part = { tooling: workbench, exec: workbench.exec, workDir, connection: prepared, restore };
      const { database, mode = 'replace', tables = [] } = order.target;
      const plan = restore.planTake({ ...prepared.input, ...taken, targetDatabase: database, mode, tables, hasCode: true });
      for (const step of plan.prepare) await carryOutStep(part, step);
      if (hasMoved) assert.equal((await ask(part, plan.move)).exitCode, 0);
    });
    const half = { made: [taken.scratch, taken.code], swap: { target: 'shop', aside: taken.aside } };
    const body: JournaledRestore = { kind: 'restore', order, started: true, half };
    journal.runs.record({ run: order.run, kind: 'restore', body });
    await recoverRuns(rig.workbench, rig.executor, undefined);
    return rig.listEvents(order.run);
  };

  await t.test('an agent that is killed before the tables move leaves it as it was', async () => {
    const events = await leave(createReplace(), false);
    assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'interrupted']);
    await assertUntouched();
  });

  await t.test(
    'an agent that is killed right after them lets views, triggers and routines follow, and the run succeeded',
    async () => {
      const events = await leave(createReplace(), true);
      assert.equal(readEnd(events).state, 'succeeded', readLog(events));
      assert.equal(await server.dump('shop'), before);
      assert.equal(await listNames(), names);
    },
  );
});
