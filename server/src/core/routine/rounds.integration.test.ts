/**
 * The rounds of automatic maintenance. Longer than 500 lines because every duty is played on the same stage of hosts, plans and repositories.
 */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { HostId, RunId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { retentionRulesSchema } from '@holdfast/shared/domain/retention-policy.ts';
import { DEFAULT_ROUTINE, type Routine } from '@holdfast/shared/domain/routine.ts';
import type { TerminalState } from '@holdfast/shared/domain/run.ts';
import { waitUntil } from '@holdfast/shared/fixtures/wait-for.ts';
import { LOCKS } from '@holdfast/shared/limits.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import { REQUESTS } from '@holdfast/shared/protocol/messages.ts';
import type { HostSession } from '../../hub/directory.ts';
import type { Repository } from '../../store/repositories.ts';
import { listAlerts } from '../alerts/alerts.ts';
import type { AlertCondition } from '../alerts/conditions.ts';
import { createAlertWatch } from '../alerts/watch.ts';
import { type CatalogRig, openCatalogRig, SECRETS } from '../fixtures/catalog-rig.ts';
import { type EnrolledHost, factsOf } from '../fixtures/core-rig.ts';
import { buildSpec } from '../hosts/spec.ts';
import { applyHostEvents } from '../ingest.ts';
import { createPlan } from '../plans/plans.ts';
import { setAdminCredential } from '../repositories/admin-credential.ts';
import { createRepository } from '../repositories/repositories.ts';
import { startForget } from '../retention/forget.ts';
import { createPolicy } from '../retention/retention-policies.ts';
import { previewRetention } from '../retention/retention-preview.ts';
import { pinSnapshot } from '../snapshots/pins.ts';
import { createSource } from '../sources/sources.ts';
import { LEASE_MS } from './maintainer.ts';
import { createRoutineRounds, type RoutineRounds } from './rounds.ts';
import { readRoutine, setRoutine } from './routine.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const CAPABILITIES = ['forget.start', 'retention.start', 'check.start', 'prune.start', 'repository.measure'];

interface Rig extends CatalogRig {
  vault: Repository;
  /** Another host with a plan into the same repository. */
  other: EnrolledHost;
  rounds: RoutineRounds;
  /** Connects a host whose agent knows routines. */
  join(host: EnrolledHost): Promise<HostSession>;
  /** Time goes on, and the ticker with it; tells what was ordered then, by kind and host. */
  pass(ms: number): Promise<string[]>;
  endRun(id: RunId, state: TerminalState, reason?: string): Promise<void>;
  listOrders(): Promise<{ run: RunId; type: string; host: HostId }[]>;
}

async function openRig(t: TestContext): Promise<Rig> {
  const rig = await openCatalogRig(t);
  const { context, admin, clock, host } = rig;
  const vault = await createRepository(context, admin, {
    name: 'vault',
    kind: 'rest',
    config: { url: 'https://backup.example.com/shop/', username: 'agent' },
    secrets: { restPassword: 'everyday', password: SECRETS.repository },
  });
  await context.store.repositories.pinEngineId(admin.tenant, vault.id, 'e'.repeat(64), host.id);
  const other = await rig.enrol('db-2');
  const far = await createSource(context, admin, {
    host: other.id,
    name: 'srv',
    kind: 'files',
    config: { paths: ['/srv'] },
    secrets: {},
  });
  await createPlan(context, admin, { name: 'both', repository: vault.id, sources: [rig.files.id, far.id] });
  const rounds = createRoutineRounds(context);
  const listOrders = async () => {
    const found = [];
    for (const one of [host.id, other.id]) found.push(...(await context.store.orders.listWaitingOrders(one, clock.now())));
    return found.map(({ run, type, host: of }) => ({ run, type, host: of }));
  };
  const hosts = new Map<HostId, EnrolledHost>([host, other].map((one) => [one.id, one]));
  const nameOf = (id: HostId) => (id === host.id ? 'db-1' : 'db-2');
  let epochs = 0;
  return {
    ...rig,
    vault,
    other,
    rounds,
    listOrders,
    async join({ id }) {
      const facts = { ...factsOf(nameOf(id)), capabilities: CAPABILITIES };
      await context.store.hosts.recordContact(id, { at: clock.now(), facts });
      return rig.connect(id, () => ({ sizeBytes: 700, snapshots: 2 }));
    },
    async pass(ms) {
      const before = new Set((await listOrders()).map(({ run }) => run));
      clock.advance(ms);
      await rounds.runRound();
      return (await listOrders()).flatMap(({ run, type, host: of }) => (before.has(run) ? [] : [`${type} ${nameOf(of)}`]));
    },
    async endRun(id, state, reason) {
      const run = await context.store.runs.findRun(admin.tenant, id);
      assert.ok(run && hosts.has(run.host));
      for (const order of await context.store.orders.listWaitingOrders(run.host, clock.now()))
        if (order.run === id) await context.store.orders.settleOrder(order.id, 'answered');
      epochs += 1;
      const at = clock.now();
      const { kind, plan, repository } = run;
      const failure = reason === undefined ? {} : { failure: { code: 'integrity' as const, message: 'broken', reason } };
      const events: DurableEvent[] = [
        { type: 'run.created', run: id, at, kind, trigger: 'schedule', repository, sources: [], ...(plan ? { plan } : {}) },
        { type: 'run.started', run: id, at },
        { type: 'run.finished', run: id, at, state, evidence: [], bytes: 0, logLines: 0, durationMs: 1, ...failure },
      ];
      const numbered = events.map((event, index) => ({ seq: index + 1, event }));
      await applyHostEvents(context, { id: run.host, tenant: admin.tenant }, `epoch-of-routine-${epochs}`, numbered);
    },
  };
}

const setTo = ({ context, admin, vault }: Rig, change: Partial<Routine>, maintainer?: HostId) =>
  setRoutine(context, admin, vault.id, {
    kind: 'routine',
    routine: { ...DEFAULT_ROUTINE, measureDays: 0, ...change },
    maintainer,
  });

async function takeRun(rig: Rig, type: string): Promise<RunId> {
  const found = (await rig.listOrders()).find((order) => order.type === type);
  assert.ok(found, `no ${type} was ordered`);
  return found.run;
}

const RETENTION_ALONE = { pruneDays: 0, checkDays: 0, readAllDays: 0 };

/** Three backups of a plan that keeps two, where only the admin credential removes; their ids, the oldest first. */
async function prepareRetention(rig: Rig, maintainer?: HostId): Promise<SnapshotId[]> {
  const { context, admin, vault, plan, files } = rig;
  await setTo(rig, RETENTION_ALONE, maintainer);
  await setAdminCredential(context, admin, vault.id, { config: { username: 'keeper' }, secrets: { restPassword: 'may-remove' } });
  const policy = await createPolicy(context, admin, {
    name: 'two',
    policy: retentionRulesSchema.parse({ kind: 'rules', last: 2 }),
  });
  await context.store.plans.updatePlan(
    { ...plan, repository: vault.id, sources: [files.id], retentionPolicy: policy.id },
    plan.version,
  );
  const ids: SnapshotId[] = [];
  for (let count = 0; count < 3; count += 1) {
    rig.clock.advance(MINUTE);
    ids.push(await rig.reportBackup(files, vault, 'succeeded'));
  }
  return ids;
}

function openWatch({ context, viewer }: Rig) {
  const watch = createAlertWatch(context, {
    serverVersion: '0.1.0',
    measureServer: async () => ({ freeBytes: 1e12 }),
    linkAlert: ({ id }) => `https://backup.example.test/alerts/${id}`,
    listensToAlerts: () => false,
  });
  return {
    close: () => watch.close(),
    /** Alerts of a condition that are not over, after a round. */
    async list(wanted: AlertCondition): Promise<readonly string[]> {
      await watch.runRound();
      const { rows } = await listAlerts(context, viewer, { state: 'active' }, { limit: 50 });
      return rows.flatMap(({ condition, text, thing }) => (condition === wanted ? [`${thing.id}: ${text}`] : []));
    },
  };
}

describe('The routine of a repository', () => {
  it('of a new one prunes and checks part after part when they are due, one at a time, each once', async (t) => {
    const rig = await openRig(t);
    await setTo(rig, {});
    await rig.join(rig.host);
    assert.deepEqual(await rig.pass(7 * DAY - MINUTE), []);
    assert.deepEqual(await rig.pass(MINUTE), ['prune.start db-1']);
    assert.deepEqual(await rig.pass(MINUTE), [], 'the repository is busy');
    await rig.endRun(await takeRun(rig, 'prune.start'), 'succeeded');
    assert.deepEqual(await rig.pass(MINUTE), ['check.start db-1']);
    const check = await takeRun(rig, 'check.start');
    const run = await rig.context.store.runs.findRun(rig.admin.tenant, check);
    assert.deepEqual([run?.trigger, run?.scope], ['schedule', { kind: 'part', part: 1, of: 12 }]);
    await rig.endRun(check, 'succeeded');
    assert.deepEqual(await rig.pass(6 * DAY), []);
    const routine = await readRoutine(rig.context, rig.admin, rig.vault.id);
    assert.deepEqual(routine?.duties.find(({ duty }) => duty === 'check')?.scope, { kind: 'part', part: 2, of: 12 });
  });

  it('begins nothing twice, with two tickers at once and a server that starts anew', async (t) => {
    const rig = await openRig(t);
    await setTo(rig, { checkDays: 0, readAllDays: 0 });
    await rig.join(rig.host);
    rig.clock.advance(8 * DAY);
    const tickers = [rig.rounds, createRoutineRounds(rig.context), createRoutineRounds(rig.context)];
    const begun = await Promise.all(tickers.map((one) => one.runRound()));
    assert.equal(
      begun.reduce((sum, one) => sum + one),
      1,
    );
    rig.clock.advance(2 * MINUTE);
    assert.equal(await createRoutineRounds(rig.context).runRound(), 0);
    assert.equal((await rig.listOrders()).length, 1);
    assert.deepEqual(
      rig.logged.filter((line) => line.includes('routine')),
      [],
    );
  });

  it('tries again what went wrong, and prunes nothing where a check found damage', async (t) => {
    const rig = await openRig(t);
    await setTo(rig, {});
    await rig.join(rig.host);
    await rig.pass(7 * DAY);
    await rig.endRun(await takeRun(rig, 'prune.start'), 'failed', 'repository_unreachable');
    assert.deepEqual(await rig.pass(MINUTE), ['check.start db-1']);
    await rig.endRun(await takeRun(rig, 'check.start'), 'failed', 'repository_damaged');
    assert.deepEqual(await rig.pass(60 * MINUTE), ['check.start db-1']);
    await rig.endRun(await takeRun(rig, 'check.start'), 'succeeded');
    assert.deepEqual(await rig.pass(MINUTE), ['prune.start db-1']);
  });

  it('is left to the host that has it until its lease runs out, then taken over, and waits for one that a person chose', async (t) => {
    const rig = await openRig(t);
    await setTo(rig, {});
    const first = await rig.join(rig.host);
    await rig.pass(MINUTE);
    await rig.join(rig.other);
    first.end({ code: 'unavailable', message: 'gone', retry: 'later' } as never, true);
    rig.clock.advance(8 * DAY - LEASE_MS);
    const { store } = rig.context;
    const lease = { host: rig.host.id, until: rig.clock.now() + LEASE_MS, isFixed: false };
    await store.routines.renewLease(rig.admin.tenant, rig.vault.id, lease);
    assert.deepEqual(await rig.pass(LEASE_MS - MINUTE), []);
    const waiting = await readRoutine(rig.context, rig.viewer, rig.vault.id);
    assert.deepEqual(waiting?.duties.find(({ duty }) => duty === 'prune')?.wait, { kind: 'host', trouble: 'db-1 is offline' });
    assert.deepEqual(await rig.pass(2 * MINUTE), ['prune.start db-2']);
    assert.equal((await store.routines.findRoutine(rig.admin.tenant, rig.vault.id))?.lease.host, rig.other.id);
    await rig.endRun(await takeRun(rig, 'prune.start'), 'succeeded');
    await setTo(rig, {}, rig.host.id);
    assert.deepEqual(await rig.pass(DAY), []);
    await rig.join(rig.host);
    assert.deepEqual(await rig.pass(MINUTE), ['check.start db-1']);
    await assert.rejects(setTo(rig, {}, 'host_1' as HostId), { details: { 'field.maintainer': 'is no approved host' } });
  });

  it('lets a backup that is under way end before it prunes', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, vault, plan, files } = rig;
    await setTo(rig, { checkDays: 0, readAllDays: 0 });
    await rig.join(host);
    rig.clock.advance(7 * DAY - MINUTE);
    const about = { run: context.createId('run'), at: rig.clock.now() };
    const sources = [files.id];
    const part = { source: files.id, state: 'succeeded' as const, warnings: [], bytes: 1, durationMs: 1 };
    const events: DurableEvent[] = [
      { type: 'run.created', ...about, kind: 'backup', trigger: 'schedule', plan: plan.id, repository: vault.id, sources },
      { type: 'run.started', ...about },
      { type: 'part.finished', ...about, part },
      { type: 'run.finished', ...about, state: 'succeeded', evidence: [], bytes: 1, logLines: 0, durationMs: 1 },
    ];
    const tell = (from: number, to: number) => {
      const numbered = events.map((event, index) => ({ seq: index + 1, event })).slice(from, to);
      return applyHostEvents(context, { id: host.id, tenant: admin.tenant }, 'epoch-of-a-backup', numbered);
    };
    await tell(0, 2);
    assert.deepEqual(await rig.pass(2 * MINUTE), []);
    const waiting = await readRoutine(context, admin, vault.id);
    assert.deepEqual(waiting?.duties.find(({ duty }) => duty === 'prune')?.wait, { kind: 'backups' });
    await tell(2, 4);
    assert.deepEqual(await rig.pass(MINUTE), ['prune.start db-1']);
  });

  it('is an alert while something is overdue, with the host that is missing, until it was done', async (t) => {
    const rig = await openRig(t);
    await setTo(rig, { checkDays: 0, readAllDays: 0 });
    const watch = openWatch(rig);
    const list = () => watch.list('upkeep.overdue');
    rig.clock.advance(9 * DAY);
    assert.deepEqual(await list(), []);
    rig.clock.advance(MINUTE);
    const troubles = 'db-1 is offline, db-2 is offline';
    assert.deepEqual(await list(), [`${rig.vault.id}: its prune is due since 2026-11-27: ${troubles}`]);
    await rig.join(rig.other);
    assert.deepEqual(await rig.pass(MINUTE), ['prune.start db-2']);
    await rig.endRun(await takeRun(rig, 'prune.start'), 'succeeded');
    assert.deepEqual(await list(), []);
    await watch.close();
  });

  it('asks the host for the size, and keeps what it says', async (t) => {
    const rig = await openRig(t);
    await setTo(rig, { measureDays: 1 });
    await rig.join(rig.host);
    assert.deepEqual(await rig.pass(DAY), []);
    const { maintenance } = rig.context.store;
    const list = () => maintenance.listSizes(rig.admin.tenant, rig.vault.id, 5);
    await waitUntil('the first size', async () => (await list()).length > 0, { intervalMs: 1 });
    assert.deepEqual((await list())[0], {
      run: undefined,
      measuredAt: rig.clock.now(),
      sizeBytes: 700,
      uncompressedBytes: undefined,
      snapshots: 2,
      restoreBytes: 0,
    });
    assert.deepEqual(
      rig.asked.map(({ type }) => type),
      ['repository.measure'],
    );
    await rig.pass(MINUTE);
    assert.equal(rig.asked.length, 1);
  });

  it('has locks looked at once a day, and each hour while one is stuck, which is an alert', async (t) => {
    const rig = await openRig(t);
    const { context, clock, host, vault, admin } = rig;
    await setTo(rig, { checkDays: 0, readAllDays: 0, pruneDays: 0 });
    const watch = openWatch(rig);
    const taken = { id: 'c'.repeat(64), createdAt: clock.now(), exclusive: true, hostname: 'a-laptop', username: 'ada', pid: 42 };
    let locks = [taken];
    const facts = { ...factsOf('db-1'), capabilities: [...CAPABILITIES, 'locks.list'] };
    await context.store.hosts.recordContact(host.id, { at: clock.now(), facts });
    rig.connect(host.id, () => ({ locks }));
    const countLooks = () => rig.asked.filter(({ type }) => type === 'locks.list').length;
    const passUntilLooked = async (ms: number) => {
      await rig.pass(ms);
      const isKept = async () => (await context.store.repositoryLooks.findLockLook(admin.tenant, vault.id))?.at === clock.now();
      for (let turns = 0; turns < 1000 && !(await isKept()); turns += 1) await new Promise((resolve) => setImmediate(resolve));
      assert.ok(await isKept(), 'it was looked');
    };
    await passUntilLooked(MINUTE);
    assert.deepEqual(await watch.list('repository.lock_stuck'), [], 'it may still be renewed');
    await rig.pass(DAY - MINUTE);
    assert.equal(countLooks(), 1);
    // Repositories are looked at every ten minutes.
    await passUntilLooked(11 * MINUTE);
    assert.deepEqual(await watch.list('repository.lock_stuck'), [
      `${vault.id}: an exclusive lock of ada on a-laptop, process 42: nobody renews it`,
    ]);
    locks = [];
    await passUntilLooked(LOCKS.stuckMs + 11 * MINUTE);
    assert.deepEqual(await watch.list('repository.lock_stuck'), []);
    assert.equal(countLooks(), 3);
    await watch.close();
  });

  it('orders retention with the admin credential where something would go, once a day, while its host is there', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host } = rig;
    await prepareRetention(rig);
    assert.match((await buildSpec(context, admin.tenant, host.id)).document, /"addsOnly":true,"forgetOrdered":true/);
    assert.deepEqual(await rig.pass(MINUTE), [], 'the host is away');
    await rig.join(host);
    assert.deepEqual(await rig.pass(MINUTE), ['retention.start db-1']);
    await rig.endRun(await takeRun(rig, 'retention.start'), 'succeeded');
    assert.deepEqual(await rig.pass(DAY - 2 * MINUTE), []);
    assert.deepEqual(await rig.pass(2 * MINUTE), ['retention.start db-1'], 'the host has not told that anything went');
    await setTo(rig, { ...RETENTION_ALONE, forgetDays: 0 });
    assert.doesNotMatch((await buildSpec(context, admin.tenant, host.id)).document, /forgetOrdered/);
  });

  it('is not needed for retention by the hosts: what they say of it is an alert until they say otherwise, or have no part in the plan', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, plan, repository } = rig;
    const policy = await createPolicy(context, admin, {
      name: 'two',
      policy: retentionRulesSchema.parse({ kind: 'rules', last: 2 }),
    });
    await context.store.plans.updatePlan({ ...plan, retentionPolicy: policy.id }, plan.version);
    const tell = async (state: TerminalState, reason?: string) => {
      const [run, at] = [context.createId('run'), rig.clock.now()];
      const failure = reason === undefined ? {} : { failure: { code: 'precondition' as const, message: 'it stays', reason } };
      const about = { kind: 'forget', trigger: 'follow_up', plan: plan.id, repository: repository.id } as const;
      const events: DurableEvent[] = [
        { type: 'run.created', run, at, ...about, sources: [] },
        { type: 'run.started', run, at },
        { type: 'run.finished', run, at, state, evidence: [], bytes: 0, logLines: 0, durationMs: 1, ...failure },
      ];
      const numbered = events.map((event, index) => ({ seq: index + 1, event }));
      await applyHostEvents(context, { id: host.id, tenant: admin.tenant }, `epoch-of-${run}`, numbered);
      rig.clock.advance(MINUTE);
    };
    const watch = openWatch(rig);
    await tell('skipped', 'retention_frozen');
    assert.deepEqual(await watch.list('retention.frozen'), [`${plan.id}: it stays`]);
    await tell('succeeded');
    assert.deepEqual(await watch.list('retention.frozen'), []);
    await tell('failed', 'interrupted');
    assert.deepEqual(await watch.list('forget.failed'), [`${plan.id}: it stays`]);
    await tell('skipped', 'removal_refused');
    assert.deepEqual(await watch.list('forget.failed'), []);
    assert.deepEqual(await watch.list('retention.refused'), [`${repository.id}: it stays`]);
    const stored = (await context.store.plans.findPlan(admin.tenant, plan.id)) ?? plan;
    await context.store.plans.updatePlan({ ...stored, sources: [] }, stored.version);
    rig.clock.advance(MINUTE);
    assert.deepEqual(await watch.list('retention.refused'), []);
    await watch.close();
  });

  it('says that retention is overdue while something is to go and no host was there for two days, and of nothing else', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, plan } = rig;
    await prepareRetention(rig);
    const stored = await context.store.plans.findPlan(admin.tenant, plan.id);
    assert.ok(stored?.retentionPolicy);
    const choose = async (retentionPolicy: typeof stored.retentionPolicy) => {
      const now = (await context.store.plans.findPlan(admin.tenant, plan.id)) ?? stored;
      await context.store.plans.updatePlan({ ...now, retentionPolicy }, now.version);
    };
    const many = await createPolicy(context, admin, {
      name: 'many',
      policy: retentionRulesSchema.parse({ kind: 'rules', last: 9 }),
    });
    const watch = openWatch(rig);
    await rig.pass(DAY);
    assert.deepEqual(await watch.list('upkeep.overdue'), []);
    await choose(many.id);
    await rig.pass(30 * DAY);
    assert.deepEqual(await watch.list('upkeep.overdue'), [], 'nothing is to go');
    await choose(stored.retentionPolicy);
    assert.match((await watch.list('upkeep.overdue')).join(), /its retention is due since \d{4}-\d\d-\d\d: .*db-1 is offline/);
    await rig.join(host);
    await rig.pass(MINUTE);
    assert.deepEqual(await watch.list('upkeep.overdue'), []);
    await watch.close();
  });

  it('sends the admin credential to the host that keeps the repository up alone, whichever hosts the plans have', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, other, vault, plan, files } = rig;
    const ids = await prepareRetention(rig, other.id);
    await rig.join(host);
    assert.deepEqual(await rig.pass(MINUTE), [], 'the host of the plan is there, the maintainer is not');
    await assert.rejects(
      startForget(context, admin, plan.id, { isApproved: true }),
      /nobody can remove snapshots from vault now: db-2 is offline/,
    );
    await rig.join(other);
    assert.deepEqual(await rig.pass(MINUTE), ['retention.start db-2']);
    const orderOf = async (id: HostId) => context.store.orders.listWaitingOrders(id, rig.clock.now());
    const [order, ...more] = await orderOf(other.id);
    assert.ok(order && more.length === 0);
    const body = REQUESTS['retention.start'].body.parse(JSON.parse(order.body));
    assert.equal(body.repository.draft.config['username'], 'keeper');
    const preview = await previewRetention(context, admin, plan.id);
    const goes = preview.sources.flatMap(({ backups }) =>
      backups.flatMap(({ decision, engineIds }) => (decision.verdict === 'remove' ? engineIds : [])),
    );
    assert.deepEqual([body.plan, body.policyName, body.held], [plan.id, 'two', []]);
    assert.deepEqual(
      body.removals.map(({ source, host: of, remove, keep }) => [
        source,
        of,
        remove.map(({ engineId }) => engineId),
        keep.length,
      ]),
      [[files.id, host.id, goes, 2]],
    );
    const [, , newest] = ids;
    assert.ok(newest);
    await pinSnapshot(context, admin, newest);
    // Both are of one instant of this clock, in either order.
    const told = (await orderOf(other.id)).filter(({ run }) => run === order.run).map(({ type }) => type);
    assert.deepEqual(told.toSorted(), ['retention.start', 'run.cancel'], 'what was planned before a pin is called off');
    assert.deepEqual(await orderOf(host.id), []);
    assert.doesNotMatch((await buildSpec(context, admin.tenant, host.id)).document, /keeper/);

    const stateOf = async () => {
      const [oldest] = ids;
      assert.ok(oldest);
      return (await context.store.snapshots.findSnapshot(admin.tenant, oldest))?.state;
    };
    const [gone] = goes;
    assert.ok(gone);
    const at = rig.clock.now();
    const removed = (run: RunId) => ({
      type: 'snapshots.removed' as const,
      run,
      at,
      source: files.id,
      snapshots: [{ engineId: gone, why: 'no rule keeps it' }],
    });
    const created = (run: RunId) => ({
      type: 'run.created' as const,
      run,
      at,
      kind: 'forget' as const,
      trigger: 'schedule' as const,
      plan: plan.id,
      repository: vault.id,
      sources: [],
    });
    const tell = (from: HostId, epoch: string, events: readonly DurableEvent[]) =>
      applyHostEvents(
        context,
        { id: from, tenant: admin.tenant },
        epoch,
        events.map((event, index) => ({ seq: index + 1, event })),
      );
    const invented = context.createId('run');
    await tell(other.id, 'epoch-of-inventions', [created(invented), removed(invented)]);
    assert.equal(await stateOf(), 'good', 'what a host made up by itself hides no snapshot of another one');
    await tell(host.id, 'epoch-of-a-stranger', [removed(order.run)]);
    assert.equal(await stateOf(), 'good', 'nor does another host speak for the run');
    await tell(other.id, 'epoch-of-the-removal', [created(order.run), removed(order.run)]);
    assert.equal(await stateOf(), 'removed');
    const missing = { type: 'repository.reconciled' as const, at, repository: vault.id, orphans: [], missing: [gone] };
    await tell(host.id, 'epoch-of-the-look', [missing]);
    assert.equal(await stateOf(), 'removed', 'the host that made it finds it gone, which is no news');
  });

  it('orders the retention of copies in a second repository, by their own policy', async (t) => {
    const rig = await openRig(t);
    const { context, admin, host, vault, plan, repository } = rig;
    await prepareRetention(rig);
    const policy = (await context.store.plans.findPlan(admin.tenant, plan.id))?.retentionPolicy;
    const kept = (await context.store.plans.findPlan(admin.tenant, plan.id)) ?? plan;
    await context.store.plans.updatePlan(
      { ...kept, repository: repository.id, retentionPolicy: undefined, copyRepository: vault.id, copyPolicy: policy },
      kept.version,
    );
    await rig.join(host);
    assert.deepEqual(await rig.pass(MINUTE), ['retention.start db-1']);
    await rig.endRun(await takeRun(rig, 'retention.start'), 'succeeded');
    assert.deepEqual(await rig.pass(MINUTE), []);
  });

  it('is nobody’s where a person lets it be done by hand, and only who manages repositories says so', async (t) => {
    const rig = await openRig(t);
    const { context, admin, vault } = rig;
    assert.ok(await readRoutine(context, admin, vault.id));
    await assert.rejects(setRoutine(context, rig.viewer, vault.id, { kind: 'by_hand' }), { code: 'forbidden' });
    await setRoutine(context, admin, vault.id, { kind: 'by_hand' });
    assert.equal(await readRoutine(context, admin, vault.id), undefined);
    await rig.join(rig.host);
    assert.deepEqual(await rig.pass(40 * DAY), []);
  });
});
