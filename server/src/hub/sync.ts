/** Brings one host up to date: its spec when the versions differ, then the orders that wait for it. */

import { toAppError, toWireError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import type { RequestBody, RequestResult, RequestType } from '@holdfast/shared/protocol/messages.ts';
import { announceHost, recordHappening } from '../core/ingest.ts';
import type { CoreContext } from '../core/ports.ts';
import { finishRefused } from '../core/run-orders.ts';
import { buildSpec } from '../core/spec.ts';
import type { Host } from '../store/hosts.ts';
import type { Order } from '../store/runs.ts';

export interface SyncTarget {
  host: Pick<Host, 'id' | 'tenant'>;
  request<T extends RequestType>(type: T, body: RequestBody<T>, id: string, timeoutMs: number): Promise<RequestResult<T>>;
}

export interface Syncer {
  /** Starts a round, or asks for another one after the one at work. Never throws. */
  run(): void;
}

export function createSyncer(context: CoreContext, target: SyncTarget, specVersionOnHost: number): Syncer {
  let busy = false;
  let again = false;
  let onHost = specVersionOnHost;
  const inFlight = new Set<string>();
  const complaints = new Set<string>();

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

  /** The reason stands in the host's history, once for each connection and reason. */
  async function complain(code: string, message: string): Promise<void> {
    if (complaints.has(code)) return;
    complaints.add(code);
    const why = code === 'internal' ? 'the server’s log has the reason' : message;
    await recordHappening(context, target.host, 'host.spec_failed', 'error', `its settings did not reach it: ${why}`);
  }

  /** A spec the host refuses, or that cannot be built, holds back no order: a restore does not need it. */
  async function trySpec(): Promise<void> {
    try {
      await syncSpec();
    } catch (error) {
      const { code, message } = toAppError(error);
      if (code === 'unavailable') throw error;
      await complain(code, message);
      context.log.error({ host: target.host.id, err: error }, 'a host did not take its spec and works by an older one');
    }
  }

  async function deliver(order: Order): Promise<void> {
    try {
      await target.request(order.type, JSON.parse(order.body), order.id, WIRE.requestTimeoutMs);
      await context.store.runs.settleOrder(order.id, 'answered');
    } catch (thrown) {
      const error = toAppError(thrown);
      // No answer is no refusal: the order waits for the next connection.
      if (error.code === 'unavailable') return;
      await context.store.runs.settleOrder(order.id, 'refused');
      await finishRefused(context, order, toWireError(error, order.id));
    } finally {
      inFlight.delete(order.id);
    }
  }

  function deliverAll(orders: readonly Order[]): void {
    for (const order of orders) {
      if (inFlight.has(order.id)) continue;
      inFlight.add(order.id);
      void deliver(order).catch((error: unknown) =>
        context.log.error({ host: target.host.id, order: order.id, err: error }, 'delivering an order failed'),
      );
    }
  }

  async function round(): Promise<void> {
    busy = true;
    try {
      do {
        again = false;
        // Orders are read before the spec is built: whatever plan they name was saved earlier, and so is in the spec that goes first.
        const waiting = await context.store.runs.listWaitingOrders(target.host.id, context.clock.now());
        await trySpec();
        deliverAll(waiting);
      } while (again);
    } catch (error) {
      context.log.warn(
        { host: target.host.id, err: error },
        'bringing a host up to date failed; it is tried again at its next connection or change',
      );
    } finally {
      busy = false;
    }
  }

  return {
    run() {
      if (busy) again = true;
      else void round();
    },
  };
}
