import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startHubRig } from './fixtures/hub-rig.ts';
import { describeZoneDrift } from './zone-drift.ts';

const own = process.versions['tz'];

describe('The time zone rules of a host', () => {
  for (const [zoneRules, level, pattern] of [
    ['1999a', 'warn', /rules are those of 1999a, the server’s of \S+: .* until the agent is updated/u],
    ['2999a', 'warn', /until the server is updated/u],
    [own, 'info', /^connected from \S+, agent \S+$/u],
    [undefined, 'info', /^connected from \S+, agent \S+$/u],
  ] as const) {
    it(`of ${zoneRules === own ? 'this very edition' : (zoneRules ?? 'an edition nobody told')} are noted as ${level} when it connects`, async (t) => {
      const rig = await startHubRig(t);
      const agent = await rig.enrol('db-1');
      await rig.dial(agent).greet(zoneRules === undefined ? {} : { zoneRules });
      const find = async () =>
        (await rig.context.store.trail.listHappenings(rig.admin.tenant, agent.id, 20)).find(
          ({ type }) => type === 'host.connected',
        );
      await rig.until('the connection is noted', async () => (await find()) !== undefined);
      const noted = await find();
      assert.equal(noted?.level, level);
      assert.match(noted?.text ?? '', pattern);
    });
  }

  it('say nothing where one side does not know its own', () => {
    assert.equal(describeZoneDrift('2026a', undefined), '');
  });
});
