/** What follows from the reports of hosts beside the ledger. Called after they were stored, with what was new in them. */
import type { ClearedLock } from '@holdfast/shared/domain/lock.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { SequencedEvent } from '@holdfast/shared/protocol/events.ts';
import type { Host } from '../store/hosts.ts';
import { recordAct } from './audit.ts';
import type { CoreContext } from './ports.ts';

const LOCK_CLEARED = 'repository.lock_cleared';
/** The audit is never shortened, so a host that reports more is believed in its own history alone. */
const CLEARED_PER_DAY = 100;

/** The host of a source keeps what another host proved, or disproved, by its own copy of the plan. */
export async function tellProvenElsewhere(
  context: CoreContext,
  host: Pick<Host, 'id' | 'tenant'>,
  fresh: readonly SequencedEvent[],
): Promise<void> {
  for (const { event } of fresh) {
    if (event.type !== 'part.finished' || event.part.drill === undefined) continue;
    const source = await context.store.sources.findSource(host.tenant, event.part.source);
    if (!source || source.host === host.id) continue;
    await context.store.hosts.bumpSpec(host.tenant, [source.host]);
    context.directory.wake(source.host);
  }
}

/** What the host says of the repository, in its name as far as it is one that this server knows. */
async function findTarget({ store }: CoreContext, { tenant }: Pick<Host, 'tenant'>, { repository, engineId }: ClearedLock) {
  const known = repository && (await store.repositories.findRepository(tenant, repository));
  if (known) return { kind: 'repository', id: known.id, name: known.name };
  const unknown = engineId ?? 'unknown';
  return { kind: 'repository', id: unknown, name: unknown.slice(0, 8) };
}

/** Every lock that a host removed by itself is in the audit: whose it was, of which process, and since when. */
export async function recordClearedLocks(
  context: CoreContext,
  { id, tenant }: Pick<Host, 'id' | 'tenant'>,
  fresh: readonly SequencedEvent[],
): Promise<void> {
  const cleared = fresh.flatMap(({ event }) => (event.type === 'host.notice' && event.clearedLock ? [event.clearedLock] : []));
  if (cleared.length === 0) return;
  const { store, clock } = context;
  const recorded = await store.trail.listAudit(tenant, { action: LOCK_CLEARED, actor: id }, { limit: CLEARED_PER_DAY });
  const room = CLEARED_PER_DAY - recorded.rows.filter(({ at }) => at > clock.now() - DAY_MS).length;
  const host = await store.hosts.findHost(tenant, id);
  const actor = { kind: 'host', id, name: host?.name ?? id } as const;
  for (const one of cleared.slice(0, Math.max(0, room))) {
    const { hostname, username, pid, createdAt, exclusive } = one.lock;
    await recordAct(
      context,
      { actor, tenant, role: 'viewer' },
      {
        action: LOCK_CLEARED,
        target: await findTarget(context, { tenant }, one),
        change: { lock: one.lock.id, hostname, username, process: pid, since: new Date(createdAt).toISOString(), exclusive },
      },
    );
  }
}
