/** Executes a restore run. */
import type { DatabaseRestore } from '@holdfast/shared/adapters/source.ts';
import { type ChosenDump, describeDump } from '@holdfast/shared/domain/dump-file.ts';
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { createReasonError, findReason, type Reason } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import type { RequestBody } from '@holdfast/shared/protocol/messages.ts';
import type { ResticEngine } from '../../engines/restic/engine.ts';
import { findHolder, sayHolder } from '../attempts/lock-wait.ts';
import { endPart, toFailure } from '../attempts/part.ts';
import { type PreparedSource, prepareRepositoryDraft, withWorkDir } from '../inputs.ts';
import type { HalfRestored, JournaledRestore } from '../journaled-run.ts';
import { openLimitedExec } from '../limited-exec.ts';
import type { Recorder } from '../log/recorder.ts';
import { demandRepository } from '../open-repository.ts';
import { writeIfPossible } from '../possible-write.ts';
import { createReading } from '../reading.ts';
import { setSecretsAside, toRestoreRefs } from '../secrets/secrets-apart.ts';
import type { Workbench } from '../workbench.ts';
import { createStoredOrigin } from './database/dump-origin.ts';
import { adaptRestore, openOfferedDump } from './database/host-dump.ts';
import { restoreDatabase } from './database/restore-database.ts';
import { restoreDirectory } from './files/restore-directory.ts';
import { restoreOneFile } from './files/restore-file.ts';
import { listConfiguredPaths, restoreInPlace } from './files/restore-in-place.ts';
import { assertAllowed } from './host-policy.ts';
import { assertCredential, prepareConnection } from './restore-connection.ts';
import { settleOwedSoon } from './restore-owed.ts';
import type { RestorePart, RestoreResult, RunningRestore } from './restore-part.ts';
import {
  backUpTarget,
  describeDatabase,
  describePlaces,
  type SafetyPart,
  type SafetyPlace,
  type SafetyPorts,
  type Standing,
} from './restore-safety.ts';

export interface RestoreExecution extends Pick<SafetyPorts, 'spec' | 'record' | 'createRecorder'> {
  workbench: Workbench;
  recorder: Recorder;
  order: RequestBody<'restore.start'>;
  signal: AbortSignal;
}

/** What is known of a restore while it goes on. */
interface Going {
  body: JournaledRestore;
  /** Worth showing also when the restore fails. */
  evidence: Evidence[];
  /** The repository that turned out to be within reach. */
  place: SafetyPlace;
  /** A lock of its safety backup may lie in the repository; undefined while nothing was stored. */
  isLockLeft?: boolean | undefined;
}

/** Written down before it is made; that nothing is left any more may be written when the disk takes writes again. */
function rememberHalf({ workbench, recorder }: RestoreExecution, { body }: Going, half: HalfRestored | undefined): void {
  const revise = () => workbench.journal.runs.revise(recorder.run, body);
  if (half) {
    body.half = half;
    revise();
  } else {
    delete body.half;
    writeIfPossible(workbench.log, 'after a crash databases that are gone would be looked for', revise);
  }
}

/** With the end of a run that changed its target in one transaction, and left nothing else behind. */
function forgetChange(execution: RestoreExecution, going: Going): void {
  const { half } = going.body;
  if (half?.change && half.made.length === 0) rememberHalf(execution, going, undefined);
}

async function checkRepository(part: RestorePart, pinnedId: string | undefined): Promise<void> {
  const { engine, repository: prepared, workDir, signal } = part;
  await demandRepository({ engine, prepared, pinnedId, writes: false, workDir, signal });
}

/** The first repository is not there, or not to be had, which says nothing about the second. */
const ELSEWHERE: ReadonlySet<Reason | undefined> = new Set<Reason>(['repository_unreachable', 'repository_missing']);

/** The part as ordered, or, where the first repository is out of reach and the order names a second one, from there. */
async function choosePlace(execution: RestoreExecution, going: Going, part: RestorePart): Promise<RestorePart> {
  const { workbench, recorder, order } = execution;
  try {
    await checkRepository(part, order.repository.pinnedId);
    return part;
  } catch (thrown) {
    const { second } = order;
    if (!second || !ELSEWHERE.has(findReason(toAppError(thrown)))) throw thrown;
    recorder.log('warn', `${toAppError(thrown).message} The backup is taken from the second repository instead.`);
    const { draft, pinnedId } = second.repository;
    const { second: ref } = toRestoreRefs(order);
    const repository = prepareRepositoryDraft(workbench, draft, ref, part.workDir);
    recorder.addRedaction(repository.redact);
    const other: RestorePart = { ...part, repository, engineId: second.engineId };
    await checkRepository(other, pinnedId);
    going.place = { repository: second.repository, ref };
    return other;
  }
}

function getEngineId({ engineId }: RestoreExecution['order']): string {
  if (engineId === undefined) throw new AppError('invalid', 'the order names no snapshot');
  return engineId;
}

type DatabaseTarget = Extract<RestoreTarget, { kind: 'database' }>;

/** The connection to the target's server, with what its adapter knows of restores. */
function prepareTarget(
  { workbench, order }: RestoreExecution,
  workDir: string,
): { connection: PreparedSource; restore: DatabaseRestore } {
  const connection = prepareConnection(workbench, order, workDir);
  const { restore } = connection.adapter;
  if (!restore) throw new AppError('unsupported', 'sources of this kind are not restored into a database');
  return { connection, restore };
}

/** The safety backup of a restore: its evidence is worth showing also when the restore fails later. */
async function safeguard(execution: RestoreExecution, going: Going, part: SafetyPart, standing: Standing): Promise<Evidence> {
  const onLock = (isLeft: boolean) => {
    going.isLockLeft = isLeft;
  };
  const evidence = await backUpTarget({ ...execution, place: going.place, onLock }, part, standing);
  going.evidence.push(evidence);
  return evidence;
}

/** What a restore into a database is given, wherever the dump lies. */
function describeRestore(
  execution: RestoreExecution,
  going: Going,
  engine: () => ResticEngine,
  running: RunningRestore,
  connection: PreparedSource,
  target: DatabaseTarget,
) {
  const { order } = execution;
  return {
    ...running,
    remember: (half: HalfRestored | undefined) => rememberHalf(execution, going, half),
    connection,
    globals: order.globals,
    database: target.database,
    mode: target.mode ?? 'new',
    tables: target.tables ?? [],
    options: order.options ?? {},
    recorded: order.recorded,
    backUpTarget() {
      const standing = describeDatabase(connection, order.safetySource ?? target.source, target.database);
      return safeguard(execution, going, { ...running, engine: engine() }, standing);
    },
  };
}

function restoreIntoDatabase(
  execution: RestoreExecution,
  going: Going,
  part: RestorePart,
  target: DatabaseTarget,
): Promise<RestoreResult> {
  const { fileName } = execution.order;
  if (fileName === undefined) throw new AppError('invalid', 'a database restore needs a stored dump');
  const { connection, restore } = prepareTarget(execution, part.workDir);
  const { engine, repository, engineId } = part;
  const stored = { engine, repository, engineId, fileName };
  const about = describeRestore(execution, going, () => engine, part, connection, target);
  return restoreDatabase({ ...about, restore, stored, origin: createStoredOrigin(stored) });
}

/** Reads no repository; only a safety backup goes to one. */
async function restoreFromFile(
  execution: RestoreExecution,
  going: Going,
  running: RunningRestore,
  target: DatabaseTarget,
  from: ChosenDump,
): Promise<RestoreResult> {
  const { workbench, recorder } = execution;
  const { connection, restore } = prepareTarget(execution, running.workDir);
  const { kind } = connection.adapter;
  const file = openOfferedDump(workbench.dumpDirs ?? [], from, { restore, kind, workDir: running.workDir });
  try {
    recorder.log('info', `restores ${file.path}: ${describeDump(file.dump)}, ${file.sizeBytes} bytes`);
    const engine = () => workbench.engine(running.exec);
    const about = describeRestore(execution, going, engine, { ...running, sizeBytes: file.sizeBytes }, connection, target);
    return await restoreDatabase({ ...about, restore: adaptRestore(restore, file, workbench.crypto), file, origin: file });
  } finally {
    file.close();
  }
}

function restoreInto(execution: RestoreExecution, going: Going, part: RestorePart): Promise<RestoreResult> {
  const { target, source, safetySource, options } = execution.order;
  switch (target.kind) {
    case 'database':
      return restoreIntoDatabase(execution, going, part, target);
    case 'directory':
      return restoreDirectory(part, { ...target, keepPrivileges: options?.keepPrivileges === true });
    case 'in_place':
      return restoreInPlace(part, {
        paths: target.paths,
        configured: listConfiguredPaths(source.config),
        backUp:
          options?.safetyBackup === false
            ? undefined
            : (paths) => safeguard(execution, going, part, describePlaces(safetySource ?? source.id, paths)),
      });
    case 'archive':
    case 'file':
      return restoreOneFile(part, target);
  }
}

/** A restore waits for nobody's lock; the person who watches it hears at once who has the repository to himself, and what that may come to. */
async function tellHolder({ engine, recorder, repository: { access }, workDir, signal }: RestorePart): Promise<void> {
  const { locks = [] } = await engine.listLocks({ access, workDir, signal });
  const holder = findHolder(locks);
  if (holder === undefined) return;
  const who = sayHolder(holder);
  recorder.log(
    'warn',
    `the repository is held by ${who}: reading needs no lock, so the restore begins at once; it fails if they prune what it still needs`,
  );
  recorder.settle();
}

/** From the snapshot, where the repository is within reach. */
async function restoreSnapshot(execution: RestoreExecution, going: Going, ordered: RestorePart): Promise<RestoreResult> {
  const part = await choosePlace(execution, going, ordered);
  const reading = createReading(part);
  await reading.open();
  await tellHolder(part);
  return await restoreInto(execution, going, part).catch(async (thrown) => {
    throw await reading.judge(thrown);
  });
}

/** What a repository has to be looked at for after a restore. */
export interface RestoreEnd {
  /** A safety backup was stored in this one, or tried to. */
  storedIn?: RepositoryId | undefined;
  /** A lock of it may lie there. */
  owesLook: boolean;
}

/** Runs to the end; whatever happens is recorded, nothing is thrown. */
export async function executeRestore(execution: RestoreExecution): Promise<RestoreEnd> {
  const { workbench, recorder, order, signal } = execution;
  const startedAt = workbench.clock.monotonicMs();
  const duration = () => Math.max(0, Math.round(workbench.clock.monotonicMs() - startedAt));
  const nothing = () => undefined;
  const body: JournaledRestore = { kind: 'restore', order: setSecretsAside(workbench.secrets, order), started: true };
  const first = { repository: order.repository, ref: toRestoreRefs(order).repository };
  const going: Going = { body, evidence: [], place: first };
  try {
    if (signal.aborted) throw createReasonError('cancelled', 'Cancelled before it began');
    assertAllowed(workbench, order.target);
    assertCredential(workbench, order);
    recorder.start(() => workbench.journal.runs.revise(recorder.run, body));
    const result = await withWorkDir(workbench, async (workDir) => {
      const repository = prepareRepositoryDraft(workbench, order.repository.draft, toRestoreRefs(order).repository, workDir);
      recorder.addRedaction(repository.redact);
      const { downloadKiBps, acceptLittleRoom } = order.options ?? {};
      const exec = openLimitedExec(workbench, recorder, downloadKiBps === undefined ? {} : { downloadKiBps });
      const running: RunningRestore = {
        tooling: workbench,
        exec,
        recorder,
        sizeBytes: order.sizeBytes,
        workDir,
        signal,
        acceptLittleRoom,
        remember: (half) => rememberHalf(execution, going, half),
      };
      const { target } = order;
      if (target.kind === 'database' && target.from) return restoreFromFile(execution, going, running, target, target.from);
      const part = { ...running, engine: workbench.engine(exec), repository, engineId: getEngineId(order) };
      return restoreSnapshot(execution, going, part);
    });
    const { evidence, warnings, bytes, doubt } = result;
    const end = doubt ? ({ state: 'partial', failure: toFailure(doubt) } as const) : ({ state: 'succeeded' } as const);
    recorder.finishPart({ source: order.source.id, ...end, warnings: [...warnings], bytes, durationMs: duration() }, nothing);
    recorder.finalize();
    recorder.finish({ ...end, evidence, bytes }, () => forgetChange(execution, going));
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === 'internal') workbench.log.error({ err: thrown, run: recorder.run }, 'a restore failed unexpectedly');
    const part = endPart(order.source.id, thrown, signal);
    if (part.failure) recorder.log('error', part.failure.message);
    const { state, failure } = part;
    recorder.finishPart(
      { source: part.source, state, warnings: [], bytes: 0, durationMs: duration(), ...(failure ? { failure } : {}) },
      nothing,
    );
    recorder.finish({ state, failure, evidence: going.evidence, bytes: 0 });
  } finally {
    // What came with the order also drops what could not be dropped, because its server was gone or the disk full.
    if (order.target.kind === 'database' && going.body.half) settleOwedSoon(workbench);
    else workbench.secrets.release(order.run);
  }
  const { isLockLeft, place } = going;
  return { ...(isLockLeft === undefined ? {} : { storedIn: place.repository.id }), owesLook: isLockLeft === true };
}
