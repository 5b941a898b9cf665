import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { CANARY, createApiStory, idOf, rowsOf } from './fixtures/api-story.ts';
import { ADMIN, BROKEN, catchError, ENGINE_ID, routeOf, VIEWER } from './fixtures/api-world.ts';
import { listBackupEvents } from './fixtures/backup-events.ts';
import { tellAlerts } from './fixtures/chapter-alerts.ts';
import { tellBulk } from './fixtures/chapter-bulk.ts';
import { tellChannels } from './fixtures/chapter-channels.ts';
import { tellContents } from './fixtures/chapter-contents.ts';
import { tellCoverage } from './fixtures/chapter-coverage.ts';
import { tellDrills } from './fixtures/chapter-drills.ts';
import { tellDumpFiles } from './fixtures/chapter-dump-files.ts';
import { tellLocks } from './fixtures/chapter-locks.ts';
import { tellObjectives } from './fixtures/chapter-objectives.ts';
import { tellPeople } from './fixtures/chapter-people.ts';
import { tellProtection } from './fixtures/chapter-protection.ts';
import { tellRestoreRoles } from './fixtures/chapter-restore-roles.ts';
import { tellRetention } from './fixtures/chapter-retention.ts';
import { tellSettings } from './fixtures/chapter-settings.ts';
import { tellSharedSchedules } from './fixtures/chapter-shared-schedules.ts';
import { tellSnapshotFiles } from './fixtures/chapter-snapshot-files.ts';
import { tellSnapshotOrders } from './fixtures/chapter-snapshot-orders.ts';
import { tellUpkeep } from './fixtures/chapter-upkeep.ts';
import { tellWaitingHosts } from './fixtures/chapter-waiting-hosts.ts';

const story = createApiStory();
const { made, exercise, refusesUnknown, report } = story;
before(story.open);
after(story.close);

describe('The API, from the first host to a restore', () => {
  it('lets an announced host in, and turns another away', async () => {
    const { world } = story;
    const { announcement, sealing } = await world.announce('db-1');
    const other = await world.announce('db-2');
    const pending = rowsOf<{ hostname: string; fingerprint: string }>(await exercise('GET /hosts/pending'));
    assert.deepEqual(pending.map(({ hostname }) => hostname).sort(), ['db-1', 'db-2']);
    const approval = { params: { id: announcement }, body: { name: 'db-1', tags: ['prod'] } };
    const host = await exercise('POST /hosts/pending/:id/approve', approval);
    made.host = idOf(host);
    assert.equal((host.data as { standing: string }).standing, 'offline');
    const rejection = await exercise('POST /hosts/pending/:id/reject', { params: { id: other.announcement } });
    assert.partialDeepStrictEqual(rejection.data, { id: other.announcement, message: 'rejected by the operator' });
    await world.context.store.hosts.touchHosts([made.host as HostId], world.clock.now());
    world.connect(made.host as HostId, sealing);
  });

  it('makes enrolment tokens, shows them once and deletes them', async () => {
    const { world } = story;
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
    const change = { name: 'db-main', tags: ['prod', 'eu'], concurrency: 2, limits: { nice: 10, uploadKiBps: 2048 } };
    assert.partialDeepStrictEqual((await exercise('PATCH /hosts/:id', { params, body: change })).data, change);
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
    const { world } = story;
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
    const { world } = story;
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
    assert.deepEqual((await exercise('GET /sources/:id/health', { params })).data, { state: 'unknown', looks: [] });
    const patched = await exercise('PATCH /sources/:id', { params, body: { name: 'app-db', secrets: { password: '' } } });
    assert.deepEqual((patched.data as { secrets: unknown }).secrets, { password: { stored: true } });
    assert.equal(patched.version, 2);
  });

  it('guards a change with If-Match', async () => {
    const { world } = story;
    const params = { id: made.source };
    const stale = await catchError(world.call('PATCH /sources/:id', { params, body: { name: 'late' }, ifMatch: 1 }));
    assert.equal(stale.code, 'conflict');
    const fresh = await world.call('PATCH /sources/:id', { params, body: { name: 'app-db' }, ifMatch: 2 });
    assert.equal(fresh.version, 3);
  });

  it('tests and discovers saved and unsaved sources, and adopts what was found', async () => {
    const { world } = story;
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
    const both = { databases: [...databases, { database: 'broken', name: 'broken' }], tested: true };
    const refused = await catchError(world.call('POST /sources/:id/adopt', { params, body: both }));
    assert.match(refused.message, /not saved: broken does not work from its host: FATAL: no such database/u);
    const adopted = rowsOf<{ id: string; config: { database: string }; secrets: unknown }>(
      await exercise('POST /sources/:id/adopt', { params, body: { databases, tested: true } }),
    );
    assert.deepEqual(
      adopted.map(({ config, secrets }) => [config.database, secrets]),
      [['shop', { password: { stored: true } }]],
    );
    const id = adopted[0]?.id ?? '';
    assert.deepEqual((await exercise('DELETE /sources/:id', { params: { id } })).data, { id, deleted: true });
  });

  it('keeps, tests and creates repositories', async () => {
    const { world } = story;
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

  it('saves with a test what works, and nothing else', async () => {
    const { world } = story;
    const { host } = made;
    const source = (database: string) => ({
      body: { host, name: database, kind: 'postgres', config: { database, user: 'backup' }, secrets: {}, tested: true },
    });
    const sources = async () => rowsOf(await world.call('GET /sources')).length;
    const before = await sources();
    const refused = await catchError(world.call('POST /sources', source(BROKEN)));
    assert.deepEqual([refused.code, refused.details], ['tool_failed', { reason: 'database_missing', place: 'database' }]);
    assert.match(refused.message, /FATAL: no such database/);
    assert.equal(await sources(), before);
    const params = { id: idOf(await world.call('POST /sources', source('works'))) };
    const change = { config: { database: BROKEN, user: 'backup' } };
    const kept = await catchError(world.call('PATCH /sources/:id', { params, body: { ...change, tested: true } }));
    assert.equal(kept.code, 'tool_failed');
    assert.equal((await world.call('PATCH /sources/:id', { params, body: { ...change, tested: false } })).version, 2);
    await world.call('DELETE /sources/:id', { params });

    const repository = (word: string) => ({
      body: { name: word, kind: 'local', config: { path: `/srv/${word}` }, secrets: { password: CANARY }, testedFrom: host },
    });
    const failed = await catchError(world.call('POST /repositories', repository(BROKEN)));
    assert.deepEqual([failed.code, failed.details], ['tool_failed', { reason: 'repository_password' }]);
    assert.match(failed.message, /wrong password/);
    const there = { id: idOf(await world.call('POST /repositories', repository('empty'))) };
    const gone = { path: `/srv/${BROKEN}` };
    const unkept = await catchError(
      world.call('PATCH /repositories/:id', { params: there, body: { config: gone, testedFrom: host } }),
    );
    assert.equal(unkept.code, 'tool_failed');
    await world.call('DELETE /repositories/:id', { params: there });
  });

  it('keeps plans, and says when they are due', async () => {
    const { world } = story;
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
    const { world } = story;
    for (const cron of ['61 2 * * *', '0 0 31 2 *']) {
      const draft = await catchError(world.call('POST /plans/next-fires', { body: { cron, zone: 'UTC' } }));
      assert.deepEqual([draft.code, Object.keys(draft.details)], ['invalid', ['field.cron']]);
      const change = { params: { id: made.plan }, body: { schedule: { cron, zone: 'UTC' } } };
      const saved = await catchError(world.call('PATCH /plans/:id', change));
      assert.deepEqual([saved.code, Object.keys(saved.details)], ['invalid', ['field.schedule.cron']]);
    }
  });

  it('runs a plan now, and shows the run as its host reports it', async () => {
    const { world } = story;
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
    const { world } = story;
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
    const { world } = story;
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
    const { world } = story;
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
    const by = (wish: Record<string, unknown>) =>
      world.call('POST /restores', { body: { ...body, snapshot: { source: made.source, ...wish } } });
    for (const wish of [{ newest: true }, { asOf: world.clock.now() }]) {
      const started = idOf(await by(wish));
      const detail = (await exercise('GET /restores/:id', { params: { id: started } })).data as { snapshot: string };
      assert.equal(detail.snapshot, made.snapshot, JSON.stringify(wish));
    }
    assert.equal((await catchError(by({ asOf: 1 }))).code, 'not_found');
    assert.equal((await catchError(by({ newest: false }))).code, 'invalid');
    const backup = await catchError(world.call('GET /restores/:id', { params: { id: made.run } }));
    assert.equal(backup.code, 'not_found');
    assert.equal(idOf(await exercise('POST /runs/:id/cancel', { params })), params.id);
    const ended = await catchError(world.call('POST /runs/:id/cancel', { params: { id: made.run } }));
    assert.equal(ended.code, 'conflict');
  });

  it('tells kinds with their fields, who asks, who may, and who did what', async () => {
    const { world } = story;
    const { data } = await exercise('GET /adapters');
    const { sources } = data as { sources: { kind: string; restoresTo: string; fields: { name: string; kind: string }[] }[] };
    assert.deepEqual(sources.map(({ kind, restoresTo }) => [kind, restoresTo])[0], ['postgres', 'database']);
    assert.ok(sources[0]?.fields.some(({ name, kind }) => name === 'password' && kind === 'secret'));
    const me = (await world.call('GET /me', {}, VIEWER)).data as { permissions: unknown };
    assert.deepEqual(me.permissions, ['view']);
    await exercise('GET /me');
    const acts = rowsOf<{ action: string }>(await exercise('GET /audit', { query: { target: made.plan } }));
    const actions = acts.map(({ action }) => action);
    assert.deepEqual(actions.sort(), ['plan.created', 'plan.run_started', 'plan.updated', 'plan.updated']);
    await exercise('GET /openapi.json');
  });

  tellSharedSchedules(story);
  tellRetention(story);
  tellUpkeep(story);
  tellSnapshotOrders(story);
  tellDrills(story);
  tellLocks(story);
  tellBulk(story);
  tellSnapshotFiles(story);
  tellContents(story);
  tellRestoreRoles(story);
  tellDumpFiles(story);
  tellChannels(story);
  tellAlerts(story);
  tellCoverage(story);
  tellObjectives(story);
  tellProtection(story);
  tellSettings(story);
  tellPeople(story);

  it('lets one agent of a quarantined host in again', async () => {
    const { world } = story;
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

  tellWaitingHosts(story);

  it('has answered every end-point of the table in this story', () => {
    const { world } = story;
    const silent = world.endpoints.map(routeOf).filter((route) => !world.answered.has(route));
    assert.deepEqual(silent, []);
  });

  it('refuses bad secrets without repeating them', async () => {
    const { world } = story;
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
    const { world } = story;
    await world.call('GET /audit', { query: { limit: '200' } });
    const { sources, people } = world.context.store;
    const source = await sources.findSource(ADMIN.tenant, made.source as SourceId);
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
    const { world } = story;
    for (const prefix of ['hfe_', 'hfk_']) {
      const routes = world.replies.filter(({ text }) => new RegExp(`${prefix}[A-Za-z0-9_-]{43}`, 'u').test(text));
      assert.equal(routes.length, 1, prefix);
    }
  });
});
