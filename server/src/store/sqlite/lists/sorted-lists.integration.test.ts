import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type HostId, idSchema, type PlanId, type SourceId } from '@holdfast/shared/domain/ids.ts';
import {
  DIRECTIONS,
  HOST_ORDERS,
  PLAN_ORDERS,
  RUN_ORDERS,
  SNAPSHOT_LIST_ORDERS,
  SOURCE_ORDERS,
} from '@holdfast/shared/domain/list-orders.ts';
import { RUN_KINDS, RUN_STATES, TRIGGERS } from '@holdfast/shared/domain/run.ts';
import Database from 'better-sqlite3';
import {
  FACTS,
  NOW,
  OTHER_TENANT,
  refusal,
  sampleHost,
  sampleId,
  samplePlan,
  sampleRepository,
  sampleSource,
  TENANT,
} from '../../contract/samples.ts';
import type { Page, SortedPage } from '../../page.ts';
import type { RepositoryStore } from '../../repositories.ts';
import type { RunFilter } from '../../runs.ts';
import type { StoredSourceOrder } from '../../sources.ts';
import { registerAuditHash } from '../audit-chain.ts';
import { readMigrations } from '../file/migrations.ts';
import { createHostContacts, createHostRows } from '../hosts.ts';
import { numberOf } from '../id-numbers.ts';
import { createLedger } from '../ledger/ledger.ts';
import { boundLogs } from '../logs/log-losses.ts';
import { createPlans } from '../plans.ts';
import { createRepositories } from '../repositories.ts';
import { createSources } from '../sources.ts';
import { createSql, type PreparableSql } from '../statements.ts';
import { computeFacets } from './facets.ts';

/** The same numbers in every run of the test. */
function createDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const RUNS = 160;
const LIMITS = [3, 40];

/** All pages, one after the other. */
async function readAll<T, C extends string>(
  list: (page: SortedPage<C>) => Promise<Page<T>>,
  sort: SortedPage<C>['sort'],
  limit: number,
): Promise<T[]> {
  const rows: T[] = [];
  for (let mark: string | undefined; ; ) {
    const page = await list({ limit, after: mark, sort });
    assert.ok(page.rows.length <= limit);
    rows.push(...page.rows);
    if (page.next === undefined) return rows;
    assert.equal(page.rows.length, limit, 'a page with a next one is full');
    mark = page.next;
  }
}

const pick = <T>(dice: (sides: number) => number, from: readonly T[]): T => from[dice(from.length)] as T;

function openSql(db: Database.Database): PreparableSql {
  return createSql(db, { onFull: () => undefined, onFault: () => undefined, guardWrite: () => undefined });
}

function openLists(db: Database.Database) {
  const sql = openSql(db);
  const lists = {
    hosts: { ...createHostRows(sql), ...createHostContacts(sql) },
    sources: createSources(sql),
    plans: createPlans(sql),
    ...createLedger(sql, { guard: async () => undefined, onOddity: () => undefined, logLimits: boundLogs(undefined) }),
  };
  // What lists of another order take stays to be seen.
  sql.prepareAll();
  return lists;
}

describe('Lists in every order', () => {
  const db = new Database(':memory:');
  let lists: ReturnType<typeof openLists>;
  const names = new Map<string, string>();
  const goodAt = new Map<string, number>();

  before(async () => {
    registerAuditHash(db);
    for (const { sql } of readMigrations(join(import.meta.dirname, '../../../../../migrations'))) db.exec(sql);
    lists = openLists(db);
    await fill(createRepositories(openSql(db)));
  });
  after(() => db.close());

  async function fill(repositories: Pick<RepositoryStore, 'insertRepository'>): Promise<void> {
    const dice = createDice(20_261_121);
    const repository = sampleRepository();
    await repositories.insertRepository(repository);
    const hostIds: HostId[] = [];
    const sourceIds: SourceId[] = [];
    const planIds: PlanId[] = [];
    const versions = ['0.9.3', '0.10.0', '0.10.1'];
    for (let n = 0; n < 40; n += 1) {
      const host = sampleHost({
        // Pairs of the same name tell whether ids decide.
        name: `Host ${dice(30)}`,
        state: n % 3 === 0 ? 'active' : pick(dice, ['revoked', 'quarantined', 'revoked'] as const),
        lastSeenAt: dice(4) === 0 ? undefined : NOW - dice(6) * 1000,
        facts: dice(5) === 0 ? undefined : { ...FACTS, agentVersion: pick(dice, versions) },
      });
      if (host.state === 'active') host.name = `Host active ${n}`;
      if (host.state === 'quarantined') host.name = `Host apart ${n}`;
      await lists.hosts.insertHost(host);
      if (n % 2 === 0) await lists.hosts.recordAilments(host.id, n % 4 === 0 ? [{ about: 'room', text: 'no room' }] : []);
      names.set(host.id, host.name.toLowerCase());
      hostIds.push(host.id);
      for (let k = 0; k < dice(4); k += 1) {
        const source = sampleSource(host, {
          name: `Source ${n} ${dice(500)}`,
          kind: pick(dice, ['files', 'postgresql', 'mariadb']),
        });
        await lists.sources.insertSource(source);
        names.set(source.id, source.name.toLowerCase());
        sourceIds.push(source.id);
      }
    }
    for (let n = 0; n < 25; n += 1) {
      const plan = samplePlan(repository, [], {
        name: `Plan ${dice(500)} ${n}`,
        enabled: dice(4) > 0,
        schedule: dice(4) === 0 ? undefined : { cron: `${dice(3)} 2 * * *`, zone: 'UTC' },
      });
      await lists.plans.insertPlan(plan);
      names.set(plan.id, plan.name.toLowerCase());
      planIds.push(plan.id);
    }
    // One plan is gone, its runs stay.
    planIds.push(idSchema('plan').parse(sampleId('plan')));
    const insertRun =
      db.prepare(`INSERT INTO runs (id, tenant_no, host_no, kind, cause, state, plan_no, repository_no, created_at, duration_ms,
        received_at, bytes, evidence, requested_by, facets, log_lines, log_last_n, log_bytes, log_left_out)
      VALUES (@id, ${numberOf('@tenant')}, ${numberOf('@host')}, @kind, @cause, @state, ${numberOf('@plan')}, ${numberOf('@repository')},
        @createdAt, @durationMs, @createdAt, @bytes, '[]', @by, @facets, 0, 0, 0, 0)`);
    const insertSnapshot =
      db.prepare(`INSERT INTO snapshots (id, tenant_no, engine_id, run_id, host_no, source_no, plan_no, repository_no, role, state,
        created_at, size_bytes, evidence) VALUES (@id, ${numberOf('@tenant')}, @id, @run, ${numberOf('@host')}, ${numberOf('@source')},
        ${numberOf('@plan')}, ${numberOf('@repository')}, 'data', 'quarantined', @createdAt, @sizeBytes, '[]')`);
    const judge = db.prepare('UPDATE snapshots SET state = @state WHERE id = @id');
    const number = db.prepare('INSERT INTO id_numbers (id) VALUES (?)');
    for (const id of [TENANT, OTHER_TENANT, repository.id, ...hostIds, ...sourceIds, ...planIds]) number.run(id);
    for (let n = 0; n < RUNS; n += 1) {
      const cause = pick(dice, TRIGGERS);
      const run = {
        id: sampleId('run'),
        tenant: n % 16 === 0 ? OTHER_TENANT : TENANT,
        host: pick(dice, hostIds),
        kind: pick(dice, RUN_KINDS),
        cause,
        state: pick(dice, RUN_STATES),
        plan: dice(5) === 0 ? null : pick(dice, planIds),
        repository: repository.id,
        createdAt: NOW + dice(60),
        durationMs: dice(4) === 0 ? null : dice(5),
        bytes: dice(6),
        by: cause === 'manual' ? pick(dice, ['ada', 'bob']) : null,
      };
      insertRun.run({ ...run, facets: computeFacets({ ...run, plan: run.plan ?? undefined }) });
      const snapshot = {
        id: sampleId('snapshot'),
        tenant: run.tenant,
        run: run.id,
        host: run.host,
        source: pick(dice, sourceIds),
        plan: run.plan,
        repository: repository.id,
        createdAt: run.createdAt,
        sizeBytes: dice(9),
      };
      insertSnapshot.run(snapshot);
      const state = pick(dice, ['good', 'partial', 'missing', 'removed'] as const);
      if (dice(6) > 0) judge.run({ id: snapshot.id, state: 'good' });
      judge.run({ id: snapshot.id, state });
      if (state === 'good' && run.plan !== null && run.tenant === TENANT)
        goodAt.set(snapshot.source, Math.max(goodAt.get(snapshot.source) ?? 0, snapshot.createdAt));
    }
  }

  /** What pages say together is the whole list, once each, whatever their size, in the order of `rank`. */
  async function check<T extends { id: string }, C extends string>(
    list: (page: SortedPage<C>) => Promise<Page<T>>,
    by: C,
    rank: (row: T) => string | number,
  ): Promise<void> {
    const whole = new Set((await readAll(list, undefined, 200)).map(({ id }) => id));
    for (const direction of DIRECTIONS) {
      const [first, ...others] = await Promise.all(LIMITS.map((limit) => readAll(list, { by, direction }, limit)));
      const ids = first?.map(({ id }) => id) ?? [];
      assert.equal(new Set(ids).size, ids.length, `${by} ${direction} shows a row twice`);
      assert.deepEqual(new Set(ids), whole, `${by} ${direction} is the whole list`);
      for (const other of others)
        assert.deepEqual(
          other.map(({ id }) => id),
          ids,
          `${by} ${direction} is the same in pages of every size`,
        );
      const ranks = (first ?? []).map(rank);
      const sign = direction === 'desc' ? -1 : 1;
      for (const [place, value] of ranks.entries()) {
        const before = ranks[place - 1];
        if (before === undefined) continue;
        const inOrder = before === value || (before < value ? sign : -sign) > 0;
        assert.ok(inOrder, `${by} ${direction}: ${before} stands before ${value}`);
      }
    }
  }

  it('of runs are whole and in order, also when they are narrowed', async () => {
    const states = ['failed', 'partial', 'cancelled', 'skipped', 'queued', 'running', 'finalizing', 'succeeded'];
    const some = (await lists.runs.listRuns(TENANT, {}, { limit: 200 })).rows;
    const filters: readonly RunFilter[] = [
      {},
      { kind: 'backup' },
      { active: true },
      { active: false },
      { state: 'failed' },
      { host: some[0]?.host },
      { plan: some.find(({ plan }) => plan !== undefined)?.plan },
      { trigger: 'manual' },
      { trigger: 'schedule' },
      { requestedBy: 'ada' },
      { since: NOW + 20, until: NOW + 40 },
    ];
    for (const filter of filters) {
      const list = (page: SortedPage<(typeof RUN_ORDERS)[number]>) => lists.runs.listRuns(TENANT, filter, page);
      await check(list, 'created', (run) => run.createdAt);
      await check(list, 'duration', (run) => run.durationMs ?? -1);
      await check(list, 'bytes', (run) => run.bytes);
      await check(list, 'state', (run) => states.indexOf(run.state));
      await check(list, 'host', (run) => names.get(run.host) ?? '');
    }
    const manual = (await lists.runs.listRuns(TENANT, { trigger: 'manual' }, { limit: 200 })).rows;
    assert.deepEqual(
      manual.map(({ id }) => id),
      some.filter(({ trigger }) => trigger === 'manual').map(({ id }) => id),
    );
    assert.ok(manual.length > 3);
    const hers = (await lists.runs.listRuns(TENANT, { requestedBy: 'ada' }, { limit: 200 })).rows;
    assert.deepEqual(
      hers.map(({ id }) => id),
      some.filter(({ requestedBy }) => requestedBy === 'ada').map(({ id }) => id),
    );
  });

  it('of runs by plan go by its name, with those of no plan and of one that is gone at the end', async () => {
    for (const direction of DIRECTIONS) {
      const by = { by: 'plan', direction } as const;
      const list = (page: SortedPage<'plan'>) => lists.runs.listRuns(TENANT, {}, page);
      const all = await readAll(list, by, 9);
      const named = all.map(({ plan }) => (plan === undefined ? undefined : names.get(plan)));
      const firstNameless = named.indexOf(undefined);
      assert.ok(firstNameless > 0 && named.slice(firstNameless).every((name) => name === undefined));
      const known = named.slice(0, firstNameless).map(String);
      const sorted = known.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      assert.deepEqual(known, direction === 'desc' ? sorted.toReversed() : sorted);
      assert.equal(new Set(all.map(({ id }) => id)).size, (await readAll(list, undefined, 200)).length);
      assert.deepEqual(await readAll(list, by, 200), all);
    }
  });

  it('of hosts are whole and in order, by version as people count', async () => {
    const list = (page: SortedPage<(typeof HOST_ORDERS)[number]>) =>
      lists.hosts.listHosts(TENANT, {}, { ...page, freshSince: NOW - 3000 });
    const status = { quarantined: 0, active: 1, revoked: 4 };
    const versions = [undefined, '0.9.3', '0.10.0', '0.10.1'];
    await check(list, 'name', (host) => host.name.toLowerCase());
    await check(list, 'seen', (host) => host.lastSeenAt ?? 0);
    await check(list, 'version', (host) => versions.indexOf(host.facts?.agentVersion));
    await check(list, 'status', (host) =>
      host.state === 'active' && (host.lastSeenAt ?? 0) >= NOW - 3000
        ? (host.ailments ?? []).length > 0
          ? 2
          : 3
        : status[host.state],
    );
    const online = (page: SortedPage<(typeof HOST_ORDERS)[number]>) =>
      lists.hosts.listHosts(TENANT, { state: 'active', seenSince: NOW - 3000 }, { ...page, freshSince: NOW - 3000 });
    for (const by of HOST_ORDERS) await check(online, by, () => 0);
  });

  it('of sources are whole and in order, what was never backed up clean as the oldest', async () => {
    for (const filter of [{}, { kind: 'files' }, { search: '1' }]) {
      const list = (page: SortedPage<StoredSourceOrder>) => lists.sources.listSources(TENANT, filter, page);
      await check(list, 'name', (source) => source.name.toLowerCase());
      await check(list, 'kind', (source) => source.kind);
      await check(list, 'host', (source) => names.get(source.host) ?? '');
      await check(list, 'good', (source) => goodAt.get(source.id) ?? 0);
    }
  });

  it('of plans go by their next fire, those that never fire behind all others', async () => {
    const nextFire = ({ cron }: { cron: string }) => (cron.startsWith('2') ? undefined : NOW + Number(cron.slice(0, 1)));
    const list = (page: SortedPage<(typeof PLAN_ORDERS)[number]>) => lists.plans.listPlans(TENANT, {}, { ...page, nextFire });
    await check(list, 'name', (plan) => plan.name.toLowerCase());
    for (const direction of DIRECTIONS) {
      const fires = (await readAll(list, { by: 'next', direction }, 4)).map(({ enabled, schedule }) =>
        enabled && schedule !== undefined ? nextFire(schedule) : undefined,
      );
      const firing = fires.filter((at) => at !== undefined);
      assert.equal(fires.length, 25);
      assert.ok(firing.length > 3 && firing.length < 25);
      assert.deepEqual(fires.slice(0, firing.length), firing);
      assert.deepEqual(
        firing,
        firing.toSorted((a, b) => (direction === 'desc' ? b - a : a - b)),
      );
      assert.deepEqual(await readAll(list, { by: 'next', direction }, 50), await readAll(list, { by: 'next', direction }, 1));
    }
  });

  it('of snapshots are whole and in order, and narrowed to a time', async () => {
    for (const filter of [{}, { state: 'missing' }, { state: 'removed' }, { since: NOW + 10, until: NOW + 50 }] as const) {
      const list = (page: SortedPage<(typeof SNAPSHOT_LIST_ORDERS)[number]>) =>
        lists.snapshots.listSnapshots(TENANT, filter, page);
      await check(list, 'created', (snapshot) => snapshot.createdAt);
      await check(list, 'size', (snapshot) => snapshot.sizeBytes);
    }
  });

  it('refuse the mark of another order', async () => {
    const { next } = await lists.runs.listRuns(TENANT, {}, { limit: 2, sort: { by: 'bytes', direction: 'asc' } });
    for (const by of ['duration', 'state', 'created', 'plan'] as const)
      await assert.rejects(
        lists.runs.listRuns(TENANT, {}, { limit: 2, after: next, sort: { by, direction: 'desc' } }),
        refusal('invalid', { field: 'after' }),
      );
  });

  it('that can be long walk an index and sort at most what is of one instant', async () => {
    const texts = new Set<string>();
    const spy = Object.create(db, {
      prepare: {
        value(text: string) {
          texts.add(text);
          return db.prepare(text);
        },
      },
      transaction: { value: (work: () => unknown) => db.transaction(work) },
    }) as Database.Database;
    const { hosts, sources, plans, runs, snapshots } = openLists(spy);
    texts.clear();
    const nextFire = () => NOW;
    for (const direction of DIRECTIONS) {
      for (const by of RUN_ORDERS)
        await readAll((page) => runs.listRuns(TENANT, { kind: 'backup' }, page), { by, direction }, 20);
      for (const by of HOST_ORDERS) await readAll((page) => hosts.listHosts(TENANT, {}, page), { by, direction }, 20);
      for (const by of SOURCE_ORDERS.filter((one) => one !== 'protection'))
        await readAll((page) => sources.listSources(TENANT, {}, page), { by, direction }, 20);
      for (const by of PLAN_ORDERS)
        await readAll((page) => plans.listPlans(TENANT, {}, { ...page, nextFire }), { by, direction }, 20);
      for (const by of SNAPSHOT_LIST_ORDERS)
        await readAll((page) => snapshots.listSnapshots(TENANT, {}, page), { by, direction }, 20);
    }
    const found = [...texts].flatMap((text) => {
      const nulls = Object.fromEntries([...text.matchAll(/@(\w+)/gu)].map((match) => [match[1] ?? '', null]));
      const steps = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(nulls) as { detail: string }[];
      return steps
        .filter(({ detail }) => /^SCAN (?!json_each|CONSTANT|seen)|TEMP B-TREE(?! FOR LAST TERM)|AUTOMATIC/.test(detail))
        .map(({ detail }) => `${detail} <- ${text.replace(/\s+/gu, ' ')}`);
    });
    assert.ok(texts.size > 30, `${texts.size} statements were seen`);
    assert.deepEqual(found, []);
  });
});
