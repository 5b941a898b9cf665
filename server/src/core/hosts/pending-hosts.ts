/** Hosts at the door: who waits, whose name is in doubt, and the no that stands until its announcement expires or is taken back. */
import type { AnnouncementId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Announcement, NamedHost } from '../../store/hosts.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

/** Who has the name that a waiting host calls itself. A `host` has it here (`name`), or only calls itself so too (`hostname`). */
export type NameTaker = { kind: 'host'; host: NamedHost; by: 'name' | 'hostname' } | { kind: 'announcement' };

export interface PendingHost extends Announcement {
  /** Compare fingerprints with care. A host stands before another announcement: it may have to be revoked. */
  nameTakenBy?: NameTaker | undefined;
}

async function findNameTaker(
  context: CoreContext,
  { id, tenant, hostname }: Announcement,
  pending: readonly Announcement[],
): Promise<NameTaker | undefined> {
  const { hosts } = context.store;
  const named = await hosts.findHostNamed(tenant, hostname);
  if (named !== undefined) return { kind: 'host', host: named, by: 'name' };
  const calling = await hosts.findHostCalling(tenant, hostname);
  if (calling !== undefined) return { kind: 'host', host: calling, by: 'hostname' };
  const isDouble = pending.some((other) => other.id !== id && other.hostname === hostname);
  return isDouble ? { kind: 'announcement' } : undefined;
}

export async function listPendingHosts(context: CoreContext, caller: Caller): Promise<readonly PendingHost[]> {
  demand(caller, 'view');
  const pending = await context.store.hosts.listPending(caller.tenant, context.clock.now());
  return Promise.all(
    pending.map(async (announcement) => ({
      ...announcement,
      nameTakenBy: await findNameTaker(context, announcement, pending),
    })),
  );
}

async function getAnnounced(context: CoreContext, caller: Caller, id: AnnouncementId): Promise<Announcement> {
  const announcement = await context.store.hosts.findAnnouncement(id);
  if (!announcement || announcement.tenant !== caller.tenant)
    throw new AppError('not_found', 'this announcement is gone; the host will announce itself again');
  return announcement;
}

/** Throws `not_found`, and `conflict` for an announcement that was answered or has expired. */
export async function getPending(context: CoreContext, caller: Caller, id: AnnouncementId): Promise<Announcement> {
  const announcement = await getAnnounced(context, caller, id);
  if (announcement.state !== 'pending' || announcement.expiresAt <= context.clock.now()) {
    throw new AppError('conflict', 'this announcement was answered already or has expired');
  }
  return announcement;
}

function tellDoor(context: CoreContext, caller: Caller): void {
  for (const topic of [TOPICS.hosts, TOPICS.counts]) context.bus.publish(caller.tenant, { kind: 'refresh', topic });
}

/**
 * The host is told `message` when it asks, and whatever these keys announce until the announcement expires is answered so.
 * Throws `not_found`, and `conflict` for an announcement that was answered or has expired.
 */
export async function rejectHost(
  context: CoreContext,
  caller: Caller,
  id: AnnouncementId,
  message: string,
): Promise<Announcement> {
  demand(caller, 'host.approve');
  const announcement = await getPending(context, caller, id);
  if (!(await context.store.hosts.rejectAnnouncement(id, message)))
    throw new AppError('conflict', 'this announcement was answered already');
  await recordAct(context, caller, {
    action: 'host.rejected',
    target: { kind: 'announcement', id, name: announcement.hostname },
    change: { fingerprint: announcement.fingerprint, message },
  });
  tellDoor(context, caller);
  return { ...announcement, state: 'rejected', rejection: message };
}

/** Rejections that still stand: each until its announcement expires. */
export async function listRejectedHosts(context: CoreContext, caller: Caller): Promise<readonly Announcement[]> {
  demand(caller, 'view');
  return context.store.hosts.listRejected(caller.tenant, context.clock.now());
}

/**
 * The announcement waits again as it did; its agent ended when it was told no, and has to be started again. Throws `not_found`, and
 * `conflict` where no rejection stands any more.
 */
export async function takeBackRejection(context: CoreContext, caller: Caller, id: AnnouncementId): Promise<Announcement> {
  demand(caller, 'host.approve');
  const announcement = await getAnnounced(context, caller, id);
  if (!(await context.store.hosts.takeBackRejection(id, context.clock.now())))
    throw new AppError('conflict', 'no rejection of this host stands any more; it can announce itself again');
  await recordAct(context, caller, {
    action: 'host.rejection_taken_back',
    target: { kind: 'announcement', id, name: announcement.hostname },
    change: { fingerprint: announcement.fingerprint },
  });
  tellDoor(context, caller);
  return { ...announcement, state: 'pending', rejection: undefined };
}
