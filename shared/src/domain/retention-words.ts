/** What the planner decided, in words for people. */
import { ALWAYS_KEPT, type Freeze, type KeepReason, type RemoveReason } from './retention.ts';
import type { Tier } from './retention-policy.ts';

const TIER_NOUNS: Readonly<Record<Exclude<Tier, 'last'>, string>> = {
  hourly: 'hour',
  daily: 'day',
  weekly: 'week',
  monthly: 'month',
  yearly: 'year',
};

const describeTier = (tier: Tier): string => (tier === 'last' ? 'of all' : `of its ${TIER_NOUNS[tier]}`);

/** Why a snapshot stays, as half a sentence after its name. */
export function describeKeep(reason: KeepReason | undefined): string {
  switch (reason?.keep) {
    case undefined:
    case 'everything':
      return 'stays because everything is kept';
    case 'tier':
      return reason.tier === 'last'
        ? `is number ${reason.nth} of the ${reason.of} newest`
        : `is the newest of its ${TIER_NOUNS[reason.tier]}, ${reason.nth} of ${reason.of} ${reason.tier}`;
    case 'oldest':
      return `is the oldest, kept until there are enough ${reason.tier} ones`;
    case 'stand_in':
      return `stands in, because nothing better ${describeTier(reason.tier)} is there`;
    case 'within':
      return `is within ${reason.hours} h of the newest`;
    case 'no_tier':
      return 'is neither too old nor too much';
    case 'young':
      return `is younger than ${reason.hours} h`;
    case 'pinned':
      return 'is pinned';
    case 'last_good':
      return `is one of the last ${ALWAYS_KEPT} good ones`;
    case 'last_proven':
      return `is one of the last ${ALWAYS_KEPT} proven ones`;
    case 'future':
      return 'is dated in the future';
    case 'frozen':
      return 'stays because retention is frozen';
  }
}

/** Why a snapshot goes, as half a sentence after its name. */
export function describeRemove(reason: RemoveReason): string {
  switch (reason.remove) {
    case 'no_rule':
      return 'no rule keeps it';
    case 'not_good':
      return reason.standing === 'quarantined'
        ? 'no clean run vouches for it, and newer good ones are there'
        : `it is ${reason.standing}, and good ones are there`;
    case 'too_old':
      return `it is older than ${reason.days} days`;
    case 'over_cap':
      return `it is older than the cap of ${reason.days} d, a setting`;
    case 'too_much':
      return `all of the source together hold more than ${reason.bytes} bytes`;
  }
}

const FREEZE_WORDS: Readonly<Record<Freeze, string>> = {
  newest_run_not_clean: 'the newest run is not clean',
  newest_copy_not_clean: 'the newest copy did not end clean',
  newest_suspicious: 'the size of the newest backup is suspicious',
  nothing_good: 'there is no good backup',
  newest_too_old: 'the newest good backup is more than twice as old as the schedule allows',
};

/** Why nothing is removed for now, as half a sentence. */
export function describeFreeze(freeze: Freeze): string {
  return FREEZE_WORDS[freeze];
}
