import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import * as calendar from '../../../fires/fires.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Repository } from '../../../store/repositories.ts';
import { BULK_SCREENS } from '../bulk/bulk.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, HOUR_MS, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { BOARD_SCREENS } from '../overview/board.ts';
import { createOverviewScreens } from '../overview/overview.ts';
import { REPORT_SCREENS } from '../reports/report.ts';
import { NAVIGATION_SCREENS } from '../shell.ts';
import { COVERAGE_SCREENS } from './coverage.ts';

const GIB = 1024 ** 3;
const DAY = 24 * HOUR_MS;
let world: World;
let host: Host;

before(async () => {
  world = await createWorld([
    ...NAVIGATION_SCREENS,
    ...COVERAGE_SCREENS,
    ...BULK_SCREENS,
    ...BOARD_SCREENS,
    ...REPORT_SCREENS,
    ...createOverviewScreens(calendar),
  ]);
  host = await addHost(world, { name: 'db-1' });
  const shop = await addSource(world, { host: host.id, name: 'shop' });
  const repository = await addRepository(world);
  const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [shop.id] });
  const about = { host: host.id, plan: plan.id, repository: repository.id, source: shop.id };
  await addRun(world, { ...about, at: NOW - 5 * HOUR_MS });
  await addRun(world, { ...about, at: NOW - 3 * DAY, state: 'failed' });
  await addSource(world, { host: host.id, name: 'lonely' });
});
after(() => world.close());

const find = async (name: string) => {
  const { rows } = await world.context.store.coverage.listFindings(DEFAULT_TENANT, {}, { limit: 50 });
  return rows.find((row) => row.name === name)?.id ?? assert.fail(name);
};

describe('Coverage', () => {
  it('says what is known before anybody looked: the sources no plan has', async () => {
    const words = readWords(await world.read('/coverage'));
    assert.match(words, /No host has been asked yet what it holds\./u);
    assert.match(words, /Nothing is known yet\./u);
    assert.doesNotMatch(words, /Nothing was found/u, 'nobody has looked');
    assert.match(words, /1.source is in no plan that is switched on, so nothing backs it up\./u);
  });

  it('lists what was found, new things marked, names of an enemy as text, and servers that do not answer', async () => {
    const { store, createId } = world.context;
    const server = { host: host.id, kind: 'postgres', place: '127.0.0.1:5432' };
    const { rows } = await store.sources.listSources(DEFAULT_TENANT, { search: 'shop' }, { limit: 1 });
    const look = (at: number, ...names: string[]) =>
      store.coverage.recordLook(
        DEFAULT_TENANT,
        { ...server, at, via: rows[0]?.id, seen: names.map((name) => ({ name, sizeBytes: 2 * GIB })) },
        () => createId('finding'),
      );
    await look(NOW - DAY, MARKUP_NAME);
    await look(NOW, MARKUP_NAME, 'billing', 'scratch');
    await store.coverage.recordFailedLook(DEFAULT_TENANT, {
      host: host.id,
      kind: 'mariadb',
      place: 'db:3306',
      at: NOW,
      failure: 'refused',
    });
    const page = await world.read('/coverage');
    assert.ok(!page.includes(MARKUP_NAME));
    const words = readWords(page);
    assert.match(words, /3.things are covered by no source\. 2 appeared since the first look\./u);
    assert.match(words, /billing new PostgreSQL database · 127\.0\.0\.1:5432 db-1 2.GiB/u);
    assert.match(words, /Could not be looked at .* db-1 db:3306 refused/u);
    const overview = readWords(await world.read('/'));
    assert.match(
      overview,
      /3.things on your hosts are covered by no source 2 of them appeared since the first look See coverage/u,
    );
  });

  it('makes a source with one click and leads to the form of its plan', async () => {
    const protect = async () => world.ask('post', `/coverage/${await find('billing')}/adopt`, { role: 'operator' });
    const answer = (ok: boolean) => () => ({ ok, message: 'no rights here', serverVersion: '15.18', warnings: [], latencyMs: 9 });
    world.directory.answers['source.test'] = answer(false);
    const refused = await protect();
    assert.ok(refused.kind === 'redirect' && refused.to === '/coverage');
    assert.match(refused.flash?.text ?? '', /not saved: billing does not work from its host: no rights here/u);
    world.directory.answers['source.test'] = answer(true);
    const reply = await protect();
    assert.ok(reply.kind === 'redirect');
    assert.match(reply.to, /^\/plans\/new\?sources=src_/u);
    assert.doesNotMatch(readWords(await world.read('/coverage')), /billing/u);
  });

  it('leaves something alone for a reason, shows it among those, and takes it back', async () => {
    const id = await find('scratch');
    const none = await world.ask('post', `/coverage/${id}/ignore`, { form: { why: ' ' } });
    assert.ok(none.kind === 'redirect' && none.flash?.tone === 'bad');
    await world.ask('post', `/coverage/${id}/ignore`, { form: { why: 'made anew each night' } });
    assert.doesNotMatch(readWords(await world.read('/coverage')), /scratch/u);
    assert.match(readWords(await world.read('/coverage?show=ignored')), /scratch new .* made anew each night ada/u);
    await world.ask('post', `/coverage/${id}/watch`);
    assert.match(readWords(await world.read('/coverage')), /scratch/u);
    const viewer = { role: 'viewer' as const };
    assert.doesNotMatch(await world.read('/coverage', viewer), /<form[^>]+coverage\/find_/u);
    const asked = await world.ask('post', '/coverage/look');
    assert.ok(asked.kind === 'redirect' && /1.host is asked/u.test(asked.flash?.text ?? ''));
    await assert.rejects(world.ask('post', '/coverage/look', viewer), { code: 'forbidden' });
    for (const act of ['adopt', 'ignore', 'watch'])
      await assert.rejects(world.ask('post', `/coverage/${id}/${act}`, { ...viewer, form: { why: 'x' } }), { code: 'forbidden' });
  });
});

describe('The board', () => {
  it('has a column for each way to stand, the worst first, each card with its reason', async () => {
    const words = readWords(await world.read('/board'));
    assert.match(words, /1 of 3.sources is protected\./u);
    assert.match(
      words,
      /unprotected 2 db-1 \/ billing it is in no plan; .* db-1 \/ lonely it is in no plan; .* protected 1 db-1 \/ shop clean backup/u,
    );
  });

  it('of a fleet without sources leads on to adding one, for who may', async () => {
    const empty = await createWorld(BOARD_SCREENS);
    try {
      assert.match(await empty.read('/board'), /href="\/sources\/new"[^>]*><span>Add source<\/span>/u);
      assert.doesNotMatch(await empty.read('/board', { role: 'viewer' }), /sources\/new/u);
    } finally {
      await empty.close();
    }
  });
});

describe('The report of a month', () => {
  it('is found from /reports, and says what nobody looked at', async () => {
    assert.match(readWords(await world.read('/reports')), /November 2026 in UTC, so far/u);
    assert.match(
      readWords(await world.read('/reports/2026-10')),
      /There are no figures of October 2026, and no backup failed\./u,
    );
  });

  it('tells the share of each day, what ran and failed, and what stands unprotected now', async () => {
    const { history } = world.context.store;
    const counts = { protected: 3, at_risk: 0, unprotected: 1, unknown: 0, paused: 2 };
    await history.recordProtection(DEFAULT_TENANT, NOW - DAY, counts);
    await history.recordProtection(DEFAULT_TENANT, NOW, { ...counts, protected: 4, unprotected: 0 });
    const page = await world.read('/reports/2026-11');
    const words = readWords(page);
    assert.match(words, /88.% protected in November 2026, 1 backup failed\./u);
    assert.match(words, /November 2026 in UTC, so far/u);
    assert.match(words, /The worst day was 2026-11-19: 75.% protected\./u);
    assert.match(words, /backup 1 0 1 0/u);
    assert.match(words, /Failed backups db-1 \/ nightly/u);
    assert.match(words, /Not protected now/u);
    assert.match(words, /2.things were found that no source covers\./u);
    assert.match(page, /2026-11-20: 100.% protected/u);
    assert.doesNotMatch(page, /2026-11-21:/u);
  });

  it('says what was read and added, which backups took longest, and how all repositories grew, the biggest by name', async () => {
    const { maintenance } = world.context.store;
    const measure = (repository: Repository, at: number, gib: number) =>
      maintenance.recordMeasurement(DEFAULT_TENANT, repository.id, {
        ...{ host: host.id, snapshots: 1 },
        ...{ measuredAt: at, sizeBytes: gib * GIB },
      });
    const big = await addRepository(world, { name: 'big' });
    await measure(big, NOW - 2 * DAY, 100);
    await measure(big, NOW - DAY, 130);
    for (let n = 0; n < 51; n += 1) await measure(await addRepository(world, { name: `vault-${n}` }), NOW - DAY, 1);
    const page = await world.read('/reports/2026-11');
    const words = readWords(page);
    assert.match(
      words,
      /Read and added Read from sources by backups [\d.]+.[KMGT]iB Added to repositories [\d.]+.[KMGT]?i?B Snapshots made 1/u,
    );
    assert.match(words, /Backups that took longest db-1 \/ nightly/u);
    assert.match(
      words,
      /Growth 181.GiB in all, \+30.GiB Repositories, .* Repository Size Grown by big 130.GiB \+30.GiB vault-0 1.GiB —/u,
    );
    assert.match(words, /2 more ?, none bigger than these\./u);
    assert.equal([...page.matchAll(/id="growth-/gu)].length, 50);
  });

  it('leads to the month before as long as there is anything to tell of it', async () => {
    assert.doesNotMatch(await world.read('/reports/2026-11'), /Month before/u);
    const { history } = world.context.store;
    const counts = { protected: 1, at_risk: 0, unprotected: 0, unknown: 0, paused: 0 };
    await history.recordProtection(DEFAULT_TENANT, Date.UTC(2026, 9, 31), counts);
    assert.match(await world.read('/reports/2026-11'), /href="\/reports\/2026-10"/u);
    const october = await world.read('/reports/2026-10');
    assert.doesNotMatch(october, /Month before/u);
    assert.doesNotMatch(october, /The worst day/u, 'all of it was protected');
  });

  it('is of any days as well, whole days of UTC, with a way to the days before and after', async () => {
    const page = await world.read('/reports?from=2026-11-18&to=2026-11-19');
    const words = readWords(page);
    assert.match(words, /75.% protected from 2026-11-18 to 2026-11-19, and no backup failed\./u);
    assert.match(words, /1 of 2 days were looked at/u);
    assert.match(page, /name="from" value="2026-11-18"/u);
    assert.match(page, /href="\/reports\?from=2026-11-16&amp;to=2026-11-17"[^>]*>.*?Days before/u);
    assert.match(page, /href="\/reports\?from=2026-11-20&amp;to=2026-11-21"[^>]*>.*?Days after/u);
    assert.match(readWords(await world.read('/reports?from=2026-11-19')), /from 2026-11-19 to 2026-11-20/u);
    assert.match(readWords(await world.read('/reports?from=2026-11-19&to=2026-11-19')), /protected on 2026-11-19/u);
  });

  it('says what is wrong with days that it cannot tell of, keeps what was typed, and shows the present month', async () => {
    const refused = async (query: string) => {
      const reply = await world.ask('get', `/reports?${query}`);
      assert.ok(reply.kind === 'page' && reply.status === 422);
      const words = readWords(reply.html.toString());
      assert.match(words, /November 2026 in UTC, so far/u);
      assert.match(reply.html.toString(), /name="to" value="2026-11-02"/u);
      return words;
    };
    assert.match(await refused('from=2026-11-31&to=2026-11-02'), /“2026-11-31” is no day; write it as 2026-11-21/u);
    assert.match(await refused('from=2026-11-05&to=2026-11-02'), /2026-11-05 is after 2026-11-02/u);
    assert.match(await refused('to=2026-11-02'), /say the first day as well/u);
    assert.match(await refused('from=2020-01-01&to=2026-11-02'), /366 days at most/u);
  });

  it('is refused for what is no month, and for one to come', async () => {
    for (const month of ['2026-13', '2026-1', 'november', '2026-12'])
      await assert.rejects(world.ask('get', `/reports/${month}`), { code: 'not_found' });
  });
});

describe('What was found, of many', () => {
  it('is searched, narrowed and ordered', async () => {
    const { store, createId } = world.context;
    const disks = { host: host.id, kind: 'files', place: '', at: NOW };
    const seen = [
      { name: '/srv/media', sizeBytes: 900 * GIB },
      { name: '/srv/mail', sizeBytes: 3 * GIB },
    ];
    await store.coverage.recordLook(DEFAULT_TENANT, { ...disks, seen }, () => createId('finding'));
    const rowsOf = async (query: string) => {
      const markup = await world.read(`/coverage?${query}`, { part: 'findings' });
      return [...markup.matchAll(/<tr[^>]* id="row-[\s\S]*?<\/tr>/gu)].map(
        ([row]) => /\/srv\/m\w+|billing|scratch/u.exec(row)?.[0],
      );
    };
    assert.deepEqual(await rowsOf('kind=files&sort=size'), ['/srv/media', '/srv/mail']);
    assert.deepEqual(await rowsOf('q=MAIL'), ['/srv/mail']);
    assert.ok((await rowsOf(`host=${host.id}`)).length > 2);
    assert.deepEqual(await rowsOf('q=nothing'), []);
    assert.match(readWords(await world.read('/coverage?q=nothing')), /Nothing that was found matches\./u);
    assert.match(readWords(await world.read(`/coverage?host=${host.id}`)), /on db-1 Any host/u);
  });

  it('is left alone, shown again or made sources of behind one question', async () => {
    const send = async (form: Record<string, string | string[]>) => {
      const reply = await world.ask('post', '/coverage/acts', { form });
      return reply.kind === 'page' ? reply.html.toString() : assert.fail(reply.kind);
    };
    const back = '/coverage?kind=files';
    const ids = [await find('/srv/media'), await find('/srv/mail')];
    assert.match(await world.read('/coverage'), /class="bulk-bar"[\s\S]*value="protect"[\s\S]*value="ignore"/u);
    assert.match(await send({ act: 'ignore', all: 'true', back }), /<h1>Leave alone 2\sthings\?/u);
    assert.match(await send({ act: 'ignore', ids, back, confirm: 'yes' }), /Say why\./u);
    const left = await send({ act: 'ignore', chosen: ids.join(','), back, confirm: 'yes', why: 'kept elsewhere' });
    assert.match(left, /<h1>2 done\./u);
    assert.match(readWords(await world.read('/coverage?show=ignored&kind=files')), /\/srv\/media .* kept elsewhere/u);
    assert.match(await world.read('/coverage?show=ignored'), /class="bulk-bar"[\s\S]*value="watch"/u);
    assert.match(await send({ act: 'watch', chosen: ids.join(','), back, confirm: 'yes' }), /<h1>2 done\./u);
    const made = await send({ act: 'protect', chosen: ids.join(','), back, confirm: 'yes' });
    assert.match(readWords(made), /is the source .* now, and still needs a plan/u);
    assert.match(made, /href="\/sources\?plan=none"[^>]*>/u);
    const viewer = { role: 'viewer' as const };
    assert.doesNotMatch(await world.read('/coverage', viewer), /bulk-bar/u);
  });

  it('goes into the plan of its neighbour with one click, or many of them behind one question', async () => {
    const { store, createId } = world.context;
    const { rows } = await store.sources.listSources(DEFAULT_TENANT, { search: 'shop' }, { limit: 1 });
    const repository = await addRepository(world, { name: 'letters' });
    const files = await addSource(world, { host: host.id, name: 'mail', kind: 'files', config: { paths: ['/var/mail'] } });
    const letters = await addPlan(world, { name: 'letters', repository: repository.id, sources: [files.id] });
    const silent = await addHost(world, { name: 'db-2' });
    const look = (at: { host: Host['id']; kind: string; place: string }, via: typeof files.id | undefined, ...names: string[]) =>
      store.coverage.recordLook(DEFAULT_TENANT, { ...at, at: NOW, via, seen: names.map((name) => ({ name })) }, () =>
        createId('finding'),
      );
    await look({ host: host.id, kind: 'postgres', place: '127.0.0.1:5432' }, rows[0]?.id, 'ledger', 'invoices');
    await look({ host: host.id, kind: 'files', place: '' }, undefined, '/srv/books');
    await look({ host: silent.id, kind: 'files', place: '' }, undefined, '/srv/lonely');
    const words = readWords(await world.read('/coverage'));
    assert.match(words, /ledger (?:new )?PostgreSQL database .*? Add to nightly Protect… Leave alone…/u);
    assert.match(words, /\/srv\/books .*? Add to letters Protect…/u);
    assert.doesNotMatch(words, /\/srv\/lonely Directory db-2 .{0,40}Add to/u);
    assert.doesNotMatch(await world.read('/coverage', { role: 'viewer' }), /Add to nightly/u);

    const id = await find('ledger');
    const plans = await store.plans.listPlans(DEFAULT_TENANT, { search: 'nightly' }, { limit: 1 });
    const nightly = plans.rows[0] ?? assert.fail('there is no such plan');
    const join = (plan: string) => world.ask('post', `/coverage/${id}/adopt`, { role: 'operator', form: { plan } });
    const stray = await join(letters.id.replace(/.$/u, (last) => (last === '0' ? '1' : '0')));
    assert.ok(stray.kind === 'redirect' && /there is no such plan/u.test(stray.flash?.text ?? ''));
    assert.equal(await find('ledger'), id, 'nothing is made');
    const reply = await join(nightly.id);
    assert.ok(reply.kind === 'redirect' && reply.to === '/coverage');
    assert.match(reply.flash?.text ?? '', /^ledger is a source now, in the plan nightly: its next backup has it\.$/u);

    const ids = [await find('invoices'), await find('/srv/books'), await find('/srv/lonely')].join(',');
    const form = { act: 'add_to_plans', chosen: ids, back: '/coverage', confirm: 'yes' };
    const answer = await world.ask('post', '/coverage/acts', { form });
    const told = answer.kind === 'page' ? readWords(answer.html.toString()) : assert.fail(answer.kind);
    assert.match(told, /2 done, 1 not done\./u);
    assert.match(told, /invoices is the source invoices now, in the plan nightly/u);
    assert.match(told, /no plan has a neighbour of it/u);
    const namesIn = async (plan: typeof letters.id) => {
      const found = await store.plans.findPlan(DEFAULT_TENANT, plan);
      return (await store.sources.findSources(DEFAULT_TENANT, found?.sources ?? [])).map(({ name }) => name).toSorted();
    };
    assert.deepEqual(await namesIn(nightly.id), ['invoices', 'ledger', 'shop']);
    assert.deepEqual(await namesIn(letters.id), ['/srv/books', 'mail']);
  });
});
