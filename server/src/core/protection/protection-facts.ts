/** What is known of a source becomes what protection is judged by: one way for one source and for a whole fleet. Pure. */
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import type { SourceProof } from '../../store/drills.ts';
import type { Plan } from '../../store/plans.ts';
import type { SourceStanding } from '../../store/standings.ts';
import { findProofTrouble, findProofTurn } from '../drills/proof-trouble.ts';
import type { SourceObjectives } from './objectives.ts';
import { listAgeTurns, type ProtectionFacts } from './protection.ts';

/** A copy follows its backup at once, and takes its time. */
const COPY_GRACE_MS = 2 * 3_600_000;

export interface SourceSituation {
  enabled: boolean;
  /** All plans that have it, switched off or not. */
  plans: readonly Plan[];
  standing?: SourceStanding | undefined;
  proof?: SourceProof | undefined;
  objectives: SourceObjectives;
  /** When its newest clean backup was made, where a plan has a second repository that does not have it, late or not. */
  uncopiedAt?: number | undefined;
}

export interface HostSituation {
  id: HostId;
  standing: ProtectionFacts['host'];
  lastSeenAt?: number | undefined;
}

/** What is asked of schedules and of the fires that are owed. */
export interface FireKnowledge {
  now: number;
  findLongestWait(schedule: Schedule): number | undefined;
  /** When the newest fire was due that the plan owes on the host. */
  findMissedAt(plan: Plan, host: HostId): number | undefined;
  /** When the first fire was due of which a silent host has not told; it changes the sentence, and no status. */
  findUnknownAt(plan: Plan, host: HostSituation): number | undefined;
}

export function buildFacts(source: SourceSituation, host: HostSituation, fires: FireKnowledge): ProtectionFacts {
  const { now } = fires;
  const { plans, standing, proof, objectives, uncopiedAt } = source;
  const enabled = plans.filter((plan) => plan.enabled);
  const isOffline = host.standing === 'offline';
  return {
    now,
    enabled: source.enabled,
    plans: plans.map((plan) => ({
      enabled: plan.enabled,
      everyMs: plan.schedule === undefined ? undefined : fires.findLongestWait(plan.schedule),
    })),
    host: host.standing,
    hostLastSeenAt: host.lastSeenAt,
    standing,
    uncopiedAt: uncopiedAt !== undefined && now - uncopiedAt > COPY_GRACE_MS ? uncopiedAt : undefined,
    proofTrouble: findProofTrouble(proof, findProofDays(objectives), now),
    objectiveMs: objectives.backup?.ms,
    missedAt: findExtreme(Math.max, enabled, (plan) => fires.findMissedAt(plan, host.id)),
    unknownAt: isOffline ? findExtreme(Math.min, enabled, (plan) => fires.findUnknownAt(plan, host)) : undefined,
  };
}

function findProofDays({ proof }: SourceObjectives): number | undefined {
  return proof === undefined ? undefined : proof.ms / DAY_MS;
}

/**
 * The last instant, epoch milliseconds, through which these facts give the same word while nothing about the source, its host's standing
 * and its owed fires changes: whatever else a word hangs on by time alone is listed here. Infinity where time changes nothing. It may be
 * earlier than need be, never later. `findNextFire` tells of schedules what `findLongestWait` may change at.
 */
export function findHeldThrough(
  { plans, proof, objectives, uncopiedAt }: SourceSituation,
  facts: ProtectionFacts,
  findNextFire: (schedule: Schedule) => number | undefined,
): number {
  let held = Number.POSITIVE_INFINITY;
  const holdThrough = (at: number | undefined): void => {
    if (at !== undefined && at >= facts.now && at < held) held = at;
  };
  for (const at of listAgeTurns(facts)) holdThrough(at);
  if (uncopiedAt !== undefined) holdThrough(uncopiedAt + COPY_GRACE_MS);
  holdThrough(findProofTurn(proof, findProofDays(objectives)));
  for (const { schedule } of plans) {
    const nextAt = schedule && findNextFire(schedule);
    if (nextAt !== undefined) holdThrough(Math.max(facts.now, nextAt - 1));
  }
  return held;
}

function findExtreme(
  choose: (...values: number[]) => number,
  plans: readonly Plan[],
  find: (plan: Plan) => number | undefined,
): number | undefined {
  return plans.reduce<number | undefined>((best, plan) => {
    const value = find(plan);
    return value === undefined ? best : best === undefined ? value : choose(best, value);
  }, undefined);
}
