/** Copies one snapshot to a second repository. What counts is what the second one shows afterwards, not what restic said. */
import { joinAccess } from '@holdfast/shared/adapters/joint-access.ts';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import { planCopy, planDump, planSnapshots } from './args.ts';
import type { EngineFailure } from './classify.ts';
import { findLockDoubt } from './lock-doubt.ts';
import { clearOwnLocks, type LockCheck, notLooked } from './locks.ts';
import { parseSnapshots, type StoredSnapshot } from './parse.ts';
import { readBack } from './read-back.ts';
import { type OnLog, placeAt, type ResticHost, runRestic } from './restic-tool.ts';

export interface CopyInput {
  /** Where the snapshot lies; its files are apart from those of the other two. */
  from: RepositoryAccess;
  /** Where it goes. */
  access: RepositoryAccess;
  workDir: string;
  /** Full id. */
  engineId: string;
  /** Size the ledger knows. */
  sizeBytes: number;
  /** The stored stream; undefined for trees. */
  fileName?: string | undefined;
  /** The repository it goes to, once it is known. */
  pinnedId?: string | undefined;
  fromPinnedId?: string | undefined;
  signal?: AbortSignal | undefined;
  onLog?: OnLog | undefined;
  /** Bytes read and written so far, of whatever kind. */
  onProgress?: ((progress: { bytes: number }) => void) | undefined;
  /** Told when restic may not have let its locks go: what a look for them came to. */
  onLockLook?: ((check: LockCheck) => void) | undefined;
}

export interface CopyOutcome {
  /** Full id of the copy; undefined when there is none, or it does not show what it should. */
  engineId?: string | undefined;
  createdAt?: number | undefined;
  sizeBytes: number;
  /** It lay there already. */
  existed: boolean;
  evidence: readonly Evidence[];
  failure?: EngineFailure | undefined;
}

/** Bytes at the beginning of a stream that original and copy are compared by. */
const FIRST_BYTES = 16;
const LOOK_MS = 5 * PROCESS.toolTimeoutMs;
const FAILED = { sizeBytes: 0, existed: false, evidence: [] } as const;

type Listing = { snapshots: readonly StoredSnapshot[]; failure?: undefined } | { snapshots?: undefined; failure: EngineFailure };

async function list(
  host: ResticHost,
  input: CopyInput,
  access: RepositoryAccess,
  filter: { ids?: readonly string[]; tags?: readonly string[] },
): Promise<Listing> {
  const { result, failure } = await runRestic(host, {
    command: planSnapshots(placeAt(host, access), filter),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    timeoutMs: LOOK_MS,
    patience: { retries: 10 },
  });
  if (failure) return { failure };
  const parsed = result.truncated ? undefined : parseSnapshots(result.stdout);
  if (parsed) return { snapshots: parsed.snapshots };
  return { failure: { reason: 'unknown_failure', message: 'The list of snapshots is too long or not readable.' } };
}

/** restic keeps in every copy which snapshot it was first. */
const originOf = ({ engineId, original }: StoredSnapshot): string => original ?? engineId;

async function findCopy(
  host: ResticHost,
  input: CopyInput,
  source: StoredSnapshot,
): Promise<{ copy?: StoredSnapshot | undefined; failure?: EngineFailure | undefined }> {
  const listed = await list(host, input, input.access, { tags: source.tags });
  if (listed.failure) return { failure: listed.failure };
  return { copy: listed.snapshots.find((snapshot) => originOf(snapshot) === originOf(source)) };
}

async function readFirstBytes(
  host: ResticHost,
  input: CopyInput,
  fileName: string,
): Promise<{ hex: string; failure?: EngineFailure | undefined }> {
  const { result, failure } = await runRestic(host, {
    command: planDump(placeAt(host, input.from), { snapshotId: input.engineId, fileName }),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    timeoutMs: LOOK_MS,
    patience: { retries: 10 },
    outputBytes: FIRST_BYTES,
    enoughBytes: FIRST_BYTES,
    stdoutEncoding: 'latin1',
  });
  const hex = Buffer.from(result.stdout, 'latin1').subarray(0, FIRST_BYTES).toString('hex');
  return hex === '' ? { hex, failure } : { hex };
}

async function runCopy(host: ResticHost, input: CopyInput): Promise<EngineFailure | undefined> {
  const { result, failure } = await runRestic(host, {
    command: planCopy(placeAt(host, joinAccess(host.keys.fit(input.from), host.keys.fit(input.access))), input.engineId),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    stallMs: PROCESS.stallMs,
    patience: { retries: 10 },
    onBytes: ({ readBytes, writtenBytes }) => input.onProgress?.({ bytes: readBytes + writtenBytes }),
    onLog: input.onLog,
  });
  const doubt = findLockDoubt(result, failure);
  if (doubt === 'look') {
    const { workDir, onLog } = input;
    const there = await clearOwnLocks(host, { access: input.access, workDir, pinnedId: input.pinnedId, onLog });
    const here = await clearOwnLocks(host, { access: input.from, workDir, pinnedId: input.fromPinnedId, onLog });
    input.onLockLook?.({ ...there, left: [...there.left, ...here.left], failure: there.failure ?? here.failure });
  } else if (doubt === 'owed' && failure !== undefined) input.onLockLook?.(notLooked(failure));
  return failure;
}

/** Repeating it finds what lies there already. A cut copy leaves data that the next one goes on with, and no snapshot. */
export async function copySnapshot(host: ResticHost, input: CopyInput): Promise<CopyOutcome> {
  const listed = await list(host, input, input.from, { ids: [input.engineId] });
  if (listed.failure) return { ...FAILED, failure: listed.failure };
  const source = listed.snapshots.find(({ engineId }) => engineId === input.engineId);
  if (!source)
    return {
      ...FAILED,
      failure: { reason: 'snapshot_missing', message: `Snapshot ${input.engineId.slice(0, 8)} is not there.` },
    };
  const before = await findCopy(host, input, source);
  if (before.failure) return { ...FAILED, failure: before.failure };
  if (!before.copy) {
    const failure = await runCopy(host, input);
    if (failure) return { ...FAILED, failure };
  }
  const first = input.fileName === undefined ? undefined : await readFirstBytes(host, input, input.fileName);
  if (first?.failure) return { ...FAILED, failure: first.failure };
  const after = before.copy ? before : await findCopy(host, input, source);
  if (after.failure) return { ...FAILED, failure: after.failure };
  if (!after.copy)
    return { ...FAILED, failure: { reason: 'evidence_failed', message: 'The second repository does not show the copy.' } };
  const { workDir, sizeBytes, fileName, pinnedId, signal } = input;
  const found = await readBack(host, {
    access: input.access,
    workDir,
    snapshotId: after.copy.engineId,
    tags: source.tags,
    sizeBytes,
    fileName,
    ...(first ? { magicHex: [first.hex] } : {}),
    pinnedId,
    signal,
  });
  const told = { sizeBytes: found.sizeBytes, existed: before.copy !== undefined, evidence: found.evidence };
  if (found.failure || found.engineId === undefined)
    return { ...told, failure: found.failure ?? { reason: 'evidence_failed', message: 'The copy could not be read back.' } };
  return { ...told, engineId: found.engineId, createdAt: found.createdAt };
}
