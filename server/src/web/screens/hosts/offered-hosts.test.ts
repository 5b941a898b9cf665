import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Source } from '../../../store/sources.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, HOUR_MS } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { OBJECTIVE_SCREENS } from '../objectives/objectives.ts';
import { LOCK_SCREENS } from '../repositories/locks.ts';
import { REPOSITORY_CONTENTS_SCREENS } from '../repositories/repository-contents.ts';
import { ROUTINE_SCREENS } from '../repositories/routine.ts';
import { RESTORE_SCREENS } from '../restores/restore.ts';
import { RESTORE_FILES_SCREENS } from '../restores/restore-files.ts';
import { RUNS_SCREENS } from '../runs/runs.ts';
import { SOURCE_DRILL_SCREENS } from '../sources/source-drills.ts';

let world: World;
/** Behind all others by its name. */
let spare: Host;
let shop: Source;
let repository: Repository;
const snapshots = new Map<string, SnapshotId>();

before(async () => {
  world = await createWorld([
    ...RESTORE_SCREENS,
    ...RESTORE_FILES_SCREENS,
    ...RUNS_SCREENS,
    ...OBJECTIVE_SCREENS,
    ...SOURCE_DRILL_SCREENS,
    ...ROUTINE_SCREENS,
    ...LOCK_SCREENS,
    ...REPOSITORY_CONTENTS_SCREENS,
  ]);
  const host = await addHost(world, { name: 'db-1' });
  shop = await addSource(world, { host: host.id, name: 'shop' });
  const home = await addSource(world, { host: host.id, name: 'home', kind: 'files', config: { paths: ['/srv'] } });
  repository = await addRepository(world);
  const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [shop.id, home.id] });
  for (const source of [shop, home]) {
    await addRun(world, { host: host.id, plan: plan.id, repository: repository.id, source: source.id, at: NOW - HOUR_MS });
    const { rows } = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { source: source.id }, { limit: 1 });
    snapshots.set(source.name, rows[0]?.id ?? assert.fail());
  }
  for (let n = 0; n < HTTP.pageSizeMax; n += 1) await addHost(world, { name: `host-${n}`, online: false });
  spare = await addHost(world, { name: 'zz-spare', tags: ['last'] });
  await addSource(world, { host: spare.id, name: 'other' });
});
after(() => world.close());

const restoreOf = (name: string) => `/snapshots/${snapshots.get(name)}/restore`;

/** The choice of a select that is chosen, as it reads. */
function readChosen(page: string, name: string): string | undefined {
  const select = new RegExp(`<select[^>]* name="${name}"[^>]*>(.*?)</select>`, 's').exec(page)?.[1] ?? assert.fail(name);
  return /<option[^>]* selected[^>]*>([^<]*)</.exec(select)?.[1];
}

async function post(address: string, form: Record<string, string>): Promise<{ page: string; status: number | undefined }> {
  const reply = await world.ask('post', address, { form });
  if (reply.kind !== 'page') return assert.fail(`${address} answers with a ${reply.kind}`);
  return { page: reply.html.toString(), status: reply.status };
}

describe('A fleet of more hosts than a select offers', () => {
  it('is searched for the host a restore goes to; nothing that was typed is lost, and nothing starts', async () => {
    const first = await world.read(restoreOf('home'));
    assert.match(readWords(first), /Find a host optional Search The first 200 by name are offered below/u);
    assert.ok(!first.includes('zz-spare'));
    const typed = { target: '/srv/back', act: 'find', place: '' };
    const { page, status } = await post(restoreOf('home'), { ...typed, find: 'SPARE' });
    assert.deepEqual([status, readChosen(page, 'place')], [200, 'zz-spare']);
    assert.match(page, /value="\/srv\/back"/);
    assert.match(readWords(page), /1.choice below fits\./u);
    const none = await post(restoreOf('home'), { ...typed, place: spare.id, find: '<b>nobody</b>' });
    assert.match(readWords(none.page), /Nothing of that name/u);
    assert.ok(!none.page.includes('<b>nobody'));
    assert.equal(readChosen(none.page, 'place'), 'zz-spare', 'what was chosen stays');
    const refused = await post(restoreOf('home'), { target: '/srv/back', place: spare.id });
    assert.deepEqual([refused.status, readChosen(refused.page, 'place')], [422, 'zz-spare']);
  });

  it('is searched for the host that chosen files go to', async () => {
    const form = { path: '/srv/a', find: 'zz', act: 'find' };
    const { page } = await post(`/snapshots/${snapshots.get('home')}/files/restore`, form);
    assert.equal(readChosen(page, 'host'), 'zz-spare');
    assert.match(page, /name="path" value="\/srv\/a"/);
  });

  it('is searched for a connection by the name of its host as well', async () => {
    const { page, status } = await post(restoreOf('shop'), { target: 'shop_2', act: 'find', find: 'spare' });
    assert.deepEqual([status ?? 200, /zz-spare: the server of other/.test(readChosen(page, 'place') ?? '')], [200, true]);
    assert.match(page, /value="shop_2"/);
  });

  it('is searched for the host of drills, of maintenance, and of a look into a repository; nothing is saved or asked by that', async () => {
    const search = { act: 'find', find: 'spare' };
    const drills = await post(`/sources/${shop.id}/drills`, { ...search, everyDays: '7', host: 'own' });
    assert.deepEqual([readChosen(drills.page, 'host'), /value="7"/.test(drills.page)], ['zz-spare', true]);
    assert.equal(await world.context.store.drills.findDrillSettings(DEFAULT_TENANT, shop.id), undefined);
    const routine = await post(`/repositories/${repository.id}/routine`, { ...search, isOn: 'on', checkDays: '9' });
    assert.deepEqual([readChosen(routine.page, 'maintainer'), /value="9"/.test(routine.page)], ['Only zz-spare', true]);
    assert.equal(await world.context.store.routines.findRoutine(DEFAULT_TENANT, repository.id), undefined);
    const locks = await post(`/repositories/${repository.id}/locks`, search);
    assert.equal(readChosen(locks.page, 'host'), 'zz-spare');
    const contents = await world.read(`/repositories/${repository.id}/contents?act=find&find=spare`);
    assert.equal(readChosen(contents, 'host'), 'zz-spare');
    assert.match(readWords(contents), /Look into it/u);
  });

  it('says in a filter that there are others, and offers the tags of all of them', async () => {
    assert.match(await world.read('/runs'), /<option\s+value="…" disabled>… others: by the search<\/option>/);
    assert.match(await world.read('/objectives'), /hosts with the tag last/);
  });

  it('keeps the host that is set, wherever its name stands', async () => {
    const { drills } = world.context.store;
    const before = await drills.findDrillSettings(DEFAULT_TENANT, shop.id);
    await world.ask('post', `/sources/${shop.id}/drills`, { form: { host: spare.id, server: 'throw-away' } });
    assert.notDeepEqual(await drills.findDrillSettings(DEFAULT_TENANT, shop.id), before);
    assert.equal(readChosen(await world.read(`/sources/${shop.id}/drills`), 'host'), 'zz-spare');
  });
});
