/** Stores trees of files. Exit code 3 and skipped paths are a partial backup: stored, listed, never clean. */
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import { planBackupTree, type SnapshotMarks } from './args.ts';
import { type EngineFailure, showName } from './classify.ts';
import { findLockDoubt } from './lock-doubt.ts';
import { type LockCheck, settleLock } from './locks.ts';
import { findSkippedPath, type ResticMessage, type ResticSummary } from './parse.ts';
import { type OnLog, placeAt, type ResticHost, runRestic } from './restic-tool.ts';

/** Paths named in a result; the rest are counted. */
const UNREADABLE_NAMED = 100;
/** Different paths told apart before only a count goes on. */
const UNREADABLE_COUNTED = 10_000;

export interface TreeProgress {
  bytes: number;
  /** Grows while restic is still counting. */
  totalBytes?: number | undefined;
  files: number;
  totalFiles?: number | undefined;
}

export interface BackupTreeInput extends SnapshotMarks {
  access: RepositoryAccess;
  workDir: string;
  /** Absolute paths. */
  paths: readonly string[];
  excludes: readonly string[];
  oneFileSystem: boolean;
  signal?: AbortSignal | undefined;
  stallMs: number;
  onProgress?: ((progress: TreeProgress) => void) | undefined;
  onLog?: OnLog | undefined;
  /** The repository this is for, once it is known. */
  pinnedId?: string | undefined;
  /** Told when restic may not have let its lock go: what a look for it came to. */
  onLockLook?: ((check: LockCheck) => void) | undefined;
}

export interface BackupTreeOutcome {
  /** As restic's summary names it, 8 to 64 digits; set for clean and partial ends. `readBack` gives the full id. */
  namedId?: string | undefined;
  /** Stored, but with gaps: restic's exit code 3, or a path that is not there. */
  partial: boolean;
  /** The first hundred paths that were not stored, each made fit for one line; names are hostile text all the same. */
  unreadable: readonly string[];
  unreadableCount: number;
  sizeBytes: number;
  addedBytes?: number | undefined;
  files: number;
  failure?: EngineFailure | undefined;
}

function createGapList() {
  const seen = new Set<string>();
  let uncounted = 0;
  return {
    add(path: string) {
      if (seen.has(path)) return;
      if (seen.size < UNREADABLE_COUNTED) seen.add(path);
      else uncounted += 1;
    },
    get named() {
      return [...seen].slice(0, UNREADABLE_NAMED).map(showName);
    },
    get count() {
      return seen.size + uncounted;
    },
  };
}

export async function backupTree(host: ResticHost, input: BackupTreeInput): Promise<BackupTreeOutcome> {
  const place = placeAt(host, input.access);
  const gaps = createGapList();
  let summary: ResticSummary | undefined;
  const onMessage = (message: ResticMessage) => {
    if (message.message_type === 'summary') summary = message;
    else if (message.message_type === 'status') {
      input.onProgress?.({
        bytes: message.bytes_done ?? 0,
        totalBytes: message.total_bytes,
        files: message.files_done ?? 0,
        totalFiles: message.total_files,
      });
    } else if (message.message_type === 'error') gaps.add(message.item ?? '(unnamed)');
  };
  const { result, failure } = await runRestic(host, {
    command: planBackupTree(place, input),
    workDir: input.workDir,
    operation: 'backup',
    signal: input.signal,
    stallMs: input.stallMs,
    patience: { retryMs: input.stallMs },
    onMessage,
    onStderrLine(line) {
      const skipped = findSkippedPath(line);
      if (skipped !== undefined) gaps.add(skipped);
    },
    onLog: input.onLog,
  });
  const seen = {
    unreadable: gaps.named,
    unreadableCount: gaps.count,
    sizeBytes: summary?.total_bytes_processed ?? 0,
    addedBytes: summary?.data_added_packed ?? summary?.data_added,
    files: summary?.total_files_processed ?? 0,
  };
  await settleLock(host, input, findLockDoubt(result, failure), failure);
  const isStored = failure === undefined || failure.reason === 'files_unreadable';
  if (!isStored) return { ...seen, partial: false, failure };
  if (summary?.snapshot_id === undefined) {
    const named: EngineFailure = { reason: 'evidence_failed', message: 'restic ended but named no snapshot.' };
    return { ...seen, partial: false, failure: named };
  }
  const isPartial = failure !== undefined || gaps.count > 0;
  const gapFailure: EngineFailure | undefined = isPartial ? describeGaps(gaps.named, gaps.count) : undefined;
  return { ...seen, namedId: summary.snapshot_id, partial: isPartial, failure: gapFailure };
}

function describeGaps(named: readonly string[], count: number): EngineFailure {
  const shown = named.slice(0, 3).join(', ');
  const more = count > 3 ? ` and ${count - 3} more` : '';
  return { reason: 'files_unreadable', message: count === 0 ? 'Some files could not be read.' : `Not stored: ${shown}${more}.` };
}
