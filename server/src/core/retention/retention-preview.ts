/**
 * What a plan's retention would do next, from what the server knows, by the very planner that the hosts go by. A host decides by its
 * own ledger as its next clean run ends; until it has told of everything, the two may differ by what is on its way.
 */
import type { HostId, PlanId, RepositoryId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { findLongestWait } from '@holdfast/shared/domain/longest-wait.ts';
import { type Decision, planRetention, type RetentionPlan, type Standing } from '@holdfast/shared/domain/retention.ts';
import { gatherPoints, type PointPart, type RetentionPoint } from '@holdfast/shared/domain/retention-points.ts';
import type { RetentionPolicy } from '@holdfast/shared/domain/retention-policy.ts';
import { openZone } from '@holdfast/shared/domain/wall-time.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { Plan } from '../../store/plans.ts';
import type { Policy } from '../../store/policies.ts';
import type { Repository } from '../../store/repositories.ts';
import type { RetainedSnapshot } from '../../store/snapshots.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { type Caller, demand } from '../caller.ts';
import { getPlan } from '../plans/plans.ts';
import type { CoreContext } from '../ports.ts';
import { type RetentionCap, readRetentionCap } from './retention-cap.ts';

/** Runs of a host that are looked at for the newest one that was not skipped; as many as the host looks at. */
const LOOKED_BACK = 50;

/** A backup of a source, and what becomes of it. */
export interface PreviewedBackup {
  decision: Decision;
  /** The snapshot of its data, or of what is there without it. */
  snapshot: RetainedSnapshot;
  /** All that stays or goes with it, that snapshot included. */
  engineIds: readonly string[];
}

export interface SourcePreview {
  source: SourceId;
  host: HostId;
  /** Newest first. */
  backups: readonly PreviewedBackup[];
  kept: number;
  removed: number;
  frozen: RetentionPlan['frozen'];
  /** More than half would go in one step, which waits for a person. */
  needsPerson: boolean;
}

export interface RetentionPreview {
  plan: Plan;
  /** The plan's own, or the second one. */
  repository: RepositoryId;
  /** Undefined: the plan has none, and everything is kept. */
  policy: Policy | undefined;
  /** In the order of the plan, then those that are not in it any more; a source that has no snapshot is left out. */
  sources: readonly SourcePreview[];
  /** The cap of age that was reckoned with, days; 0 or left out: none. */
  capDays?: number | undefined;
  /** Why there is no preview, as a sentence. */
  problem?: string | undefined;
}

type Part = PointPart & { snapshot: RetainedSnapshot };

const STANDINGS: Readonly<Record<RetainedSnapshot['state'], Standing>> = {
  good: 'good',
  partial: 'partial',
  quarantined: 'quarantined',
};

function toPart(snapshot: RetainedSnapshot): Part {
  const { run, role, state, createdAt, sizeBytes, addedBytes, isSuspicious, isPinned, isProven } = snapshot;
  const standing = state === 'good' && isSuspicious ? 'suspicious' : STANDINGS[state];
  return { run, role, standing, createdAt, storedBytes: addedBytes ?? sizeBytes, isPinned, isProven, snapshot };
}

function toBackups(decisions: readonly Decision[], points: readonly RetentionPoint<Part>[]): readonly PreviewedBackup[] {
  const byRun = new Map(points.map((point) => [point.snapshot.id, point]));
  return decisions.flatMap((decision) => {
    const point = byRun.get(decision.snapshot.id);
    if (point === undefined) return [];
    const engineIds = point.parts.map(({ snapshot }) => snapshot.engineId);
    return [{ decision, snapshot: point.head.snapshot, engineIds }];
  });
}

export interface PreviewTerms {
  /** Epoch milliseconds. */
  now: number;
  zone: string;
  /** Whether the newest run on a host was clean. */
  isClean(host: HostId): boolean;
  /** Whether the newest copy of a host went well, where these are copies. */
  isCopyClean?: ((host: HostId) => boolean) | undefined;
  /** The longest wait between two backups of a source that the plan promises, milliseconds; undefined: it promises none. */
  findExpected(source: SourceId): number | undefined;
  capDays?: number | undefined;
}

/** What becomes of these snapshots of one plan, source by source. Pure. */
export function previewSources(
  snapshots: readonly RetainedSnapshot[],
  policy: RetentionPolicy,
  { isClean, isCopyClean, findExpected, ...at }: PreviewTerms,
): readonly SourcePreview[] {
  return [...Map.groupBy(snapshots, ({ source }) => source)].flatMap(([source, made]) => {
    const [newest] = made;
    if (newest === undefined) return [];
    const points = gatherPoints(made.map(toPart));
    const { decisions, frozen, removed, needsPerson } = planRetention(
      points.map(({ snapshot }) => snapshot),
      {
        ...at,
        policy,
        isNewestRunClean: isClean(newest.host),
        isNewestCopyClean: isCopyClean?.(newest.host),
        expectedMs: findExpected(source),
      },
    );
    const backups = toBackups(decisions, points);
    return [{ source, host: newest.host, backups, kept: decisions.length - removed, removed, frozen, needsPerson }];
  });
}

type JudgedRuns = { kind: 'backup' } | { kind: 'copy'; repository: RepositoryId };

/** Whether the newest of these runs of the plan on a host that was not skipped ended clean, of each host; true where none is known. */
async function readClean(
  context: CoreContext,
  { tenant, id }: Plan,
  hosts: Iterable<HostId>,
  judged: JudgedRuns,
): Promise<(host: HostId) => boolean> {
  const unclean = new Set<HostId>();
  for (const host of hosts) {
    const filter = { plan: id, host, active: false, ...judged } as const;
    const { rows } = await context.store.runs.listRuns(tenant, filter, { limit: LOOKED_BACK });
    const newest = rows.find(({ state }) => state !== 'skipped');
    if (newest !== undefined && newest.state !== 'succeeded') unclean.add(host);
  }
  return (host) => !unclean.has(host);
}

/** What the plan promises of its sources, as their hosts are told: of those that are switched on, while it is switched on itself. */
async function readExpected(
  { store, listFires, clock }: CoreContext,
  { tenant, enabled, schedule, sources }: Plan,
): Promise<PreviewTerms['findExpected']> {
  const expectedMs = enabled && schedule !== undefined ? findLongestWait(listFires, schedule, clock.now()) : undefined;
  if (expectedMs === undefined) return () => undefined;
  const found = await store.sources.findSources(tenant, sources);
  const promised = new Set(found.flatMap((source) => (source.enabled ? [source.id] : [])));
  return (source) => (promised.has(source) ? expectedMs : undefined);
}

function findZoneProblem(zone: string): string | undefined {
  try {
    openZone(zone);
    return undefined;
  } catch {
    return `This server does not know the plan’s time zone ${zone}, so it cannot tell where days begin`;
  }
}

/** Where only the server orders removals, nobody else can decide. */
const endProblem = (problem: string, repository: Repository | undefined): string =>
  `${problem}; ${repository?.admin === undefined ? 'the hosts decide by themselves' : 'nothing is removed'}.`;

/** How long the plan keeps what lies in one of its repositories; undefined: for ever, or it has nothing to do with that repository. */
export function findPolicyThere(
  plan: Pick<Plan, 'repository' | 'retentionPolicy' | 'copyRepository' | 'copyPolicy'>,
  repository: RepositoryId,
): Plan['retentionPolicy'] {
  if (repository === plan.repository) return plan.retentionPolicy;
  return repository === plan.copyRepository ? plan.copyPolicy : undefined;
}

/** The repository that is meant: the plan's own where none is named. `invalid` for one in which the plan keeps nothing. */
export function choosePlace(plan: Plan, where: RepositoryId | undefined): RepositoryId {
  if (where === undefined || where === plan.repository || where === plan.copyRepository) return where ?? plan.repository;
  throw createFieldsError({ repository: 'is neither the repository of the plan nor its second one' });
}

/**
 * What the plan's policy would keep and remove, now, of everything it has in its repository, or by the policy of copies in the second one;
 * `cap` is tried instead of the one that is set. `invalid` where it keeps nothing.
 */
export async function previewRetention(
  context: CoreContext,
  caller: Caller,
  id: PlanId,
  where?: RepositoryId,
  cap?: RetentionCap,
): Promise<RetentionPreview> {
  demand(caller, 'view');
  const plan = await getPlan(context, caller, id);
  const { policies, repositories } = context.store;
  const repository = choosePlace(plan, where);
  const policyId = findPolicyThere(plan, repository);
  const policy = policyId && (await policies.findPolicy(caller.tenant, policyId));
  if (!policy) return { plan, repository, policy: undefined, sources: [] };
  const zone = plan.schedule?.zone ?? 'UTC';
  const problem = findZoneProblem(zone);
  const there = await repositories.findRepository(caller.tenant, repository);
  if (problem !== undefined) return { plan, repository, policy, sources: [], problem: endProblem(problem, there) };
  const most = RUNS.previewedPerPlan;
  const snapshots = await context.store.snapshots.listRetained(caller.tenant, id, repository, most + 1);
  if (snapshots.length > most)
    return {
      plan,
      repository,
      policy,
      sources: [],
      problem: endProblem(`The plan has more than ${most} snapshots, too many to show here what becomes of each`, there),
    };
  const hosts = new Set(snapshots.map((snapshot) => snapshot.host));
  const isClean = await readClean(context, plan, hosts, { kind: 'backup' });
  const isOfCopies = repository !== plan.repository;
  const isCopyClean = isOfCopies ? await readClean(context, plan, hosts, { kind: 'copy', repository }) : undefined;
  const now = context.clock.now();
  const { maxAgeDays: capDays } = cap ?? (await readRetentionCap(context));
  const findExpected = await readExpected(context, plan);
  const sources = previewSources(snapshots, policy.policy, { now, zone, isClean, isCopyClean, findExpected, capDays });
  const place = new Map(plan.sources.map((source, index) => [source, index]));
  const order = (source: SourceId) => place.get(source) ?? plan.sources.length;
  return { plan, repository, policy, capDays, sources: sources.toSorted((a, b) => order(a.source) - order(b.source)) };
}
