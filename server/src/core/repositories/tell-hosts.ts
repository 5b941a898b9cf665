import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { TOPICS } from '../bus.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

/** What hosts are told of these repositories has changed; a host that uses several is told once. */
export async function tellHostsOf(
  context: CoreContext,
  { tenant }: Pick<Caller, 'tenant'>,
  ids: readonly RepositoryId[],
): Promise<void> {
  const hosts = new Set<HostId>();
  for (const id of ids) for (const host of await context.store.plans.listHostsOfRepository(tenant, id)) hosts.add(host);
  await context.store.hosts.bumpSpec(tenant, [...hosts]);
  for (const host of hosts) context.directory.wake(host);
  context.bus.publish(tenant, { kind: 'refresh', topic: TOPICS.repositories });
}

/** What hosts are told of the repository has changed. */
export async function tellHosts(context: CoreContext, caller: Pick<Caller, 'tenant'>, id: RepositoryId): Promise<void> {
  await tellHostsOf(context, caller, [id]);
}
