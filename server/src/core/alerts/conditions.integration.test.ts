/** Each condition from what hosts tell to the alert: what its judge makes of it has unit tests; that its look asks the judge is shown here. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  DEFAULT_TENANT,
  type HostId,
  type PlanId,
  type RepositoryId,
  type RunId,
  type SourceId,
} from '@holdfast/shared/domain/ids.ts';
import { retentionRulesSchema } from '@holdfast/shared/domain/retention-policy.ts';
import type { RunKind, TerminalState } from '@holdfast/shared/domain/run.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import {
  addCopies,
  addHost,
  addPlan,
  addRepository,
  addRun,
  addSource,
  DAY_MS,
  HOUR_MS,
} from '../../web/screens/fixtures/setup-fleet.ts';
import { createCaller, createWorld, NOW, type World } from '../../web/screens/fixtures/world.ts';
import { updatePlan } from '../plans/plans.ts';
import { createPolicy } from '../retention/retention-policies.ts';
import { listAlerts } from './alerts.ts';
import { type AlertWatch, createAlertWatch } from './watch.ts';

const GIB = 1024 ** 3;
const caller = createCaller();

let world: World;
let watch: AlertWatch;
let about: { host: HostId; plan: PlanId; repository: RepositoryId; source: SourceId };
let told = 0;

beforeEach(async () => {
  world = await createWorld([]);
  watch = createAlertWatch(world.context, {
    serverVersion: '0.1.0',
    measureServer: async () => ({ freeBytes: 1e12 }),
    linkAlert: ({ id }) => `https://backup.example.test/alerts/${id}`,
    listensToAlerts: () => false,
  });
  const host = await addHost(world, { name: 'db-1' });
  const source = await addSource(world, { host: host.id, name: 'shop' });
  const repository = await addRepository(world, { name: 'vault' });
  const plan = await addPlan(world, { name: 'nightly', repository: repository.id, sources: [source.id], cron: null });
  about = { host: host.id, plan: plan.id, repository: repository.id, source: source.id };
});
afterEach(async () => {
  await watch.close();
  await world.close();
});

/** Reports a run of another kind than backup that ended so. */
async function report(kind: RunKind, state: TerminalState, reason?: string): Promise<void> {
  told += 1;
  const { events } = world.context.store;
  const run = world.context.createId('run') as RunId;
  const { repository, plan } = about;
  const at = NOW + told * 1000;
  const failure = reason === undefined ? undefined : { code: 'tool_failed', message: `it ended by ${reason}`, reason };
  const own = kind === 'forget' ? { plan } : kind === 'check' ? { scope: { kind: 'structure' } } : {};
  const all = [
    { type: 'run.created', run, at, kind, trigger: 'manual', repository, sources: [], ...own },
    { type: 'run.started', run, at },
    { type: 'run.finished', run, at, state, failure, evidence: [], bytes: 0, logLines: 0, durationMs: 1 },
  ] as readonly DurableEvent[];
  const numbered = all.map((event, index) => ({ seq: index + 1, event }));
  await events.applyEvents(DEFAULT_TENANT, about.host, `epoch-${told}`, numbered, at);
}

const listTitles = async () =>
  (await listAlerts(world.context, caller, { state: 'active' }, { limit: 50 })).rows.map(({ title }) => title);

/** A clean backup of this size. */
async function backUp(at: number, gib: number): Promise<unknown> {
  return addRun(world, { ...about, at, bytes: gib * GIB });
}

async function lookAtLocks(stuck: number): Promise<unknown> {
  const { repositoryLooks } = world.context.store;
  const look = { repository: about.repository, at: NOW, stuck, ...(stuck > 0 ? { since: NOW - DAY_MS, text: 'of db-9' } : {}) };
  return repositoryLooks.putLockLook(DEFAULT_TENANT, look);
}

async function lookAtPlace(seen: { freeBytes?: number; certificateEndsAt?: number }): Promise<unknown> {
  const look = { repository: about.repository, host: about.host, at: NOW, toldAt: NOW, ...seen };
  return world.context.store.repositoryLooks.putRepositoryLooks(DEFAULT_TENANT, [look]);
}

async function beat(stateDiskFreeBytes: number): Promise<unknown> {
  const nothing = { loopLagMs: 1, outboxEvents: 0, outboxBytes: 0, activeRuns: 0, queuedRuns: 0, cpuRatio: 0 };
  const memory = { memoryUsedBytes: 1, memoryTotalBytes: 2 };
  return world.directory.heartbeats.set(about.host, { at: NOW, ...nothing, ...memory, stateDiskFreeBytes });
}

async function runVersion(agentVersion: string): Promise<unknown> {
  const { hosts } = world.context.store;
  const host = await hosts.findHost(DEFAULT_TENANT, about.host);
  assert.ok(host?.facts);
  return hosts.recordContact(about.host, { at: NOW, facts: { ...host.facts, agentVersion } });
}

/** The plan owes a fire from now on. */
async function missFire(): Promise<void> {
  const { fires } = world.context.store;
  await updatePlan(world.context, caller, about.plan, { schedule: { cron: '0 * * * *', zone: 'UTC' } });
  const own = (await fires.listDueWatches(Number.MAX_SAFE_INTEGER, 50)).filter(({ plan }) => plan === about.plan);
  assert.equal(own.length, 1);
  const fire = { fireAt: NOW - 60_000, dueAt: NOW - 60_000, deadlineAt: NOW - 30_000 };
  await fires.settleFires(
    own.map((one) => ({ ...one, lookAt: NOW, missed: [fire], catchUp: true })),
    NOW,
  );
}

async function setRetention(): Promise<void> {
  const policy = await createPolicy(world.context, caller, {
    name: 'week',
    policy: retentionRulesSchema.parse({ kind: 'rules', last: 7 }),
  });
  await updatePlan(world.context, caller, about.plan, { retentionPolicy: policy.id });
}

interface Fault {
  title: string;
  breakIt(): Promise<unknown>;
  alert: string;
  mend(): Promise<unknown>;
}

const FAULTS: readonly Fault[] = [
  {
    title: 'a backup that is far smaller than those before it',
    async breakIt() {
      for (const hours of [6, 5, 4, 3]) await backUp(NOW - hours * HOUR_MS, 10);
      await backUp(NOW - HOUR_MS, 1);
    },
    alert: 'The newest backup of db-1 / shop has a suspicious size',
    mend: () => backUp(NOW, 10),
  },
  {
    title: 'a fire for which nothing ran within its grace',
    async breakIt() {
      await backUp(NOW - HOUR_MS / 2, 1);
      await missFire();
    },
    alert: 'nightly did not run when it was due',
    mend: () => backUp(NOW, 1),
  },
  {
    title: 'a check that failed',
    breakIt: () => report('check', 'failed', 'interrupted'),
    alert: 'The check of vault failed',
    mend: () => report('check', 'succeeded'),
  },
  {
    title: 'a prune that failed',
    breakIt: () => report('prune', 'failed', 'interrupted'),
    alert: 'The prune of vault failed',
    mend: () => report('prune', 'succeeded'),
  },
  {
    title: 'a repository that a check could not reach',
    breakIt: () => report('check', 'failed', 'repository_unreachable'),
    alert: 'The repository vault cannot be reached',
    mend: () => report('check', 'succeeded'),
  },
  {
    title: 'a lock that nobody renews',
    breakIt: () => lookAtLocks(1),
    alert: 'A lock stays in the repository vault',
    mend: () => lookAtLocks(0),
  },
  {
    title: 'a full disk below a repository',
    breakIt: () => lookAtPlace({ freeBytes: 1 }),
    alert: 'There is little room left for the repository vault',
    mend: () => lookAtPlace({ freeBytes: 1e12 }),
  },
  {
    title: 'a certificate before a repository that ends soon',
    breakIt: () => lookAtPlace({ certificateEndsAt: NOW + 3 * DAY_MS }),
    alert: 'The certificate of the repository vault is near its end',
    mend: () => lookAtPlace({ certificateEndsAt: NOW + 90 * DAY_MS }),
  },
  {
    title: 'a full disk below an agent',
    breakIt: () => beat(1),
    alert: 'db-1 has little disk left',
    mend: () => beat(1e12),
  },
  {
    title: 'an agent that is older than the server',
    breakIt: () => runVersion('0.0.9'),
    alert: 'The agent on db-1 is older than the server',
    mend: () => runVersion('0.1.0'),
  },
  {
    title: 'retention that is frozen',
    async breakIt() {
      await setRetention();
      await report('forget', 'skipped', 'retention_frozen');
    },
    alert: 'Retention of nightly is frozen',
    mend: () => report('forget', 'succeeded'),
  },
  {
    title: 'retention that failed',
    async breakIt() {
      await setRetention();
      await report('forget', 'failed', 'interrupted');
    },
    alert: 'Retention of nightly failed',
    mend: () => report('forget', 'succeeded'),
  },
  {
    title: 'a copy that failed',
    async breakIt() {
      const from = (await addRepository(world, { name: 'first', engineId: 'b'.repeat(64) })).id;
      await addCopies(world, { host: about.host, plan: about.plan, from, to: about.repository, at: NOW, state: 'failed' });
    },
    alert: 'The copy to vault failed',
    async mend() {
      const from = (await addRepository(world, { name: 'again', engineId: 'c'.repeat(64) })).id;
      await addCopies(world, { host: about.host, plan: about.plan, from, to: about.repository, at: NOW + HOUR_MS });
    },
  },
];

describe('What a host tells raises its alert at the next look, and what it tells later ends it', () => {
  for (const { title, breakIt, alert, mend } of FAULTS)
    it(title, async () => {
      await breakIt();
      await watch.runRound();
      assert.deepEqual(await listTitles(), [alert]);
      await mend();
      await watch.runRound();
      assert.deepEqual(await listTitles(), []);
    });
});
