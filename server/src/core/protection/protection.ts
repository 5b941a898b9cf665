/**
 * Whether a source is protected: one word and the sentence that explains it, decided here and nowhere else.
 *
 * A source is *protected* only by a clean backup that is recent enough, on a host that is heard of. A silent host is *unknown*, never
 * green: it may have gone on without us, or not. Whatever was switched off by a person is *paused*.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '@holdfast/shared/durations.ts';
import type { SourceStanding } from '../../store/standings.ts';
import type { ProofTrouble } from '../drills/proof-trouble.ts';

const NBSP = '\u00a0';

/** A backup takes its time and starts with a spread: this much later than expected is not late yet. */
const GRACE_RATIO = 0.05;
const GRACE_MIN_MS = 10 * MINUTE_MS;
const GRACE_MAX_MS = 12 * HOUR_MS;
/** What a plan without a schedule is measured by. */
export const BY_HAND_OBJECTIVE_MS = 7 * DAY_MS;

export const PROTECTION_STATUSES = ['protected', 'at_risk', 'unprotected', 'unknown', 'paused'] as const;
export type ProtectionStatus = (typeof PROTECTION_STATUSES)[number];

export interface ProtectionVerdict {
  status: ProtectionStatus;
  /** Set where a missed fire is all there is against it. */
  isMissedFire?: true;
  /** Set where the newest clean backup is older than any of its plans allows. */
  isOverdue?: true;
}

export interface Protection extends ProtectionVerdict {
  /** A sentence without a full stop, such as `no clean backup for 26 h, expected every 24 h`. */
  reason: string;
}

/** The word, and the sentence for those who ask: most of a big fleet is only counted. */
export interface ExplainedVerdict extends ProtectionVerdict {
  explain(): string;
}

/** A plan that has the source, as far as protection asks. */
export interface ProtectingPlan {
  enabled: boolean;
  /** The longest wait between two fires of its schedule, milliseconds; undefined when it runs only by hand. */
  everyMs?: number | undefined;
}

export interface ProtectionFacts {
  /** Epoch milliseconds. */
  now: number;
  enabled: boolean;
  plans: readonly ProtectingPlan[];
  host: 'online' | 'offline' | 'revoked' | 'quarantined';
  hostLastSeenAt?: number | undefined;
  standing?: Pick<SourceStanding, 'lastGoodAt' | 'lastGoodSuspicion' | 'lastGoodUnreadable' | 'lastState' | 'lastAt'> | undefined;
  /** When the newest fire was due that one of its plans still owes here: nothing ran within its grace. */
  missedAt?: number | undefined;
  /** When the first fire was due of which nobody knows whether it happened, because the host is silent. */
  unknownAt?: number | undefined;
  /** When its newest clean backup was made, where the second repository of its plan should have it by now and does not. */
  uncopiedAt?: number | undefined;
  /** What its drills say against it. */
  proofTrouble?: ProofTrouble | undefined;
  /** The most its newest clean backup may be old, milliseconds, where an operator said so: it stands above what the schedule promises. */
  objectiveMs?: number | undefined;
}

/** `8 min`, `26 h`, `6 days`: ages as sentences have them, never broken across lines. */
function formatAge(ms: number): string {
  const age = Math.max(0, ms);
  if (age < MINUTE_MS) return 'under a minute';
  if (age < HOUR_MS) return `${Math.floor(age / MINUTE_MS)}${NBSP}min`;
  if (age < 2 * DAY_MS) return `${Math.floor(age / HOUR_MS)}${NBSP}h`;
  return `${Math.floor(age / DAY_MS)}${NBSP}days`;
}

/** `hour`, `15 min`, `24 h`, `7 days`: after "expected every". */
function formatEvery(ms: number): string {
  if (ms === HOUR_MS) return 'hour';
  return formatAge(ms);
}

function describeNewest(facts: ProtectionFacts): string {
  const at = facts.standing?.lastGoodAt;
  return at === undefined ? 'there is no clean backup of it' : `the newest clean backup is ${formatAge(facts.now - at)} old`;
}

function describeSilence({ now, hostLastSeenAt, unknownAt }: ProtectionFacts): string {
  const silence =
    hostLastSeenAt === undefined ? 'its host has not connected yet' : `its host is silent for ${formatAge(now - hostLastSeenAt)}`;
  return unknownAt === undefined ? silence : `${silence}; whether it ran ${formatAge(now - unknownAt)} ago is unknown`;
}

/** What rules before any backup is looked at: switched off, in no plan, on a host that is out or silent. */
function judgeSetting(facts: ProtectionFacts): ExplainedVerdict | undefined {
  if (!facts.enabled) return { status: 'paused', explain: () => `the source is switched off; ${describeNewest(facts)}` };
  if (facts.host === 'revoked' || facts.host === 'quarantined')
    return {
      status: 'unprotected',
      explain: () => `its host is ${facts.host}, so nothing backs it up; ${describeNewest(facts)}`,
    };
  if (facts.plans.length === 0) return { status: 'unprotected', explain: () => `it is in no plan; ${describeNewest(facts)}` };
  if (facts.plans.every((plan) => !plan.enabled))
    return { status: 'paused', explain: () => `its plan is switched off; ${describeNewest(facts)}` };
  if (facts.host === 'offline')
    return { status: 'unknown', explain: () => `${describeSilence(facts)}; ${describeNewest(facts)}` };
  return undefined;
}

/** The strictest promise any of its plans makes; undefined when all run by hand only. */
function findExpectedMs(plans: readonly ProtectingPlan[]): number | undefined {
  const waits = plans.flatMap((plan) => (plan.enabled && plan.everyMs !== undefined ? [plan.everyMs] : []));
  return waits.length === 0 ? undefined : Math.min(...waits);
}

function graceOf(everyMs: number): number {
  return Math.min(GRACE_MAX_MS, Math.max(GRACE_MIN_MS, everyMs * GRACE_RATIO));
}

interface Expectation {
  /** A newest clean backup older than this is late. */
  limitMs: number;
  /** One older than this protects no more; undefined where nobody promised anything, by schedule or objective. */
  lostMs: number | undefined;
  /** As it follows the age. */
  expectation: () => string;
}

/** An objective is meant as it is said; what a schedule promises has a grace, because a backup takes its time. */
function findExpectation({ objectiveMs, plans }: ProtectionFacts): Expectation {
  if (objectiveMs !== undefined)
    return { limitMs: objectiveMs, lostMs: 2 * objectiveMs, expectation: () => `objective ${formatAge(objectiveMs)}` };
  const expectedMs = findExpectedMs(plans);
  if (expectedMs === undefined) {
    const limitMs = BY_HAND_OBJECTIVE_MS + graceOf(BY_HAND_OBJECTIVE_MS);
    return { limitMs, lostMs: undefined, expectation: () => 'its plan runs only by hand' };
  }
  const limitMs = expectedMs + graceOf(expectedMs);
  return { limitMs, lostMs: expectedMs + limitMs, expectation: () => `expected every ${formatEvery(expectedMs)}` };
}

function judgeWithoutGood(facts: ProtectionFacts): ExplainedVerdict {
  const last = facts.standing?.lastState;
  if (last === undefined) return { status: 'unprotected', explain: () => 'no backup has run yet' };
  return { status: 'unprotected', explain: () => `there is no clean backup; the last run ${describeState(last)}` };
}

function describeState(state: NonNullable<SourceStanding['lastState']>): string {
  const words = {
    succeeded: 'succeeded',
    partial: 'was partial',
    failed: 'failed',
    cancelled: 'was cancelled',
    skipped: 'was skipped',
  };
  return words[state];
}

function describeProofTrouble(trouble: ProofTrouble, now: number): string {
  if (trouble.kind === 'disproven') return `the last drill of it failed ${formatAge(now - trouble.at)} ago`;
  const objective = `a proof of recovery is wanted every ${formatEvery(trouble.withinDays * DAY_MS)}`;
  if (trouble.at === undefined) return `${objective}, and there is none`;
  return `${objective}, and the newest is ${formatAge(now - trouble.at)} old`;
}

/** The status of one source. Pure; the newest clean backup counts, not the last attempt alone. */
export function judgeProtection(facts: ProtectionFacts): Protection {
  const { explain, ...verdict } = judgeVerdict(facts);
  return { ...verdict, reason: explain() };
}

/** The same without the sentence, which is said when it is asked for. */
export function judgeVerdict(facts: ProtectionFacts): ExplainedVerdict {
  const setting = judgeSetting(facts);
  if (setting !== undefined) return setting;
  const goodAt = facts.standing?.lastGoodAt;
  if (goodAt === undefined) return judgeWithoutGood(facts);

  const age = Math.max(0, facts.now - goodAt);
  const { limitMs, lostMs, expectation } = findExpectation(facts);
  const last = facts.standing?.lastState;
  // An older outcome says nothing against a clean backup made after it.
  const isTrouble = (last === 'failed' || last === 'partial') && (facts.standing?.lastAt ?? goodAt) >= goodAt;

  if (age > limitMs) {
    const isLost = lostMs !== undefined && ((isTrouble && last === 'failed') || age > lostMs);
    const explain = () => {
      const after = isTrouble && last !== undefined ? `; the last run ${describeState(last)}` : '';
      return `no clean backup for ${formatAge(age)}, ${expectation()}${after}`;
    };
    return { status: isLost ? 'unprotected' : 'at_risk', isOverdue: true, explain };
  }
  if (isTrouble && last !== undefined)
    return {
      status: 'at_risk',
      explain: () => `the last run ${describeState(last)}; the newest clean backup is ${formatAge(age)} old`,
    };
  // A source may have been backed up by another plan, or by hand, since.
  const { missedAt, uncopiedAt, proofTrouble } = facts;
  if (missedAt !== undefined && missedAt > goodAt)
    return {
      status: 'at_risk',
      isMissedFire: true,
      explain: () =>
        `its plan did not run when it was due ${formatAge(facts.now - missedAt)} ago; the newest clean backup is ${formatAge(age)} old`,
    };
  const suspicion = facts.standing?.lastGoodSuspicion;
  if (suspicion !== undefined)
    return {
      status: 'at_risk',
      explain: () =>
        `the newest backup is far ${suspicion.kind === 'shrunk' ? 'smaller' : 'larger'} than those before it; look at the source`,
    };
  if (facts.standing?.lastGoodUnreadable)
    return { status: 'at_risk', explain: () => 'the newest clean backup could not be read whole; do not rely on it' };
  if (uncopiedAt !== undefined)
    return {
      status: 'at_risk',
      explain: () =>
        `the second copy of it is missing: the backup of ${formatAge(facts.now - uncopiedAt)} ago is in one repository alone`,
    };
  if (proofTrouble !== undefined) return { status: 'at_risk', explain: () => describeProofTrouble(proofTrouble, facts.now) };
  return { status: 'protected', explain: () => `clean backup ${formatAge(age)} ago, ${expectation()}` };
}

/** The instants, epoch milliseconds, after which the age of the newest clean backup gives another word: until past each of them it holds. */
export function listAgeTurns(facts: ProtectionFacts): readonly number[] {
  const goodAt = facts.standing?.lastGoodAt;
  if (goodAt === undefined) return [];
  const { limitMs, lostMs } = findExpectation(facts);
  // Instants are whole milliseconds, and the grace is a part of a wait.
  return [limitMs, lostMs].flatMap((ms) => (ms === undefined ? [] : [goodAt + Math.floor(ms)]));
}

export type ProtectionCounts = Readonly<Record<ProtectionStatus, number>>;

export function countProtections(protections: Iterable<ProtectionVerdict>): ProtectionCounts {
  const counts = { protected: 0, at_risk: 0, unprotected: 0, unknown: 0, paused: 0 };
  for (const { status } of protections) counts[status] += 1;
  return counts;
}
