/**
 * The restic engine: what runs need of it, behind one value. Every function takes the access to a repository and a private work
 * directory that nothing else uses meanwhile; none throws for what restic or the repository does: that is in `failure`.
 */
import { uptime } from 'node:os';
import type { Clock } from '@holdfast/shared/clock.ts';
import type { HolderState, RepositoryLock } from '@holdfast/shared/domain/lock.ts';
import type { Found, TreeDiff } from '@holdfast/shared/protocol/browse.ts';
import type { Exec, Stage, StageOutcome } from '../../exec/contract.ts';
import { type BackupStreamInput, type BackupStreamOutcome, backupStream } from './backup-stream.ts';
import { type BackupTreeInput, type BackupTreeOutcome, backupTree } from './backup-tree.ts';
import {
  type BrowseInput,
  diffSnapshots,
  findByName,
  type KnownTrees,
  type ListedNode,
  listBelow,
  readDirectory,
} from './browse.ts';
import { type Capabilities, getCapabilities } from './capabilities.ts';
import { type CheckInput, type CheckOutcome, check } from './check.ts';
import type { EngineFailure } from './classify.ts';
import { type CopyInput, type CopyOutcome, copySnapshot } from './copy.ts';
import { type DumpPathInput, dumpPath } from './dump-path.ts';
import { type ForgetInput, type ForgetOutcome, forget } from './forget.ts';
import { type IndexList, listIndexes } from './indexes.ts';
import { attestHolder, clearNamedLocks, type NamedLocksInput, type NamedLocksOutcome } from './lock-doctor.ts';
import { type ClearInput, clearOwnLocks, type LockCheck, type LockList, listLocks } from './locks.ts';
import { type KeepKeyInput, keepKey } from './machine-key/keep-key.ts';
import { createKeyRing, type KeyRing } from './machine-key/key-ring.ts';
import { type MeasureOutcome, measure } from './measure.ts';
import type { Patience } from './movement.ts';
import type { OwnProcesses } from './own-processes.ts';
import { type PruneInput, type PruneOutcome, prune } from './prune.ts';
import { type ReadBackInput, type ReadBackOutcome, readBack } from './read-back.ts';
import {
  type FindRepositoryOutcome,
  findRepository,
  findStranger,
  type InitInput,
  type InitOutcome,
  initRepository,
  listSnapshots,
  type RepositoryInput,
  type SnapshotList,
} from './repository.ts';
import { type OnLockCleared, type OnLog, placeAt, type ResticHost } from './restic-tool.ts';
import {
  classifyDump,
  createDumpStage,
  type DumpStageInput,
  type RestoreTreeInput,
  type RestoreTreeOutcome,
  restoreTree,
} from './restore.ts';
import { type SampleInput, type SampleOutcome, sampleFiles } from './sample.ts';
import type { TreeNode } from './tree-parse.ts';
import { type VerifyInput, type VerifyOutcome, verifySnapshot } from './verify.ts';

export interface ResticEngineOptions {
  exec: Exec;
  /** Absolute path of restic. */
  binary: string;
  /** What `restic version` says. */
  version: string;
  /** Absolute path, the agent's own. */
  cacheDir: string | undefined;
  clock: Clock;
  /** The system's host name, as restic writes it into its locks. */
  hostname: string;
  /** Must be told of every process the launcher of `exec` starts and ends. */
  processes: OwnProcesses;
  /** Shared by all engines of an agent. Undefined: every repository is opened by its password. */
  keys?: KeyRing | undefined;
  /** Absolute path of OpenSSH's `sftp`. */
  sftp?: string | undefined;
  /** Milliseconds since the host was booted, sleep included; the kernel's own count unless told otherwise. */
  uptimeMs?: (() => number) | undefined;
  /** Told of every lock of ours that was removed because its process is gone. */
  onLockCleared?: OnLockCleared | undefined;
}

export interface ResticEngine {
  readonly capabilities: Capabilities;
  /** Stores what a producer writes. A snapshot only when the producer exited 0 and restic then ended clean. */
  backupStream(input: BackupStreamInput): Promise<BackupStreamOutcome>;
  /** Stores trees; gaps make it partial. */
  backupTree(input: BackupTreeInput): Promise<BackupTreeOutcome>;
  /** Reads a snapshot that was just made back by its id: tags, size, first bytes. */
  readBack(input: ReadBackInput): Promise<ReadBackOutcome>;
  /** Looks without a lock and never writes. */
  findRepository(input: RepositoryInput): Promise<FindRepositoryOutcome>;
  /** Before a run opens its repository: lets the commands that follow open it by a machine key where they may. Never throws. */
  keepKey(input: KeepKeyInput): Promise<void>;
  /** Only because a person asked; refuses where one is. */
  initRepository(input: InitInput): Promise<InitOutcome>;
  listSnapshots(
    input: RepositoryInput & { tags?: readonly string[] | undefined; patience?: Patience | undefined },
  ): Promise<SnapshotList>;
  /** Removes snapshots named by their full ids and says which of them are gone; data that nothing needs any more stays until a prune. */
  forget(input: ForgetInput): Promise<ForgetOutcome>;
  /** Looks for damage, with the repository to itself. What is damaged is in `failure`. */
  check(input: CheckInput): Promise<CheckOutcome>;
  /** Removes the data that no snapshot needs any more, with the repository to itself. */
  prune(input: PruneInput): Promise<PruneOutcome>;
  /** Size and snapshots, read without a lock. */
  measure(input: RepositoryInput): Promise<MeasureOutcome>;
  /** One snapshot to a second repository, read back there; what lies there already is found again. */
  copySnapshot(input: CopyInput): Promise<CopyOutcome>;
  /** Reads one snapshot to its end, past any cache, to nowhere. */
  verifySnapshot(input: VerifyInput): Promise<VerifyOutcome>;
  /** Into an existing, empty directory; stored absolute paths appear below it. */
  restoreTree(input: RestoreTreeInput): Promise<RestoreTreeOutcome>;
  /** Files of a snapshot, drawn by chance. */
  sampleFiles(input: SampleInput): Promise<SampleOutcome>;
  /** The stored stream as a pipeline's producer. */
  dumpStage(input: DumpStageInput, onLog?: OnLog): Stage;
  /** Why that producer did not exit 0. */
  classifyDump(outcome: StageOutcome): EngineFailure;
  /** The entries of one directory of a snapshot. These four throw, with the reason where the repository has one. */
  readDirectory(input: BrowseInput & { path: string; known: KnownTrees }): Promise<readonly TreeNode[]>;
  findByName(input: BrowseInput & { name: string }): Promise<Found>;
  diffSnapshots(input: BrowseInput & { olderId: string }): Promise<TreeDiff>;
  /** One file, or a directory as an archive, into an open file: kernel to kernel. */
  dumpPath(input: DumpPathInput): Promise<EngineFailure | undefined>;
  /** Everything at and below chosen paths, one call each; false from `onNode` ends it early. */
  listBelow(input: BrowseInput & { paths: readonly string[]; onNode: (node: ListedNode) => boolean }): Promise<void>;
  /** The index files: one that goes was replaced by somebody who prunes or repairs. */
  listIndexes(input: RepositoryInput): Promise<IndexList>;
  listLocks(input: RepositoryInput): Promise<LockList>;
  /** What this host can say of a lock's holder. */
  attestHolder(lock: RepositoryLock): HolderState;
  /** Removes these locks, whoever holds them; refused when others have come up. */
  clearNamedLocks(input: NamedLocksInput): Promise<NamedLocksOutcome>;
  /** Removes a lock that a dead process of this agent left, when it is the only one. Called by the engine after every stop. */
  clearOwnLocks(input: ClearInput): Promise<LockCheck>;
  /** The failure when another repository than the pinned one lies there, or it cannot be asked. */
  findStranger(input: RepositoryInput & { pinnedId: string | undefined }): Promise<EngineFailure | undefined>;
}

/** Throws `unsupported` for a restic older than 0.14. */
export function createResticEngine(options: ResticEngineOptions): ResticEngine {
  const { version, uptimeMs = () => uptime() * 1000, keys = createKeyRing(options.clock), sftp, ...rest } = options;
  const host: ResticHost = { ...rest, uptimeMs, keys, sftp, capabilities: getCapabilities(version) };
  return {
    capabilities: host.capabilities,
    backupStream: (input) => backupStream(host, input),
    backupTree: (input) => backupTree(host, input),
    readBack: (input) => readBack(host, input),
    findRepository: (input) => findRepository(host, input),
    keepKey: (input) => keepKey(host, input),
    initRepository: (input) => initRepository(host, input),
    listSnapshots: (input) => listSnapshots(host, input),
    forget: (input) => forget(host, input),
    check: (input) => check(host, input),
    prune: (input) => prune(host, input),
    measure: (input) => measure(host, input),
    copySnapshot: (input) => copySnapshot(host, input),
    verifySnapshot: (input) => verifySnapshot(host, input),
    restoreTree: (input) => restoreTree(host, input),
    sampleFiles: (input) => sampleFiles(host, input),
    dumpStage: (input, onLog) => createDumpStage(host, input, onLog),
    classifyDump: (outcome) => classifyDump(host, outcome),
    readDirectory: (input) => readDirectory(host, input),
    findByName: (input) => findByName(host, input),
    diffSnapshots: (input) => diffSnapshots(host, input),
    dumpPath: (input) => dumpPath(host, input),
    listBelow: (input) => listBelow(host, input),
    listIndexes: (input) => listIndexes(host, input),
    listLocks: ({ access, ...input }) => listLocks(host, { place: placeAt(host, access), ...input }),
    attestHolder: (lock) => attestHolder(host, lock),
    clearNamedLocks: (input) => clearNamedLocks(host, input),
    clearOwnLocks: (input) => clearOwnLocks(host, input),
    findStranger: (input) => findStranger(host, input),
  };
}
