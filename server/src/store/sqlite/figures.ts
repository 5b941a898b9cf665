import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { SOURCE_HEALTH_STATES } from '@holdfast/shared/domain/source-health.ts';
import * as z from 'zod';
import type {
  FigurePage,
  FigureStore,
  FleetFigures,
  HostFigures,
  PlanFigures,
  RepositoryFigures,
  SourceFigures,
} from '../figures.ts';
import { flag, json, optional } from './columns.ts';
import { numberOf, runNumberOf } from './id-numbers.ts';
import { NEWEST_GOOD } from './ledger/standings.ts';
import type { Params, Sql } from './statements.ts';

export const HOSTS = `SELECT id, name, state, last_seen_at AS lastSeenAt, acknowledged_spec_version < spec_version AS hasDrift,
    drain_until AS drainUntil, ailments <> '[]' AS isAiling
  FROM hosts WHERE tenant_id = @tenant AND id > @after AND state <> 'revoked' ORDER BY id LIMIT @limit`;

/** The newest clean backup is the one of `listStandings`, whose rules are in one place. */
export const SOURCES = `SELECT s.id AS id, h.name AS host, s.name AS source, good.created_at AS goodAt, good.size_bytes AS goodBytes,
    part.duration_ms AS goodDurationMs, drill.ended_at AS provenAt, drill.restore_ms AS restoreMs,
    health.state AS health, health.told_at AS healthToldAt,
    (SELECT max(json_extract(v.verification, '$.at')) FROM snapshots v INDEXED BY snapshots_verified
      WHERE v.tenant_no = ${numberOf('@tenant')} AND v.source_no = named.no AND v.verification LIKE '{"ok":true%') AS verifiedAt,
    h.tags AS tags,
    (SELECT json_group_array(json_object('id', p.id, 'name', p.name, 'schedule', json(p.schedule)))
      FROM plan_sources ps JOIN plans p ON p.id = ps.plan_id
      WHERE ps.tenant_id = s.tenant_id AND ps.source_id = s.id AND p.enabled = 1 AND s.enabled = 1) AS plans
  FROM sources s JOIN hosts h ON h.id = s.host_id AND h.state <> 'revoked'
  LEFT JOIN id_numbers named ON named.id = s.id
  LEFT JOIN snapshots good ON good.id = (SELECT id FROM (${NEWEST_GOOD.replaceAll(numberOf('@source'), 'named.no')}))
  LEFT JOIN source_health health ON health.tenant_id = s.tenant_id AND health.source_id = s.id
  LEFT JOIN run_parts part ON part.run_no = ${runNumberOf('good.run_id')} AND part.source_no = good.source_no
  LEFT JOIN drills drill ON drill.source_id = s.id AND drill.run_id = (SELECT d.run_id FROM drills d INDEXED BY drills_proven
    WHERE d.tenant_id = s.tenant_id AND d.source_id = s.id AND d.is_proven = 1 ORDER BY d.ended_at DESC, d.run_id DESC LIMIT 1)
  WHERE s.tenant_id = @tenant AND s.id > @after ORDER BY s.id LIMIT @limit`;

export const PLANS = `SELECT id, name AS plan, CASE enabled WHEN 1 THEN schedule END AS schedule, effective_from AS effectiveFrom
  FROM plans WHERE tenant_id = @tenant AND id > @after ORDER BY id LIMIT @limit`;

export const REPOSITORIES = `SELECT r.id AS id, r.name AS repository, coalesce(t.count, 0) AS snapshots,
    (SELECT json_array(at, bytes) FROM (
      SELECT * FROM (SELECT measured_at AS at, size_bytes AS bytes FROM repository_sizes
        WHERE tenant_id = r.tenant_id AND repository_id = r.id ORDER BY measured_at DESC, run_id DESC LIMIT 1)
      UNION ALL
      SELECT * FROM (SELECT measured_at AS at, size_bytes AS bytes FROM repository_measurements
        WHERE repository_id = r.id AND tenant_id = r.tenant_id ORDER BY measured_at DESC LIMIT 1))
      ORDER BY at DESC LIMIT 1) AS newest
  FROM repositories r LEFT JOIN snapshot_totals t ON t.tenant_id = r.tenant_id AND t.repository_id = r.id
  WHERE r.tenant_id = @tenant AND r.id > @after ORDER BY r.id LIMIT @limit`;

const ACTIVE = `FROM runs INDEXED BY runs_active WHERE tenant_no = ${numberOf('@tenant')} AND state IN ('queued', 'running', 'finalizing')`;
export const FLEET = `SELECT
    (SELECT count(*) FROM hosts INDEXED BY hosts_by_state WHERE tenant_id = @tenant AND state = 'revoked') AS revokedHosts,
    (SELECT count(*) FROM plans WHERE tenant_id = @tenant AND enabled = 1) AS enabledPlans,
    (SELECT count(*) ${ACTIVE}) AS unendedRuns,
    (SELECT count(*) FROM runs INDEXED BY runs_by_state WHERE tenant_no = ${numberOf('@tenant')} AND state = 'queued') AS queuedRuns,
    (SELECT min(created_at) FROM runs INDEXED BY runs_by_state WHERE tenant_no = ${numberOf('@tenant')} AND state = 'queued') AS queuedSince,
    (SELECT count(*) FROM orders INDEXED BY orders_waiting WHERE state = 'waiting' AND tenant_id = @tenant) AS waitingOrders,
    (SELECT min(d.created_at) FROM deliveries d INDEXED BY deliveries_waiting JOIN channels c ON c.id = d.channel_id
      WHERE d.state = 'waiting' AND d.tenant_id = @tenant AND c.enabled = 1) AS messageWaitingSince,
    (SELECT p.page_count * s.page_size FROM pragma_page_count AS p, pragma_page_size AS s) AS databaseBytes`;

const hostRow: z.ZodType<HostFigures> = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(['active', 'quarantined']),
  lastSeenAt: optional(z.int()),
  hasDrift: flag,
  drainUntil: optional(z.int()),
  isAiling: optional(flag),
});
/** It was checked when it came in; asking for its zone again takes longer than all else here. */
const storedSchedule = z.object({ cron: z.string(), zone: z.string() });
const sourceRow: z.ZodType<SourceFigures> = z.object({
  id: z.string(),
  host: z.string(),
  source: z.string(),
  goodAt: optional(z.int()),
  goodBytes: optional(z.int()),
  goodDurationMs: optional(z.int()),
  verifiedAt: optional(z.int()),
  provenAt: optional(z.int()),
  restoreMs: optional(z.int()),
  health: optional(z.enum(SOURCE_HEALTH_STATES)),
  healthToldAt: optional(z.int()),
  tags: json(z.array(z.string())),
  plans: json(z.array(z.object({ id: idSchema('plan'), name: z.string(), schedule: optional(storedSchedule) }))),
});
const planRow: z.ZodType<PlanFigures> = z.object({
  id: z.string(),
  plan: z.string(),
  schedule: optional(json(storedSchedule)),
  effectiveFrom: z.int(),
});
const repositoryRow: z.ZodType<RepositoryFigures> = z
  .object({
    id: z.string(),
    repository: z.string(),
    snapshots: z.int(),
    newest: optional(json(z.tuple([z.int(), z.int()]))),
  })
  .transform(({ newest, ...row }) => ({ ...row, measuredAt: newest?.[0], sizeBytes: newest?.[1] }));
const fleetRow: z.ZodType<FleetFigures> = z
  .object({
    revokedHosts: z.int(),
    enabledPlans: z.int(),
    unendedRuns: z.int(),
    queuedRuns: z.int(),
    queuedSince: optional(z.int()),
    waitingOrders: z.int(),
    messageWaitingSince: optional(z.int()),
    databaseBytes: z.int(),
  })
  .transform(({ unendedRuns, ...row }) => ({ ...row, activeRuns: unendedRuns - row.queuedRuns }));

export function createFigures(sql: Sql): FigureStore {
  const hosts = sql.select(HOSTS, hostRow);
  const sources = sql.select(SOURCES, sourceRow);
  const plans = sql.select(PLANS, planRow);
  const repositories = sql.select(REPOSITORIES, repositoryRow);
  const fleet = sql.select(FLEET, fleetRow);
  const bind = (tenant: string, { after = '', limit }: FigurePage): Params => ({ tenant, after, limit });
  return {
    listHostFigures: (tenant, page) => sql.read(() => hosts.list(bind(tenant, page))),
    listSourceFigures: (tenant, page) => sql.read(() => sources.list(bind(tenant, page))),
    listPlanFigures: (tenant, page) => sql.read(() => plans.list(bind(tenant, page))),
    listRepositoryFigures: (tenant, page) => sql.read(() => repositories.list(bind(tenant, page))),
    getFleetFigures: (tenant) =>
      sql.read(() => {
        const found = fleet.find({ tenant });
        if (found === undefined) throw new RangeError('a SELECT of numbers gave no row');
        return found;
      }),
  };
}
