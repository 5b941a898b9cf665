/** Digests: the state of everything at an hour of the day. They come whether or not anything is wrong, and so say that this server lives. */
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import type { RunState } from '@holdfast/shared/domain/run.ts';
import { OUTGOING } from '@holdfast/shared/limits.ts';
import { type DigestPeriod, findDigestDue, readDigestSettings, spanOf } from '../core/alerts/digest-settings.ts';
import type { ChannelMessage, DigestNews } from '../core/alerts/message.ts';
import { readSubscription } from '../core/alerts/subscription.ts';
import { redactLine } from '../core/alerts/text.ts';
import type { Caller } from '../core/caller.ts';
import { countWithoutPlan, type FleetLook } from '../core/fleet/look.ts';
import type { CoreContext } from '../core/ports.ts';
import { countFindings } from '../core/sources/findings.ts';
import type { ChannelKind } from './channel.ts';

const tenant = DEFAULT_TENANT;
const READER: Caller = { actor: { kind: 'system', id: 'digest', name: 'digest' }, tenant, role: 'viewer' };
/** A digest of what is longer ago than this would say nothing of now. */
const LATE_MS = 12 * 60 * 60_000;
const PERIODS: readonly DigestPeriod[] = ['daily', 'weekly'];
const GRAVITY = ['unprotected', 'unknown', 'at_risk'];

function listWorst(look: FleetLook): DigestNews['worst'] {
  // Those of one gravity stay in the order of lists, by name.
  return GRAVITY.flatMap((status) => look.sources.filter(({ protection }) => protection.status === status))
    .slice(0, OUTGOING.namedMembers)
    .map((one) => ({
      name: `${one.host.name} / ${one.source.name}`.slice(0, 300),
      text: redactLine(look.explain(one), 300),
    }));
}

function listAnomalies({ sources }: FleetLook): DigestNews['anomalies'] {
  return sources
    .flatMap(({ source, host }) => {
      const kind = source.standing?.lastGoodSuspicion?.kind;
      if (kind === undefined) return [];
      const text = `its newest backup is far ${kind === 'shrunk' ? 'smaller' : 'larger'} than those before it`;
      return [{ name: `${host.name} / ${source.name}`.slice(0, 300), text }];
    })
    .slice(0, OUTGOING.namedMembers);
}

/** Those that grew most, of all there are; one that is gone by now has no name. */
async function readGrowth({ store }: CoreContext, from: number, to: number): Promise<DigestNews['growth']> {
  const added = await store.history.sumAdded(tenant, from, to);
  const most = added.toSorted((a, b) => b.addedBytes - a.addedBytes).slice(0, OUTGOING.namedMembers);
  const repositories = await store.repositories.findRepositories(
    tenant,
    most.map(({ repository }) => repository),
  );
  const names = new Map(repositories.map(({ id, name }) => [id, name.slice(0, 300)]));
  return most.flatMap(({ repository, ...sum }) => {
    const name = names.get(repository);
    return name === undefined ? [] : [{ name, ...sum }];
  });
}

/** However many there were: whole days of them are kept counted. */
async function countRuns({ store }: CoreContext, from: number, to: number): Promise<DigestNews['runs']> {
  const counts = await store.history.countRuns(tenant, from, to);
  const countOf = (state: RunState) => counts.find((one) => one.kind === 'backup' && one.state === state)?.count ?? 0;
  return { succeeded: countOf('succeeded'), partial: countOf('partial'), failed: countOf('failed') };
}

/** Of the time up to `to`, whatever the size of the fleet: all is counted already. What it says of protection is of now. */
async function composeDigest(context: CoreContext, period: DigestPeriod, to: number): Promise<ChannelMessage> {
  const from = to - spanOf(period);
  const look = await context.fleet.look(tenant);
  const { counts } = look;
  const { open } = await context.store.alerts.countAlerts(tenant, context.clock.now());
  const digest: DigestNews = {
    from,
    to,
    sources: {
      protected: counts.protected,
      atRisk: counts.at_risk,
      unprotected: counts.unprotected,
      unknown: counts.unknown,
      paused: counts.paused,
      withoutPlan: countWithoutPlan(look),
    },
    uncovered: (await countFindings(context, READER)).open,
    worst: listWorst(look),
    runs: await countRuns(context, from, to),
    growth: await readGrowth(context, from, to),
    anomalies: listAnomalies(look),
    openAlerts: open,
  };
  const { sources } = digest;
  const bad = sources.atRisk + sources.unprotected + sources.unknown;
  const text = `${sources.protected} sources are protected, ${bad} are not; ${open} open alerts.`;
  return { type: `digest.${period}`, at: context.clock.now(), text, link: context.baseUrl, digest };
}

/**
 * Tells the digest that is due to the channels that want it, each once. A server that was away at the hour tells it when it is back, for
 * half a day; a channel that was changed since the hour waits for the next one.
 */
export async function tellDigests(context: CoreContext, kinds: readonly ChannelKind[]): Promise<void> {
  const { store, clock } = context;
  const now = clock.now();
  const settings = await readDigestSettings(context);
  for (const period of PERIODS) {
    const due = findDigestDue(context, settings, period, now);
    if (due === undefined || now - due > LATE_MS) continue;
    const channels = (await store.channels.listChannels(tenant)).filter((channel) => {
      const hears = kinds.find(({ kind }) => kind === channel.kind)?.hears ?? [];
      const wants = hears.includes(`digest.${period}`) && readSubscription(channel).digests.includes(period);
      return channel.enabled && wants && channel.updatedAt <= due;
    });
    const topic = `digest ${period} ${due}`;
    const waiting = [];
    for (const channel of channels) {
      const { rows } = await store.channels.listDeliveries(tenant, { channel: channel.id, topic }, { limit: 1 });
      if (rows.length === 0) waiting.push(channel);
    }
    if (waiting.length === 0) continue;
    const message = await composeDigest(context, period, due);
    const body = JSON.stringify(message);
    for (const { id: channel } of waiting)
      await store.channels.insertDelivery(
        tenant,
        { id: context.createId('delivery'), channel, topic, kind: message.type, body },
        clock.now(),
      );
  }
}
