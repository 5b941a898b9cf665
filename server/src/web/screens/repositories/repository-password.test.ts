import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Host } from '../../../store/hosts.ts';
import type { Repository } from '../../../store/repositories.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addHost, addPlan, addRepository, addRun, addSource, DAY_MS, HOUR_MS, MARKUP_NAME } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { REPOSITORY_PAGE_SCREENS } from './repository-page.ts';
import { REPOSITORY_PASSWORD_SCREENS } from './repository-password.ts';

const TYPED = 'from the paper in the safe';

describe('The password of a repository, kept elsewhere', () => {
  let world: World;
  let host: Host;
  let repository: Repository;
  before(async () => {
    world = await createWorld([...REPOSITORY_PASSWORD_SCREENS, ...REPOSITORY_PAGE_SCREENS]);
    assert.match(readWords(await world.read('/repositories/recovery-sheet')), /There is no repository yet/);
    host = await addHost(world, { name: 'db-1' });
    const local = { kind: 'local', config: { path: '/backup/main' }, passwordProof: undefined };
    repository = await addRepository(world, { name: 'main', ...local });
    const source = await addSource(world, { host: host.id, name: MARKUP_NAME });
    const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id] });
    await addRun(world, { host: host.id, plan: plan.id, repository: repository.id, source: source.id, at: NOW - HOUR_MS });
    await addRepository(world, { name: 'z-new', engineId: undefined, ...local });
  });
  after(() => world.close());

  const address = () => `/repositories/${repository.id}/password`;
  const post = (form: Record<string, string> = {}) =>
    world.ask('post', address(), { form: { host: host.id, password: TYPED, ...form } });

  it('is said on the page of the repository to be proven by nobody, with the way to do it for who may', async () => {
    const markup = await world.read(`/repositories/${repository.id}`);
    assert.match(readWords(markup), /Password kept elsewhere never proven/);
    assert.ok(markup.includes(address()));
    assert.ok(!(await world.read(`/repositories/${repository.id}`, { role: 'viewer' })).includes(address()));
    await assert.rejects(world.ask('get', address(), { role: 'viewer' }), { code: 'forbidden' });
  });

  it('comes back from no form, whatever the host says of it', async () => {
    for (const [reason, words] of [
      ['repository_password', /Password: it does not open this repository/],
      ['repository_unreachable', /not proven: the host could not try it: refused <b>/],
    ] as const) {
      world.directory.answers['repository.test'] = () => ({ state: 'failed', message: 'refused <b>', reason, latencyMs: 4 });
      const reply = await post();
      assert.ok(reply.kind === 'page' && reply.status === 422);
      const markup = reply.html.toString();
      assertInert(markup);
      assert.ok(!markup.includes(TYPED));
      assert.match(readWords(markup), words);
    }
    const empty = await post({ password: '' });
    assert.ok(empty.kind === 'page' && empty.status === 422);
  });

  it('is proven by a host that opens the repository with it, and long ago after a quarter', async () => {
    world.directory.answers['repository.test'] = () => ({ state: 'ready', message: 'opens', latencyMs: 4 });
    const reply = await post();
    assert.ok(reply.kind === 'redirect' && reply.flash?.tone === 'good');
    const read = async () => readWords(await world.read(`/repositories/${repository.id}`));
    assert.match(await read(), /Password kept elsewhere proven now by ada, from db-1/);
    world.clock.advance(93 * DAY_MS);
    assert.match(await read(), /proven long ago/);
    world.clock.advance(-93 * DAY_MS);
  });

  it('has its place on a sheet that says how each repository is opened, and has no secret in it', async () => {
    const markup = await world.read('/repositories/recovery-sheet');
    assertInert(markup);
    assert.ok(!markup.includes('repository-geheim'));
    const words = readWords(markup);
    assert.match(words, /What opens your repositories without Holdfast\./);
    assert.match(words, /export RESTIC_REPOSITORY=local:\/backup\/main/);
    assert.match(words, /In them replace PASSWORD \(Repository password\)\./);
    assert.match(words, /restic snapshots --tag source:src_\w+,role:data/);
    assert.match(words, /z-new Local directory/);
  });
});
