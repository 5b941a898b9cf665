import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { DEFAULT_TENANT, type HostId, type SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { toStoredText } from '@holdfast/shared/domain/stored-path.ts';
import type { TreeEntry } from '@holdfast/shared/protocol/browse.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import type { RequestBody, RequestType } from '@holdfast/shared/protocol/messages.ts';
import { createFleet, type Fleet, HOSTILE, playDay } from '../fixtures/fleet.ts';
import { readWords } from '../fixtures/inert.ts';
import { addRun, HOUR_MS } from '../fixtures/setup-fleet.ts';
import { createWorld, NOW, type World } from '../fixtures/world.ts';
import { RESTORE_FILES_SCREENS } from '../restores/restore-files.ts';
import { RUN_SCREENS } from '../runs/run.ts';
import { SNAPSHOT_SCREENS } from './snapshot.ts';
import { SNAPSHOT_DIFF_SCREENS } from './snapshot-diff.ts';
import { SNAPSHOT_FILES_SCREENS } from './snapshot-files.ts';

let world: World;
let fleet: Fleet;
let host: HostId;
let files: SnapshotId;
let dump: SnapshotId;

const LATIN = toStoredText(Uint8Array.from([0x63, 0x61, 0x66, 0xe9]));
const ENTRIES: TreeEntry[] = [
  { name: 'img', type: 'dir', sizeBytes: 0, mode: 0o2755, owner: 'www:www', modifiedAt: NOW - 1000 },
  { name: HOSTILE, type: 'file', sizeBytes: 17, mode: 0o4644, owner: 'root:root', links: 2 },
  { name: LATIN, type: 'symlink', sizeBytes: 0, linkTarget: '/etc/\u202epasswd' },
  { name: 'disk.img', type: 'file', sizeBytes: 5_000_000, holeBytes: 4_194_304 },
  { name: 'last.txt', type: 'file', sizeBytes: 1 },
];

before(async () => {
  world = await createWorld([
    ...SNAPSHOT_SCREENS,
    ...SNAPSHOT_FILES_SCREENS,
    ...SNAPSHOT_DIFF_SCREENS,
    ...RESTORE_FILES_SCREENS,
    ...RUN_SCREENS,
  ]);
  fleet = await createFleet(world);
  await playDay(fleet, NOW);
  const find = async (name: string) => {
    const source = fleet.sources[name] ?? assert.fail(name);
    const page = await world.context.store.snapshots.listSnapshots(DEFAULT_TENANT, { source }, { limit: 1 });
    return page.rows[0] ?? assert.fail(name);
  };
  const newest = await find('www');
  files = newest.id;
  host = newest.host;
  dump = (await find('app')).id;
  const facts = {
    hostname: 'web-1',
    os: 'Debian GNU/Linux 12',
    arch: 'x64',
    kernel: '6.1.0',
    cpus: 2,
    memoryBytes: 4_000_000_000,
    agentVersion: '0.1.0',
    zone: 'UTC',
    bootedAt: NOW - 1000,
    pdeathsig: true,
    capabilities: [...AGENT_CAPABILITIES],
  };
  await world.context.store.hosts.recordContact(host, { at: NOW, facts });
});
after(() => world.close());

beforeEach(() => {
  world.directory.online.add(host);
  world.directory.calls.length = 0;
  world.directory.answers = {
    'snapshot.list': (_host, { path, after = 0 }) => ({
      path,
      entries: ENTRIES.slice(after, after + 4),
      total: ENTRIES.length,
      ...(after === 0 ? { next: 4 } : {}),
    }),
    'snapshot.find': () => ({
      entries: [
        { path: '/srv/www/img/a.png', exact: true, type: 'file', sizeBytes: 9 },
        { path: '/srv/www/caf\ufffd', exact: false, type: 'dir', sizeBytes: 0 },
      ],
      truncated: true,
    }),
    'restore.preview': () => ({ files: 31, others: 1, bytes: 73_400_320, existing: 12, conflicts: [], complete: true }),
  };
});

/** What the host was asked last. */
function lastAsked<T extends RequestType>(): RequestBody<T> {
  const call = world.directory.calls.at(-1) ?? assert.fail('nothing was asked');
  return call.body as RequestBody<T>;
}

const place = (query = '') => `/snapshots/${files}/files${query}`;

describe('The files of a snapshot', () => {
  it('stand as a tree of links and ticks, hostile names as text', async () => {
    const page = await world.read(place('?path=/srv/www'));
    assert.ok(!page.includes(HOSTILE));
    assert.match(page, /href="[^"]*path=%2Fsrv%2Fwww%2Fimg"[^>]*aria-expanded="false"/);
    assert.match(page, /rwxr-sr-x www:www/);
    assert.match(page, /rwSr--r-- root:root/);
    assert.match(page, /2\u00a0names/);
    assert.match(page, /sparse, 4(?:\.0+)?\u00a0MiB of it empty/);
    assert.match(page, /caf\\xe9/);
    assert.match(page, /→ \/etc\/\\u\{202e\}passwd/);
    assert.ok(page.includes(`value="/srv/www/${LATIN}"`), 'a name that is no UTF-8 can be chosen');
    assert.match(page, /Show more <span class="quiet">\(1 left\)/);
    assert.equal(lastAsked<'snapshot.list'>().path, '/srv/www');
  });

  it('begin where the source begins, and at the root when that is not in the snapshot', async () => {
    await world.read(place());
    assert.notEqual(lastAsked<'snapshot.list'>().path, '/');
    const page = await world.read(place('?path=/'));
    assert.match(page, /aria-current="page">root</);
  });

  it('open and close branch by branch, and go on where a page ends', async () => {
    const page = await world.read(place('?path=/srv/www'));
    const branch = /id="(node-[\w-]+)"[\s\S]*?hx-get="([^"]+branch=open[^"]*)"/.exec(page) ?? assert.fail();
    const [, id = '', address = ''] = branch;
    const open = await world.read(address.replaceAll('&amp;', '&'), { part: id });
    assert.match(open, new RegExp(`^<li class="tree-node" id="${id}">`));
    assert.match(open, /aria-expanded="true"/);
    assert.match(open, /path=%2Fsrv%2Fwww%2Fimg%2Fimg/);
    assert.doesNotMatch(open, /<html/);
    const close = /hx-get="([^"]+branch=closed[^"]*)"/.exec(open)?.[1] ?? assert.fail();
    const calls = world.directory.calls.length;
    const closed = await world.read(close.replaceAll('&amp;', '&'), { part: id });
    assert.doesNotMatch(closed, /tree-branch/);
    assert.equal(world.directory.calls.length, calls, 'closing asks no host');
    const [, moreId = '', more = ''] = /class="tree-more" id="([\w-]+)"[\s\S]*?hx-get="([^"]+)"/.exec(page) ?? assert.fail();
    const rest = await world.read(more.replaceAll('&amp;', '&'), { part: moreId });
    assert.match(rest, /last\.txt/);
    assert.doesNotMatch(rest, /tree-more/);
  });

  it('are searched by name; what cannot be asked for by its name cannot be ticked', async () => {
    const page = await world.read(place('?q=caf'));
    assert.match(page, /The first 2; there are more/);
    assert.equal([...page.matchAll(/type="checkbox"/g)].length, 1);
    assert.match(page, /href="[^"]*path=%2Fsrv%2Fwww%2Fimg"/);
  });

  it('say what to do when no host answers, and when there is nothing to look at', async () => {
    world.directory.online.clear();
    const offline = await world.read(place());
    assert.match(offline, /No host could look into it/);
    assert.match(offline, /is offline/);
    assert.match(offline, /Open the host/);
    world.directory.online.add(host);
    world.directory.answers['snapshot.list'] = (_host, { path }) => ({ path, entries: [], total: 0 });
    assert.match(await world.read(place('?path=/empty')), /This directory is empty/);
    assert.match(await world.read(`/snapshots/${dump}/files`), /dump of a database/);
    await assert.rejects(world.read(place('?path=/srv/../etc')), { code: 'not_found' });
    await assert.rejects(world.read(`/snapshots/${files}/diff`, { role: 'viewer' }), { code: 'forbidden' });
    await assert.rejects(world.read(place(), { role: 'viewer' }), { code: 'forbidden' });
  });

  it('are offered on the page of the snapshot, and not for a dump', async () => {
    assert.match(await world.read(`/snapshots/${files}`), /Browse files/);
    assert.doesNotMatch(await world.read(`/snapshots/${dump}`), /Browse files/);
  });
});

describe('Chosen files', () => {
  const address = () => `/snapshots/${files}/files/restore`;
  const form = (more: Record<string, string | string[]>) => ({
    form: { path: ['/srv/www/a', '/srv/www/a/b', '/srv/www/c'], host, ...more },
  });

  const post = async (more: Record<string, string | string[]>) => {
    const reply = await world.ask('post', address(), form(more));
    return reply.kind === 'page' ? { page: reply.html.toString(), status: reply.status } : assert.fail('no page');
  };

  it('are named, and nothing starts before the host has counted', async () => {
    const { page, status } = await post({});
    assert.equal(status, 200);
    assert.equal([...page.matchAll(/type="hidden"\s+name="path"/g)].length, 2, 'what lies below a chosen path is chosen with it');
    assert.match(page, /Preview it/);
    assert.doesNotMatch(page, /value="start"/);
    const none = await world.ask('post', address(), { form: { host } });
    assert.ok(none.kind === 'page' && none.status === 422);
    const empty = none.html.toString();
    assert.match(empty, /Nothing was ticked/);
    assert.doesNotMatch(empty, /2 · Where to|3 · What it does|<fieldset/, 'only the step that can be taken');
    assert.match(empty, /href="[^"]*\/files"[^>]*>.*?Choose files/);
  });

  it('are counted on the host, also those they replace', async () => {
    const { page } = await post({ way: 'in_place', act: 'look' });
    assert.match(page, /12 of 32 will be replaced on/);
    assert.match(page, /Replace 12\u00a0files on/);
    assert.deepEqual(lastAsked<'restore.preview'>().target, { kind: 'in_place', paths: ['/srv/www/a', '/srv/www/c'] });
    const conflicts = ['/srv/www/a is a link here and a directory in the snapshot'];
    world.directory.answers['restore.preview'] = () => ({
      files: 1,
      others: 0,
      bytes: 1,
      existing: 0,
      conflicts,
      complete: true,
    });
    const blocked = await post({ way: 'in_place', act: 'look' });
    assert.match(blocked.page, /is a link here/);
    assert.doesNotMatch(blocked.page, /value="start"/);
  });

  it('replace nothing under another name than the host’s', async () => {
    for (const hostName of ['', 'web-2', ' ', 'WEB-1']) {
      const { page, status } = await post({ way: 'in_place', act: 'start', hostName });
      assert.equal(status, 422, hostName);
      assert.match(page, /type the name of the host/);
    }
    assert.deepEqual(await world.context.store.orders.listWaitingOrders(host, NOW), []);
    const { name } = (await world.context.store.hosts.findHost(DEFAULT_TENANT, host)) ?? assert.fail();
    const reply = await world.ask('post', address(), form({ way: 'in_place', act: 'start', hostName: name }));
    assert.ok(reply.kind === 'redirect');
    const run = await world.read(reply.to);
    assert.match(run, /in place: what stands there is replaced/);
    const [order] = await world.context.store.orders.listWaitingOrders(host, NOW);
    const { target, options } = JSON.parse(order?.body ?? '{}') as RequestBody<'restore.start'>;
    assert.deepEqual(target, { kind: 'in_place', paths: ['/srv/www/a', '/srv/www/c'] });
    assert.deepEqual(options, undefined, 'nobody waived the safety backup');
  });

  it('in place are replaced after a safety backup, which is ticked and can be waived', async () => {
    const { page } = await post({ way: 'in_place', act: 'look' });
    assert.match(page, /will be replaced on [^<]+ by what the snapshot has, after what stands there was backed up/);
    const box = (text: string) => /<input type="checkbox"[^>]*name="safetyBackup"[^>]*>/.exec(text)?.[0] ?? assert.fail('no box');
    assert.match(box(page), / checked/);
    assert.match(page, /Everything at the chosen paths goes into [^<]+, as a run of its own/);
    const unticked = await post({ way: 'in_place', act: 'look', safetyAsked: 'true' });
    assert.doesNotMatch(box(unticked.page), / checked/, 'what was unticked stays so');
    assert.doesNotMatch((await post({ way: 'directory', act: 'look', target: '/restore/x' })).page, /safetyBackup/);
    const { name } = (await world.context.store.hosts.findHost(DEFAULT_TENANT, host)) ?? assert.fail();
    const reply = await world.ask(
      'post',
      address(),
      form({ way: 'in_place', act: 'start', hostName: name, safetyAsked: 'true' }),
    );
    assert.ok(reply.kind === 'redirect');
    const waiting = await world.context.store.orders.listWaitingOrders(host, NOW);
    const orders = waiting.map(({ body }) => JSON.parse(body) as RequestBody<'restore.start'>);
    const ordered = orders.find(({ run }) => reply.to.endsWith(run)) ?? assert.fail('no order');
    assert.deepEqual(ordered.options, { safetyBackup: false });
    world.directory.answers['restore.preview'] = () => ({
      files: 1,
      others: 0,
      bytes: 1,
      existing: 0,
      conflicts: [],
      complete: true,
    });
    assert.doesNotMatch((await post({ way: 'in_place', act: 'look' })).page, /safetyBackup/, 'nothing is replaced');
  });

  it('fit their way: an archive is of one directory, a new place is an absolute path', async () => {
    assert.match((await post({ way: 'tar', act: 'look', target: '/restore/x.tar' })).page, /more than one was chosen/);
    assert.match((await post({ way: 'directory', act: 'look', target: 'relative' })).page, /must be an absolute path/);
    assert.match((await post({ way: 'directory', act: 'look', target: '/with\nbreak' })).page, /one line/);
    const one = { path: '/srv/www/a', way: 'zip', act: 'look', target: '/restore/a.zip' };
    await post(one);
    assert.deepEqual(lastAsked<'restore.preview'>().target, {
      kind: 'archive',
      format: 'zip',
      path: '/restore/a.zip',
      from: '/srv/www/a',
    });
    const { page } = await post({ ...one, act: '', way: 'file', target: '' });
    assert.match(page, /value="\/restore\/a"/, 'a place is proposed');
  });
});

describe('Two snapshots', () => {
  it('are compared by what was added, removed and changed, with sizes', async () => {
    const asked: RequestBody<'snapshot.diff'>[] = [];
    world.directory.answers['snapshot.diff'] = (_host, body) => {
      asked.push(body);
      return {
        changes: [
          { path: `/srv/${HOSTILE}`, isDirectory: false, change: 'changed', beforeBytes: 1024, afterBytes: 2048 },
          { path: '/srv/new', isDirectory: true, change: 'added' },
        ],
        truncated: true,
        totals: { added: 1, removed: 0, changed: 900 },
      };
    };
    const { store } = world.context;
    const snapshot = await store.snapshots.findSnapshot(DEFAULT_TENANT, files);
    assert.ok(snapshot?.plan);
    const { source, repository, plan, engineId } = snapshot;
    assert.match(await world.read(`/snapshots/${files}/diff`), /no older snapshot/);
    await addRun(world, { host, plan, source, repository, at: NOW - 100 * HOUR_MS });
    const { rows } = await store.snapshots.listSnapshots(DEFAULT_TENANT, { source, repository }, { limit: 2 });
    const page = await world.read(`/snapshots/${files}/diff`);
    assert.deepEqual(
      asked.map((body) => [body.engineId, body.olderId]),
      [[engineId, rows[1]?.engineId]],
    );
    assert.match(page, /1 added, 0 removed, 900 changed since/);
    assert.ok(!page.includes(HOSTILE));
    assert.match(page, /The first 2\u00a0changes are shown/);
    assert.doesNotMatch(page, /Choose among/);
  });

  it('are compared however many newer ones there are', async () => {
    const { store } = world.context;
    const snapshot = await store.snapshots.findSnapshot(DEFAULT_TENANT, files);
    assert.ok(snapshot?.plan);
    const { source, repository, plan } = snapshot;
    for (let n = 70; n > 0; n -= 1) await addRun(world, { host, plan, source, repository, at: NOW - n * HOUR_MS });
    const { rows } = await store.snapshots.listSnapshots(DEFAULT_TENANT, { source, repository }, { limit: 200 });
    const old = rows.at(-3) ?? assert.fail();
    const words = readWords(await world.read(`/snapshots/${old.id}/diff`));
    assert.doesNotMatch(words, /no older snapshot/u);
    assert.match(words, /Compared with/u);
  });

  it('are chosen among all older ones, however many there are, and the wished one is the one that is compared', async () => {
    const asked: RequestBody<'snapshot.diff'>[] = [];
    world.directory.answers['snapshot.diff'] = (_host, body) => {
      asked.push(body);
      return { changes: [], truncated: false, totals: { added: 0, removed: 0, changed: 0 } };
    };
    const { store } = world.context;
    const snapshot = await store.snapshots.findSnapshot(DEFAULT_TENANT, files);
    assert.ok(snapshot);
    const { source, repository } = snapshot;
    const { rows } = await store.snapshots.listSnapshots(DEFAULT_TENANT, { source, repository }, { limit: 200 });
    const [newest] = rows;
    const oldest = rows.at(-1);
    assert.ok(newest && oldest && rows.length > 61, 'more than are offered at once');
    const address = `/snapshots/${newest.id}/diff`;
    const offered = (page: string) => [...page.matchAll(/<option\s+value="(snap_[^"]+)"/g)].map(([, id]) => id);
    const first = await world.read(address);
    assert.equal(offered(first).length, 59);
    const [, href = ''] =
      /href="([^"]+)"[^>]*>(?:<[^>]+>)*Choose among older ones/.exec(first) ?? assert.fail('no way to the others');
    const second = await world.read(href.replaceAll('&amp;', '&'));
    const all = new Set([...offered(first), ...offered(second)]);
    assert.deepEqual(all, new Set(rows.slice(1).map(({ id }) => id)));
    assert.match(second, /Choose among the newest/);
    assert.match(second, /<input type="hidden" +name="after"/, 'a choice stays among these');
    assert.equal(asked.at(-1)?.olderId, rows[1]?.engineId, 'what is compared stays until another one is chosen');
    const wished = await world.read(`${address}?older=${oldest.id}`);
    assert.equal(asked.at(-1)?.olderId, oldest.engineId);
    assert.match(wished, new RegExp(`<option\\s+value="${oldest.id}" selected`));
  });
});
