import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SEARCH } from '@holdfast/shared/limits.ts';
import { orderedRun } from '../../../store/contract/reports.ts';
import { sampleHost, sampleOrder, TENANT } from '../../../store/contract/samples.ts';
import { createFleet, type Fleet, playDay } from '../fixtures/fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { SNAPSHOTS_SCREENS } from '../snapshots/snapshots.ts';
import { RUN_SCREENS } from './run.ts';
import { RUNS_SCREENS } from './runs.ts';

let world: World;
let fleet: Fleet;

before(async () => {
  world = await createWorld([...RUNS_SCREENS, ...RUN_SCREENS, ...SNAPSHOTS_SCREENS]);
  fleet = await createFleet(world);
  await playDay(fleet, NOW);
});
after(() => world.close());

const readWords = (page: string) => page.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
const rowsIn = (page: string) => [...page.matchAll(/<tr role="row" data-row[\s\S]*?<\/tr>/g)].map(([row]) => readWords(row));

describe('The search of runs and snapshots', () => {
  it('shows what has the text in a name or in its error, and keeps it in the field, the pages and the live update', async () => {
    const page = await world.read('/runs?q=ACCESS%20denied');
    const rows = rowsIn(page);
    assert.equal(rows.length, 1);
    assert.match(rows[0] ?? '', /failed|partial/);
    assert.match(page, /<input class="input" type="search" data-search[^>]* name="q" value="ACCESS denied"/);
    assert.match(page, /data-live-get="\/runs\?q=ACCESS(\+|%20)denied"/);
    for (const list of ['/runs', '/snapshots']) {
      const all = rowsIn(await world.read(list));
      const some = rowsIn(await world.read(`${list}?q=db-2.fra`));
      assert.ok(some.length > 0 && some.length < all.length, `${some.length} of ${all.length} in ${list}`);
      for (const row of some) assert.match(row, /db-2\.fra/);
    }
  });

  it('finds the one run or snapshot whose id somebody was told', async () => {
    const [run] = (await world.context.store.runs.listRuns(TENANT, { state: 'failed' }, { limit: 1 })).rows;
    const [snapshot] = (await world.context.store.snapshots.listSnapshots(TENANT, {}, { limit: 1 })).rows;
    assert.ok(run !== undefined && snapshot !== undefined);
    assert.deepEqual(rowsIn(await world.read(`/runs?q=${run.id}`)).length, 1);
    assert.match(await world.read(`/snapshots?q=${snapshot.engineId.slice(0, 8)}`), new RegExp(`id="row-${snapshot.id}"`));
  });

  it('leads from a run to what else its request ordered', async () => {
    const { store } = world.context;
    const host = sampleHost({ name: 'asked' });
    await store.hosts.insertHost(host);
    const runs = [orderedRun(host, { request: 'req_click_1' }), orderedRun(host, { request: 'req_click_1' })] as const;
    for (const run of runs) await store.orders.insertOrderedRun(run, [], sampleOrder(run));
    const page = await world.read(`/runs/${runs[0].id}`);
    assert.match(page, /<a [^>]*href="\/runs\?q=req_click_1"[^>]*>req_click_1/);
    assert.equal(rowsIn(await world.read('/runs?q=req_click_1')).length, 2);
  });

  it('says of an empty list what was looked for and where', async () => {
    assert.match(
      readWords(await world.read('/runs?q=nobody%3Cb%3E')),
      /No run fits “nobody&lt;b&gt;”\. Searched was in the names of hosts, plans, sources and repositories, in what runs failed with/,
    );
    assert.match(readWords(await world.read('/runs?q=nobody&kind=drill')), /No run with “nobody” fits these filters\./);
    assert.match(readWords(await world.read('/snapshots?q=nobody')), /No snapshot fits “nobody”\./);
  });

  it('stands in the order of time alone: no other head orders it, and an address that asks for one still shows it', async () => {
    for (const list of ['/runs', '/snapshots']) {
      assert.match(await world.read(list), /href="[^"]*sort=(bytes|size)/);
      const page = await world.read(`${list}?q=db&sort=bytes&order=desc`);
      assert.doesNotMatch(page, /href="[^"]*sort=(bytes|size|host)/);
      assert.match(page, /href="[^"]*order=asc/);
      assert.ok(rowsIn(page).length > 0);
    }
  });

  it('says where more names fit than are searched', async () => {
    for (let i = 0; i <= SEARCH.names; i += 1) await world.context.store.hosts.insertHost(sampleHost({ name: `db-rack-${i}` }));
    assert.match(
      readWords(await world.read('/runs?q=db-')),
      new RegExp(`runs shown; more hosts than the first ${SEARCH.names} by name have “db-” in them: type more of it`),
    );
    assert.doesNotMatch(readWords(await world.read('/runs?q=db-2.fra')), /type more of it/);
  });
});
