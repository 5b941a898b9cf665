/** Shared schedules: when plans are due, under a name that they share. */
import type { ScheduleId } from '@holdfast/shared/domain/ids.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { COUNTS } from '@holdfast/shared/limits.ts';
import type { Page, PageRequest } from '../../store/page.ts';
import type { SharedSchedule } from '../../store/shared-schedules.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import { demandSpecFits } from '../hosts/spec-size.ts';
import { checkDescription, checkName } from '../names.ts';
import type { CoreContext } from '../ports.ts';
import { tellHostsOfPlans } from './plan-hosts.ts';
import { checkSchedule } from './plan-schedule.ts';

/** Plans that the audit names when their schedule moves; of more it has the number. */
const PLANS_NAMED = 50;

export interface SharedScheduleInput {
  name: string;
  description?: string | undefined;
  schedule: Schedule;
}

export async function getSharedSchedule(context: CoreContext, caller: Caller, id: ScheduleId): Promise<SharedSchedule> {
  demand(caller, 'view');
  const shared = await context.store.sharedSchedules.findSharedSchedule(caller.tenant, id);
  if (!shared) throw new AppError('not_found', 'there is no such shared schedule');
  return shared;
}

export async function listSharedSchedules(
  context: CoreContext,
  caller: Caller,
  filter: { search?: string | undefined },
  page: PageRequest,
): Promise<Page<SharedSchedule>> {
  demand(caller, 'view');
  return context.store.sharedSchedules.listSharedSchedules(caller.tenant, filter, page);
}

function publish({ bus }: CoreContext, { tenant }: Caller): void {
  bus.publish(tenant, { kind: 'refresh', topic: TOPICS.plans });
}

function describe({ name, description, schedule }: SharedSchedule): Record<string, unknown> {
  return { name, description, schedule };
}

/**
 * Plans go by it once they name it. Throws `invalid` naming the field at fault, `conflict` for a name that is taken, and `limit` above
 * `COUNTS.sharedSchedules`.
 */
export async function createSharedSchedule(
  context: CoreContext,
  caller: Caller,
  input: SharedScheduleInput,
): Promise<SharedSchedule> {
  demand(caller, 'plan.manage');
  const { sharedSchedules } = context.store;
  const name = checkName(input.name);
  checkSchedule(context, input.schedule);
  const now = context.clock.now();
  const shared: SharedSchedule = {
    id: context.createId('schedule'),
    tenant: caller.tenant,
    name,
    description: checkDescription(input.description ?? ''),
    schedule: input.schedule,
    version: 1,
    createdAt: now,
    updatedAt: now,
  };
  if ((await sharedSchedules.countSharedSchedules(caller.tenant)) >= COUNTS.sharedSchedules)
    throw new AppError('limit', `there may be ${COUNTS.sharedSchedules} shared schedules; let plans share one`, {
      retry: 'after_change',
    });
  await sharedSchedules.insertSharedSchedule(shared);
  await recordAct(context, caller, {
    action: 'shared_schedule.created',
    target: { kind: 'schedule', id: shared.id, name },
    change: describe(shared),
  });
  publish(context, caller);
  return shared;
}

export interface SharedScheduleChange {
  name?: string | undefined;
  description?: string | undefined;
  schedule?: Schedule | undefined;
}

/** What the audit says of the plans that move, some by name. */
async function describeMoved(context: CoreContext, { tenant }: Caller, id: ScheduleId): Promise<Record<string, unknown>> {
  const { sharedSchedules } = context.store;
  const { rows } = await context.store.plans.listPlans(tenant, { sharedSchedule: id }, { limit: PLANS_NAMED });
  const movedPlans = (await sharedSchedules.countPlansOfSharedSchedules(tenant, [id])).get(id) ?? 0;
  return { movedPlans, plans: rows.map(({ name }) => name) };
}

/**
 * Changes it for all plans that use it: all of them are due at the new times from now on, and their hosts are told at once. Throws `invalid` naming
 * the field at fault, `conflict` for another version or a name that is taken, and `limit` where the spec of a host does not fit a frame any more.
 */
export async function updateSharedSchedule(
  context: CoreContext,
  caller: Caller,
  id: ScheduleId,
  change: SharedScheduleChange,
  expectedVersion?: number,
): Promise<SharedSchedule> {
  demand(caller, 'plan.manage');
  const { sharedSchedules } = context.store;
  const before = await getSharedSchedule(context, caller, id);
  if (change.schedule !== undefined) checkSchedule(context, change.schedule);
  const after: SharedSchedule = {
    ...before,
    name: change.name === undefined ? before.name : checkName(change.name),
    description: change.description === undefined ? before.description : checkDescription(change.description),
    schedule: change.schedule ?? before.schedule,
    version: before.version + 1,
    updatedAt: context.clock.now(),
  };
  const { cron, zone } = before.schedule;
  const isMoved = after.schedule.cron !== cron || after.schedule.zone !== zone;
  if (isMoved) {
    const concerned = await sharedSchedules.listHostsOfSharedSchedule(caller.tenant, id);
    const isLonger = JSON.stringify(after.schedule).length > JSON.stringify(before.schedule).length;
    if (isLonger) await demandSpecFits(context, caller, concerned, { sharedSchedule: after });
  }
  await sharedSchedules.updateSharedSchedule(after, expectedVersion ?? before.version);
  await recordAct(context, caller, {
    action: 'shared_schedule.updated',
    target: { kind: 'schedule', id, name: after.name },
    change: {
      before: describe(before),
      after: describe(after),
      ...(isMoved ? await describeMoved(context, caller, id) : {}),
    },
  });
  // Read anew: a plan may have joined until the moment it moved.
  if (isMoved) await tellHostsOfPlans(context, caller, await sharedSchedules.listHostsOfSharedSchedule(caller.tenant, id));
  else publish(context, caller);
  return after;
}

/** `conflict` naming the plans that use it. */
export async function deleteSharedSchedule(context: CoreContext, caller: Caller, id: ScheduleId): Promise<void> {
  demand(caller, 'plan.manage');
  const shared = await getSharedSchedule(context, caller, id);
  await context.store.sharedSchedules.deleteSharedSchedule(caller.tenant, id);
  await recordAct(context, caller, {
    action: 'shared_schedule.deleted',
    target: { kind: 'schedule', id, name: shared.name },
    change: describe(shared),
  });
  publish(context, caller);
}
