/** Which snapshot of a source a restore takes: one that was named, the newest good one, or the newest that a point in time had. */
import type { HostId, SnapshotId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { findSecondPlace, isWithinReach } from './second-place.ts';

/** `asOf`: epoch milliseconds; what was made later is not looked at. */
export type SnapshotWish = { newest: true; source: SourceId } | { asOf: number; source: SourceId };

/**
 * Whether nobody has a reason to take another one: a clean run vouches for it, its size fits, and nobody found it unreadable. What a restore
 * was about to change belongs to no plan, and is taken only by name. What is about to be deleted is taken by nobody.
 */
function isGood({ role, state, plan, suspicion, verification, deletingRun }: Snapshot): boolean {
  if (deletingRun !== undefined) return false;
  return role === 'data' && state === 'good' && plan !== undefined && suspicion === undefined && verification?.ok !== false;
}

/** Pages that are read for one answer; older snapshots than these hold are chosen by name. */
const PAGES_MAX = 50;

/** The newest good one that was made no later than `until`; an original before a copy of it. */
export async function findGoodSnapshot(
  context: CoreContext,
  caller: Caller,
  source: SourceId,
  until = Number.POSITIVE_INFINITY,
): Promise<Snapshot | undefined> {
  demand(caller, 'view');
  let after: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const request = { limit: HTTP.pageSizeMax, ...(after === undefined ? {} : { after }) };
    const page = await context.store.snapshots.listSnapshots(caller.tenant, { source, state: 'good', role: 'data' }, request);
    const good = page.rows.filter((snapshot) => snapshot.createdAt <= until && isGood(snapshot));
    const [newest] = good;
    if (newest) return good.find(({ id }) => id === newest.copyOf) ?? newest;
    if (page.next === undefined) return undefined;
    after = page.next;
  }
  return undefined;
}

/** The same backup where `host` reads it, or without one where some host does; itself where that is so, or where no place is better. */
async function findWithinReach(context: CoreContext, caller: Caller, snapshot: Snapshot, host?: HostId): Promise<Snapshot> {
  const reader = host === undefined ? undefined : { id: host };
  const repository = await context.store.repositories.findRepository(caller.tenant, snapshot.repository);
  if (repository && isWithinReach(context, repository, snapshot, reader)) return snapshot;
  return (await findSecondPlace(context, caller, snapshot, reader))?.snapshot ?? snapshot;
}

/**
 * The wished one, from where it can be read: where the original lies on the disk of another host than `host`, or of one that does not answer, its
 * copy. Throws `not_found` where there is none.
 */
export async function chooseSnapshot(
  context: CoreContext,
  caller: Caller,
  wish: SnapshotWish,
  host?: HostId,
): Promise<SnapshotId> {
  const until = 'asOf' in wish ? wish.asOf : undefined;
  const found = await findGoodSnapshot(context, caller, wish.source, until);
  if (found) return (await findWithinReach(context, caller, found, host)).id;
  throw new AppError(
    'not_found',
    until === undefined
      ? 'this source has no snapshot that a clean run vouches for'
      : 'this source has no good snapshot that is as old as that; choose one of its later ones',
  );
}
