import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Host } from '../../../store/hosts.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, HOUR_MS, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { REPOSITORY_SCREENS } from './repositories.ts';
import { REPOSITORY_ACT_SCREENS } from './repository-acts.ts';
import { REPOSITORY_FORM_SCREENS } from './repository-form.ts';
import { REPOSITORY_PAGE_SCREENS } from './repository-page.ts';

const ROUTES = [...REPOSITORY_FORM_SCREENS, ...REPOSITORY_PAGE_SCREENS, ...REPOSITORY_ACT_SCREENS, ...REPOSITORY_SCREENS];
const PASSWORD = 'repository-pass-phrase';
const LOCAL_FORM = { name: 'disk', 'config-path': '/backup/restic', 'secret-password': PASSWORD };
const ENGINE_ID = 'b'.repeat(64);

describe('the repositories page', () => {
  let world: World;
  before(async () => {
    world = await createWorld(ROUTES);
  });
  after(() => world.close());

  it('asks where backups should go while there is none', async () => {
    const words = readWords(await world.read('/repositories'));
    assert.match(words, /There is no place for backups yet\./);
    assert.match(readWords(await world.read('/repositories/new')), /S3 bucket.*SFTP server/);
  });

  it('lists where each is, how it does, and what it holds', async () => {
    const host = await addHost(world, { name: 'db-1' });
    const source = await addSource(world, { host: host.id, name: 'app' });
    const repository = await addRepository(world, { testedFrom: host.id });
    await addRepository(world, { name: MARKUP_NAME, engineId: undefined });
    const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] });
    await addRun(world, { host: host.id, plan: plan.id, repository: repository.id, source: source.id, at: NOW - HOUR_MS });
    const markup = await world.read('/repositories');
    const words = readWords(markup);
    assert.match(words, /1 of 2 repositories has never been opened\./);
    assert.match(
      words,
      /s3-eu S3 bucket · https:\/\/s3\.example\.test\/holdfast\/fra works last used 59.min ago never unknown 1 1/,
    );
    assert.match(words, /never opened never unknown 0 0/);
    assertInert(markup);
    assert.ok(!markup.includes('geheim'));
    assert.ok(markup.includes(await world.read('/repositories', { part: 'repositories' })));
    assert.match(readWords(await world.read('/repositories?kind=sftp')), /No repository matches/);
  });

  it('shows what it holds, who uses it, and why it cannot be forgotten now', async () => {
    const [first] = (await world.context.store.repositories.listRepositories(DEFAULT_TENANT, { search: 's3-eu' }, { limit: 1 }))
      .rows;
    const page = await world.read(`/repositories/${first?.id}`);
    const words = readWords(page);
    assert.match(words, /s3-eu holds 1 snapshot, opened from db-1\./);
    assert.match(words, /Not now: Used by nightly\./);
    assert.match(words, /Repository password stored, never shown/);
    for (const part of ['repository-part', 'repository-answer'])
      assert.ok(page.includes(await world.read(`/repositories/${first?.id}`, { part })), part);
    const viewer = await world.read(`/repositories/${first?.id}`, { role: 'viewer' });
    for (const act of ['/edit', '/test', '/init', '/delete']) assert.ok(!viewer.includes(`${act}"`), act);
  });
});

describe('adding a repository', () => {
  let world: World;
  let host: Host;
  let id: RepositoryId;
  before(async () => {
    world = await createWorld(ROUTES);
    host = await addHost(world, { name: 'db-1' });
  });
  after(() => world.close());

  it('tests it from the chosen host, saves what is not there yet, and leads to its creation as the next step', async () => {
    world.directory.answers['repository.test'] = () => ({ state: 'missing', message: 'no such file', latencyMs: 8 });
    const form = { ...LOCAL_FORM, host: host.id };
    const reply = await world.ask('post', '/repositories/new?kind=local', { form });
    assert.ok(reply.kind === 'redirect' && reply.flash?.text === 'disk is saved. Next: create it there.');
    const address = new URL(reply.to, 'http://local.invalid');
    id = address.pathname.split('/').at(-1) as RepositoryId;
    assert.equal(address.search, `?missing=${host.id}`);
    const asked = world.directory.calls.splice(0);
    assert.deepEqual(
      asked.map((call) => [call.host, call.type]),
      [[host.id, 'repository.test']],
      'nothing is created by saving',
    );
    const markup = await world.read(reply.to);
    assert.match(readWords(markup), /disk has not been opened by any host yet\..*There is no repository at this address yet\./);
    assert.match(markup, new RegExp(`action="/repositories/${id}/init"`));
    assert.ok(!`${markup}${JSON.stringify(asked)}`.includes(PASSWORD));
    assert.doesNotMatch(await world.read(`/repositories/${id}?missing=${host.id}`, { role: 'viewer' }), /There is no repository/);
  });

  it('brings a refused form back, without the secret', async () => {
    const form = { ...LOCAL_FORM, name: 'disk', 'config-path': 'relative' };
    const reply = await world.ask('post', '/repositories/new?kind=local', { form });
    assert.ok(reply.kind === 'page' && reply.status === 422);
    assert.match(readWords(reply.html.toString()), /Directory : must be an absolute path/);
    assert.ok(!reply.html.toString().includes(PASSWORD));
    const taken = await world.ask('post', '/repositories/new?kind=local', { form: LOCAL_FORM });
    assert.ok(taken.kind === 'page' && taken.status === 422);
    assert.match(taken.html.toString(), /id="f-name-error"/);
  });

  it('limits how many runs of a host use it at the same time, and takes an empty limit for none', async () => {
    const limits = { ...LOCAL_FORM, runsAtOnce: '' };
    const edit = `/repositories/${id}/edit`;
    for (const wrong of ['0', '33', 'many', '1.5']) {
      const refused = await world.ask('post', edit, { form: { ...limits, runsAtOnce: wrong } });
      assert.ok(refused.kind === 'page' && refused.status === 422, wrong);
      assert.match(refused.html.toString(), /id="f-runsAtOnce-error"/);
    }
    const saved = await world.ask('post', edit, { form: { ...limits, runsAtOnce: '2' } });
    assert.ok(saved.kind === 'redirect');
    assert.match(readWords(await world.read(saved.to)), /Runs at once 2 of each host/);
    assert.match(await world.read(edit), /name="runsAtOnce"[^>]*value="2"|value="2"[^>]*name="runsAtOnce"/);
    await world.ask('post', edit, { form: limits });
    assert.match(readWords(await world.read(saved.to)), /Runs at once as many as each host runs/);
  });

  it('offers to create a missing repository, and never does so by itself', async () => {
    world.directory.calls.length = 0;
    world.directory.answers['repository.test'] = () => ({
      state: 'missing',
      message: 'Fatal: unable to open config file <b>',
      reason: 'repository_missing',
      latencyMs: 8,
    });
    const markup = await world.read(`/repositories/${id}/test`, { form: { host: host.id }, part: 'test-result' });
    assert.match(markup, /^<div id="test-result"/);
    assert.match(
      readWords(markup),
      /There is no repository at this address yet\..*unable to open config file <b>.*Create the repository there/,
    );
    assert.match(markup, new RegExp(`action="/repositories/${id}/init"`));
    assertInert(markup);
    assert.deepEqual(
      world.directory.calls.map((call) => call.type),
      ['repository.test'],
    );
  });

  it('shows why a host cannot open it, in the tool’s own words', async () => {
    world.directory.answers['repository.test'] = () => ({
      state: 'failed',
      message: 'wrong password or no key found',
      reason: 'repository_password',
      latencyMs: 8,
    });
    const words = readWords(await world.read(`/repositories/${id}/test`, { form: { host: host.id }, part: 'test-result' }));
    assert.match(words, /This host cannot open it\..*wrong password or no key found.*Correct the repository’s password\./);
    assert.ok(!words.includes('Create the repository'));
  });

  it('asks for a host when none is chosen, and says when it is away', async () => {
    const test = async (form: Record<string, string>) =>
      readWords(await world.read(`/repositories/${id}/test`, { form, part: 'test-result' }));
    assert.match(await test({}), /Not tested: choose the host/);
    world.directory.online.delete(host.id);
    assert.match(await test({ host: host.id }), /Not tested: the host is not connected/);
    world.directory.online.add(host.id);
  });

  it('creates it from the chosen host when a person asks for it, and pins its id', async () => {
    world.directory.answers['repository.init'] = () => ({ engineId: ENGINE_ID });
    const reply = await world.ask('post', `/repositories/${id}/init`, { form: { host: host.id } });
    assert.ok(reply.kind === 'redirect' && reply.flash?.tone === 'good');
    assert.ok(!JSON.stringify(world.directory.calls).includes(PASSWORD));
    const markup = await world.read(`/repositories/${id}`);
    assert.match(readWords(markup), /disk is ready and empty\..*bbbbbbbbbbbb/);
    assert.match(markup, new RegExp(`href="/plans/new\\?repository=${id}"`));
  });

  it('never offers to create again what was opened before', async () => {
    world.directory.answers['repository.test'] = () => ({ state: 'missing', message: 'config: no such file', latencyMs: 8 });
    const page = readWords(await world.read(`/repositories/${id}/test`, { form: { host: host.id } }));
    assert.match(page, /The repository is gone\..*that would hide the loss/);
    assert.ok(!page.includes('Create the repository there'));
    const reply = await world.ask('post', `/repositories/${id}/init`, { form: { host: host.id } });
    assert.ok(reply.kind === 'page');
    assert.match(readWords(reply.html.toString()), /The repository was not created\./);
  });

  it('says how many snapshots a ready repository holds', async () => {
    world.directory.answers['repository.test'] = () => ({
      state: 'ready',
      message: '',
      engineId: ENGINE_ID,
      snapshots: 14,
      latencyMs: 34,
    });
    const words = readWords(await world.read(`/repositories/${id}/test`, { form: { host: host.id }, part: 'test-result' }));
    assert.match(words, /Ready: this host can open it\. It holds 14 snapshots\. answered in 34 ms/);
  });

  it('changes the address with care, keeping the password that was not typed again', async () => {
    const edit = await world.read(`/repositories/${id}/edit`);
    assert.match(readWords(edit), /its id is pinned/);
    const version = /name="version" value="(\d+)"/.exec(edit)?.[1] ?? '';
    const form = { name: 'disk', 'config-path': '/mnt/restic', 'secret-password': '', version };
    const reply = await world.ask('post', `/repositories/${id}/edit`, { form });
    assert.equal(reply.kind, 'redirect');
    const saved = await world.context.store.repositories.findRepository(DEFAULT_TENANT, id);
    assert.equal(saved?.config['path'], '/mnt/restic');
    const place = { tenant: DEFAULT_TENANT, table: 'repositories', row: id, field: 'password' };
    assert.equal(world.context.cipher.decryptField(place, saved?.secrets['password'] ?? ''), PASSWORD);
  });

  it('is forgotten only when the name was typed', async () => {
    const wrong = await world.ask('post', `/repositories/${id}/delete`, { form: { confirm: 'disc' } });
    assert.ok(wrong.kind === 'redirect' && wrong.flash?.tone === 'bad');
    const done = await world.ask('post', `/repositories/${id}/delete`, { form: { confirm: 'disk' } });
    assert.ok(done.kind === 'redirect' && done.to === '/repositories');
    await assert.rejects(
      world.ask('get', `/repositories/${id}`),
      (error) => error instanceof AppError && error.code === 'not_found',
    );
  });

  it('refuses who may not manage repositories', async () => {
    await assert.rejects(
      world.ask('get', '/repositories/new', { role: 'viewer' }),
      (error) => error instanceof AppError && error.code === 'forbidden',
    );
  });
});
