import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { SOURCE_HEALTH } from '@holdfast/shared/limits.ts';
import { recordLooks } from '../../../core/sources/source-health.ts';
import { listJudgedSources } from '../../../core/sources/sources-by-status.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Source } from '../../../store/sources.ts';
import { assertInert, countMatches, readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addSource, LONG_NAME, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { type Night, seedNight } from '../fixtures/setup-night.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { nameAdopted, SOURCE_DISCOVER_SCREENS } from './source-discover.ts';
import { SOURCE_FORM_SCREENS } from './source-form.ts';
import { SOURCE_PAGE_SCREENS } from './source-page.ts';
import { SOURCE_SCREENS } from './sources.ts';

const ROUTES = [...SOURCE_DISCOVER_SCREENS, ...SOURCE_FORM_SCREENS, ...SOURCE_PAGE_SCREENS, ...SOURCE_SCREENS];
const PASSWORD = 'korrekt-pferd-batterie';
const POSTGRES_FORM = {
  name: 'wiki',
  'config-host': '127.0.0.1',
  'config-port': '5432',
  'config-database': 'wiki',
  'config-user': 'backup',
  'secret-password': PASSWORD,
  'config-sslMode': 'prefer',
  'config-roles': 'none',
  'config-floorBytes': '512',
};

const works = () => ({ ok: true, message: '', serverVersion: '15.18', warnings: [], latencyMs: 9 });

describe('the sources page', () => {
  let world: World;
  let night: Night;
  before(async () => {
    world = await createWorld(ROUTES);
  });
  after(() => world.close());

  it('says that nothing is protected yet, and shows the way on', async () => {
    const markup = await world.read('/sources');
    assert.match(readWords(markup), /Nothing is protected yet\./);
    assert.match(markup, /href="\/sources\/new"/);
    assert.ok(!(await world.read('/sources', { role: 'viewer' })).includes('href="/sources/new"'));
    night = await seedNight(world);
  });

  it('counts what is protected and what is not, the ones in no plan apart', async () => {
    const markup = await world.read('/sources');
    const words = readWords(markup);
    assert.match(words, /24 of 32 sources are protected\./);
    assert.match(words, /1 at risk · 4 unprotected · 2 unknown · 1 paused/);
    assert.match(words, /2 of 32 are in no plan that is switched on/);
    assert.match(markup, /href="\/plans\/new\?sources=src_\w+&amp;sources=src_\w+"[^>]*>Make a plan/);
    assert.doesNotMatch(words, /covered by no source/);
    const { store, createId } = world.context;
    const look = { host: night.db.id, kind: 'files', place: '', at: NOW, seen: [{ name: '/srv/media' }] };
    await store.coverage.recordLook(DEFAULT_TENANT, look, () => createId('finding'));
    assert.match(readWords(await world.read('/sources')), /1 thing on your hosts is covered by no source\. See coverage/);
  });

  it('gives each source its status with the reason', async () => {
    const words = readWords(await world.read('/sources'));
    assert.match(
      words,
      /orders PostgreSQL database · orders on 127\.0\.0\.1:5432 db-2\.fra unprotected no clean backup for 31 h, expected every 24 h; the last run failed nightly 31 h ago 3\.58 GiB/,
    );
    assert.match(words, /no clean backup for 30 h, expected every 24 h; the last run was partial/);
    assert.match(words, /its host is silent for 4 days/);
  });

  it('shows hostile names as text, in full', async () => {
    const markup = await world.read('/sources');
    assertInert(markup);
    assert.ok(readWords(markup).includes(MARKUP_NAME) && readWords(markup).includes(LONG_NAME));
  });

  it('filters by protection, kind, host and missing plan', async () => {
    const rowsOf = async (query: string) =>
      countMatches(await world.read(`/sources?${query}`, { part: 'sources' }), /<tr[^>]* data-row/);
    assert.equal(await rowsOf('status=unprotected'), 4);
    assert.equal(await rowsOf('status=paused'), 1);
    assert.equal(await rowsOf('kind=postgres'), 6);
    assert.equal(await rowsOf(`host=${night.db.id}`), 4);
    assert.equal(await rowsOf('plan=none'), 3);
    assert.equal(await rowsOf('q=ORDERS'), 1);
    assert.equal(await rowsOf('enabled=false'), 1);
    assert.equal(await rowsOf('enabled=true'), 31);
    assert.equal(await rowsOf('enabled=false&status=protected'), 0);
    assert.match(readWords(await world.read('/sources?q=nothing')), /No source matches/);
  });

  it('begins with the worst where it is ordered by protection, and goes on from page to page', async () => {
    const words = ['unprotected', 'at risk', 'unknown', 'paused', 'protected'];
    const statesOf = (markup: string) =>
      [...markup.matchAll(/<tr[^>]* data-row[\s\S]*?<\/tr>/g)].map(([row]) =>
        words.find((word) => readWords(row).includes(` ${word} `)),
      );
    const states = statesOf(await world.read('/sources?sort=protection', { part: 'sources' }));
    assert.equal(states.length, 32);
    assert.deepEqual(new Set(states), new Set(words));
    assert.deepEqual(
      states,
      states.toSorted((a, b) => words.indexOf(a ?? '') - words.indexOf(b ?? '')),
    );
    const ids: string[] = [];
    for (let after: string | undefined; ; ) {
      const sort = { by: 'protection', direction: 'desc' } as const;
      const page = await listJudgedSources(world.context, createCaller(), {}, { limit: 7, after, sort });
      ids.push(...page.rows.map(({ source }) => source.id));
      if (page.next === undefined) break;
      after = page.next;
    }
    assert.equal(new Set(ids).size, 32);
    const other = { limit: 7, sort: { by: 'good', direction: 'asc' } } as const;
    const { next: foreign } = await listJudgedSources(world.context, createCaller(), { status: 'protected' }, other);
    const wanted = { limit: 7, after: foreign, sort: { by: 'protection', direction: 'asc' } } as const;
    await assert.rejects(listJudgedSources(world.context, createCaller(), {}, wanted), { code: 'invalid' });
  });

  it('answers a live update with the very element of the page', async () => {
    const page = await world.read('/sources?kind=files');
    assert.ok(page.includes(await world.read('/sources?kind=files', { part: 'sources' })));
  });

  it('shows one source with its plan, its newest good backup and the way to restore it', async () => {
    const source = night.sources[0] as Source;
    const address = `/sources/${source.id}`;
    const page = await world.read(address);
    const words = readWords(page);
    assert.match(words, /app is protected\. protected clean backup 7 h ago, expected every 24 h/);
    assert.match(words, /Made 7 h ago · 2026-11-20 02:01:00 UTC\+1 Size when restored 217 MiB/);
    assert.match(words, /Password stored, never shown/);
    assert.match(page, /href="\/snapshots\/snap_[^"]+\/restore"/);
    assert.ok(!page.includes('geheim'));
    for (const part of ['source-part', 'source-answer', 'source-lede'])
      assert.ok(page.includes(await world.read(address, { part })), part);
  });

  it('says whether a source answers its host, in words beside the strip, and unknown when nobody told of it lately', async () => {
    const source = night.sources[0] as Source;
    const read = async () => readWords(await world.read(`/sources/${source.id}`));
    assert.match(await read(), /Does it answer\? \S+ looks at its sources every few minutes/);
    const list = async () => readWords(await world.read('/sources', { part: 'sources' }));
    assert.doesNotMatch(await list(), /online|offline|degraded/, 'nobody has looked yet');
    const tell = async (...failures: readonly number[]) => {
      for (const count of failures) {
        const look = { source: source.id, at: world.clock.now(), failures: count, latencyMs: 45, text: `${MARKUP_NAME} refused` };
        await recordLooks(world.context, { id: source.host, tenant: DEFAULT_TENANT }, [look]);
      }
    };
    await tell(0);
    assert.match(
      await read(),
      /Does it answer\? online It answers; this began now .*online, 45 ms 1 look told of, the oldest now; none failed\./,
    );
    await tell(1, 2);
    assert.match(await list(), /degraded/);
    assert.match(await read(), /degraded The last 2 looks failed; from the third on it is offline\./);
    await tell(3);
    assert.match(await list(), /offline/);
    const markup = await world.read(`/sources/${source.id}`);
    assert.match(readWords(markup), /offline It does not answer; this began now .*4 looks told of, the oldest now; 3 failed\./);
    assertInert(markup);
    const { now } = world.clock;
    world.clock.now = () => now() + SOURCE_HEALTH.staleMs + 60_000;
    assert.match(await read(), /unknown Its host last looked 46 min ago/);
    world.clock.now = now;
    await tell(0);
  });

  it('offers a plan where there is none, and names what went wrong where there is one', async () => {
    const lonely = night.sources.find((source) => source.name === MARKUP_NAME) as Source;
    const markup = await world.read(`/sources/${lonely.id}`);
    assert.match(readWords(markup), /In no plan: nothing backs it up/);
    assert.match(markup, new RegExp(`href="/plans/new\\?sources=${lonely.id}"`));
    assertInert(markup);
    const broken = night.sources.find((source) => source.name === 'orders') as Source;
    assert.match(readWords(await world.read(`/sources/${broken.id}`)), /failed nightly pg_dump: error: connection to server/);
  });

  it('shows no act to a viewer', async () => {
    const source = night.sources[0] as Source;
    const markup = await world.read(`/sources/${source.id}`, { role: 'viewer' });
    for (const act of ['/edit', '/test', '/delete', '/discover', '/plans/new']) assert.ok(!markup.includes(act), act);
    assert.doesNotMatch(markup, /href="\/snapshots\/[^"]+\/restore"/);
  });
});

describe('adding a source', () => {
  let world: World;
  let host: Host;
  before(async () => {
    world = await createWorld(ROUTES);
    world.directory.answers['source.test'] = works;
  });
  after(() => world.close());

  it('asks for a host first, and says what to do when there is none', async () => {
    assert.match(readWords(await world.read('/sources/new')), /No host has joined yet/);
    host = await addHost(world, { name: 'db-1' });
    await addHost(world, { name: 'gone', state: 'revoked' });
    const words = readWords(await world.read('/sources/new'));
    assert.match(words, /Which host is it on\?/);
    assert.ok(words.includes('db-1') && !words.includes('gone'));
  });

  it('then asks for the kind, and names tools this host lacks', async () => {
    const words = readWords(await world.read(`/sources/new?host=${host.id}`));
    assert.match(words, /What is it\?/);
    assert.match(words, /PostgreSQL database/);
    assert.match(words, /mariadb-dump is missing on this host|mariadb-dump/);
    assert.ok(!/pg_dump (is|are) missing/.test(words));
  });

  it('shows the form of the kind with its defaults, advanced options folded', async () => {
    const markup = await world.read(`/sources/new?host=${host.id}&kind=postgres`);
    assert.match(markup, /name="config-port"/);
    assert.match(markup, /value="5432"/);
    assert.match(markup, /<details class="fold"[^>]*>.*name="config-floorBytes"/s);
    assert.ok(!/<details class="fold"[^>]* open/.test(markup));
  });

  it('saves, keeps the secret encrypted, and leads to the source', async () => {
    const reply = await world.ask('post', `/sources/new?host=${host.id}&kind=postgres`, {
      form: { ...POSTGRES_FORM, name: 'wiki-1' },
    });
    assert.ok(reply.kind === 'redirect' && reply.flash?.tone === 'good');
    const id = reply.to.split('/').at(-1) as SourceId;
    const source = await world.context.store.sources.findSource(DEFAULT_TENANT, id);
    assert.equal(source?.config['database'], 'wiki');
    assert.equal(source?.config['roles'], 'none');
    assert.ok(!JSON.stringify(source).includes(PASSWORD));
    const place = { tenant: DEFAULT_TENANT, table: 'sources', row: id, field: 'password' };
    assert.equal(world.context.cipher.decryptField(place, source?.secrets['password'] ?? ''), PASSWORD);
    assert.ok(!(await world.read(reply.to)).includes(PASSWORD));
  });

  it('brings a refused form back as it was typed, each error at its field, without the secret', async () => {
    const form = { ...POSTGRES_FORM, name: '', 'config-host': 'a b', 'config-floorBytes': '0' };
    const reply = await world.ask('post', `/sources/new?host=${host.id}&kind=postgres`, { form });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    const markup = reply.html.toString();
    assert.match(readWords(markup), /3 fields need another look\./);
    assert.match(markup, /value="a b"/);
    assert.match(markup, /<details class="fold"[^>]* open/, 'a fold with an error in it is open');
    assert.ok(!markup.includes(PASSWORD));
  });

  it('says that the name is taken on this host', async () => {
    await addSource(world, { host: host.id, name: 'taken' });
    const reply = await world.ask('post', `/sources/new?host=${host.id}&kind=postgres`, {
      form: { ...POSTGRES_FORM, name: 'taken' },
    });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    assert.match(reply.html.toString(), /id="f-name-error"/);
  });

  it('tests what is typed: the secret travels sealed to the host, and only the result comes back', async () => {
    world.directory.answers['source.test'] = () => ({
      ok: true,
      message: '',
      serverVersion: '15.18',
      sizeBytes: 3.58 * 1024 ** 3,
      warnings: ['1 table cannot be read'],
      latencyMs: 12.4,
    });
    world.directory.calls.length = 0;
    const form = { ...POSTGRES_FORM, act: 'test' };
    const markup = await world.read(`/sources/new?host=${host.id}&kind=postgres`, { form, part: 'test-result' });
    assert.match(markup, /^<div id="test-result"/);
    assert.match(readWords(markup), /It works from this host\. version 15\.18 · about 3\.58 GiB · answered in 12 ms/);
    assert.match(readWords(markup), /1 table cannot be read/);
    assert.equal(world.directory.calls.length, 1);
    assert.ok(!JSON.stringify(world.directory.calls).includes(PASSWORD));
    assert.ok(!markup.includes(PASSWORD));
  });

  it('shows a refusal in the tool’s own words, with what to do, and saves nothing', async () => {
    const words = 'FATAL: password authentication failed for user "backup" <b>now</b>';
    world.directory.answers['source.test'] = () => ({
      ok: false,
      message: words,
      reason: 'database_authentication',
      serverVersion: '',
      warnings: [],
      latencyMs: 30,
    });
    const before = await world.context.store.sources.countSources(DEFAULT_TENANT);
    const form = { ...POSTGRES_FORM, act: 'test' };
    const markup = await world.read(`/sources/new?host=${host.id}&kind=postgres`, { form, part: 'test-result' });
    assert.ok(readWords(markup).includes(words));
    assert.match(readWords(markup), /Check user name and password of the source\./);
    assertInert(markup);
    assert.equal(await world.context.store.sources.countSources(DEFAULT_TENANT), before);
  });

  it('without JavaScript brings the typed form back with the result, and asks for the password again', async () => {
    const form = { ...POSTGRES_FORM, act: 'test' };
    const markup = await world.read(`/sources/new?host=${host.id}&kind=postgres`, { form });
    assert.match(markup, /value="wiki"/);
    assert.match(readWords(markup), /type them again before saving/);
    assert.ok(!markup.includes(PASSWORD));
  });

  it('says what a test lacks instead of asking the host', async () => {
    world.directory.calls.length = 0;
    const markup = await world.read(`/sources/new?host=${host.id}&kind=postgres`, {
      form: { ...POSTGRES_FORM, act: 'test', 'config-database': '' },
      part: 'test-result',
    });
    assert.match(readWords(markup), /Not tested: the form needs another look\. Database: is needed/);
    assert.deepEqual(world.directory.calls, []);
    world.directory.online.delete(host.id);
    const away = await world.read(`/sources/new?host=${host.id}&kind=postgres`, {
      form: { ...POSTGRES_FORM, act: 'test' },
      part: 'test-result',
    });
    assert.match(readWords(away), /Not tested: the host is not connected/);
    world.directory.online.add(host.id);
  });

  it('refuses who may not manage sources', async () => {
    const ask = world.ask('get', `/sources/new?host=${host.id}&kind=postgres`, { role: 'viewer' });
    await assert.rejects(ask, (error) => error instanceof AppError && error.code === 'forbidden');
  });
});

describe('changing a source', () => {
  let world: World;
  let host: Host;
  before(async () => {
    world = await createWorld(ROUTES);
    world.directory.answers['source.test'] = works;
    host = await addHost(world, { name: 'db-1' });
  });
  after(() => world.close());

  it('keeps the stored secret when its field is left empty', async () => {
    const source = await addSource(world, { host: host.id, name: 'app' });
    const edit = await world.read(`/sources/${source.id}/edit`);
    assert.match(edit, /stored — leave empty to keep/);
    assert.match(edit, /value="app"/);
    const form = { ...POSTGRES_FORM, name: 'app', 'config-database': 'app2', 'secret-password': '', version: '1' };
    const reply = await world.ask('post', `/sources/${source.id}/edit`, { form });
    assert.equal(reply.kind, 'redirect');
    const after = await world.context.store.sources.findSource(DEFAULT_TENANT, source.id);
    assert.equal(after?.config['database'], 'app2');
    assert.equal(after?.secrets['password'], source.secrets['password']);
  });

  it('does not overwrite what somebody else saved in the meantime', async () => {
    const source = await addSource(world, { host: host.id, name: 'app-2' });
    const form = { ...POSTGRES_FORM, name: 'app-2', version: '1' };
    await world.ask('post', `/sources/${source.id}/edit`, { form });
    const reply = await world.ask('post', `/sources/${source.id}/edit`, { form });
    assert.ok(reply.kind === 'page' && reply.status === 422);
  });

  it('switches off and on', async () => {
    const source = await addSource(world, { host: host.id, name: 'app-3' });
    await world.ask('post', `/sources/${source.id}/edit`, { form: { act: 'disable' } });
    assert.match(readWords(await world.read(`/sources/${source.id}`)), /app-3 is paused\./);
    await world.ask('post', `/sources/${source.id}/edit`, { form: { act: 'enable' } });
    assert.ok(!readWords(await world.read(`/sources/${source.id}`)).includes('is paused'));
  });

  it('deletes only when the name was typed and no plan needs it', async () => {
    const source = await addSource(world, { host: host.id, name: 'app-4' });
    const repository = await addRepository(world);
    const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] });
    const remove = (confirm: string) => world.ask('post', `/sources/${source.id}/delete`, { form: { confirm } });
    for (const confirm of ['other', 'app-4']) {
      const refused = await remove(confirm);
      assert.ok(refused.kind === 'redirect' && refused.flash?.tone === 'bad', confirm);
    }
    assert.match(
      readWords(await world.read(`/sources/${source.id}`)),
      /1.plan stands in the way; take it out of nightly first\./,
    );
    await world.context.store.plans.deletePlan(DEFAULT_TENANT, plan.id);
    const done = await remove('app-4');
    assert.ok(done.kind === 'redirect' && done.to === '/sources');
  });

  it('tests what is saved, in place or as a page', async () => {
    const source = await addSource(world, { host: host.id, name: 'app-5' });
    assert.match(await world.read(`/sources/${source.id}/test`, { form: {}, part: 'test-result' }), /^<div id="test-result"/);
    assert.match(
      readWords(await world.read(`/sources/${source.id}/test`, { form: {} })),
      /app-5 is unprotected\..*It works from this host\./,
    );
  });
});

describe('discovering databases', () => {
  const ODD = ' we"ird; DROP -- <b> %41\u00e9 ';
  const UNUSABLE = 'line\r\nbreak';
  let world: World;
  let host: Host;
  let source: Source;
  before(async () => {
    world = await createWorld(ROUTES);
    host = await addHost(world, { name: 'db-1' });
    source = await addSource(world, { host: host.id, name: 'app' });
    world.directory.answers['source.discover'] = () => ({
      found: [{ name: 'app', sizeBytes: 1024 ** 3 }, { name: ODD, sizeBytes: 12 }, { name: UNUSABLE }, { name: 'wiki' }],
    });
    world.directory.answers['source.test'] = (_host, { draft }) => {
      const isClosed = draft.config['database'] === 'closed';
      const message = isClosed ? 'permission denied for database "closed" <b>' : '';
      const warnings = draft.config['database'] === 'large' ? ['2 tables cannot be read'] : [];
      return { ok: !isClosed, message, serverVersion: '15.18', warnings, latencyMs: 9 };
    };
  });
  after(() => world.close());

  it('tells what is a source already from what is not, all of it selected', async () => {
    const markup = await world.read(`/sources/discover?source=${source.id}`);
    const words = readWords(markup);
    assert.match(words, /3 databases of 4 are no source yet\./);
    assert.equal(countMatches(markup, /name="database"[^>]* checked/), 3);
    assertInert(markup);
    const none = await world.read(`/sources/discover?source=${source.id}&select=none`);
    assert.equal(countMatches(none, /name="database"[^>]* checked/), 0);
  });

  it('makes sources of the selected ones with the connection’s own secret, whatever they are called', async () => {
    const markup = await world.read(`/sources/discover?source=${source.id}`);
    const values = [...markup.matchAll(/name="database" value="([^"]+)"/g)].map((match) => match[1] ?? '');
    const reply = await world.ask('post', `/sources/discover?source=${source.id}`, { form: { database: values } });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    assert.match(readWords(reply.html.toString()), /line break was not added: Database: must be one line/);
    const made = await world.context.store.sources.listSourcesOfHost(DEFAULT_TENANT, host.id as HostId);
    const odd = made.find((one) => one.config['database'] === ODD);
    assert.ok(odd !== undefined, 'the name is kept byte for byte');
    assert.equal(odd.name, 'we"ird; DROP -- <b> %41é');
    const place = { tenant: DEFAULT_TENANT, table: 'sources', row: odd.id, field: 'password' };
    assert.equal(world.context.cipher.decryptField(place, odd.secrets['password'] ?? ''), 'geheim-1234');
  });

  it('adds the others when one name is taken, and says which was not', async () => {
    const form = { database: ['app', 'new-one'] };
    const reply = await world.ask('post', `/sources/discover?source=${source.id}`, { form });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    assert.match(readWords(reply.html.toString()), /app was not added/);
    const made = await world.context.store.sources.listSourcesOfHost(DEFAULT_TENANT, host.id as HostId);
    assert.ok(made.some((one) => one.name === 'new-one'));
  });

  it('tries each from its host first, saves what works with what the test warns of, and refuses the rest in the tool’s own words', async () => {
    const post = (database: string[]) => world.ask('post', `/sources/discover?source=${source.id}`, { form: { database } });
    const refused = await post(['closed', 'fine']);
    assert.ok(refused.kind === 'page' && refused.status === 422);
    const markup = refused.html.toString();
    assertInert(markup);
    assert.match(readWords(markup), /closed was not added: permission denied for database "closed" <b>/);
    const warned = await post(['large']);
    assert.ok(warned.kind === 'redirect');
    assert.match(warned.flash?.text ?? '', /^1 source was added\. .* The tests warn: large: 2 tables cannot be read$/);
    const made = await world.context.store.sources.listSourcesOfHost(DEFAULT_TENANT, host.id as HostId);
    const names = made.map(({ name }) => name);
    assert.deepEqual(
      ['closed', 'fine', 'large'].filter((name) => names.includes(name)),
      ['fine', 'large'],
    );
  });

  it('says what to do when nothing was selected or the host cannot be asked', async () => {
    const empty = await world.ask('post', `/sources/discover?source=${source.id}`, { form: {} });
    assert.ok(empty.kind === 'page' && empty.status === 422);
    assert.match(readWords(empty.html.toString()), /Select at least one database\./);
    world.directory.online.delete(host.id);
    const words = readWords(await world.read(`/sources/discover?source=${source.id}`));
    assert.match(words, /The databases could not be listed\..*the host is not connected.*Ask again/);
  });

  it('cleans names of databases into names of sources', () => {
    assert.equal(nameAdopted('a\u0000b\u202e'), 'a b');
    assert.equal(nameAdopted('\u0001'), 'database');
    assert.equal(nameAdopted('x'.repeat(500)).length, 120);
  });
});
