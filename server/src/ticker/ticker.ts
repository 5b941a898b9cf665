/** The server's own clockwork: what has to happen although nobody asks. Backups are not among it: hosts fire by themselves. */

import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import type { AlertWatch } from '../core/alerts/watch.ts';
import { verifyAuditDaily } from '../core/audit-chain.ts';
import { startDueDrills } from '../core/drills/drills.ts';
import { createFireWatcher } from '../core/plans/missed-fires.ts';
import type { CoreContext } from '../core/ports.ts';
import { createHistorian } from '../core/protection/protection-history.ts';
import { createRecoveryRound } from '../core/repositories/recovery-copies.ts';
import { createRoutineRounds, type RoutineRounds } from '../core/routine/rounds.ts';
import { gatherLogs, removeOldLogs } from '../core/runs/log-retention.ts';
import { createSilenceRound } from '../core/runs/presumed-ends.ts';
import { expireOrders } from '../core/runs/run-orders.ts';
import { runCoverageRound } from '../core/sources/coverage-looks.ts';
import type { Deliverer } from '../notify/deliverer.ts';
import type { NewsTeller } from '../notify/news.ts';
import { startWheel, type Task } from './wheel.ts';

/** How long things are kept. */
export interface Keeping {
  logDays: number;
}

/** What keeps people informed. */
export interface Informants {
  watch: AlertWatch;
  deliverer: Deliverer;
  news: NewsTeller;
  tellDigests(): Promise<void>;
  tellActs(): Promise<void>;
}

function createTasks(
  context: CoreContext,
  keeping: Keeping,
  { watch, deliverer, news, tellDigests, tellActs }: Informants,
  routines: RoutineRounds,
): readonly Task[] {
  const { store, clock } = context;
  const fires = createFireWatcher(context);
  const historian = createHistorian(context);
  return [
    { name: 'orders', everyMs: 5_000, run: () => expireOrders(context) },
    { name: 'silent hosts', everyMs: 60_000, run: createSilenceRound(context) },
    { name: 'fires', everyMs: 15_000, run: () => fires.runRound() },
    { name: 'sessions', everyMs: 60_000, run: () => store.people.deleteExpiredSessions(clock.now()) },
    { name: 'announcements', everyMs: 60_000, run: () => store.hosts.deleteExpiredAnnouncements(clock.now()) },
    { name: 'drills', everyMs: 60_000, run: () => startDueDrills(context) },
    { name: 'routines', everyMs: 60_000, run: () => routines.runRound() },
    { name: 'logs', everyMs: 60_000, run: () => removeOldLogs(context, keeping.logDays) },
    { name: 'short logs', everyMs: 60_000, run: () => gatherLogs(context) },
    { name: 'changes', everyMs: 1_000, run: () => watch.lookAtChanges() },
    // Read before anybody asks, in short steps: the first page of a big fleet does not wait for all of it.
    { name: 'fleet', everyMs: 1_000, run: () => context.fleet.follow(DEFAULT_TENANT) },
    { name: 'coverage', everyMs: 10_000, run: () => runCoverageRound(context) },
    { name: 'history', everyMs: 60_000, run: () => historian.runRound() },
    { name: 'alerts', everyMs: 60_000, run: () => watch.runRound() },
    { name: 'news', everyMs: 1_000, run: () => news.runRound() },
    { name: 'acts', everyMs: 5_000, run: () => tellActs() },
    { name: 'digests', everyMs: 60_000, run: () => tellDigests() },
    { name: 'messages', everyMs: 1_000, run: () => deliverer.runRound() },
    { name: 'signs of life', everyMs: 5_000, run: () => deliverer.tellAlive() },
    { name: 'audit', everyMs: 60_000, run: () => verifyAuditDaily(context) },
    { name: 'recovery copies', everyMs: 60_000, run: createRecoveryRound(context, DEFAULT_TENANT) },
    { name: 'kept answers', everyMs: 60_000, run: () => store.answers.deleteExpiredAnswers(clock.now()) },
    { name: 'old messages', everyMs: 60 * 60_000, run: () => deliverer.prune() },
  ];
}

export interface Ticker {
  /** The task that has not ended for a quarter of an hour, by name; undefined while all of them go round. */
  findStall(): string | undefined;
  stop(): void;
}

/** Every task on its own wheel. */
export function startTicker(context: CoreContext, keeping: Keeping, informants: Informants): Ticker {
  const routines = createRoutineRounds(context);
  const wheels = createTasks(context, keeping, informants, routines).map((task) => startWheel(task, context.log));
  return {
    findStall: () => wheels.map((wheel) => wheel.findStall()).find((name) => name !== undefined),
    stop() {
      for (const wheel of wheels) wheel.stop();
      routines.close();
    },
  };
}
