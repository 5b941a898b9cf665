import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { listAudit, recordAct } from '../../../core/audit.ts';
import { updatePlan } from '../../../core/plans/plans.ts';
import { createFleet, type Fleet, HOSTILE } from '../fixtures/fleet.ts';
import { createCaller, createWorld, type World } from '../fixtures/world.ts';
import { AUDIT_SCREENS, listChanges } from './audit.ts';

let world: World;
let fleet: Fleet;

before(async () => {
  world = await createWorld(AUDIT_SCREENS);
  fleet = await createFleet(world);
  await updatePlan(world.context, createCaller(), fleet.plans.hourly, { name: 'every hour' });
  world.clock.advance(60_000);
  await recordAct(
    world.context,
    { ...createCaller(), actor: { kind: 'api_key', id: 'key_1', name: HOSTILE } },
    { action: 'source.deleted', target: { kind: 'source', id: 'src_1', name: HOSTILE }, change: { note: HOSTILE } },
  );
});
after(() => world.close());

describe('The audit', () => {
  it('names the last act, shows only what differs, and holds hostile text as text', async () => {
    const page = await world.read('/audit');
    assert.match(page, /<h1>The last act was source\.deleted by &lt;script&gt;/);
    assert.match(page, /<dt>name<\/dt><dd class="mono"><del>hourly<\/del> → every hour<\/dd>/);
    assert.doesNotMatch(page, /<dt>repository<\/dt>/);
    assert.ok(!page.includes(HOSTILE));
  });

  it('names the last act on every page, and with a filter the last that fits', async () => {
    const { next = assert.fail('one page holds all') } = await listAudit(world.context, createCaller(), {}, { limit: 1 });
    assert.match(await world.read(`/audit?after=${next}`), /<h1>The last act was source\.deleted/);
    assert.match(
      await world.read('/audit?action=plan.updated'),
      /<h1>The last act that fits was plan\.updated by ada, 1.min ago/,
    );
  });

  it('leads to what is still there, and not to what was deleted', async () => {
    const page = await world.read('/audit');
    assert.match(page, new RegExp(`href="/plans/${fleet.plans.hourly}"`));
    assert.doesNotMatch(page, /href="\/sources\/src_1"/);
  });

  it('filters by act and by who', async () => {
    assert.equal([...(await world.read('/audit?action=plan.updated', { part: 'audit' })).matchAll(/data-row/g)].length, 1);
    assert.equal([...(await world.read('/audit?actor=key_1', { part: 'audit' })).matchAll(/data-row/g)].length, 1);
    assert.match(await world.read('/audit?actor=nobody'), /Nothing fits these filters/);
  });

  it('is for administrators alone', async () => {
    for (const role of ['operator', 'viewer'] as const)
      await assert.rejects(world.ask('get', '/audit', { role }), { code: 'forbidden' });
  });
});

describe('Changes', () => {
  it('are told field by field, with what appeared and what went', () => {
    assert.deepEqual(listChanges({ before: { a: 1, b: 2 }, after: { a: 1, c: 3 }, secretsChanged: ['password'] }), [
      { field: 'b', before: '2', after: 'nothing' },
      { field: 'c', before: 'nothing', after: '3' },
      { field: 'secretsChanged', after: '["password"]' },
    ]);
    assert.deepEqual(listChanges(undefined), []);
  });

  it('are cut where they would fill the page', () => {
    assert.equal(listChanges({ text: 'x'.repeat(5000) })[0]?.after.length, 301);
  });
});
