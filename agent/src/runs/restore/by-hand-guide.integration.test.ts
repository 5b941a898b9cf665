import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SnapshotMade } from '@holdfast/shared/domain/snapshot.ts';
import { startMariadb, startPostgres } from '../../handlers/fixtures/database-servers.ts';
import { addDatabase, readEnd, readLog } from '../../handlers/fixtures/restore-orders.ts';
import { openRunRig, PASSWORD } from '../fixtures/run-rig.ts';

const GUIDE = readFileSync(join(import.meta.dirname, '../../../../docs/guide/restore.md'), 'utf8');
const CHAPTER = /^## With restic alone\n(.*?)(?=^## |(?![\s\S]))/ms.exec(GUIDE)?.[1] ?? '';

/** The blocks of shell in the order in which a person types them. */
const BLOCKS = [...CHAPTER.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);

/** The one snapshot that a block of the guide is about, by what the block does with it. */
function findExample(does: RegExp): string {
  const id = does.exec(CHAPTER)?.[1];
  assert.ok(id, String(does));
  return id;
}

test('What the guide says for the day without Holdfast brings files, roles and databases back, typed as it stands there', async (t) => {
  const [postgres, mariadb, rig] = await Promise.all([
    startPostgres(),
    startMariadb(),
    openRunRig(t, { restic: '/usr/bin/restic' }),
  ]);
  t.after(() => Promise.all([postgres.remove(), mariadb.remove()]));
  await rig.initRepository();
  const root = join(rig.dir, 'srv');
  mkdirSync(root);
  writeFileSync(join(root, 'letter 🦔.txt'), 'dear reader');
  await postgres.query('CREATE ROLE shop_owner; CREATE DATABASE shop OWNER shop_owner');
  await postgres.query(
    "CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, '🦔'); ALTER TABLE orders OWNER TO shop_owner",
    'shop',
  );
  await mariadb.query('CREATE DATABASE warehouse');
  await mariadb.query("CREATE TABLE stock (id int PRIMARY KEY, note text); INSERT INTO stock VALUES (1, '🦔')", 'warehouse');
  await mariadb.query('CREATE PROCEDURE older() SELECT 1; ALTER DATABASE warehouse CHARACTER SET latin1', 'warehouse');
  rig.addFiles('letters', [root]);
  const shop = addDatabase(rig, postgres, 'shop');
  const warehouse = addDatabase(rig, mariadb, 'warehouse');
  const events = await rig.runPlan();
  assert.equal(readEnd(events).state, 'succeeded', readLog(events));
  const made = events.flatMap((event) => (event.type === 'snapshot.made' ? [event.snapshot] : []));
  const find = (fits: (snapshot: SnapshotMade) => boolean) => made.find(fits)?.engineId ?? assert.fail('no such snapshot');
  const before = [await postgres.dump('shop'), await mariadb.dump('warehouse')];
  // A new server has none of the roles.
  await postgres.query('DROP DATABASE shop');
  await postgres.query('DROP ROLE shop_owner');
  await mariadb.query('DROP DATABASE warehouse');

  const examples: readonly (readonly [string, string])[] = [
    [findExample(/restic restore (\S+)/), find(({ fileName }) => fileName === undefined)],
    [findExample(/restic dump (\S+) globals\.sql/), find(({ role }) => role === 'globals')],
    [findExample(/restic dump (\S+) database\.dump/), find(({ source, role }) => source === shop.id && role === 'data')],
    [findExample(/restic dump (\S+) database\.sql/), find(({ source }) => source === warehouse.id)],
  ];
  const passwordFile = join(rig.dir, 'restic-password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  const target = join(rig.dir, 'restored');
  const places: readonly (readonly [string, string])[] = [
    ['/backup/restic', join(rig.dir, 'repository')],
    ['/root/restic-password', passwordFile],
    ['/restore', target],
  ];
  const typed = [...examples, ...places].reduce((text, [written, real]) => {
    assert.ok(text.includes(written), written);
    return text.replaceAll(written, real);
  }, BLOCKS.join('\n'));
  const home = join(rig.dir, 'home');
  mkdirSync(home);
  const client = `[client]\nhost=127.0.0.1\nprotocol=tcp\nport=${mariadb.port}\nuser=${mariadb.user}\npassword=${mariadb.password}\n`;
  writeFileSync(join(home, '.my.cnf'), client, { mode: 0o600 });
  const env = {
    ...{ PATH: '/usr/bin:/bin', HOME: home, LC_ALL: 'C.UTF-8' },
    ...{ PGHOST: '127.0.0.1', PGPORT: String(postgres.port), PGUSER: postgres.user, PGPASSWORD: postgres.password },
  };
  const done = spawnSync('bash', ['-e'], { input: typed, env, encoding: 'utf8' });
  assert.equal(done.status, 0, `${done.stdout}\n${done.stderr}`);

  assert.match(done.stdout, /role:globals/);
  assert.equal(readFileSync(join(target, root, 'letter 🦔.txt'), 'utf8'), 'dear reader');
  assert.equal(await postgres.dump('shop_restored'), before[0]);
  assert.equal(
    await postgres.query("SELECT tableowner FROM pg_tables WHERE tablename = 'orders'", 'shop_restored'),
    'shop_owner',
  );
  assert.equal((await mariadb.dump('warehouse_restored')).replaceAll('`warehouse_restored`', '`warehouse`'), before[1]);
});
