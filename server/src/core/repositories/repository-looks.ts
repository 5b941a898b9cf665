/** What hosts see of the places of their repositories, beside what restic says. */
import { REPOSITORY_LOOKS } from '@holdfast/shared/limits.ts';
import type { RepositoryLook } from '@holdfast/shared/protocol/repository-looks.ts';
import type { Host } from '../../store/hosts.ts';
import type { KeptRepositoryLook } from '../../store/repository-looks.ts';
import type { CoreContext } from '../ports.ts';

/** Keeps what a host told; what it says of repositories that no plan of it uses is left out. */
export async function recordRepositoryLooks(
  { store, clock }: CoreContext,
  host: Pick<Host, 'id' | 'tenant'>,
  looks: readonly RepositoryLook[],
): Promise<void> {
  const now = clock.now();
  const kept: KeptRepositoryLook[] = [];
  for (const { at, ...look } of looks) {
    const users = await store.plans.listHostsOfRepository(host.tenant, look.repository);
    if (users.includes(host.id)) kept.push({ ...look, host: host.id, at: Math.min(at, now), toldAt: now });
  }
  await store.repositoryLooks.putRepositoryLooks(host.tenant, kept);
}

/** Whether it still says something of today. */
export function isFreshLook({ toldAt }: Pick<KeptRepositoryLook, 'toldAt'>, now: number): boolean {
  return now - toldAt <= REPOSITORY_LOOKS.staleMs;
}
