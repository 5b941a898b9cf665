/** Where one backup lies: its original, and copies of it in other repositories. */
import type { SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

/** Where copies of a snapshot lie, and what it is a copy of itself; what is gone is left out. */
export async function listPlaces(context: CoreContext, caller: Caller, snapshot: Snapshot): Promise<readonly Snapshot[]> {
  demand(caller, 'view');
  const first = snapshot.copyOf ?? snapshot.id;
  const original = snapshot.copyOf === undefined ? snapshot : await context.store.snapshots.findSnapshot(caller.tenant, first);
  const copies = await context.store.snapshots.listSnapshots(
    caller.tenant,
    { copyOf: first, role: snapshot.role },
    { limit: RUNS.copiesShown },
  );
  return [...(original ? [original] : []), ...copies.rows].filter(({ state }) => state !== 'missing' && state !== 'removed');
}

/** Where else the chosen backups lie, as copies or as originals; what was chosen itself is left out. */
export async function listElsewhere(
  context: CoreContext,
  caller: Caller,
  chosen: readonly Snapshot[],
): Promise<readonly Snapshot[]> {
  const own = new Set(chosen.map(({ id }) => id));
  const others = new Map<SnapshotId, Snapshot>();
  for (const snapshot of chosen)
    for (const place of await listPlaces(context, caller, snapshot)) if (!own.has(place.id)) others.set(place.id, place);
  return [...others.values()];
}
