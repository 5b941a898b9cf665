import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Host } from '../hosts.ts';
import type { PageRequest } from '../page.ts';
import type { Store } from '../store.ts';
import { FACTS, NOW, type OpenStore, OTHER_TENANT, refusal, sampleHost, sampleHostToken, TENANT, withStore } from './samples.ts';

async function listAllHosts(store: Store, limit: number): Promise<Host[]> {
  const seen: Host[] = [];
  let page: PageRequest = { limit };
  for (;;) {
    const { rows, next } = await store.hosts.listHosts(TENANT, {}, page);
    seen.push(...rows);
    if (next === undefined) return seen;
    page = { limit, after: next };
  }
}

export function checkHosts(open: OpenStore): void {
  describe('hosts', () => {
    it(
      'gives back a host as it was stored, by id and by key, in its tenant only',
      withStore(open, async ({ hosts }) => {
        const host = sampleHost({ tags: ['a', 'ä'], lastSeenAt: NOW, skewMs: -40, boot: 'boot-1', counter: 7 });
        await hosts.insertHost(host);
        assert.deepEqual(await hosts.findHost(TENANT, host.id), host);
        assert.deepEqual(await hosts.findHostByKey(host.signingKey), host);
        assert.equal(await hosts.findHost(OTHER_TENANT, host.id), undefined);
        assert.equal(await hosts.findHostByKey('unknown'), undefined);
      }),
    );

    it(
      'knows what hosts call themselves, whatever name people gave them',
      withStore(open, async ({ hosts }) => {
        const host = sampleHost({ name: 'orders' });
        await hosts.insertHost(host);
        const own = host.facts?.hostname ?? '';
        assert.notEqual(own, '');
        assert.deepEqual(await hosts.findHostCalling(TENANT, own.toUpperCase()), { id: host.id, name: 'orders' });
        assert.deepEqual(await hosts.findHostsByHostname(TENANT, own.toUpperCase()), [host]);
        assert.deepEqual(await hosts.findHostsByHostname(OTHER_TENANT, own), []);
        assert.equal(await hosts.findHostCalling(TENANT, 'orders'), undefined);
        assert.equal(await hosts.findHostCalling(OTHER_TENANT, own), undefined);
        await hosts.setHostState(TENANT, host.id, 'revoked');
        assert.equal(await hosts.findHostCalling(TENANT, own), undefined);
        assert.deepEqual(await hosts.findHostsByHostname(TENANT, own), []);
      }),
    );

    it(
      'keeps names unique in any case until the host is revoked, and keys likewise',
      withStore(open, async ({ hosts }) => {
        const host = sampleHost({ name: 'DB1' });
        await hosts.insertHost(host);
        assert.deepEqual(await hosts.findHostNamed(TENANT, 'db1'), { id: host.id, name: 'DB1' });
        assert.equal(await hosts.findHostNamed(OTHER_TENANT, 'db1'), undefined);
        await assert.rejects(hosts.insertHost(sampleHost({ name: 'db1' })), refusal('conflict', { field: 'name' }));
        await assert.rejects(
          hosts.insertHost(sampleHost({ signingKey: host.signingKey })),
          refusal('conflict', { field: 'signingKey' }),
        );
        await hosts.setHostState(TENANT, host.id, 'revoked');
        assert.equal(await hosts.findHostNamed(TENANT, 'db1'), undefined);
        const again = sampleHost({ name: 'db1', signingKey: host.signingKey });
        await hosts.insertHost(again);
        assert.equal((await hosts.findHostByKey(host.signingKey))?.id, again.id);
        await assert.rejects(hosts.setHostState(TENANT, host.id, 'active'), refusal('conflict'));
      }),
    );

    it(
      'pages through hosts by name without losing or doubling one, at every page size',
      withStore(open, async (store) => {
        const names = ['b', 'A', 'c', 'ä', 'Z', 'a-1', '日本'];
        for (const name of names) await store.hosts.insertHost(sampleHost({ name }));
        const whole = (await store.hosts.listHosts(TENANT, {}, { limit: HTTP.pageSizeMax })).rows;
        assert.deepEqual(
          whole.slice(0, 4).map((host) => host.name),
          ['A', 'a-1', 'b', 'c'],
        );
        assert.equal(whole.length, names.length);
        for (const limit of [1, 2, 3, 6, 7, 8]) assert.deepEqual(await listAllHosts(store, limit), whole);
      }),
    );

    it(
      'refuses pages of no or too many rows and marks that are not its own',
      withStore(open, async ({ hosts }) => {
        for (const limit of [0, -1, 1.5, HTTP.pageSizeMax + 1, Number.NaN]) {
          await assert.rejects(hosts.listHosts(TENANT, {}, { limit }), refusal('invalid', { field: 'limit' }));
        }
        const strange = [
          '',
          '!',
          'bm90IGpzb24',
          Buffer.from('[1,2,3]').toString('base64url'),
          Buffer.from('[5,"x"]').toString('base64url'),
          'A'.repeat(5000),
        ];
        for (const after of strange) {
          await assert.rejects(hosts.listHosts(TENANT, {}, { limit: 5, after }), refusal('invalid', { field: 'after' }));
        }
      }),
    );

    it(
      'filters by state, tag, name and contact, and by all of them',
      withStore(open, async ({ hosts }) => {
        const fresh = sampleHost({ name: 'Web 100%_a', tags: ['web', 'eu'], lastSeenAt: NOW });
        const stale = sampleHost({ name: 'web b', tags: ['web'], lastSeenAt: NOW - 1000 });
        const never = sampleHost({ name: 'db', state: 'quarantined' });
        for (const host of [fresh, stale, never]) await hosts.insertHost(host);
        const list = async (filter: Parameters<typeof hosts.listHosts>[1]) =>
          (await hosts.listHosts(TENANT, filter, { limit: 10 })).rows.map((host) => host.id);
        assert.deepEqual(await list({ state: 'quarantined' }), [never.id]);
        assert.deepEqual(await list({ tag: 'web' }), [fresh.id, stale.id]);
        assert.deepEqual([await hosts.listTags(TENANT), await hosts.listTags(OTHER_TENANT)], [['eu', 'web'], []]);
        assert.deepEqual(await list({ tag: 'eu', search: 'WEB' }), [fresh.id]);
        assert.deepEqual(await list({ search: '%_' }), [fresh.id]);
        assert.deepEqual(await list({ search: '_b' }), []);
        assert.deepEqual(await list({ seenSince: NOW }), [fresh.id]);
        assert.deepEqual(await list({ notSeenSince: NOW }), [never.id, stale.id]);
        assert.deepEqual(await list({ tag: 'web', notSeenSince: NOW, search: 'b', state: 'active' }), [stale.id]);
      }),
    );

    it(
      'renames, retags and throttles a host, each by itself, and refuses a taken name',
      withStore(open, async ({ hosts }) => {
        const host = sampleHost({ tags: ['old'] });
        const other = sampleHost({ name: 'taken' });
        await hosts.insertHost(host);
        await hosts.insertHost(other);
        await hosts.updateHostNaming(TENANT, host.id, { name: 'New' });
        await hosts.updateHostNaming(TENANT, host.id, { tags: ['new', 'x'] });
        await hosts.updateHostNaming(TENANT, host.id, { concurrency: 5 });
        await hosts.updateHostNaming(TENANT, host.id, { secretsMode: 'just_in_time' });
        const seen = (await hosts.findHost(TENANT, host.id)) ?? assert.fail();
        await hosts.updateHostNaming(TENANT, host.id, { concurrency: 6 }, seen);
        const late = hosts.updateHostNaming(TENANT, host.id, { concurrency: 7 }, seen);
        await assert.rejects(late, refusal('conflict', { field: 'version' }));
        await hosts.updateHostNaming(TENANT, host.id, { concurrency: 5 });
        await hosts.updateHostNaming(TENANT, host.id, { limits: { nice: 3 } });
        const limits = { io: 'idle', uploadKiBps: 200 } as const;
        await hosts.updateHostNaming(TENANT, host.id, { limits });
        const changed = { name: 'New', tags: ['new', 'x'], concurrency: 5, secretsMode: 'just_in_time', limits };
        assert.deepEqual(await hosts.findHost(TENANT, host.id), { ...host, ...changed });
        assert.deepEqual((await hosts.listHosts(TENANT, { tag: 'old' }, { limit: 5 })).rows, []);
        assert.equal((await hosts.listHosts(TENANT, { tag: 'new' }, { limit: 5 })).rows.length, 1);
        await assert.rejects(hosts.updateHostNaming(TENANT, host.id, { name: 'Taken' }), refusal('conflict', { field: 'name' }));
        await assert.rejects(hosts.updateHostNaming(OTHER_TENANT, host.id, { name: 'y' }), refusal('not_found'));
        await assert.rejects(hosts.setHostState(OTHER_TENANT, host.id, 'revoked'), refusal('not_found'));
      }),
    );

    it(
      'keeps who drained a host until when, finds those that are drained, and asks for a new spec with each change',
      withStore(open, async ({ hosts }) => {
        const host = sampleHost({ drain: { since: NOW, until: NOW + 10, by: 'ada' } });
        const idle = sampleHost();
        await hosts.insertHost(host);
        await hosts.insertHost(idle);
        assert.deepEqual(await hosts.findHost(TENANT, host.id), host);
        const drain = { since: NOW + 1, until: NOW + 500, by: 'bob' };
        await hosts.setHostDrain(TENANT, host.id, drain);
        assert.deepEqual(await hosts.findHost(TENANT, host.id), { ...host, drain, specVersion: 2 });
        const listDrained = async (drainedAt: number) =>
          (await hosts.listHosts(TENANT, { drainedAt }, { limit: 5 })).rows.map(({ id }) => id);
        assert.deepEqual([await listDrained(NOW + 499), await listDrained(NOW + 500)], [[host.id], []]);
        await hosts.setHostDrain(TENANT, host.id, undefined);
        assert.deepEqual(await hosts.findHost(TENANT, host.id), { ...host, drain: undefined, specVersion: 3 });
        await assert.rejects(hosts.setHostDrain(OTHER_TENANT, host.id, drain), refusal('not_found'));
      }),
    );

    it(
      'finds the hosts that offer dump files',
      withStore(open, async ({ hosts }) => {
        const offering = sampleHost({ facts: { ...FACTS, dumpDirs: ['/srv/dumps'] } });
        for (const host of [offering, sampleHost({ facts: { ...FACTS, dumpDirs: [] } }), sampleHost({ facts: FACTS })])
          await hosts.insertHost(host);
        const { rows } = await hosts.listHosts(TENANT, { state: 'active', offersDumps: true }, { limit: 5 });
        assert.deepEqual(rows, [offering]);
      }),
    );

    it(
      'accepts only counters that rise',
      withStore(open, async ({ hosts }) => {
        const host = sampleHost({ counter: 5 });
        await hosts.insertHost(host);
        const token = sampleHostToken(host);
        const prove = (counter: number, boot: string) => hosts.advanceCounter(host.id, { counter, boot, tokenHash: token.hash });
        assert.equal(await prove(6, 'boot-a'), 'stale_token');
        await hosts.insertHostToken(token);
        assert.equal(await prove(5, 'boot-a'), 'repeated');
        assert.equal(await prove(6, 'boot-a'), 'accepted');
        assert.equal(await prove(6, 'boot-b'), 'repeated');
        assert.equal(await prove(2, 'boot-b'), 'repeated');
        const other = sampleHost();
        await hosts.insertHost(other);
        const foreign = { counter: 9, boot: 'boot-a', tokenHash: token.hash };
        assert.equal(await hosts.advanceCounter(other.id, foreign), 'stale_token');
        const stored = await hosts.findHost(TENANT, host.id);
        assert.deepEqual([stored?.counter, stored?.boot], [6, 'boot-a']);
      }),
    );

    it(
      'records contact forwards only and counts hosts by it',
      withStore(open, async ({ hosts }) => {
        const [a, b] = [sampleHost({ facts: undefined, tools: [] }), sampleHost()];
        await hosts.insertHost(a);
        await hosts.insertHost(b);
        await hosts.recordContact(a.id, { at: NOW + 5, facts: FACTS, skewMs: 12.6 });
        await hosts.recordContact(a.id, { at: NOW + 1, tools: [{ tool: 'psql', found: false, advice: 'install it' }] });
        const stored = await hosts.findHost(TENANT, a.id);
        assert.deepEqual([stored?.lastSeenAt, stored?.skewMs, stored?.facts], [NOW + 5, 13, FACTS]);
        assert.equal(stored?.tools[0]?.tool, 'psql');
        assert.deepEqual(await hosts.countHosts(TENANT), { total: 2, active: 2 });
        await hosts.touchHosts([a.id, b.id], NOW + 9);
        assert.equal(await hosts.countHostsSeenSince(TENANT, NOW + 9), 2);
        assert.equal(await hosts.countHostsSeenSince(TENANT, NOW + 10), 0);
      }),
    );

    it(
      'keeps what was found broken on a host, lists and counts those that are ailing',
      withStore(open, async ({ hosts }) => {
        const [ailing, well, unjudged, silent] = [sampleHost(), sampleHost(), sampleHost(), sampleHost()];
        for (const host of [ailing, well, unjudged, silent]) await hosts.insertHost(host);
        await hosts.touchHosts([ailing.id, well.id, unjudged.id], NOW);
        const found = [{ about: 'room' as const, text: 'no room: make some' }];
        assert.equal(await hosts.recordAilments(ailing.id, found), true);
        assert.equal(await hosts.recordAilments(ailing.id, found), false);
        assert.equal(await hosts.recordAilments(well.id, []), true);
        assert.equal(await hosts.recordAilments(silent.id, found), true);
        assert.deepEqual((await hosts.findHost(TENANT, ailing.id))?.ailments, found);
        assert.deepEqual((await hosts.findHost(TENANT, well.id))?.ailments, []);
        assert.equal((await hosts.findHost(TENANT, unjudged.id))?.ailments, undefined);
        const list = async (isAiling: boolean) =>
          (await hosts.listHosts(TENANT, { ailing: isAiling }, { limit: 10 })).rows.map(({ id }) => id);
        assert.deepEqual(
          [await list(true), await list(false)],
          [
            [ailing.id, silent.id],
            [well.id, unjudged.id],
          ],
        );
        assert.deepEqual(await hosts.listAilingHosts(TENANT, NOW), [ailing.id], 'those that were seen lately');
        assert.deepEqual(await hosts.listAilingHosts(OTHER_TENANT, NOW), []);
        await hosts.setHostState(TENANT, ailing.id, 'revoked');
        assert.deepEqual(await hosts.listAilingHosts(TENANT, NOW), []);
      }),
    );

    it(
      'raises the wanted spec once for each host and takes acknowledgements forwards only',
      withStore(open, async ({ hosts }) => {
        const host = sampleHost();
        await hosts.insertHost(host);
        await hosts.bumpSpec(TENANT, [host.id, host.id]);
        await hosts.bumpSpec(OTHER_TENANT, [host.id]);
        await hosts.acknowledgeSpec(host.id, 2);
        await hosts.acknowledgeSpec(host.id, 1);
        const stored = await hosts.findHost(TENANT, host.id);
        assert.deepEqual([stored?.specVersion, stored?.acknowledgedSpecVersion], [2, 2]);
      }),
    );

    it(
      'raises the wanted spec above a version that a host has, and never lowers it',
      withStore(open, async ({ hosts }) => {
        const host = sampleHost();
        const other = sampleHost();
        await hosts.insertHost(host);
        await hosts.insertHost(other);
        const read = async () => (await hosts.findHost(TENANT, host.id))?.specVersion;
        await hosts.raiseSpecVersion(host.id, 41);
        assert.equal(await read(), 42);
        await hosts.raiseSpecVersion(host.id, 41);
        await hosts.raiseSpecVersion(host.id, 7);
        assert.equal(await read(), 42);
        await hosts.raiseSpecVersion(host.id, 42);
        assert.equal(await read(), 43);
        assert.equal((await hosts.findHost(TENANT, other.id))?.specVersion, other.specVersion);
      }),
    );

    it(
      'keeps the signature of the newest spec that was made for a host',
      withStore(open, async ({ hosts }) => {
        const host = sampleHost();
        await hosts.insertHost(host);
        await hosts.recordSpecSignature(host.id, 'one');
        await hosts.recordSpecSignature(host.id, 'two');
        assert.deepEqual(await hosts.findHost(TENANT, host.id), { ...host, specSignature: 'two' });
      }),
    );

    it(
      'lets one agent of a quarantined host in again: its counter counts, its token stays, every other token is gone',
      withStore(open, async ({ hosts }) => {
        const host = sampleHost({ counter: 90, boot: 'boot-of-the-clone' });
        await hosts.insertHost(host);
        const [old, fresh] = [sampleHostToken(host), sampleHostToken(host)];
        for (const token of [old, fresh]) await hosts.insertHostToken(token);
        const agent = { tokenHash: fresh.hash, counter: 7, boot: 'boot-of-the-chosen' };
        await assert.rejects(hosts.readmitHost(host.id, agent), refusal('conflict'));
        assert.ok(await hosts.findHostByToken(old.hash), 'a host that is not quarantined keeps its tokens');
        await hosts.setHostState(TENANT, host.id, 'quarantined');
        await hosts.readmitHost(host.id, agent);
        const stored = await hosts.findHost(TENANT, host.id);
        assert.deepEqual([stored?.state, stored?.counter, stored?.boot], ['active', 7, 'boot-of-the-chosen']);
        assert.equal(await hosts.findHostByToken(old.hash), undefined);
        assert.equal((await hosts.findHostByToken(fresh.hash))?.host.id, host.id);
      }),
    );
  });
}
