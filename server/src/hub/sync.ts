/** Brings one host up to date: its spec when the versions differ, then the orders that wait for it. */

import { AppError, toAppError, toWireError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { RequestBody, RequestResult, RequestType } from '@holdfast/shared/protocol/messages.ts';
import type { Refusals } from '../core/hosts/ailments.ts';
import { buildSecrets, buildSpec } from '../core/hosts/spec.ts';
import { announceHost, recordHappening } from '../core/ingest.ts';
import type { CoreContext } from '../core/ports.ts';
import { endUnknownRun } from '../core/runs/presumed-ends.ts';
import { finishRefused } from '../core/runs/run-orders.ts';
import type { Host } from '../store/hosts.ts';
import type { Order } from '../store/orders.ts';

export interface SyncTarget {
  host: Pick<Host, 'id' | 'tenant'>;
  /** Whether its agent answers `secrets.put`. */
  takesSecrets: boolean;
  request<T extends RequestType>(type: T, body: RequestBody<T>, id: string, timeoutMs: number): Promise<RequestResult<T>>;
  /** Called after each round: what the host did not take, and why. */
  onRound(refusals: Refusals): void;
}

export interface Syncer {
  /** Starts a round, or asks for another one after the one at work. Never throws. */
  run(): void;
}

const sayWhy = (code: string, message: string) => (code === 'internal' ? 'the server’s log has the reason' : message);

/** The answer to a cancellation of a run that the host does not know. */
const isUnknown = (reply: unknown) => (reply as RequestResult<'run.cancel'>).known === false;

export function createSyncer(context: CoreContext, target: SyncTarget, specVersionOnHost: number): Syncer {
  let busy = false;
  let again = false;
  let onHost = specVersionOnHost;
  /** The spec version whose secrets the agent holds; it forgets them when the line is lost, and then there is another syncer. */
  let secretsOnHost: number | undefined;
  const onTheirWay = new Set<string>();
  let next: readonly Order[] = [];
  const complaints = new Set<string>();
  let refusals: Refusals = {};

  async function syncSpec(): Promise<void> {
    const row = await context.store.hosts.findHost(target.host.tenant, target.host.id);
    if (row?.state !== 'active') return;
    if (row.specVersion === onHost) {
      // The host has it already; only its confirmation may have been lost.
      if (row.acknowledgedSpecVersion !== onHost) await context.store.hosts.acknowledgeSpec(target.host.id, onHost);
      return;
    }
    const spec = await buildSpec(context, target.host.tenant, target.host.id);
    // Before the host can have it: a reply that is lost must not make it look like another server's.
    await context.store.hosts.recordSpecSignature(target.host.id, spec.signature);
    const reply = await target.request('spec.put', spec, context.createId('request'), WIRE.requestTimeoutMs);
    onHost = reply.version;
    await context.store.hosts.acknowledgeSpec(target.host.id, reply.version);
    announceHost(context, target.host);
  }

  async function syncSecrets(): Promise<void> {
    const row = await context.store.hosts.findHost(target.host.tenant, target.host.id);
    if (row?.state !== 'active' || row.secretsMode === 'kept') {
      secretsOnHost = undefined;
      return;
    }
    if (row.specVersion === secretsOnHost) return;
    if (!target.takesSecrets)
      throw new AppError(
        'unsupported',
        'it is to keep none, and its agent cannot be handed them; install a newer agent on the host',
      );
    const secrets = await buildSecrets(context, row);
    await target.request('secrets.put', secrets, context.createId('request'), WIRE.requestTimeoutMs);
    secretsOnHost = row.specVersion;
  }

  /** The reason stands in the host's history, once for each connection and reason. */
  async function complain(what: 'spec' | 'secrets', code: string, message: string): Promise<void> {
    if (complaints.has(`${what} ${code}`)) return;
    complaints.add(`${what} ${code}`);
    const why = sayWhy(code, message);
    const noun = what === 'spec' ? 'settings' : 'secrets';
    await recordHappening(context, target.host, `host.${what}_failed`, 'error', `its ${noun} did not reach it: ${why}`);
  }

  /** What the host refuses, or what cannot be built, holds back no order: a restore needs neither. */
  async function attempt(what: 'spec' | 'secrets', work: () => Promise<void>): Promise<void> {
    try {
      await work();
      refusals = { ...refusals, [what]: undefined };
    } catch (error) {
      const { code, message } = toAppError(error);
      refusals = { ...refusals, [what]: sayWhy(code, message) };
      if (code === 'unavailable') throw error;
      await complain(what, code, message);
      const happened =
        what === 'spec' ? 'did not take its spec and works by an older one' : 'did not take its secrets and waits for them';
      context.log.error({ area: 'hosts', host: target.host.id, err: error }, `a host ${happened}`);
    }
  }

  async function deliver(order: Order): Promise<void> {
    try {
      const reply: unknown = await target.request(order.type, JSON.parse(order.body), order.id, WIRE.requestTimeoutMs);
      await context.store.orders.settleOrder(order.id, 'answered');
      if (order.type === 'run.cancel' && isUnknown(reply)) await endUnknownRun(context, order);
    } catch (thrown) {
      const error = toAppError(thrown);
      // No answer is no refusal: the order waits for the next connection.
      if (error.code === 'unavailable') return;
      await context.store.orders.settleOrder(order.id, 'refused');
      await finishRefused(context, order, toWireError(error, order.id));
    }
  }

  /** As many as may be on their way at once, oldest first; each that is settled makes room for the next. */
  function deliverNext(): void {
    while (onTheirWay.size < WIRE.ordersOnTheirWay) {
      const [order, ...rest] = next;
      if (order === undefined) return;
      next = rest;
      onTheirWay.add(order.id);
      void deliver(order)
        .catch((error: unknown) =>
          context.log.error({ area: 'hosts', host: target.host.id, order: order.id, err: error }, 'delivering an order failed'),
        )
        .finally(() => {
          onTheirWay.delete(order.id);
          deliverNext();
        });
    }
  }

  /** `orders` are all that wait, oldest first. */
  function deliverAll(orders: readonly Order[]): void {
    next = orders.filter(({ id }) => !onTheirWay.has(id));
    deliverNext();
  }

  async function round(): Promise<void> {
    busy = true;
    try {
      do {
        again = false;
        // Orders are read before the spec is built: whatever plan they name was saved earlier, and so is in the spec that goes first.
        const waiting = await context.store.orders.listWaitingOrders(target.host.id, context.clock.now());
        await attempt('spec', syncSpec);
        await attempt('secrets', syncSecrets);
        deliverAll(waiting);
        target.onRound(refusals);
      } while (again);
    } catch (error) {
      target.onRound(refusals);
      context.log.warn(
        { area: 'hosts', host: target.host.id, err: error },
        'bringing a host up to date failed; it is tried again at its next connection or change',
      );
    } finally {
      busy = false;
    }
    // What changed while the failed round was at work would have to wait for another change.
    if (again) void round();
  }

  return {
    run() {
      if (busy) again = true;
      else void round();
    },
  };
}
