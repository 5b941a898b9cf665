import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sampleHost } from '../../store/contract/samples.ts';
import { type ApiWorld, catchError, openApiWorld } from './fixtures/api-world.ts';

let world: ApiWorld;

before(async () => {
  world = await openApiWorld();
});
after(() => world.close());

describe('What is changed by its content alone', () => {
  it('guards a host with what was set of it when it was read', async () => {
    const host = sampleHost({ concurrency: 3 });
    await world.context.store.hosts.insertHost(host);
    const params = { id: host.id };
    const read = (await world.call('GET /hosts/:id', { params })).version ?? assert.fail('no version');
    const patch = (concurrency: number, ifMatch: number) =>
      world.call('PATCH /hosts/:id', { params, body: { concurrency }, ifMatch });
    const changed = (await patch(4, read)).version ?? assert.fail('no version');
    assert.notEqual(changed, read);
    assert.equal((await world.call('GET /hosts/:id', { params })).version, changed);
    const late = await catchError(patch(5, read));
    assert.deepEqual([late.code, late.details], ['conflict', { field: 'version', current: changed }]);
    assert.equal((await world.context.store.hosts.findHost(host.tenant, host.id))?.concurrency, 4);
    assert.equal((await patch(3, changed)).version, read, 'the same content has the same version');
  });

  it('guards the settings with what they were when they were read', async () => {
    const read = (await world.call('GET /settings', {})).version ?? assert.fail('no version');
    const patch = (nightHosts: number, ifMatch: number) => world.call('PATCH /settings', { body: { nightHosts }, ifMatch });
    const changed = (await patch(14, read)).version ?? assert.fail('no version');
    assert.notEqual(changed, read);
    const late = await catchError(patch(16, read));
    assert.deepEqual([late.code, late.details], ['conflict', { field: 'version', current: changed }]);
    assert.equal((await patch(16, changed)).version, (await world.call('GET /settings', {})).version);
  });

  const SETTINGS = [
    { path: '/alert-thresholds', bodies: [{ failuresInARow: 3 }, { failuresInARow: 4 }] },
    { path: '/digest-settings', bodies: [{ hour: 6 }, { hour: 7 }] },
    {
      path: '/settings/retention',
      bodies: [
        { maxAgeDays: 300, seen: 0 },
        { maxAgeDays: 0, seen: 0 },
      ],
    },
  ];
  for (const { path, bodies } of SETTINGS)
    it(`guards ${path} with what it was when it was read`, async () => {
      const [first, second] = bodies;
      const read = (await world.call(`GET ${path}`, {})).version ?? assert.fail('no version');
      const patch = (body: unknown, ifMatch: number) => world.call(`PATCH ${path}`, { body, ifMatch });
      const changed = (await patch(first, read)).version ?? assert.fail('no version');
      assert.notEqual(changed, read);
      const late = await catchError(patch(second, read));
      assert.deepEqual([late.code, late.details], ['conflict', { field: 'version', current: changed }]);
      assert.equal((await world.call(`GET ${path}`, {})).version, changed);
      assert.equal((await patch(second, changed)).version, (await world.call(`GET ${path}`, {})).version);
    });

  it('guards a person with the role and the state they were read with', async () => {
    const made = (await world.call('POST /users', { body: { name: 'vera', role: 'viewer' } })).data as { id: string };
    const params = { id: made.id };
    const read = (await world.call('GET /users/:id', { params })).version ?? assert.fail('no version');
    const patch = (body: unknown, ifMatch: number) => world.call('PATCH /users/:id', { params, body, ifMatch });
    const changed = (await patch({ disabled: true }, read)).version ?? assert.fail('no version');
    assert.notEqual(changed, read);
    const late = await catchError(patch({ disabled: false }, read));
    assert.deepEqual([late.code, late.details], ['conflict', { field: 'version', current: changed }]);
    assert.equal(((await world.call('GET /users/:id', { params })).data as { disabled: boolean }).disabled, true);
    assert.equal((await patch({ disabled: false }, changed)).version, read, 'the same content has the same version');
  });
});
