/** How repositories do, as SQL about a repository `r`, and what lists of them are told. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { REPOSITORY_STANDINGS } from '@holdfast/shared/domain/repository-standing.ts';
import { RUN_STATES } from '@holdfast/shared/domain/run.ts';
import * as z from 'zod';
import type { MaintenanceStore, RepositorySummary } from '../maintenance.ts';
import { optional, toJson } from './columns.ts';
import { numberOf } from './id-numbers.ts';
import type { Sql } from './statements.ts';

const CHECKS = `FROM runs c INDEXED BY runs_maintenance
  WHERE c.tenant_no = ${numberOf('r.tenant_id')} AND c.repository_no = ${numberOf('r.id')} AND c.kind IN ('check', 'prune') AND c.kind = 'check'`;
const MADE = `FROM snapshots s INDEXED BY snapshots_by_repository
  WHERE s.tenant_no = ${numberOf('r.tenant_id')} AND s.repository_no = ${numberOf('r.id')} AND s.role = 'data' AND s.created_at <= @now`;
const MEASURED = [
  'repository_sizes z WHERE z.tenant_id = r.tenant_id AND z.repository_id = r.id AND z.measured_at <= @now',
  'repository_measurements z WHERE z.repository_id = r.id AND z.tenant_id = r.tenant_id AND z.measured_at <= @now',
];

/** The newest of what shows that it could be used, up to `@now`: a snapshot made in it, a check that went well, a measurement. 0 for never. */
const USED_AT = `max(
  coalesce((SELECT max(s.created_at) ${MADE}), 0),
  coalesce((SELECT c.finished_at ${CHECKS} AND c.state = 'succeeded' AND c.finished_at <= @now ORDER BY c.created_at DESC LIMIT 1), 0),
  ${MEASURED.map((from) => `coalesce((SELECT max(z.measured_at) FROM ${from}), 0)`).join(',\n  ')})`;

/** What was measured last. */
const SIZE = `(SELECT m.size FROM (${MEASURED.map(
  (from) => `SELECT * FROM (SELECT z.measured_at AS at, z.size_bytes AS size FROM ${from} ORDER BY z.measured_at DESC LIMIT 1)`,
).join(' UNION ALL ')}) m ORDER BY m.at DESC LIMIT 1)`;

const GRAVEST = `(SELECT max(CASE a.severity WHEN 'critical' THEN 3 WHEN 'warning' THEN 2 ELSE 1 END) FROM alerts a INDEXED BY alerts_active
  WHERE a.tenant_id = r.tenant_id AND a.resolved_at IS NULL AND a.thing_kind = 'repository' AND a.thing_id = r.id)`;

/** The place of its standing among `REPOSITORY_STANDINGS`. */
const RANK = `CASE WHEN ${GRAVEST} = 3 THEN 0 WHEN ${GRAVEST} = 2 THEN 1 WHEN r.engine_id IS NULL THEN 2
  WHEN ${USED_AT} < @quietBefore THEN 3 ELSE 4 END`;

/** What repositories are ordered by, other than their names; what is not known is less than all that is. */
export const REPOSITORY_KEYS = {
  status: RANK,
  size: `coalesce(${SIZE}, -1)`,
  checked: `coalesce((SELECT max(c.created_at) ${CHECKS}), -1)`,
} as const;

const rankSchema = z.int().transform((rank, issues) => {
  const standing = REPOSITORY_STANDINGS[rank];
  if (standing !== undefined) return standing;
  issues.addIssue('is no standing');
  return z.NEVER;
});

const summaryRow = z.object({
  repository: idSchema('repository'),
  standing: rankSchema,
  usedAt: z.int(),
  sizeBytes: optional(z.int()),
  check: optional(idSchema('run')),
  checkState: optional(z.enum(RUN_STATES)),
  checkedAt: optional(z.int()),
});

function toSummary({ usedAt, check, checkState: state, checkedAt: at, ...row }: z.infer<typeof summaryRow>): RepositorySummary {
  return {
    ...row,
    usedAt: usedAt === 0 ? undefined : usedAt,
    check: check === undefined || state === undefined || at === undefined ? undefined : { run: check, state, at },
  };
}

export function createRepositoryStandings(
  sql: Sql,
): Pick<MaintenanceStore, 'listRepositorySummaries' | 'countRepositoryStandings'> {
  const summaries = sql.select(
    `SELECT r.id AS repository, ${RANK} AS standing, ${USED_AT} AS usedAt, ${SIZE} AS sizeBytes, k.id AS "check", k.state AS checkState,
       coalesce(k.finished_at, k.started_at, k.created_at) AS checkedAt
     FROM repositories r LEFT JOIN runs k ON k.no = (SELECT c.no ${CHECKS} ORDER BY c.created_at DESC LIMIT 1)
     WHERE +r.tenant_id = @tenant AND r.id IN (SELECT value FROM json_each(@ids))`,
    summaryRow,
  );
  const counts = sql.select(
    `SELECT standing, count(*) AS count FROM (SELECT ${RANK} AS standing FROM repositories r WHERE r.tenant_id = @tenant) GROUP BY standing`,
    z.object({ standing: rankSchema, count: z.int() }),
  );
  return {
    listRepositorySummaries: (tenant, ids, instants) =>
      sql.read(() =>
        summaries.list({ tenant, ids: toJson(ids), now: instants.now, quietBefore: instants.quietBefore }).map(toSummary),
      ),
    countRepositoryStandings: (tenant, instants) =>
      sql.read(() => {
        const found = counts.list({ tenant, now: instants.now, quietBefore: instants.quietBefore });
        return new Map(found.map(({ standing, count }) => [standing, count]));
      }),
  };
}
