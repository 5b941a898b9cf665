/** Copies snapshots to a second repository, each read back there, and decides what is due after a backup. */
import { join } from 'node:path';
import { joinAccess } from '@holdfast/shared/adapters/joint-access.ts';
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecPlan } from '@holdfast/shared/domain/plan.ts';
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import { cutOrders, type OrderedSnapshot } from '@holdfast/shared/protocol/snapshot-orders.ts';
import type { ResticEngine } from '../../engines/restic/engine.ts';
import type { PlannedSnapshot } from '../../journal/snapshot-ledger.ts';
import { type PreparedRepository, prepareRepository, prepareRepositoryDraft } from '../inputs.ts';
import type { JournaledCopy } from '../journaled-run.ts';
import { openLimitedExec } from '../limited-exec.ts';
import { openRepository } from '../open-repository.ts';
import { createRate } from '../rate.ts';
import { toOrderedFromRef, toOrderedRef } from '../secrets/maintenance-secrets.ts';
import type { Workbench } from '../workbench.ts';
import type { SnapshotsExecution, SnapshotsResult } from './snapshots-execution.ts';
import type { OnLockLook } from './upkeep-try.ts';

/** Whose it is, as a part of a sentence, where it is another host's. */
export const describeMaker = ({ madeBy }: Pick<OrderedSnapshot, 'madeBy'>): string =>
  madeBy === undefined ? '' : `, made by ${madeBy},`;

export type CopyExecution = Omit<SnapshotsExecution, 'body'> & { body: JournaledCopy };

/** Both repositories, their files side by side. */
export interface Both {
  from: PreparedRepository;
  to: PreparedRepository;
}

function prepareFromSpec(workbench: Workbench, spec: Spec | undefined, id: RepositoryId, workDir: string): PreparedRepository {
  const repository = spec?.repositories.find((candidate) => candidate.id === id);
  if (!repository) throw new AppError('not_found', 'this host does not have both repositories of this copy any more');
  return prepareRepository(workbench, repository, workDir);
}

export function prepareBoth({ workbench, recorder, body, spec }: CopyExecution, workDir: string): Both {
  const fromDir = join(workDir, 'from');
  if (!body.order)
    return {
      from: prepareFromSpec(workbench, spec, body.from, fromDir),
      to: prepareFromSpec(workbench, spec, body.repository, workDir),
    };
  const { from, repository } = body.order;
  const { run } = recorder;
  return {
    from: { ...prepareRepositoryDraft(workbench, from.draft, toOrderedFromRef(run), fromDir), pinnedId: from.pinnedId },
    to: { ...prepareRepositoryDraft(workbench, repository.draft, toOrderedRef(run), workDir), pinnedId: repository.pinnedId },
  };
}

async function copyOne(
  { workbench, recorder, body, signal }: CopyExecution,
  engine: ResticEngine,
  { from, to }: Both,
  workDir: string,
  snapshot: OrderedSnapshot,
  onLockLook: OnLockLook,
): Promise<Evidence> {
  const rate = createRate(workbench.clock);
  const short = snapshot.engineId.slice(0, 8);
  recorder.log('info', `copies snapshot ${short}${describeMaker(snapshot)}`);
  const copied = await engine.copySnapshot({
    from: from.access,
    access: to.access,
    workDir,
    engineId: snapshot.engineId,
    sizeBytes: snapshot.sizeBytes,
    fileName: snapshot.fileName,
    pinnedId: to.pinnedId,
    fromPinnedId: from.pinnedId,
    signal,
    onLog: (level, text) => recorder.log(level, text),
    onProgress: ({ bytes }) => recorder.progress({ stage: 'copy', bytes, bytesPerSecond: rate.look(bytes) }),
    onLockLook,
  });
  const { failure, engineId } = copied;
  if (failure || engineId === undefined)
    throw createReasonError(failure?.reason ?? 'evidence_failed', failure?.message ?? `Snapshot ${short} could not be copied`);
  const { id: original, run, plan, isPartial, madeBy, ...kept } = snapshot;
  const known = workbench.journal.snapshots.find(body.repository, engineId);
  const id = known?.snapshot ?? workbench.createId('snapshot');
  const made = { ...kept, id, engineId, evidence: [...copied.evidence] };
  recorder.copied(original, made, () => {
    // This host's ledger is of its own backups: by it they are retained, and missed.
    if (madeBy !== undefined) return;
    const { role, createdAt, sizeBytes, fileName } = snapshot;
    const facts = plan === undefined ? {} : { facts: { plan, role, createdAt, sizeBytes, fileName } };
    // It belongs to the backup that made its original: both parts of one backup are kept, or go, together.
    const row = { repository: body.repository, engineId, snapshot: id, run, source: snapshot.source, ...facts };
    const ledger = workbench.journal.snapshots;
    ledger.record({ ...row, state: isPartial ? 'partial' : 'vouched' });
    ledger.copySuspicion(body.from, snapshot.engineId, body.repository, engineId);
  });
  recorder.log('info', `snapshot ${short} ${copied.existed ? 'lay there already' : 'was copied'} as ${engineId.slice(0, 8)}`);
  return copied.evidence[0] ?? { check: 'read_back', ok: true, seen: `${short} is there` };
}

/** Throws when nothing could be copied; what was copied before a failure stays, and is said. */
export async function copyToSecond(execution: CopyExecution, workDir: string, onLockLook: OnLockLook): Promise<SnapshotsResult> {
  const { workbench, recorder, body, spec, signal } = execution;
  const both = prepareBoth(execution, workDir);
  recorder.addRedaction(both.from.redact);
  recorder.addRedaction(both.to.redact);
  joinAccess(both.from.access, both.to.access);
  const plan = spec?.plans.find(({ id }) => id === body.plan);
  const engine = workbench.engine(openLimitedExec(workbench, recorder, plan?.options.limits));
  const named = { name: 'the second repository', pinnedId: both.to.pinnedId };
  await openRepository({ engine, recorder, prepared: both.to, repository: named, workDir, signal });
  const stranger = await engine.findStranger({ access: both.from.access, workDir, pinnedId: both.from.pinnedId, signal });
  if (stranger) throw createReasonError(stranger.reason, stranger.message);
  recorder.beginStage('copy');
  const seen: Evidence[] = [];
  let bytes = 0;
  for (const snapshot of body.snapshots) {
    try {
      seen.push(await copyOne(execution, engine, both, workDir, snapshot, onLockLook));
      bytes += snapshot.sizeBytes;
    } catch (error) {
      recorder.endStage('copy', false);
      const reason = findReason(toAppError(error));
      if (seen.length === 0 || reason === 'repository_locked' || reason === 'cancelled') throw error;
      return { state: 'partial', evidence: seen.slice(0, 1), bytes, thrown: error };
    }
  }
  recorder.endStage('copy', true);
  const [first] = seen;
  const text =
    seen.length === 1
      ? (first?.seen ?? '')
      : `${seen.length} copies were read back by their ids, with tags, size and first bytes.`;
  return { state: 'succeeded', evidence: [{ check: 'read_back', ok: true, seen: text }], bytes };
}

const isUsable = ({ state }: PlannedSnapshot) => state === 'vouched' || state === 'partial';

/**
 * What is due next for the second repository of a plan, oldest first and as much as one run takes: what was made since the newest copy there;
 * where there is none of a source, its newest backup alone. What retention removed there is older, and never due again: so nothing may be
 * copied before what is older.
 */
export function listDueCopies(
  made: readonly PlannedSnapshot[],
  plan: Pick<SpecPlan, 'id' | 'repositoryId' | 'copy'>,
): OrderedSnapshot[] {
  const second = plan.copy?.repositoryId;
  if (second === undefined || second === plan.repositoryId) return [];
  const due = [...Map.groupBy(made, ({ source }) => source).values()].flatMap((ofSource) => {
    const first = ofSource.filter((one) => one.repository === plan.repositoryId && isUsable(one));
    const newestCopy = Math.max(
      ...ofSource.filter(({ repository }) => repository === second).map(({ facts }) => facts.createdAt),
    );
    if (Number.isFinite(newestCopy)) return first.filter(({ facts }) => facts.createdAt > newestCopy);
    const newest = first.reduce<PlannedSnapshot | undefined>(
      (best, one) => (best === undefined || one.facts.createdAt > best.facts.createdAt ? one : best),
      undefined,
    );
    return first.filter(({ run }) => run === newest?.run);
  });
  const [next = []] = cutOrders(due.sort((one, other) => one.facts.createdAt - other.facts.createdAt));
  return next.map(({ engineId, snapshot, run, source, state, facts: { role, createdAt, sizeBytes, fileName } }) => ({
    id: snapshot,
    engineId,
    source,
    role,
    createdAt,
    sizeBytes,
    ...(fileName === undefined ? {} : { fileName }),
    run,
    plan: plan.id,
    ...(state === 'partial' ? { isPartial: true } : {}),
  }));
}
