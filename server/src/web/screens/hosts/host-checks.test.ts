import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readWords } from '../fixtures/inert.ts';
import { addHost } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { HOST_PAGE_SCREENS } from './host-page.ts';

describe('The self-checks of a host', () => {
  let world: World;
  before(async () => {
    world = await createWorld(HOST_PAGE_SCREENS);
  });
  after(() => world.close());

  it('call nothing good that makes it degraded, and say of it what was judged', async () => {
    const host = await addHost(world, { name: 'checked' });
    const { hosts } = world.context.store;
    const tool = {
      tool: 'restic' as const,
      found: true,
      path: '/usr/bin/restic',
      version: '0.9.0',
      advice: 'install 0.14 or newer',
    };
    await hosts.recordContact(host.id, { at: NOW, tools: [tool] });
    await hosts.bumpSpec(host.tenant, [host.id]);
    const page = async () => readWords(await world.read(`/hosts/${host.id}`));
    assert.match(await page(), /look Settings works by version \d+, should work by \d+; on their way/);
    assert.match(await page(), /good: Tools all 1 found/);
    await hosts.recordAilments(host.id, [
      { about: 'settings', text: 'it works by older settings, because the newest did not reach it: no room' },
      { about: 'tools', text: 'restic cannot be used, nothing is backed up without it: install 0.14 or newer' },
    ]);
    const broken = await page();
    assert.match(broken, /bad Settings works by version \d+, should work by \d+; it works by older settings, because .* no room/);
    assert.match(broken, /bad Tools restic cannot be used, nothing is backed up without it: install 0\.14 or newer · all tools/);
    assert.doesNotMatch(broken, /all 1 found/);
    world.directory.online.delete(host.id);
    assert.doesNotMatch(await page(), /bad Tools/, 'what was broken is unknown of a host that is away');
  });
});
