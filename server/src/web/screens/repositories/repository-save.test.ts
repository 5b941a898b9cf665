import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Host } from '../../../store/hosts.ts';
import type { PageReply } from '../../http/route.ts';
import { assertInert, readWords } from '../fixtures/inert.ts';
import { addHost } from '../fixtures/setup-fleet.ts';
import { createWorld, type World } from '../fixtures/world.ts';
import { REPOSITORY_FORM_SCREENS } from './repository-form.ts';

const PASSWORD = 'repository-pass-phrase';
const FORM = { name: 'disk', 'config-path': '/backup/restic', 'secret-password': PASSWORD, runsAtOnce: '' };
const ENGINE_ID = 'b'.repeat(64);
const ADD = '/repositories/new?kind=local';

function assertRefused(reply: PageReply): string {
  assert.ok(reply.kind === 'page' && reply.status === 422, reply.kind);
  const markup = reply.html.toString();
  assertInert(markup);
  assert.ok(!markup.includes(PASSWORD));
  return markup;
}

describe('Saving a repository', () => {
  let world: World;
  let far: Host;
  let near: Host;
  let id: RepositoryId;
  const takeCalls = () => world.directory.calls.splice(0).map((call) => [call.host, call.type]);
  const fail = () => ({ state: 'failed' as const, message: 'wrong password <b>', reason: 'repository_password', latencyMs: 8 });
  before(async () => {
    world = await createWorld(REPOSITORY_FORM_SCREENS);
  });
  after(() => world.close());

  it('tests nothing while no host has joined, and says so', async () => {
    assert.match(readWords(await world.read(ADD)), /No host has joined yet, so none can open it/);
    const reply = await world.ask('post', ADD, { form: { ...FORM, name: 'early' } });
    assert.ok(reply.kind === 'redirect' && reply.flash?.text.startsWith('early is saved. Next: test it'));
    far = await addHost(world, { name: 'far', online: false });
    near = await addHost(world, { name: 'near' });
  });

  it('saves nothing that the chosen host cannot open, and offers to save it anyway', async () => {
    world.directory.answers['repository.test'] = fail;
    assert.match(await world.read(ADD), new RegExp(`value="${near.id}" selected`), 'a host that is there is chosen at first');
    const markup = assertRefused(await world.ask('post', ADD, { form: { ...FORM, host: near.id } }));
    assert.match(
      readWords(markup),
      /Not saved: it does not work from near\..*This host cannot open it\..*wrong password <b>.*Save anyway Backups fail until it works\./,
    );
    assert.deepEqual(takeCalls(), [[near.id, 'repository.test']]);
    const inPlace = assertRefused(await world.ask('post', ADD, { form: { ...FORM, host: far.id }, part: 'repository-form' }));
    assert.match(inPlace, /^<form class="form" [^>]*id="repository-form"/);
    assert.match(readWords(inPlace), /Not saved: far could not be asked\./);
    assert.match(inPlace, new RegExp(`value="${far.id}" selected`));
    const found = await world.context.store.repositories.listRepositories(DEFAULT_TENANT, { search: 'disk' }, { limit: 5 });
    assert.deepEqual(found.rows, []);
  });

  it('pins what opened at once', async () => {
    world.directory.answers['repository.test'] = () => ({
      state: 'ready',
      message: '',
      engineId: ENGINE_ID,
      snapshots: 3,
      latencyMs: 8,
    });
    const reply = await world.ask('post', ADD, { form: { ...FORM, host: near.id } });
    assert.ok(
      reply.kind === 'redirect' && reply.flash?.text === 'disk works and is saved. Next: make a plan that backs up into it.',
    );
    id = reply.to.split('/').at(-1) as RepositoryId;
    const saved = await world.context.store.repositories.findRepository(DEFAULT_TENANT, id);
    assert.deepEqual([saved?.engineId, saved?.testedFrom], [ENGINE_ID, near.id]);
    takeCalls();
  });

  it('tests a changed address or password, and neither a new name nor another limit', async () => {
    const edit = `/repositories/${id}/edit`;
    const version = String((await world.context.store.repositories.findRepository(DEFAULT_TENANT, id))?.version);
    const kept = { ...FORM, 'secret-password': '', version, host: near.id };
    world.directory.answers['repository.test'] = () => ({ state: 'missing', message: 'no such file', latencyMs: 8 });
    const gone = assertRefused(await world.ask('post', edit, { form: { ...kept, 'config-path': '/backup/other' } }));
    assert.match(readWords(gone), /The repository is gone\./, 'a pinned one has to be there');
    world.directory.answers['repository.test'] = fail;
    assertRefused(await world.ask('post', edit, { form: { ...kept, 'secret-password': 'another' } }));
    assert.equal(takeCalls().length, 2);
    const renamed = await world.ask('post', edit, { form: { ...kept, name: 'disc', runsAtOnce: '2' } });
    assert.ok(renamed.kind === 'redirect' && renamed.flash?.text === 'disc is saved.');
    assert.deepEqual(takeCalls(), []);
    const forced = await world.ask('post', edit, {
      form: { ...kept, version: '', 'config-path': '/backup/other', anyway: 'true' },
    });
    assert.ok(forced.kind === 'redirect' && forced.flash?.text.startsWith('disk is saved, untested.'));
    const saved = await world.context.store.repositories.findRepository(DEFAULT_TENANT, id);
    assert.equal(saved?.config['path'], '/backup/other');
  });
});
