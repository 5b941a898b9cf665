/** Whether sources answer their hosts, as the hosts tell of it by themselves. */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { judgeFailuresInARow, type SourceHealthState } from '@holdfast/shared/domain/source-health.ts';
import { SOURCE_HEALTH } from '@holdfast/shared/limits.ts';
import type { SourceLook } from '@holdfast/shared/protocol/source-looks.ts';
import type { SourceHealth } from '../../store/health.ts';
import type { Host } from '../../store/hosts.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

/** What a look makes of what was known. Only one that went well ends an outage: an agent that starts anew counts from one. */
export function addLook(before: SourceHealth | undefined, look: SourceLook, now: number): SourceHealth {
  const judged = judgeFailuresInARow(look.failures);
  const state = before?.state === 'offline' && judged === 'degraded' ? 'offline' : judged;
  const at = Math.min(look.at, now);
  const { latencyMs, failures } = look;
  return {
    source: look.source,
    state,
    since: before?.state === state ? before.since : at,
    lookedAt: at,
    toldAt: now,
    failures,
    latencyMs,
    failure: failures === 0 ? undefined : look.text,
    looks: [...(before?.looks ?? []), { at, state, latencyMs }].slice(-SOURCE_HEALTH.keptLooks),
  };
}

/** Keeps what a host told; what it says of sources that are not its own is left out. */
export async function recordLooks(
  context: CoreContext,
  host: Pick<Host, 'id' | 'tenant'>,
  looks: readonly SourceLook[],
): Promise<void> {
  const { store, clock, bus } = context;
  const ids = looks.map(({ source }) => source);
  const own = new Set((await store.sources.findSources(host.tenant, ids)).flatMap((one) => (one.host === host.id ? one.id : [])));
  const known = new Map((await store.health.listHealth(host.tenant, ids)).map((one) => [one.source, one]));
  const changed = new Set<SourceId>();
  for (const look of looks) {
    if (!own.has(look.source)) continue;
    const before = known.get(look.source);
    const after = addLook(before, look, clock.now());
    known.set(look.source, after);
    if (before?.state !== after.state) changed.add(look.source);
  }
  await store.health.putHealth(
    host.tenant,
    host.id,
    [...known.values()].filter(({ source }) => own.has(source)),
  );
  for (const source of changed) bus.publish(host.tenant, { kind: 'refresh', topic: TOPICS.source(source) });
  if (changed.size > 0) bus.publish(host.tenant, { kind: 'refresh', topic: TOPICS.sources });
}

export interface SourceHealthView extends Omit<SourceHealth, 'state'> {
  /** `unknown`: its host told nothing of it for `SOURCE_HEALTH.staleMs`. */
  state: SourceHealthState | 'unknown';
}

function toView(found: SourceHealth, now: number): SourceHealthView {
  return { ...found, state: now - found.toldAt > SOURCE_HEALTH.staleMs ? 'unknown' : found.state };
}

/** Of these sources; those at which nobody has looked yet are left out. */
export async function listSourceHealth(
  context: CoreContext,
  caller: Caller,
  sources: readonly SourceId[],
): Promise<ReadonlyMap<SourceId, SourceHealthView>> {
  demand(caller, 'view');
  const found = await context.store.health.listHealth(caller.tenant, sources);
  return new Map(found.map((one) => [one.source, toView(one, context.clock.now())]));
}

/** Undefined where nobody has looked yet. */
export async function findSourceHealth(
  context: CoreContext,
  caller: Caller,
  source: SourceId,
): Promise<SourceHealthView | undefined> {
  demand(caller, 'view');
  return (await listSourceHealth(context, caller, [source])).get(source);
}
