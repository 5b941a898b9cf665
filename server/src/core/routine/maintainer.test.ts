import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { type Candidate, chooseMaintainer, LEASE_MS } from './maintainer.ts';

const NOW = 1_800_000_000_000;
const host = (name: string, change: Partial<Candidate> = {}): Candidate => ({
  id: `host_${name}` as HostId,
  name,
  isOnline: true,
  isDraining: false,
  isAble: true,
  ...change,
});
const leaseOf = (name: string, until: number, isFixed = false) => ({ host: host(name).id, until, isFixed });
const FREE = { host: undefined, until: 0, isFixed: false };

describe('The maintainer of a repository', () => {
  it('is the first host that can, and stays while it can, however many others there are', () => {
    const all = [host('db-1', { isOnline: false }), host('db-2'), host('db-3')];
    const chosen = chooseMaintainer(FREE, all, NOW);
    assert.deepEqual(chosen.lease, leaseOf('db-2', NOW + LEASE_MS));
    assert.equal(chosen.trouble, undefined);
    const later = chooseMaintainer(chosen.lease, [host('db-1'), host('db-2'), host('db-3')], NOW + 5);
    assert.deepEqual([later.host?.name, later.lease.until], ['db-2', NOW + 5 + LEASE_MS]);
  });

  it('is waited for until its lease ran out, and then another one takes over for good', () => {
    const away = [host('db-1', { isOnline: false }), host('db-2')];
    const held = leaseOf('db-1', NOW + 1);
    const waited = chooseMaintainer(held, away, NOW);
    assert.deepEqual([waited.host?.name, waited.trouble, waited.lease], ['db-1', 'db-1 is offline', held]);
    const taken = chooseMaintainer(held, away, NOW + 1);
    assert.deepEqual([taken.host?.name, taken.trouble], ['db-2', undefined]);
    assert.equal(chooseMaintainer(taken.lease, [host('db-1'), host('db-2')], NOW + 2).host?.name, 'db-2');
  });

  it('is passed over while it drains, or its agent is too old', () => {
    const all = [host('db-1', { isDraining: true }), host('db-2', { isAble: false }), host('db-3')];
    assert.equal(chooseMaintainer(FREE, all, NOW).host?.name, 'db-3');
    const none = chooseMaintainer(FREE, all.slice(0, 2), NOW);
    assert.deepEqual([none.host, none.trouble], [undefined, 'db-1 is draining, the agent of db-2 is too old']);
    assert.equal(chooseMaintainer(FREE, [], NOW).trouble, 'no host uses it');
    const many = ['a', 'b', 'c', 'd', 'e'].map((name) => host(name, { isOnline: false }));
    assert.equal(chooseMaintainer(FREE, many, NOW).trouble, 'a is offline, b is offline, c is offline, and 2 more');
  });

  it('that a person chose is never replaced', () => {
    const fixed = leaseOf('db-1', 0, true);
    const away = chooseMaintainer(fixed, [host('db-1', { isOnline: false }), host('db-2')], NOW);
    assert.deepEqual([away.host?.name, away.trouble, away.lease], ['db-1', 'db-1 is offline', fixed]);
    const gone = chooseMaintainer(fixed, [host('db-2')], NOW);
    assert.deepEqual([gone.host, gone.trouble], [undefined, 'the host that was chosen is not there any more']);
    assert.equal(chooseMaintainer(fixed, [host('db-1')], NOW).trouble, undefined);
  });
});
