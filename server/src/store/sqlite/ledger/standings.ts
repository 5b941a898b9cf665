/** How sources stand: their newest clean backup and their newest attempt. Read from the ledger itself, so it cannot drift. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { TERMINAL_STATES } from '@holdfast/shared/domain/run.ts';
import { suspicionSchema } from '@holdfast/shared/domain/suspicion.ts';
import * as z from 'zod';
import type { StandingStore } from '../../standings.ts';
import { flag, json, optional } from '../columns.ts';
import { numberOf } from '../id-numbers.ts';
import type { Sql } from '../statements.ts';

/** A copy stands for a backup only where the original is gone. What belongs to no plan is the safety backup of a restore: of what was there, good or not, and nobody's protection. */
export const NEWEST_GOOD = `SELECT created_at AS at, id, size_bytes AS bytes, suspicion,
    coalesce(verification LIKE '{"ok":false%', 0) AS unreadable FROM snapshots
  WHERE tenant_no = ${numberOf('@tenant')} AND source_no = ${numberOf('@source')} AND state = 'good' AND role = 'data'
    AND plan_no IS NOT NULL
  ORDER BY created_at DESC, copy_of IS NULL DESC, id DESC LIMIT 1`;
const NEWEST_ATTEMPT = `SELECT p.state, r.id AS run, p.ended_at AS at FROM run_parts p INDEXED BY run_parts_ended
  CROSS JOIN runs r ON r.no = p.run_no
  WHERE p.tenant_no = ${numberOf('@tenant')} AND p.source_no = ${numberOf('@source')} AND p.kind = 'backup'
    AND p.state IN ('succeeded', 'partial', 'failed', 'cancelled', 'skipped')
  ORDER BY p.created_at DESC, r.id DESC LIMIT 1`;

const goodRow = z.object({
  at: z.int(),
  id: idSchema('snapshot'),
  bytes: z.int(),
  suspicion: optional(json(suspicionSchema)),
  unreadable: flag,
});
const attemptRow = z.object({ state: z.enum(TERMINAL_STATES), run: idSchema('run'), at: z.int() });

export function createStandings(sql: Sql): StandingStore {
  const newestGood = sql.select(NEWEST_GOOD, goodRow);
  const newestAttempt = sql.select(NEWEST_ATTEMPT, attemptRow);
  return {
    listStandings: (tenant, sources) =>
      sql.read(() =>
        sources.map((source) => {
          const good = newestGood.find({ tenant, source });
          const attempt = newestAttempt.find({ tenant, source });
          return {
            source,
            lastGoodAt: good?.at,
            lastGoodSnapshot: good?.id,
            lastGoodBytes: good?.bytes,
            ...(good?.unreadable ? { lastGoodUnreadable: true as const } : {}),
            ...(good?.suspicion === undefined ? {} : { lastGoodSuspicion: good.suspicion }),
            lastState: attempt?.state,
            lastRun: attempt?.run,
            lastAt: attempt?.at,
          };
        }),
      ),
  };
}
