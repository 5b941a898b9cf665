/** What a host's report does to fires that were noted as missed. */
import type { HostId, TenantId } from '@holdfast/shared/domain/ids.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { Sql } from '../statements.ts';
import type { RunHead } from './run-rows.ts';

export interface FireReport {
  tenant: TenantId;
  host: HostId;
  event: DurableEvent;
  /** The run it is about, as it stands afterwards. */
  head: RunHead | undefined;
  receivedAt: number;
}

/**
 * Settles noted fires inside the transaction that takes the report: a run that answers a fire was there after all, one that began
 * within a missed fire's grace stands for it where the plan catches up, and a clean one makes good what was missed before it.
 */
export function createFireSettler(sql: Sql): (report: FireReport) => void {
  const which = 'tenant_id = @tenant AND plan_id = @plan AND host_id = @host';
  const report = sql.change(`UPDATE missed_fires SET state = 'reported', settled_at = @receivedAt, run_id = @run
    WHERE plan_id = @plan AND host_id = @host AND fire_at = @fireAt AND tenant_id = @tenant AND state <> 'reported'`);
  const standIn = sql.change(`UPDATE missed_fires SET state = 'late', settled_at = @receivedAt, run_id = @run
    WHERE ${which} AND fire_at < @fireAt AND state = 'missed' AND catch_up = 1 AND deadline_at >= @createdAt`);
  const pass = sql.change(`UPDATE missed_fires SET passed_at = @receivedAt
    WHERE ${which} AND fire_at <= @createdAt AND state = 'missed' AND passed_at IS NULL`);
  return ({ tenant, host, event, head, receivedAt }) => {
    if (event.type === 'run.created' && event.plan !== undefined && event.fireAt !== undefined && event.kind === 'backup') {
      const fire = { tenant, host, plan: event.plan, run: event.run, fireAt: event.fireAt, createdAt: event.at, receivedAt };
      report.run(fire);
      standIn.run(fire);
    }
    if (event.type === 'run.finished' && event.state === 'succeeded' && head?.kind === 'backup' && head.plan !== undefined) {
      pass.run({ tenant, host, plan: head.plan, createdAt: head.createdAt, receivedAt });
    }
  };
}
