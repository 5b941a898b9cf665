import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createFixedClock, type FixedClock } from '@holdfast/shared/clock.ts';
import {
  DEFAULT_TENANT,
  type HostId,
  type PlanId,
  type RepositoryId,
  type RunId,
  type SnapshotId,
  type SourceId,
} from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS } from '@holdfast/shared/domain/plan.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { SOURCE_HEALTH } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { createCliCaller } from '../core/accounts/accounts.ts';
import { ALERT_CONDITIONS, type AlertCondition } from '../core/alerts/conditions.ts';
import { applyHostEvents } from '../core/ingest.ts';
import type { CoreContext } from '../core/ports.ts';
import { saveObjectives } from '../core/protection/objective-settings.ts';
import { recordLooks } from '../core/sources/source-health.ts';
import { findDatabase, openFoundation } from '../foundation.ts';
import { createDirectory, type HubDirectory } from '../hub/directory.ts';
import { createLog } from '../log.ts';
import type { Alert } from '../store/alerts.ts';
import type { Plan } from '../store/plans.ts';
import { placeMigrated } from '../store/sqlite/fixtures/migrated.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { ROUND_LIMITS } from './rounds.ts';

const NASTY = 'db "1"\\\n{x="y"}';
const PLAN = 'plan_nightly' as PlanId;
const SOURCE = 'src_1' as SourceId;
const REPOSITORY = 'repo_1' as RepositoryId;

let folder: string;
let clock: FixedClock;
let context: CoreContext;
let directory: HubDirectory;
let metrics: Metrics;
let seq = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-metrics-'));
  clock = createFixedClock(Date.UTC(2026, 10, 20));
  seq = 0;
  const log = createLog({ level: 'error', clock });
  const openDirectory: typeof createDirectory = (createRequestId) => {
    directory = createDirectory(createRequestId);
    return directory;
  };
  await placeMigrated(findDatabase(folder));
  context = await openFoundation({
    dataDir: folder,
    ballastBytes: 0,
    baseUrl: 'http://127.0.0.1',
    log,
    access: 'alone',
    clock,
    createDirectory: openDirectory,
  });
  metrics = createMetrics({ context, version: '1.2.3', dataDir: folder, countStreams: () => 4 });
});
afterEach(async () => {
  metrics.close();
  await context.store.close();
  await rm(folder, { recursive: true, force: true });
});

const HOST = 'host_1' as HostId;

async function addHost(id: HostId, name: string): Promise<void> {
  await context.store.hosts.insertHost({
    id,
    tenant: DEFAULT_TENANT,
    name,
    state: 'active',
    tags: [],
    signingKey: `signing-${id}`,
    sealingKey: `sealing-${id}`,
    fingerprint: 'a b c',
    tools: [],
    createdAt: clock.now(),
    lastSeenAt: clock.now(),
    specVersion: 2,
    secretsMode: 'kept',
    acknowledgedSpecVersion: 1,
    counter: 0,
    concurrency: 3,
    limits: {},
  });
}

/** A line of the host, with what it said of itself. */
function connect(heartbeat?: ReturnType<CoreContext['directory']['findHeartbeat']>): void {
  directory.register({
    host: HOST,
    boot: 'boot',
    request: () => Promise.reject(new Error('is not asked')),
    sync: () => undefined,
    end: () => undefined,
    heartbeat,
    progress: new Map(),
  });
}

async function addCatalog(): Promise<void> {
  const shared = { tenant: DEFAULT_TENANT, config: {}, secrets: {}, version: 1, createdAt: 1, updatedAt: 1 };
  await context.store.sources.insertSource({ ...shared, id: SOURCE, host: HOST, name: 'shop', kind: 'postgres', enabled: true });
  await context.store.repositories.insertRepository({ ...shared, id: REPOSITORY, name: 'main', kind: 'local' });
}

async function tell(...events: DurableEvent[]): Promise<void> {
  const sequenced = events.map((event) => {
    seq += 1;
    return { seq, event };
  });
  await applyHostEvents(context, { id: HOST, tenant: DEFAULT_TENANT }, 'epoch-0001', sequenced);
}

async function addPlan(schedule: Schedule | undefined, change: Partial<Plan> = {}): Promise<void> {
  await context.store.plans.insertPlan({
    id: PLAN,
    tenant: DEFAULT_TENANT,
    name: 'nightly',
    repository: REPOSITORY,
    sources: [SOURCE],
    schedule,
    enabled: true,
    options: DEFAULT_PLAN_OPTIONS,
    effectiveFrom: 0,
    version: 1,
    createdAt: 0,
    updatedAt: 0,
    ...change,
  });
}

async function run(id: string, state: 'succeeded' | 'failed' | undefined, durationMs: number): Promise<void> {
  const about = { run: id as RunId, at: clock.now() };
  await tell(
    { ...about, type: 'run.created', kind: 'backup', trigger: 'manual', plan: PLAN, repository: REPOSITORY, sources: [SOURCE] },
    { ...about, type: 'run.started' },
  );
  if (state === undefined) return;
  const made = { source: SOURCE, role: 'data' as const, createdAt: clock.now(), sizeBytes: 5, evidence: [] };
  const snapshot = { ...made, id: `snap_${id}` as SnapshotId, engineId: createHash('sha256').update(id).digest('hex') };
  if (state === 'succeeded') await tell({ ...about, type: 'snapshot.made', snapshot });
  await tell(
    { ...about, type: 'part.finished', part: { source: SOURCE, state, warnings: [], bytes: 5, durationMs } },
    { ...about, type: 'run.finalizing' },
    { ...about, type: 'run.finished', state, evidence: [], bytes: 5, logLines: 0, durationMs },
  );
}

/** Values by series, of our own metrics. */
async function scrape(): Promise<Map<string, number>> {
  const lines = String(await metrics.render())
    .split('\n')
    .filter((line) => line.startsWith('holdfast_'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

describe('Metrics', () => {
  it('name the build and start at zero', async () => {
    const values = await scrape();
    assert.equal(values.get(`holdfast_build_info{version="1.2.3",node="${process.versions.node}"}`), 1);
    assert.equal(values.get('holdfast_active_runs'), 0);
    assert.equal(values.get('holdfast_event_streams'), 4);
  });

  it('show a drained host until its drain ends by itself', async () => {
    await addHost(HOST, 'db-1');
    const isDraining = async () => (await scrape()).get('holdfast_host_draining{host="db-1"}');
    await context.store.hosts.setHostDrain(DEFAULT_TENANT, HOST, { since: clock.now(), until: clock.now() + 60_000, by: 'ada' });
    assert.equal(await isDraining(), 1);
    clock.advance(60_000);
    assert.equal(await isDraining(), 0, 'it ends by itself');
  });

  it('count degraded hosts while they are online, and say nothing of one that is not or was not looked over', async () => {
    await addHost(HOST, 'db-1');
    const { hosts } = context.store;
    const read = async () => {
      const values = await scrape();
      return [values.get('holdfast_host_degraded{host="db-1"}'), values.get('holdfast_degraded_hosts')];
    };
    connect();
    assert.deepEqual(await read(), [undefined, 0]);
    await hosts.recordAilments(HOST, [{ about: 'room', text: 'no room: make some' }]);
    assert.deepEqual(await read(), [1, 1]);
    await hosts.recordAilments(HOST, []);
    assert.deepEqual(await read(), [0, 0]);
    await hosts.recordAilments(HOST, [{ about: 'room', text: 'no room: make some' }]);
    clock.advance(90_000);
    assert.deepEqual(await read(), [undefined, 0]);
  });

  it('tell how much a host has still to report, while it is online and has said so', async () => {
    await addHost(HOST, 'db-1');
    const read = async () => (await scrape()).get('holdfast_host_outbox_events{host="db-1"}');
    assert.equal(await read(), undefined);
    const load = { loopLagMs: 0, outboxBytes: 0, activeRuns: 0, queuedRuns: 0, cpuRatio: 0 };
    const beat = { at: clock.now(), ...load, memoryUsedBytes: 1, memoryTotalBytes: 2, stateDiskFreeBytes: 1 };
    for (const outboxEvents of [7, 0]) {
      connect({ ...beat, outboxEvents });
      assert.equal(await read(), outboxEvents);
    }
    clock.advance(90_000);
    assert.equal(await read(), undefined, 'what a silent host has to report is unknown');
  });

  it('count alerts as the ledger has them: by condition until they are over, open ones until somebody sees to them', async () => {
    const { alerts } = context.store;
    const now = clock.now();
    const raise = async (condition: AlertCondition, id: string, change: Partial<Alert> = {}): Promise<void> => {
      const alert: Alert = {
        ...{ id: context.createId('alert'), tenant: DEFAULT_TENANT, condition, severity: 'warning', thingName: 'it' },
        ...{ thing: { kind: 'host', id }, title: 'It is so', text: '', members: 1, named: [], since: now, raisedAt: now },
        ...{ settledAt: now, flaps: 0, version: 1, ...change },
      };
      await alerts.applyStep({ alert, isNew: true, deliveries: [], at: now });
    };
    await raise('host.silent', 'host_1');
    await raise('host.silent', 'host_2', { acknowledgedAt: now });
    await raise('host.silent', 'host_3', { resolvedAt: now });
    await raise('host.disk_low', 'host_1', { snoozedUntil: now + 60_000 });
    const shown = async () => {
      const values = await scrape();
      const counts = ALERT_CONDITIONS.map((condition) => [condition, values.get(`holdfast_alerts{condition="${condition}"}`)]);
      return { open: values.get('holdfast_open_alerts'), counts: Object.fromEntries(counts) as Record<string, number> };
    };
    const stored = await alerts.countByCondition(DEFAULT_TENANT);
    const all = ALERT_CONDITIONS.map((condition) => [condition, stored.get(condition) ?? 0]);
    const { open, counts } = await shown();
    assert.deepEqual(counts, Object.fromEntries(all));
    assert.deepEqual([open, counts['host.silent'], counts['host.disk_low'], counts['server.database']], [1, 2, 1, 0]);
    assert.equal(open, (await alerts.countAlerts(DEFAULT_TENANT, now)).open);
    clock.advance(60_000);
    assert.equal((await shown()).open, 2, 'a snooze ends by itself');
  });

  it('equal the ledger, and rise by one with each run', async () => {
    await addHost(HOST, 'db-1');
    await addCatalog();
    await run('run_1', 'succeeded', 20_000);
    await run('run_2', 'failed', 3_000);
    await run('run_3', undefined, 0);
    const values = await scrape();
    assert.equal(values.get('holdfast_runs_total{kind="backup",state="succeeded"}'), 1);
    assert.equal(values.get('holdfast_runs_total{kind="backup",state="failed"}'), 1);
    assert.equal(values.get('holdfast_runs_taken_back_total{kind="backup",state="failed"}'), 0);
    assert.equal(values.get('holdfast_active_runs'), 1);
    assert.equal(values.get('holdfast_run_duration_seconds_count{kind="backup",state="succeeded"}'), 1);
    assert.equal(values.get('holdfast_run_duration_seconds_sum{kind="backup",state="succeeded"}'), 20);
    assert.equal(values.get('holdfast_run_duration_seconds_bucket{le="15",kind="backup",state="succeeded"}'), 0);
    assert.equal(values.get('holdfast_run_duration_seconds_bucket{le="30",kind="backup",state="succeeded"}'), 1);
    assert.equal(values.get('holdfast_host_online{host="db-1"}'), 0, 'a host without a connection is not online');
    assert.equal(values.get('holdfast_host_last_seen_timestamp_seconds{host="db-1"}'), clock.now() / 1000);
    assert.equal(values.get('holdfast_host_spec_drift{host="db-1"}'), 1);
    assert.equal(values.get('holdfast_host_draining{host="db-1"}'), 0);
    assert.equal(values.get('holdfast_hosts{standing="offline"}'), 1);
    assert.equal(values.get('holdfast_snapshots{repository="main"}'), 1);
    assert.equal(values.get('holdfast_source_last_success_timestamp_seconds{host="db-1",source="shop"}'), clock.now() / 1000);
    assert.equal(values.get('holdfast_source_last_success_bytes{host="db-1",source="shop"}'), 5);
    assert.equal(values.get('holdfast_source_last_success_duration_seconds{host="db-1",source="shop"}'), 20);
    assert.equal(values.get('holdfast_source_last_verified_timestamp_seconds{host="db-1",source="shop"}'), undefined);
    assert.equal(values.get('holdfast_source_expected_interval_seconds{host="db-1",source="shop"}'), undefined);
    assert.deepEqual([values.get('holdfast_sources'), values.get('holdfast_repositories')], [1, 1]);

    await run('run_4', 'succeeded', 1_000);
    const after = await scrape();
    assert.equal(after.get('holdfast_runs_total{kind="backup",state="succeeded"}'), 2);
    assert.equal(after.get('holdfast_run_duration_seconds_count{kind="backup",state="succeeded"}'), 2);
  });

  it('tell whether a source answers, for as long as its host tells of it', async () => {
    await addHost(HOST, 'db-1');
    await addCatalog();
    const isUp = async () => (await scrape()).get('holdfast_source_up{host="db-1",source="shop"}');
    const look = (failures: number) =>
      recordLooks(context, { id: HOST, tenant: DEFAULT_TENANT }, [
        { source: SOURCE, at: clock.now(), failures, latencyMs: 3, text: 'refused' },
      ]);
    assert.equal(await isUp(), undefined, 'nobody has looked');
    for (const [failures, shown] of [
      [0, 1],
      [2, 1],
      [3, 0],
      [0, 1],
    ] as const) {
      await look(failures);
      assert.equal(await isUp(), shown, `${failures} failures`);
    }
    clock.advance(SOURCE_HEALTH.staleMs + 1);
    assert.equal(await isUp(), undefined, 'unknown is neither');
  });

  it('tell the fires that a plan still owes, and no longer once its plan is gone', async () => {
    await addHost(HOST, 'db-1');
    await addCatalog();
    const { store } = context;
    const id = 'plan_owing' as PlanId;
    await addPlan({ cron: '0 * * * *', zone: 'UTC' }, { id, name: 'hourly "x"' });
    const [watch] = await store.fires.listDueWatches(clock.now(), 1);
    assert.ok(watch);
    const missed = [1, 2].map((at) => ({ fireAt: at, dueAt: at, deadlineAt: at }));
    await store.fires.settleFires([{ ...watch, lookAt: 0, missed, catchUp: false }], 3);
    const series = 'holdfast_plan_missed_fires{host="db-1",plan="hourly \\"x\\""}';
    assert.equal((await scrape()).get(series), 2);
    await store.plans.deletePlan(DEFAULT_TENANT, id);
    assert.equal((await scrape()).get(series), undefined);
  });

  it('tell when a plan is due next and how often its sources are promised a backup, for as long as both are switched on', async () => {
    await addHost(HOST, 'db-1');
    await addCatalog();
    await addPlan({ cron: '0 2 * * 1-5', zone: 'UTC' });
    const of = async () => {
      const values = await scrape();
      return [
        values.get('holdfast_plan_next_fire_timestamp_seconds{plan="nightly"}'),
        values.get('holdfast_plan_expected_interval_seconds{plan="nightly"}'),
        values.get('holdfast_source_expected_interval_seconds{host="db-1",source="shop"}'),
        values.get('holdfast_enabled_plans'),
      ];
    };
    const days = 86_400;
    // The clock stands at Friday, 20 November 2026; a week-end lies between two fires.
    assert.deepEqual(await of(), [Date.UTC(2026, 10, 20, 2) / 1000, 3 * days, 3 * days, 1]);
    clock.advance(3 * 3_600_000);
    assert.deepEqual(await of(), [Date.UTC(2026, 10, 23, 2) / 1000, 3 * days, 3 * days, 1]);
    const plan = await context.store.plans.findPlan(DEFAULT_TENANT, PLAN);
    assert.ok(plan);
    await context.store.plans.updatePlan({ ...plan, enabled: false, version: 2 }, 1);
    assert.deepEqual(await of(), [undefined, undefined, undefined, 0]);
  });

  it('tell the objective of a source wherever it comes from, and what the server goes by where plans run only by hand', async () => {
    await addHost(HOST, 'db-1');
    await addCatalog();
    const of = async () => {
      const values = await scrape();
      return ['objective', 'expected_interval'].map((name) =>
        values.get(`holdfast_source_${name}_seconds{host="db-1",source="shop"}`),
      );
    };
    const [hours, days] = [3_600, 86_400];
    const set = (objectives: object) => saveObjectives(context, createCliCaller('ada'), objectives);
    await set({ fleet: { backupMinutes: 48 * 60 } });
    assert.deepEqual(await of(), [undefined, undefined], 'in no plan it is not late');
    await addPlan(undefined);
    assert.deepEqual(await of(), [48 * hours, 7 * days]);
    await addPlan({ cron: '0 2 * * *', zone: 'UTC' }, { id: 'plan_daily' as PlanId, name: 'daily' });
    assert.deepEqual(await of(), [48 * hours, days], 'a schedule promises more than a plan that runs by hand');
    await context.store.hosts.updateHostNaming(DEFAULT_TENANT, HOST, { tags: ['prod'] });
    await set({ fleet: { backupMinutes: 48 * 60 }, tags: [{ tag: 'prod', backupMinutes: 6 * 60 }] });
    assert.deepEqual(await of(), [6 * hours, days]);
    await set({ plans: [{ plan: PLAN, backupMinutes: 12 * 60 }], tags: [{ tag: 'prod', backupMinutes: 6 * 60 }] });
    assert.deepEqual(await of(), [12 * hours, days]);
    await set({});
    assert.deepEqual(await of(), [undefined, days]);
  });

  it('tell how big repositories are, the disk and the database, and what waits longest', async () => {
    await addHost(HOST, 'db-1');
    await addCatalog();
    const empty = await scrape();
    assert.equal(empty.get('holdfast_repository_size_bytes{repository="main"}'), undefined);
    assert.equal(empty.get('holdfast_oldest_queued_run_timestamp_seconds'), undefined);
    const size = { measuredAt: clock.now(), sizeBytes: 4096, uncompressedBytes: undefined, snapshots: 3, host: HOST };
    await context.store.maintenance.recordMeasurement(DEFAULT_TENANT, REPOSITORY, size);
    const about = { run: 'run_waiting' as RunId, at: clock.now() };
    await tell({ ...about, type: 'run.created', kind: 'backup', trigger: 'manual', repository: REPOSITORY, sources: [SOURCE] });
    const values = await scrape();
    assert.equal(values.get('holdfast_repository_size_bytes{repository="main"}'), 4096);
    assert.equal(values.get('holdfast_repository_measured_timestamp_seconds{repository="main"}'), clock.now() / 1000);
    assert.equal(values.get('holdfast_oldest_queued_run_timestamp_seconds'), clock.now() / 1000);
    assert.equal(values.get('holdfast_queued_runs'), 1);
    for (const name of ['database_bytes', 'data_disk_free_bytes', 'data_disk_size_bytes'])
      assert.ok((values.get(`holdfast_${name}`) ?? 0) > 0, name);
    assert.equal(values.get('holdfast_agent_connections_total'), 0);
  });

  it('of more things than are told one by one say how many are left out', async () => {
    await addHost(HOST, 'db-1');
    await addCatalog();
    const [source] = await context.store.sources.findSources(DEFAULT_TENANT, [SOURCE]);
    assert.ok(source);
    for (const n of [2, 3]) {
      await context.store.sources.insertSource({ ...source, id: `src_${n}` as SourceId, name: `shop ${n}` });
      await run(`run_${n}`, 'succeeded', 1000);
    }
    await run('run_1', 'succeeded', 1000);
    const limits = { ...ROUND_LIMITS, most: { ...ROUND_LIMITS.most, sources: 2 } };
    const narrow = createMetrics({ context, version: '1.2.3', dataDir: folder, limits });
    try {
      const text = String(await narrow.render());
      assert.match(text, /^holdfast_series_left_out\{of="sources"\} 1$/m);
      assert.match(text, /^holdfast_series_left_out\{of="plans"\} 0$/m);
      assert.match(text, /^holdfast_sources 3$/m);
      assert.equal(
        text.match(/^holdfast_source_last_success_bytes\{/gm)?.length,
        1,
        'of the two that are told only the first has a backup',
      );
    } finally {
      narrow.close();
    }
  });

  it('of a large fleet are those of the last round, and of the next one when nobody asked for a while', async () => {
    await addHost(HOST, 'db-1');
    await addCatalog();
    const limits = { ...ROUND_LIMITS, smallRows: 0, pauseMs: 3_600_000 };
    const wide = createMetrics({ context, version: '1.2.3', dataDir: folder, limits });
    const hasBackup = async () => String(await wide.render()).includes('holdfast_source_last_success_bytes{');
    try {
      assert.equal(await hasBackup(), false);
      await run('run_1', 'succeeded', 1000);
      assert.equal(await hasBackup(), false, 'as of the first round');
      clock.advance(61_000);
      assert.equal(await hasBackup(), true);
    } finally {
      wide.close();
    }
  });

  it('count a run once, however often it is spoken of', async () => {
    await addHost(HOST, 'db-1');
    await addCatalog();
    await run('run_1', 'succeeded', 20_000);
    for (let n = 0; n < 3; n += 1) {
      context.bus.publish(DEFAULT_TENANT, { kind: 'refresh', topic: 'run:run_1' });
      const [first, second] = await Promise.all([scrape(), scrape()]);
      for (const values of [first, second])
        assert.equal(values?.get('holdfast_run_duration_seconds_count{kind="backup",state="succeeded"}'), 1);
    }
  });

  it('lose the series of what is gone', async () => {
    await addHost(HOST, 'db-1');
    await addCatalog();
    assert.ok((await scrape()).has('holdfast_host_online{host="db-1"}'));
    await context.store.hosts.setHostState(DEFAULT_TENANT, HOST, 'revoked');
    await context.store.repositories.deleteRepository(DEFAULT_TENANT, REPOSITORY);
    const values = await scrape();
    assert.equal([...values.keys()].filter((key) => key.startsWith('holdfast_host_')).length, 0);
    assert.equal(values.has('holdfast_snapshots{repository="main"}'), false);
    assert.equal(values.get('holdfast_hosts{standing="revoked"}'), 1);
  });

  it('never carry an id, and keep a hostile name inside its label', async () => {
    await addHost(HOST, NASTY);
    await run('run_1', 'succeeded', 1000);
    const text = String(await metrics.render());
    assert.ok(text.includes('holdfast_host_online{host="db \\"1\\"\\\\\\n{x=\\"y\\"}"} 0'), text);
    assert.doesNotMatch(text, /run_1|host_1/);
  });
});
