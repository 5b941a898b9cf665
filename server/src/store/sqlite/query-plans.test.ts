import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import Database from 'better-sqlite3';
import { sampleHost, sampleId, samplePlan, sampleRepository, sampleSource, TENANT } from '../contract/samples.ts';
import type { RunFilter } from '../runs.ts';
import { createAlerts } from './alerts/alerts.ts';
import { createChannels } from './alerts/channels.ts';
import { createDeliveries } from './alerts/deliveries.ts';
import { createAnswers } from './answers.ts';
import { registerAuditHash } from './audit-chain.ts';
import { createChanges } from './changes.ts';
import { createCoverage } from './coverage.ts';
import { createDrills } from './drills.ts';
import { createAnnouncements, createEnrolmentTokens, createHostTokens } from './enrolment.ts';
import { createFigures } from './figures.ts';
import { readMigrations } from './file/migrations.ts';
import { createFires } from './fires.ts';
import { createHealth } from './health.ts';
import { createHistory } from './history.ts';
import { createHostContacts, createHostRows } from './hosts.ts';
import { createLedger } from './ledger/ledger.ts';
import { buildRunList } from './ledger/run-walk.ts';
import { boundLogs } from './logs/log-losses.ts';
import { createMaintenance } from './maintenance.ts';
import { createPeopleStore } from './people.ts';
import { createPlans } from './plans.ts';
import { createPolicies } from './policies.ts';
import { createRecovery } from './recovery.ts';
import { createRepositories } from './repositories.ts';
import { createRoutines } from './routines.ts';
import { createSharedSchedules } from './shared-schedules.ts';
import { createSources } from './sources.ts';
import { createSql } from './statements.ts';
import { createTrailStore } from './trail.ts';

/** What every aggregate prepares when the store is opened, on the schema of all migrations. */
function explainAll(): Map<string, readonly string[]> {
  const db = openSchema();
  const texts = new Set<string>();
  const spy = Object.create(db, {
    prepare: {
      value(text: string) {
        texts.add(text);
        return db.prepare(text);
      },
    },
  }) as Database.Database;
  const sql = createSql(spy, { onFull: () => undefined, onFault: () => undefined, guardWrite: () => undefined });
  const { put } = createDeliveries(sql);
  createLedger(sql, { guard: async () => undefined, onOddity: () => undefined, logLimits: boundLogs(undefined) });
  createAlerts(sql, put);
  for (const create of [
    createAnnouncements,
    createAnswers,
    createChanges,
    createChannels,
    createCoverage,
    createDrills,
    createEnrolmentTokens,
    createFigures,
    createFires,
    createHealth,
    createHistory,
    createHostContacts,
    createHostRows,
    createHostTokens,
    createMaintenance,
    createPeopleStore,
    createPlans,
    createPolicies,
    createRecovery,
    createRepositories,
    createRoutines,
    createSharedSchedules,
    createSources,
    createTrailStore,
  ])
    create(sql);
  sql.prepareAll();
  const plans = new Map<string, readonly string[]>();
  for (const text of texts) {
    const nulls = Object.fromEntries([...text.matchAll(/@(\w+)/gu)].map((match) => [match[1] ?? '', null]));
    const steps = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(nulls) as { detail: string }[];
    plans.set(
      text.replace(/\s+/gu, ' '),
      steps.map(({ detail }) => detail),
    );
  }
  db.close();
  return plans;
}

/** What grows with the fleet and the years. Tables of what people make by hand and of sums are small. */
const BIG =
  'hosts|host_tags|sources|plans|plan_sources|runs|run_parts|run_stages|run_logs|snapshots|audit|host_happenings|orders|deliveries|drills|repository_sizes|id_numbers|told|known';

/** All of a tenant, or all of it in one state. */
const WHOLE = /\((tenant_(id|no)=\?|tenant_(id|no)=\? AND (state|kind|role)=\?)\)$/;

/** Why a statement may look at all of a tenant, by how it begins. */
const ALLOWED: readonly (readonly [RegExp, string])[] = [
  [
    /^SELECT count\(\*\) AS count FROM (hosts|plans|sources) WHERE tenant_id = @tenant( AND state = 'active')?$/,
    'counted in an index, once a page',
  ],
  [
    /^SELECT count\(\*\) AS count FROM hosts WHERE tenant_id = @tenant AND state <> 'revoked' AND lower/,
    'for announcements that wait',
  ],
  [/^SELECT id FROM hosts INDEXED BY hosts_ailing/, 'the index holds only hosts of which something is broken'],
  [/^INSERT INTO coverage_turns .* FROM hosts/, 'once, when the server starts or a person asks'],
  [/^SELECT \(SELECT count\(\*\) FROM hosts INDEXED BY hosts_by_state/, 'once a scrape; runs only of what has not ended'],
  [/^DELETE FROM (plans|repositories|retention_policies|shared_schedules) /, 'what still points there; a person deletes one'],
];

const isAllowed = (text: string) => ALLOWED.some(([begin]) => begin.test(text));

describe('Statements of the store', () => {
  const plans = explainAll();

  it('never walk through a table that grows', () => {
    assert.ok(plans.size > 300, `${plans.size} statements were seen`);
    // Only the short queues, by an index of what waits, are walked.
    const walk = new RegExp(`^SCAN (${BIG})\\b(?! USING (COVERING )?INDEX \\w+_waiting$)`);
    const found = [...plans].filter(([text, steps]) => !isAllowed(text) && steps.some((step) => walk.test(step)));
    assert.deepEqual(found, []);
  });

  it('never read all of a tenant to find a few: only lists do that, page by page', () => {
    const found = [...plans].flatMap(([text, steps]) => {
      if (isAllowed(text) || /\bLIMIT\b/.test(text)) return [];
      const aliases = [
        ...text.matchAll(
          new RegExp(
            `\\b(?:FROM|JOIN|UPDATE|INTO) (?:${BIG})(?: AS)? (?!WHERE|INDEXED|SET|CROSS|JOIN|ON|ORDER|GROUP)([a-z]+)\\b`,
            'g',
          ),
        ),
      ];
      const names = [BIG, ...aliases.map((match) => match[1])].join('|');
      const search = new RegExp(`^(SEARCH|SCAN) (${names}) USING .*INDEX (?!runs_active)`);
      return steps.filter((step) => search.test(step) && WHOLE.test(step)).map((step) => `${step} <- ${text}`);
    });
    assert.deepEqual(found, []);
  });

  it('walk through the runs of a rare kind alone, whatever else a list of them asks', () => {
    const db = openSchema();
    const rest: readonly RunFilter[] = [
      {},
      { state: 'failed' },
      { repository: idSchema('repository').parse(`repo_${'0'.repeat(26)}`) },
    ];
    for (const filter of rest) {
      const { text, params } = buildRunList({ kind: 'restore', ...filter }, { limit: 50 });
      const bound = Object.fromEntries([...text.matchAll(/@(\w+)/gu)].map(([, name = '']) => [name, params[name] ?? null]));
      const steps = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(bound) as { detail: string }[];
      assert.match(steps[0]?.detail ?? '', /USING INDEX runs_by_kind \(tenant_no=\? AND kind=\?/);
    }
    db.close();
  });

  it('follow each way of a search by an index in the order of time, whatever else the list asks', async () => {
    const texts = await listSearches();
    assert.ok(texts.size > 60, `${texts.size} statements were seen`);
    const db = openSchema();
    for (const text of texts) {
      const nulls = Object.fromEntries([...text.matchAll(/@(\w+)/gu)].map((match) => [match[1] ?? '', null]));
      const steps = (db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(nulls) as { detail: string }[]).map(({ detail }) => detail);
      // Rows of known numbers are a page's worth; the table of errors is walked by what fits alone.
      const isFew = /json_each\(@numbers\)/.test(text);
      const found = steps.filter(
        (step) =>
          /^SCAN (?!json_each|n VIRTUAL|e VIRTUAL|known|CONSTANT ROW)/.test(step) ||
          (!isFew && /ORDER BY(?<!LAST TERM OF ORDER BY)/.test(step)),
      );
      assert.deepEqual(found, [], text);
    }
    db.close();
  });
});

function openSchema(): Database.Database {
  const db = new Database(':memory:');
  registerAuditHash(db);
  for (const { sql } of readMigrations(join(import.meta.dirname, '../../../../migrations'))) db.exec(sql);
  return db;
}

/** What lists of runs and snapshots ask when they search, each filter by itself and some together; every name fits. */
async function listSearches(): Promise<ReadonlySet<string>> {
  const db = openSchema();
  const texts = new Set<string>();
  const spy = Object.create(db, {
    prepare: {
      value(text: string) {
        texts.add(text);
        return db.prepare(text);
      },
    },
  }) as Database.Database;
  const sql = createSql(spy, { onFull: () => undefined, onFault: () => undefined, guardWrite: () => undefined });
  const plain = createSql(db, { onFull: () => undefined, onFault: () => undefined, guardWrite: () => undefined });
  const { runs, snapshots } = createLedger(sql, {
    guard: async () => undefined,
    onOddity: () => undefined,
    logLimits: boundLogs(undefined),
  });
  texts.clear();
  const host = sampleHost({ name: 'same' });
  const source = sampleSource(host, { name: 'same' });
  const repository = sampleRepository({ name: 'same' });
  const plan = samplePlan(repository, [source], { name: 'same' });
  await createHostRows(plain).insertHost(host);
  await createSources(plain).insertSource(source);
  await createRepositories(plain).insertRepository(repository);
  await createPlans(plain).insertPlan(plan);
  const ids = { host: host.id, source: source.id, repository: repository.id, plan: plan.id };
  const each = [{}, ...Object.entries(ids).map(([noun, id]) => ({ [noun]: id })), ids, { since: 1, until: 2 }];
  const sort = { by: 'created', direction: 'asc' } as const;
  for (const filter of [...each, { source: sampleId('source') }]) {
    for (const state of [undefined, 'failed'] as const)
      for (const search of ['same', 'run_0', 'req_0', 'abcdef01'])
        for (const page of [{ limit: 5 }, { limit: 5, sort }]) {
          await runs.listRuns(TENANT, { ...filter, state, search }, page);
          await snapshots.listSnapshots(TENANT, { ...filter, ...(state && { state: 'missing' }), search }, page);
        }
  }
  for (const filter of [{ active: true }, { kind: 'restore' }, { trigger: 'manual' }, { requestedBy: 'ada' }] as const)
    await runs.listRuns(TENANT, { ...filter, search: 'same' }, { limit: 5 });
  db.close();
  return texts;
}
