/** Executes what is about snapshots that are named one by one: reads them whole, removes them, or copies them to a second repository. */

import { createReasonError, findReason, type Reason } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { type AppError, toAppError } from '@holdfast/shared/errors.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import type { OrderedSnapshot } from '@holdfast/shared/protocol/snapshot-orders.ts';
import { beginLockWait, lookAtLock, mayAwaitLock } from '../attempts/lock-wait.ts';
import { toFailure } from '../attempts/part.ts';
import { prepareRepositoryDraft, withWorkDir } from '../inputs.ts';
import type { JournaledSnapshots } from '../journaled-run.ts';
import { openLimitedExec } from '../limited-exec.ts';
import { openRepository } from '../open-repository.ts';
import type { NextAttempt } from '../queue/queue.ts';
import { createRate } from '../rate.ts';
import { createReading, type Reading } from '../reading.ts';
import { toOrderedRef } from '../secrets/maintenance-secrets.ts';
import { type CopyExecution, copyToSecond, describeMaker, prepareBoth } from './copy-snapshots.ts';
import { removeByRetention } from './execute-retention.ts';
import type { ReadyRepository, SnapshotsExecution, SnapshotsResult } from './snapshots-execution.ts';
import { type OnLockLook, type TryEnd, toRemovalFailure, tryUpkeep } from './upkeep-try.ts';

const shorten = ({ engineId }: Pick<OrderedSnapshot, 'engineId'>) => engineId.slice(0, 8);

async function verifyOne(
  { workbench, recorder, body, signal }: SnapshotsExecution,
  { engine, prepared, workDir }: ReadyRepository,
  reading: Reading,
  snapshot: OrderedSnapshot,
): Promise<{ ok: boolean; bytes: number; seen: string }> {
  const rate = createRate(workbench.clock);
  recorder.log('info', `reads snapshot ${shorten(snapshot)}${describeMaker(snapshot)} to its end`);
  const found = await engine.verifySnapshot({
    access: prepared.access,
    workDir,
    snapshotId: snapshot.engineId,
    fileName: snapshot.fileName,
    signal,
    stallMs: PROCESS.stallMs,
    onLog: (level, text) => recorder.log(level, text),
    onProgress: ({ bytes }) =>
      recorder.progress({ stage: 'read', bytes, totalBytes: snapshot.sizeBytes, bytesPerSecond: rate.look(bytes) }),
  });
  const { failure, bytes, files, sha256 } = found;
  // Another reason says nothing about what lies in the repository.
  if (failure && failure.reason !== 'repository_damaged' && failure.reason !== 'snapshot_missing')
    throw createReasonError(failure.reason, failure.message);
  const judged = failure && (await reading.judge(createReasonError(failure.reason, failure.message)));
  if (judged !== undefined && findReason(toAppError(judged)) === ('repository_rewritten' satisfies Reason)) throw judged;
  const isShort = failure === undefined && snapshot.fileName !== undefined && bytes !== snapshot.sizeBytes;
  const ok = failure === undefined && !isShort;
  const seen = failure
    ? failure.message
    : isShort
      ? `${bytes} bytes came back, not the ${snapshot.sizeBytes} that were stored.`
      : `${bytes} bytes in ${files} ${files === 1 ? 'file' : 'files'} were read and authenticated.`;
  recorder.log(ok ? 'info' : 'error', `snapshot ${shorten(snapshot)}: ${seen}${sha256 ? ` SHA-256 ${sha256}` : ''}`);
  const verdict = { snapshot: snapshot.id, engineId: snapshot.engineId, ok, bytes, seen: seen.slice(0, 400) };
  recorder.verified(ok && sha256 ? { ...verdict, sha256 } : verdict, () => {
    if (!ok) workbench.journal.snapshots.markProven(body.repository, snapshot.engineId, undefined);
  });
  return { ok, bytes, seen };
}

async function verifyAll(execution: SnapshotsExecution, ready: ReadyRepository): Promise<SnapshotsResult> {
  const { recorder, body } = execution;
  if (body.kind !== 'verify') return { state: 'failed', evidence: [], bytes: 0 };
  recorder.beginStage('read');
  const { engine, prepared: repository, workDir } = ready;
  const reading = createReading({ engine, repository, workDir, signal: execution.signal });
  await reading.open();
  const damaged: string[] = [];
  let bytes = 0;
  try {
    for (const snapshot of body.order.snapshots) {
      const verdict = await verifyOne(execution, ready, reading, snapshot);
      bytes += verdict.bytes;
      if (!verdict.ok) damaged.push(`${shorten(snapshot)}: ${verdict.seen}`);
    }
  } catch (error) {
    recorder.endStage('read', false);
    throw error;
  }
  recorder.endStage('read', damaged.length === 0);
  const count = body.order.snapshots.length;
  const whole = `${count - damaged.length} of ${count} snapshots were read whole.`;
  const evidence: Evidence[] = [{ check: 'fully_read', ok: damaged.length === 0, seen: whole }];
  if (damaged.length === 0) return { state: 'succeeded', evidence, bytes };
  return { state: 'failed', evidence, bytes, thrown: createReasonError('repository_damaged', damaged.slice(0, 5).join(' ')) };
}

/** What is pinned stays, whatever an order says. */
function demandNoPins({ body, spec }: SnapshotsExecution, snapshots: readonly OrderedSnapshot[]): void {
  const pinned = new Set(spec?.plans.flatMap((plan) => plan.pinned ?? []));
  const held = snapshots.find(({ engineId }) => pinned.has(engineId));
  if (held && body.kind === 'delete_snapshot')
    throw createReasonError('target_refused', `Snapshot ${shorten(held)} is pinned; nothing was removed. Unpin it first`);
}

/** What this host's own runs vouch for is no orphan, whatever a server believes that lost its memory. */
function demandNoneIsOurs({ workbench, body }: SnapshotsExecution, snapshots: readonly OrderedSnapshot[]): void {
  const ours = new Map(workbench.journal.snapshots.listByRepository(body.repository).map((row) => [row.engineId, row.state]));
  const vouched = snapshots.find(({ isOrphan, engineId }) => {
    const state = ours.get(engineId);
    return isOrphan === true && (state === 'vouched' || state === 'partial');
  });
  if (vouched)
    throw createReasonError(
      'target_refused',
      `Snapshot ${shorten(vouched)} is no orphan: a run of this host made it and ended well. Nothing was removed`,
    );
}

async function deleteAll(
  execution: SnapshotsExecution,
  ready: ReadyRepository,
  onLockLook: OnLockLook,
): Promise<SnapshotsResult> {
  const { workbench, recorder, body, signal } = execution;
  if (body.kind !== 'delete_snapshot') return { state: 'failed', evidence: [], bytes: 0 };
  const { order, repository } = body;
  demandNoPins(execution, order.snapshots);
  demandNoneIsOurs(execution, order.snapshots);
  const ledger = workbench.journal.snapshots;
  const ids = order.snapshots.map(({ engineId }) => engineId);
  const sources = new Set(order.snapshots.map(({ source }) => source));
  recorder.beginStage('forget');
  for (const snapshot of order.snapshots)
    recorder.log('info', `removes ${shorten(snapshot)}${describeMaker(snapshot)}: ${order.requestedBy} asked for it`);
  ledger.markLeaving(repository, ids, recorder.run);
  const { gone, failure } = await ready.engine.forget({
    access: ready.prepared.access,
    pinnedId: order.repository.pinnedId,
    workDir: ready.workDir,
    engineIds: ids,
    tags: sources.size === 1 && !order.snapshots.some(({ isOrphan }) => isOrphan) ? [`source:${[...sources][0]}`] : [],
    signal,
    onLog: (level, text) => recorder.log(level, text),
    onLockLook,
  });
  const why = `deleted by ${order.requestedBy}`.slice(0, 200);
  for (const source of sources) {
    const told = order.snapshots.filter((snapshot) => snapshot.source === source && gone.includes(snapshot.engineId));
    if (told.length === 0) continue;
    recorder.removed(
      source,
      told.map(({ engineId }) => ({ engineId, why })),
      () => {
        for (const { engineId } of told) ledger.setState(repository, engineId, 'removed');
      },
    );
  }
  ledger.markLeaving(
    repository,
    ids.filter((id) => !gone.includes(id)),
    undefined,
  );
  recorder.endStage('forget', failure === undefined);
  recorder.log('info', `removed from the repository: ${gone.length} of ${ids.length}; their space comes back when it is pruned`);
  if (!failure) return { state: 'succeeded', evidence: [], bytes: 0 };
  const { reason, message } = toRemovalFailure(failure, order.isAdmin);
  const thrown = createReasonError(reason, message);
  if (gone.length === 0 && (reason === 'repository_locked' || reason === 'repository_unreachable')) throw thrown;
  return { state: gone.length > 0 ? 'partial' : 'failed', evidence: [], bytes: 0, thrown };
}

function work(execution: SnapshotsExecution, onLockLook: OnLockLook): Promise<SnapshotsResult> {
  const { workbench, recorder, body, signal } = execution;
  return withWorkDir(workbench, async (workDir) => {
    if (body.kind === 'copy') return copyToSecond({ ...execution, body }, workDir, onLockLook);
    const { draft, pinnedId } = body.order.repository;
    const prepared = prepareRepositoryDraft(workbench, draft, toOrderedRef(recorder.run), workDir);
    recorder.addRedaction(prepared.redact);
    const engine = workbench.engine(openLimitedExec(workbench, recorder));
    const named = { name: 'as ordered', pinnedId };
    await openRepository({ engine, recorder, prepared, repository: named, workDir, signal });
    const ready: ReadyRepository = { engine, prepared, workDir };
    if (body.kind === 'retention') return removeByRetention({ execution, body, ready, onLockLook });
    return body.kind === 'verify' ? verifyAll(execution, ready) : deleteAll(execution, ready, onLockLook);
  });
}

const isAdmin = (body: JournaledSnapshots): boolean =>
  body.kind === 'retention' || (body.kind === 'delete_snapshot' && body.order.isAdmin);

/** A copy waits as the backup does that it follows: it is half of the night's work. */
function awaitOthers({ workbench, recorder, body }: CopyExecution, { message }: AppError): boolean {
  if (!mayAwaitLock(body)) return false;
  body.lockWait = beginLockWait(body.lockWait, workbench.clock.now());
  recorder.log('warn', message);
  recorder.log('warn', 'waits until others let go of the repository');
  recorder.settle();
  return true;
}

function lookAtBoth(execution: CopyExecution): Promise<NextAttempt | undefined> {
  const prepare = (workDir: string) => {
    const { from, to } = prepareBoth(execution, workDir);
    return [from, to];
  };
  return lookAtLock({ ...execution, prepare }, true);
}

/** What is ordered about named snapshots, to its end or to the next try. */
export async function executeSnapshots(execution: SnapshotsExecution): Promise<TryEnd> {
  const { workbench, recorder, body } = execution;
  const copy = body.kind === 'copy' ? { ...execution, body } : undefined;
  const wait = copy && (await lookAtBoth(copy));
  // What was stopped while it waited ends as what was stopped while it copied.
  if (wait && !execution.signal.aborted) return { reached: true, owesLook: false, next: wait };
  return tryUpkeep(execution, {
    ...(copy ? { awaitsOthers: (error: AppError) => awaitOthers(copy, error) } : {}),
    isAdmin: isAdmin(body),
    awaitsRepository: body.kind === 'delete_snapshot',
    // Retention of copies goes by how the newest one ended.
    onFinish(state) {
      if (body.kind === 'copy') workbench.journal.runs.revise(recorder.run, { ...body, state });
    },
    async work(onLockLook) {
      const { thrown, isTold = false, ...result } = await work(execution, onLockLook);
      if (thrown === undefined) return result;
      const failure = toFailure(toAppError(thrown));
      if (!isTold) recorder.log('error', failure.message);
      return { ...result, failure };
    },
  });
}
