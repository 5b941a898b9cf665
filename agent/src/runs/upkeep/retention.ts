/** What a plan's retention means for what this host's ledger knows of it. Pure: nothing is asked and nothing is removed here. */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { findLongestWait, type ListFires } from '@holdfast/shared/domain/longest-wait.ts';
import type { SpecPlan } from '@holdfast/shared/domain/plan.ts';
import { planRetention, type RetentionPlan, type Standing } from '@holdfast/shared/domain/retention.ts';
import { gatherPoints, type PointPart } from '@holdfast/shared/domain/retention-points.ts';
import { describeKeep, describeRemove } from '@holdfast/shared/domain/retention-words.ts';
import type { PlannedSnapshot } from '../../journal/snapshot-ledger.ts';

/** What becomes of the snapshots of one source of a plan. */
export interface SourceRetention {
  source: SourceId;
  plan: RetentionPlan;
  /** Full ids of all that would be removed, with the reason in words; the parts of one backup go together. */
  removals: readonly { engineId: string; why: string }[];
}

interface Part extends PointPart {
  engineId: string;
}

function judge({ state, isSuspicious }: PlannedSnapshot): Standing {
  if (state === 'vouched') return isSuspicious ? 'suspicious' : 'good';
  return state === 'partial' ? 'partial' : 'quarantined';
}

/**
 * The pins, and what else their backups are made of as far as this host knows, wherever that lies: a copy that was made after the pin has an id
 * that no pin names yet. `made`: of all repositories of the plan.
 */
export function coverCopies(pinned: readonly string[] | undefined, made: readonly PlannedSnapshot[]): string[] {
  const named = new Set(pinned);
  const partOf = ({ run, source }: PlannedSnapshot) => `${run} ${source}`;
  const backups = new Set(made.filter(({ engineId }) => named.has(engineId)).map(partOf));
  return [
    ...named,
    ...made.filter((one) => backups.has(partOf(one)) && !named.has(one.engineId)).map(({ engineId }) => engineId),
  ];
}

function toPart(snapshot: PlannedSnapshot, pinned: ReadonlySet<string>, elsewhere: ReadonlySet<string>): Part {
  const { engineId, run, facts } = snapshot;
  const isProven = snapshot.isProven || elsewhere.has(engineId);
  const { role, createdAt, sizeBytes, addedBytes } = facts;
  const standing = judge(snapshot);
  const storedBytes = addedBytes ?? sizeBytes;
  return { engineId, run, role, standing, createdAt, storedBytes, isPinned: pinned.has(engineId), isProven };
}

export interface RetentionLook {
  /** Epoch milliseconds. */
  now: number;
  isNewestRunClean: boolean;
  /** Where the snapshots are copies: whether the newest copy went well. */
  isNewestCopyClean?: boolean | undefined;
  /** The calendar, which says how often the plan promises a backup. */
  listFires: ListFires;
}

/** One answer for each source that the plan has snapshots of, in no particular order; none for a plan without a policy. */
export function planPlanRetention(
  snapshots: readonly PlannedSnapshot[],
  plan: Pick<SpecPlan, 'retention' | 'retentionCapDays' | 'pinned' | 'proven' | 'schedule' | 'enabled' | 'sourceIds'>,
  { now, isNewestRunClean, isNewestCopyClean, listFires }: RetentionLook,
): readonly SourceRetention[] {
  const { retention: policy, retentionCapDays: capDays } = plan;
  if (policy === undefined) return [];
  const pinned = new Set(plan.pinned);
  const elsewhere = new Set(plan.proven);
  const zone = plan.schedule?.zone ?? 'UTC';
  const waitMs = plan.enabled && plan.schedule ? findLongestWait(listFires, plan.schedule, now) : undefined;
  return [...Map.groupBy(snapshots, ({ source }) => source)].map(([source, made]) => {
    const points = gatherPoints(made.map((snapshot) => toPart(snapshot, pinned, elsewhere)));
    const expectedMs = plan.sourceIds.includes(source) ? waitMs : undefined;
    const found = planRetention(
      points.map(({ snapshot }) => snapshot),
      { policy, now, zone, isNewestRunClean, isNewestCopyClean, expectedMs, capDays },
    );
    const parts = new Map(points.map((point) => [point.snapshot.id, point.parts]));
    const removals = found.decisions.flatMap((decision) => {
      if (decision.verdict === 'keep') return [];
      const why = describeRemove(decision.because);
      return (parts.get(decision.snapshot.id) ?? []).map(({ engineId }) => ({ engineId, why }));
    });
    return { source, plan: found, removals };
  });
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** A line for the log of a run: how many go, what stays and why, shortly. */
export function describeOutcome({ plan }: SourceRetention): string {
  const kept = plan.decisions.filter((decision) => decision.verdict === 'keep');
  const [newest] = kept;
  const oldest = kept.at(-1);
  const why = oldest?.verdict === 'keep' && oldest !== newest ? `; the oldest of them ${describeKeep(oldest.because[0])}` : '';
  return `to remove: ${count(plan.removed, 'backup')}; to stay: ${count(kept.length, 'backup')}${why}`;
}
