/** Brings snapshots back: trees into a directory, streams as the producer of a pipeline. */
import { lstat, readdir } from 'node:fs/promises';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { isPlainText, toListedText } from '@holdfast/shared/domain/stored-path.ts';
import type { Stage, StageOutcome } from '../../exec/contract.ts';
import { planDump, planRestore, type ResticPlace } from './args.ts';
import { type EngineFailure, showName } from './classify.ts';
import { findRestoreError, parseListLine, parseMessage, type ResticMessage } from './parse.ts';
import { classifyStage, logLine, type OnLog, placeAt, type ResticHost, runRestic } from './restic-tool.ts';
import { planListBelow } from './tree-args.ts';
import { isListedBelow } from './tree-parse.ts';

/** Paths named in a result; the rest are counted. */
const NOT_RESTORED_NAMED = 100;

export interface RestoreTreeInput {
  access: RepositoryAccess;
  workDir: string;
  snapshotId: string;
  /** Absolute path of an existing, empty directory. */
  target: string;
  /** Absolute paths inside the snapshot, as texts of `domain/stored-path.ts`; undefined for everything. */
  includes?: readonly string[] | undefined;
  /** Every restored file is read again and compared with the repository; true unless said otherwise. */
  verify?: boolean | undefined;
  signal?: AbortSignal | undefined;
  stallMs: number;
  /** Bytes and files so far; old versions of restic tell nothing, then bytes come from the kernel's count. */
  onProgress?: ((progress: { bytes: number; totalBytes?: number | undefined; files?: number | undefined }) => void) | undefined;
  onLog?: OnLog | undefined;
}

/** What a tree holds, directories left out: they have no content to lose. */
export interface TreeCount {
  files: number;
  /** Symbolic links, devices, FIFOs. */
  others: number;
  bytes: number;
}

export interface RestoreTreeOutcome {
  /** What the snapshot holds at the asked place. */
  expected?: TreeCount | undefined;
  /** What lies in the target afterwards. */
  restored?: TreeCount | undefined;
  /** The first hundred paths restic complained about. */
  notRestored: readonly string[];
  notRestoredCount: number;
  evidence: readonly Evidence[];
  failure?: EngineFailure | undefined;
}

export async function restoreTree(host: ResticHost, input: RestoreTreeInput): Promise<RestoreTreeOutcome> {
  const place = placeAt(host, input.access);
  const listed = await countSnapshot(host, place, input);
  if (listed.failure) return { notRestored: [], notRestoredCount: 0, evidence: [], failure: listed.failure };
  const expected = listed.count;
  const named = new Set<string>();
  let complaints = 0;
  const complain = (item: string) => {
    complaints += 1;
    if (named.size < NOT_RESTORED_NAMED) named.add(item);
  };
  let hasStatus = false;
  const onMessage = (message: ResticMessage) => {
    if (message.message_type === 'error') complain(message.item ?? '(unnamed)');
    if (message.message_type !== 'status' && message.message_type !== 'summary') return;
    hasStatus = true;
    input.onProgress?.({ bytes: message.bytes_restored ?? 0, totalBytes: expected.bytes, files: message.files_restored });
  };
  const { failure } = await runRestic(host, {
    command: planRestore(place, { ...input, verify: input.verify ?? true, sparse: host.capabilities.sparseRestore }),
    workDir: input.workDir,
    operation: 'restore',
    signal: input.signal,
    stallMs: input.stallMs,
    patience: { retryMs: input.stallMs },
    onMessage,
    onPlainLine: (line) => logLine(line, undefined, input.onLog),
    onStderrLine(line) {
      const error = findRestoreError(line);
      if (error) complain(error.item);
    },
    onBytes({ writtenBytes }) {
      if (!hasStatus) input.onProgress?.({ bytes: Math.min(writtenBytes, expected.bytes), totalBytes: expected.bytes });
    },
    onLog: input.onLog,
  });
  const complained = { notRestored: [...named], notRestoredCount: complaints };
  if (failure) return { expected, ...complained, evidence: [], failure };
  const restored = await countDirectory(input.target);
  const ok = complaints === 0 && isSame(expected, restored);
  const evidence: Evidence[] = [{ check: 'target_verified', ok, seen: describe(expected, restored) }];
  const short: EngineFailure | undefined = ok ? undefined : { reason: 'restore_failed', message: describe(expected, restored) };
  return { expected, restored, ...complained, evidence, failure: short };
}

function isSame(one: TreeCount, other: TreeCount): boolean {
  return one.files === other.files && one.others === other.others && one.bytes === other.bytes;
}

function describe(expected: TreeCount, restored: TreeCount): string {
  const words = ({ files, others, bytes }: TreeCount) =>
    `${files} ${files === 1 ? 'file' : 'files'}${others === 0 ? '' : ` and ${others} ${others === 1 ? 'link or the like' : 'links and the like'}`} with ${bytes} bytes`;
  return isSame(expected, restored)
    ? `The target holds ${words(restored)}, as the snapshot does.`
    : `The target holds ${words(restored)}; the snapshot ${words(expected)}.`;
}

/** Counts by listing; nothing of the list is kept, however long it is. */
async function countSnapshot(
  host: ResticHost,
  place: ResticPlace,
  input: RestoreTreeInput,
): Promise<{ count: TreeCount; failure?: EngineFailure | undefined }> {
  const count: TreeCount = { files: 0, others: 0, bytes: 0 };
  const includes = input.includes ?? ['/'];
  const seen = new Set(['/']);
  const asked = Map.groupBy(includes, toListedText);
  const { failure } = await runRestic(host, {
    command: planListBelow(place, input.snapshotId, includes.every(isPlainText) ? includes : ['/']),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    stallMs: input.stallMs,
    patience: { retries: 10 },
    onPlainLine(line) {
      const parsed = parseListLine(line);
      if (parsed?.kind === 'node') for (const path of asked.get(parsed.path) ?? []) seen.add(path);
      if (parsed?.kind !== 'node' || !isListedBelow(parsed.path, includes)) return;
      if (parsed.type === 'file') {
        count.files += 1;
        count.bytes += parsed.sizeBytes;
      } else if (parsed.type !== 'dir' && parsed.type !== 'socket') count.others += 1; // restic stores sockets but makes none
    },
  });
  if (failure) return { count, failure };
  const missing = input.includes?.find((path) => !seen.has(path));
  if (missing !== undefined) {
    return { count, failure: { reason: 'snapshot_missing', message: `The snapshot holds nothing at ${showName(missing)}.` } };
  }
  return { count };
}

/** Counts what lies below a directory, without following links. */
async function countDirectory(root: string): Promise<TreeCount> {
  const count: TreeCount = { files: 0, others: 0, bytes: 0 };
  const waiting: Buffer[] = [Buffer.from(root)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    // Names as bytes: not every name on a disk is UTF-8.
    for (const entry of await readdir(path, { withFileTypes: true, encoding: 'buffer' })) {
      const child = Buffer.concat([path, Buffer.from('/'), entry.name]);
      if (entry.isDirectory()) waiting.push(child);
      else if (entry.isFile()) {
        count.files += 1;
        count.bytes += (await lstat(child)).size;
      } else count.others += 1;
    }
  }
  return count;
}

export interface DumpStageInput {
  access: RepositoryAccess;
  snapshotId: string;
  fileName: string;
}

/** The stored stream as the producer of a restore pipeline. */
export function createDumpStage(host: ResticHost, input: DumpStageInput, onLog?: OnLog): Stage {
  return {
    command: planDump(placeAt(host, input.access), input),
    binary: host.binary,
    onStderrLine: (line) => logLine(line, parseMessage(line), onLog),
  };
}

/** Why a dump stage did not exit 0. */
export function classifyDump(host: ResticHost, outcome: StageOutcome): EngineFailure {
  return classifyStage(host, outcome, 'other');
}
