import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FindingOrder } from '@holdfast/shared/domain/list-orders.ts';
import { COVERAGE } from '@holdfast/shared/limits.ts';
import type { CoverageFilter } from '../coverage.ts';
import type { SortedPage } from '../page.ts';
import type { Store } from '../store.ts';
import { addHost } from './reports.ts';
import { NOW, type OpenStore, OTHER_TENANT, sampleId, TENANT, withStore } from './samples.ts';

const DAY = 24 * 3_600_000;

async function prepare(store: Store) {
  const { host, source } = await addHost(store);
  const { coverage } = store;
  const createId = () => sampleId('finding');
  const server = { host: host.id, kind: 'postgres', place: '127.0.0.1:5432' };
  const look = (at: number, ...names: string[]) =>
    coverage.recordLook(
      TENANT,
      { ...server, at, via: source, seen: names.map((name) => ({ name, sizeBytes: name.length })) },
      createId,
    );
  const list = async (ignored?: boolean) => (await coverage.listFindings(TENANT, { ignored }, { limit: 50 })).rows;
  const names = async (ignored?: boolean) => (await list(ignored)).map(({ name }) => name).sort();
  return { host, source, coverage, server, look, list, names, createId };
}

/** What was found and is no source. */
export function checkCoverage(open: OpenStore): void {
  describe('coverage', () => {
    it(
      'is what the last look saw: what stays keeps its first sight, what appears later is new, what went is gone',
      withStore(open, async (store) => {
        const { coverage, look, list, names, source } = await prepare(store);
        await look(NOW, 'shop', 'quote"\n');
        assert.deepEqual(await coverage.countFindings(TENANT), { open: 2, fresh: 0 });
        await look(NOW + DAY, 'shop', 'new');
        assert.deepEqual(await names(), ['new', 'shop']);
        const shop = (await list()).find(({ name }) => name === 'shop');
        assert.deepEqual(
          [shop?.firstSeenAt, shop?.lastSeenAt, shop?.isNew, shop?.via, shop?.sizeBytes],
          [NOW, NOW + DAY, false, source, 4],
        );
        assert.deepEqual(await coverage.countFindings(TENANT), { open: 2, fresh: 1 });
        assert.deepEqual(await coverage.countFindings(OTHER_TENANT), { open: 0, fresh: 0 });
        assert.deepEqual((await coverage.listFindings(OTHER_TENANT, {}, { limit: 50 })).rows, []);
      }),
    );

    it(
      'is searched by its name or its host’s, narrowed by kind, and ordered by size or name, page by page',
      withStore(open, async (store) => {
        const { host, coverage, look, createId } = await prepare(store);
        await look(NOW, 'Shop', 'a', 'quotes');
        const places = { host: host.id, kind: 'files', place: '', at: NOW + 1 };
        await coverage.recordLook(TENANT, { ...places, seen: [{ name: '/srv/shop' }] }, createId);
        await look(NOW + 2, 'Shop', 'a', 'quotes', 'later');
        const read = async (filter: CoverageFilter, sort?: SortedPage<FindingOrder>['sort'], limit = 50) => {
          const names: string[] = [];
          for (let after: string | undefined; ; ) {
            const page = await coverage.listFindings(TENANT, filter, { limit, after, ...(sort && { sort }) });
            names.push(...page.rows.map(({ name }) => name));
            if (page.next === undefined) return names;
            after = page.next;
          }
        };
        for (const limit of [1, 2, 50]) {
          const bySize = await read({ ignored: false }, { by: 'size', direction: 'desc' }, limit);
          assert.deepEqual(bySize, ['quotes', 'later', 'Shop', 'a', '/srv/shop'], 'what nobody measured comes last');
          assert.deepEqual(await read({}, { by: 'name', direction: 'asc' }, limit), [
            '/srv/shop',
            'Shop',
            'a',
            'later',
            'quotes',
          ]);
        }
        assert.deepEqual((await read({ search: 'SHOP' })).sort(), ['/srv/shop', 'Shop']);
        assert.equal((await read({ search: host.name })).length, 5);
        assert.deepEqual(await read({ kind: 'files' }), ['/srv/shop']);
        assert.deepEqual(await read({ fresh: true }), ['later']);
        assert.equal((await read({}))[0], 'later', 'the newest first');
        const { next } = await coverage.listFindings(TENANT, {}, { limit: 1 });
        const wrong = { limit: 1, after: next, sort: { by: 'size', direction: 'asc' } } as const;
        await assert.rejects(coverage.listFindings(TENANT, {}, wrong), { code: 'invalid' });
      }),
    );

    it(
      'lets be what somebody chose to ignore, and counts it again when that is taken back',
      withStore(open, async (store) => {
        const { coverage, look, list, names } = await prepare(store);
        await look(NOW, 'scratch', 'shop');
        const scratch = (await list()).find(({ name }) => name === 'scratch') ?? assert.fail();
        const ignored = { at: NOW, by: 'ada', why: 'made anew each night' };
        await coverage.setIgnored(TENANT, scratch.id, ignored);
        await look(NOW + DAY, 'scratch', 'shop');
        assert.deepEqual((await coverage.findFinding(TENANT, scratch.id))?.ignored, ignored);
        assert.deepEqual([await names(false), await names(true)], [['shop'], ['scratch']]);
        assert.equal((await coverage.countFindings(TENANT)).open, 1);
        await coverage.setIgnored(TENANT, scratch.id, undefined);
        assert.equal((await coverage.countFindings(TENANT)).open, 2);
        await assert.rejects(coverage.setIgnored(OTHER_TENANT, scratch.id, ignored), { code: 'not_found' });
        await coverage.deleteFinding(TENANT, scratch.id);
        assert.equal(await coverage.findFinding(TENANT, scratch.id), undefined);
      }),
    );

    it(
      'keeps what it knows of a server that does not answer, and says so; a first look that failed makes nothing new',
      withStore(open, async (store) => {
        const { host, coverage, look, names, server } = await prepare(store);
        await coverage.recordFailedLook(TENANT, { ...server, at: NOW, failure: 'connection refused' });
        await look(NOW + 1, 'shop');
        assert.deepEqual(await coverage.countFindings(TENANT), { open: 1, fresh: 0 });
        await coverage.recordFailedLook(TENANT, { ...server, at: NOW + 2, failure: 'connection refused' });
        assert.deepEqual(await names(), ['shop']);
        const failed = { ...server, firstAt: NOW, lastAt: NOW + 2, failure: 'connection refused' };
        assert.deepEqual(await coverage.summarizeLooks(TENANT, 5), { looked: 1, failed: 1, newestFailed: [failed] });
        await coverage.recordFailedLook(TENANT, { ...server, place: 'db:5432', at: NOW + 3, failure: 'no route' });
        const { newestFailed, ...counts } = await coverage.summarizeLooks(TENANT, 1);
        assert.deepEqual([counts, newestFailed.map(({ place }) => place)], [{ looked: 2, failed: 2 }, ['db:5432']]);
        const none = { looked: 0, failed: 0, newestFailed: [] };
        assert.deepEqual(await coverage.summarizeLooks(OTHER_TENANT, 5), none);
        await coverage.keepPlaces(TENANT, host.id, [{ kind: 'files', place: '' }]);
        assert.deepEqual([await names(), await coverage.summarizeLooks(TENANT, 5)], [[], none]);
      }),
    );

    it(
      'gives each active host its turn, the longest waiting first, and pages what it found',
      withStore(open, async (store) => {
        const { host, coverage, look } = await prepare(store);
        const { host: second } = await addHost(store);
        const { createdAt } = (await store.hosts.findHost(TENANT, host.id)) ?? assert.fail();
        const first = createdAt + COVERAGE.firstMs;
        assert.deepEqual(await coverage.listDueHosts(TENANT, first - 1, 10), []);
        assert.deepEqual(new Set(await coverage.listDueHosts(TENANT, first, 10)), new Set([host.id, second.id]));
        await coverage.setTurn(TENANT, host.id, NOW + DAY);
        assert.deepEqual(await coverage.listDueHosts(TENANT, first, 10), [second.id]);
        assert.deepEqual(await coverage.listDueHosts(TENANT, NOW + DAY, 1), [second.id]);
        assert.equal(await coverage.hurryTurns(TENANT, host.id, first - 5), 1);
        assert.deepEqual(await coverage.listDueHosts(TENANT, first - 5, 10), [host.id]);
        assert.equal(await coverage.hurryTurns(TENANT, undefined, first), 2);
        assert.deepEqual(await coverage.listDueHosts(TENANT, first - 5, 10), [host.id], 'a turn is never put off by that');
        await store.hosts.setHostState(TENANT, second.id, 'revoked');
        assert.deepEqual(await coverage.listDueHosts(TENANT, NOW + DAY, 10), [host.id]);
        await look(NOW, 'a', 'b', 'c');
        const page = await coverage.listFindings(TENANT, { host: host.id }, { limit: 2 });
        const rest = await coverage.listFindings(TENANT, { host: host.id }, { limit: 2, after: page.next });
        assert.deepEqual([...page.rows, ...rest.rows].map(({ name }) => name).sort(), ['a', 'b', 'c']);
        assert.equal(rest.next, undefined);
        await store.hosts.setHostState(TENANT, host.id, 'revoked');
        assert.equal((await coverage.countFindings(TENANT)).open, 0, 'a host that is out is nobody’s gap');
      }),
    );
  });
}
