import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { HostId, PlanId, RepositoryId, RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { RunKind, RunState } from '@holdfast/shared/domain/run.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import Database from 'better-sqlite3';
import { createdEvent, finishedEvent, logEvent, logLine, madeEvent, partEvent, startedEvent } from '../contract/reports.ts';
import { NOW, sampleHost, sampleId, samplePlan, sampleRepository, sampleSource, sequence, TENANT } from '../contract/samples.ts';
import type { RunFilter } from '../runs.ts';
import type { SnapshotFilter } from '../snapshots.ts';
import type { Store } from '../store.ts';
import { buildDrillList } from './drills.ts';
import { numberOf, runNumberOf } from './id-numbers.ts';
import { createLedger } from './ledger/ledger.ts';
import { buildRunList } from './ledger/run-walk.ts';
import { buildSnapshotList } from './ledger/snapshot-walk.ts';
import { computeFacets } from './lists/facets.ts';
import { buildHostList } from './lists/sorted-hosts.ts';
import { buildPlanList } from './lists/sorted-plans.ts';
import { buildSourceList } from './lists/sorted-sources.ts';
import { openSqliteStore } from './open.ts';
import { createPeopleStore } from './people.ts';
import { createPlans } from './plans.ts';
import { buildRepositoryList, createRepositories } from './repositories.ts';
import { createSql } from './statements.ts';
import { buildAuditList, createTrailStore } from './trail.ts';

const RUNS = 100_000;
const LIMIT_MS = 20;
const directory = mkdtempSync(join(tmpdir(), 'holdfast-scale-'));
const path = join(directory, 'scale.db');
const migrationsDir = join(import.meta.dirname, '../../../../migrations');

const number = (n: number) => String(n).padStart(26, '0');
const hostOf = (i: number) => `host_${number(i % 4)}` as HostId;
const planOf = (i: number) => `plan_${number(i % 4)}` as PlanId;
const sourceOf = (i: number) => `src_${number(i % 8)}` as SourceId;
const repositoryOf = (i: number) => `repo_${number(i % 2)}` as RepositoryId;

/** A busy place with few, big hosts and plans, so that filters which never meet have most to look through. */
function fillRuns(): void {
  const db = new Database(path);
  db.pragma('synchronous = OFF');
  const run =
    db.prepare(`INSERT INTO runs (id, tenant_no, host_no, kind, cause, state, plan_no, repository_no, created_at, received_at, bytes,
      failure, evidence, facets, log_lines, log_last_n, log_bytes, log_left_out)
    VALUES (?, ${numberOf('?')}, ${numberOf('?')}, ?, 'schedule', ?, ${numberOf('?')}, ${numberOf('?')}, ?, 0, 0, ?, ?, ?, 0, 0, 0, 0)`);
  const part =
    db.prepare(`INSERT INTO run_parts (run_no, source_no, tenant_no, position, state, warnings, bytes, kind, created_at, facets)
    VALUES (${runNumberOf('?')}, ${numberOf('?')}, ${numberOf('?')}, 0, ?, '[]', 0, ?, ?, ?)`);
  const evidence = JSON.stringify([{ check: 'read_back', ok: true, seen: 'tags and size match'.repeat(10) }]);
  const known = db.prepare('INSERT INTO id_numbers (id) VALUES (?) ON CONFLICT DO NOTHING');
  db.transaction(() => {
    for (let i = 0; i < 8; i += 1) for (const id of [TENANT, hostOf(i), planOf(i), sourceOf(i), repositoryOf(i)]) known.run(id);
    for (let i = 0; i < RUNS; i += 1) {
      const state: RunState = i > RUNS - 20 ? 'running' : i === 17 ? 'partial' : i % 1000 === 0 ? 'failed' : 'succeeded';
      const kind: RunKind = i % 500 === 1 ? 'restore' : 'backup';
      const facts = { state, kind, host: hostOf(i), plan: planOf(i), repository: repositoryOf(i) };
      const facets = computeFacets(facts);
      const id = `run_${number(i)}`;
      const failure =
        state === 'failed' ? JSON.stringify({ code: 'tool_failed', message: `pg_dump failed with code ${i}` }) : null;
      run.run(id, TENANT, facts.host, kind, state, facts.plan, facts.repository, NOW + i * 1000, failure, evidence, facets);
      part.run(id, sourceOf(i), TENANT, state, kind, NOW + i * 1000, facets);
    }
  })();
  db.close();
}

/** The things that the runs are of; all have the same word in their names. */
async function nameThings(store: Store): Promise<void> {
  const repositories = [0, 1].map((i) => sampleRepository({ id: repositoryOf(i), name: `busy vault ${i}` }));
  for (const repository of repositories) await store.repositories.insertRepository(repository);
  for (let i = 0; i < 4; i += 1) {
    const host = sampleHost({ id: hostOf(i), name: `busy host ${i}` });
    await store.hosts.insertHost(host);
    const sources = [i, i + 4].map((n) => sampleSource(host, { id: sourceOf(n), name: `busy source ${n}` }));
    for (const source of sources) await store.sources.insertSource(source);
    const [repository] = repositories;
    if (repository) await store.plans.insertPlan(samplePlan(repository, sources, { id: planOf(i), name: `busy plan ${i}` }));
  }
}

function combine<T extends object>(values: T): Partial<T>[] {
  const entries = Object.entries(values);
  return Array.from(
    { length: 2 ** entries.length },
    (_, bits) => Object.fromEntries(entries.filter((_entry, i) => (bits >> i) % 2 === 1)) as Partial<T>,
  );
}

/** Milliseconds of processor time, so that a busy machine does not judge. Syncs of the disk are not in it. */
async function measureMs(work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const used = process.cpuUsage(start);
  return (used.user + used.system) / 1000;
}

describe('scale', () => {
  let store: Store;

  before(async () => {
    await (await openSqliteStore({ path, migrationsDir, clock: { now: () => NOW }, ballastBytes: 0 })).close();
    fillRuns();
    store = await openSqliteStore({ path, migrationsDir, clock: { now: () => NOW }, ballastBytes: 0 });
    await nameThings(store);
  });
  after(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });

  it(`shows a page of ${RUNS} runs in under ${LIMIT_MS} ms, whatever is filtered, met or never met`, async () => {
    const meeting = {
      state: 'succeeded',
      kind: 'backup',
      host: hostOf(1),
      plan: planOf(1),
      source: sourceOf(5),
      repository: repositoryOf(1),
      active: false,
    } as const;
    const never = {
      state: 'partial',
      kind: 'restore',
      host: hostOf(1),
      plan: planOf(2),
      source: sourceOf(3),
      repository: repositoryOf(0),
      active: true,
    } as const;
    const deep = (await store.runs.listRuns(TENANT, { until: NOW + 3_000_000 }, { limit: 1 })).next;
    const deepFound = (await store.runs.listRuns(TENANT, { search: 'busy', until: NOW + 3_000_000 }, { limit: 1 })).next;
    const slow: string[] = [];
    let rows = 0;
    const searches = ['busy', 'failed with', `run_${number(RUNS - 7).slice(0, 24)}`, 'never said'].flatMap((search) =>
      [{}, { state: 'failed' as const }, { host: hostOf(1) }, { source: sourceOf(5) }, never].map(
        (filter: RunFilter): RunFilter => ({ ...filter, search }),
      ),
    );
    for (const filter of [...combine<RunFilter>(meeting), ...combine<RunFilter>(never), ...searches]) {
      for (const after of [undefined, filter.search === undefined ? deep : deepFound]) {
        let best = Number.POSITIVE_INFINITY;
        for (let attempt = 0; attempt < 8 && best > (attempt < 3 ? LIMIT_MS / 2 : LIMIT_MS); attempt += 1) {
          const list = () => store.runs.listRuns(TENANT, filter, { limit: 50, after });
          best = Math.min(best, await measureMs(list));
        }
        rows += (await store.runs.listRuns(TENANT, filter, { limit: 50, after })).rows.length;
        if (best >= LIMIT_MS) slow.push(`${best.toFixed(1)} ms: ${JSON.stringify(filter)}`);
      }
    }
    assert.ok(rows > 128 * 50);
    assert.deepEqual(slow, []);
  });

  it('applies a full frame of 200 events in under 20 ms', async () => {
    const host = sampleHost();
    const sources = Array.from({ length: 13 }, () => sampleSource(host));
    await store.hosts.insertHost(host);
    for (const source of sources) await store.sources.insertSource(source);
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const events: DurableEvent[] = [];
      for (const source of sources) {
        const run: RunId = sampleId('run');
        const logs = Array.from({ length: 11 }, (_, i) =>
          logEvent(
            run,
            Array.from({ length: 8 }, (_line, k) =>
              logLine(i * 8 + k + 1, `dumping table ${i} part ${k} of the shop's database`),
            ),
          ),
        );
        events.push(
          createdEvent(run, { sources: [source.id] }),
          startedEvent(run),
          ...logs,
          madeEvent(run, source.id),
          partEvent(run, source.id, 'succeeded'),
          finishedEvent(run, 'succeeded'),
        );
      }
      const frame = sequence(events.slice(0, 200), round * 200 + 1);
      times.push(await measureMs(() => store.events.applyEvents(TENANT, host.id, 'epoch-speed', frame, NOW)));
    }
    const best = Math.min(...times);
    assert.ok(best < LIMIT_MS, times.map((time) => time.toFixed(1)).join(' '));
  });

  it('never walks through a whole table of runs, logs, snapshots or audit, and never sorts a list of them', () => {
    const db = new Database(path, { readonly: true });
    const texts = new Map<string, 'list' | 'other'>();
    const spy = Object.create(db, {
      prepare: {
        value: (text: string) => {
          texts.set(text, 'other');
          return db.prepare(text);
        },
      },
    }) as Database.Database;
    const sql = createSql(spy, { onFull: () => undefined, onFault: () => undefined, guardWrite: () => undefined });
    createLedger(sql, { guard: async () => undefined, onOddity: () => undefined });
    createTrailStore(sql);
    createPeopleStore(sql);
    createRepositories(sql);
    createPlans(sql);
    const page = { limit: 10, after: Buffer.from('[1,"x"]').toString('base64url') };
    const marked = (mark: readonly (string | number)[]) => ({
      limit: 10,
      after: Buffer.from(JSON.stringify(mark)).toString('base64url'),
    });
    const sorted = marked(['name.asc', 'a', 'x']);
    const timed = marked(['created.desc', 1, 'x']);
    const runFilter: RunFilter = {
      state: 'failed',
      active: true,
      kind: 'backup',
      host: hostOf(0),
      plan: planOf(0),
      source: sourceOf(0),
      repository: repositoryOf(0),
      since: 1,
      until: 2,
    };
    const snapshotFilter: SnapshotFilter = {
      host: hostOf(0),
      plan: planOf(0),
      source: sourceOf(0),
      repository: repositoryOf(0),
      state: 'good',
      role: 'data',
    };
    for (const filter of combine(runFilter)) texts.set(buildRunList(filter, page).text, 'list');
    for (const filter of combine({ active: false, state: 'failed' as const }))
      texts.set(buildRunList(filter, { limit: 10 }).text, 'list');
    for (const filter of combine(snapshotFilter)) texts.set(buildSnapshotList(filter, timed).text, 'list');
    const drillFilter = {
      isProven: false,
      source: sourceOf(0),
      host: hostOf(0),
      plan: planOf(0),
      repository: repositoryOf(0),
      since: 1,
      until: 2,
    };
    for (const filter of combine(drillFilter)) texts.set(buildDrillList(filter, page).text, 'list');
    texts.set(buildSnapshotList({ run: sampleId('run') }, timed).text, 'other');
    for (const filter of combine({ action: 'a', target: 't', actor: 'x' })) texts.set(buildAuditList(filter, page).text, 'list');
    for (const filter of combine({ search: 'x', kind: 'files', standing: 'quiet' as const }))
      texts.set(buildRepositoryList(filter, sorted).text, 'list');
    for (const filter of combine({ search: 'x', kind: 'files', host: hostOf(0), withoutPlan: true }))
      texts.set(buildSourceList(filter, sorted).text, 'list');
    for (const filter of combine({
      search: 'x',
      source: sourceOf(0),
      host: hostOf(0),
      repository: repositoryOf(0),
      enabled: true,
      tag: 't',
    }))
      texts.set(buildPlanList(filter, sorted).text, 'list');
    for (const filter of combine({
      search: 'x',
      state: 'active' as const,
      tag: 't',
      seenSince: 1,
      notSeenSince: 2,
      ailing: true,
      connection: { isOnline: true, ids: [hostOf(0)], since: 1 },
    }))
      texts.set(buildHostList(filter, sorted).text, 'list');
    assert.ok(texts.size > 600);
    const findings: string[] = [];
    for (const [text, use] of texts) {
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(bindNulls(text)) as { detail: string }[];
      for (const { detail } of plan) {
        // `seen` are steps from plan to plan; the index of short logs holds those alone that wait to be put together,
        // and that of active runs no other runs.
        const walks =
          /^SCAN (?!json_each|listed VIRTUAL|CONSTANT ROW|\d+-ROW|users USING COVERING|run_totals|seen$|l USING INDEX run_logs_short|r USING INDEX runs_active)/u.test(
            detail,
          );
        // What is of one instant is told apart by its id.
        const sorts = use === 'list' && /ORDER BY(?<!LAST TERM OF ORDER BY)/u.test(detail);
        if (walks || sorts) findings.push(`${detail} <- ${text.replace(/\s+/gu, ' ')}`);
      }
    }
    db.close();
    assert.deepEqual(findings, []);
  });
});

function bindNulls(text: string): Record<string, null> {
  return Object.fromEntries([...text.matchAll(/@(\w+)/gu)].map((match) => [match[1] ?? '', null]));
}
