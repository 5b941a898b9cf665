import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Source } from '../../../store/sources.ts';
import type { PageReply } from '../../http/route.ts';
import { assertInert, countMatches, readWords } from '../fixtures/inert.ts';
import { addHost } from '../fixtures/setup-fleet.ts';
import { createWorld, type World } from '../fixtures/world.ts';
import { SOURCE_FORM_SCREENS } from './source-form.ts';

const PASSWORD = 'korrekt-pferd-batterie';
const REFUSAL = 'FATAL: password authentication failed for user "backup" <b>now</b>';
const FORM = {
  name: 'wiki',
  'config-host': '127.0.0.1',
  'config-port': '5432',
  'config-database': 'wiki',
  'config-user': 'backup',
  'secret-password': PASSWORD,
  'config-maintenanceDatabase': 'postgres',
  'config-sslMode': 'prefer',
  'config-roles': 'none',
  'config-floorBytes': '512',
};
const refuse = () => ({
  ok: false,
  message: REFUSAL,
  reason: 'database_authentication',
  serverVersion: '',
  warnings: [],
  latencyMs: 30,
});
const work = () => ({ ok: true, message: '', serverVersion: '15.18', warnings: ['1 table cannot be read'], latencyMs: 9 });

function assertRefused(reply: PageReply): string {
  assert.ok(reply.kind === 'page' && reply.status === 422, reply.kind);
  const markup = reply.html.toString();
  assertInert(markup);
  assert.ok(!markup.includes(PASSWORD));
  return markup;
}

function assertSaved(reply: PageReply): string {
  assert.ok(reply.kind === 'redirect' && reply.flash !== undefined, reply.kind);
  return reply.flash.text;
}

describe('Saving a source', () => {
  let world: World;
  let host: Host;
  let add: string;
  const listSources = () => world.context.store.sources.listSourcesOfHost(DEFAULT_TENANT, host.id);
  const takeCalls = () => world.directory.calls.splice(0).map((call) => call.type);
  before(async () => {
    world = await createWorld(SOURCE_FORM_SCREENS);
    host = await addHost(world, { name: 'db-1' });
    add = `/sources/new?host=${host.id}&kind=postgres`;
  });
  after(() => world.close());

  it('saves nothing while its test fails, says why in the tool’s own words, and offers to save it anyway', async () => {
    world.directory.answers['source.test'] = refuse;
    assert.ok(!(await world.read(add)).includes('name="anyway"'), 'nothing stands against a test yet');
    const markup = assertRefused(await world.ask('post', add, { form: FORM }));
    const words = readWords(markup);
    assert.match(words, /Not saved: it does not work from db-1\. What came of the test stands above the buttons\./);
    assert.ok(words.includes(REFUSAL));
    assert.match(words, /Check user name and password of the source\..*Save anyway Backups fail until it works\./);
    assert.match(words, /Passwords are never sent back to a browser/);
    assert.match(markup, /value="wiki"/);
    assert.deepEqual(takeCalls(), ['source.test']);
    assert.deepEqual(await listSources(), []);
  });

  it('puts the refused form in its own place, where the typed password stays', async () => {
    const markup = assertRefused(await world.ask('post', add, { form: FORM, part: 'source-form' }));
    assert.match(markup, /^<form class="form" [^>]*id="source-form"/);
    assert.match(markup, /hx-swap="outerMorph"/);
    assert.ok(!/hx-morph-skip/.test(markup), 'the result of the test changes with it');
    assert.doesNotMatch(readWords(markup), /Passwords are never sent back/);
    takeCalls();
  });

  it('asks no host about a form that no test can mend', async () => {
    for (const [wrong, why] of [
      [{ 'config-host': 'a b' }, /Host : must be one host name/],
      [{ 'config-sslMode': 'verify-full' }, /CA certificate : is needed for the TLS mode verify-full/],
    ] as const) {
      const words = readWords(assertRefused(await world.ask('post', add, { form: { ...FORM, ...wrong } })));
      assert.match(words, why);
      assert.doesNotMatch(words, /Save anyway|Not tested/);
    }
    assert.deepEqual(takeCalls(), []);
  });

  it('saves what works, with the warnings of the test', async () => {
    world.directory.answers['source.test'] = work;
    const text = assertSaved(await world.ask('post', add, { form: FORM }));
    assert.equal(text, 'wiki works and is saved. The test warns: 1 table cannot be read Next: put it into a plan.');
    assert.deepEqual(takeCalls(), ['source.test']);
  });

  it('tests a changed setting or password of a saved one, and a new name alone not', async () => {
    const [saved] = (await listSources()) as [Source];
    const edit = `/sources/${saved.id}/edit`;
    const kept = { ...FORM, 'secret-password': '', version: String(saved.version) };
    const renamed = assertSaved(await world.ask('post', edit, { form: { ...kept, name: 'wiki-2' } }));
    assert.equal(renamed, 'wiki-2 is saved.');
    assert.deepEqual(takeCalls(), []);
    world.directory.answers['source.test'] = refuse;
    for (const change of [{ 'config-database': 'wiki2' }, { 'secret-password': 'another' }]) {
      assertRefused(await world.ask('post', edit, { form: { ...kept, ...change, version: '2' } }));
      assert.deepEqual(takeCalls(), ['source.test']);
    }
    const [after] = (await listSources()) as [Source];
    assert.deepEqual([after.config, after.secrets, after.name], [saved.config, saved.secrets, 'wiki-2']);
  });

  it('saves untested what a person takes upon themselves, also while the host is away', async () => {
    world.directory.online.delete(host.id);
    const words = readWords(await world.read(add));
    assert.match(words, /Save anyway db-1 is not connected and cannot test it now/);
    const form = { ...FORM, name: 'far', 'config-database': 'far' };
    const refused = readWords(assertRefused(await world.ask('post', add, { form })));
    assert.match(refused, /Not saved: db-1 could not be asked\..*Not tested: the host is not connected/);
    const text = assertSaved(await world.ask('post', add, { form: { ...form, anyway: 'true' } }));
    assert.equal(text, 'far is saved, untested. Test it here before you rely on it.');
    assert.deepEqual(takeCalls(), []);
    const again = assertRefused(await world.ask('post', add, { form: { ...form, anyway: 'true' } }));
    assert.match(
      again,
      /name="anyway"[^>]* checked|checked[^>]* name="anyway"/,
      'the tick stays where the name is what is wrong',
    );
    world.directory.online.add(host.id);
  });
});

describe('Finding the databases of a connection that is typed', () => {
  let world: World;
  let host: Host;
  let add: string;
  const connection = { ...FORM, name: '', 'config-database': '' };
  before(async () => {
    world = await createWorld(SOURCE_FORM_SCREENS);
    host = await addHost(world, { name: 'db-1' });
    add = `/sources/new?host=${host.id}&kind=postgres`;
    world.directory.answers['source.discover'] = () => ({
      found: [{ name: 'shop', sizeBytes: 2048 }, { name: 'wiki' }, { name: '<i>%41' }],
    });
    world.directory.answers['source.test'] = () => ({ ...work(), warnings: [] });
  });
  after(() => world.close());

  it('needs neither a name nor a database, and lists all of them in place', async () => {
    const markup = await world.read(add, { form: { ...connection, act: 'find' }, part: 'found-databases' });
    assert.match(markup, /^<div class="stack" id="found-databases"/);
    assert.match(readWords(markup), /3 databases of 3 are no source yet\./);
    assert.equal(countMatches(markup, /name="database"[^>]* checked/), 3);
    assertInert(markup);
    assert.ok(!`${markup}${JSON.stringify(world.directory.calls.splice(0))}`.includes(PASSWORD));
  });

  it('ticks all of them or none with a button that needs no JavaScript', async () => {
    const none = await world.read(add, { form: { ...connection, act: 'find-none' } });
    assert.deepEqual([countMatches(none, /name="database"/), countMatches(none, /name="database"[^>]* checked/)], [3, 0]);
    for (const [act, label] of [
      ['find', 'Select all'],
      ['find-none', 'Select none'],
    ])
      assert.match(none, new RegExp(`<button[^>]*type="submit"[^>]*value="${act}"[^>]*>\\s*<span>${label}</span>`));
    const all = await world.read(add, { form: { ...connection, act: 'find' }, part: 'found-databases' });
    assert.equal(countMatches(all, /name="database"[^>]* checked/), 3);
    world.directory.calls.splice(0);
  });

  it('keeps what was typed without JavaScript, and asks for the password again', async () => {
    const markup = await world.read(add, { form: { ...connection, act: 'find' } });
    assert.match(markup, /name="config-user"[^>]*value="backup"|value="backup"[^>]*name="config-user"/);
    assert.match(readWords(markup), /type them again before saving\..*3 databases of 3/);
    // What Enter presses is the first button of the form.
    assert.match(markup.slice(markup.indexOf('id="source-form"')), /<button[^>]*>\s*<span>Test and save/);
    assert.ok(markup.indexOf('Test and save') < markup.indexOf('value="adopt"'));
  });

  it('makes a source of each chosen one, with the password that was typed', async () => {
    const form = { ...connection, act: 'adopt', database: ['shop', encodeURIComponent('<i>%41')] };
    const reply = await world.ask('post', add, { form });
    assert.ok(reply.kind === 'redirect' && reply.flash?.text === '2 sources were added. Next: put them into a plan.');
    const made = await world.context.store.sources.listSourcesOfHost(DEFAULT_TENANT, host.id);
    assert.deepEqual(made.map((one) => one.config['database']).sort(), ['<i>%41', 'shop']);
    for (const { id, secrets } of made) {
      const place = { tenant: DEFAULT_TENANT, table: 'sources', row: id, field: 'password' };
      assert.equal(world.context.cipher.decryptField(place, secrets['password'] ?? ''), PASSWORD);
    }
  });

  it('names those that are sources already, and says which could not be added', async () => {
    const form = { ...connection, act: 'adopt', database: ['wiki', 'gone'] };
    const words = readWords(assertRefused(await world.ask('post', add, { form })));
    assert.match(words, /gone was not added: the server does not offer it any more\./);
    assert.match(words, /All 3 databases are sources already\..*Sources already \( ?3 ?\): shop/);
    const nothing = assertRefused(await world.ask('post', add, { form: { ...connection, act: 'adopt' }, part: 'source-form' }));
    assert.match(readWords(nothing), /Select at least one database\./);
  });

  it('says in the tool’s own words why nothing is listed, and saves nothing then', async () => {
    world.directory.answers['source.discover'] = () => {
      throw createReasonError('database_authentication', REFUSAL);
    };
    const before = await world.context.store.sources.countSources(DEFAULT_TENANT);
    const words = readWords(await world.read(add, { form: { ...connection, act: 'find' }, part: 'found-databases' }));
    assert.ok(words.includes(REFUSAL));
    const refused = assertRefused(await world.ask('post', add, { form: { ...connection, act: 'adopt', database: 'wiki2' } }));
    assert.ok(readWords(refused).includes(REFUSAL));
    const wrong = await world.read(add, { form: { ...connection, 'config-host': 'a b', act: 'find' }, part: 'found-databases' });
    assert.match(readWords(wrong), /The connection needs another look\. Host: must be one host name/);
    assert.equal(await world.context.store.sources.countSources(DEFAULT_TENANT), before);
    const files = await world.read(`/sources/new?host=${host.id}&kind=files`);
    assert.doesNotMatch(files, /Find databases/);
  });
});
