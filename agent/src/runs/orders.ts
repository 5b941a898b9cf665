/** Orders are carried out once, also when they are sent again because an answer was lost: a repeat gets the same answer. */
import type { PlanId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecPlan } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { Journal } from '../journal/journal.ts';
import type { Queue } from './queue/queue.ts';
import type { RunKinds } from './run-kinds.ts';
import type { MaintenanceOrder } from './upkeep/maintenance-runs.ts';
import type { SnapshotsOrder } from './upkeep/snapshot-runs.ts';

/** Each throws `limit` where `RUNS.queued` runs wait already, and `not_found` for a plan that this host does not have. */
export interface Orders {
  startPlan(order: RequestBody<'run.start'>, orderId: string): { run: RunId };
  startRestore(order: RequestBody<'restore.start'>, orderId: string): { run: RunId };
  startForget(order: RequestBody<'forget.start'>, orderId: string): { run: RunId };
  startDrill(order: RequestBody<'drill.start'>, orderId: string): { run: RunId };
  startMaintenance(ordered: MaintenanceOrder, orderId: string): { run: RunId };
  startSnapshots(ordered: SnapshotsOrder, orderId: string): { run: RunId };
}

export interface OrdersPorts {
  journal: Pick<Journal, 'orders'>;
  queue: Pick<Queue, 'waiting'>;
  kinds: RunKinds;
  spec(): Spec | undefined;
}

/** What an order does. */
interface Effect {
  run: RunId;
  /** Kept with the answer. */
  type: string;
  /** `remember` keeps the answer, and belongs into the transaction that makes the run. */
  begin(remember: () => void): void;
  /** It came once more: an agent that started anew has lost the secrets that came with it. */
  again?(): void;
}

export function createOrders({ journal, queue, kinds, spec }: OrdersPorts): Orders {
  /** Those of this life of the agent: while the disk refuses writes, its journal does not know them yet. */
  const carriedOut = new Set<string>();

  const carryOut = (orderId: string, { run, type, begin, again }: Effect): { run: RunId } => {
    if (carriedOut.has(orderId) || journal.orders.find(orderId) !== undefined) again?.();
    else {
      begin(() => journal.orders.store(orderId, type, { run }));
      carriedOut.add(orderId);
    }
    return { run };
  };
  const assertRoom = () => {
    if (queue.waiting >= RUNS.queued) throw new AppError('limit', `this host has ${queue.waiting} runs waiting already`);
  };
  const getPlan = (id: PlanId): SpecPlan => {
    const plan = spec()?.plans.find((candidate) => candidate.id === id);
    if (!plan) throw new AppError('not_found', 'this host does not have that plan (yet)');
    return plan;
  };

  return {
    startPlan: (order, orderId) =>
      carryOut(orderId, {
        run: order.run,
        type: 'run.start',
        begin(remember) {
          const plan = getPlan(order.plan);
          assertRoom();
          kinds.backups.start(order, plan, remember);
        },
      }),
    startRestore: (order, orderId) =>
      carryOut(orderId, {
        run: order.run,
        type: 'restore.start',
        begin(remember) {
          assertRoom();
          kinds.restores.start(order, remember);
        },
        again: () => kinds.restores.takeAgain(order),
      }),
    startForget: (order, orderId) =>
      carryOut(orderId, {
        run: order.run,
        type: 'forget.start',
        begin(remember) {
          assertRoom();
          kinds.forgets.startByHand(order, getPlan(order.plan), remember);
        },
        again: () => kinds.forgets.takeSecretsAgain(order),
      }),
    startDrill: (order, orderId) =>
      carryOut(orderId, {
        run: order.run,
        type: 'drill.start',
        begin(remember) {
          assertRoom();
          kinds.drills.start(order, remember);
        },
        again: () => kinds.drills.takeSecretsAgain(order),
      }),
    startMaintenance: (ordered, orderId) =>
      carryOut(orderId, {
        run: ordered.order.run,
        type: `${ordered.kind}.start`,
        begin(remember) {
          assertRoom();
          kinds.maintenance.start(ordered, remember);
        },
        again: () => kinds.maintenance.takeSecretsAgain(ordered),
      }),
    startSnapshots: (ordered, orderId) =>
      carryOut(orderId, {
        run: ordered.order.run,
        type: `${ordered.kind}.start`,
        begin(remember) {
          assertRoom();
          kinds.snapshots.start(ordered, remember);
        },
        again: () => kinds.snapshots.takeSecretsAgain(ordered),
      }),
  };
}
