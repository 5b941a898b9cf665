import { idSchema } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import type { PageRequest } from '../page.ts';
import type { AuditEntry, AuditFilter, HostHappening, TrailStore } from '../trail.ts';
import { createAuditAppender, createAuditWalk } from './audit-entries.ts';
import { counted, json, optional } from './columns.ts';
import { createTimePage, cutPage, joinConditions } from './lists/keyset.ts';
import type { Params, Sql } from './statements.ts';

/** Happenings kept for each host; a host that talks too much loses its own oldest ones. */
const HAPPENINGS_PER_HOST = 1000;

const AUDIT = `id, tenant_id AS tenant, at, actor_kind AS actorKind, actor_id AS actorId, actor_name AS actorName, action,
  target_kind AS targetKind, target_id AS targetId, target_name AS targetName, address, request_id AS requestId, change, no, hash`;
const auditRow = z
  .object({
    id: idSchema('audit'),
    tenant: idSchema('tenant'),
    at: z.int(),
    actorKind: z.enum(['user', 'api_key', 'host', 'system', 'cli']),
    actorId: z.string(),
    actorName: z.string(),
    action: z.string(),
    targetKind: z.string(),
    targetId: z.string(),
    targetName: z.string(),
    address: optional(z.string()),
    requestId: optional(z.string()),
    change: optional(json(z.record(z.string(), z.unknown()))),
    // What another hand put there has neither: the check of the chain tells of it, the list shows it.
    no: z.nullable(z.int()).transform((no) => no ?? 0),
    hash: z.nullable(z.string()).transform((hash) => hash ?? ''),
  })
  .transform(
    (row): AuditEntry => ({
      id: row.id,
      tenant: row.tenant,
      at: row.at,
      actor: { kind: row.actorKind, id: row.actorId, name: row.actorName },
      action: row.action,
      target: { kind: row.targetKind, id: row.targetId, name: row.targetName },
      address: row.address,
      requestId: row.requestId,
      change: row.change,
      no: row.no,
      hash: row.hash,
    }),
  );

const happeningRow = z.object({
  tenant: idSchema('tenant'),
  host: idSchema('host'),
  at: z.int(),
  type: z.string(),
  level: z.enum(['info', 'warn', 'error']),
  text: z.string(),
  run: optional(idSchema('run')),
}) satisfies z.ZodType<HostHappening>;

export function buildAuditList(filter: AuditFilter, page: PageRequest): { text: string; params: Params } {
  const text = `SELECT ${AUDIT} FROM audit
WHERE ${joinConditions([
    'tenant_id = @tenant',
    filter.action !== undefined && 'action = @action',
    filter.target !== undefined && 'target_id = @target',
    filter.targetName !== undefined && 'target_name = @targetName',
    filter.actor !== undefined && 'actor_id = @actor',
    filter.since !== undefined && 'at >= @since',
    filter.until !== undefined && 'at < @until',
    page.after !== undefined && '(at, id) < (@afterKey, @afterId)',
  ])}
ORDER BY at DESC, id DESC LIMIT @pageLimit`;
  return { text, params: { ...filter, ...createTimePage(page) } };
}

/** Appends a happening inside a caller's transaction. */
function createHappeningAppender(sql: Sql): (happening: HostHappening) => void {
  const append = sql.change(`INSERT INTO host_happenings (host_id, n, tenant_id, at, type, level, text, run_id)
    SELECT @host, coalesce(max(n), 0) + 1, @tenant, @at, @type, @level, @text, @run FROM host_happenings WHERE host_id = @host`);
  const trim = sql.change(`DELETE FROM host_happenings WHERE host_id = @host
    AND n <= (SELECT max(n) FROM host_happenings WHERE host_id = @host) - @keep`);
  return (happening) => {
    append.run({ ...happening });
    trim.run({ host: happening.host, keep: HAPPENINGS_PER_HOST });
  };
}

/**
 * The same for what a host reports, which it may report again in another outbox epoch: what stands there already, to the
 * millisecond and the letter, is not added twice. Returns whether it is new.
 */
export function createReportedHappeningAppender(sql: Sql): (happening: HostHappening) => boolean {
  const append = createHappeningAppender(sql);
  const known = sql.select(
    `SELECT count(*) AS count FROM host_happenings
     WHERE host_id = @host AND at = @at AND type = @type AND level = @level AND text = @text`,
    counted,
  );
  return (happening) => {
    const { host, at, type, level, text } = happening;
    if (known.find({ host, at, type, level, text })?.count !== 0) return false;
    append(happening);
    return true;
  };
}

export function createTrailStore(sql: Sql): TrailStore {
  const appendAudit = createAuditAppender(sql);
  const appendHappening = createHappeningAppender(sql);
  const happenings = sql.select(
    `SELECT tenant_id AS tenant, host_id AS host, at, type, level, text, run_id AS run FROM host_happenings
     WHERE host_id = @host AND tenant_id = @tenant ORDER BY n DESC LIMIT @limit`,
    happeningRow,
  );
  const numbered = sql.select(
    `SELECT tenant_id AS tenant, host_id AS host, at, type, level, text, run_id AS run, n FROM host_happenings
     WHERE host_id = @host AND tenant_id = @tenant AND n < coalesce(@afterKey, ${Number.MAX_SAFE_INTEGER})
     ORDER BY n DESC LIMIT @pageLimit`,
    happeningRow.extend({ n: z.int() }),
  );
  return {
    appendAudit: (row) => sql.write(() => appendAudit(row)),
    followAudit: createAuditWalk(sql),
    listAudit: (tenant, filter, page) =>
      sql.read(() => {
        const { text, params } = buildAuditList(filter, page);
        const found = sql.select(text, auditRow).list({ ...params, tenant });
        return cutPage(found, page, (row) => [row.at, row.id]);
      }),
    appendHappening: (happening) => sql.write(() => appendHappening(happening)),
    listHappenings: (tenant, host, limit) => sql.read(() => happenings.list({ tenant, host, limit })),
    pageHappenings: (tenant, host, page) =>
      sql.read(() => {
        const { afterKey, pageLimit } = createTimePage(page);
        const found = numbered.list({ tenant, host, afterKey, pageLimit });
        const { rows, next } = cutPage(found, page, (row) => [row.n, row.host]);
        return { rows: rows.map(({ n: _, ...happening }) => happening), next };
      }),
  };
}
