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

/** Who has to be there to read a repository: a directory is one of the host that wrote it, anything else of whoever reaches it. */
export function isWithinReach(
  { directory }: Pick<CoreContext, 'directory'>,
  { kind }: Pick<Repository, 'kind'>,
  snapshot: Pick<Snapshot, 'host'>,
  host?: Pick<Host, 'id'>,
): boolean {
  if (kind !== 'local') return true;
  return host === undefined ? directory.isOnline(snapshot.host) : host.id === snapshot.host;
}

/**
 * The newest other place that a clean run vouches for and that this host can reach, or without a host any that answers; undefined where there
 * is none.
 */
export async function findSecondPlace(
  context: Pick<CoreContext, 'store' | 'directory'>,
  { tenant }: Pick<Caller, 'tenant'>,
  snapshot: Snapshot,
  host?: Pick<Host, 'id'>,
): Promise<SecondPlace | undefined> {
  const { store } = context;
  const first = snapshot.copyOf ?? snapshot.id;
  const original = snapshot.copyOf === undefined ? undefined : await store.snapshots.findSnapshot(tenant, first);
  const copies = await store.snapshots.listSnapshots(tenant, { copyOf: first, role: snapshot.role }, { limit: 20 });
  for (const other of [...(original ? [original] : []), ...copies.rows]) {
    if (other.repository === snapshot.repository || other.state !== snapshot.state || other.deletingRun !== undefined) continue;
    const repository = await store.repositories.findRepository(tenant, other.repository);
    if (repository?.engineId === undefined) continue;
    if (isWithinReach(context, repository, other, host)) return { repository, snapshot: other };
  }
  return undefined;
}
