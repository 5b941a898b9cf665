/**
 * Restores one snapshot: a tree into a new directory, a dump into a new database. A target that exists and is not empty is refused; what was
 * created is removed again when the restore fails.
 */
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command, ToolName } from '@holdfast/shared/adapters/command.ts';
import type { DatabaseRestore, RestoreInput } from '@holdfast/shared/adapters/source.ts';
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import type { Evidence, Stage } from '@holdfast/shared/domain/run.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import type { ResticEngine } from '../engines/restic/engine.ts';
import type { Exec, ToolResult } from '../exec/contract.ts';
import type { PreparedRepository, PreparedSource } from './inputs.ts';
import { createRate } from './rate.ts';
import type { Recorder } from './recorder.ts';
import { getBinary, type Tooling } from './workbench.ts';

/** Building an index moves no byte through the pipeline for a long time; a restore is given an hour. */
const RESTORE_STALL_MS = 60 * 60_000;
/**
 * Tools whose input knows its own end: they read no further, may end before the engine has, and their good end proves that everything
 * was read. The others read to the end of file, which comes only after the engine ended well.
 */
const KNOW_THE_END: ReadonlySet<ToolName> = new Set(['pg_restore']);
const CANCELLED = 'The restore was cancelled; a database that was made for it is removed';

export interface RestorePart {
  tooling: Tooling;
  exec: Exec;
  engine: ResticEngine;
  recorder: Recorder;
  repository: PreparedRepository;
  /** restic's full id. */
  engineId: string;
  sizeBytes: number;
  workDir: string;
  signal: AbortSignal;
}

export interface RestoreResult {
  evidence: readonly Evidence[];
  warnings: readonly string[];
  bytes: number;
}

/** The directory must be new or empty; it is made with its parents. Returns the topmost directory that this call made. */
async function claimDirectory(path: string): Promise<{ created: string | undefined }> {
  try {
    const entries = await readdir(path);
    if (entries.length > 0) throw createReasonError('target_not_empty', `${path} exists and is not empty`);
    return { created: undefined };
  } catch (error) {
    if (error instanceof AppError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT')
      throw createReasonError('target_refused', `${path} cannot be used as a directory (${code ?? 'unknown error'})`, error);
  }
  try {
    return { created: await mkdir(path, { recursive: true, mode: 0o700 }) };
  } catch (error) {
    throw createReasonError(
      'target_refused',
      `${path} cannot be created (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      error,
    );
  }
}

/**
 * Empties the target and removes the directories made for it, from the inside out. One that holds something else by then stays: another
 * restore may have begun in the same new parent.
 */
async function removeWritten(path: string, created: string | undefined): Promise<void> {
  for (const entry of await readdir(path, { encoding: 'buffer' })) {
    await rm(Buffer.concat([Buffer.from(`${path}/`), entry]), { recursive: true, force: true });
  }
  if (created === undefined) return;
  const top = resolve(created);
  for (let made = resolve(path); made.length >= top.length; made = dirname(made)) {
    try {
      await rmdir(made);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'EBUSY') return;
      if (code !== 'ENOENT') throw error;
    }
  }
}

export async function restoreDirectory(part: RestorePart, path: string): Promise<RestoreResult> {
  const { recorder, tooling } = part;
  recorder.beginStage('preflight');
  const claimed = await claimDirectory(path);
  recorder.endStage('preflight', true);
  recorder.beginStage('restore');
  const rate = createRate(tooling.clock);
  const outcome = await part.engine.restoreTree({
    access: part.repository.access,
    workDir: part.workDir,
    snapshotId: part.engineId,
    target: path,
    signal: part.signal,
    stallMs: RESTORE_STALL_MS,
    onProgress: ({ bytes, totalBytes, files }) =>
      recorder.progress({
        stage: 'restore',
        bytes,
        totalBytes: totalBytes ?? part.sizeBytes,
        bytesPerSecond: rate.look(bytes),
        ...(files === undefined ? {} : { files }),
      }),
    onLog: (level, text) => recorder.log(level, text),
  });
  recorder.endStage('restore', !outcome.failure);
  if (outcome.failure) {
    for (const item of outcome.notRestored) recorder.log('error', `not restored: ${item}`);
    await removeWritten(path, claimed.created);
    recorder.log('info', 'what had been written to the target was removed again');
    throw createReasonError(outcome.failure.reason, outcome.failure.message);
  }
  const bytes = outcome.restored?.bytes ?? 0;
  recorder.log('info', `restored ${outcome.restored?.files ?? 0} files, ${bytes} bytes to ${path}`);
  return { evidence: outcome.evidence, warnings: [], bytes };
}

export interface DatabaseRestorePart extends RestorePart {
  connection: PreparedSource;
  restore: DatabaseRestore;
  fileName: string;
  database: string;
}

async function ask(part: DatabaseRestorePart, command: Command, signal?: AbortSignal): Promise<ToolResult> {
  const stage = { command, binary: getBinary(part.tooling, command.tool) };
  return part.exec.runTool({ stage, workDir: part.workDir, timeoutMs: PROCESS.toolTimeoutMs, signal });
}

function assertAnswered(part: DatabaseRestorePart, result: ToolResult): void {
  if (result.ending === 'cancelled') throw createReasonError('cancelled', 'Cancelled before anything was changed');
  if (result.exitCode === 0) return;
  const failure = part.connection.adapter.classifyFailure(result);
  throw createReasonError(failure.reason, failure.message);
}

/** Dump from the repository, through the gate, into the database's own tool. */
async function pour(part: DatabaseRestorePart, input: RestoreInput, serverVersion: string): Promise<readonly string[]> {
  const { recorder, tooling } = part;
  const command = part.restore.planRestore(input);
  const rate = createRate(tooling.clock);
  const result = await part.exec.runPipeline({
    producer: part.engine.dumpStage(
      { access: part.repository.access, snapshotId: part.engineId, fileName: part.fileName },
      (level, text) => recorder.log(level, text),
    ),
    consumer: {
      command,
      binary: getBinary(tooling, command.tool, serverVersion || undefined),
      onStderrLine: (line) => recorder.log('warn', line),
    },
    workDir: part.workDir,
    signal: part.signal,
    stallMs: RESTORE_STALL_MS,
    onProgress: ({ writtenBytes }) =>
      recorder.progress({
        stage: 'restore',
        bytes: Math.min(writtenBytes, part.sizeBytes),
        totalBytes: part.sizeBytes,
        bytesPerSecond: rate.look(writtenBytes),
      }),
  });
  switch (result.verdict) {
    case 'cancelled':
      throw createReasonError('cancelled', CANCELLED);
    case 'stalled':
      throw createReasonError('stalled', 'No byte moved between repository and database for an hour');
    case 'producer_failed': {
      const failure = part.engine.classifyDump(result.producer);
      throw createReasonError(failure.reason, failure.message);
    }
    case 'consumer_failed':
    case 'complete': {
      const verdict = part.restore.judgeRestore(result.consumer);
      if (!verdict.ok) throw createReasonError(verdict.reason, verdict.message);
      if (result.verdict === 'consumer_failed' && !KNOW_THE_END.has(command.tool))
        throw createReasonError('restore_failed', `${command.tool} ended before the whole dump was read`);
      return verdict.warnings;
    }
  }
}

async function dropAgain(part: DatabaseRestorePart, input: RestoreInput): Promise<void> {
  const result = await ask(part, part.restore.planDropTarget(input));
  if (result.exitCode === 0) part.recorder.log('info', `the half-restored database ${part.database} was removed`);
  else part.recorder.log('error', `the half-restored database ${part.database} could not be removed: ${result.stderr.trim()}`);
}

export async function restoreDatabase(part: DatabaseRestorePart): Promise<RestoreResult> {
  const { recorder, restore } = part;
  recorder.addRedaction(part.connection.redact);
  const input: RestoreInput = { ...part.connection.input, targetDatabase: part.database };
  recorder.beginStage('preflight');
  const looked = await ask(part, restore.planInspectTarget(input), part.signal);
  assertAnswered(part, looked);
  const target = restore.parseInspectTarget(looked.stdout);
  if (target.exists && !target.empty)
    throw createReasonError('target_not_empty', `The database ${part.database} exists and is not empty`);
  recorder.log(
    'info',
    `pre-flight: server ${target.serverVersion}, database ${target.exists ? 'exists and is empty' : 'is new'}`,
  );
  recorder.endStage('preflight', true);

  let made = false;
  try {
    const warnings = await inStage(recorder, 'restore', async () => {
      if (!target.exists) {
        // Not to be cancelled: afterwards it must be known whether the database was made.
        assertAnswered(part, await ask(part, restore.planCreateTarget(input)));
        made = true;
      }
      return pour(part, input, target.serverVersion);
    });
    const evidence = await inStage(recorder, 'evidence', () => verify(part, input));
    return { evidence, warnings, bytes: part.sizeBytes };
  } catch (error) {
    // A database that was there before, empty, is left to its owner.
    if (made) await dropAgain(part, input);
    throw error;
  }
}

async function inStage<T>(recorder: Recorder, stage: Stage, work: () => Promise<T>): Promise<T> {
  recorder.beginStage(stage);
  let ok = false;
  try {
    const result = await work();
    ok = true;
    return result;
  } finally {
    recorder.endStage(stage, ok);
  }
}

/** Counts what is there now. */
async function verify(part: DatabaseRestorePart, input: RestoreInput): Promise<readonly Evidence[]> {
  const { recorder, restore } = part;
  const counted = await ask(part, restore.planVerify(input), part.signal);
  if (counted.ending === 'cancelled') throw createReasonError('cancelled', CANCELLED);
  assertAnswered(part, counted);
  const seen = restore.parseVerify(counted.stdout);
  recorder.log('info', `restored into ${part.database}: ${seen.seen}`);
  return [
    { check: 'exit_codes', ok: true, seen: 'restic and the database’s tool ended well' },
    { check: 'target_verified', ok: true, seen: seen.seen.slice(0, 500) },
  ];
}

export function isCancelled(thrown: unknown): boolean {
  return findReason(toAppError(thrown)) === 'cancelled';
}
