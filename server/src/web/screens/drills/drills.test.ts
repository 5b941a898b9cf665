import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Source } from '../../../store/sources.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { RUN_SCREENS } from '../runs/run.ts';
import { SOURCE_DRILL_SCREENS } from '../sources/source-drills.ts';
import { SOURCE_PAGE_SCREENS } from '../sources/source-page.ts';
import { DRILL_HISTORY_SCREENS } from './drill-history.ts';
import { DRILL_SCREENS } from './drills.ts';

const HOUR = 3_600_000;

let world: World;
let source: Source;

before(async () => {
  world = await createWorld([
    ...DRILL_HISTORY_SCREENS,
    ...DRILL_SCREENS,
    ...SOURCE_DRILL_SCREENS,
    ...SOURCE_PAGE_SCREENS,
    ...RUN_SCREENS,
  ]);
  const host = await addHost(world, { name: 'db-1', facts: { capabilities: ['drill.start'] } });
  source = await addSource(world, { host: host.id, name: MARKUP_NAME });
  const repository = await addRepository(world);
  const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] });
  await addRun(world, { host: host.id, plan: plan.id, repository: repository.id, source: source.id, at: NOW - HOUR });
});
after(() => world.close());

const settingsOf = (id: SourceId) => world.context.store.drills.findDrillSettings(source.tenant, id);

/** The verdict of a drill as its host tells it; undefined for one that could not be carried out. */
async function tellVerdict(isProven: boolean | undefined, at: number): Promise<void> {
  const { store } = world.context;
  const [snapshot] = (await store.snapshots.listSnapshots(source.tenant, { source: source.id }, { limit: 1 })).rows;
  assert.ok(snapshot);
  const run = world.context.createId('run');
  const { repository } = snapshot;
  const state = isProven === true ? 'succeeded' : 'failed';
  const drill =
    isProven === undefined ? {} : { drill: { isProven, restoreMs: 41_000, snapshotAgeMs: HOUR, rows: 1_204_512, things: 42 } };
  const part = { source: source.id, state, warnings: [], bytes: 9, durationMs: 50_000, ...drill } as const;
  const events = [
    { type: 'run.created', run, at, kind: 'drill', trigger: 'manual', repository, sources: [source.id], snapshot: snapshot.id },
    { type: 'run.started', run, at },
    { type: 'part.finished', run, at, part },
    { type: 'run.finished', run, at, state, evidence: [], bytes: 9, logLines: 0, durationMs: 50_000 },
  ] as const;
  const numbered = events.map((event, place) => ({ seq: place + 1, event: structuredClone(event) as never }));
  await store.events.applyEvents(source.tenant, source.host, `epoch-${run}`, numbered, at);
}

describe('Drills on the pages', () => {
  it('say of a source nobody tried out that nothing is proven', async () => {
    const markup = await world.read('/drills');
    assertInert(markup);
    assert.match(readWords(markup), /The recovery of 0 of 1 source is proven\./u);
    assert.match(readWords(markup), /never proven Nobody has tried yet whether it can be restored\./u);
    assert.match(readWords(await world.read(`/sources/${source.id}`)), /Recovery never proven/u);
  });

  it('are started by one click, which leads to the run', async () => {
    const reply = await world.ask('post', `/sources/${source.id}/drill`, { form: {} });
    assert.ok(reply.kind === 'redirect');
    assert.match(reply.to, /^\/runs\/run_/u);
    const [order] = await world.context.store.orders.listWaitingOrders(source.host, NOW);
    assert.equal(order?.type, 'drill.start');
  });

  it('show what a drill proved, and that a later one failed', async () => {
    await tellVerdict(true, NOW - HOUR);
    const words = readWords(await world.read('/drills'));
    assert.match(words, /The recovery of the one source is proven\./u);
    assert.match(words, /Recovery proven 1.h ago ?, in 41.s\./u);
    assert.match(words, /42.tables, 1,204,512 rows/u);
    await tellVerdict(undefined, NOW - HOUR / 2);
    assert.match(
      readWords(await world.read(`/sources/${source.id}`)),
      /Recovery proven 1.h ago ?, in 41.s\. The last drill could not be carried out 30.min ago/u,
    );
    await tellVerdict(false, NOW);
    const markup = await world.read('/drills');
    assertInert(markup);
    assert.match(readWords(markup), /The recovery of 0 of 1.source is proven\./u);
    assert.match(readWords(markup), /drill failed The last drill failed now ?; recovery was proven 1.h ago ?, in 41.s\./u);
  });

  it('take questions from a form, keep what was typed when something is wrong, and store the rest', async () => {
    const action = `/sources/${source.id}/drills`;
    const question = {
      'sql-0': `select '<b>'`,
      'operator-0': '>',
      'value-0': '0',
      'sql-1': ' ',
      'operator-1': '=',
      'value-1': '',
    };
    const refused = await world.ask('post', action, { form: { ...question, everyDays: '0', withinDays: '' } });
    assert.ok(refused.kind === 'page');
    assert.equal(refused.status, 422);
    assertInert(String(refused.html));
    assert.match(String(refused.html), /select '&lt;b&gt;'|select &#39;&lt;b&gt;&#39;/u);
    assert.equal(await settingsOf(source.id), undefined);
    const saved = await world.ask('post', action, { form: { ...question, everyDays: '7', withinDays: '' } });
    assert.ok(saved.kind === 'redirect');
    const kept = await settingsOf(source.id);
    assert.deepEqual([kept?.everyDays, kept?.withinDays], [7, undefined]);
    assert.deepEqual(kept?.assertions, [{ sql: "select '<b>'", operator: '>', value: '0' }]);
    assert.match(readWords(await world.read(`/sources/${source.id}`)), /every 7 days, next/u);
  });

  it('of a whole fleet are counted, searched, narrowed and ordered, however many pages there are', async () => {
    const web = await addHost(world, { name: 'web-1', facts: { capabilities: ['drill.start'] } });
    for (let n = 0; n < 60; n += 1) await addSource(world, { host: web.id, name: `shop-${String(n).padStart(2, '0')}` });
    const page = await world.read('/drills');
    const words = readWords(page);
    assert.match(words, /The recovery of 0 of 61.sources is proven\./u);
    assert.match(words, /1 drill failed · 60 never proven/u);
    assert.match(page, /rel="next" href="\/drills\?after=/u);
    const rowsOf = async (query: string) =>
      [...(await world.read(`/drills?${query}`, { part: 'proofs' })).matchAll(/id="row-src_/gu)].length;
    assert.equal(await rowsOf('state=disproven'), 1);
    assert.equal(await rowsOf('state=proven'), 0);
    assert.equal(await rowsOf('q=SHOP-0'), 10);
    assert.equal(await rowsOf('q=db-1'), 1, 'by the name of its host');
    assert.equal(await rowsOf('q=shop-0&state=never'), 10);
    assert.match(readWords(await world.read('/drills?state=proven')), /No source matches/u);
    const worst = await world.read('/drills?sort=state', { part: 'proofs' });
    assert.match(worst.slice(0, worst.indexOf('row-src_') + 60), new RegExp(`row-${source.id}`, 'u'));
    assert.match(worst, /href="\/drills\?sort=state&amp;order=desc/u);
    assert.match(worst, /rel="next" href="\/drills\?sort=state&amp;after=/u);
    const byProof = await world.read('/drills?sort=proven&order=desc', { part: 'proofs' });
    assert.match(byProof.slice(0, byProof.indexOf('row-src_') + 60), new RegExp(`row-${source.id}`, 'u'), 'the newest proof');
  });

  it('are no business of a viewer', async () => {
    const role = 'viewer';
    assert.doesNotMatch(await world.read('/drills', { role }), /Drill now/u);
    await assert.rejects(world.ask('post', `/sources/${source.id}/drill`, { form: {}, role }), { code: 'forbidden' });
    await assert.rejects(world.ask('get', `/sources/${source.id}/drills`, { role }), { code: 'forbidden' });
  });
});

describe('The list of all drills', () => {
  const read = (query = '') => world.read(`/drills/history${query}`);
  const countRows = (page: string) => page.match(/<tr[^>]* data-row/gu)?.length ?? 0;

  it('is narrowed by verdict, source, plan, host, repository and days, each by itself and together', async () => {
    await tellVerdict(true, NOW - 40 * 24 * HOUR);
    await tellVerdict(false, NOW - 20 * 24 * HOUR);
    const whole = await read();
    assertInert(whole);
    const total = countRows(whole);
    assert.ok(total >= 2);
    const { store } = world.context;
    const [plan] = (await store.plans.listPlans(source.tenant, {}, { limit: 1 })).rows;
    const about = [`source=${source.id}`, `plan=${plan?.id}`, `host=${source.host}`, `repository=${plan?.repository}`];
    for (const one of about) assert.equal(countRows(await read(`?${one}`)), total, one);
    const verdicts = [countRows(await read('?state=proven')), countRows(await read('?state=disproven'))];
    assert.deepEqual([verdicts[0] !== 0, verdicts[1] !== 0, (verdicts[0] ?? 0) + (verdicts[1] ?? 0)], [true, true, total]);
    assert.equal(countRows(await read(`?${about.join('&')}&state=disproven&from=2026-10-30&to=2026-11-01`)), 1);
    assert.equal(countRows(await read('?from=2026-10-10&to=2026-10-12')), 1);
    for (const [name, kind] of [
      ['source', 'source'],
      ['plan', 'plan'],
      ['host', 'host'],
      ['repository', 'repository'],
    ] as const)
      assert.equal(countRows(await read(`?${name}=${world.context.createId(kind)}`)), 0, name);
  });

  it('says in how many of them a recovery was proven, and when a filter hides all', async () => {
    assert.match(readWords(await read('?from=2026-10-10&to=2026-10-12')), /1 of 1.drill that fit proved a recovery\./u);
    const none = readWords(await read('?from=2026-01-01&to=2026-01-02'));
    assert.match(none, /No drill fits\. .*No drill fits these filters\. Show all drills/u);
    assert.match(readWords(await read('?from=yesterday')), /“yesterday” is no day/u);
    assert.match(await world.read('/drills'), /href="\/drills\/history"/u);
    const part = await world.read('/drills/history?state=proven', { part: 'drill-history' });
    assert.match(part, /^<div class="table-wrap"\s+id="drill-history"/u);
  });
});
