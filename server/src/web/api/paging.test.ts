import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { type ApiWorld, catchError, openApiWorld } from './fixtures/api-world.ts';

const NAMES = ['alpha', 'beta', 'delta', 'epsilon', 'gamma', 'zeta', 'zulu'];
/** Every second host is on the line. */
const ONLINE = NAMES.filter((_, place) => place % 2 === 0);

let world: ApiWorld;
let host = '';

before(async () => {
  world = await openApiWorld();
  for (const name of [...NAMES].reverse()) {
    const { announcement, sealing } = await world.announce(name);
    const { data } = await world.call('POST /hosts/pending/:id/approve', { params: { id: announcement }, body: { name } });
    host = (data as { id: string }).id;
    // Contact alone does not make a host online: it may have been cut off a moment ago.
    await world.context.store.hosts.touchHosts([host as HostId], world.clock.now());
    if (ONLINE.includes(name)) world.connect(host as HostId, sealing);
  }
  for (const name of NAMES) {
    const config = { paths: ['/srv', `/${name}`] };
    await world.call('POST /sources', { body: { host, name, kind: 'files', config } });
    world.clock.advance(1000);
  }
});
after(async () => {
  await world.close();
});

/** All rows of a list, page by page; fails when the pages do not end. */
async function walk(route: string, query: Record<string, string>): Promise<readonly { name?: string; id: string }[][]> {
  const pages: { name?: string; id: string }[][] = [];
  let cursor: string | undefined;
  do {
    const page = await world.call(route, { query: { ...query, ...(cursor === undefined ? {} : { cursor }) } });
    pages.push(page.data as { name?: string; id: string }[]);
    cursor = page.next;
    assert.ok(pages.length <= 20, `${route} ends`);
  } while (cursor !== undefined);
  return pages;
}

const namesOf = (pages: readonly { name?: string }[][]) => pages.flat().map(({ name }) => name);

describe('Lists', () => {
  it('give every row once and in order, whatever the size of a page', async () => {
    for (const route of ['GET /hosts', 'GET /sources']) {
      for (const limit of [1, 2, 3, 6, 7, 8, 200]) {
        const pages = await walk(route, { limit: String(limit) });
        assert.deepEqual(namesOf(pages), NAMES, `${route} by ${limit}`);
        assert.ok(pages.every((page) => page.length <= limit));
        assert.equal(pages.length, Math.ceil(NAMES.length / limit), 'a full last page has no next');
      }
    }
  });

  it('of degraded hosts have those that are connected and of which something is broken', async () => {
    const { hosts } = world.context.store;
    const all = (await world.call('GET /hosts', { query: {} })).data as { id: HostId; name: string; condition: string }[];
    assert.ok(all.every(({ condition }) => condition === 'unknown'));
    const reason = { about: 'clock' as const, text: 'it is off; let it keep time' };
    for (const { id, name } of all) if (name !== ONLINE[0]) await hosts.recordAilments(id, [reason]);
    const found = await walk('GET /hosts', { limit: '2', state: 'degraded' });
    assert.deepEqual(namesOf(found), ONLINE.slice(1));
    for (const host of found.flat())
      assert.partialDeepStrictEqual(host, { standing: 'online', condition: 'degraded', ailments: [reason] });
    for (const { id } of all) await hosts.recordAilments(id, []);
    assert.deepEqual(namesOf(await walk('GET /hosts', { limit: '2', state: 'degraded' })), []);
    const well = (await world.call('GET /hosts', { query: { state: 'online' } })).data as { condition: string }[];
    assert.ok(well.length === ONLINE.length && well.every(({ condition }) => condition === 'good'));
  });

  it('go by what was asked for, both ways, and say what there is to ask for', async () => {
    const down = NAMES.toReversed();
    for (const limit of ['3', '50']) {
      assert.deepEqual(namesOf(await walk('GET /hosts', { limit, sort: 'name', order: 'desc' })), down);
      assert.deepEqual(namesOf(await walk('GET /hosts', { limit, sort: 'status' })).length, NAMES.length);
      assert.deepEqual(
        namesOf(await walk('GET /hosts', { limit, sort: 'name', order: 'desc', state: 'online' })),
        ONLINE.toReversed(),
      );
      assert.deepEqual(namesOf(await walk('GET /sources', { limit, sort: 'good' })).toSorted(), NAMES);
    }
    const allowed = {
      'GET /runs': ['created', 'duration', 'bytes', 'state', 'plan', 'host'],
      'GET /hosts': ['name', 'status', 'seen', 'version'],
      'GET /sources': ['name', 'host', 'kind', 'good'],
      'GET /plans': ['name', 'next'],
      'GET /snapshots': ['created', 'size'],
    };
    for (const [route, orders] of Object.entries(allowed)) {
      const error = await catchError(world.call(route, { query: { sort: 'colour' } }));
      assert.equal(error.code, 'invalid');
      for (const order of orders)
        assert.match(JSON.stringify([error.message, error.details]), new RegExp(order), `${route} names ${order}`);
      for (const sort of orders) for (const order of ['asc', 'desc']) await world.call(route, { query: { sort, order } });
      assert.equal((await catchError(world.call(route, { query: { order: 'asc' } }))).code, 'invalid');
    }
  });

  it('page through what only the live connection knows', async () => {
    for (const limit of ['1', '2', '3', '4', '50']) {
      assert.deepEqual(namesOf(await walk('GET /hosts', { limit, state: 'online' })), ONLINE);
      const offline = NAMES.filter((name) => !ONLINE.includes(name));
      assert.deepEqual(namesOf(await walk('GET /hosts', { limit, state: 'offline' })), offline);
    }
  });

  it('page through what is judged, and keep their place when the mark itself is judged anew', async () => {
    const query = { status: 'unprotected' };
    for (const limit of ['1', '2', '3', '6', '7', '50']) {
      assert.deepEqual(namesOf(await walk('GET /sources', { ...query, limit })), NAMES, limit);
      assert.deepEqual(namesOf(await walk('GET /sources', { ...query, limit, sort: 'name', order: 'desc' })), NAMES.toReversed());
      assert.deepEqual(namesOf(await walk('GET /sources', { ...query, limit, sort: 'kind' })), NAMES);
    }
    const first = await world.call('GET /sources', { query: { ...query, limit: '3' } });
    const last = (first.data as { id: string }[]).at(-1);
    await world.call('PATCH /sources/:id', { params: { id: last?.id ?? '' }, body: { enabled: false } });
    const next = await world.call('GET /sources', { query: { ...query, limit: '50', cursor: first.next ?? '' } });
    assert.deepEqual(
      (next.data as { name: string }[]).map(({ name }) => name),
      NAMES.slice(3),
    );
    await world.call('PATCH /sources/:id', { params: { id: last?.id ?? '' }, body: { enabled: true } });
    const other = await catchError(world.call('GET /sources', { query: { ...query, sort: 'kind', cursor: first.next ?? '' } }));
    assert.equal(other.code, 'invalid', 'the mark of another order');
    assert.equal((await catchError(world.call('GET /sources', { query: { ...query, cursor: 'W10' } }))).code, 'invalid');
  });

  it('show the newest first where time orders them', async () => {
    const rows = (await walk('GET /audit', { limit: '4', action: 'source.created' })).flat() as unknown as {
      target: { name: string };
    }[];
    assert.deepEqual(
      rows.map(({ target }) => target.name),
      [...NAMES].reverse(),
    );
  });

  it('keep their place when rows come and go between two pages', async () => {
    const first = await world.call('GET /sources', { query: { limit: '3' } });
    const body = { host, name: 'aaa', kind: 'files', config: { paths: ['/a'] } };
    const added = await world.call('POST /sources', { body });
    const second = await world.call('GET /sources', { query: { limit: '3', cursor: first.next ?? '' } });
    assert.deepEqual(
      (second.data as { name: string }[]).map(({ name }) => name),
      NAMES.slice(3, 6),
    );
    await world.call('DELETE /sources/:id', { params: { id: (added.data as { id: string }).id } });
  });

  it('that are short page as the long ones do', async () => {
    for (const name of ['Zed', 'ada', 'Ben']) {
      const body = { name, kind: 'webhook', secrets: { url: 'https://hooks.example.test/x' } };
      await world.call('POST /channels', { body });
      await world.call('POST /api-keys', { body: { name, role: 'viewer' } });
      await world.call('POST /enrolment-tokens', { body: { note: name } });
      await world.announce(`waiting-${name.toLowerCase()}`);
      world.clock.advance(1000);
    }
    for (const limit of ['1', '2', '3', '50']) {
      assert.deepEqual(namesOf(await walk('GET /channels', { limit })), ['ada', 'Ben', 'Zed'], limit);
      assert.deepEqual(namesOf(await walk('GET /api-keys', { limit })), ['Zed', 'ada', 'Ben'], limit);
      for (const route of ['GET /enrolment-tokens', 'GET /hosts/pending'])
        assert.equal((await walk(route, { limit })).flat().length, 3, route);
    }
    for (const cursor of ['zzz', 'W10', '%00'])
      assert.equal((await catchError(world.call('GET /channels', { query: { cursor } }))).code, 'invalid', cursor);
  });

  it('refuse a cursor that is not theirs and a limit out of bounds', async () => {
    for (const cursor of ['zzz', '%00', 'W10', Buffer.from('["a"]').toString('base64url')])
      assert.equal((await catchError(world.call('GET /sources', { query: { cursor } }))).code, 'invalid', cursor);
    for (const limit of ['0', '-1', '201', '1.5', 'many', ''])
      assert.match((await catchError(world.call('GET /sources', { query: { limit } }))).message, /limit/u);
  });
});
