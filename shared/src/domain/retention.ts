/**
 * Decides which snapshots of one series (one source of one plan) stay and which go, and says why of each. Pure: the same input gives the
 * same answer, so that a preview equals what is done.
 *
 * Tiers are read as restic's `forget` reads them: newest first, the newest of each bucket stays until the tier's number is used up, and
 * as long as it is not, the oldest one stays too, so that a history grows to its length. What differs is what counts: only snapshots that
 * a clean run vouches for, of sizes that fit, and not dated in the future use a bucket up.
 */
import { DAY_MS, HOUR_MS } from '../durations.ts';
import { type RetentionPolicy, type RetentionRules, TIERS, type Tier } from './retention-policy.ts';
import { openZone } from './wall-time.ts';

/** So many of the newest good ones, and so many of the newest proven ones, stay whatever a policy says. */
export const ALWAYS_KEPT = 2;
/** A step that removes more than this share of a series waits for a person. */
const UNASKED_SHARE = 0.5;
/** A newest good one older than so many waits of its schedule: backups have stopped, and what is left may be all there will be. */
const STALE_WAITS = 2;
/** Never stale before that: a backup takes its time, and a machine may be off over night. */
const STALE_LEAST_MS = DAY_MS;

/** What may be said of a snapshot. Only `good` ones count; `quarantined` are those that no run vouches for. */
export type Standing = 'good' | 'partial' | 'suspicious' | 'quarantined';

export interface RetentionSnapshot {
  id: string;
  /** Epoch milliseconds. */
  createdAt: number;
  /** Bytes it added to the repository. */
  storedBytes: number;
  standing: Standing;
  /** A restore test or a full read proved it. */
  isProven: boolean;
  /** A person said that it stays. */
  isPinned: boolean;
}

export type KeepReason =
  | { keep: 'everything' }
  /** The newest of its bucket; `nth` counts from 1 up to the tier's number, which is `of`. */
  | { keep: 'tier'; tier: Tier; nth: number; of: number }
  /** The oldest of all while a tier's number is not used up. */
  | { keep: 'oldest'; tier: Tier }
  /** Not good itself, but nothing good lies in this bucket. */
  | { keep: 'stand_in'; tier: Tier }
  | { keep: 'within'; hours: number }
  /** No rule but an age or a size removes anything. */
  | { keep: 'no_tier' }
  | { keep: 'young'; hours: number }
  | { keep: 'pinned' }
  | { keep: 'last_good' }
  | { keep: 'last_proven' }
  | { keep: 'future' }
  | { keep: 'frozen' };

export type RemoveReason =
  | { remove: 'no_rule' }
  | { remove: 'not_good'; standing: Standing }
  | { remove: 'too_old'; days: number }
  /** No policy may keep what is older: a setting of the whole installation. */
  | { remove: 'over_cap'; days: number }
  | { remove: 'too_much'; bytes: number };

export type Decision =
  | { snapshot: RetentionSnapshot; verdict: 'keep'; because: readonly KeepReason[] }
  | { snapshot: RetentionSnapshot; verdict: 'remove'; because: RemoveReason };

/** Why nothing is removed at all for now. */
export type Freeze = 'newest_run_not_clean' | 'newest_copy_not_clean' | 'newest_suspicious' | 'nothing_good' | 'newest_too_old';

export interface RetentionPlan {
  /** Newest first. */
  decisions: readonly Decision[];
  /** Set when something would be removed, were it not for this. */
  frozen: Freeze | undefined;
  removed: number;
  /** More than half of the series would go in one step. */
  needsPerson: boolean;
}

export interface RetentionContext {
  policy: RetentionPolicy;
  /** Epoch milliseconds. */
  now: number;
  /** The plan's zone, which decides where days begin. */
  zone: string;
  isNewestRunClean: boolean;
  /** Of snapshots that are copies: whether the newest copy went well; left out: they are none. */
  isNewestCopyClean?: boolean | undefined;
  /** The longest wait between two backups that the schedule promises, milliseconds; undefined: it promises none. */
  expectedMs?: number | undefined;
  /** Whatever the policy says, older ones go unless they are guarded; days; 0 or left out: no such cap. */
  capDays?: number | undefined;
}

/** What the rules say of each snapshot before any guard; the last reason to remove one counts. */
interface Draft {
  snapshot: RetentionSnapshot;
  keeps: KeepReason[];
  guards: KeepReason[];
  removal: RemoveReason | undefined;
}

/** @throws RangeError for a zone this runtime does not know. */
export function planRetention(snapshots: readonly RetentionSnapshot[], context: RetentionContext): RetentionPlan {
  const { policy, now, capDays = 0 } = context;
  const drafts: Draft[] = snapshots
    .toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1))
    .map((snapshot) => ({ snapshot, keeps: [], guards: [], removal: undefined }));
  const present = drafts.filter(({ snapshot }) => snapshot.createdAt <= now);
  if (policy.kind === 'everything') for (const { keeps } of drafts) keeps.push({ keep: 'everything' });
  else applyRules(present, policy, context);
  const capAt = capDays > 0 ? now - capDays * DAY_MS : Number.NEGATIVE_INFINITY;
  for (const draft of present) if (draft.snapshot.createdAt < capAt) draft.removal ??= { remove: 'over_cap', days: capDays };
  guard(drafts, present, policy, { now, capAt });
  if (policy.kind === 'rules' && policy.maxTotalBytes > 0) limitBytes(drafts, policy.maxTotalBytes);
  const frozen = drafts.some(isRemoved) ? findFreeze(present, context) : undefined;
  const decisions = drafts.map((draft) => decide(draft, frozen !== undefined));
  const removed = decisions.filter(({ verdict }) => verdict === 'remove').length;
  return { decisions, frozen, removed, needsPerson: removed > decisions.length * UNASKED_SHARE };
}

const isGood = ({ snapshot }: Draft) => snapshot.standing === 'good';
const isRemoved = ({ keeps, guards, removal }: Draft) => guards.length === 0 && (removal !== undefined || keeps.length === 0);

function applyRules(present: readonly Draft[], rules: RetentionRules, { now, zone }: RetentionContext): void {
  const good = present.filter(isGood);
  const doubtful = present.filter(({ snapshot }) => snapshot.standing === 'partial' || snapshot.standing === 'suspicious');
  const tiers = TIERS.filter((tier) => rules[tier] > 0);
  const bucketOf = createBuckets(zone);
  for (const tier of tiers) {
    const buckets = fillTier(good, tier, rules[tier], bucketOf[tier]);
    if (tier !== 'last') standIn(doubtful, tier, buckets, bucketOf[tier]);
  }
  const newest = good[0]?.snapshot.createdAt;
  if (rules.withinHours > 0 && newest !== undefined) {
    const since = newest - rules.withinHours * HOUR_MS;
    for (const { snapshot, keeps } of present) {
      if (snapshot.createdAt > since) keeps.push({ keep: 'within', hours: rules.withinHours });
    }
  }
  if (tiers.length === 0 && rules.withinHours === 0) for (const { keeps } of present) keeps.push({ keep: 'no_tier' });
  if (rules.maxAgeDays === 0) return;
  for (const draft of present) {
    if (draft.snapshot.createdAt < now - rules.maxAgeDays * DAY_MS) draft.removal = { remove: 'too_old', days: rules.maxAgeDays };
  }
}

type BucketOf = (createdAt: number, index: number) => number;

/** Numbers that are equal for snapshots of one bucket; those of `last` are all different. */
function createBuckets(zone: string): Readonly<Record<Tier, BucketOf>> {
  const { offsetMs, steadySince } = openZone(zone);
  // Snapshots come newest first, so one answer serves all of them back to the zone's last change.
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  let offset = 0;
  const wallOf = (at: number): number => {
    if (at < from || at > to) {
      offset = offsetMs(at);
      from = steadySince(at);
      to = at;
    }
    return at + offset;
  };
  const dayOf = (at: number) => Math.floor(wallOf(at) / DAY_MS);
  return {
    last: (_at, index) => index,
    hourly: (at) => Math.floor(wallOf(at) / HOUR_MS),
    daily: dayOf,
    // Day 0 was a Thursday, and weeks begin on Monday.
    weekly: (at) => Math.floor((dayOf(at) + 3) / 7),
    monthly: (at) => {
      const wall = new Date(wallOf(at));
      return wall.getUTCFullYear() * 12 + wall.getUTCMonth();
    },
    yearly: (at) => new Date(wallOf(at)).getUTCFullYear(),
  };
}

/** The buckets a tier reaches: those with something good in them, and the oldest that a stand-in may lie in. */
interface Reach {
  taken: ReadonlySet<number>;
  oldest: number;
}

function fillTier(good: readonly Draft[], tier: Tier, number: number, bucketOf: BucketOf): Reach {
  const taken = new Set<number>();
  let nth = 0;
  let before = Number.NaN;
  for (const [index, { snapshot, keeps }] of good.entries()) {
    if (nth === number) return { taken, oldest: before };
    const bucket = bucketOf(snapshot.createdAt, index);
    if (bucket !== before) {
      nth += 1;
      keeps.push({ keep: 'tier', tier, nth, of: number });
    } else if (index === good.length - 1) keeps.push({ keep: 'oldest', tier });
    taken.add(bucket);
    before = bucket;
  }
  return { taken, oldest: nth === number ? before : Number.NEGATIVE_INFINITY };
}

function standIn(doubtful: readonly Draft[], tier: Tier, { taken, oldest }: Reach, bucketOf: BucketOf): void {
  let before = Number.NaN;
  for (const [index, { snapshot, keeps }] of doubtful.entries()) {
    const bucket = bucketOf(snapshot.createdAt, index);
    if (bucket !== before && bucket > oldest && !taken.has(bucket)) keeps.push({ keep: 'stand_in', tier });
    before = bucket;
  }
}

/** What no policy can switch off. */
function guard(
  drafts: readonly Draft[],
  present: readonly Draft[],
  policy: RetentionPolicy,
  { now, capAt }: { now: number; capAt: number },
): void {
  const minAgeMs = policy.kind === 'rules' ? policy.minAgeHours * HOUR_MS : 0;
  for (const { snapshot, guards } of drafts) {
    if (snapshot.isPinned) guards.push({ keep: 'pinned' });
    if (snapshot.createdAt > now) guards.push({ keep: 'future' });
    // A minimum age is a rule of the policy, and the cap stands above all of those.
    else if (minAgeMs > 0 && snapshot.createdAt > now - minAgeMs && snapshot.createdAt >= capAt)
      guards.push({ keep: 'young', hours: minAgeMs / HOUR_MS });
  }
  const good = present.filter(isGood);
  for (const { guards } of good.slice(0, ALWAYS_KEPT)) guards.push({ keep: 'last_good' });
  for (const { guards } of good.filter(({ snapshot }) => snapshot.isProven).slice(0, ALWAYS_KEPT))
    guards.push({ keep: 'last_proven' });
}

/** Oldest first, until what stays fits. */
function limitBytes(drafts: readonly Draft[], bytes: number): void {
  let total = drafts.reduce((sum, draft) => (isRemoved(draft) ? sum : sum + draft.snapshot.storedBytes), 0);
  for (const draft of drafts.toReversed()) {
    if (total <= bytes) return;
    if (draft.guards.length > 0 || isRemoved(draft)) continue;
    draft.removal = { remove: 'too_much', bytes };
    total -= draft.snapshot.storedBytes;
  }
}

function findFreeze(
  present: readonly Draft[],
  { isNewestRunClean, isNewestCopyClean = true, expectedMs, now }: RetentionContext,
): Freeze | undefined {
  if (!isNewestRunClean) return 'newest_run_not_clean';
  if (!isNewestCopyClean) return 'newest_copy_not_clean';
  if (present[0]?.snapshot.standing === 'suspicious') return 'newest_suspicious';
  const newest = present.find(isGood)?.snapshot;
  if (newest === undefined) return 'nothing_good';
  if (expectedMs === undefined) return undefined;
  return now - newest.createdAt > Math.max(STALE_WAITS * expectedMs, STALE_LEAST_MS) ? 'newest_too_old' : undefined;
}

function decide(draft: Draft, isFrozen: boolean): Decision {
  const { snapshot, keeps, guards, removal } = draft;
  if (!isRemoved(draft)) return { snapshot, verdict: 'keep', because: removal ? guards : [...keeps, ...guards] };
  if (isFrozen) return { snapshot, verdict: 'keep', because: [{ keep: 'frozen' }] };
  const fallback: RemoveReason =
    snapshot.standing === 'good' ? { remove: 'no_rule' } : { remove: 'not_good', standing: snapshot.standing };
  return { snapshot, verdict: 'remove', because: removal ?? fallback };
}
