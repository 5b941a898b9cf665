/** What is wrong with this server and its channels. Pure. */
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { ALERTS, OUTGOING } from '@holdfast/shared/limits.ts';
import type { AlertSign } from '../../store/alerts.ts';
import type { Channel } from '../../store/channels.ts';
import { shortenText } from './text.ts';
import type { Thresholds } from './thresholds.ts';

const GIB = 1024 ** 3;
const ENOUGH_RATIO = 1.5;

/** What the composition root can measure of the server itself. */
export interface ServerFacts {
  /** On the disk of its data. */
  freeBytes?: number | undefined;
  /** What is wrong with its database; undefined when it takes writes. */
  databaseFault?: string | undefined;
  /** When its database was last copied, and when it was made; epoch milliseconds. */
  copiedAt?: number | undefined;
  bornAt?: number | undefined;
  /** When the certificate at its own address ends. */
  certificateEndsAt?: number | undefined;
}

/** What stands in the ledger itself beside that. */
export interface LedgerFacts {
  /** What the newest walk along the chain of the audit found broken. */
  auditFault?: string | undefined;
}

/** Old is what is older than a week, whether it was ever copied or not. */
function describeCopy({ copiedAt, bornAt }: ServerFacts, now: number): string | undefined {
  const since = copiedAt ?? bornAt;
  if (since === undefined || now - since <= ALERTS.copyOldMs) return undefined;
  const days = Math.floor((now - since) / DAY_MS);
  return copiedAt === undefined
    ? `it was never copied in ${days} days; “holdfast-server backup --to” makes a copy`
    : `the newest copy is ${days} days old; “holdfast-server backup --to” makes one`;
}

/** `ends in 3 days`, or that it has ended and what that means. */
export function sayEnd(endsAt: number, now: number, consequence: string): string {
  const days = Math.floor((endsAt - now) / DAY_MS);
  return days < 0 ? `has ended: ${consequence}` : `ends in ${days === 1 ? '1 day' : `${days} days`}`;
}

function describeCertificate(
  { certificateEndsAt: endsAt }: ServerFacts,
  certificateDays: number,
  now: number,
): string | undefined {
  if (endsAt === undefined || endsAt - now > certificateDays * DAY_MS) return undefined;
  return `it ${sayEnd(endsAt, now, 'browsers and agents refuse it')}`;
}

export function judgeServer(
  facts: ServerFacts & LedgerFacts,
  { serverDiskGib: diskGib, certificateDays }: Pick<Thresholds, 'serverDiskGib' | 'certificateDays'>,
  before: readonly AlertSign[],
  now: number,
): readonly AlertSign[] {
  const make = (condition: AlertSign['condition'], text: string): AlertSign => {
    const known = before.find((sign) => sign.condition === condition);
    const thing = { kind: 'server' as const, id: '' };
    return {
      scope: 'server',
      scopeId: '',
      subject: 'server',
      condition,
      thing,
      name: 'this server',
      text,
      since: known?.since ?? now,
    };
  };
  const wasLow = before.some((sign) => sign.condition === 'server.disk_low');
  const { freeBytes, databaseFault, auditFault } = facts;
  const isLow = freeBytes !== undefined && freeBytes < diskGib * GIB * (wasLow ? ENOUGH_RATIO : 1);
  const copy = describeCopy(facts, now);
  const certificate = describeCertificate(facts, certificateDays, now);
  return [
    ...(isLow ? [make('server.disk_low', `${(freeBytes / GIB).toFixed(1)} GiB are left where it keeps its data`)] : []),
    ...(databaseFault === undefined ? [] : [make('server.database', databaseFault)]),
    ...(auditFault === undefined ? [] : [make('audit.broken', auditFault)]),
    ...(copy === undefined ? [] : [make('server.copy_old', copy)]),
    ...(certificate === undefined ? [] : [make('server.certificate', certificate)]),
  ];
}

/** A channel fails when its last attempts did, whatever it was to deliver. */
export function judgeChannels(channels: readonly Channel[]): readonly AlertSign[] {
  return channels.flatMap(({ id, name, enabled, failures, failingSince, failure }): AlertSign[] => {
    if (!enabled || failures < OUTGOING.failuresUntilAlert || failingSince === undefined) return [];
    const thing = { kind: 'channel' as const, id };
    const text = `its last attempts failed: ${shortenText(failure ?? 'no answer')}`;
    return [{ scope: 'channel', scopeId: id, subject: id, condition: 'channel.failing', thing, name, text, since: failingSince }];
  });
}
