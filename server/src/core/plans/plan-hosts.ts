/** Hosts whose plans are other ones than before: their specs are built anew, and the pages that show plans follow. */
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { TOPICS } from '../bus.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

export async function tellHostsOfPlans(context: CoreContext, caller: Caller, hosts: readonly HostId[]): Promise<void> {
  const unique = [...new Set(hosts)];
  await context.store.hosts.bumpSpec(caller.tenant, unique);
  for (const host of unique) context.directory.wake(host);
  for (const topic of [TOPICS.plans, TOPICS.sources, TOPICS.overview])
    context.bus.publish(caller.tenant, { kind: 'refresh', topic });
}
