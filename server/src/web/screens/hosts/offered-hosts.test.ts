import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import * as calendar from '../../../fires/fires.ts';
import { CHANNEL_KINDS } from '../../../notify/all.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Source } from '../../../store/sources.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, HOUR_MS } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { OBJECTIVE_SCREENS } from '../objectives/objectives.ts';
import { createPlanScreens } from '../plans/plans.ts';
import { LOCK_SCREENS } from '../repositories/locks.ts';
import { REPOSITORY_CONTENTS_SCREENS } from '../repositories/repository-contents.ts';
import { REPOSITORY_FORM_SCREENS } from '../repositories/repository-form.ts';
import { REPOSITORY_PASSWORD_SCREENS } from '../repositories/repository-password.ts';
import { ROUTINE_SCREENS } from '../repositories/routine.ts';
import { RESTORE_SCREENS } from '../restores/restore.ts';
import { RESTORE_FILES_SCREENS } from '../restores/restore-files.ts';
import { RUNS_SCREENS } from '../runs/runs.ts';
import { SOURCE_DRILL_SCREENS } from '../sources/source-drills.ts';
import { SOURCE_FORM_SCREENS } from '../sources/source-form.ts';

let world: World;
/** Behind all others by its name. */
let spare: Host;
let shop: Source;
let repository: Repository;
/** Behind all others by their names. */
let zurich: Repository;
let zagreb: Repository;
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
    ...createPlanScreens(calendar, CHANNEL_KINDS),
    ...REPOSITORY_FORM_SCREENS,
    ...SOURCE_FORM_SCREENS,
    ...REPOSITORY_PASSWORD_SCREENS,
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
  for (let n = 0; n < HTTP.pageSizeMax; n += 1) await addRepository(world, { name: `bucket-${n}` });
  zurich = await addRepository(world, { name: 'zurich' });
  zagreb = await addRepository(world, { name: 'zagreb' });
});
after(() => world.close());

const restoreOf = (name: string) => `/snapshots/${snapshots.get(name)}/restore`;

/** The choice of a select that is chosen, as it reads. */
function readChosen(page: string, name: string): string | undefined {
  const select = new RegExp(`<select[^>]* name="${name}"[^>]*>(.*?)</select>`, 's').exec(page)?.[1] ?? assert.fail(name);
  return /<option[^>]* selected[^>]*>([^<]*)</.exec(select)?.[1];
}

async function countPlans(): Promise<number> {
  return (await world.context.store.plans.listPlans(DEFAULT_TENANT, {}, { limit: 10 })).rows.length;
}

async function post(
  address: string,
  form: Record<string, string | string[]>,
): Promise<{ page: string; status: number | undefined }> {
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

  it('is searched for the repositories and the host of a plan; all that was typed and ticked stays, and nothing is saved', async () => {
    const typed = { name: 'nightly 2', sources: [shop.id], preset: 'weekly', zone: 'UTC', act: 'find' };
    const first = await world.read('/plans/new');
    assert.match(readWords(first), /Find a repository optional Search The first 200 by name are offered below/u);
    assert.ok(!first.includes('zurich'));
    const { page, status } = await post('/plans/new', { ...typed, 'find-repository': 'ZUR', 'find-drillHost': 'spare' });
    assert.equal(status, 200);
    assert.match(page, new RegExp(`<option\\s+value="${zurich.id}"`));
    assert.match(page, new RegExp(`<option\\s+value="${spare.id}"`));
    assert.match(
      page,
      /<details class="fold"\s+open><summary>.{0,400}Restore drills/su,
      'what is searched in is not folded away',
    );
    assert.deepEqual([/value="nightly 2"/.test(page), new RegExp(`value="${shop.id}" checked`).test(page)], [true, true]);
    const chosen = { ...typed, repository: zurich.id, copyRepository: zagreb.id, drillHost: spare.id };
    const again = await post('/plans/new', { ...chosen, find: 'home' });
    assert.match(readChosen(again.page, 'repository') ?? '', /^zurich/);
    assert.match(readChosen(again.page, 'copyRepository') ?? '', /^zagreb/);
    assert.equal(readChosen(again.page, 'drillHost'), 'zz-spare');
    assert.match(again.page, new RegExp(`value="${shop.id}" checked`), 'what is ticked stays beside what was found');
    assert.equal(await countPlans(), 1);
  });

  it('gives a search that follows the typing the field alone, and carries out a typed one before anything is saved', async () => {
    const form = { name: 'nightly 2', sources: [shop.id], repository: zurich.id, preset: 'weekly', zone: 'UTC' };
    const part = await world.read('/plans/new', {
      form: { ...form, act: 'find', 'find-repository': 'zag' },
      part: 'f-repository-part',
    });
    assert.match(
      part,
      /^<input type="hidden" hx-swap-oob="outerHTML"\s+id="f-found-repository" name="found-repository" value="zag">/,
    );
    assert.match(
      part,
      /<p hx-swap-oob="innerHTML"\s+id="f-find-repository-help">1.choice below fits\.<\/p><div[^>]*id="f-repository-part">/,
    );
    assert.match(readChosen(part, 'repository') ?? '', /^zurich/, 'what was chosen stays');
    assert.ok(part.includes('zagreb') && !part.includes('bucket-0') && !part.includes('<form'));
    const sources = await world.read('/plans/new', { form: { ...form, act: 'find', find: 'home' }, part: 'plan-sources' });
    assert.match(sources, /^<div[^>]* id="plan-sources"><input type="hidden" name="found" form="plan-form"\s+value="home">/);
    for (const search of [
      { find: 'home', found: '' },
      { 'find-repository': 'zag', 'found-repository': '' },
    ]) {
      const { status, page } = await post('/plans/new', { ...form, ...search });
      assert.deepEqual([status, page.includes('data-focus')], [200, false], JSON.stringify(search));
    }
    assert.equal(await countPlans(), 1);
    const done = { find: 'home', found: 'home', 'find-repository': 'zag', 'found-repository': 'zag' };
    assert.equal((await world.ask('post', '/plans/new', { form: { ...form, ...done } })).kind, 'redirect');
    const [made] = (await world.context.store.plans.listPlans(DEFAULT_TENANT, { search: 'nightly 2' }, { limit: 2 })).rows;
    assert.equal(made?.repository, zurich.id);
  });

  it('keeps the repositories of a plan as it is changed, wherever their names stand', async () => {
    const plan = await addPlan(world, { name: 'far', repository: zurich.id, sources: [shop.id] });
    await world.context.store.plans.updatePlan({ ...plan, copyRepository: zagreb.id }, plan.version);
    const page = await world.read(`/plans/${plan.id}/edit`);
    assert.match(readChosen(page, 'repository') ?? '', /^zurich/);
    assert.match(readChosen(page, 'copyRepository') ?? '', /^zagreb/);
  });

  it('is searched for the host that tests a repository, and for that of a source; nothing is tested or saved by that', async () => {
    const typed = { name: 'disk', 'config-path': '/backup/restic', 'secret-password': 'pass-phrase', runsAtOnce: '' };
    const search = { ...typed, act: 'find', 'find-host': 'spare' };
    const { page, status } = await post('/repositories/new?kind=local', search);
    assert.deepEqual([status, page.includes('pass-phrase'), page.includes('zz-spare')], [200, false, true]);
    assert.match(readWords(page), /type them again before saving/u);
    assert.match(page, /value="\/backup\/restic"/);
    const part = await world.read('/repositories/new?kind=local', { form: search, part: 'f-host-part' });
    assert.match(part, /id="f-find-host-help">1.choice below fits\./u);
    assert.ok(!part.includes('pass-phrase') && !part.includes('<form'));
    const unsent = { ...typed, 'find-host': 'spare', 'found-host': '' };
    const inPlace = await world.read('/repositories/new?kind=local', { form: unsent, part: 'repository-form' });
    assert.match(inPlace, /^<form class="form" [^>]*id="repository-form"/u);
    assert.deepEqual(world.directory.calls, []);
    const chosen = await post('/repositories/new?kind=local', { ...search, 'find-host': 'db', host: spare.id });
    assert.match(readChosen(chosen.page, 'host') ?? '', /^zz-spare/);
    const proof = { password: 'pass-phrase', act: 'find', 'find-host': 'spare' };
    const proving = await post(`/repositories/${repository.id}/password`, proof);
    assert.deepEqual(
      [proving.status, proving.page.includes('zz-spare'), proving.page.includes('pass-phrase')],
      [200, true, false],
    );
    assert.deepEqual(world.directory.calls, []);
    const all = await world.read('/sources/new?kind=files');
    assert.match(readWords(all), /There are more: search for a part of the name\./u);
    const found = await world.read('/sources/new?kind=files&q=SPARE', { part: 'host-choice' });
    assert.match(found, new RegExp(`href="/sources/new\\?host=${spare.id}&(?:amp;)?kind=files"`));
    assert.ok(!found.includes('db-1') && !found.includes('<html'));
    assert.match(readWords(await world.read('/sources/new?kind=files&q=nobody')), /No host matches Show all hosts/u);
  });

  it('says in a filter that there are others, and offers the tags of all of them', async () => {
    assert.match(await world.read('/runs'), /<option\s+value="…" disabled>… others: by the search<\/option>/);
    assert.match(await world.read('/objectives'), /hosts with the tag last/);
    assert.match(
      await world.read('/plans'),
      />other · zz-spare<\/option>/,
      'a source says of which host it is, wherever that stands',
    );
  });

  it('keeps the host that is set, wherever its name stands', async () => {
    const { drills } = world.context.store;
    const before = await drills.findDrillSettings(DEFAULT_TENANT, shop.id);
    await world.ask('post', `/sources/${shop.id}/drills`, { form: { host: spare.id, server: 'throw-away' } });
    assert.notDeepEqual(await drills.findDrillSettings(DEFAULT_TENANT, shop.id), before);
    assert.equal(readChosen(await world.read(`/sources/${shop.id}/drills`), 'host'), 'zz-spare');
  });
});
