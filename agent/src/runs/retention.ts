/** What a plan's retention means for what this host's ledger knows of it. Pure: nothing is asked and nothing is removed here. */
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { SpecPlan } from '@holdfast/shared/domain/plan.ts';
import {
  type Decision,
  planRetention,
  type RetentionPlan,
  type RetentionSnapshot,
  type Standing,
} from '@holdfast/shared/domain/retention.ts';
import { describeKeep, describeRemove } from '@holdfast/shared/domain/retention-words.ts';
import type { PlannedSnapshot } from '../journal/snapshot-ledger.ts';

/** What becomes of the snapshots of one source of a plan. */
export interface SourceRetention {
  source: SourceId;
  plan: RetentionPlan;
  /** Full ids of all that would be removed, with the reason in words; the parts of one backup go together. */
  removals: readonly { engineId: string; why: string }[];
}

/** What a run stored of a source: its data, and what belongs to it, such as the roles of a database server. */
interface Point {
  snapshot: RetentionSnapshot;
  engineIds: readonly string[];
}

const STANDINGS: Partial<Record<PlannedSnapshot['state'], Standing>> = { vouched: 'good', partial: 'partial' };

function toPoint(run: string, parts: readonly PlannedSnapshot[], pinned: ReadonlySet<string>): Point {
  const data = parts.find(({ facts }) => facts.role === 'data');
  const [first] = parts as readonly [PlannedSnapshot];
  const judged = data === undefined ? 'quarantined' : (STANDINGS[data.state] ?? 'quarantined');
  return {
    engineIds: parts.map(({ engineId }) => engineId),
    snapshot: {
      id: run,
      createdAt: (data ?? first).facts.createdAt,
      storedBytes: parts.reduce((sum, { facts }) => sum + (facts.addedBytes ?? facts.sizeBytes), 0),
      standing: judged === 'good' && data?.isSuspicious ? 'suspicious' : judged,
      isProven: false,
      isPinned: parts.some(({ engineId }) => pinned.has(engineId)),
    },
  };
}

function toRemovals(decisions: readonly Decision[], points: ReadonlyMap<string, Point>): SourceRetention['removals'] {
  return decisions.flatMap((decision) => {
    if (decision.verdict === 'keep') return [];
    const why = describeRemove(decision.because);
    return (points.get(decision.snapshot.id)?.engineIds ?? []).map((engineId) => ({ engineId, why }));
  });
}

/** One answer for each source that the plan has snapshots of, in no particular order; none for a plan without a policy. */
export function planPlanRetention(
  snapshots: readonly PlannedSnapshot[],
  plan: Pick<SpecPlan, 'retention' | 'pinned' | 'schedule'>,
  now: number,
  isNewestRunClean: boolean,
): readonly SourceRetention[] {
  const { retention: policy } = plan;
  if (policy === undefined) return [];
  const pinned = new Set(plan.pinned);
  const zone = plan.schedule?.zone ?? 'UTC';
  return [...Map.groupBy(snapshots, ({ source }) => source)].map(([source, made]) => {
    const runs = Map.groupBy(made, ({ run }) => run);
    const points = new Map([...runs].map(([run, parts]) => [run as string, toPoint(run, parts, pinned)]));
    const found = planRetention(
      [...points.values()].map(({ snapshot }) => snapshot),
      { policy, now, zone, isNewestRunClean },
    );
    return { source, plan: found, removals: toRemovals(found.decisions, points) };
  });
}

/** A line for the log of a run: what stays and why, shortly. */
export function describeKept({ plan }: SourceRetention): string {
  const kept = plan.decisions.filter((decision) => decision.verdict === 'keep');
  const [newest] = kept;
  const oldest = kept.at(-1);
  const why = oldest?.verdict === 'keep' && oldest !== newest ? `; the oldest of them ${describeKeep(oldest.because[0])}` : '';
  return `${kept.length} backups stay${why}`;
}
