import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { findCallerByApiKey } from '../../../core/accounts/api-keys.ts';
import { createWorld, type World } from '../fixtures/world.ts';
import { API_KEY_SCREENS } from './api-keys.ts';

let world: World;
before(async () => {
  world = await createWorld(API_KEY_SCREENS);
});
after(() => world.close());

const tokenIn = (page: string) => /hfk_[A-Za-z0-9_-]{43}/u.exec(page)?.[0];
const callerOf = async (token: string | undefined) => (await findCallerByApiKey(world.context, token ?? ''))?.caller;

describe('The page of API keys', () => {
  it('is for administrators alone', async () => {
    await assert.rejects(world.ask('get', '/settings/keys', { role: 'operator' }), { code: 'forbidden' });
    await assert.rejects(world.ask('post', '/settings/keys', { role: 'operator', form: { name: 'x' } }), { code: 'forbidden' });
  });

  it('makes a key that may only read and ends, unless more is chosen, and shows it once', async () => {
    const made = await world.read('/settings/keys', { form: { name: 'metrics <b>', life: '90' } });
    const token = tokenIn(made);
    assert.deepEqual((await callerOf(token))?.scopes, ['read']);
    assert.match(made, /Copy it now/);
    const page = await world.read('/settings/keys');
    assert.equal(tokenIn(page), undefined);
    assert.match(page, /metrics &lt;b&gt;/);
    assert.match(page, /datetime="2027-02-18T09:00:00.000Z"/);
    const wide = await world.read('/settings/keys', { form: { name: 'robot', scopes: ['operate', 'restore'], life: 'never' } });
    assert.deepEqual((await callerOf(tokenIn(wide)))?.scopes, ['read', 'operate', 'restore']);
    world.clock.advance(91 * 24 * 3_600_000);
    assert.equal(await callerOf(token), undefined);
    assert.match(await world.read('/settings/keys'), /expired/);
    assert.ok(await callerOf(tokenIn(wide)));
  });

  it('keeps what was typed where something is wrong', async () => {
    const page = await world.read('/settings/keys', { form: { name: '', scopes: 'admin', life: '30' } });
    assert.match(page, /must be one line/);
    assert.match(page, /value="admin"[^>]*checked|checked[^>]*value="admin"/);
    assert.match(await world.read('/settings/keys', { form: { name: 'x', life: 'ages' } }), /choose one of these/);
  });

  it('revokes one at once', async () => {
    const token = tokenIn(await world.read('/settings/keys', { form: { name: 'leaked', scopes: 'admin', life: '30' } }));
    const id = (await callerOf(token))?.actor.id ?? '';
    const reply = await world.ask('post', `/settings/keys/${id}/revoke`);
    assert.equal(reply.kind, 'redirect');
    assert.equal(await callerOf(token), undefined);
    assert.match(await world.read('/settings/keys'), /revoked/);
  });
});
