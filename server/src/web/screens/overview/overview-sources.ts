/**
 * What an overview says of all sources, gathered in one walk and kept for as long as the look hands out the same list of them: as long as
 * nothing of any of them is another. Nothing in it hangs on the time of day.
 */
import { takeFront } from '@holdfast/shared/front.ts';
import type { LookedHost, LookedSource } from '../../../core/fleet/look.ts';
import { joinNames, NAMES_SHOWN } from '../runs/runs.ts';

export interface SilentHosts {
  /** How many sources of each are unknown. */
  hosts: ReadonlyMap<LookedHost, number>;
  ids: ReadonlySet<string>;
  sources: number;
  /** When the last of them was heard of, epoch milliseconds; 0 where none ever was. */
  newestAt: number;
  /** The first of their names. */
  names: string;
}

export interface GatheredSources {
  /** In no plan, on hosts that are heard of. */
  planless: readonly LookedSource[];
  silent: SilentHosts;
  /** Unprotected ones, then those at risk: but for those that only missed a fire. */
  troubled: readonly LookedSource[];
  /** When the oldest newest good backup of a protected source was made; Infinity where none is protected. */
  oldestGoodAt: number;
  /** Of those whose newest drill proved them; `oldestAt` is Infinity where there is none. */
  proofs: { count: number; oldestAt: number };
  /** Those of which some drill came to a verdict, and of these the proven ones with how long their restore took, the quickest first. */
  drills: { tried: number; proven: readonly ProvenSource[] };
}

export interface ProvenSource {
  one: LookedSource;
  ms: number;
}

const BY_NAME = new Intl.Collator('en', { numeric: true });

/** The first by name, so that a line reads the same each time; the others are only counted, and thousands of them need no order. */
export function sayNames(names: readonly string[]): string {
  return joinNames(takeFront(names, NAMES_SHOWN, BY_NAME.compare), names.length);
}

const gathered = new WeakMap<readonly LookedSource[], GatheredSources>();

/** Of a list that is never changed, as a look has it. */
export function gatherSources(sources: readonly LookedSource[]): GatheredSources {
  const known = gathered.get(sources);
  if (known !== undefined) return known;
  const found = { ...sortOut(sources), ...listProofs(sources) };
  gathered.set(sources, found);
  return found;
}

function sortOut(sources: readonly LookedSource[]): Omit<GatheredSources, 'proofs' | 'drills'> {
  const planless: LookedSource[] = [];
  const silent = new Map<LookedHost, number>();
  let silentSources = 0;
  const unprotected: LookedSource[] = [];
  const atRisk: LookedSource[] = [];
  let oldestGoodAt = Number.POSITIVE_INFINITY;
  for (const one of sources) {
    const { source, host, protection } = one;
    const { status } = protection;
    if (status === 'protected') oldestGoodAt = Math.min(oldestGoodAt, source.standing?.lastGoodAt ?? oldestGoodAt);
    if (source.enabled && source.plans.length === 0 && host.standing === 'online') planless.push(one);
    else if (status === 'unknown') {
      silent.set(host, (silent.get(host) ?? 0) + 1);
      silentSources += 1;
    } else if (protection.isMissedFire === true) continue;
    else if (status === 'unprotected') unprotected.push(one);
    else if (status === 'at_risk') atRisk.push(one);
  }
  const silentHosts = describeSilent(silent, silentSources);
  return { planless, silent: silentHosts, troubled: [...unprotected, ...atRisk], oldestGoodAt };
}

function describeSilent(hosts: ReadonlyMap<LookedHost, number>, sources: number): SilentHosts {
  let newestAt = 0;
  const ids = new Set<string>();
  const names: string[] = [];
  for (const { id, name, lastSeenAt = 0 } of hosts.keys()) {
    ids.add(id);
    names.push(name);
    newestAt = Math.max(newestAt, lastSeenAt);
  }
  return { hosts, ids, sources, newestAt, names: sayNames(names) };
}

function listProofs(sources: readonly LookedSource[]): Pick<GatheredSources, 'proofs' | 'drills'> {
  let tried = 0;
  let count = 0;
  let oldestAt = Number.POSITIVE_INFINITY;
  const proven: ProvenSource[] = [];
  for (const one of sources) {
    const { proof } = one.source;
    if (proof?.newest === undefined) continue;
    tried += 1;
    if (!proof.newest.isProven) continue;
    proven.push({ one, ms: proof.newest.restoreMs ?? 0 });
    if (proof.proven === undefined) continue;
    count += 1;
    oldestAt = Math.min(oldestAt, proof.proven.endedAt);
  }
  proven.sort((a, b) => a.ms - b.ms);
  return { proofs: { count, oldestAt }, drills: { tried, proven } };
}
