import { idSchema } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import type { PageRequest } from '../page.ts';
import type { AuditRow, HostHappening, TrailStore } from '../trail.ts';
import { type AuditColumns, CHAIN_BEGIN, hashEntry } from './audit-chain.ts';
import { counted, json, optional, toJson } from './columns.ts';
import { createTimePage, cutPage, joinConditions } from './lists/keyset.ts';
import type { Params, Sql } from './statements.ts';

/** Happenings kept for each host; a host that talks too much loses its own oldest ones. */
const HAPPENINGS_PER_HOST = 1000;

const AUDIT = `id, tenant_id AS tenant, at, actor_kind AS actorKind, actor_id AS actorId, actor_name AS actorName, action,
  target_kind AS targetKind, target_id AS targetId, target_name AS targetName, address, request_id AS requestId, change`;
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
  })
  .transform(
    (row): AuditRow => ({
      id: row.id,
      tenant: row.tenant,
      at: row.at,
      actor: { kind: row.actorKind, id: row.actorId, name: row.actorName },
      action: row.action,
      target: { kind: row.targetKind, id: row.targetId, name: row.targetName },
      address: row.address,
      requestId: row.requestId,
      change: row.change,
    }),
  );

const happeningRow: z.ZodType<HostHappening> = z.object({
  tenant: idSchema('tenant'),
  host: idSchema('host'),
  at: z.int(),
  type: z.string(),
  level: z.enum(['info', 'warn', 'error']),
  text: z.string(),
  run: optional(idSchema('run')),
});

const chainHead = z.object({ no: z.int(), hash: z.string() });

type AuditFilter = Parameters<TrailStore['listAudit']>[1];

export function buildAuditList(filter: AuditFilter, page: PageRequest): { text: string; params: Params } {
  const text = `SELECT ${AUDIT} FROM audit
WHERE ${joinConditions([
    'tenant_id = @tenant',
    filter.action !== undefined && 'action = @action',
    filter.target !== undefined && 'target_id = @target',
    filter.actor !== undefined && 'actor_id = @actor',
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

/** Texts as SQLite gives them back: half a character of UTF-16, which a host may send, is stored as another one. */
function toColumns(row: AuditRow): AuditColumns {
  return {
    id: row.id,
    tenant: row.tenant,
    at: row.at,
    actorKind: row.actor.kind,
    actorId: row.actor.id.toWellFormed(),
    actorName: row.actor.name.toWellFormed(),
    action: row.action,
    targetKind: row.target.kind,
    targetId: row.target.id.toWellFormed(),
    targetName: row.target.name.toWellFormed(),
    address: row.address?.toWellFormed() ?? null,
    requestId: row.requestId?.toWellFormed() ?? null,
    change: toJson(row.change) ?? null,
  };
}

/** Appends an entry to the chain of its tenant inside a caller's transaction. */
function createAuditAppender(sql: Sql): (row: AuditRow) => void {
  const head = sql.select('SELECT no, hash FROM audit_heads WHERE tenant_id = @tenant', chainHead);
  const append = sql.change(`INSERT INTO audit (id, tenant_id, at, actor_kind, actor_id, actor_name, action, target_kind,
      target_id, target_name, address, request_id, change, no, hash)
    VALUES (@id, @tenant, @at, @actorKind, @actorId, @actorName, @action, @targetKind, @targetId, @targetName, @address,
      @requestId, @change, @no, @hash)`);
  const moveHead = sql.change(`INSERT INTO audit_heads (tenant_id, no, hash) VALUES (@tenant, @no, @hash)
    ON CONFLICT (tenant_id) DO UPDATE SET no = excluded.no, hash = excluded.hash`);
  return (row) => {
    const before = head.find({ tenant: row.tenant }) ?? { no: 0, hash: CHAIN_BEGIN };
    const columns = toColumns(row);
    const no = before.no + 1;
    const hash = hashEntry(before.hash, no, columns);
    append.run({ ...columns, no, hash });
    moveHead.run({ tenant: row.tenant, no, hash });
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
  return {
    appendAudit: (row) => sql.write(() => appendAudit(row)),
    listAudit: (tenant, filter, page) =>
      sql.read(() => {
        const { text, params } = buildAuditList(filter, page);
        const found = sql.select(text, auditRow).list({ ...params, tenant });
        return cutPage(found, page, (row) => [row.at, row.id]);
      }),
    appendHappening: (happening) => sql.write(() => appendHappening(happening)),
    listHappenings: (tenant, host, limit) => sql.read(() => happenings.list({ tenant, host, limit })),
  };
}
