/**
 * Identifiers. Each kind has a prefix and a brand, matches `[A-Za-z0-9_-]+`, and is made only here.
 * Fresh ids carry their time first (48 bits, Crockford base 32, lower case), so that they sort by age and keyset paging works.
 */
import * as z from 'zod';
import type { Clock, RandomBytes } from '../clock.ts';

const PREFIXES = {
  tenant: 'ten',
  user: 'user',
  session: 'sess',
  apiKey: 'key',
  host: 'host',
  announcement: 'ann',
  enrolmentToken: 'enr',
  source: 'src',
  repository: 'repo',
  plan: 'plan',
  policy: 'pol',
  schedule: 'sched',
  run: 'run',
  snapshot: 'snap',
  audit: 'aud',
  alert: 'alert',
  channel: 'chan',
  delivery: 'msg',
  finding: 'find',
  request: 'req',
  frame: 'f',
} as const;

export type IdKind = keyof typeof PREFIXES;
declare const brand: unique symbol;
export type Id<K extends IdKind> = string & { readonly [brand]: K };

export type TenantId = Id<'tenant'>;
export type UserId = Id<'user'>;
export type SessionId = Id<'session'>;
export type ApiKeyId = Id<'apiKey'>;
export type HostId = Id<'host'>;
export type AnnouncementId = Id<'announcement'>;
export type EnrolmentTokenId = Id<'enrolmentToken'>;
export type SourceId = Id<'source'>;
export type RepositoryId = Id<'repository'>;
export type PlanId = Id<'plan'>;
export type PolicyId = Id<'policy'>;
export type ScheduleId = Id<'schedule'>;
export type RunId = Id<'run'>;
export type SnapshotId = Id<'snapshot'>;
export type AuditId = Id<'audit'>;
export type AlertId = Id<'alert'>;
export type ChannelId = Id<'channel'>;
export type DeliveryId = Id<'delivery'>;
export type FindingId = Id<'finding'>;
export type RequestId = Id<'request'>;

/** The one tenant every installation starts with. */
export const DEFAULT_TENANT = 'ten_default' as TenantId;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** Encodes bytes in Crockford base 32, lower case, five bits a letter, zero-padded at the end. */
export function encodeBase32(bytes: Uint8Array): string {
  let out = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += ALPHABET[(buffer >>> bits) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  if (bits > 0) out += ALPHABET[(buffer << (5 - bits)) & 31];
  return out;
}

function encodeTime(epochMs: number): string {
  let rest = Math.floor(epochMs);
  let out = '';
  for (let i = 0; i < 10; i += 1) {
    out = ALPHABET[rest % 32] + out;
    rest = Math.floor(rest / 32);
  }
  return out;
}

export interface IdSource {
  clock: Pick<Clock, 'now'>;
  randomBytes: RandomBytes;
}

/** A fresh id: prefix, ten letters of time, sixteen letters (80 bits) of chance. */
export function createId<K extends IdKind>(kind: K, from: IdSource): Id<K> {
  return `${PREFIXES[kind]}_${encodeTime(from.clock.now())}${encodeBase32(from.randomBytes(10))}` as Id<K>;
}

/** An id computed from a digest: the same digest always gives the same id. Throws a RangeError for a digest below 10 bytes. */
export function deriveId<K extends IdKind>(kind: K, epochMs: number, digest: Uint8Array): Id<K> {
  if (digest.length < 10) throw new RangeError('a derived id needs a digest of at least 10 bytes');
  return `${PREFIXES[kind]}_${encodeTime(epochMs)}${encodeBase32(digest.subarray(0, 10))}` as Id<K>;
}

/** The schema of one kind of id, for every boundary. */
export function idSchema<K extends IdKind>(kind: K): z.ZodType<Id<K>, string> {
  const pattern = new RegExp(`^${PREFIXES[kind]}_[A-Za-z0-9_-]{1,60}$`);
  return z.string().max(80).regex(pattern, `not a ${kind} id`) as unknown as z.ZodType<Id<K>, string>;
}
