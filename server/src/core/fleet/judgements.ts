/**
 * The words of all sources from one look to the next. Judged anew are those that were read anew, those whose host stands otherwise, and
 * those whose word time alone may have changed; all of them when fires are owed or settled, when sources come, go or are renamed, and when
 * the clock was set back. Everything else is as it was, and is not even looked at: walking through a big fleet takes longer than judging it.
 */
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { findHostStanding } from '../hosts/hosts.ts';
import type { CoreContext } from '../ports.ts';
import { countProtections, judgeVerdict, type ProtectionCounts, type ProtectionVerdict } from '../protection/protection.ts';
import { buildFacts, type FireKnowledge, findHeldThrough } from '../protection/protection-facts.ts';
import type { KeptFleet, KeptHost, KeptSource, LookedHost, LookedSource } from './look.ts';
import type { SchedulePromises } from './promises.ts';

export interface Judged {
  /** All hosts at this instant. */
  hosts: ReadonlyMap<HostId, LookedHost>;
  /** All that have a host, in order; the same list as before when nothing of it is another. */
  sources: readonly LookedSource[];
  counts: ProtectionCounts;
}

export interface Judgements {
  /** As of `fires.now`; takes note of what `fleet` has changed. `order`: all sources, the same list for as long as none came, went or moved. */
  judge(fleet: KeptFleet, order: readonly SourceId[], fires: FireKnowledge): Judged;
}

/** What is remembered of a judgement of all. */
interface Remembered extends Judged {
  order: readonly SourceId[];
  /** By which those were judged. */
  misses: KeptFleet['misses'];
  at: number;
  /** Through which instant each word holds by itself, by place. */
  held: Float64Array;
  places: ReadonlyMap<SourceId, number>;
  placesOfHost: ReadonlyMap<HostId, readonly number[]>;
}

interface HostsLook {
  hosts: ReadonlyMap<HostId, LookedHost>;
  changed: readonly HostId[];
  /** Some came, or went. */
  areOthers: boolean;
}

export function createJudgements(
  context: Pick<CoreContext, 'clock' | 'directory'>,
  promises: Pick<SchedulePromises, 'findNextFire'>,
): Judgements {
  let keptHosts: ReadonlyMap<HostId, KeptHost> = new Map();
  let remembered: Remembered | undefined;

  function lookAtHosts(fleet: KeptFleet): HostsLook {
    const before: ReadonlyMap<HostId, LookedHost> = remembered?.hosts ?? new Map();
    const changed: HostId[] = [];
    const looked: LookedHost[] = [];
    let known = 0;
    for (const kept of fleet.hosts.values()) {
      const standing = findHostStanding(context, kept);
      const one = before.get(kept.id);
      if (one !== undefined) known += 1;
      if (one?.standing === standing && keptHosts.get(kept.id) === kept) {
        looked.push(one);
        continue;
      }
      changed.push(kept.id);
      looked.push({ ...kept, standing });
    }
    const areOthers = known !== looked.length || known !== before.size;
    const hosts = changed.length === 0 && !areOthers ? before : new Map(looked.map((one) => [one.id, one]));
    return { hosts, changed, areOthers };
  }

  function judgeOne(source: KeptSource, host: LookedHost, fires: FireKnowledge): { one: LookedSource; heldThrough: number } {
    const facts = buildFacts(source, host, fires);
    const { status, isMissedFire } = judgeVerdict(facts);
    const protection: ProtectionVerdict = isMissedFire === undefined ? { status } : { status, isMissedFire };
    const heldThrough = findHeldThrough(source, facts, (schedule) => promises.findNextFire(schedule, fires.now));
    return { one: { source, host, protection }, heldThrough };
  }

  function judgeAll(fleet: KeptFleet, order: readonly SourceId[], hosts: Judged['hosts'], fires: FireKnowledge): Remembered {
    const sources: LookedSource[] = [];
    const held = new Float64Array(order.length);
    const places = new Map<SourceId, number>();
    const placesOfHost = new Map<HostId, number[]>();
    for (const id of order) {
      const source = fleet.sources.get(id);
      const host = source && hosts.get(source.host);
      if (source === undefined || host === undefined) continue;
      const { one, heldThrough } = judgeOne(source, host, fires);
      const place = sources.push(one) - 1;
      held[place] = heldThrough;
      places.set(id, place);
      const ofHost = placesOfHost.get(host.id);
      if (ofHost === undefined) placesOfHost.set(host.id, [place]);
      else ofHost.push(place);
    }
    const counts = countProtections(sources.map(({ protection }) => protection));
    const { misses } = fleet;
    return { hosts, sources, counts, order, misses, at: fires.now, held: held.subarray(0, sources.length), places, placesOfHost };
  }

  /** Undefined where a source is not what it was a place of: then all are judged. */
  function judgeSome(
    fleet: KeptFleet,
    before: Remembered,
    { hosts, changed }: HostsLook,
    fires: FireKnowledge,
  ): Remembered | undefined {
    const due = new Set<number>();
    for (const host of changed) for (const place of before.placesOfHost.get(host) ?? []) due.add(place);
    for (const id of fleet.changed) {
      const place = before.places.get(id);
      if (place === undefined) return undefined;
      due.add(place);
    }
    for (let place = 0; place < before.held.length; place += 1) if (fires.now > (before.held[place] ?? 0)) due.add(place);
    if (due.size === 0) return { ...before, hosts, at: fires.now };
    const sources = [...before.sources];
    const held = before.held.slice();
    const counts = { ...before.counts };
    for (const place of due) {
      const last = sources[place];
      const source = last && fleet.sources.get(last.source.id);
      const host = source && hosts.get(source.host);
      if (last === undefined || source === undefined || host?.id !== last.host.id) return undefined;
      const { one, heldThrough } = judgeOne(source, host, fires);
      sources[place] = one;
      held[place] = heldThrough;
      counts[last.protection.status] -= 1;
      counts[one.protection.status] += 1;
    }
    return { ...before, hosts, sources, counts, held, at: fires.now };
  }

  return {
    judge(fleet, order, fires) {
      const looked = lookAtHosts(fleet);
      const before = remembered;
      // Whatever fails on the way, the next judges all.
      remembered = undefined;
      const isSame =
        before !== undefined &&
        !looked.areOthers &&
        before.order === order &&
        before.misses === fleet.misses &&
        fires.now >= before.at;
      const after = (isSame ? judgeSome(fleet, before, looked, fires) : undefined) ?? judgeAll(fleet, order, looked.hosts, fires);
      remembered = after;
      if (looked.areOthers || looked.changed.length > 0) keptHosts = new Map(fleet.hosts);
      fleet.changed.clear();
      return after;
    },
  };
}
