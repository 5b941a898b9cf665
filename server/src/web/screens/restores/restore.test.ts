import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { RESTORE_MODES } from '@holdfast/shared/domain/restore.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import { quoteWord } from '@holdfast/shared/shell-word.ts';
import { createFleet, type Fleet, HOSTILE, LONG_NAME, playDay } from '../fixtures/fleet.ts';
import { describeMachine } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { RUN_SCREENS } from '../runs/run.ts';
import { SNAPSHOT_SCREENS } from '../snapshots/snapshot.ts';
import { listByHandSteps } from '../snapshots/snapshot-by-hand.ts';
import { SNAPSHOTS_SCREENS } from '../snapshots/snapshots.ts';
import { RESTORE_SCREENS } from './restore.ts';
import { parseField, RESTORE_CHOICE_SCREENS } from './restore-choice.ts';
import { RESTORE_FILES_SCREENS } from './restore-files.ts';

let world: World;
let fleet: Fleet;

before(async () => {
  world = await createWorld([
    ...SNAPSHOTS_SCREENS,
    ...SNAPSHOT_SCREENS,
    ...RESTORE_SCREENS,
    ...RESTORE_CHOICE_SCREENS,
    ...RESTORE_FILES_SCREENS,
    ...RUN_SCREENS,
  ]);
  fleet = await createFleet(world);
  await playDay(fleet, NOW);
});
after(() => world.close());

function source(name: string) {
  return fleet.sources[name] ?? assert.fail(name);
}

async function findNewest(name: string): Promise<SnapshotId> {
  const page = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { source: source(name) }, { limit: 1 });
  return page.rows[0]?.id ?? assert.fail(`no snapshot of ${name}`);
}

describe('The list of snapshots', () => {
  it('answers how many there are, and holds hostile names as text', async () => {
    const page = await world.read('/snapshots');
    assert.match(page, /<h1>\d+ snapshots; the newest was made 58\u00a0min ago\.<\/h1>/);
    assert.ok(!page.includes(HOSTILE));
    const { next } = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, {}, { limit: 1 });
    assert.match(await world.read(`/snapshots?after=${next}`), /; the newest was made 58\u00a0min ago\.<\/h1>/);
  });

  it('filters by source, state and run, and shows sizes over time for one source', async () => {
    const app = await world.read(`/snapshots?source=${source('app')}`);
    assert.match(app, /Size over time/);
    assert.match(app, /Over time.*<a href="\/snapshots\/snap_\w+" aria-label="[^"]+, good"/su);
    assert.doesNotMatch(await world.read('/snapshots'), /Over time/);
    assert.doesNotMatch(app, />orders<\/a>/);
    const partial = await world.read('/snapshots?state=partial', { part: 'snapshots' });
    assert.equal([...partial.matchAll(/data-row/g)].length, 1);
    assert.match(await world.read('/snapshots?state=missing'), /No snapshot fits these filters/);
    const today = await world.read('/snapshots?from=2026-11-20');
    assert.match(today, /name="from" value="2026-11-20"/);
    assert.match(today, /data-row/);
    assert.doesNotMatch(await world.read('/snapshots?to=2026-11-18', { part: 'snapshots' }), /data-row/);
    assert.match(await world.read('/snapshots?to=2026-11-31'), /To: “2026-11-31” is no day; write it as 2026-11-21/);
  });
});

describe('The page of a snapshot', () => {
  it('shows the evidence, the id to copy and the commands that work without the server', async () => {
    const page = await world.read(`/snapshots/${await findNewest('app')}`);
    assert.match(page, /4 of 4/);
    assert.match(page, /data-copy="[0-9a-f]{64}"/);
    assert.match(page, /createdb --template=template0 new_database/);
    assert.match(page, /restic dump [0-9a-f]{16} \/database\.dump \| pg_restore --exit-on-error --dbname=new_database/);
    assert.match(page, /Restore this…/);
  });

  it('offers no restore of what no clean run vouches for', async () => {
    const id = world.context.createId('snapshot');
    const run = await fleet.play({
      host: fleet.hosts['web-1'] ?? assert.fail(),
      sources: [source('www')],
      at: NOW - 1000,
      tookMs: 500,
      open: 'running',
    });
    await fleet.tell(fleet.hosts['web-1'] ?? assert.fail(), [
      {
        type: 'snapshot.made',
        run,
        at: NOW,
        snapshot: {
          id,
          engineId: 'ab'.repeat(32),
          source: source('www'),
          role: 'data',
          createdAt: NOW,
          sizeBytes: 5,
          evidence: [],
        },
      },
    ]);
    const page = await world.read(`/snapshots/${id}`);
    assert.match(page, /No clean run vouches for this snapshot/);
    assert.doesNotMatch(page, /Restore this…/);
    assert.match(await world.read(`/snapshots/${id}/restore`), /is not offered for restore/);
  });

  it('quotes what a shell would read otherwise', () => {
    assert.equal(quoteWord('app.dump'), 'app.dump');
    assert.equal(quoteWord("a'b c"), `'a'\\''b c'`);
    const steps = listByHandSteps({ engineId: 'ab'.repeat(32), lines: [], role: 'data', repository: '/srv' });
    assert.equal(steps.at(-1)?.command, 'restic restore abababababababab --target /restored');
  });
});

describe('The restore page', () => {
  it('proposes a new database on the server it came from, and names what will happen', async () => {
    const page = await world.read(`/snapshots/${await findNewest('app')}/restore`);
    assert.match(page, /value="app_\d{8}_\d{4}"/);
    assert.match(page, new RegExp(`value="${source('app')}" selected`));
    assert.match(page, new RegExp(`value="${source('orders')}"`));
    assert.doesNotMatch(page, new RegExp(`value="${source('shop')}"`));
    assert.match(page, /I understand this creates a new database/);
  });

  it('proposes a new directory for files, on hosts that answer only', async () => {
    const page = await world.read(`/snapshots/${await findNewest('home')}/restore`);
    assert.match(page, /value="\/restore\/home-2026-11-20"/);
    assert.match(page, new RegExp(`value="${fleet.hosts[LONG_NAME]}" selected`));
    assert.match(page, new RegExp(`value="${fleet.hosts['mail']}" disabled`));
    assert.ok(!page.includes(HOSTILE));
  });

  it('proposes a directory that the agent of the host may make, and says why it is another than usual', async () => {
    const host = fleet.hosts[LONG_NAME] ?? assert.fail();
    const { facts } = (await world.context.store.hosts.findHost(DEFAULT_TENANT, host)) ?? assert.fail();
    const restoreDir = '/var/lib/holdfast-agent/restored';
    await world.context.store.hosts.recordContact(host, { at: NOW, facts: { ...describeMachine({ ...facts }), restoreDir } });
    const page = await world.read(`/snapshots/${await findNewest('home')}/restore`);
    assert.match(page, /value="\/var\/lib\/holdfast-agent\/restored\/home-2026-11-20"/);
    assert.match(page, /may not write to \/restore; below \/var\/lib\/holdfast-agent\/restored it may\./);
    const files = await world.read(`/snapshots/${await findNewest('home')}/files/restore?path=/srv/a`);
    assert.match(files, /value="\/var\/lib\/holdfast-agent\/restored\/home-2026-11-20"/);
    await world.context.store.hosts.recordContact(host, { at: NOW, facts: describeMachine({ ...facts }) });
  });

  it('offers nothing that the administrator of the host refuses, and says so', async () => {
    const [web, db] = [fleet.hosts['web-1'] ?? assert.fail(), fleet.hosts['db-1.fra'] ?? assert.fail()];
    const { hosts } = world.context.store;
    const known = new Map((await hosts.findHosts(DEFAULT_TENANT, [web, db])).map(({ id, facts }) => [id, facts]));
    const say = (id: typeof web, change: object) =>
      hosts.recordContact(id, { at: NOW, facts: { ...describeMachine({ ...known.get(id) }), ...change } });
    await say(web, { restores: 'none' });
    await say(db, { restores: 'beside', capabilities: [...AGENT_CAPABILITIES] });
    const tree = await findNewest('home');
    const whole = await world.read(`/snapshots/${tree}/restore`);
    assert.match(whole, new RegExp(`value="${web}" disabled>web-1 \\(takes no restores\\)`));
    const files = await world.ask('post', `/snapshots/${tree}/files/restore`, { form: { path: '/srv/a', host: db } });
    assert.ok(files.kind === 'page');
    assert.match(
      files.html.toString(),
      /name="way" +value="in_place" disabled[\s\S]*?Not available: db-1\.fra lets a server restore only beside/,
    );
    assert.match(files.html.toString(), /name="keepPrivileges"/);
    const back = await world.ask('post', `/snapshots/${tree}/files/restore`, { form: { path: '/srv/a', way: 'in_place' } });
    assert.ok(back.kind === 'page' && !back.html.toString().includes('keepPrivileges'), 'in place they come anyway');
    const dump = `/snapshots/${await findNewest('app')}/restore`;
    const page = await world.read(dump);
    assert.match(page, /name="mode" +value="new" checked/);
    assert.match(
      page,
      /name="mode" +value="replace" disabled>[\s\S]*?Not available: db-1\.fra lets a server restore only beside what is there/,
    );
    const form = { place: source('app'), target: 'app', mode: 'replace', understood: 'true', databaseName: 'app' };
    const look = await world.ask('post', dump, { form: { ...form, act: 'look' }, part: 'restore-confirm' });
    assert.ok(look.kind === 'page');
    assert.match(look.html.toString(), /its administrator set HOLDFAST_RESTORES=beside there/);
    const started = await world.ask('post', dump, { form });
    assert.ok(started.kind === 'page' && started.status === 422);
    assert.match(started.html.toString(), /only beside what is there/);
    for (const id of [web, db]) await say(id, {});
  });

  it('starts the run of a restore and leads to it', async () => {
    const snapshot = await findNewest('home');
    const reply = await world.ask('post', `/snapshots/${snapshot}/restore`, {
      form: { place: fleet.hosts['web-1'] ?? '', target: '/restore/home', understood: 'true', keepPrivileges: 'true' },
    });
    assert.ok(reply.kind === 'redirect');
    const page = await world.read(reply.to);
    assert.match(page, /Waiting for web-1 to begin\./);
    assert.match(page, /Target directory<\/dt><dd>\/restore\/home</);
    const orders = await world.context.store.orders.listWaitingOrders(fleet.hosts['web-1'] ?? assert.fail(), NOW);
    const order = orders.find(({ type }) => type === 'restore.start') ?? assert.fail('nothing was ordered');
    assert.deepEqual((JSON.parse(order.body) as { options: object }).options, { keepPrivileges: true });
    assert.match(page, /setuid bits and devices<\/dt><dd>kept/i);
  });

  it('starts a database restore through the connection that was chosen', async () => {
    const reply = await world.ask('post', `/snapshots/${await findNewest('app')}/restore`, {
      form: { place: source('orders'), target: 'app_restored', owners: 'true', understood: 'true' },
    });
    assert.ok(reply.kind === 'redirect');
    const page = await world.read(reply.to);
    assert.match(page, /Target database<\/dt><dd>app_restored</);
    assert.match(page, /Waiting for db-2\.fra to begin\./);
  });

  it('keeps what was typed when something is missing or wrong', async () => {
    const path = `/snapshots/${await findNewest('home')}/restore`;
    const reply = await world.ask('post', path, { form: { place: '', target: `relative/${HOSTILE}` } });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    const page = reply.html.toString();
    assert.match(page, /must be an absolute path/);
    assert.match(page, /Confirm what will be created\./);
    assert.match(page, /Choose where it goes\./);
    assert.match(page, /value="relative\/&lt;script&gt;/);
  });

  it('shows a refusal of the core at the field it is about', async () => {
    const reply = await world.ask('post', `/snapshots/${await findNewest('app')}/restore`, {
      form: { place: source('shop'), target: 'app_restored', understood: 'true' },
    });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    assert.match(reply.html.toString(), /id="f-place-error"[\s\S]*not of the same engine/);
  });

  it('offers every way into a database with its consequence, of PostgreSQL and of MariaDB', async () => {
    const page = await world.read(`/snapshots/${await findNewest('app')}/restore`);
    for (const mode of RESTORE_MODES) assert.match(page, new RegExp(`type="radio" name="mode" +value="${mode}"`));
    assert.match(page, /Drop and recreate <span class="quiet">Builds the new content beside the old one/);
    assert.match(page, /name="safetyBackup"[^>]* checked|checked[^>]* name="safetyBackup"/);
    const mariadb = await world.read(`/snapshots/${await findNewest('shop')}/restore`);
    for (const mode of RESTORE_MODES) assert.match(mariadb, new RegExp(`type="radio" name="mode" +value="${mode}"`));
    assert.doesNotMatch(mariadb, /is not replaced|its schema before a dot/);
    assert.match(mariadb, /name="endSessions"[\s\S]*?Right before the new tables take their place/);
    const asked = { place: source('shop'), target: 'shop', mode: 'tables', understood: 'true', databaseName: 'shop' };
    const form = { ...asked, tables: 'sales.orders' };
    const refused = await world.ask('post', `/snapshots/${await findNewest('shop')}/restore`, { form });
    assert.ok(refused.kind === 'page' && refused.status === 422);
    assert.match(refused.html.toString(), /id="f-tables-error"[\s\S]*has no schemas; give the names alone/);
  });

  it('refuses what would modify a database without the tick, and shows the way that was chosen', async () => {
    const snapshot = await findNewest('app');
    const form = { place: source('app'), target: 'app', mode: 'replace' };
    const reply = await world.ask('post', `/snapshots/${snapshot}/restore`, { form });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    const page = reply.html.toString();
    assert.match(page, /Confirm what will happen\./);
    assert.match(page, /value="replace" checked/);
    assert.match(page, /I understand this will modify the database\./);
  });

  it('asks for the name of a database that it would modify, and refuses another one', async () => {
    const path = `/snapshots/${await findNewest('app')}/restore`;
    const form = { place: source('app'), target: 'app', mode: 'replace', understood: 'true' };
    for (const databaseName of ['', 'orders']) {
      const reply = await world.ask('post', path, { form: { ...form, databaseName } });
      assert.ok(reply.kind === 'page' && reply.status === 422);
      assert.match(reply.html.toString(), /id="f-databaseName-error"[\s\S]*type the name of the database, app/);
    }
    const named = await world.ask('post', path, { form: { ...form, databaseName: 'app' } });
    assert.ok(named.kind === 'page');
    assert.match(named.html.toString(), /the agent on [^<]+ knows only restores into new databases; update it first/);
    assert.doesNotMatch(named.html.toString(), /id="f-databaseName-error"/);
    assert.doesNotMatch(await world.read(path), /name="databaseName"/);
  });

  it('says which line names no table, and keeps what was typed', async () => {
    const form = { place: source('app'), target: 'app', mode: 'tables', tables: 'a.b.c', understood: 'true' };
    const reply = await world.ask('post', `/snapshots/${await findNewest('app')}/restore`, { form });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    const page = reply.html.toString();
    assert.match(page, /id="f-tables-error"[\s\S]*one table a line/);
    assert.match(page, />\na\.b\.c<\/textarea>/);
    assert.match(page, /value="tables" checked/);
  });

  it('is closed to viewers', async () => {
    const path = `/snapshots/${await findNewest('app')}/restore`;
    await assert.rejects(world.ask('get', path, { role: 'viewer' }), { code: 'forbidden' });
    assert.doesNotMatch(await world.read('/snapshots', { role: 'viewer' }), /Restore…/);
  });
});

describe('Choosing what is brought back', () => {
  const redirect = async (path: string) => {
    const reply = await world.ask('get', path);
    assert.ok(reply.kind === 'redirect');
    return reply.to;
  };
  const listGood = async (name: string) => {
    const filter = { source: source(name), state: 'good' } as const;
    const { rows } = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, filter, { limit: 50 });
    return rows.filter(({ suspicion, plan }) => suspicion === undefined && plan !== undefined);
  };

  it('leads to the newest good one, and to the newest that a point in time had', async () => {
    const [newest] = await listGood('app');
    assert.ok(newest);
    assert.equal(await redirect(`/sources/${source('app')}/restore`), `/snapshots/${newest.id}/restore`);
    const page = await world.read(`/snapshots/${newest.id}/restore`);
    const [, asOf] = /name="asOf" value="([^"]*)"/.exec(page) ?? [];
    assert.equal(await redirect(`/sources/${source('app')}/restore?asOf=${asOf}`), `/snapshots/${newest.id}/restore`);
    const before = world.ask('get', `/sources/${source('app')}/restore?asOf=1999-12-31T23:59`);
    await assert.rejects(before, { code: 'not_found', message: /no good snapshot that is as old as that/ });
    await assert.rejects(world.ask('get', `/sources/${source('app')}/restore?asOf=soon`), { code: 'invalid' });
    await assert.rejects(world.ask('get', `/sources/${source('app')}/restore`, { role: 'viewer' }), { code: 'forbidden' });
  });

  it('says on the page whether it is the newest good one, and how old that is', async () => {
    const [newest] = await listGood('app');
    const page = await world.read(`/snapshots/${newest?.id}/restore`);
    assert.match(page, /This is the newest good one, made <time [^>]*>\d+\u00a0min ago/);
    assert.match(page, /<form class="choice-as-of" method="get" action="\/sources\/[^"]*\/restore">/);
    assert.match(page, /type="datetime-local" name="asOf" value="\d{4}-\d\d-\d\dT\d\d:\d\d"/);
  });

  it('reads the minute of a zone to its end, also where an hour is missing or comes twice', () => {
    const at = (text: string, zone: string) => {
      const found = parseField(text, zone);
      return found === undefined ? undefined : new Date(found).toISOString();
    };
    assert.equal(at('2026-11-20T09:00', 'UTC'), '2026-11-20T09:00:59.999Z');
    assert.equal(at('2026-11-20T09:00', 'Europe/Berlin'), '2026-11-20T08:00:59.999Z');
    assert.equal(at('2026-07-01T09:00', 'America/New_York'), '2026-07-01T13:00:59.999Z');
    assert.equal(at('2026-10-25T02:30', 'Europe/Berlin'), '2026-10-25T01:30:59.999Z', 'the later of two');
    assert.match(at('2026-03-29T02:30', 'Europe/Berlin') ?? '', /^2026-03-29T0[01]:30/, 'no clock ever shows it');
    assert.equal(at('2026-13-40T09:00', 'UTC'), undefined);
    assert.equal(at("2026-11-20T09:00'; --", 'UTC'), undefined);
  });
});
