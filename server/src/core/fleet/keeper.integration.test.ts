import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createFixedClock, type FixedClock } from '@holdfast/shared/clock.ts';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { listNextFires } from '../../fires/fires.ts';
import { createdEvent, finishedEvent, madeEvent, partEvent, report, startedEvent } from '../../store/contract/reports.ts';
import { NOW, sampleHost, sampleId, samplePlan, sampleRepository, sampleSource, TENANT } from '../../store/contract/samples.ts';
import type { Host } from '../../store/hosts.ts';
import type { Plan } from '../../store/plans.ts';
import type { Source } from '../../store/sources.ts';
import { openSqliteStore } from '../../store/sqlite/open.ts';
import type { Store } from '../../store/store.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { judgeSources } from '../protection/protected-sources.ts';
import { countProtections } from '../protection/protection.ts';
import { createFleetKeeper } from './keeper.ts';
import type { FleetKeeper } from './look.ts';

const MIGRATIONS = join(import.meta.dirname, '../../../../migrations');
const HOUR = 3_600_000;
const STEPS = 150;
const CALLER: Caller = { actor: { kind: 'system', id: 'test', name: 'test' }, tenant: TENANT, role: 'viewer' };

let folder: string;
let store: Store;
let clock: FixedClock;
let context: CoreContext;
let keeper: FleetKeeper;
const online = new Set<HostId>();
const hosts: Host[] = [];
const first = sampleRepository();
const second = sampleRepository();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-keeper-'));
  clock = createFixedClock(NOW);
  store = await openSqliteStore({ path: join(folder, 'holdfast.db'), migrationsDir: MIGRATIONS, clock, ballastBytes: 0 });
  const directory = { isOnline: (host: HostId) => online.has(host), listOnline: () => [...online] };
  context = { store, clock, directory, listFires: listNextFires } as unknown as CoreContext;
  keeper = createFleetKeeper(context);
  await store.repositories.insertRepository(first);
  await store.repositories.insertRepository(second);
  for (let index = 0; index < 4; index += 1) {
    const host = sampleHost({ tags: index % 2 === 0 ? ['even'] : [] });
    await store.hosts.insertHost(host);
    hosts.push(host);
    online.add(host.id);
    const sources = [sampleSource(host), sampleSource(host), sampleSource(host)];
    for (const source of sources) await store.sources.insertSource(source);
    await store.plans.insertPlan(samplePlan(first, sources.slice(0, 2)));
  }
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** The same numbers for the same seed (mulberry32). */
function createDice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

async function listAll(): Promise<{ sources: readonly Source[]; plans: readonly Plan[] }> {
  const [sources, plans] = await Promise.all([
    store.sources.listSources(TENANT, {}, { limit: 200 }),
    store.plans.listPlans(TENANT, {}, { limit: 200 }),
  ]);
  return { sources: sources.rows, plans: plans.rows };
}

/** What may happen to a fleet, one thing at a time. */
async function act(roll: (below: number) => number): Promise<string> {
  const { sources, plans } = await listAll();
  const pick = <T>(list: readonly T[]): T => {
    assert.ok(list.length > 0);
    return list[roll(list.length)] as T;
  };
  const source = pick(sources);
  const host = hosts.find(({ id }) => id === source.host) ?? pick(hosts);
  const plan = plans.length === 0 ? undefined : pick(plans);
  const at = clock.now();
  const end = async (of: Source, kind: 'backup' | 'drill', state: 'succeeded' | 'failed' | 'partial', extra: object = {}) => {
    const run = sampleId('run');
    const own = plans.find((one) => one.sources.includes(of.id));
    const made = kind === 'backup' && state !== 'failed' ? [madeEvent(run, of.id, { createdAt: at })] : [];
    const part = partEvent(run, of.id, state, at);
    await report(store, hosts.find(({ id }) => id === of.host) ?? host, [
      createdEvent(run, { at, kind, plan: own?.id, repository: first.id, sources: [of.id], ...extra }),
      startedEvent(run, at),
      ...made,
      kind === 'backup' ? part : { ...part, part: { ...part.part, drill: { isProven: state === 'succeeded', ...FIGURES } } },
      finishedEvent(run, state, { at }),
    ]);
  };
  const acts: Readonly<Record<string, () => Promise<unknown> | undefined>> = {
    'a clean backup': () => end(source, 'backup', 'succeeded'),
    'a good night': async () => {
      online.clear();
      for (const { id } of hosts) online.add(id);
      for (const one of sources) await end(one, 'backup', 'succeeded');
    },
    'a failed backup': () => end(source, 'backup', 'failed'),
    'a partial backup': () => end(source, 'backup', 'partial'),
    'a drill': async () => {
      const [snapshot] = (await store.snapshots.listSnapshots(TENANT, { source: source.id }, { limit: 1 })).rows;
      if (snapshot !== undefined) await end(source, 'drill', pick(['succeeded', 'failed'] as const), { snapshot: snapshot.id });
    },
    'a wish for proofs': () =>
      store.drills.saveDrillSettings(TENANT, {
        source: source.id,
        assertions: [],
        withinDays: pick([undefined, 1, 7]),
        updatedAt: at,
      }),
    'a source switched': () => store.sources.updateSource({ ...source, enabled: !source.enabled }, source.version),
    'a source renamed': () => store.sources.updateSource({ ...source, name: `renamed ${roll(1e9)}` }, source.version),
    'a source more': () => store.sources.insertSource(sampleSource(pick(hosts))),
    'a source less': () =>
      plans.some((one) => one.sources.includes(source.id)) ? undefined : store.sources.deleteSource(TENANT, source.id),
    'a plan more': () => store.plans.insertPlan(samplePlan(first, [source, pick(sources)].slice(0, 1 + roll(1)))),
    'a plan less': () => plan && store.plans.deletePlan(TENANT, plan.id),
    'a plan switched': () => plan && store.plans.updatePlan({ ...plan, enabled: !plan.enabled }, plan.version),
    'a plan of other sources': () => plan && store.plans.updatePlan({ ...plan, sources: [source.id] }, plan.version),
    'a plan with copies': () =>
      plan && store.plans.updatePlan({ ...plan, copyRepository: pick([undefined, second.id]) }, plan.version),
    'a plan of another time': () => {
      const cron = pick(['0 * * * *', '30 3 * * 1-5', '0 4 1 * *', undefined]);
      const schedule = cron === undefined ? undefined : { cron, zone: 'Europe/Berlin' };
      return plan && store.plans.updatePlan({ ...plan, schedule, effectiveFrom: at, updatedAt: at }, plan.version);
    },
    'a fire missed': async () => {
      if (plan === undefined) return;
      const fire = { fireAt: at, dueAt: at, deadlineAt: at };
      const on = sources.find(({ id }) => id === plan.sources[0])?.host ?? host.id;
      const verdict = { tenant: TENANT, plan: plan.id, host: on, planVersion: plan.version, settledThrough: at, lookAt: at };
      await store.fires.settleFires([{ ...verdict, missed: [fire], catchUp: false }], at);
    },
    'hosts heard of': () =>
      store.hosts.touchHosts(
        hosts.map(({ id }) => id),
        at,
      ),
    'a host connected or gone': async () => void (online.delete(host.id) || online.add(host.id)),
    'a host out or in': () => store.hosts.setHostState(TENANT, host.id, pick(['active', 'active', 'quarantined'] as const)),
    'a host of other tags': () => store.hosts.updateHostNaming(TENANT, host.id, { tags: pick([[], ['even'], ['odd', 'even']]) }),
    'other objectives': () =>
      store.settings.putSetting(
        'objectives',
        JSON.stringify(
          pick([
            {},
            { fleet: { backupMinutes: 600 } },
            { tags: [{ tag: 'even', backupMinutes: 60, proofDays: 2 }] },
            { fleet: { proofDays: 3 }, plans: plan === undefined ? [] : [{ plan: plan.id, backupMinutes: 2880 }] },
          ]),
        ),
      ),
    'some minutes': async () => clock.advance(HOUR / 4),
    'some hours': async () => clock.advance((1 + roll(30)) * HOUR),
  };
  const name = pick(Object.keys(acts));
  await acts[name]?.();
  return name;
}

const FIGURES = { restoreMs: 1000, snapshotAgeMs: 1000, rows: 1, things: 1 };

/** All sources with their words, in the order of lists, from what is kept and by a whole computation. */
async function compare(what: string): Promise<void> {
  const look = await keeper.look(TENANT);
  const whole = await judgeSources(context, CALLER, (await listAll()).sources);
  assert.deepEqual(
    look.sources.map((one) => {
      const { id, standing, proof, objectives, plans } = one.source;
      const { name, tags, lastSeenAt, standing: hostStanding } = one.host;
      const words = [id, one.protection.status, look.explain(one), standing, proof, objectives, plans.map((plan) => plan.id)];
      return [...words, name, tags, lastSeenAt, hostStanding];
    }),
    whole.map(({ source: { id }, host, protection: { status, reason }, standing, proof, objectives, plans }) => {
      const words = [id, status, reason, standing, proof, objectives, plans.map((plan) => plan.id)];
      return [...words, host.name, host.tags, host.lastSeenAt, host.standing];
    }),
    what,
  );
  // A few of them, by themselves: with all that the alerts go by, those that are gone left out.
  const some = whole.filter((_, index) => index % 2 === 0);
  const few = await keeper.judge(TENANT, [sampleId('source'), ...some.map(({ source }) => source.id)]);
  assert.deepEqual(
    few.map(({ source, host, protection, proofTrouble }) => [
      ...[source.id, source.name, source.enabled, source.standing, source.plans.map(({ id, enabled }) => [id, enabled])],
      ...[host.id, host.name, host.tags, host.standing, protection, proofTrouble],
    ]),
    some.map(({ source, host, plans, standing, protection, proofTrouble }) => [
      ...[source.id, source.name, source.enabled, standing, plans.map(({ id, enabled }) => [id, enabled])],
      ...[host.id, host.name, host.tags, host.standing, protection, proofTrouble],
    ]),
    what,
  );
  assert.deepEqual(look.counts, countProtections(whole.map(({ protection }) => protection)), what);
}

describe('What is kept of a fleet', () => {
  it('says of every source what a whole computation says, whatever happened', { timeout: 120_000 }, async () => {
    const seen = new Set<string>();
    for (const seed of [1, 2]) {
      const roll = createDice(seed);
      const acts: string[] = [];
      for (let step = 0; step < STEPS; step += 1) {
        // Time goes on between acts, and hosts are heard of.
        clock.advance(1000 + roll(60_000));
        acts.push(await act(roll));
        if (roll(3) > 0) await store.hosts.touchHosts([...online], clock.now());
        if (roll(2) === 0 || acts.at(-1) === 'a fire missed') await compare(`seed ${seed}, after ${acts.slice(-8).join(', ')}`);
        for (const { protection } of (await keeper.look(TENANT)).sources) seen.add(protection.status);
      }
    }
    assert.deepEqual([...seen].sort(), ['at_risk', 'paused', 'protected', 'unknown', 'unprotected']);
  });

  it('is read anew after a failure on the way, and after another process wrote', async () => {
    const [source] = (await listAll()).sources;
    assert.ok(source);
    const { findSources } = store.sources;
    await store.sources.updateSource({ ...source, enabled: !source.enabled }, source.version);
    store.sources.findSources = () => Promise.reject(new Error('the disk is away'));
    await assert.rejects(keeper.look(TENANT), /the disk is away/);
    store.sources.findSources = findSources;
    await compare('after a failure');

    const path = join(folder, 'holdfast.db');
    const beside = await openSqliteStore({ path, migrationsDir: MIGRATIONS, clock, access: 'beside' });
    await beside.sources.insertSource(sampleSource(hosts[0] ?? sampleHost()));
    await beside.close();
    await compare('after another process');
  });

  it('answers many at once with one look, and the next within a second with the same', async () => {
    const looks = await Promise.all(Array.from({ length: 20 }, () => keeper.look(TENANT)));
    assert.equal(new Set(looks).size, 1);
    assert.equal(await keeper.look(TENANT), looks[0]);
    clock.advance(1000);
    assert.notEqual(await keeper.look(TENANT), looks[0]);
  });
});
