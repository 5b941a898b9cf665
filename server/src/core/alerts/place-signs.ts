/** What is wrong with the place of a repository: too little room, more stored than is meant to be, a certificate near its end, a lock that stays. Pure. */
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { AlertSign } from '../../store/alerts.ts';
import type { KeptRepositoryLook, LockLook } from '../../store/repository-looks.ts';
import { ENOUGH_RATIO, formatGib, GIB } from './host-signs.ts';
import { sayEnd } from './server-signs.ts';
import { shortenText } from './text.ts';

export interface PlaceFacts {
  now: number;
  repository: { id: RepositoryId; name: string };
  /** Those that still say something, each with the limits of its host. */
  looks: readonly (KeptRepositoryLook & { hostName: string; diskGib: number })[];
  /** A certificate that ends within so many days is near its end. */
  certificateDays: number;
  /** What it takes in storage by its newest measurement, and how much it may; undefined where nobody measured or nothing is set. */
  storedBytes?: number | undefined;
  storedGib?: number | undefined;
  /** The newest look at its locks. */
  locks?: LockLook | undefined;
  /** What stood there before this look. */
  before: readonly AlertSign[];
}

function sayLocks({ stuck, text = 'a lock that nobody renews' }: LockLook): string {
  return stuck > 1 ? `${stuck} locks, the oldest: ${text}` : text;
}

export function judgePlace(facts: PlaceFacts): readonly AlertSign[] {
  const { now, looks, certificateDays, locks, before } = facts;
  const { id, name } = facts.repository;
  const make = (condition: AlertSign['condition'], subject: string, text: string): AlertSign => {
    const known = before.find((sign) => sign.condition === condition && sign.subject === subject);
    const thing = { kind: 'repository' as const, id };
    return { scope: 'repository', scopeId: id, subject, condition, thing, name, text, since: known?.since ?? now };
  };
  const disks = looks.flatMap(({ host, hostName, freeBytes, diskGib }) => {
    const subject = `disk ${host}`;
    const wasLow = before.some((sign) => sign.subject === subject);
    if (freeBytes === undefined || freeBytes >= diskGib * GIB * (wasLow ? ENOUGH_RATIO : 1)) return [];
    return [make('repository.disk_low', subject, `${formatGib(freeBytes)} are left on the disk of ${hostName} where it lies`)];
  });
  const stuck =
    locks === undefined || locks.stuck === 0
      ? []
      : [
          {
            ...make('repository.lock_stuck', 'locks', shortenText(sayLocks(locks))),
            since: Math.min(locks.since ?? now, now),
          },
        ];
  const { storedBytes, storedGib } = facts;
  const isAbove = storedBytes !== undefined && storedGib !== undefined && storedBytes > storedGib * GIB;
  const above = isAbove
    ? [make('repository.size', 'size', `${formatGib(storedBytes)} are stored, and ${storedGib} GiB were set as its limit`)]
    : [];
  // All hosts go to one address: who looked last saw what stands there now.
  const [newest] = looks
    .filter(({ certificateEndsAt }) => certificateEndsAt !== undefined)
    .toSorted((a, b) => b.toldAt - a.toldAt);
  const endsAt = newest?.certificateEndsAt;
  if (endsAt === undefined || endsAt - now > certificateDays * DAY_MS) return [...disks, ...above, ...stuck];
  const text = `the certificate at its address ${sayEnd(endsAt, now, 'hosts that verify it no longer get in')}`;
  return [...disks, ...above, ...stuck, make('repository.certificate', 'certificate', text)];
}
