import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT, type HostId } from '@holdfast/shared/domain/ids.ts';
import { readWords } from '../fixtures/inert.ts';
import { addHost, announce } from '../fixtures/setup-fleet.ts';
import { createWorld, type World } from '../fixtures/world.ts';
import { HOST_PAGE_SCREENS } from './host-page.ts';
import { HOST_SCREENS } from './hosts.ts';

const ABLE = { capabilities: ['secrets.put'] };

describe('Where a host has its secrets', () => {
  let world: World;
  before(async () => {
    world = await createWorld([...HOST_PAGE_SCREENS, ...HOST_SCREENS]);
  });
  after(() => world.close());

  const setMode = (host: HostId, secretsMode: string) =>
    world.ask('post', `/hosts/${host}/edit`, { form: { name: `h-${host.slice(-6)}`, tags: '', concurrency: '3', secretsMode } });
  const findMode = async (host: HostId) => (await world.context.store.hosts.findHost(DEFAULT_TENANT, host))?.secretsMode;

  it('is said on its page, is changed by its form, and stays where a form leaves it out', async () => {
    const host = await addHost(world, { name: 'able', facts: ABLE });
    assert.match(readWords(await world.read(`/hosts/${host.id}`)), /Secrets kept on the host, sealed to it/);
    const edit = readWords(await world.read(`/hosts/${host.id}/edit`));
    assert.match(edit, /No backup runs on it while this server is away/);
    assert.match(edit, /passwords that were once there should be changed/);
    assert.equal((await setMode(host.id, 'just_in_time')).kind, 'redirect');
    await setMode(host.id, '');
    assert.equal(await findMode(host.id), 'just_in_time');
    const words = readWords(await world.read(`/hosts/${host.id}`));
    assert.match(words, /not kept: no backup without this server/);
    assert.match(words, /brought, in memory only/);
    const refused = 'it keeps none and was not handed them, so nothing is backed up: its disk is full';
    await world.context.store.hosts.recordAilments(host.id, [{ about: 'secrets', text: refused }]);
    const after = readWords(await world.read(`/hosts/${host.id}`));
    assert.ok(!after.includes('brought, in memory only'), 'what the host refused was not brought');
    assert.equal(after.split(refused).length, 3, 'said at the top and beside the check');
    await setMode(host.id, 'kept');
    assert.equal(await findMode(host.id), 'kept');
  });

  it('cannot be nowhere for an agent that is too old: the choice is closed, and a forged one is refused at the field', async () => {
    const host = await addHost(world, { name: 'old' });
    const markup = await world.read(`/hosts/${host.id}/edit`);
    assert.match(markup, /<option[^>]*value="just_in_time"[^>]* disabled/);
    assert.match(readWords(markup), /needs a newer agent/);
    const reply = await setMode(host.id, 'just_in_time');
    assert.ok(reply.kind === 'page' && reply.status === 422);
    assert.match(readWords(String(reply.html)), /keeping no secrets needs an agent that can/);
    const unknown = await setMode(host.id, 'somewhere');
    assert.ok(unknown.kind === 'page' && unknown.status === 422);
    assert.equal(await findMode(host.id), 'kept');
  });

  it('is a warning where the host is silent or its agent was exchanged for an older one', async () => {
    const silent = await addHost(world, { name: 'silent', online: false, facts: ABLE });
    const exchanged = await addHost(world, { name: 'exchanged' });
    for (const { id } of [silent, exchanged])
      await world.context.store.hosts.updateHostNaming(DEFAULT_TENANT, id, { secretsMode: 'just_in_time' });
    const words = readWords(await world.read(`/hosts/${silent.id}`));
    assert.match(words, /nothing on it is backed up until it reaches this server again/);
    assert.ok(!words.includes('keeps its schedule without this server'));
    assert.match(readWords(await world.read(`/hosts/${exchanged.id}`)), /its agent cannot be handed them; install a newer agent/);
    const edit = await world.read(`/hosts/${exchanged.id}/edit`);
    assert.match(edit, /<option[^>]*value="just_in_time"[^>]* selected/);
    assert.ok(!/<option[^>]*value="just_in_time"[^>]* disabled/.test(edit), 'what is chosen stays to be chosen');
  });

  it('is chosen as it is let in, where its agent can', async () => {
    const announcement = await announce(world, 'fresh');
    const form = { name: 'fresh', tags: '', secretsMode: 'just_in_time' };
    const refused = await world.ask('post', `/hosts/pending/${announcement}/approve`, { form });
    assert.ok(refused.kind === 'page');
    const markup = String(refused.html);
    assert.match(readWords(markup), /keeping no secrets needs an agent that can/);
    assert.match(markup, /id="approve-[^"]*-secrets-error"/);
    const reply = await world.ask('post', `/hosts/pending/${announcement}/approve`, { form: { ...form, secretsMode: 'kept' } });
    assert.equal(reply.kind, 'redirect');
  });
});
