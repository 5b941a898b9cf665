/** What alerts are judged by, read from the ledger in pages. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { TERMINAL_STATES } from '@holdfast/shared/domain/run.ts';
import * as z from 'zod';
import type { AlertStore, HostGlance, NewestDrill, NewestForget, RecentPart } from '../../alerts.ts';
import { HOST_STATES } from '../../hosts.ts';
import { flag, json, optional, storedFailure } from '../columns.ts';
import { idOf, numberOf } from '../id-numbers.ts';
import type { Sql } from '../statements.ts';

const ENDED = "('succeeded', 'partial', 'failed', 'cancelled', 'skipped')";
/** The failure of the part, and the run's where the part has none. */
const RECENT_PARTS = `SELECT @source AS source, ${idOf('r.plan_no')} AS plan, ${idOf('r.host_no')} AS host,
    ${idOf('r.repository_no')} AS repository, r.id AS run,
    p.state, coalesce(p.failure, CASE WHEN p.state = 'failed' THEN r.failure END) AS failure, p.ended_at AS endedAt
  FROM run_parts p INDEXED BY run_parts_ended CROSS JOIN runs r ON r.no = p.run_no
  WHERE p.tenant_no = ${numberOf('@tenant')} AND p.source_no = ${numberOf('@source')} AND p.kind = 'backup' AND p.state IN ${ENDED}
    AND r.plan_no IS NOT NULL
  ORDER BY p.created_at DESC, r.id DESC LIMIT @perSource`;
const NEWEST_DRILL = `SELECT @source AS source, r.id AS run, coalesce(p.failure, r.failure) AS failure,
    coalesce(p.ended_at, r.finished_at, p.created_at) AS at,
    EXISTS (SELECT 1 FROM drills d WHERE d.run_id = r.id AND d.source_id = @source) AS hasVerdict
  FROM run_parts p INDEXED BY run_parts_drilled CROSS JOIN runs r ON r.no = p.run_no
  WHERE p.tenant_no = ${numberOf('@tenant')} AND p.source_no = ${numberOf('@source')} AND p.kind = 'drill' AND p.created_at >= @since
    AND r.state IN ('succeeded', 'partial', 'failed')
  ORDER BY p.created_at DESC, r.id DESC LIMIT 1`;
const NEWEST_FORGETS = `SELECT ${idOf('r.plan_no')} AS plan, ${idOf('r.host_no')} AS host, r.id AS run, r.state, r.failure,
    r.created_at AS at, ${idOf('r.repository_no')} AS repository,
    EXISTS (SELECT 1 FROM orders o WHERE o.run_id = r.id AND o.type = 'retention.start') AS isForAll
  FROM runs r INDEXED BY runs_forgetting WHERE r.tenant_no = ${numberOf('@tenant')} AND r.plan_no = ${numberOf('@plan')}
    AND r.kind = 'forget'
    AND r.created_at >= @since AND r.state IN ${ENDED} AND r.state <> 'cancelled'
  ORDER BY r.created_at DESC, r.id DESC LIMIT 200`;

const partRow: z.ZodType<RecentPart> = z.object({
  source: idSchema('source'),
  plan: idSchema('plan'),
  host: idSchema('host'),
  repository: idSchema('repository'),
  run: idSchema('run'),
  state: z.enum(TERMINAL_STATES),
  failure: optional(json(storedFailure)),
  endedAt: z.int(),
});
const drillRow: z.ZodType<NewestDrill> = z.object({
  source: idSchema('source'),
  run: idSchema('run'),
  hasVerdict: flag,
  failure: optional(json(storedFailure)),
  at: z.int(),
});
const forgetRow: z.ZodType<NewestForget> = z.object({
  plan: idSchema('plan'),
  host: idSchema('host'),
  run: idSchema('run'),
  state: z.enum(TERMINAL_STATES),
  failure: optional(json(storedFailure)),
  at: z.int(),
  repository: idSchema('repository'),
  isForAll: flag,
});
const glanceRow: z.ZodType<HostGlance> = z.object({
  id: idSchema('host'),
  name: z.string(),
  state: z.enum(HOST_STATES),
  createdAt: z.int(),
  lastSeenAt: optional(z.int()),
  agentVersion: optional(z.string()),
  tags: json(z.array(z.string())),
});

type Facts = Pick<
  AlertStore,
  | 'listRecentParts'
  | 'listNewestDrills'
  | 'listNewestForgets'
  | 'listHostGlances'
  | 'listSourceIds'
  | 'listPlanIds'
  | 'listRepositoryIds'
>;

/** Rows are newest first; one for all hosts says more than anything before it in that repository, whoever did it. */
function keepNewest(rows: readonly NewestForget[]): readonly NewestForget[] {
  const told = new Set<string>();
  const seen = new Set<string>();
  return rows.filter(({ host, repository, isForAll }) => {
    const place = `${host} ${repository}`;
    if (told.has(repository) || seen.has(place)) return false;
    seen.add(place);
    if (isForAll) told.add(repository);
    return true;
  });
}

export function createAlertFacts(sql: Sql): Facts {
  const parts = sql.select(RECENT_PARTS, partRow);
  const drills = sql.select(NEWEST_DRILL, drillRow);
  const forgets = sql.select(NEWEST_FORGETS, forgetRow);
  const glances = sql.select(
    `SELECT id, name, state, created_at AS createdAt, last_seen_at AS lastSeenAt, facts ->> '$.agentVersion' AS agentVersion,
       tags
     FROM hosts WHERE tenant_id = @tenant AND id > @after AND state <> 'revoked' ORDER BY id LIMIT @limit`,
    glanceRow,
  );
  const sourceIds = sql.select(
    'SELECT id FROM sources WHERE tenant_id = @tenant AND id > @after ORDER BY id LIMIT @limit',
    z.object({ id: idSchema('source') }),
  );
  const planIds = sql.select(
    'SELECT id FROM plans WHERE tenant_id = @tenant AND id > @after ORDER BY id LIMIT @limit',
    z.object({ id: idSchema('plan') }),
  );
  const repositoryIds = sql.select(
    'SELECT id FROM repositories WHERE tenant_id = @tenant AND id > @after ORDER BY id LIMIT @limit',
    z.object({ id: idSchema('repository') }),
  );
  return {
    listRecentParts: (tenant, sources, perSource) =>
      sql.read(() => sources.flatMap((source) => parts.list({ tenant, source, perSource }))),
    listNewestDrills: (tenant, sources, since) =>
      sql.read(() => sources.flatMap((source) => drills.find({ tenant, source, since }) ?? [])),
    listNewestForgets: (tenant, plans, since) =>
      sql.read(() => plans.flatMap((plan) => keepNewest(forgets.list({ tenant, plan, since })))),
    listHostGlances: (tenant, after, limit) => sql.read(() => glances.list({ tenant, after, limit })),
    listSourceIds: (tenant, after, limit) => sql.read(() => sourceIds.list({ tenant, after, limit }).map(({ id }) => id)),
    listPlanIds: (tenant, after, limit) => sql.read(() => planIds.list({ tenant, after, limit }).map(({ id }) => id)),
    listRepositoryIds: (tenant, after, limit) => sql.read(() => repositoryIds.list({ tenant, after, limit }).map(({ id }) => id)),
  };
}
