import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { readWords } from './fixtures/inert.ts';
import { addHost, addSource, announce } from './fixtures/setup-fleet.ts';
import { createWorld, type World } from './fixtures/world.ts';
import { HOST_SCREENS } from './hosts/hosts.ts';
import { createNavigationTellers, type NavMarks } from './navigation.ts';
import { NAVIGATION_SCREENS } from './shell.ts';

describe('the shell of a page', () => {
  let world: World;
  before(async () => {
    world = await createWorld([...NAVIGATION_SCREENS, ...HOST_SCREENS]);
  });
  after(() => world.close());

  it('shows no count where there is nothing to count', async () => {
    const words = readWords(await world.read('/navigation?current=hosts'));
    assert.match(
      words,
      /Overview Alerts Hosts Sources Plans Runs Snapshots Restore Trust Drills Retention Coverage Objectives Reports Audit Setup Repositories Channels/,
    );
  });

  it('counts hosts and sources, and rings when hosts wait', async () => {
    const host = await addHost(world, { name: 'db-1' });
    await addSource(world, { host: host.id, name: 'app' });
    assert.match(readWords(await world.read('/navigation')), /Hosts 1 Sources 1/);
    await announce(world, 'web-1');
    assert.match(readWords(await world.read('/navigation')), /Hosts 1 host waits for approval/);
  });

  it('tells open pages the very counts that it shows, by the lines that have them', async () => {
    const [[topic, tell] = assert.fail('nobody tells')] = Object.entries(createNavigationTellers(world.context));
    const bar = await world.read('/navigation');
    const { kind, items } = (await tell(DEFAULT_TENANT)) as { kind: string; items: NavMarks };
    assert.deepEqual(
      [topic, kind, items.hosts, items.runs],
      ['counts', 'counts', { count: 1, alarm: 'host waits for approval' }, {}],
    );
    for (const [id, mark] of Object.entries(items)) {
      const line = new RegExp(`data-count="${id}"><span>[A-Z][a-z]+</span>(.*?)</a>`).exec(bar)?.[1];
      assert.equal(readWords(line ?? 'no line').trim(), [mark.count, mark.alarm].filter((word) => word !== undefined).join(' '));
    }
  });

  it('serves the very side bar of the page, marking where one is', async () => {
    const page = await world.read('/hosts');
    const bar = await world.read('/navigation?current=hosts');
    assert.ok(page.includes(bar));
    assert.match(bar, /href="\/hosts"\s+aria-current="page"/);
    assert.match(bar, /data-live="navigation" data-live-counts="counts" data-live-get="\/navigation\?current=hosts"/);
    assert.ok(!(await world.read('/navigation?current=<script>')).includes('<script>'));
  });

  it('shows the audit only to who may read it', async () => {
    assert.ok(!(await world.read('/navigation', { role: 'operator' })).includes('/audit'));
  });

  it('names the person, the role and the zone of all times', async () => {
    const words = readWords(await world.read('/hosts', { zone: 'Asia/Kolkata' }));
    assert.match(words, /ada · Admin UTC\+5:30 · Kolkata/);
  });
});
