import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import type { DumpEntry } from '@holdfast/shared/protocol/dump-files.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Source } from '../../../store/sources.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addSource, describeMachine, HOUR_MS } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { HOST_PAGE_SCREENS } from '../hosts/host-page.ts';
import { RUN_SCREENS } from '../runs/run.ts';
import { RUNS_SCREENS } from '../runs/runs.ts';
import { DUMP_FILE_SCREENS } from './dump-files.ts';
import { RESTORE_DUMP_SCREENS } from './restore-dump.ts';
import { RESTORE_START_SCREENS } from './restore-start.ts';

const FACTS = { capabilities: [...AGENT_CAPABILITIES], dumpDirs: ['/srv/dumps', '/srv/dumps/older'] };
const file = (name: string, more: Partial<DumpEntry> = {}): DumpEntry => ({
  name,
  type: 'file',
  sizeBytes: 4096,
  modifiedAt: NOW - 30 * 24 * HOUR_MS,
  ...more,
});
const MARKUP = '<b>\u202e<img src=x onerror=alert(1)>';
const script = { engine: 'postgres', format: 'plain', isGzip: true, serverVersion: '15.18' } as const;
const archive = { engine: 'postgres', format: 'custom', isGzip: false } as const;

describe('Restoring a dump file of a host', () => {
  let world: World;
  let host: Host;
  let shop: Source;
  let repository: Repository;
  let entries: DumpEntry[];

  before(async () => {
    world = await createWorld([
      ...HOST_PAGE_SCREENS,
      ...RESTORE_START_SCREENS,
      ...DUMP_FILE_SCREENS,
      ...RESTORE_DUMP_SCREENS,
      ...RUNS_SCREENS,
      ...RUN_SCREENS,
    ]);
    world.directory.answers['dump_files.list'] = (_host, { path, after = 0 }) => {
      if (!path.startsWith('/srv/dumps')) throw new AppError('forbidden', 'it is in none of the offered directories');
      const shown = path === '/srv/dumps' ? entries.slice(after, after + 3) : [];
      const end = after + shown.length;
      return { path, entries: shown, total: entries.length, ...(end < entries.length && shown.length > 0 ? { next: end } : {}) };
    };
    world.directory.answers['restore.look'] = () => ({
      exists: true,
      empty: false,
      serverVersion: '15.18',
      tables: 12,
      sizeBytes: 5000,
      sessions: 0,
    });
    entries = [
      file('2019', { type: 'dir' }),
      file('link', { type: 'other' }),
      file('notes.txt', { refusal: 'This does not begin as a dump.' }),
      file('shop.dump', { dump: archive }),
      file('shop.sql.gz', { dump: script }),
      file(`${MARKUP}.sql`, { dump: { ...script, engine: 'mariadb' } }),
    ];
  });
  after(() => world.close());

  const start = (name: string, more = '') =>
    `/restore/dumps/start?host=${host.id}&path=${encodeURIComponent(`/srv/dumps/${name}`)}${more}`;
  const filled = () => ({ place: shop.id, target: 'shop', mode: 'new', repository: repository.id, safetyBackup: 'true' });
  const listOrders = () => world.context.store.orders.listWaitingOrders(host.id, NOW);

  it('is offered to whoever may restore, and says how a host comes to offer some', async () => {
    assert.match(await world.read('/restore'), /href="\/restore\/dumps"/);
    assert.match(readWords(await world.read('/restore/dumps')), /No host offers dump files\..*set HOLDFAST_DUMP_DIRS there/);
    const away = await addHost(world, { name: 'db-2', facts: FACTS, online: false });
    host = await addHost(world, { name: 'db-1', facts: FACTS });
    shop = await addSource(world, { host: host.id, name: 'shop' });
    assert.match(readWords(await world.read(start('shop.dump'))), /db-1 has opened no repository yet/);
    repository = await addRepository(world, { name: 's3-eu' });
    await addRepository(world, { name: 'a disk of db-2', kind: 'local', testedFrom: away.id });
    await addPlan(world, { name: 'nightly', repository: repository.id, sources: [shop.id] });
    assert.doesNotMatch(await world.read('/restore', { role: 'viewer' }), /From a dump file/);
    const page = await world.read('/restore/dumps');
    assert.match(page, new RegExp(`host=${host.id}&amp;path=%2Fsrv%2Fdumps"`));
    assert.doesNotMatch(page, new RegExp(`host=${away.id}&amp;path`));
    assert.match(
      readWords(await world.read(`/hosts/${host.id}`)),
      /Offers dump files in \/srv\/dumps Offers dump files in \/srv\/dumps\/older/,
    );
    await assert.rejects(world.ask('get', '/restore/dumps', { role: 'viewer' }), { code: 'forbidden' });
    await assert.rejects(world.ask('get', start('shop.dump'), { role: 'viewer' }), { code: 'forbidden' });
  });

  it('lists a directory page by page, by what each file is; what cannot be restored says why and cannot be chosen', async () => {
    const first = await world.read(`/restore/dumps?host=${host.id}&path=/srv/dumps`);
    assert.match(readWords(first), /notes\.txt This does not begin as a dump\. 4 KiB/);
    assert.match(readWords(first), /link no regular file: links, devices/);
    assert.doesNotMatch(first, /Restore…/);
    assert.match(first, /after=3"/);
    const second = await world.read(`/restore/dumps?host=${host.id}&path=/srv/dumps&after=3`);
    assertInert(second);
    assert.match(readWords(second), /shop\.dump PostgreSQL archive 4 KiB/);
    assert.match(readWords(second), /shop\.sql\.gz PostgreSQL 15\.18 script in gzip/);
    assert.equal([...second.matchAll(/Restore…<\/|Restore…<\/span>/g)].length, 3);
    const elsewhere = readWords(await world.read(`/restore/dumps?host=${host.id}&path=/etc`));
    assert.match(elsewhere, /db-1 does not offer \/etc: it is in none of the offered directories/);
  });

  it('offers the ways that the file can do, and nothing that it has not', async () => {
    const page = await world.read(start('shop.sql.gz', '&after=3'));
    const ways = [...page.matchAll(/name="mode" +value="(\w+)"/g)].map(([, mode]) => mode);
    assert.deepEqual(ways, ['new', 'replace', 'append']);
    assert.match(page, /value="shop_20261021_\d{4}"/);
    assert.doesNotMatch(page, /name="(?:owners|jobs|roles|readFirst|downloadKiBps|databaseName)"/);
    assert.match(page, new RegExp(`value="${repository.id}" selected`));
    assert.doesNotMatch(page, /a disk of db-2/);
    assert.match(page, /Whoever wrote the file decides/);
    const whole = await world.read(start('shop.dump', '&after=3'));
    assert.equal([...whole.matchAll(/name="mode"/g)].length, 7);
    assert.match(whole, /name="owners"/);
    assert.match(whole, /name="jobs"/);
  });

  it('is refused with the reason for what is no dump, is gone, or has no server here', async () => {
    for (const [name, words] of [
      ['notes.txt', /cannot be restored: This does not begin as a dump\./],
      ['gone.sql', /there is no file \/srv\/dumps\/gone\.sql on db-1/],
      [`${MARKUP}.sql`, /db-1 has no source of a MariaDB server/],
    ] as const) {
      const page = await world.read(start(name));
      assertInert(page);
      assert.match(readWords(page), words);
      assert.doesNotMatch(page, /<form class="stack"/);
    }
    await assert.rejects(world.ask('get', '/restore/dumps/start?host=host_1&path=..'), { code: 'not_found' });
  });

  it('says in numbers what stands at the target, and asks for its name where that would change', async () => {
    const form = { ...filled(), mode: 'replace' };
    const part = await world.ask('post', start('shop.sql.gz'), { form, part: 'restore-confirm' });
    assert.ok(part.kind === 'page');
    const words = readWords(part.html.toString());
    assert.match(words, /shop exists\. Everything in it is overwritten: 12 tables, 4\.88 KiB\./);
    assert.match(part.html.toString(), /name="databaseName"/);
  });

  it('is refused without the tick, the name typed again, or a file that is as it was', async () => {
    const before = (await listOrders()).length;
    const refuse = async (form: object, more = '') => {
      const reply = await world.ask('post', start('shop.sql.gz', more), { form: { ...filled(), ...form } });
      assert.ok(reply.kind === 'page' && reply.status === 422);
      return reply.html.toString();
    };
    assert.match(await refuse({}), /Confirm what will happen\./);
    const agreed = { mode: 'replace', understood: 'true' };
    assert.match(await refuse(agreed), /id="f-databaseName-error"[\s\S]*type the name of the database, shop/);
    assert.match(await refuse({ ...agreed, databaseName: 'shap' }), /id="f-databaseName-error"/);
    assert.match(await refuse({ mode: 'clean', understood: 'true' }), /carried out as it stands/);
    assert.match(await refuse({ understood: 'true', repository: '' }), /Choose where the safety backup goes/);
    assert.match(await refuse({ understood: 'true' }, '&sizeBytes=4095'), /not as it was when it was chosen/);
    assert.equal((await listOrders()).length, before);
  });

  it('is offered in no way that the host refuses', async () => {
    const tell = (restores: 'beside' | 'none' | 'any') =>
      world.context.store.hosts.recordContact(host.id, { at: NOW, facts: describeMachine({ ...FACTS, restores }) });
    await tell('beside');
    assert.match(await world.read(start('shop.dump')), /name="mode" +value="append" disabled/);
    assert.match(readWords(await world.read(`/hosts/${host.id}`)), /Restores from here only beside what is there/);
    const form = { ...filled(), mode: 'replace', understood: 'true', databaseName: 'shop' };
    const reply = await world.ask('post', start('shop.dump'), { form });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    assert.match(reply.html.toString(), /db-1 lets a server restore only beside what is there/);
    await tell('none');
    const page = await world.read(start('shop.dump'));
    assert.match(readWords(page), /db-1 takes no restore from a server: its administrator set HOLDFAST_RESTORES=none there\./);
    assert.doesNotMatch(page, /<form class="stack"/);
    await tell('any');
  });

  it('starts a run that names the file wherever it is shown, and no snapshot', async () => {
    const form = { ...filled(), mode: 'replace', understood: 'true', databaseName: 'shop', owners: 'true', jobs: '4' };
    const reply = await world.ask('post', start('shop.sql.gz', '&sizeBytes=4096'), { form });
    assert.ok(reply.kind === 'redirect');
    const run = reply.to.split('/').at(-1) as RunId;
    const order = (await listOrders()).find((one) => one.run === run);
    const body = JSON.parse(order?.body ?? '{}') as RequestBody<'restore.start'>;
    assert.ok(body.target.kind === 'database');
    assert.equal(body.target.from?.path, '/srv/dumps/shop.sql.gz');
    assert.deepEqual(body.options, { endSessions: false, safetyBackup: true, acceptOlderServer: false });
    assert.equal(body.safetySource, shop.id);
    const page = readWords(await world.read(reply.to));
    assert.match(page, /From file \/srv\/dumps\/shop\.sql\.gz on db-1/i);
    assert.doesNotMatch(page, /From snapshot/i);
    assert.match(readWords(await world.read('/runs')), /Restore from file \/srv\/dumps\/shop\.sql\.gz into database shop/);
    assert.match(readWords(await world.read('/restore')), /Past restores.*Restore from file/);
  });
});
