/**
 * How long a host waits after a fire of a plan, so that a fleet with one schedule does not begin at one instant. The delay
 * depends on host and plan alone: host and server compute the same one, and it is the same after every restart.
 */
import type { HostId, PlanId } from './ids.ts';

const WORD = (1n << 64n) - 1n;
const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/** FNV-1a of 64 bits over the UTF-8 bytes of a text (Fowler, Noll and Vo). Not for secrets. */
export function hashFnv1a64(text: string): bigint {
  let hash = FNV_OFFSET;
  for (const byte of new TextEncoder().encode(text)) hash = ((hash ^ BigInt(byte)) * FNV_PRIME) & WORD;
  return hash;
}

/** The finalizer of MurmurHash3 (Austin Appleby, public domain): ids that differ in one letter end up far apart. */
function scatter(hash: bigint): bigint {
  let mixed = hash ^ (hash >> 33n);
  mixed = (mixed * 0xff51afd7ed558ccdn) & WORD;
  mixed ^= mixed >> 33n;
  mixed = (mixed * 0xc4ceb9fe1a85ec53n) & WORD;
  return mixed ^ (mixed >> 33n);
}

const share = (purpose: string, host: HostId, plan: PlanId): bigint =>
  scatter(hashFnv1a64(`holdfast.${purpose}.v1\n${host}\n${plan}`));

/**
 * The delay in milliseconds: whole seconds from 0 up to but not including `spreadMinutes`, a whole number. A host keeps its
 * place when the minutes change: the one half-way through an hour is half-way through two.
 */
export function computeSpreadMs(host: HostId, plan: PlanId, spreadMinutes: number): number {
  return Number((share('spread', host, plan) * BigInt(spreadMinutes * 60)) >> 64n) * 1000;
}

/**
 * When a host that was away catches a plan up: the first instant from `now` on (epoch milliseconds) that is this host's and plan's own within
 * windows of `windowMs`, so that hosts that come back together, and the plans of one, do not begin together. It needs no memory: a
 * restart before that instant finds the same one again.
 */
export function findCatchUpAt(host: HostId, plan: PlanId, windowMs: number, now: number): number {
  if (windowMs < 1) return now;
  const place = Number((share('catch-up', host, plan) * BigInt(Math.floor(windowMs))) >> 64n);
  const wait = (place - now) % Math.floor(windowMs);
  return now + (wait < 0 ? wait + Math.floor(windowMs) : wait);
}
