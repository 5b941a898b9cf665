import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { createWorld, type World } from '../fixtures/world.ts';
import { SETTINGS_SCREENS } from './settings.ts';

let world: World;

before(async () => {
  world = await createWorld(SETTINGS_SCREENS);
});
after(() => world.close());

const good = {
  name: 'lab <b>',
  zone: 'Europe/Berlin',
  nightHosts: '20',
  firstSteps: 'true',
  confirmAfterMin: '30',
  links: '[{"label": "Runbook", "href": "https://wiki.example.com/backups"}]',
};

describe('Settings', () => {
  it('are for administrators alone', async () => {
    for (const address of ['/settings', '/settings/design'])
      await assert.rejects(world.ask('get', address, { role: 'operator' }), { code: 'forbidden' });
  });

  it('are saved by type, hold on every page at once, and stand in the audit with what they were', async () => {
    const reply = await world.ask('post', '/settings', { form: good });
    assert.equal(reply.kind, 'redirect');
    const page = await world.read('/settings');
    assert.match(page, /<small class="brand-name">lab &lt;b&gt;<\/small>/);
    assert.match(page, /class="side-link" href="https:\/\/wiki\.example\.com\/backups"/);
    assert.match(page, /name="nightHosts"[^>]*value="20"|value="20"[^>]*name="nightHosts"/);
    const { rows } = await world.context.store.trail.listAudit(DEFAULT_TENANT, { action: 'settings.updated' }, { limit: 5 });
    assert.deepEqual((rows[0]?.change as { before: unknown } | undefined)?.before, {
      name: '',
      zone: 'UTC',
      nightHosts: 12,
      confirmAfterMin: 10,
      links: [],
    });
  });

  it('come back with what was typed and a word at each that is wrong', async () => {
    const wrong = { ...good, nightHosts: '9000', links: '[{"label": "x", "href": "javascript:alert(1)"}]' };
    const page = await world.read('/settings', { form: wrong });
    assert.match(page, /2 fields need another look/);
    assert.match(page, /value="9000"/);
    assert.match(page, /0\.href: must be an address/);
    assert.match(await world.read('/settings', { form: { ...good, links: '[oops' } }), /is not JSON/);
    assert.doesNotMatch(await world.read('/settings'), /9000/);
  });
});

describe('The design page', () => {
  it('shows every component in the theme that is asked for', async () => {
    const page = await world.read('/settings/design?theme=dark');
    assert.match(page, /gallery-theme" data-theme="dark"|gallery-theme"\s+data-theme="dark"/);
    assert.match(page, /Every component, in every state/);
    assert.ok(!page.includes('<script>alert'));
    assert.doesNotMatch(await world.read('/settings/design?theme=neon'), /gallery-theme/);
  });
});
