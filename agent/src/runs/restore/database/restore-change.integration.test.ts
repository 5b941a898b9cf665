import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '@holdfast/shared/adapters/command.ts';
import { createPsqlCommand } from '@holdfast/shared/adapters/sources/postgres/connection.ts';
import type { SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { startPostgres } from '../../../handlers/fixtures/database-servers.ts';
import { addDatabase, createOrder } from '../../../handlers/fixtures/restore-orders.ts';
import { openRunRig } from '../../fixtures/run-rig.ts';
import { prepareSourceDraft, withWorkDir } from '../../inputs.ts';
import type { HalfRestored } from '../../journaled-run.ts';
import { toRestoreRefs } from '../../secrets/secrets-apart.ts';
import { ask, nameForWitness } from './restore-ask.ts';
import { changeInOne } from './restore-change.ts';

const MADE = { id: 'snap_any' as SnapshotId, engineId: 'a'.repeat(64), sizeBytes: 7, fileName: 'database.dump' };
const CANCELLED = createReasonError('cancelled', 'The restore was cancelled; the target is as it was');

test('Work that fails at the end of the transaction by which it changes a PostgreSQL database', async (t) => {
  const server = await startPostgres();
  t.after(() => server.remove());
  const rig = await openRunRig(t, { restic: '/usr/bin/restic' });
  const source = addDatabase(rig, server, 'shop');
  await server.query('CREATE DATABASE shop');

  /** The work writes, and ends its transaction when the agent knows it; then it fails. */
  const change = async (table: string, end: 'COMMIT' | 'ROLLBACK') => {
    const order = createOrder(rig, source, MADE, { database: 'shop', on: server });
    const { connection } = order;
    assert.ok(connection);
    const noted: HalfRestored['change'][] = [];
    return await withWorkDir(rig.workbench, async (workDir) => {
      const prepared = prepareSourceDraft(rig.workbench, connection, toRestoreRefs(order).connection, workDir);
      const { restore } = prepared.adapter;
      assert.ok(restore);
      const { promise: isKnown, resolve: tellKnown } = Promise.withResolvers<void>();
      const part = {
        tooling: rig.workbench,
        exec: rig.workbench.exec,
        recorder: { run: order.run, log: () => undefined },
        workDir,
        connection: prepared,
        restore,
        database: 'shop',
        remember(half: HalfRestored | undefined) {
          noted.push(half?.change);
          if (half?.change?.mark !== undefined) tellKnown();
        },
      };
      const script = `BEGIN; CREATE TABLE ${table} ();
DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_class WHERE relname = 'go_${table}') LOOP PERFORM pg_sleep(0.005); END LOOP; END $$; ${end};`;
      const command: Command = nameForWitness(part, createPsqlCommand(prepared.input, 'shop', 'work', script));
      const work = async () => {
        const going = ask(part, command);
        await isKnown;
        await server.query(`CREATE TABLE go_${table} ()`, 'shop');
        const done = await going;
        assert.equal(done.exitCode, 0, done.stderr);
        throw CANCELLED;
      };
      return { warnings: await changeInOne(part, ['beside'], work), noted };
    });
  };

  await t.test('has succeeded where the server carried it out, and says that the cancellation came too late', async () => {
    const { warnings, noted } = await change('kept', 'COMMIT');
    assert.deepEqual(warnings, ['The last step could not be taken back any more, so the new content is in place.']);
    const { mark } = noted.at(-1) ?? {};
    assert.match(mark ?? '', /^\d+$/);
    assert.deepEqual(noted, [{}, { mark }, { mark, isDone: true }], 'what a crash would need is journaled as it becomes known');
  });

  await t.test('has failed where the server took it back', async () => {
    await assert.rejects(change('gone', 'ROLLBACK'), { message: CANCELLED.message });
  });
});
