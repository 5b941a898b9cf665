/** Orders to hosts: made with the run they start, in one step, so that a crash on either side loses neither or both. */
import type { HostId, RunId, SnapshotId, SourceId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import type { Failure, TerminalState } from '@holdfast/shared/domain/run.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { AppError, fromWireError, type WireError } from '@holdfast/shared/errors.ts';
import { REQUESTS, type RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { Order } from '../../store/orders.ts';
import type { StoredRoutine } from '../../store/routines.ts';
import type { Run } from '../../store/runs.ts';
import { TOPICS } from '../bus.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { logRunEnd, logRunOrdered } from './run-log-lines.ts';

/** How long an order may wait for its host before it is void. */
export const ORDER_LIFE_MS = 10 * 60 * 1000;
/** An order that waits for its host however long that is away, within reason: what it asks for does not grow old. */
export const PATIENT_LIFE_MS = 30 * DAY_MS;
/** A wish to end a run holds until the run has ended: it waits for its host however long that is silent. */
const CANCEL_LIFE_MS = 10 * 365 * 24 * 60 * 60 * 1000;

/** Where a routine stood when it was looked at. */
export type RoutineTurn = Pick<StoredRoutine, 'repository' | 'turn'>;

export type OrderBody<T extends Order['type']> = RequestBody<T>;

/** What its host could not read would end every connection that brings it, for as long as the order waits. */
function demandReadable<T extends Order['type']>(type: T, body: OrderBody<T>): void {
  const [issue] = REQUESTS[type].body.safeParse(body).error?.issues ?? [];
  if (issue === undefined) return;
  const where = `${issue.path.join('.')}: ${issue.message}`;
  if (issue.code === 'too_big')
    throw new AppError('limit', `this is more than one order to a host holds (${where})`, { retry: 'after_change' });
  throw new AppError('internal', `an order of ${type} has the wrong shape (${where})`, { retry: 'never' });
}

/** Throws `limit` for more than an order holds, and `internal` for what no host could read. */
export function createOrder<T extends Order['type']>(
  context: CoreContext,
  tenant: TenantId,
  host: HostId,
  type: T,
  body: OrderBody<T>,
): Order {
  demandReadable(type, body);
  return {
    id: context.createId('request'),
    tenant,
    host,
    type,
    run: body.run,
    body: JSON.stringify(body),
    notAfter: body.notAfter,
    createdAt: context.clock.now(),
    state: 'waiting',
  };
}

const triggerOf = ({ actor }: Caller) => (actor.kind === 'api_key' ? ('api' as const) : ('manual' as const));

/** Who asks and until when: what every order to start a run ends with. */
export function orderTerms(context: CoreContext, caller: Caller, lifeMs = ORDER_LIFE_MS) {
  return {
    trigger: triggerOf(caller),
    requestedBy: caller.actor.name,
    notAfter: context.clock.now() + lifeMs,
  };
}

/** The same of an order that may come by itself as well. */
export function upkeepTerms(context: CoreContext, caller: Caller) {
  const isScheduled = caller.actor.kind === 'system';
  return { ...orderTerms(context, caller), ...(isScheduled ? { trigger: 'schedule' as const } : {}) };
}

/** A run that was asked for, as it is until its host tells of it. */
export function createOrderedRun(
  context: CoreContext,
  caller: Caller,
  about: Pick<Run, 'kind' | 'host' | 'plan' | 'repository'>,
): Run {
  const now = context.clock.now();
  return {
    id: context.createId('run'),
    tenant: caller.tenant,
    ...about,
    trigger: caller.actor.kind === 'system' ? 'schedule' : triggerOf(caller),
    state: 'queued',
    createdAt: now,
    receivedAt: now,
    bytes: 0,
    evidence: [],
    requestedBy: caller.actor.name,
    request: caller.requestId,
    logLines: 0,
  };
}

/**
 * Stores a run with the order that carries it, and lets the host have it as soon as it can. A run of a routine takes its turn with it: `conflict`
 * when somebody was faster.
 */
export async function placeRun(
  context: CoreContext,
  caller: Caller,
  run: Run,
  sources: readonly SourceId[],
  order: Order,
  turn?: RoutineTurn,
): Promise<void> {
  if (turn === undefined) await context.store.orders.insertOrderedRun(run, sources, order);
  else if (!(await context.store.routines.placeTurn(turn, run, order)))
    throw new AppError('conflict', 'this turn of the routine was taken already');
  logRunOrdered(context, caller, run);
  announceRun(context, run);
  context.directory.wake(run.host);
}

/** As `placeRun`, of an order that names snapshots, whichever host made them. */
export async function placeNamingRun(
  context: CoreContext,
  caller: Caller,
  run: Run,
  order: Order,
  named: readonly SnapshotId[],
): Promise<void> {
  await context.store.orders.insertOrderedRun(run, [], order, named);
  logRunOrdered(context, caller, run);
  announceRun(context, run);
  context.directory.wake(run.host);
}

export function announceRun(context: CoreContext, run: Pick<Run, 'id' | 'tenant' | 'host'>): void {
  for (const topic of [TOPICS.runs, TOPICS.run(run.id), TOPICS.counts, TOPICS.overview, TOPICS.host(run.host)]) {
    context.bus.publish(run.tenant, { kind: 'refresh', topic });
  }
}

/** An error as it stands in a run's row. */
export function toFailure(error: AppError): Failure {
  const reason = findReason(error);
  return { code: error.code, message: error.message, ...(reason ? { reason } : {}) };
}

/** Ends a run that its host told nothing of; nothing when it has ended, or its host has told of it, meanwhile. */
async function endUnstarted(
  context: CoreContext,
  { id: run, tenant, host }: Pick<Run, 'id' | 'tenant' | 'host'>,
  state: TerminalState,
  failure: Failure,
): Promise<void> {
  if (!(await context.store.orders.finishUnstarted(tenant, run, state, failure, context.clock.now()))) return;
  logRunEnd(context, { run, host, state, failure });
  announceRun(context, { id: run, tenant, host });
}

/** The host refused an order: the run it was to start ends here; a refused cancellation changes nothing. */
export async function finishRefused(context: CoreContext, order: Order, error: WireError): Promise<void> {
  if (order.type === 'run.cancel') return;
  const { run: id, tenant, host } = order;
  await endUnstarted(context, { id, tenant, host }, 'failed', toFailure(fromWireError(error)));
}

/** Takes all orders back that wait for a host which is never told of them, and ends the runs they were to start. */
export async function voidOrders(context: CoreContext, host: HostId, why: AppError): Promise<void> {
  for (const order of await context.store.orders.listWaitingOrders(host, context.clock.now())) {
    if (order.type === 'run.cancel' || !(await context.store.orders.settleOrder(order.id, 'refused'))) continue;
    await endUnstarted(context, { id: order.run, tenant: order.tenant, host }, 'failed', toFailure(why));
  }
}

/** Ends what waited too long for its host; the ticker calls it. */
export async function expireOrders(context: CoreContext): Promise<number> {
  const ended = await context.store.orders.expireOrders(context.clock.now());
  for (const { id: run, tenant, host, failure } of ended) {
    logRunEnd(context, { run, host, state: 'failed', failure });
    announceRun(context, { id: run, tenant, host });
  }
  return ended.length;
}

/** Takes a run back that its host has not been told of, or orders the host to cancel it, now or when it is back. A repeat adds nothing. */
export async function placeCancellation(context: CoreContext, caller: Caller, run: Run): Promise<void> {
  const waiting = await context.store.orders.listWaitingOrders(run.host, context.clock.now());
  const unsent = waiting.find((order) => order.run === run.id && order.type !== 'run.cancel');
  if (unsent && !context.directory.isOnline(run.host) && (await context.store.orders.settleOrder(unsent.id, 'refused'))) {
    const failure = toFailure(createReasonError('cancelled', 'cancelled before the host heard of it'));
    await endUnstarted(context, run, 'cancelled', failure);
    return;
  }
  if (waiting.some((order) => order.run === run.id && order.type === 'run.cancel')) {
    context.directory.wake(run.host);
    return;
  }
  const body = { run: run.id as RunId, requestedBy: caller.actor.name, notAfter: context.clock.now() + CANCEL_LIFE_MS };
  await context.store.orders.insertOrder(createOrder(context, run.tenant, run.host, 'run.cancel', body));
  context.directory.wake(run.host);
}
