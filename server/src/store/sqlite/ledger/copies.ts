/** What the ledger learns of copies and of whole readings, inside the transaction of the frame that tells of them. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import * as z from 'zod';
import type { Verification } from '../../snapshots.ts';
import { toJson } from '../columns.ts';
import { numberOf, SNAPSHOT_PLACE } from '../id-numbers.ts';
import type { Sql } from '../statements.ts';
import { IS_NAMED } from './ordered-removals.ts';
import type { RunHead } from './run-rows.ts';

type Copied = Extract<DurableEvent, { type: 'snapshot.copied' }>;
type Verified = Extract<DurableEvent, { type: 'snapshot.verified' }>;

export const verificationSchema: z.ZodType<Verification> = z.object({
  ok: z.boolean(),
  run: idSchema('run'),
  at: z.int(),
  bytes: z.int(),
  sha256: z.string().optional(),
  seen: z.string(),
});

export interface CopyRows {
  /**
   * Lists a copy beside its original, as good as that was, and pinned where that is. False for one that is listed already, which is found again rather than made twice,
   * and for a copy of a snapshot that is neither this host's nor named by the order of the run.
   */
  insert(head: RunHead, event: Copied): boolean;
  /**
   * Keeps how the reading went; a snapshot that could not be read is not proven any more. False for one that is neither this host's nor named by
   * the order of the run.
   */
  verify(head: RunHead, event: Verified): boolean;
}

export function createCopyRows(sql: Sql): CopyRows {
  const isNamed = `EXISTS (SELECT 1 FROM run_snapshots named
    WHERE named.run_id = @run AND named.snapshot_id = @original AND named.tenant_id = @tenant)`;
  const insert =
    sql.change(`INSERT INTO snapshots (id, tenant_no, engine_id, run_id, host_no, source_no, plan_no, repository_no, role, state,
      created_at, size_bytes, files, file_name, evidence, suspicion, copy_of, copied_by, pinned_at, pinned_by)
    SELECT @id, o.tenant_no, @engineId, o.run_id, o.host_no, o.source_no, o.plan_no, ${numberOf('@repository')}, o.role,
      CASE WHEN o.state = 'partial' THEN 'partial' ELSE 'good' END, o.created_at, @sizeBytes, o.files, o.file_name, @evidence, o.suspicion,
      o.id, @run, o.pinned_at, o.pinned_by
    FROM snapshots o WHERE o.id = @original AND o.tenant_no = ${numberOf('@tenant')} AND (o.host_no = ${numberOf('@host')} OR ${isNamed}) AND o.abandoned = 0
      AND o.state <> 'quarantined' AND o.repository_no <> ${numberOf('@repository')}
    ON CONFLICT DO NOTHING`);
  // A place that was given up, or a copy that nobody knew where it came from, is what this run says it is.
  const adopt = sql.change(`UPDATE snapshots SET copied_by = @run, state = CASE WHEN EXISTS (
      SELECT 1 FROM snapshots o WHERE o.id = @original AND o.state = 'partial') THEN 'partial' ELSE 'good' END,
      removed_at = NULL, removed_why = NULL,
      (pinned_at, pinned_by) = (SELECT o.pinned_at, o.pinned_by FROM snapshots o WHERE o.id = @original)
    WHERE ${SNAPSHOT_PLACE} AND (host_no = ${numberOf('@host')} OR ${isNamed})
      AND copy_of = @original AND state IN ('missing', 'removed')`);
  const verify = sql.change(`UPDATE snapshots SET verification = @verification,
      proven_at = CASE WHEN @ok THEN proven_at ELSE NULL END
    WHERE id = @snapshot AND ${SNAPSHOT_PLACE}
      AND (host_no = ${numberOf('@host')} OR ${IS_NAMED})`);
  return {
    insert({ id: run, tenant, host, repository }, { of: original, snapshot: { evidence, ...made } }) {
      const at = { run, tenant, host, repository, original };
      const copied = insert.run({
        ...at,
        id: made.id,
        engineId: made.engineId,
        sizeBytes: made.sizeBytes,
        evidence: toJson(evidence),
      });
      return copied > 0 || adopt.run({ ...at, engineId: made.engineId }) > 0;
    },
    verify({ id: run, tenant, host, repository }, { snapshot, engineId, ok, at, bytes, sha256, seen }) {
      const verification: Verification = { ok, run, at, bytes, ...(sha256 === undefined ? {} : { sha256 }), seen };
      return verify.run({ run, snapshot, tenant, engineId, host, repository, ok, verification: toJson(verification) }) > 0;
    },
  };
}
