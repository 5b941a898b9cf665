import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { createClaimants } from './claimants.ts';

const HOST = 'host_1' as HostId;
const claimant = (boot: string, lastSeenAt: number, address?: string) => ({
  boot,
  hostname: 'db-1',
  agentVersion: '0.1.0',
  bootedAt: 1,
  lastSeenAt,
  address,
});

describe('Claimants of an identity', () => {
  it('are listed by when they were seen last, each once, with the first time and the last known address', () => {
    const claimants = createClaimants({ claimantsPerHost: 8, claimants: 8 });
    claimants.recordClaimant(HOST, claimant('a', 10, '192.0.2.1'));
    claimants.recordClaimant(HOST, claimant('b', 20));
    claimants.recordClaimant(HOST, claimant('a', 30));
    assert.deepEqual(claimants.listClaimants(HOST), [
      { ...claimant('a', 30, '192.0.2.1'), firstSeenAt: 10 },
      { ...claimant('b', 20), firstSeenAt: 20 },
    ]);
    assert.deepEqual(claimants.listClaimants('host_2' as HostId), []);
  });

  it('are no more than the limits, and never the chosen one is forgotten for another of its host', () => {
    const claimants = createClaimants({ claimantsPerHost: 2, claimants: 3 });
    const boots = (host: HostId) => claimants.listClaimants(host).map(({ boot }) => boot);
    claimants.recordClaimant(HOST, claimant('a', 1));
    claimants.chooseClaimant(HOST, 'a');
    for (const at of [2, 3, 4]) claimants.recordClaimant(HOST, claimant(`b${at}`, at));
    assert.deepEqual(boots(HOST), ['b4', 'a']);
    for (const n of [2, 3]) claimants.recordClaimant(`host_${n}` as HostId, claimant('c', 5));
    assert.deepEqual(boots(HOST), [], 'the host heard of longest ago gives way');
    assert.deepEqual([boots('host_2' as HostId), boots('host_3' as HostId)], [['c'], ['c']]);
  });

  it('are chosen one at a time, until they are forgotten', () => {
    const claimants = createClaimants({ claimantsPerHost: 8, claimants: 8 });
    claimants.chooseClaimant(HOST, 'a');
    assert.equal(claimants.findChosenBoot(HOST), undefined, 'nobody was seen');
    claimants.recordClaimant(HOST, claimant('a', 1));
    claimants.recordClaimant(HOST, claimant('b', 1));
    claimants.chooseClaimant(HOST, 'a');
    claimants.chooseClaimant(HOST, 'b');
    assert.equal(claimants.findChosenBoot(HOST), 'b');
    claimants.forgetClaimants(HOST);
    assert.deepEqual([claimants.findChosenBoot(HOST), claimants.listClaimants(HOST)], [undefined, []]);
  });
});
