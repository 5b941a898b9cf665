import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AppError } from '@holdfast/shared/errors.ts';
import { assertInert, countMatches, readWords } from '../fixtures/inert.ts';
import { addHost, announce } from '../fixtures/setup-fleet.ts';
import { createWorld, type World } from '../fixtures/world.ts';
import { HOST_SCREENS } from './hosts.ts';

describe('A host that waits for approval', () => {
  let world: World;
  before(async () => {
    world = await createWorld(HOST_SCREENS);
  });
  after(() => world.close());

  it('shows a rejection as long as it stands, and takes it back', async () => {
    const id = await announce(world, 'web-5');
    const asked = readWords(await world.read('/hosts', { part: 'pending-hosts' }));
    assert.match(
      asked,
      /Until today \d\d:\d\d:\d\d it is told the same whenever it is started again; you can take that back here/,
    );
    await world.ask('post', `/hosts/pending/${id}/reject`, { form: { reason: '<b>a slip</b>' } });
    const rejected = await world.read('/hosts', { part: 'pending-hosts' });
    assertInert(rejected);
    assert.match(
      readWords(rejected),
      /web-5 at 192\.0\.2\.17 .* Its agent was told: <b>a slip<\/b>\. That stands until today \d\d:\d\d:\d\d/,
    );
    assert.ok(rejected.includes(`action="/hosts/rejected/${id}/take-back"`));
    assert.ok(!(await world.read('/hosts', { role: 'operator' })).includes('/take-back'));
    const reply = await world.ask('post', `/hosts/rejected/${id}/take-back`, { form: {} });
    assert.ok(reply.kind === 'redirect' && reply.to === '/hosts');
    const again = readWords(await world.read('/hosts', { part: 'pending-hosts' }));
    assert.match(again, /web-5 wants to join/);
    assert.ok(!again.includes('a slip'));
  });

  it('says which other host calls itself so, and when another machine that waits does', async () => {
    const { id } = await addHost(world, { name: 'shop', facts: { hostname: 'web-9.internal' } });
    await announce(world, 'web-9.internal');
    for (let n = 0; n < 2; n += 1) await announce(world, 'twin');
    const markup = await world.read('/hosts', { part: 'pending-hosts' });
    assert.match(markup, new RegExp(`The host <a href="/hosts/${id}">shop</a> calls itself`));
    assert.equal(countMatches(markup, /Another machine that waits calls itself <strong>twin<\/strong> as well/), 2);
  });

  it('refuses who may not', async () => {
    const id = await announce(world, 'web-4');
    const ask = world.ask('post', `/hosts/pending/${id}/approve`, { form: { name: 'web-4', tags: '' }, role: 'operator' });
    await assert.rejects(ask, (error) => error instanceof AppError && error.code === 'forbidden');
  });
});
