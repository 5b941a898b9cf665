/**
 * Backs up one source: pre-flight, dump and store, evidence. Only a snapshot that was read back and shows what was sent makes the part clean.
 */
import type { Artifact, Probe, StreamArtifact, TreeArtifact } from '@holdfast/shared/adapters/source.ts';
import type { Canary, Contents, RowCounts } from '@holdfast/shared/domain/contents.ts';
import type { SpecSource } from '@holdfast/shared/domain/plan.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence, TerminalState } from '@holdfast/shared/domain/run.ts';
import { formatTags, type SnapshotMade, type SnapshotTags } from '@holdfast/shared/domain/snapshot.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import type { EngineFailure } from '../../engines/restic/classify.ts';
import type { ResticEngine } from '../../engines/restic/engine.ts';
import type { LockCheck } from '../../engines/restic/locks.ts';
import type { Exec } from '../../exec/contract.ts';
import { type PartResult, toFailure } from '../attempts/part.ts';
import { type PreparedRepository, type PreparedSource, prepareSource } from '../inputs.ts';
import type { Recorder } from '../log/recorder.ts';
import { createRate } from '../rate.ts';
import { getBinary, type Tooling, type Workbench } from '../workbench.ts';
import { watchCanaries } from './canaries.ts';
import { probeSource } from './probe.ts';
import { type ContentsWatch, watchContents } from './record-contents.ts';
import { checkRoom } from './repository-room.ts';
import { watchVolumes } from './volumes.ts';

export interface BackupPart {
  workbench: Tooling & Pick<Workbench, 'createId' | 'setTimer'>;
  exec: Exec;
  engine: ResticEngine;
  recorder: Recorder;
  source: SpecSource;
  /** The source with its secrets opened, where they are not those of the spec. */
  prepared?: PreparedSource | undefined;
  repository: PreparedRepository;
  /** Tags but the role. */
  tags: Omit<SnapshotTags, 'role'>;
  /** What earlier backups of it added to this repository, see `expectGrowth`. Undefined: a person waits for this one, and whether there is room shows. */
  added?: readonly number[] | undefined;
  /** A path that is a link is stored as one: what stands where something else will, before it does. */
  takesLinks?: boolean | undefined;
  /** Where file systems were mounted in it at its last clean backup. */
  volumes: readonly string[];
  /** How thoroughly rows are counted. */
  countRows: RowCounts;
  workDir: string;
  signal: AbortSignal;
  /** Called before restic begins to store, which takes a lock. */
  onStore(): void;
  /** Told what a look for a lock that this part may have left came to. */
  onLockLook(check: LockCheck): void;
  /** Called inside the transaction that reports a snapshot. */
  journalSnapshot(made: SnapshotMade): void;
}

/** What one artifact came to. */
interface Stored {
  namedId: string;
  sizeBytes: number;
  addedBytes?: number | undefined;
  files?: number | undefined;
  /** Set when something is missing in it: stored, but never clean. */
  gap?: EngineFailure | undefined;
  exitCodes: Evidence;
  /** What the database held. */
  contents?: Contents | undefined;
  canaries?: readonly Canary[] | undefined;
  /** Where file systems are mounted in it. */
  volumes?: readonly string[] | undefined;
}

/** A server counts a connection for a moment after its client has left. */
const LEAVING_MS = 500;

function failWith(failure: EngineFailure): never {
  throw createReasonError(failure.reason, failure.message);
}

/** `watch` looks at what the source holds meanwhile; a dump that fails because of it is made once more without. */
async function storeStream(
  part: BackupPart,
  prepared: PreparedSource,
  probe: Probe,
  artifact: StreamArtifact,
  watch?: ContentsWatch,
): Promise<Stored> {
  const { workbench, recorder, source } = part;
  const rate = createRate(workbench.clock);
  const command = watch?.tie(artifact.producer) ?? artifact.producer;
  const producer = {
    command,
    binary: getBinary(workbench, command.tool, probe.serverVersion || undefined),
    onStderrLine: (line: string) => recorder.log(/error|fatal/i.test(line) ? 'error' : 'warn', line),
  };
  recorder.log('info', `${command.tool} → restic (${source.name}, ${artifact.role})`);
  part.onStore();
  const outcome = await part.engine.backupStream({
    access: part.repository.access,
    workDir: part.workDir,
    producer,
    tags: formatTags({ ...part.tags, role: artifact.role }),
    host: part.tags.host,
    fileName: artifact.fileName,
    signal: part.signal,
    stallMs: PROCESS.stallMs,
    onProgress: ({ bytes }) =>
      recorder.progress({
        source: source.id,
        stage: 'dump',
        bytes,
        bytesPerSecond: rate.look(bytes),
        ...(artifact.role === 'data' && probe.estimatedBytes !== undefined
          ? { totalBytes: Math.round(probe.estimatedBytes) }
          : {}),
      }),
    onLog: (level, text) => recorder.log(level, text),
    pinnedId: part.repository.pinnedId,
    onLockLook: part.onLockLook,
  });
  if (outcome.failure) {
    if (outcome.failedStage === 'producer' && watch?.isToBlame(outcome.pipeline.producer.stderr)) {
      recorder.log(
        'info',
        'the server does not let the dump and a look run side by side; it is dumped once more, without a record',
      );
      await watch.stop();
      await new Promise<void>((resolve) => workbench.setTimer(LEAVING_MS, resolve));
      return storeStream(part, prepared, probe, artifact);
    }
    if (outcome.rejectedId)
      recorder.log('error', `snapshot ${outcome.rejectedId.slice(0, 8)} is not vouched for: it was made although the run failed`);
    if (outcome.failedStage !== 'producer') failWith(outcome.failure);
    const classified = prepared.adapter.classifyFailure(outcome.pipeline.producer);
    failWith(classified.reason === 'unknown_failure' ? outcome.failure : classified);
  }
  const namedId = outcome.namedId as string;
  recorder.log('info', `restic: snapshot ${namedId.slice(0, 8)}, ${outcome.sizeBytes} bytes read`);
  recorder.log('info', `${command.tool} exited 0; end of file released`);
  const exitCodes: Evidence = { check: 'exit_codes', ok: true, seen: `${command.tool} and restic exited 0` };
  const contents = await watch?.finish();
  return { namedId, sizeBytes: outcome.sizeBytes, addedBytes: outcome.addedBytes, exitCodes, contents };
}

async function storeDump(part: BackupPart, prepared: PreparedSource, probe: Probe, artifact: StreamArtifact): Promise<Stored> {
  const { recording } = prepared.adapter;
  if (recording === undefined || artifact.role !== 'data') return storeStream(part, prepared, probe, artifact);
  const { workbench: tooling, exec, recorder, countRows: rows, signal } = part;
  const watch = await watchContents({ tooling, exec, recorder, recording, input: prepared.input, probe, rows, signal });
  try {
    return await storeStream(part, prepared, probe, artifact, watch);
  } finally {
    await watch?.stop();
  }
}

async function storeTree(part: BackupPart, artifact: TreeArtifact): Promise<Stored> {
  const { workbench, recorder, source } = part;
  const rate = createRate(workbench.clock);
  recorder.log('info', `restic: reading ${artifact.paths.length === 1 ? artifact.paths[0] : `${artifact.paths.length} paths`}`);
  const watch = await watchCanaries(artifact);
  for (const warning of watch.warnings) recorder.log('warn', warning);
  const mounted = await watchVolumes(artifact, part.volumes);
  part.onStore();
  const outcome = await part.engine.backupTree({
    access: part.repository.access,
    workDir: part.workDir,
    paths: artifact.paths,
    excludes: artifact.excludes,
    oneFileSystem: artifact.oneFileSystem,
    tags: formatTags({ ...part.tags, role: artifact.role }),
    host: part.tags.host,
    signal: part.signal,
    stallMs: PROCESS.stallMs,
    onProgress: ({ bytes, totalBytes, files, totalFiles }) =>
      recorder.progress({
        source: source.id,
        stage: 'store',
        bytes,
        files,
        bytesPerSecond: rate.look(bytes),
        ...(totalBytes === undefined ? {} : { totalBytes }),
        ...(totalFiles === undefined ? {} : { totalFiles }),
      }),
    onLog: (level, text) => recorder.log(level, text),
    pinnedId: part.repository.pinnedId,
    onLockLook: part.onLockLook,
  });
  if (outcome.failure && !(outcome.partial && outcome.namedId)) failWith(outcome.failure);
  const namedId = outcome.namedId as string;
  recorder.log('info', `restic: snapshot ${namedId.slice(0, 8)}, ${outcome.files} files, ${outcome.sizeBytes} bytes read`);
  for (const path of outcome.unreadable) recorder.log('warn', `not stored: ${path}`);
  const { volumes, gap } = await mounted.finish();
  // Otherwise it is why the part is not clean, and told as that.
  if (gap && outcome.partial) recorder.log('warn', gap.message);
  const seen = outcome.partial ? `restic exited 3: ${outcome.unreadableCount} paths were not stored` : 'restic exited 0';
  return {
    namedId,
    sizeBytes: outcome.sizeBytes,
    addedBytes: outcome.addedBytes,
    files: outcome.files,
    gap: outcome.partial ? outcome.failure : gap,
    volumes,
    canaries: await watch.finish(part.signal),
    exitCodes: { check: 'exit_codes', ok: !outcome.partial, seen },
  };
}

/** Reads the snapshot back and reports it with its evidence. Throws when the evidence does not hold. */
async function proveSnapshot(part: BackupPart, artifact: Artifact, stored: Stored): Promise<readonly Evidence[]> {
  const { workbench, recorder, source } = part;
  const floorOk = stored.sizeBytes >= artifact.floorBytes;
  const floor: Evidence = {
    check: 'size_floor',
    ok: floorOk,
    seen: `${stored.sizeBytes} bytes, at least ${artifact.floorBytes} asked for`,
  };
  const found = await part.engine.readBack({
    access: part.repository.access,
    workDir: part.workDir,
    snapshotId: stored.namedId,
    tags: formatTags({ ...part.tags, role: artifact.role }),
    sizeBytes: stored.sizeBytes,
    ...(artifact.kind === 'stream' ? { fileName: artifact.fileName, magicHex: artifact.magicHex } : {}),
    // Once is enough for all that a part stored.
    ...(artifact.role === 'data' ? { pinnedId: part.repository.pinnedId } : {}),
    signal: part.signal,
  });
  const evidence = [stored.exitCodes, floor, ...found.evidence];
  if (found.engineId !== undefined) {
    const id = workbench.createId('snapshot');
    const made = {
      id,
      engineId: found.engineId,
      source: source.id,
      role: artifact.role,
      createdAt: found.createdAt ?? workbench.clock.now(),
      sizeBytes: found.sizeBytes,
      ...(stored.addedBytes === undefined ? {} : { addedBytes: stored.addedBytes }),
      ...(stored.files === undefined ? {} : { files: stored.files }),
      ...(artifact.kind === 'stream' ? { fileName: artifact.fileName } : {}),
      evidence,
      ...(stored.contents === undefined ? {} : { contents: stored.contents }),
      ...(stored.canaries?.length ? { canaries: [...stored.canaries] } : {}),
    };
    recorder.snapshot(made, () => part.journalSnapshot(made));
  }
  if (found.failure) failWith(found.failure);
  // An unmounted disk, or what could not be read, says more than the size does.
  if (!floorOk && stored.gap) failWith(stored.gap);
  if (!floorOk)
    throw createReasonError(
      'size_below_floor',
      `The backup has ${stored.sizeBytes} bytes, but at least ${artifact.floorBytes} are asked for`,
    );
  recorder.log('info', `evidence: ${found.evidence.map((entry) => entry.seen).join(' ')}`);
  return evidence;
}

/** Looks at the source, and whether there is room for it where that can be seen. Throws what is wrong. */
async function lookFirst(part: BackupPart, prepared: PreparedSource): Promise<Probe> {
  const { workbench, recorder, added, repository } = part;
  const probe = await probeSource(workbench, part.exec, prepared, part);
  if (probe.serverVersion !== '') recorder.log('info', `pre-flight: server ${probe.serverVersion}`);
  const { localPath } = repository;
  const sourceBytes = probe.estimatedBytes;
  const tight = added && localPath !== undefined ? await checkRoom({ path: localPath, added, sourceBytes }) : undefined;
  const seen = tight === undefined ? probe : { ...probe, warnings: [...probe.warnings, tight] };
  for (const warning of seen.warnings) recorder.log('warn', warning);
  return seen;
}

async function runStage<T>(
  part: BackupPart,
  stage: 'preflight' | 'dump' | 'store' | 'evidence',
  work: () => Promise<T>,
): Promise<T> {
  part.recorder.beginStage(stage, part.source.id);
  try {
    const result = await work();
    part.recorder.endStage(stage, true, part.source.id);
    return result;
  } catch (error) {
    part.recorder.endStage(stage, false, part.source.id);
    throw error;
  }
}

/** Runs the part to its end. Throws what made it fail; a gap makes it partial. */
export async function backUpSource(part: BackupPart): Promise<PartResult> {
  const { workbench, recorder, source } = part;
  const prepared = part.prepared ?? prepareSource(workbench, source, part.workDir);
  recorder.addRedaction(prepared.redact);
  const probe = await runStage(part, 'preflight', () => lookFirst(part, prepared));
  const artifacts = prepared.adapter.planBackup(prepared.input, probe);
  const stored: { artifact: Artifact; result: Stored }[] = [];
  for (const artifact of artifacts) {
    const stage = artifact.kind === 'stream' ? 'dump' : 'store';
    const store = () => (artifact.kind === 'tree' ? storeTree(part, artifact) : storeDump(part, prepared, probe, artifact));
    stored.push({ artifact, result: artifact.role === 'data' ? await runStage(part, stage, store) : await store() });
  }
  const evidence = await runStage(part, 'evidence', async () => {
    let ofData: readonly Evidence[] = [];
    for (const { artifact, result } of stored) {
      const seen = await proveSnapshot(part, artifact, result);
      if (artifact.role === 'data') ofData = seen;
    }
    return ofData;
  });
  const data = stored.find(({ artifact }) => artifact.role === 'data')?.result;
  const gap = data?.gap;
  const state: TerminalState = gap ? 'partial' : 'succeeded';
  return {
    source: source.id,
    state,
    ...(gap ? { failure: toFailure(createReasonError(gap.reason, gap.message)) } : {}),
    warnings: probe.warnings,
    bytes: data?.sizeBytes ?? 0,
    evidence,
    volumes: data?.volumes,
  };
}
