/** The ledger: what hosts tell and are told, and what people read of it. */
import { AppError } from '@holdfast/shared/errors.ts';
import type { Store } from '../../store.ts';
import { createLogGathering } from '../logs/log-blocks.ts';
import type { LogLimits } from '../logs/log-losses.ts';
import { createLogReader } from '../logs/log-reader.ts';
import { createLogRemoval, createLogTotals } from '../logs/log-removal.ts';
import type { Sql } from '../statements.ts';
import { createEventApplier } from './apply-events.ts';
import { createContents } from './contents.ts';
import { createOrders } from './orders.ts';
import { createPins } from './pins.ts';
import { createRuns } from './runs.ts';
import { createSnapshotLists } from './snapshots.ts';
import { createStandings } from './standings.ts';

type Ledger = Pick<Store, 'events' | 'orders' | 'runs' | 'logs' | 'snapshots' | 'standings'>;

/**
 * `guard` refuses reports while the disk is full, so that what room is left stays for people; `onOddity` hears of reports that
 * were left out.
 */
export function createLedger(
  sql: Sql,
  options: { guard: () => Promise<void>; onOddity: (text: string) => void; logLimits?: LogLimits | undefined },
): Ledger {
  const apply = createEventApplier(sql, options.onOddity, options.logLimits);
  const readLog = createLogReader(sql, options.logLimits);
  return {
    events: {
      async applyEvents(...report) {
        await options.guard();
        return apply(...report);
      },
    },
    orders: createOrders(sql),
    runs: createRuns(sql),
    logs: {
      async readLog(tenant, id, filter) {
        if (filter.limit < 1)
          throw new AppError('invalid', 'a log is read at least one line at a time', { details: { field: 'limit' } });
        return readLog(tenant, id, filter);
      },
      ...createLogRemoval(sql),
      ...createLogGathering(sql),
      ...createLogTotals(sql),
    },
    snapshots: { ...createSnapshotLists(sql), ...createPins(sql), ...createContents(sql) },
    standings: createStandings(sql),
  };
}
