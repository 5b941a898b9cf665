import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import { startPostgres } from '../../handlers/fixtures/database-servers.ts';
import { addDatabase, createOrder, type RestoreOrder, readEnd, readLog } from '../../handlers/fixtures/restore-orders.ts';
import { findEvent, openRunRig } from '../fixtures/run-rig.ts';
import type { HalfRestored, JournaledRestore } from '../journaled-run.ts';
import { recoverRuns } from '../recovery/recovery.ts';

/** What is cleaned up has nothing to do with what was to be restored. */
const MADE = { id: 'snap_any' as SnapshotId, engineId: 'a'.repeat(64), sizeBytes: 7, fileName: 'database.dump' };
/** A minute's wait passes in a tenth of a second. */
const SPEED = 600;

test('A restore whose agent was killed', async (t) => {
  const server = await startPostgres();
  t.after(() => server.remove());
  const rig = await openRunRig(t, { speed: SPEED, restic: '/usr/bin/restic' });
  const source = addDatabase(rig, server, 'shop');
  await server.query('CREATE DATABASE shop');
  await server.query('CREATE TABLE precious (x int); INSERT INTO precious VALUES (42)', 'shop');
  const listNames = () =>
    server.query("SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate");
  const names = await listNames();
  const before = await server.dump('shop');
  const { journal } = rig.workbench;

  /** What the journal of the killed agent says of its restore. */
  const leave = (order: RestoreOrder, half: HalfRestored) => {
    const body: JournaledRestore = { kind: 'restore', order, started: true, half };
    journal.runs.record({ run: order.run, kind: 'restore', body });
  };
  const createReplace = () => createOrder(rig, source, MADE, { database: 'shop', on: server });
  const createAppend = (recorded?: RestoreOrder['recorded']) => {
    const order = createReplace();
    assert.ok(order.target.kind === 'database');
    return { ...order, target: { ...order.target, mode: 'append' as const }, ...(recorded ? { recorded } : {}) };
  };
  // The answers stand in lines of their own.
  const markOf = async (end: string) => /^\d+$/m.exec(await server.query(`BEGIN; SELECT txid_current(); ${end}`))?.[0] ?? '';
  const nameOf = (order: RestoreOrder) => ({ scratch: `holdfast_new_${order.run}`, aside: `holdfast_old_${order.run}` });
  const readOid = (name: string) =>
    server.query(`SELECT oid FROM pg_database WHERE datname = '${name}'`).then((told) => told.trim());
  const create = (name: string) => server.query(`CREATE DATABASE "${name}"`);
  const recover = async (order: RestoreOrder) => {
    await recoverRuns(rig.workbench, rig.executor, undefined);
    return rig.listEvents(order.run);
  };

  await t.test('while it built beside the target: what it built is gone, and the target is as it was', async () => {
    const order = createReplace();
    const { scratch } = nameOf(order);
    leave(order, { made: [scratch] });
    await create(scratch);
    const events = await recover(order);
    assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'interrupted']);
    assert.match(readLog(events), /removed: holdfast_new_\S+\nWhat was there before is as it was/);
    assert.equal(await listNames(), names);
    assert.equal(await server.dump('shop'), before);
  });

  await t.test('before the databases were renamed: the old one stays, and the run failed', async () => {
    const order = createReplace();
    const { scratch, aside } = nameOf(order);
    leave(order, { made: [scratch], swap: { target: 'shop', aside } });
    await create(scratch);
    assert.equal(readEnd(await recover(order)).state, 'failed');
    assert.equal(await listNames(), names);
    assert.equal(await server.dump('shop'), before);
  });

  await t.test('after they were renamed: the new one stays, the old one goes, and the run succeeded', async () => {
    const order = createReplace();
    const { scratch, aside } = nameOf(order);
    leave(order, { made: [scratch], swap: { target: 'shop', aside } });
    await create(aside);
    const events = await recover(order);
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    assert.equal(await listNames(), names);
    assert.equal(await server.dump('shop'), before);
  });

  await t.test('after the old one was dropped as well: there is nothing left to do', async () => {
    const order = createReplace();
    const { scratch, aside } = nameOf(order);
    leave(order, { made: [scratch], swap: { target: 'shop', aside } });
    assert.equal(readEnd(await recover(order)).state, 'succeeded');
    assert.equal(await listNames(), names);
  });

  await t.test('while it filled a new database: that one is gone', async () => {
    const order = createOrder(rig, source, MADE, { database: 'half "made"\n', on: server });
    await server.query('CREATE DATABASE "half ""made""\n"');
    leave(order, { made: [], own: { database: 'half "made"\n', mark: await readOid('half "made"\n') } });
    const events = await recover(order);
    assert.equal(readEnd(events).state, 'failed');
    assert.match(readLog(events), /removed: half "made"/);
    assert.equal(await listNames(), names);
  });

  await t.test('while it filled a new database in whose place somebody has put another since: that one stays', async () => {
    const order = createOrder(rig, source, MADE, { database: 'half', on: server });
    await create('half');
    leave(order, { made: [], own: { database: 'half', mark: await readOid('half') } });
    await server.query('DROP DATABASE half');
    await create('half');
    const events = await recover(order);
    assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'interrupted']);
    assert.match(readLog(events), /half .* is gone, and somebody has made another of that name: it stays as it is/);
    assert.doesNotMatch(readLog(events), /removed/);
    assert.equal(await listNames(), `half ${names}`);
    await server.query('DROP DATABASE half');
  });

  await t.test('after everything had come into a new database: it stays, and is counted', async () => {
    const order = createOrder(rig, source, MADE, { database: 'half', on: server });
    await create('half');
    leave(order, { made: [], own: { database: 'half', mark: await readOid('half') }, change: { isDone: true } });
    const events = await recover(order);
    assert.equal(readEnd(events).state, 'succeeded', readLog(events));
    assert.match(JSON.stringify(findEvent(events, 'run.finished').evidence), /"target_verified".*0 tables/);
    assert.equal(await listNames(), `half ${names}`);
    await server.query('DROP DATABASE half');
  });

  await t.test(
    'after roles were made: they go with what was not swapped in, but for one that something needs by now',
    async () => {
      const order = createReplace();
      const { scratch, aside } = nameOf(order);
      const roles = () =>
        server.query(
          "SELECT string_agg(rolname || coalesce(' ' || shobj_description(oid, 'pg_authid'), ''), ',' ORDER BY rolname) FROM pg_roles WHERE rolname ~ '^made'",
        );
      const make = ({ run }: RestoreOrder) => {
        const mark = `Made by Holdfast, restore ${run}`;
        return server.query(`CREATE ROLE "made ""lonely"""; COMMENT ON ROLE "made ""lonely""" IS '${mark}';
        CREATE ROLE made_needed; COMMENT ON ROLE made_needed IS '${mark}'; CREATE ROLE made_by_others`);
      };
      await make(order);
      await server.query('GRANT SELECT ON precious TO made_needed', 'shop');
      leave(order, { made: [scratch], swap: { target: 'shop', aside }, roles: 'take_back' });
      await create(scratch);
      assert.match(readLog(await recover(order)), /removed: holdfast_new_\S+, roles/);
      assert.equal(await roles(), 'made_by_others,made_needed');
      await server.query('DROP OWNED BY made_needed', 'shop');
      await server.query('DROP ROLE made_needed, made_by_others');

      const swapped = createReplace();
      const besides = nameOf(swapped);
      await make(swapped);
      leave(swapped, { made: [besides.scratch], swap: { target: 'shop', aside: besides.aside }, roles: 'take_back' });
      await create(besides.aside);
      await recover(swapped);
      assert.equal(
        await roles(),
        'made "lonely",made_by_others,made_needed',
        'roles of what took its place stay, without the mark',
      );
      await server.query('DROP ROLE "made ""lonely""", made_needed, made_by_others');
      assert.equal(await server.dump('shop'), before);
    },
  );

  await t.test('as it was about to make a database: one that is empty goes, one that holds something stays', async () => {
    const order = createOrder(rig, source, MADE, { database: 'about', on: server });
    leave(order, { made: [], making: 'about' });
    await create('about');
    assert.equal(readEnd(await recover(order)).state, 'failed');
    assert.equal(await listNames(), names);
    const other = createOrder(rig, source, MADE, { database: 'about', on: server });
    leave(other, { made: [], making: 'about' });
    await create('about');
    await server.query('CREATE TABLE of_others (x int)', 'about');
    assert.equal(readEnd(await recover(other)).state, 'failed');
    assert.equal(await listNames(), `about ${names}`);
    await server.query('DROP DATABASE about');
  });

  await t.test(
    'in the one transaction that changes what exists: what the server remembers of it is how the run ends',
    async () => {
      const recorded = {
        tableCount: 1,
        digest: '0'.repeat(16),
        tables: [{ name: 'public.precious', shape: '0'.repeat(16), rows: 1, isExact: true }],
      };
      const endWith = async (change: HalfRestored['change'], rows = 1) => {
        const [table] = recorded.tables;
        const told = createAppend({ ...recorded, tables: table ? [{ ...table, rows }] : [] });
        leave(told, { made: [], ...(change ? { change } : {}) });
        const events = await recover(told);
        return { ...readEnd(events), log: readLog(events), evidence: findEvent(events, 'run.finished').evidence };
      };
      const done = await endWith({ mark: await markOf('COMMIT') });
      assert.equal(done.state, 'succeeded', done.log);
      assert.deepEqual(
        done.evidence.map(({ check, ok }) => [check, ok]),
        [
          ['exit_codes', true],
          ['target_verified', true],
          ['same_content', true],
        ],
      );
      assert.match(done.log, /ended after the new content had taken its place/);
      const short = await endWith({ isDone: true }, 7);
      assert.deepEqual([short.state, short.reason], ['partial', 'restore_differs'], short.log);
      assert.match(short.message, /public\.precious: 7 rows recorded, 1 row restored/);
      const undone = await endWith({ mark: await markOf('ROLLBACK') });
      assert.deepEqual([undone.state, undone.reason], ['failed', 'interrupted']);
      assert.match(undone.log, /What was there before is as it was/);
      for (const unclear of [{}, { mark: '9000000000000000000' }]) {
        const end = await endWith(unclear);
        assert.deepEqual([end.state, end.reason], ['failed', 'interrupted']);
        assert.match(end.log, /wholly as it was, or wholly changed .*: look before you restore again/);
      }
    },
  );

  await t.test(
    'in its last step, and whose database server is down, is open until the server says what came of it, or somebody cancels it',
    async () => {
      const [done, undone] = [await markOf('COMMIT'), await markOf('ROLLBACK')];
      const cut = (mark: string, more: Partial<JournaledRestore> = {}) => {
        const { order = createAppend() } = more;
        const body = { kind: 'restore', order, started: true, half: { made: [], change: { mark } }, ...more };
        journal.runs.record({ run: order.run, kind: 'restore', body });
        return order;
      };
      const { connection, ...closed } = createAppend();
      assert.ok(connection);
      const { secrets: _gone, ...draft } = connection;
      const bare = cut(done, { order: { ...closed, connection: { ...draft, secretsApart: true } } });
      const [good, bad, cancelled, late] = [cut(done), cut(undone), cut(done), cut(done, { askedSince: 0 })];
      // The servers of tests write their log late.
      await server.query('CHECKPOINT');
      await server.kill();
      await recoverRuns(rig.workbench, rig.executor, undefined);
      const isOver = ({ run }: RestoreOrder) => rig.listEvents(run).some(({ type }) => type === 'run.finished');
      assert.deepEqual([good, bad, cancelled, late, bare].map(isOver), [false, false, false, true, true]);
      assert.equal(readEnd(rig.listEvents(bare.run)).reason, 'interrupted', 'nobody has the secrets to ask with');
      // It is owed for good.
      journal.runs.changeClosed('restore', (body) => ((body as JournaledRestore).order.run === bare.run ? null : body));
      assert.equal(readEnd(rig.listEvents(late.run)).reason, 'interrupted', 'nobody asks for longer than days');
      assert.match(
        readLog(rig.listEvents(good.run)),
        /does not answer: it is asked again until \d{4}-.*, or until this run is cancelled/,
      );
      const asked = journal.runs.find(good.run)?.body as JournaledRestore | undefined;
      assert.ok((asked?.retryAt ?? 0) > (asked?.askedSince ?? Number.NaN));
      assert.equal(rig.executor.cancel(cancelled.run), true);
      const given = await rig.awaitEnd(cancelled.run);
      assert.equal(readEnd(given).reason, 'interrupted');
      assert.match(readLog(given), /wholly as it was, or wholly changed .*: look before you restore again/);
      await server.start();
      const [came, went] = [await rig.awaitEnd(good.run), await rig.awaitEnd(bad.run)];
      assert.deepEqual([readEnd(came).state, readEnd(went).reason], ['succeeded', 'interrupted'], readLog(came));
      assert.match(readLog(went), /What was there before is as it was/);
      assert.equal(came.filter(({ type }) => type === 'run.finished').length, 1);
      assert.deepEqual(journal.runs.listOpen(), []);
      await waitUntil('nothing is owed', () => journal.runs.listClosedWith('restore', 'half').length === 0);
    },
  );

  await t.test('and whose database server is down cleans up as soon as the server is back', async () => {
    const order = createReplace();
    const { scratch } = nameOf(order);
    leave(order, { made: [scratch] });
    await create(scratch);
    await server.kill();
    const events = await recover(order);
    assert.deepEqual([readEnd(events).state, readEnd(events).reason], ['failed', 'interrupted']);
    assert.match(readLog(events), /does not answer; dropped as soon as it does: holdfast_new_/);
    assert.equal(journal.runs.listClosedWith('restore', 'half').length, 1);
    await server.start();
    await waitUntil('its removal', () => journal.runs.listClosedWith('restore', 'half').length === 0);
    assert.equal(await listNames(), names);
    assert.equal(await server.dump('shop'), before);
  });

  await t.test(
    'as a user who was given for it: what the connection’s own may not drop is told, and goes once it may',
    async () => {
      await server.query("CREATE ROLE reader LOGIN PASSWORD 'of the reader' IN ROLE pg_read_all_data");
      const reader = { kind: server.kind, port: server.port, user: 'reader', password: 'of the reader' };
      const createGiven = (database: string): RestoreOrder => {
        const order = createOrder(rig, source, MADE, { database, on: reader });
        return { ...order, options: { connectAs: 'lifter' } };
      };
      const order = createGiven('shop');
      const { scratch, aside } = nameOf(order);
      leave(order, { made: [scratch], swap: { target: 'shop', aside } });
      await create(aside);
      const done = await recover(order);
      assert.equal(readEnd(done).state, 'succeeded', readLog(done));
      assert.ok(readLog(done).includes(`must be owner of database ${aside}`), readLog(done));
      assert.ok(readLog(done).includes(`DROP DATABASE "${aside}";`), readLog(done));
      assert.match(readLog(done), /tried again, less and less often, until \d{4}-/);
      const [owed] = journal.runs.listClosedWith('restore', 'half');
      assert.ok(owed);
      assert.deepEqual((owed.body as JournaledRestore).half, { made: [aside] });
      await server.query('ALTER ROLE reader SUPERUSER');
      await waitUntil('its removal', () => journal.runs.listClosedWith('restore', 'half').length === 0);
      assert.equal(await listNames(), names);
      await server.query('ALTER ROLE reader NOSUPERUSER');

      const pauses: number[] = [];
      const { setTimer } = rig.workbench;
      rig.workbench.setTimer = (ms, callback) => {
        pauses.push(ms);
        return setTimer(ms, callback);
      };
      const filled = createGiven('half');
      await create('half');
      leave(filled, { made: [], own: { database: 'half', mark: await readOid('half') } });
      const kept = await recover(filled);
      assert.deepEqual([readEnd(kept).state, readEnd(kept).reason], ['failed', 'interrupted']);
      assert.match(readLog(kept), /half could not be dropped: .*must be owner.*drop it: DROP DATABASE "half";/s);
      await waitUntil('three tries', () => pauses.includes(4 * MINUTE_MS));
      assert.deepEqual(
        pauses.filter((pause, index) => pause > (pauses[index - 1] ?? 0)).slice(-3),
        [MINUTE_MS, 2 * MINUTE_MS, 4 * MINUTE_MS],
        'less and less often',
      );
      // After days nobody tries any more, and a person has been told what to type.
      journal.runs.changeClosed('restore', (body) =>
        (body as JournaledRestore | null)?.half ? { ...(body as JournaledRestore), owedSince: 0 } : body,
      );
      await waitUntil('its end', () => journal.runs.listClosedWith('restore', 'half').length === 0);
      assert.equal(await listNames(), `half ${names}`);

      await server.query("ALTER ROLE reader PASSWORD 'another'");
      const closed = createGiven('shop');
      const closedNames = nameOf(closed);
      leave(closed, { made: [closedNames.scratch], swap: { target: 'shop', aside: closedNames.aside } });
      const refused = await recover(closed);
      assert.equal(readEnd(refused).reason, 'interrupted');
      assert.match(readLog(refused), /password of lifter was in memory alone .*may not see to what this restore left/);
      assert.ok(readLog(refused).includes(`DROP DATABASE "${closedNames.scratch}"; DROP DATABASE "${closedNames.aside}";`));
      assert.match(readLog(refused), /wholly as it was, or wholly changed .*: look before you restore again/);
      await server.query("ALTER ROLE reader PASSWORD 'of the reader' SUPERUSER");
      await waitUntil('the end of it', () => journal.runs.listClosedWith('restore', 'half').length === 0);
      await server.query('DROP DATABASE half');
    },
  );

  await t.test('in the middle of its safety backup: that backup failed too, and nobody vouches for it', async () => {
    const run = rig.workbench.createId('run');
    const body = { kind: 'safety', repository: rig.repository.id, source: source.id, started: true };
    journal.runs.record({ run, kind: 'backup', body });
    const engineId = 'b'.repeat(64);
    const snapshot = rig.workbench.createId('snapshot');
    journal.snapshots.record({ repository: rig.repository.id, engineId, snapshot, run, source: source.id, state: 'made' });
    await recoverRuns(rig.workbench, rig.executor, undefined);
    assert.deepEqual(readEnd(rig.listEvents(run)), {
      state: 'failed',
      reason: 'interrupted',
      message: readEnd(rig.listEvents(run)).message,
    });
    assert.equal(journal.snapshots.find(rig.repository.id, engineId)?.state, 'unvouched');
    assert.deepEqual(journal.runs.listOpen(), []);
  });
});
