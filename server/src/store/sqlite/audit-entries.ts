/** Entries of the audit as a chain: how one is added, and how what is there is followed. */
import * as z from 'zod';
import type { AuditRow, ChainFault, ChainPoint, TrailStore } from '../trail.ts';
import { type AuditColumns, CHAIN_BEGIN, hashEntry } from './audit-chain.ts';
import { counted, toJson } from './columns.ts';
import type { Sql } from './statements.ts';

const pointRow: z.ZodType<ChainPoint> = z.object({ no: z.int(), hash: z.string() });
const HEAD = 'SELECT no, hash FROM audit_heads WHERE tenant_id = @tenant';

/** Whatever stands there: a hand at the database may have written anything. */
const storedRow: z.ZodType<AuditColumns & { no: number; hash: string | null }> = z.object({
  id: z.string(),
  tenant: z.string(),
  at: z.number(),
  actorKind: z.string(),
  actorId: z.string(),
  actorName: z.string(),
  action: z.string(),
  targetKind: z.string(),
  targetId: z.string(),
  targetName: z.string(),
  address: z.nullable(z.string()),
  requestId: z.nullable(z.string()),
  change: z.nullable(z.string()),
  no: z.number(),
  hash: z.nullable(z.string()),
});

/** Texts as SQLite gives them back: half a character of UTF-16, which a host may send, is stored as another one. */
function toColumns(row: AuditRow): AuditColumns {
  return {
    id: row.id,
    tenant: row.tenant,
    at: row.at,
    actorKind: row.actor.kind,
    actorId: row.actor.id.toWellFormed(),
    actorName: row.actor.name.toWellFormed(),
    action: row.action.toWellFormed(),
    targetKind: row.target.kind,
    targetId: row.target.id.toWellFormed(),
    targetName: row.target.name.toWellFormed(),
    address: row.address?.toWellFormed() ?? null,
    requestId: row.requestId?.toWellFormed() ?? null,
    change: toJson(row.change) ?? null,
  };
}

/** Appends an entry to the chain of its tenant inside a caller's transaction. */
export function createAuditAppender(sql: Sql): (row: AuditRow) => void {
  const head = sql.select(HEAD, pointRow);
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

/** Follows entries in their order; stops at the first that does not fit the one before. */
function follow(from: ChainPoint, rows: readonly z.infer<typeof storedRow>[]): { reached: ChainPoint; fault?: ChainFault } {
  let reached = from;
  for (const row of rows) {
    const no = reached.no + 1;
    if (row.no !== no) return { reached, fault: { no, why: row.no > no ? 'missing' : 'outside' } };
    const hash = hashEntry(reached.hash, no, row);
    if (hash !== row.hash) return { reached, fault: { no, why: 'changed' } };
    reached = { no, hash };
  }
  return { reached };
}

/** What the end of a chain says against the head that is kept apart. */
function judgeEnd(reached: ChainPoint, head: ChainPoint, unchained: number): ChainFault | undefined {
  if (head.no > reached.no) return { no: reached.no + 1, why: 'cut' };
  if (head.no < reached.no) return { no: head.no + 1, why: 'outside' };
  if (head.hash !== reached.hash) return { no: reached.no, why: 'changed' };
  return unchained > 0 ? { no: reached.no + 1, why: 'outside' } : undefined;
}

/** One step is one view of the store, so that an entry added meanwhile is no fault. */
export function createAuditWalk(sql: Sql): TrailStore['followAudit'] {
  const head = sql.select(HEAD, pointRow);
  const rows = sql.select(
    `SELECT id, tenant_id AS tenant, at, actor_kind AS actorKind, actor_id AS actorId, actor_name AS actorName, action,
       target_kind AS targetKind, target_id AS targetId, target_name AS targetName, address, request_id AS requestId, change, no, hash
     FROM audit WHERE tenant_id = @tenant AND no > @after ORDER BY no LIMIT @limit`,
    storedRow,
  );
  const unchained = sql.select('SELECT EXISTS (SELECT 1 FROM audit WHERE tenant_id = @tenant AND no IS NULL) AS count', counted);
  return (tenant, from, limit) =>
    sql.read(() => {
      const found = rows.list({ tenant, after: from.no, limit });
      const { reached, fault } = follow(from, found);
      if (fault !== undefined) return { reached, isEnd: true, fault };
      if (found.length === limit) return { reached, isEnd: false };
      const kept = head.find({ tenant }) ?? { no: 0, hash: CHAIN_BEGIN };
      return { reached, isEnd: true, fault: judgeEnd(reached, kept, unchained.find({ tenant })?.count ?? 0) };
    });
}
