import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { addHost } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { WELCOME_SCREENS } from './welcome.ts';

let world: World;

before(async () => {
  world = await createWorld(WELCOME_SCREENS);
});
after(() => world.close());

async function leadsTo(address: string, form: Record<string, string | string[]>): Promise<string> {
  const reply = await world.ask('post', address, { form });
  assert.equal(reply.kind, 'redirect');
  return reply.kind === 'redirect' ? reply.to : '';
}

const files = { name: 'etc', 'config-paths': '/etc' };
const local = { name: 'local', 'config-path': '/var/backups/holdfast', 'secret-password': 'a repository password' };

describe('A first start', () => {
  it('begins with the host, and waits for it', async () => {
    const page = await world.read('/welcome');
    assert.match(page, /Step 1 of 6: let a host join\./);
    assert.match(page, /holdfast-agent run --server https:\/\/backup\.example\.test/);
    assert.match(page, /id="pending-hosts"/);
    assert.match(page, /0 of 6/);
  });

  it('says what a later step waits for instead of showing a form that cannot be sent', async () => {
    assert.match(await world.read('/welcome/run'), /This needs a plan first\./);
    assert.match(await world.read('/welcome/plan'), /This needs a host first\./);
    assert.equal(await leadsTo('/welcome/plan', { name: 'daily' }), '/welcome');
  });

  it('refuses those who may not set anything up', async () => {
    await assert.rejects(world.ask('get', '/welcome', { role: 'viewer' }), { code: 'forbidden' });
  });

  it('tries a source on its host before it saves it, and keeps what was typed when it does not work', async () => {
    await addHost(world, { name: 'db-1', online: true });
    assert.match(await world.read('/welcome'), /Step 2 of 6[\s\S]*?value="etc"[\s\S]*?\/etc<\/textarea>/);
    world.directory.answers['source.test'] = () => ({
      ok: false,
      message: '/nowhere is not there',
      serverVersion: '',
      warnings: [],
      latencyMs: 3,
    });
    const page = await world.read('/welcome/source', { form: { name: 'odd "name"', 'config-paths': '/nowhere' } });
    assert.match(page, /It does not work from this host[\s\S]*?\/nowhere is not there/);
    assert.match(page, /value="odd &quot;name&quot;"/);
    assert.equal(await world.context.store.sources.countSources(DEFAULT_TENANT), 0);
    world.directory.answers['source.test'] = () => ({
      ok: true,
      message: 'there',
      serverVersion: '',
      warnings: [],
      latencyMs: 3,
    });
    assert.equal(await leadsTo('/welcome/source', files), '/welcome');
  });

  it('saves no repository that the host cannot reach, and creates one where there is none', async () => {
    assert.match(await world.read('/welcome'), /Step 3 of 6[\s\S]*?\/var\/backups\/holdfast/);
    world.directory.answers['repository.test'] = () => ({ state: 'failed', message: 'no space left', latencyMs: 1 });
    const refused = await world.read('/welcome/repository', { form: local });
    assert.match(refused, /no space left/);
    assert.ok(!refused.includes('a repository password'));
    assert.equal(await world.context.store.repositories.countRepositories(DEFAULT_TENANT), 0);
    world.directory.answers['repository.test'] = () => ({ state: 'missing', message: 'none there', latencyMs: 1 });
    world.directory.answers['repository.init'] = () => ({ engineId: 'e'.repeat(64) });
    assert.equal(await leadsTo('/welcome/repository', local), '/welcome');
    assert.match(await world.read('/welcome'), /Step 4 of 6[\s\S]*?value="daily"/);
  });

  it('makes a daily plan of what there is, kept as usual', async () => {
    const { rows } = await world.context.store.sources.listSources(DEFAULT_TENANT, {}, { limit: 5 });
    assert.match(await world.read('/welcome/plan', { form: { name: 'daily' } }), /choose at least one source/);
    assert.equal(
      await leadsTo('/welcome/plan', { name: 'daily', preset: 'daily', sources: rows.map(({ id }) => id) }),
      '/welcome',
    );
    const plans = await world.context.store.plans.listPlans(DEFAULT_TENANT, {}, { limit: 5 });
    assert.deepEqual(plans.rows[0]?.schedule, { cron: '0 2 * * *', zone: 'Europe/Berlin' });
    assert.ok(plans.rows[0]?.retentionPolicy);
  });

  it('starts the first run, follows it, and goes on where it was left', async () => {
    assert.match(await world.read('/welcome'), /Step 5 of 6[\s\S]*?Run now/);
    assert.equal(await leadsTo('/welcome/run', {}), '/welcome/run');
    const page = await world.read('/welcome/run');
    assert.match(page, /data-live="overview hosts run:run_/);
    assert.match(page, /queued/);
    assert.match(page, /4 of 6/);
    world.clock.set(NOW + 60_000);
    assert.match(await world.read('/welcome', { part: 'welcome' }), /^<div class="columns"/);
  });

  it('shows a done step as done, with the way to what it made', async () => {
    assert.match(await world.read('/welcome/host'), /db-1 has joined\.[\s\S]*?Open the host[\s\S]*?Go on/);
  });
});
