/** What a host removed by order of snapshots that other hosts made. */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { numberOf, SNAPSHOT_PLACE } from '../id-numbers.ts';
import type { Sql } from '../statements.ts';
import type { RunHead } from './run-rows.ts';

/** Holds of a row of `snapshots` that the order of the run names. */
export const IS_NAMED = `EXISTS (SELECT 1 FROM run_snapshots named
  WHERE named.run_id = @run AND named.snapshot_id = snapshots.id AND named.tenant_id = @tenant)`;

export interface OrderedRemovalRows {
  /**
   * The run removed these snapshots: of its plan, or those that its order names, of whichever host. Only the order that this server gave the host
   * makes it so: what a host made up by itself hides nobody else's snapshots. Returns how many were listed.
   */
  markRemoved(head: RunHead, source: SourceId, at: number, gone: readonly { engineId: string; why: string }[]): number;
}

export function createOrderedRemovalRows(sql: Sql): OrderedRemovalRows {
  const isOrdered = `EXISTS (SELECT 1 FROM orders o
    WHERE o.run_id = @run AND o.host_id = @host AND o.tenant_id = @tenant AND o.type = 'retention.start')`;
  const remove = sql.change(`UPDATE snapshots SET state = 'removed', removed_at = @at, removed_why = @why
    WHERE ${SNAPSHOT_PLACE} AND plan_no = ${numberOf('@plan')} AND source_no = ${numberOf('@source')}
      AND state <> 'removed' AND ${isOrdered}`);
  const removeNamed = sql.change(`UPDATE snapshots SET state = 'removed', removed_at = @at, removed_why = @why
    WHERE ${SNAPSHOT_PLACE} AND source_no = ${numberOf('@source')}
      AND state <> 'removed' AND ${IS_NAMED}`);
  const forgetRecord = sql.change(`DELETE FROM snapshot_records WHERE snapshot_id IN (SELECT id FROM snapshots
    WHERE ${SNAPSHOT_PLACE} AND state = 'removed')`);
  return {
    markRemoved({ id: run, tenant, host, plan, repository, kind }, source, at, gone) {
      if (plan === undefined && kind !== 'delete_snapshot') return 0;
      return gone.reduce((count, { engineId, why }) => {
        const about = { run, tenant, repository, source, at, engineId, why };
        const removed = kind === 'delete_snapshot' ? removeNamed.run(about) : remove.run({ ...about, host, plan });
        if (removed > 0) forgetRecord.run({ tenant, repository, engineId });
        return count + removed;
      }, 0);
    },
  };
}
