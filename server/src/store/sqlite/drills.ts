import { type DrillVerdict, drillAssertionsSchema } from '@holdfast/shared/domain/drill.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { planDrillsSchema } from '@holdfast/shared/domain/plan-drills.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import type { Drill, DrillFilter, DrillSettings, DrillStore, FollowedDrills, UnsettledDrills } from '../drills.ts';
import type { PageRequest } from '../page.ts';
import { flag, json, optional, toJson } from './columns.ts';
import { idOf, numberOf } from './id-numbers.ts';
import type { RunHead } from './ledger/run-rows.ts';
import { createTimePage, cutPage, joinConditions } from './lists/keyset.ts';
import type { Params, Sql } from './statements.ts';

const COLUMNS = `run_id AS run, source_id AS source, host_id AS host, snapshot_id AS snapshot, is_proven AS isProven,
  ended_at AS endedAt, restore_ms AS restoreMs, snapshot_age_ms AS snapshotAgeMs, row_count AS rows, things`;
const drillRow: z.ZodType<Drill> = z.object({
  run: idSchema('run'),
  source: idSchema('source'),
  host: idSchema('host'),
  snapshot: idSchema('snapshot'),
  isProven: flag,
  endedAt: z.int(),
  restoreMs: z.int(),
  snapshotAgeMs: z.int(),
  rows: optional(z.int()),
  things: z.int(),
});

const followed: z.ZodType<FollowedDrills> = z.object({ plan: idSchema('plan'), drills: planDrillsSchema });

const SETTINGS_COLUMNS = `source_id AS source, assertions, every_days AS everyDays, within_days AS withinDays, every_runs AS everyRuns,
  host_id AS host, server_id AS server, followed, next_at AS nextAt, missed_since AS missedSince, missed_why AS missedWhy, updated_at AS updatedAt`;
const settingsRow: z.ZodType<DrillSettings> = z
  .object({
    source: idSchema('source'),
    assertions: json(drillAssertionsSchema),
    everyDays: optional(z.int()),
    withinDays: optional(z.int()),
    everyRuns: optional(z.int()),
    host: optional(idSchema('host')),
    server: optional(idSchema('source')),
    followed: optional(json(followed)),
    nextAt: optional(z.int()),
    missedSince: optional(z.int()),
    missedWhy: optional(z.string()),
    updatedAt: z.int(),
  })
  .transform(({ missedSince: since, missedWhy: why, followed, ...settings }) => ({
    ...settings,
    ...(followed === undefined ? {} : { followed }),
    ...(since === undefined || why === undefined ? {} : { missed: { since, why } }),
  }));

const unsettledRow: z.ZodType<UnsettledDrills> = z.object({
  tenant: idSchema('tenant'),
  source: idSchema('source'),
  said: optional(z.string()),
  followed: optional(json(followed)),
});

/** Of the source itself, or of the plan that it follows. */
const EVERY_RUNS = `coalesce(every_runs, followed ->> '$.drills.everyRuns')`;

export interface DrillRows {
  /**
   * Keeps the verdict and what it means for the snapshot. False for a repeat, and for a drill that was not ordered and is of no
   * snapshot of this host and source, which changes nothing.
   */
  record(head: RunHead, source: string, at: number, verdict: DrillVerdict): boolean;
  /** Counts a clean backup of a source: enough of them make a drill due at `now`. */
  countBackup(source: string, now: number): void;
}

/** What the ledger learns of drills, inside the transaction of the frame that tells of them. */
export function createDrillRows(sql: Sql): DrillRows {
  const insert =
    sql.change(`INSERT INTO drills (run_id, source_id, tenant_id, host_id, snapshot_id, is_proven, ended_at, restore_ms,
      snapshot_age_ms, row_count, things, plan_id, repository_id)
    SELECT r.id, @source, @tenant, ${idOf('r.host_no')}, s.id, @isProven, @at, @restoreMs, @snapshotAgeMs, @rows, @things,
      ${idOf('s.plan_no')}, ${idOf('s.repository_no')}
    FROM runs r JOIN snapshots s ON s.id = r.snapshot_id AND s.tenant_no = r.tenant_no
    WHERE (s.host_no = r.host_no OR EXISTS (SELECT 1 FROM orders o WHERE o.run_id = r.id AND o.host_id = ${idOf('r.host_no')} AND o.type = 'drill.start'))
      AND r.id = @run AND r.tenant_no = ${numberOf('@tenant')} AND s.source_no = ${numberOf('@source')}
    ON CONFLICT (run_id, source_id) DO NOTHING`);
  const mark = sql.change(`UPDATE snapshots SET proven_at = @provenAt
    WHERE id = (SELECT snapshot_id FROM drills WHERE run_id = @run AND source_id = @source)`);
  const count = sql.change(`UPDATE drill_settings SET clean_runs = clean_runs + 1,
      next_at = CASE WHEN clean_runs + 1 >= ${EVERY_RUNS} THEN min(coalesce(next_at, @now), @now) ELSE next_at END
    WHERE source_id = @source AND ${EVERY_RUNS} IS NOT NULL`);
  return {
    countBackup: (source, now) => void count.run({ source, now }),
    record({ id: run, tenant }, source, at, { isProven, restoreMs, snapshotAgeMs, rows, things }) {
      const facts = { isProven: isProven ? 1 : 0, restoreMs, snapshotAgeMs, rows, things };
      if (insert.run({ run, tenant, source, at, ...facts }) === 0) return false;
      mark.run({ run, source, provenAt: isProven ? at : undefined });
      return true;
    },
  };
}

/** Of several filters the one that leaves the fewest. */
function chooseIndex({ source, isProven, host, repository, plan }: DrillFilter): string {
  if (source !== undefined) return 'drills_by_source';
  if (isProven === false) return 'drills_disproven';
  if (host !== undefined) return 'drills_by_host';
  if (plan !== undefined) return 'drills_by_plan_of';
  return repository === undefined ? 'drills_by_time' : 'drills_by_repository';
}

export function buildDrillList(filter: DrillFilter, page: PageRequest): { text: string; params: Params } {
  const { isProven, ...params } = filter;
  const text = `SELECT ${COLUMNS} FROM drills INDEXED BY ${chooseIndex(filter)}
WHERE ${joinConditions([
    'tenant_id = @tenant',
    filter.source !== undefined && 'source_id = @source',
    isProven !== undefined && `is_proven = ${isProven ? 1 : 0}`,
    filter.host !== undefined && 'host_id = @host',
    filter.plan !== undefined && 'plan_id = @plan',
    filter.repository !== undefined && 'repository_id = @repository',
    filter.since !== undefined && 'ended_at >= @since',
    filter.until !== undefined && 'ended_at < @until',
    page.after !== undefined && '(ended_at, run_id) < (@afterKey, @afterId)',
  ])}
ORDER BY ended_at DESC, run_id DESC LIMIT @pageLimit`;
  return { text, params: { ...params, ...createTimePage(page) } };
}

function prepareDrills(sql: Sql) {
  const newest = (index: string, more = '') =>
    sql.select(
      `SELECT ${COLUMNS} FROM drills INDEXED BY ${index} WHERE tenant_id = @tenant AND source_id = @source ${more}
       ORDER BY ended_at DESC, run_id DESC LIMIT 1`,
      drillRow,
    );
  return {
    newest: newest('drills_by_source'),
    proven: newest('drills_proven', 'AND is_proven = 1'),
    settings: sql.select(
      `SELECT ${SETTINGS_COLUMNS} FROM drill_settings
       WHERE tenant_id = @tenant AND source_id IN (SELECT value FROM json_each(@sources))`,
      settingsRow,
    ),
    save: sql.change(`INSERT INTO drill_settings (source_id, tenant_id, assertions, every_days, within_days, every_runs, host_id,
        server_id, next_at, updated_at)
      SELECT id, tenant_id, @assertions, @everyDays, @withinDays, @everyRuns, @host, @server, @nextAt, @updatedAt FROM sources
      WHERE id = @source AND tenant_id = @tenant
      ON CONFLICT (source_id) DO UPDATE SET assertions = excluded.assertions, every_days = excluded.every_days,
        within_days = excluded.within_days, every_runs = excluded.every_runs, host_id = excluded.host_id,
        server_id = excluded.server_id, followed = NULL, missed_since = NULL, missed_why = NULL, next_at = excluded.next_at, updated_at = excluded.updated_at`),
    postpone:
      sql.change(`UPDATE drill_settings SET missed_since = coalesce(missed_since, next_at), missed_why = @why, next_at = @nextAt
      WHERE source_id = @source AND tenant_id = @tenant AND next_at IS NOT NULL`),
    note: sql.change(
      `UPDATE drill_settings SET next_at = @nextAt, clean_runs = 0, missed_since = NULL, missed_why = NULL
       WHERE source_id = @source AND tenant_id = @tenant`,
    ),
    unsettled: sql.select(
      `SELECT w.tenant_id AS tenant, w.source_id AS source, w.said, w.said AS followed FROM drills_by_plan w
       LEFT JOIN drill_settings d ON d.source_id = w.source_id
       WHERE d.every_days IS NULL AND d.every_runs IS NULL AND d.followed IS NOT w.said
       UNION ALL
       SELECT d.tenant_id, d.source_id, NULL, NULL FROM drill_settings d WHERE d.followed IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM drills_by_plan w WHERE w.tenant_id = d.tenant_id AND w.source_id = d.source_id)
       LIMIT @limit`,
      unsettledRow,
    ),
    follow: sql.change(`INSERT INTO drill_settings (source_id, tenant_id, assertions, followed, next_at, updated_at)
      SELECT source_id, tenant_id, '[]', said, @nextAt, 0 FROM drills_by_plan
      WHERE tenant_id = @tenant AND source_id = @source AND said = @said
      ON CONFLICT (source_id) DO UPDATE SET followed = excluded.followed, next_at = excluded.next_at, missed_since = NULL, missed_why = NULL
        WHERE every_days IS NULL AND every_runs IS NULL`),
    unfollow: sql.change(`UPDATE drill_settings SET followed = NULL, next_at = NULL, missed_since = NULL, missed_why = NULL
      WHERE source_id = @source AND tenant_id = @tenant AND followed IS NOT NULL`),
    // A snapshot that a later drill disproved has lost the mark, wherever that one was.
    elsewhere: sql.select(
      `SELECT DISTINCT ${idOf('s.plan_no')} AS plan, s.engine_id AS engineId FROM drills d INDEXED BY drills_proven
       JOIN snapshots s ON s.id = d.snapshot_id AND s.tenant_no = ${numberOf('d.tenant_id')}
       WHERE d.tenant_id = @tenant AND d.source_id IN (SELECT value FROM json_each(@sources)) AND d.is_proven = 1
         AND ${idOf('s.host_no')} <> d.host_id AND s.proven_at IS NOT NULL AND s.plan_no IS NOT NULL AND s.state = 'good'
       ORDER BY d.ended_at DESC, d.run_id DESC LIMIT @limit`,
      z.object({ plan: idSchema('plan'), engineId: z.string() }),
    ),
    due: sql.select(
      `SELECT tenant_id AS tenant, source_id AS source FROM drill_settings INDEXED BY drill_settings_due
       WHERE next_at IS NOT NULL AND next_at <= @now ORDER BY next_at, source_id LIMIT @limit`,
      z.object({ tenant: idSchema('tenant'), source: idSchema('source') }),
    ),
  };
}

export function createDrills(sql: Sql): DrillStore {
  const rows = prepareDrills(sql);
  return {
    findDrillSettings: (tenant, source) => sql.read(() => rows.settings.find({ tenant, sources: toJson([source]) })),
    listDrillSettings: (tenant, sources) => sql.read(() => rows.settings.list({ tenant, sources: toJson(sources) })),
    saveDrillSettings: (tenant, { assertions, missed: _missed, followed: _followed, ...settings }) =>
      sql.write(() => {
        if (rows.save.run({ tenant, assertions: toJson(assertions), ...settings }) === 0)
          throw new AppError('not_found', 'there is no such source');
      }),
    listUnsettledDrills: (limit) => sql.read(() => rows.unsettled.list({ limit })),
    settleDrills: (settled) =>
      sql.write(() => {
        for (const { tenant, source, said, nextAt } of settled)
          if (said === undefined) rows.unfollow.run({ tenant, source });
          else rows.follow.run({ tenant, source, said, nextAt });
      }),
    postponeDrill: (tenant, source, nextAt, why) => sql.write(() => void rows.postpone.run({ tenant, source, nextAt, why })),
    noteDrill: (tenant, source, nextAt) => sql.write(() => void rows.note.run({ tenant, source, nextAt })),
    listDueDrills: (now, limit) => sql.read(() => rows.due.list({ now, limit })),
    listProvenElsewhere: (tenant, sources, limit) =>
      sql.read(() => rows.elsewhere.list({ tenant, sources: toJson(sources), limit })),
    listProofs: (tenant, sources) =>
      sql.read(() =>
        sources.map((source) => ({
          source,
          proven: rows.proven.find({ tenant, source }),
          newest: rows.newest.find({ tenant, source }),
        })),
      ),
    listDrills: (tenant, filter, page) =>
      sql.read(() => {
        const { text, params } = buildDrillList(filter, page);
        return cutPage(sql.select(text, drillRow).list({ ...params, tenant }), page, (drill) => [drill.endedAt, drill.run]);
      }),
  };
}
