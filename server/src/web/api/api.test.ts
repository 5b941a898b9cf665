/** Longer than 500 lines because it is one story of one server, and its last test says that no end-point was left out. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { HostId, PlanId, RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { AGENT_CAPABILITIES } from '@holdfast/shared/protocol/capabilities.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import {
  ADMIN,
  type Answer,
  type ApiWorld,
  catchError,
  ENGINE_ID,
  type Input,
  openApiWorld,
  routeOf,
  STRANGER,
  VIEWER,
} from './fixtures/api-world.ts';
import { listBackupEvents } from './fixtures/backup-events.ts';

/** What every secret field is given; it may reach hosts, and no reply. */
const CANARY = 'canary-b3c1f0-"\\\'\u00e9';
/** POSTs that only look. */
const LOOKING = new Set(['POST /plans/next-fires']);
/** Reads that need more than `view`. */
const GUARDED_READS = new Set(['GET /enrolment-tokens', 'GET /audit', 'GET /users', 'GET /api-keys']);

let world: ApiWorld;
before(async () => {
  world = await openApiWorld();
});
after(async () => {
  await world.close();
});

/**
 * One call with everything around it that must not work: a viewer may not change, another tenant sees nothing, fields
 * nobody knows are refused by name. Then the administrator's call, whose reply is returned.
 */
async function exercise(route: string, input: Input = {}): Promise<Answer> {
  const { method, params, query, body } = world.getEndpoint(route);
  const reads = (method === 'get' && !GUARDED_READS.has(route)) || LOOKING.has(route);
  if (!reads) assert.equal((await catchError(world.call(route, input, VIEWER))).code, 'forbidden', `${route} as a viewer`);
  if (params) assert.equal((await catchError(world.call(route, input, STRANGER))).code, 'not_found', `${route} as a stranger`);
  if (query) await refusesUnknown(route, { ...input, query: { ...input.query, surprise: '1' } });
  if (body) await refusesUnknown(route, { ...input, body: { ...(input.body as object | undefined), surprise: 1 } });
  return world.call(route, input);
}

async function refusesUnknown(route: string, input: Input): Promise<void> {
  const error = await catchError(world.call(route, input));
  assert.equal(error.code, 'invalid', route);
  assert.match(error.message, /surprise/u, route);
}

function idOf(answer: Answer): string {
  const { id } = answer.data as { id: string };
  return id;
}

function rowsOf<T>(answer: Answer): readonly T[] {
  assert.ok(Array.isArray(answer.data));
  return answer.data as T[];
}

/** What the story made, for the steps that follow. */
const made = { host: '', spare: '', source: '', files: '', repository: '', plan: '', run: '', snapshot: '' };

describe('The API, from the first host to a restore', () => {
  it('lets an announced host in, and turns another away', async () => {
    const { announcement, sealing } = await world.announce('db-1');
    const other = await world.announce('db-2');
    const pending = rowsOf<{ hostname: string; fingerprint: string }>(await exercise('GET /hosts/pending'));
    assert.deepEqual(pending.map(({ hostname }) => hostname).sort(), ['db-1', 'db-2']);
    const approval = { params: { id: announcement }, body: { name: 'db-1', tags: ['prod'] } };
    const host = await exercise('POST /hosts/pending/:id/approve', approval);
    made.host = idOf(host);
    assert.equal((host.data as { standing: string }).standing, 'offline');
    const rejection = await exercise('POST /hosts/pending/:id/reject', { params: { id: other.announcement } });
    assert.deepEqual(rejection.data, { id: other.announcement, state: 'rejected', message: 'rejected by the operator' });
    await world.context.store.hosts.touchHosts([made.host as HostId], world.clock.now());
    world.connect(made.host as HostId, sealing);
  });

  it('makes enrolment tokens, shows them once and deletes them', async () => {
    const created = await exercise('POST /enrolment-tokens', { body: { note: 'racks', tags: ['rack'], uses: 3 } });
    const { token, ...shown } = created.data as { token: string; id: string; usesLeft: number; expiresAt: number };
    assert.match(token, /^hfe_/u);
    assert.deepEqual([shown.usesLeft, shown.expiresAt], [3, world.clock.now() + 3_600_000]);
    assert.deepEqual(rowsOf(await exercise('GET /enrolment-tokens')), [shown]);
    assert.deepEqual((await exercise('DELETE /enrolment-tokens/:id', { params: { id: shown.id } })).data, {
      id: shown.id,
      deleted: true,
    });
  });

  it('shows, names and re-keys hosts', async () => {
    const params = { id: made.host };
    const { data } = await exercise('GET /hosts/:id', { params });
    const shown = data as { standing: string; heartbeat: { cpuRatio: number } };
    assert.deepEqual([shown.standing, shown.heartbeat.cpuRatio], ['online', 0.1]);
    const change = { name: 'db-main', tags: ['prod', 'eu'], concurrency: 2 };
    const changed = (await exercise('PATCH /hosts/:id', { params, body: change })).data as typeof change;
    assert.deepEqual([changed.name, changed.tags, changed.concurrency], [change.name, change.tags, change.concurrency]);
    await exercise('POST /hosts/:id/rotate-token', { params });
    await exercise('GET /hosts/:id/happenings', { params });
    for (const query of [{ state: 'online' }, { tag: 'eu' }, { search: 'main' }, { state: 'active' }])
      assert.deepEqual(
        rowsOf<{ id: string }>(await exercise('GET /hosts', { query })).map(({ id }) => id),
        [made.host],
      );
    for (const query of [{ state: 'offline' }, { state: 'revoked' }, { tag: 'us' }, { state: 'draining' }])
      assert.deepEqual(rowsOf(await exercise('GET /hosts', { query })), []);
  });

  it('drains a host for two hours unless told otherwise, finds it so, and resumes it', async () => {
    const params = { id: made.host };
    type Drained = { drain?: { until: number; by: string } };
    const drained = (await exercise('POST /hosts/:id/drain', { params, body: {} })).data as Drained;
    assert.equal(drained.drain?.until, world.clock.now() + 2 * 3_600_000);
    const longer = (await exercise('POST /hosts/:id/drain', { params, body: { minutes: 600 } })).data as Drained;
    assert.equal(longer.drain?.until, world.clock.now() + 10 * 3_600_000);
    const found = rowsOf<{ id: string }>(await exercise('GET /hosts', { query: { state: 'draining' } }));
    assert.deepEqual(
      found.map(({ id }) => id),
      [made.host],
    );
    const shown = (await exercise('GET /hosts/:id', { params })).data as Drained & { unfinished: unknown };
    assert.deepEqual([shown.drain, shown.unfinished], [longer.drain, { active: 0, waiting: 0, isMore: false }]);
    assert.equal(((await exercise('POST /hosts/:id/resume', { params })).data as Drained).drain, undefined);
  });

  it('keeps sources, whose secrets come back only as stored', async () => {
    const config = { host: '127.0.0.1', database: 'app', user: 'backup' };
    const body = { host: made.host, name: 'app', kind: 'postgres', config, secrets: { password: CANARY } };
    const created = await exercise('POST /sources', { body });
    made.source = idOf(created);
    assert.deepEqual((created.data as { secrets: unknown }).secrets, { password: { stored: true } });
    assert.equal(created.version, 1);
    const paths = { paths: ['/srv'] };
    made.files = idOf(
      await world.call('POST /sources', { body: { host: made.host, name: 'web', kind: 'files', config: paths } }),
    );
    const found = rowsOf<{ id: string; standing: unknown }>(await exercise('GET /sources', { query: { withoutPlan: 'true' } }));
    assert.deepEqual(
      found.map(({ id }) => id),
      [made.source, made.files],
    );
    const params = { id: made.source };
    await exercise('GET /sources/:id', { params });
    const patched = await exercise('PATCH /sources/:id', { params, body: { name: 'app-db', secrets: { password: '' } } });
    assert.deepEqual((patched.data as { secrets: unknown }).secrets, { password: { stored: true } });
    assert.equal(patched.version, 2);
  });

  it('guards a change with If-Match', async () => {
    const params = { id: made.source };
    const stale = await catchError(world.call('PATCH /sources/:id', { params, body: { name: 'late' }, ifMatch: 1 }));
    assert.equal(stale.code, 'conflict');
    const fresh = await world.call('PATCH /sources/:id', { params, body: { name: 'app-db' }, ifMatch: 2 });
    assert.equal(fresh.version, 3);
  });

  it('tests and discovers saved and unsaved sources, and adopts what was found', async () => {
    const params = { id: made.source };
    const draft = {
      host: made.host,
      kind: 'postgres',
      config: { host: '127.0.0.1', database: 'x', user: 'backup' },
      base: made.source,
    };
    for (const [route, input] of [
      ['POST /sources/:id/test', { params }],
      ['POST /sources/test', { body: draft }],
    ] as const) {
      const { data } = await exercise(route, input);
      assert.equal((data as { ok: boolean }).ok, true);
    }
    const found = rowsOf<{ name: string; known?: { id: string } }>(await exercise('POST /sources/:id/discover', { params }));
    assert.deepEqual(
      found.map(({ name, known }) => [name, known?.id]),
      [
        ['app', made.source],
        ['shop', undefined],
      ],
    );
    await exercise('POST /sources/discover', { body: draft });
    assert.ok(world.opened.length >= 4);
    for (const { values } of world.opened) assert.equal(values['password'], CANARY, 'the host got the stored secret');
    const databases = [{ database: 'shop', name: 'shop' }];
    const adopted = rowsOf<{ id: string; config: { database: string }; secrets: unknown }>(
      await exercise('POST /sources/:id/adopt', { params, body: { databases } }),
    );
    assert.deepEqual(
      adopted.map(({ config, secrets }) => [config.database, secrets]),
      [['shop', { password: { stored: true } }]],
    );
    const id = adopted[0]?.id ?? '';
    assert.deepEqual((await exercise('DELETE /sources/:id', { params: { id } })).data, { id, deleted: true });
  });

  it('keeps, tests and creates repositories', async () => {
    const config = { url: 'https://rest.example.test/main', username: 'db-1' };
    const secrets = { password: CANARY, restPassword: CANARY };
    const created = await exercise('POST /repositories', { body: { name: 'main', kind: 'rest', config, secrets } });
    made.repository = idOf(created);
    const params = { id: made.repository };
    const stored = { password: { stored: true }, restPassword: { stored: true } };
    assert.deepEqual((created.data as { secrets: unknown }).secrets, stored);
    await exercise('GET /repositories');
    await exercise('GET /repositories/:id', { params });
    assert.equal((await exercise('PATCH /repositories/:id', { params, body: { name: 'main-eu' } })).version, 2);
    const limit = async (runsAtOnce: number | null) =>
      ((await exercise('PATCH /repositories/:id', { params, body: { runsAtOnce } })).data as { runsAtOnce?: number }).runsAtOnce;
    assert.deepEqual([await limit(1), await limit(null)], [1, undefined]);
    const host = made.host;
    await exercise('POST /repositories/:id/test', { params, body: { host } });
    const draft = { host, kind: 'rest', config, base: made.repository };
    assert.equal(((await exercise('POST /repositories/test', { body: draft })).data as { state: string }).state, 'missing');
    assert.deepEqual((await exercise('POST /repositories/:id/init', { params, body: { host } })).data, {
      id: made.repository,
      engineId: ENGINE_ID,
    });
    const spare = await world.call('POST /repositories', { body: { name: 'spare', kind: 'rest', config, secrets } });
    await exercise('DELETE /repositories/:id', { params: { id: idOf(spare) } });
  });

  it('keeps plans, and says when they are due', async () => {
    const schedule = { cron: '0 2 * * *', zone: 'Europe/Berlin' };
    const body = { name: 'nightly', repository: made.repository, sources: [made.source, made.files], schedule };
    const created = await exercise('POST /plans', { body });
    made.plan = idOf(created);
    const params = { id: made.plan };
    await exercise('GET /plans', { query: { enabled: 'true', host: made.host } });
    await exercise('GET /plans/:id', { params });
    const next = (await exercise('GET /plans/:id/next-fires', { params, query: { count: '2' } })).data;
    const fires = [{ fireAt: Date.parse('2026-01-16T01:00:00Z') }, { fireAt: Date.parse('2026-01-17T01:00:00Z') }];
    const begins = fires.map(({ fireAt }) => ({ dueAt: fireAt, fireAt, standsFor: 0 }));
    const hosts = [{ host: made.host, spreadSeconds: 0, begins, missed: [] }];
    assert.deepEqual(next, { schedule, words: 'every day at 02:00, Europe/Berlin', fires, clockChanges: [], hosts });
    const fire = { fireAt: 5, dueAt: 6, deadlineAt: 7 };
    const { store } = world.context;
    const [watch] = await store.fires.listDueWatches(Number.MAX_SAFE_INTEGER, 1);
    assert.ok(watch);
    const verdict = { ...watch, lookAt: 0, missed: [fire], catchUp: true };
    await store.fires.settleFires([verdict], 8);
    const missed = await exercise('GET /plans/:id/missed-fires', { params, query: { open: 'true', limit: '1' } });
    assert.deepEqual(missed.data, [{ plan: made.plan, host: made.host, ...fire, notedAt: 8, state: 'missed' }]);
    const spring = { cron: '30 2 * * *', zone: 'Europe/Berlin', from: Date.parse('2026-03-28T12:00:00Z'), count: 1 };
    const changed = (await exercise('POST /plans/next-fires', { body: spring })).data as {
      fires: unknown;
      clockChanges: unknown[];
    };
    assert.deepEqual(changed.fires, [{ fireAt: Date.parse('2026-03-29T01:00:00Z') }]);
    assert.equal(changed.clockChanges.length, 1);
    const paused = await exercise('PATCH /plans/:id', { params, body: { enabled: false, schedule: null } });
    assert.equal(paused.version, 2);
    assert.ok(!('schedule' in (paused.data as object)));
    assert.deepEqual((await world.call('GET /plans/:id/next-fires', { params })).data, { fires: [], clockChanges: [] });
    await world.call('PATCH /plans/:id', { params, body: { enabled: true, schedule, options: { catchUp: false } } });
    const spare = await world.call('POST /plans', { body: { ...body, name: 'spare' } });
    await exercise('DELETE /plans/:id', { params: { id: idOf(spare) } });
  });

  it('refuses a schedule that cannot be read or never comes, by field', async () => {
    for (const cron of ['61 2 * * *', '0 0 31 2 *']) {
      const draft = await catchError(world.call('POST /plans/next-fires', { body: { cron, zone: 'UTC' } }));
      assert.deepEqual([draft.code, Object.keys(draft.details)], ['invalid', ['field.cron']]);
      const change = { params: { id: made.plan }, body: { schedule: { cron, zone: 'UTC' } } };
      const saved = await catchError(world.call('PATCH /plans/:id', change));
      assert.deepEqual([saved.code, Object.keys(saved.details)], ['invalid', ['field.schedule.cron']]);
    }
  });

  it('runs a plan now, and shows the run as its host reports it', async () => {
    const started = await exercise('POST /plans/:id/run', { params: { id: made.plan }, body: { sources: [made.source] } });
    const { runs } = started.data as { runs: readonly { id: string; state: string; trigger: string }[] };
    assert.deepEqual(
      runs.map(({ state, trigger }) => [state, trigger]),
      [['queued', 'manual']],
    );
    made.run = runs[0]?.id ?? '';
    made.snapshot = 'snap_0123456789abcdef';
    await report(listBackupEvents({ ...made, at: world.clock.now() }));
    const { data } = await exercise('GET /runs/:id', { params: { id: made.run } });
    const detail = data as {
      state: string;
      parts: { state: string }[];
      stages: { stage: string }[];
      snapshots: { id: string }[];
    };
    assert.equal(detail.state, 'succeeded');
    assert.deepEqual(
      detail.parts.map(({ state }) => state),
      ['succeeded'],
    );
    assert.deepEqual(
      detail.stages.map(({ stage }) => stage),
      ['dump'],
    );
    assert.deepEqual(
      detail.snapshots.map(({ id }) => id),
      [made.snapshot],
    );
    const standing = (await world.call('GET /sources/:id', { params: { id: made.source } })).data as { standing: unknown };
    assert.equal((standing.standing as { lastState: string }).lastState, 'succeeded');
  });

  it('finds runs by the words of other tools for their state', async () => {
    for (const [word, count] of [
      ['success', 1],
      ['completed', 1],
      ['succeeded', 1],
      ['canceled', 0],
      ['pending', 0],
    ] as const)
      assert.equal(rowsOf(await exercise('GET /runs', { query: { state: word, kind: 'backup' } })).length, count, word);
    assert.match((await catchError(world.call('GET /runs', { query: { state: 'done' } }))).message, /state/u);
  });

  it('gives the log in pages, by level, by word, and as text', async () => {
    const params = { id: made.run };
    const first = await exercise('GET /runs/:id/log', { params, query: { limit: '2' } });
    assert.equal(first.next, '2');
    const rest = await world.call('GET /runs/:id/log', { params, query: { after: first.next ?? '', limit: '2' } });
    assert.deepEqual([(rest.data as { lastLine: number }).lastLine, rest.next], [3, undefined]);
    const numbers = async (query: Record<string, string>) => {
      const { data } = await world.call('GET /runs/:id/log', { params, query });
      return (data as { lines: readonly { n: number }[] }).lines.map(({ n }) => n);
    };
    assert.deepEqual(await numbers({ level: 'warn' }), [2]);
    assert.deepEqual(await numbers({ level: 'warn,error' }), [2, 3]);
    assert.deepEqual(await numbers({ search: 'dumping' }), [1]);
    assert.match((await catchError(world.call('GET /runs/:id/log', { params, query: { level: 'loud' } }))).message, /level/u);
    const text = async (format: string) => {
      const { data } = await world.call('GET /runs/:id/log', { params, query: { format } });
      return (data as { text: string }).text;
    };
    assert.equal((await text('txt')).split('\n')[1], '2026-01-15T12:00:00.000Z warn  two\\u001b[31mred\\u000alines');
    const documents = (await text('ndjson'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { n: number });
    assert.deepEqual(
      documents.map(({ n }) => n),
      [1, 2, 3],
    );
  });

  it('lists snapshots, and restores one as a run of its own', async () => {
    const snapshots = rowsOf<{ id: string }>(await exercise('GET /snapshots', { query: { source: made.source, state: 'good' } }));
    assert.deepEqual(
      snapshots.map(({ id }) => id),
      [made.snapshot],
    );
    await exercise('GET /snapshots/:id', { params: { id: made.snapshot } });
    const target = { kind: 'database', source: made.source, database: 'app_restored' };
    const body = { snapshot: made.snapshot, host: made.host, target };
    await refusesUnknown('POST /restores', { body: { ...body, target: { ...target, surprise: 1 } } });
    const restore = await exercise('POST /restores', { body });
    const params = { id: idOf(restore) };
    assert.deepEqual(
      rowsOf<{ id: string }>(await exercise('GET /restores')).map(({ id }) => id),
      [params.id],
    );
    assert.deepEqual(((await exercise('GET /restores/:id', { params })).data as { target: unknown }).target, target);
    const backup = await catchError(world.call('GET /restores/:id', { params: { id: made.run } }));
    assert.equal(backup.code, 'not_found');
    assert.equal(idOf(await exercise('POST /runs/:id/cancel', { params })), params.id);
    const ended = await catchError(world.call('POST /runs/:id/cancel', { params: { id: made.run } }));
    assert.equal(ended.code, 'conflict');
  });

  it('tells kinds with their fields, who asks, who may, and who did what', async () => {
    const { data } = await exercise('GET /adapters');
    const { sources } = data as { sources: { kind: string; restoresTo: string; fields: { name: string; kind: string }[] }[] };
    assert.deepEqual(sources.map(({ kind, restoresTo }) => [kind, restoresTo])[0], ['postgres', 'database']);
    assert.ok(sources[0]?.fields.some(({ name, kind }) => name === 'password' && kind === 'secret'));
    const me = (await world.call('GET /me', {}, VIEWER)).data as { permissions: unknown };
    assert.deepEqual(me.permissions, ['view']);
    await exercise('GET /me');
    await exercise('GET /users');
    const key = await exercise('POST /api-keys', { body: { name: 'ci', role: 'operator', expiresAt: world.clock.now() + 1 } });
    assert.match((key.data as { token: string }).token, /^hfk_/u);
    const past = { name: 'late', role: 'viewer', expiresAt: world.clock.now() };
    assert.match((await catchError(world.call('POST /api-keys', { body: past }))).message, /future/u);
    assert.equal(rowsOf(await exercise('GET /api-keys')).length, 1);
    await exercise('POST /api-keys/:id/revoke', { params: { id: idOf(key) } });
    const acts = rowsOf<{ action: string }>(await exercise('GET /audit', { query: { target: made.plan } }));
    const actions = acts.map(({ action }) => action);
    assert.deepEqual(actions.sort(), ['plan.created', 'plan.run_started', 'plan.updated', 'plan.updated']);
    await exercise('GET /openapi.json');
  });

  it('keeps retention policies, shows what one would do, and pins what has to stay', async () => {
    const body = { name: 'the last two', policy: { kind: 'rules', last: 2 } };
    const created = await exercise('POST /retention-policies', { body });
    const params = { id: idOf(created) };
    const { policy, description } = created.data as { policy: { last: number; daily: number }; description: string };
    assert.deepEqual([policy.last, policy.daily, description, created.version], [2, 0, '', 1]);
    const nothing = { ...body, name: 'nothing', policy: { kind: 'rules' } };
    assert.equal((await catchError(world.call('POST /retention-policies', { body: nothing }))).code, 'invalid');
    await exercise('GET /retention-policies/:id', { params });
    assert.deepEqual(
      rowsOf<{ name: string }>(await exercise('GET /retention-policies', { query: { search: 'last' } })).map(({ name }) => name),
      ['the last two'],
    );
    const change = { description: 'for tests' };
    assert.equal((await exercise('PATCH /retention-policies/:id', { params, body: change, ifMatch: 1 })).version, 2);
    const plan = { id: made.plan };
    type Preview = { policy?: string; sources: { keeps: number; backups: { snapshot: string; because: string[] }[] }[] };
    assert.deepEqual(((await exercise('GET /plans/:id/retention', { params: plan })).data as Preview).sources, []);
    await world.call('PATCH /plans/:id', { params: plan, body: { retentionPolicy: params.id } });
    const used = await catchError(world.call('DELETE /retention-policies/:id', { params }));
    assert.deepEqual([used.code, used.details['plans']], ['conflict', ['nightly']]);
    const snapshot = { id: made.snapshot };
    const pinned = (await exercise('POST /snapshots/:id/pin', { params: snapshot })).data as { pinnedBy?: string };
    assert.equal(pinned.pinnedBy, 'the admin');
    assert.equal(rowsOf(await world.call('GET /snapshots', { query: { pinned: 'true' } })).length, 1);
    const preview = (await world.call('GET /plans/:id/retention', { params: plan })).data as Preview;
    assert.equal(preview.policy, params.id);
    assert.deepEqual(
      preview.sources.map(({ keeps, backups }) => [keeps, backups.map((one) => [one.snapshot, one.because])]),
      [[1, [[made.snapshot, ['is number 1 of the 2 newest', 'is pinned', 'is one of the last 2 good ones']]]]],
    );
    const loose = (await exercise('DELETE /snapshots/:id/pin', { params: snapshot })).data as { pinnedAt?: number };
    assert.equal(loose.pinnedAt, undefined);
    const found = rowsOf<{ id: string }>(await world.call('GET /plans', { query: { retentionPolicy: params.id } }));
    assert.deepEqual(
      found.map(({ id }) => id),
      [made.plan],
    );
    const kept = await world.call('PATCH /plans/:id', { params: plan, body: { retentionPolicy: null } });
    assert.ok(!('retentionPolicy' in (kept.data as object)));
    await exercise('DELETE /retention-policies/:id', { params });
  });

  it('orders the retention of a plan from hosts that can, and says which cannot', async () => {
    const params = { id: made.plan };
    const old = await catchError(world.call('POST /plans/:id/forget', { params, body: {} }));
    assert.equal(old.code, 'precondition');
    const { hosts } = world.context.store;
    const facts = (await hosts.findHost(ADMIN.tenant, made.host as HostId))?.facts;
    assert.ok(facts);
    await hosts.recordContact(made.host as HostId, {
      at: world.clock.now(),
      facts: { ...facts, capabilities: ['forget.start'] },
    });
    const { data } = await exercise('POST /plans/:id/forget', { params, body: { isApproved: true } });
    const { runs } = data as { runs: readonly { kind: string; state: string; trigger: string }[] };
    assert.deepEqual(
      runs.map(({ kind, state }) => [kind, state]),
      [['forget', 'queued']],
    );
  });

  it('orders checks and prunes, tells of earlier ones, and keeps an admin credential to itself', async () => {
    const kept = { name: 'vault', kind: 'rest', config: { url: 'https://backup.example.com/shop/', username: 'agent' } };
    const { data: vault } = await world.call('POST /repositories', {
      body: { ...kept, secrets: { password: 'p', restPassword: 'may-only-add' } },
    });
    const params = { id: (vault as { id: string }).id };
    const admin = { config: { username: 'keeper' }, secrets: { restPassword: 'may-remove-too' } };
    const set = (await exercise('POST /repositories/:id/admin-credential', { params, body: admin })).data as { admin: unknown };
    assert.deepEqual(set.admin, { config: { username: 'keeper' }, secrets: { restPassword: { stored: true } } });
    const { catalog, hosts } = world.context.store;
    await catalog.pinEngineId(ADMIN.tenant, params.id as RepositoryId, 'e'.repeat(64), made.host as HostId);
    const facts = (await hosts.findHost(ADMIN.tenant, made.host as HostId))?.facts;
    assert.ok(facts);
    const able = { ...facts, capabilities: ['check.start', 'prune.start'] };
    await hosts.recordContact(made.host as HostId, { at: world.clock.now(), facts: able });
    const scope = { kind: 'part', part: 1, of: 4 };
    const check = (await exercise('POST /repositories/:id/check', { params, body: { host: made.host, scope } })).data;
    const prune = (await exercise('POST /repositories/:id/prune', { params, body: { host: made.host } })).data;
    assert.deepEqual((check as { scope: unknown }).scope, scope);
    const upkeep = (await exercise('GET /repositories/:id/upkeep', { params })).data;
    assert.deepEqual(upkeep, { checks: [check], prunes: [prune], sizes: [] });
    const without = (await exercise('DELETE /repositories/:id/admin-credential', { params })).data as { admin?: unknown };
    assert.equal(without.admin, undefined);
  });

  it('orders a drill from a host that can, keeps what is asked at it, and tells what it proved', async () => {
    const params = { id: made.source };
    const assertions = [{ sql: 'select count(*) from orders', operator: '>', value: '0' }];
    await exercise('POST /sources/:id/drills', { params, body: { assertions, everyDays: 7, withinDays: 30 } });
    const { data: kept } = await exercise('GET /sources/:id/drills', { params });
    assert.deepEqual((kept as { assertions: unknown }).assertions, assertions);
    const { hosts, runs } = world.context.store;
    const old = await catchError(world.call('POST /drills', { body: { source: made.source } }));
    assert.match(old.message, /too old for drills/u);
    const facts = (await hosts.findHost(ADMIN.tenant, made.host as HostId))?.facts;
    assert.ok(facts);
    const at = world.clock.now();
    await hosts.recordContact(made.host as HostId, { at, facts: { ...facts, capabilities: ['drill.start'] } });
    const { data } = await exercise('POST /drills', { body: { source: made.source } });
    const run = (data as { id: RunId }).id;
    const source = made.source as SourceId;
    const drill = { isProven: true, restoreMs: 41_000, snapshotAgeMs: 60_000, rows: 12, things: 3 };
    const part = { source, state: 'succeeded' as const, warnings: [], bytes: 7000, durationMs: 50_000, drill };
    const plan = { plan: made.plan as PlanId, repository: made.repository as RepositoryId, sources: [source] };
    const told: DurableEvent[] = [
      { type: 'run.created', run, at, kind: 'drill', trigger: 'manual', ...plan },
      { type: 'run.started', run, at },
      { type: 'part.finished', run, at, part },
    ];
    const events = told.map((event, place) => ({ seq: place + 1, event }));
    await runs.applyEvents(ADMIN.tenant, made.host as HostId, 'epoch-of-a-drill', events, at);
    const { data: proof } = await exercise('GET /sources/:id/proof', { params });
    assert.equal((proof as { proven: { restoreMs: number } }).proven.restoreMs, 41_000);
    assert.equal(rowsOf(await exercise('GET /drills', { query: { source: made.source } })).length, 1);
    const { data: snapshot } = await world.call('GET /snapshots/:id', { params: { id: made.snapshot } });
    assert.equal((snapshot as { provenAt: number }).provenAt, at);
  });

  it('tells who holds the locks of a repository, and takes away those that nobody needs', async () => {
    const params = { id: made.repository };
    const body = { host: made.host };
    const { hosts } = world.context.store;
    const facts = (await hosts.findHost(ADMIN.tenant, made.host as HostId))?.facts;
    assert.ok(facts);
    await hosts.recordContact(made.host as HostId, { at: world.clock.now(), facts: { ...facts, capabilities: [] } });
    assert.equal((await catchError(world.call('POST /repositories/:id/locks', { params, body }))).code, 'precondition');
    const able = { ...facts, capabilities: [...AGENT_CAPABILITIES] };
    await hosts.recordContact(made.host as HostId, { at: world.clock.now(), facts: able });
    const { data } = await exercise('POST /repositories/:id/locks', { params, body });
    const { locks } = data as { locks: readonly { id: string; holder?: object }[] };
    assert.deepEqual(
      locks.map(({ holder }) => holder),
      [undefined],
      'no host calls itself so',
    );
    const ids = locks.map(({ id }) => id);
    const refused = await catchError(world.call('POST /repositories/:id/locks/clear', { params, body: { ...body, ids } }));
    assert.equal(refused.code, 'precondition');
    await exercise('POST /repositories/:id/locks/clear', { params, body: { ...body, ids, isForced: true } });
    await hosts.recordContact(made.host as HostId, { at: world.clock.now(), facts });
  });

  it('shows what lies in a snapshot of files, and restores what was chosen there', async () => {
    const body = { sources: [made.files] };
    const { data } = await world.call('POST /plans/:id/run', { params: { id: made.plan }, body });
    const [run] = (data as { runs: readonly { id: string }[] }).runs;
    const events = listBackupEvents({
      ...made,
      source: made.files,
      run: run?.id ?? '',
      snapshot: 'snap_files',
      at: world.clock.now(),
    });
    const told = events.map((event, place) => ({
      seq: place + 1,
      event:
        event.type === 'snapshot.made'
          ? { ...event, snapshot: { ...event.snapshot, engineId: '7'.repeat(64), fileName: undefined } }
          : event,
    }));
    const { hosts, runs } = world.context.store;
    const at = world.clock.now();
    await runs.applyEvents(ADMIN.tenant, made.host as HostId, 'epoch-of-files', told, at);
    const params = { id: 'snap_files' };
    const readBy = { host: made.host };
    const old = await catchError(world.call('GET /snapshots/:id/files', { params }));
    assert.match(old.message, /too old to look into snapshots/u);
    const facts = (await hosts.findHost(ADMIN.tenant, made.host as HostId))?.facts;
    assert.ok(facts);
    await hosts.recordContact(made.host as HostId, { at, facts: { ...facts, capabilities: [...AGENT_CAPABILITIES] } });
    const listing = (await exercise('GET /snapshots/:id/files', { params, query: { path: '/srv', limit: '5' } })).data;
    assert.deepEqual(listing, { path: '/srv', entries: [{ name: 'a.txt', type: 'file', sizeBytes: 3 }], total: 1, ...readBy });
    const climbing = await catchError(world.call('GET /snapshots/:id/files', { params, query: { path: '/srv/../etc' } }));
    assert.equal(climbing.code, 'invalid');
    await exercise('GET /snapshots/:id/search', { params, query: { name: 'a.*' } });
    assert.equal((await catchError(world.call('GET /snapshots/:id/search', { params }))).code, 'invalid');
    assert.equal((await catchError(world.call('GET /snapshots/:id/diff', { params }))).code, 'not_found');
    await exercise('GET /snapshots/:id/diff', { params, query: { older: 'snap_files' } });
    const dump = await catchError(world.call('GET /snapshots/:id/files', { params: { id: made.snapshot } }));
    assert.equal(dump.code, 'invalid');
    const viewer = await catchError(world.call('GET /snapshots/:id/files', { params }, VIEWER));
    assert.equal(viewer.code, 'forbidden');

    const target = { kind: 'in_place', paths: ['/srv/a.txt', '/srv'] };
    await exercise('POST /snapshots/:id/restore-preview', { params, body: { host: made.host, target } });
    const order = { snapshot: 'snap_files', host: made.host, target };
    await refusesUnknown('POST /restores/files', { body: { ...order, target: { ...target, surprise: 1 } } });
    for (const hostName of [undefined, '', 'another-host', made.host]) {
      const wrong = await catchError(world.call('POST /restores/files', { body: { ...order, hostName } }));
      assert.deepEqual([wrong.code, Object.keys(wrong.details)], ['invalid', ['field.hostName']]);
    }
    const host = (await world.call('GET /hosts/:id', { params: { id: made.host } })).data as { name: string };
    const started = await exercise('POST /restores/files', { body: { ...order, hostName: host.name } });
    const shown = started.data as { target: unknown };
    assert.deepEqual(shown.target, { kind: 'in_place', paths: ['/srv'] }, 'what lies below a chosen path is chosen with it');
    await world.call('POST /runs/:id/cancel', { params: { id: idOf(started) } });
  });

  it('looks at the target of a restore, and modifies a database only with consent', async () => {
    const look = { source: made.source, database: 'app' };
    await refusesUnknown('POST /restores/look', { body: { ...look, surprise: 1 } });
    const seen = (await exercise('POST /restores/look', { body: look })).data as { tables: number; sessions: number };
    assert.deepEqual([seen.tables, seen.sessions], [12, 1]);
    assert.equal((await catchError(world.call('POST /restores/look', { body: look }, VIEWER))).code, 'forbidden');
    const target = { kind: 'database', source: made.source, database: 'app', mode: 'tables', tables: [{ name: 'orders' }] };
    const body = { snapshot: made.snapshot, host: made.host, target, options: { endSessions: true } };
    await refusesUnknown('POST /restores', { body: { ...body, options: { surprise: true } } });
    const unasked = await catchError(world.call('POST /restores', { body }));
    assert.deepEqual([unasked.code, Object.keys(unasked.details)], ['invalid', ['field.understood']]);
    const started = await exercise('POST /restores', { body: { ...body, understood: true } });
    assert.deepEqual((started.data as { target: unknown }).target, target);
    await world.call('POST /runs/:id/cancel', { params: { id: idOf(started) } });
  });

  it('keeps channels, tests them, and lists what they were told', async () => {
    const sink = await startSink();
    const key = `whsec_${Buffer.from('a key of thirty-two bytes for it').toString('base64')}`;
    const body = {
      name: 'on-call',
      kind: 'webhook',
      secrets: { url: `${sink.url}/${encodeURIComponent(CANARY)}`, signingKey: key },
    };
    const params = { id: idOf(await exercise('POST /channels', { body })) };
    await exercise('GET /channels');
    const { data, version } = await exercise('GET /channels/:id', { params });
    assert.equal((data as { where: string }).where, new URL(sink.url).host);
    await exercise('PATCH /channels/:id', {
      params,
      body: { name: 'night', config: { least: 'critical' } },
      ifMatch: version ?? 0,
    });
    assert.deepEqual((await exercise('POST /channels/:id/test', { params })).data, { outcome: 'answered 204' });
    await sink.close();
    assert.equal((await catchError(world.call('POST /channels/:id/test', { params }))).code, 'unavailable');
    const told = rowsOf<{ kind: string; state: string }>(await exercise('GET /channels/:id/deliveries', { params }));
    assert.deepEqual(told.map(({ state }) => state).sort(), ['delivered', 'given_up']);
    await exercise('DELETE /channels/:id', { params });
  });

  it('shows alerts, lets people see to them or put them off, and says when something is one', async () => {
    const { store, clock } = world.context;
    const [now, id] = [clock.now(), world.context.createId('alert')];
    const thing = { kind: 'source' as const, id: made.source ?? '' };
    const sign = {
      ...{ scope: 'source' as const, scopeId: thing.id, subject: thing.id, thing },
      name: 'db / app',
      text: 'it broke',
      since: now,
    };
    await store.alerts.replaceSigns(
      ADMIN.tenant,
      { scope: 'source', ids: [thing.id] },
      [{ ...sign, condition: 'backup.failed' }],
      now,
    );
    const alert = {
      ...{
        id,
        tenant: ADMIN.tenant,
        condition: 'backup.failed' as const,
        severity: 'critical' as const,
        thing,
        thingName: 'db / app',
      },
      ...{ title: 'The backup of db / app failed', text: 'it broke', members: 1, named: ['db / app'], since: now, raisedAt: now },
      ...{ settledAt: now, flaps: 0, version: 1 },
    };
    await store.alerts.applyStep({
      alert,
      isNew: true,
      event: { at: now, kind: 'raised', text: 'it broke' },
      deliveries: [],
      at: now,
    });
    const params = { id };
    assert.equal(rowsOf(await exercise('GET /alerts', { query: { severity: 'critical' } })).length, 1);
    await exercise('POST /alerts/:id/acknowledge', { params });
    await exercise('POST /alerts/:id/snooze', { params, body: { until: now + 3_600_000 } });
    assert.equal((await catchError(world.call('POST /alerts/:id/snooze', { params, body: { until: now } }))).code, 'invalid');
    assert.deepEqual((await exercise('GET /alerts/counts')).data, { open: 0, acknowledged: 0, snoozed: 1, critical: 0 });
    await exercise('POST /alerts/:id/reopen', { params });
    const detail = (await exercise('GET /alerts/:id', { params })).data as { members: unknown[]; events: { kind: string }[] };
    assert.equal(detail.members.length, 1);
    assert.deepEqual(
      detail.events.map(({ kind }) => kind),
      ['woken', 'snoozed', 'acknowledged', 'raised'],
    );
    await exercise('PATCH /alert-thresholds', { body: { failuresInARow: 3 } });
    const thresholds = { failuresInARow: 3, silentMinutes: 2, hostDiskGib: 1, serverDiskGib: 1 };
    assert.deepEqual((await exercise('GET /alert-thresholds')).data, thresholds);
  });

  it('lets one agent of a quarantined host in again', async () => {
    const host = made.host as HostId;
    const params = { id: host };
    const { hosts } = world.context.store;
    await hosts.setHostState(ADMIN.tenant, host, 'quarantined');
    const seen = { hostname: 'db-main', agentVersion: '0.1.0', bootedAt: 1, lastSeenAt: world.clock.now() };
    world.context.directory.recordClaimant(host, { ...seen, boot: 'boot-of-one' });
    const { data } = await exercise('GET /hosts/:id', { params });
    const { claimants } = data as { claimants: { boot: string }[] };
    assert.deepEqual(claimants, [{ ...seen, boot: 'boot-of-one', firstSeenAt: seen.lastSeenAt }]);
    await exercise('POST /hosts/:id/choose-agent', { params, body: { boot: 'boot-of-one' } });
    assert.equal(world.context.directory.findChosenBoot(host), 'boot-of-one');
  });

  it('ends the access of a host', async () => {
    const { data } = await exercise('POST /hosts/:id/revoke', { params: { id: made.host } });
    assert.equal((data as { standing: string }).standing, 'revoked');
  });

  it('has answered every end-point of the table in this story', () => {
    const silent = world.endpoints.map(routeOf).filter((route) => !world.answered.has(route));
    assert.deepEqual(silent, []);
  });

  it('refuses bad secrets without repeating them', async () => {
    const config = { url: 'https://rest.example.test/main' };
    for (const secrets of [
      { password: `${CANARY}\u0000` },
      { password: CANARY.repeat(3000) },
      { surprise: CANARY },
      { password: '' },
    ]) {
      const refused = await catchError(
        world.call('POST /repositories', { body: { name: 'bad', kind: 'rest', config, secrets } }),
      );
      assert.equal(refused.code, 'invalid');
    }
  });

  it('let no secret out: neither a value, nor its ciphertext, nor the hash of a token', async () => {
    await world.call('GET /audit', { query: { limit: '200' } });
    const { catalog, people } = world.context.store;
    const source = await catalog.findSource(ADMIN.tenant, made.source as SourceId);
    const keys = await people.listApiKeys(ADMIN.tenant);
    const forbidden = [
      JSON.stringify(CANARY).slice(1, -1),
      'canary-b3c1f0',
      ...Object.values(source?.secrets ?? {}),
      ...keys.map(({ tokenHash }) => tokenHash),
    ];
    assert.equal(forbidden.length, 4);
    for (const { route, text } of world.replies)
      for (const secret of forbidden) assert.ok(!text.includes(secret), `${route} lets a secret out`);
  });

  it('shows a token in the one reply that made it', () => {
    for (const prefix of ['hfe_', 'hfk_']) {
      const routes = world.replies.filter(({ text }) => new RegExp(`${prefix}[A-Za-z0-9_-]{43}`, 'u').test(text));
      assert.equal(routes.length, 1, prefix);
    }
  });
});

/** A loopback address that takes whatever it is sent. */
async function startSink(): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => response.writeHead(204).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

async function report(events: readonly DurableEvent[]): Promise<void> {
  const numbered = events.map((event, place) => ({ seq: place + 1, event }));
  const { store, clock } = world.context;
  const applied = await store.runs.applyEvents(ADMIN.tenant, made.host as HostId, 'epoch-of-a-test', numbered, clock.now());
  assert.equal(applied.fresh.length, events.length);
}
