/**
 * Which host keeps a repository up: one at a time, under a lease that goes on while it is connected and is given to another one after it ran
 * out. Pure.
 */
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import type { Lease } from '../../store/routines.ts';

/** A host that was away for longer than this has lost what it kept up. */
export const LEASE_MS = 30 * 60_000;

export interface Candidate {
  id: HostId;
  name: string;
  isOnline: boolean;
  isDraining: boolean;
  /** Its agent takes what no person ordered. */
  isAble: boolean;
}

export interface Maintainer {
  lease: Lease;
  /** Who keeps it up, whether it can right now or not. */
  host: Candidate | undefined;
  /** Why nobody can now, as a part of a sentence. */
  trouble: string | undefined;
}

function findTrouble({ name, isOnline, isDraining, isAble }: Candidate): string | undefined {
  if (!isOnline) return `${name} is offline`;
  if (!isAble) return `the agent of ${name} is too old`;
  return isDraining ? `${name} is draining` : undefined;
}

const NAMED = 3;

function describeNobody(candidates: readonly Candidate[]): string {
  if (candidates.length === 0) return 'no host uses it';
  const troubles = candidates.slice(0, NAMED).flatMap((one) => findTrouble(one) ?? []);
  const more = candidates.length - troubles.length;
  return more > 0 ? `${troubles.join(', ')}, and ${more} more` : troubles.join(', ');
}

/** `candidates` in the order in which they are preferred; the host of a fixed lease among them wherever it is approved. */
export function chooseMaintainer(lease: Lease, candidates: readonly Candidate[], now: number): Maintainer {
  const holder = candidates.find(({ id }) => id === lease.host);
  if (lease.isFixed)
    return { lease, host: holder, trouble: holder ? findTrouble(holder) : 'the host that was chosen is not there any more' };
  if (holder && findTrouble(holder) === undefined)
    return { lease: { ...lease, until: now + LEASE_MS }, host: holder, trouble: undefined };
  if (holder && now < lease.until) return { lease, host: holder, trouble: findTrouble(holder) };
  const next = candidates.find((one) => findTrouble(one) === undefined);
  if (next) return { lease: { host: next.id, until: now + LEASE_MS, isFixed: false }, host: next, trouble: undefined };
  return { lease, host: holder, trouble: describeNobody(candidates) };
}
