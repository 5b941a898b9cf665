import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type RunId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { acknowledgeAlert } from '../../../core/alerts/alerts.ts';
import { createAlertWatch } from '../../../core/alerts/watch.ts';
import type { Host } from '../../../store/hosts.ts';
import type { Repository } from '../../../store/repositories.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, DAY_MS, HOUR_MS, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../fixtures/world.ts';
import { REPOSITORY_SCREENS } from './repositories.ts';
import { REPOSITORY_PAGE_SCREENS } from './repository-page.ts';

let world: World;
let host: Host;
let keeper: Host;
/** What the keeper told so far. */
let told = 0;
const repositories = new Map<string, Repository>();

before(async () => {
  world = await createWorld([...REPOSITORY_PAGE_SCREENS, ...REPOSITORY_SCREENS]);
  host = await addHost(world, { name: 'db-1' });
  keeper = await addHost(world, { name: MARKUP_NAME });
  const source = await addSource(world, { host: host.id, name: 'app' });
  // Named so that an order by name is none by standing. Those of a year ago were used, once.
  for (const [name, usedAt] of [
    ['a-works', NOW - HOUR_MS],
    ['b-quiet', NOW - 300 * DAY_MS],
    ['c-new', undefined],
    ['d-full', NOW - 2 * HOUR_MS],
  ] as const) {
    const repository = await addRepository(world, { name });
    repositories.set(name, repository);
    const plan = await addPlan(world, { name: `into ${name}`, repository: repository.id, sources: [source.id] });
    if (usedAt !== undefined)
      await addRun(world, { host: host.id, plan: plan.id, repository: repository.id, source: source.id, at: usedAt });
  }
  repositories.set('e-unopened', await addRepository(world, { name: 'e-unopened', engineId: undefined }));
});
after(() => world.close());

const get = (name: string): Repository => repositories.get(name) ?? assert.fail(name);
const lookAt = async (name: string) => readWords(await world.read(`/repositories/${get(name).id}`));
const listNames = async (query: string) => {
  const markup = await world.read(`/repositories${query}`, { part: 'repositories' });
  return [...markup.matchAll(/>([a-e]-[a-z]+)<\/a>/gu)].map(([, name]) => name);
};

/** The keeper checks a repository, as its agent tells it. */
async function check(name: string, at: number, failure?: { reason: string; message: string }): Promise<RunId> {
  const run = world.context.createId('run');
  const repository = get(name).id;
  const end =
    failure === undefined
      ? { state: 'succeeded' as const }
      : { state: 'failed' as const, failure: { code: 'tool_failed' as const, ...failure } };
  const events: DurableEvent[] = [
    { type: 'run.created', run, at, kind: 'check', trigger: 'manual', repository, sources: [], scope: { kind: 'structure' } },
    { type: 'run.started', run, at },
    ...(failure === undefined
      ? [{ type: 'repository.measured' as const, run, at: at + 500, sizeBytes: 3 * 1024 ** 3, snapshots: 1 }]
      : []),
    { type: 'run.finalizing', run, at: at + 900 },
    { type: 'run.finished', run, at: at + 1000, ...end, evidence: [], bytes: 0, logLines: 0, durationMs: 1000 },
  ];
  const numbered = events.map((event, place) => ({ seq: told + place + 1, event }));
  told += events.length;
  await world.context.store.events.applyEvents(DEFAULT_TENANT, keeper.id, 'epoch-of-the-keeper', numbered, at + 1000);
  return run;
}

async function watchOnce(): Promise<void> {
  const watch = createAlertWatch(world.context, {
    serverVersion: '0.1.0',
    measureServer: async () => ({ freeBytes: 100 * 1024 ** 3 }),
    linkAlert: ({ id }) => `${world.context.baseUrl}/alerts/${id}`,
    listensToAlerts: () => false,
  });
  await watch.runRound();
  await watch.close();
}

describe('How repositories do', () => {
  it('is green only of one that was seen to work within eight days; what nobody knows is said', async () => {
    const words = readWords(await world.read('/repositories'));
    assert.match(words, /1 of 5 repositories has never been opened\. 2 were not used lately/u);
    assert.match(words, /a-works S3 bucket · \S+ works last used 59.min ago never unknown 1 1/u);
    assert.match(words, /b-quiet S3 bucket · \S+ not seen lately last used 2026-01-24/u);
    assert.match(words, /c-new S3 bucket · \S+ not used yet never/u);
    assert.match(words, /e-unopened S3 bucket · \S+ never opened never/u);
    assert.equal((await world.read('/repositories')).match(/tone-protected/gu)?.length, 2, 'a-works and d-full');
    assert.match(await lookAt('b-quiet'), /Nobody knows whether b-quiet still works: it has not been used for 299.days\./u);
    assert.match(await lookAt('a-works'), /a-works holds 1.snapshot.*State works Last seen to work 59.min ago/u);
  });

  it('narrows the list to those that do so, and says how many they are', async () => {
    assert.deepEqual(await listNames('?standing=good'), ['a-works', 'd-full']);
    assert.deepEqual(await listNames('?standing=quiet&sort=name&order=desc'), ['c-new', 'b-quiet']);
    assert.deepEqual(await listNames('?standing=unopened'), ['e-unopened']);
    assert.deepEqual(await listNames('?standing=good&q=full'), ['d-full']);
    assert.deepEqual(await listNames('?standing=critical'), []);
    const none = readWords(await world.read('/repositories?standing=critical'));
    assert.match(none, /in trouble \(0\) needs a look \(0\) never opened \(1\) not seen lately \(2\) works \(2\)/u);
    assert.match(none, /No repository matches Show all repositories/u);
    assert.equal((await listNames('?standing=odd')).length, 5, 'what is no state is no filter');
  });

  it('is red with its alert in the list and on its page, whoever sees to it, until it is over', async () => {
    await check('d-full', NOW - HOUR_MS, { reason: 'repository_full', message: 'no space left on <b>device</b>' });
    await watchOnce();
    const list = await world.read('/repositories');
    assert.match(readWords(list), /1 of 5 repositories is in trouble\. 1 was never opened · 2 were not used lately/u);
    assert.match(readWords(list), /d-full S3 bucket · \S+ full last used 1.h ago failed/u);
    const { rows } = await world.context.store.alerts.listAlerts(DEFAULT_TENANT, { condition: 'repository.full' }, NOW, {
      limit: 5,
    });
    const [alert = assert.fail('no alert was raised')] = rows;
    assert.ok(list.includes(`href="/alerts/${alert.id}"`));
    assert.match(
      await lookAt('d-full'),
      /The repository d-full is full\. .*What is wrong critical The repository d-full is full/u,
    );
    assertInert(await world.read(`/repositories/${get('d-full').id}`));
    await acknowledgeAlert(world.context, createCaller(), alert.id);
    assert.match(await lookAt('d-full'), /The repository d-full is full\..*sees to it/u);
    for (const part of ['repositories', 'repositories-answer', 'repositories-lede'])
      assert.ok((await world.read('/repositories')).includes(await world.read('/repositories', { part })), part);

    await check('d-full', NOW - HOUR_MS / 2);
    await watchOnce();
    assert.match(await lookAt('d-full'), /d-full holds 1.snapshot/u);
    assert.match(
      readWords(await world.read('/repositories')),
      /1 of 5 repositories has never been opened\..* d-full \S.* works last used \d+.min ago succeeded \d+.min ago 3(\.0+)?.GiB/u,
    );
  });

  it('orders the list by state, size and newest check, those of which nothing is known at the end or the beginning', async () => {
    assert.deepEqual(await listNames(''), ['a-works', 'b-quiet', 'c-new', 'd-full', 'e-unopened']);
    assert.deepEqual(await listNames('?sort=status'), ['e-unopened', 'b-quiet', 'c-new', 'a-works', 'd-full']);
    assert.equal((await listNames('?sort=size'))[0], 'd-full');
    assert.equal((await listNames('?sort=checked&order=asc')).at(-1), 'd-full');
    assert.deepEqual(await listNames('?sort=name&order=desc'), ['e-unopened', 'd-full', 'c-new', 'b-quiet', 'a-works']);
  });

  it('names on its page the hosts that write to it, and its locks with the way to them for those who are allowed there', async () => {
    const { id } = get('a-works');
    assert.match(await lookAt('a-works'), /Hosts that write to it 1 db-1 \S+ .*Nobody has looked at its locks yet/u);
    await world.context.store.repositoryLooks.putLockLook(DEFAULT_TENANT, {
      repository: id,
      at: NOW - HOUR_MS,
      stuck: 2,
      since: NOW - DAY_MS,
      text: MARKUP_NAME,
    });
    const markup = await world.read(`/repositories/${id}`);
    assert.match(readWords(markup), /2.locks that nobody renews, since \S/u);
    assert.ok(markup.includes(`href="/repositories/${id}/locks"`));
    assertInert(markup);
    assert.ok(!(await world.read(`/repositories/${id}`, { role: 'viewer' })).includes('/locks"'));
  });
});
