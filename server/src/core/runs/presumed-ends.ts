/**
 * Ends of runs that nobody will tell: each run has one end, also where its host lost its state, was revoked, or is silent for good. All of them are
 * presumptions: what the host tells of the run after all takes them back.
 */

import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { TerminalState } from '@holdfast/shared/domain/run.ts';
import { DAY_MS, HOUR_MS } from '@holdfast/shared/durations.ts';
import type { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { AgentFrames } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../store/hosts.ts';
import type { Order } from '../../store/orders.ts';
import type { Run } from '../../store/runs.ts';
import type { CoreContext } from '../ports.ts';
import { logRunEnd } from './run-log-lines.ts';
import { announceRun, toFailure, voidOrders } from './run-orders.ts';

/** A host that was silent for so long has lost what it was doing more often than not. A backup that takes longer is told when it ends. */
const HOST_LEASE_MS = DAY_MS;
/** Ended in one look; the next ones follow. */
const AT_ONCE = 100;

async function presume(context: CoreContext, run: Run, state: TerminalState, why: AppError): Promise<boolean> {
  const failure = toFailure(why);
  if (!(await context.store.orders.presumeEnd(run.tenant, run.id, state, failure, context.clock.now()))) return false;
  logRunEnd(context, { run: run.id, host: run.host, state, failure });
  announceRun(context, run);
  return true;
}

/** What a hello leaves open: runs that the host does not name, and the event up to which it may still tell of them. */
export interface Doubt {
  readonly runs: readonly Run[];
  readonly epoch: string;
  readonly lastSeq: number;
}

/** The runs that the host should know, and does not name. A full list may leave some out, so that nothing follows from it. */
export async function findDoubt(
  context: CoreContext,
  host: Pick<Host, 'id' | 'tenant'>,
  { runs: named, outbox: { epoch, lastSeq } }: Pick<AgentFrames['hello'], 'runs' | 'outbox'>,
): Promise<Doubt | undefined> {
  if (named.length >= RUNS.queued) return undefined;
  const known = new Set(named);
  const held = await context.store.orders.listHeldRuns(host.tenant, host.id);
  const runs = held.filter(({ id }) => !known.has(id));
  return runs.length === 0 ? undefined : { runs, epoch, lastSeq };
}

/**
 * Ends runs that the host took and then forgot: all that it had told when it named the others is applied up to `through`. Its state was lost or
 * set back to an older copy. False when it may still tell of them.
 */
export async function settleDoubt(context: CoreContext, doubt: Doubt, epoch: string, through: number): Promise<boolean> {
  if (epoch !== doubt.epoch || through < doubt.lastSeq) return false;
  const text = 'The host had this run and knows nothing of it any more: its state was lost, or set back to an older copy';
  const forgotten = createReasonError('interrupted', text);
  for (const run of doubt.runs) await presume(context, run, 'failed', forgotten);
  return true;
}

/** Pages of what a host has under way look again: it was lost, or is back. */
export async function announceHeldRuns(context: CoreContext, host: Pick<Host, 'id' | 'tenant'>): Promise<void> {
  for (const run of await context.store.orders.listHeldRuns(host.tenant, host.id)) announceRun(context, run);
}

/** The host answered an order to cancel: it does not know the run, so that nothing is there to be cancelled. */
export async function endUnknownRun(context: CoreContext, order: Pick<Order, 'tenant' | 'run'>): Promise<void> {
  const run = await context.store.runs.findRun(order.tenant, order.run);
  if (run === undefined) return;
  await presume(context, run, 'cancelled', createReasonError('cancelled', 'Cancelled; its host knew nothing of it any more'));
}

/** Nothing a revoked host does is told here any more. */
export async function endRunsOfRevoked(context: CoreContext, host: Pick<Host, 'id' | 'tenant' | 'name'>): Promise<void> {
  const unheard = `The host ${host.name} was revoked before it took this order`;
  await voidOrders(context, host.id, createReasonError('interrupted', unheard));
  const text = `The host ${host.name} was revoked while this went on; what became of it there is not told here`;
  const revoked = createReasonError('interrupted', text);
  for (const run of await context.store.orders.listHeldRuns(host.tenant, host.id)) await presume(context, run, 'failed', revoked);
}

/**
 * Ends what hosts have under way that were silent for the whole lease, and what revoked hosts left open; the ticker calls it. After the server's
 * start every host has an hour to be heard again. Gives how many ended.
 */
export function createSilenceRound(context: CoreContext): () => Promise<number> {
  const startedAt = context.clock.now();
  const text =
    'The host has been silent for a day while this went on. If it finished after all, this changes when the host is back';
  const lost = createReasonError('interrupted', text);
  return async () => {
    const now = context.clock.now();
    const since = now - startedAt < HOUR_MS ? 0 : now - HOST_LEASE_MS;
    let ended = 0;
    for (const run of await context.store.orders.listRunsOfSilentHosts(since, AT_ONCE))
      if (!context.directory.isOnline(run.host) && (await presume(context, run, 'failed', lost))) ended += 1;
    return ended;
  };
}
