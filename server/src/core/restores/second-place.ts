/** Where else the same backup lies: a restore takes it from there when the first repository cannot be reached. */

import type { Host } from '../../store/hosts.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

export interface SecondPlace {
  repository: Repository;
  snapshot: Snapshot;
}

/** The newest other place that this host can reach and that a clean run vouches for; undefined where there is none. */
export async function findSecondPlace(
  { store }: CoreContext,
  { tenant }: Pick<Caller, 'tenant'>,
  snapshot: Snapshot,
  host: Pick<Host, 'id'>,
): Promise<SecondPlace | undefined> {
  const first = snapshot.copyOf ?? snapshot.id;
  const original = snapshot.copyOf === undefined ? undefined : await store.snapshots.findSnapshot(tenant, first);
  const copies = await store.snapshots.listSnapshots(tenant, { copyOf: first, role: snapshot.role }, { limit: 20 });
  for (const other of [...(original ? [original] : []), ...copies.rows]) {
    if (other.repository === snapshot.repository || other.state !== snapshot.state) continue;
    const repository = await store.repositories.findRepository(tenant, other.repository);
    if (repository?.engineId === undefined) continue;
    // A directory is one of the host that wrote it.
    if (repository.kind !== 'local' || other.host === host.id) return { repository, snapshot: other };
  }
  return undefined;
}
