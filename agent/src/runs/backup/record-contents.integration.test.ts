import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GENERATIONS } from '../../engines/restic/fixtures/laboratory.ts';
import { startPostgres } from '../../handlers/fixtures/database-servers.ts';
import { addDatabase, getMade, readEnd, readLog } from '../../handlers/fixtures/restore-orders.ts';
import { openRunRig } from '../fixtures/run-rig.ts';

test('What a database holds is recorded in the state that is dumped, as thoroughly as the plan says, and costs no backup', async (t) => {
  const server = await startPostgres();
  t.after(() => server.remove());
  const rig = await openRunRig(t, { restic: GENERATIONS[1]?.binary });
  await rig.initRepository();
  await server.query('CREATE DATABASE shop TEMPLATE template0');
  await server.query(
    'CREATE TABLE people AS SELECT i FROM generate_series(1, 1000) i; CREATE VIEW few AS SELECT 1 AS one',
    'shop',
  );
  await server.query("CREATE ROLE lonely LOGIN PASSWORD 'simple' CONNECTION LIMIT 1; GRANT pg_read_all_data TO lonely", 'shop');
  const source = addDatabase(rig, server, 'shop');
  const lonely = addDatabase(rig, { ...server, user: 'lonely', password: 'simple' }, 'shop');

  await t.test('rows are counted while others write', async () => {
    let isOver = false;
    const writing = (async () => {
      while (!isOver) await server.query('INSERT INTO people SELECT 1 FROM generate_series(1, 100)', 'shop');
    })();
    const events = await rig.runPlan([source.id]);
    isOver = true;
    await writing;
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    const { contents } = getMade(events);
    const people = contents?.tables.find(({ name }) => name === 'public.people');
    assert.equal(people?.isExact, true, readLog(events));
    assert.equal((people?.rows ?? 0) % 100, 0);
    assert.deepEqual(
      contents?.tables.map(({ name, rows }) => [name, rows === undefined]),
      [
        ['public.few', true],
        ['public.people', false],
      ],
    );
  });

  await t.test('nothing is noted where the plan says so', async () => {
    const run = rig.order([source.id], { countRows: 'none' });
    const events = await rig.awaitEnd(run);
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    assert.equal(getMade(events).contents, undefined);
  });

  await t.test('a server that has one connection for us is dumped all the same', async () => {
    const events = await rig.runPlan([lonely.id]);
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    assert.equal(getMade(events).contents, undefined);
    assert.match(readLog(events), /does not let the dump and a look run side by side/);
  });
});
