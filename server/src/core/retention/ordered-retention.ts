/**
 * Retention of a repository that only its admin credential removes from. The server plans it, by the very function that the preview shows, and the
 * one host that keeps the repository up removes it by name, so that no other host ever holds that credential.
 */
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { describeFreeze, describeRemove } from '@holdfast/shared/domain/retention-words.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { RETENTION } from '@holdfast/shared/limits.ts';
import type { HeldRemoval, OrderedRemoval } from '@holdfast/shared/protocol/retention-orders.ts';
import type { Plan } from '../../store/plans.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Run } from '../../store/runs.ts';
import { recordAct } from '../audit.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import { orderRepository } from '../repositories/admin-credential.ts';
import { createOrder, createOrderedRun, placeRun, type RoutineTurn, upkeepTerms } from '../runs/run-orders.ts';
import { previewRetention, type RetentionPreview, type SourcePreview } from './retention-preview.ts';

export interface PlannedRemovals {
  removals: readonly OrderedRemoval[];
  held: readonly HeldRemoval[];
}

interface Terms {
  /** A person agreed to more than half of a source's backups going in one step. */
  isApproved: boolean;
  nameOf(source: SourceId): string;
}

function findHeld({ source, frozen, needsPerson, removed, backups }: SourcePreview, terms: Terms): HeldRemoval | undefined {
  const name = terms.nameOf(source);
  const hold = (reason: HeldRemoval['reason'], message: string) => ({
    reason,
    message: `${name}: ${message}`.slice(0, RETENTION.heldChars),
  });
  if (frozen !== undefined) return hold('retention_frozen', `nothing is removed: ${describeFreeze(frozen)}`);
  if (removed === 0 || !needsPerson || terms.isApproved) return undefined;
  const much = `${removed} of ${backups.length} backups would go in one step`;
  return hold('retention_asks', `${much}, which waits for a person to agree on the page of the plan`);
}

/** Whole backups, oldest first, as many as `room` has; undefined when not even one fits. */
function toRemoval(
  { source, host, backups, kept, removed }: SourcePreview,
  room: number,
  keptRoom: number,
): OrderedRemoval | undefined {
  const remove: OrderedRemoval['remove'] = [];
  for (const { decision, engineIds } of backups.toReversed()) {
    if (decision.verdict === 'keep') continue;
    if (remove.length + engineIds.length > room) break;
    const why = describeRemove(decision.because);
    remove.push(...engineIds.map((engineId) => ({ engineId, why })));
  }
  if (remove.length === 0) return undefined;
  const staying = backups.flatMap(({ decision, engineIds }) => (decision.verdict === 'keep' ? engineIds : []));
  return { source, host, remove, keep: staying.slice(0, Math.min(RETENTION.keptNamed, keptRoom)), staying: kept, going: removed };
}

/** What of a preview is ordered in one go, and what is left where it is and why. Pure. */
export function planRemovals({ sources, problem }: Pick<RetentionPreview, 'sources' | 'problem'>, terms: Terms): PlannedRemovals {
  const removals: OrderedRemoval[] = [];
  const held: HeldRemoval[] =
    problem === undefined ? [] : [{ reason: 'retention_asks', message: problem.slice(0, RETENTION.heldChars) }];
  let room = RETENTION.removedPerOrder;
  let keptRoom = RETENTION.keptPerOrder;
  for (const preview of sources) {
    const found = findHeld(preview, terms);
    if (found !== undefined) {
      if (held.length < RETENTION.sourcesPerOrder) held.push(found);
      continue;
    }
    if (preview.removed === 0 || removals.length === RETENTION.sourcesPerOrder) continue;
    const removal = toRemoval(preview, room, keptRoom);
    if (removal === undefined) continue;
    room -= removal.remove.length;
    keptRoom -= removal.keep.length;
    removals.push(removal);
  }
  return { removals, held };
}

/** A plan in a repository, with its removals there, newest first. */
interface RetainedThere {
  plan: Plan;
  repository: Repository;
  runs: readonly Pick<Run, 'state' | 'failure'>[];
}

/** Whether there is something to remove, or to say: of what stays where it is, or that nothing waits any longer. */
export async function hasRetentionWork(
  context: CoreContext,
  caller: Caller,
  { plan, repository, runs }: RetainedThere,
): Promise<boolean> {
  const last = runs.find(({ state }) => isTerminal(state) && state !== 'cancelled');
  if (last?.failure !== undefined) return true;
  const { sources, problem } = await previewRetention(context, caller, plan.id, repository.id);
  return problem !== undefined || sources.some(({ removed, frozen }) => removed > 0 || frozen !== undefined);
}

export interface RetentionWish {
  plan: Plan;
  /** One with an admin credential. */
  repository: Repository;
  /** The host that keeps it up. */
  host: HostId;
  isApproved: boolean;
  turn?: RoutineTurn | undefined;
}

/**
 * Orders the removal of what the plan does not keep in this repository, planned now. Throws `precondition` for a plan that keeps everything there,
 * a repository that no host has opened yet, and a host that cannot.
 */
export async function orderRetention(context: CoreContext, caller: Caller, wish: RetentionWish): Promise<Run> {
  demand(caller, 'plan.manage');
  const { plan, repository, isApproved, turn } = wish;
  const host = await context.store.hosts.findHost(caller.tenant, wish.host);
  if (host?.state !== 'active') throw new AppError('precondition', 'the host that maintains the repository is not active');
  demandCapability(host, 'retention.start', 'to remove snapshots of other hosts');
  if (repository.engineId === undefined) throw new AppError('precondition', 'no host has opened this repository yet');
  const preview = await previewRetention(context, caller, plan.id, repository.id);
  if (preview.policy === undefined) throw new AppError('precondition', 'this plan keeps everything: it has no retention policy');
  const ids = preview.sources.map(({ source }) => source);
  const names = new Map((await context.store.sources.findSources(caller.tenant, ids)).map(({ id, name }) => [id, name]));
  const planned = planRemovals(preview, { isApproved, nameOf: (source) => names.get(source) ?? source });
  const run = createOrderedRun(context, caller, { kind: 'forget', host: host.id, plan: plan.id, repository: repository.id });
  const order = createOrder(context, caller.tenant, host.id, 'retention.start', {
    run: run.id,
    tenant: caller.tenant,
    plan: plan.id,
    planName: plan.name,
    policyName: preview.policy.name,
    repository: orderRepository(context, host, run.id, repository, 'admin'),
    removals: [...planned.removals],
    held: [...planned.held],
    ...upkeepTerms(context, caller),
  });
  await placeRun(context, caller, run, [], order, turn);
  await recordAct(context, caller, {
    action: 'plan.retention_started',
    target: { kind: 'plan', id: plan.id, name: plan.name },
    change: {
      runs: [run.id],
      isApproved,
      host: host.name,
      repository: repository.name,
      snapshots: planned.removals.reduce((sum, { remove }) => sum + remove.length, 0),
    },
  });
  return run;
}
