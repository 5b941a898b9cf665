/**
 * Restores a dump into a new database. A target that exists and is not empty is refused; what was created is removed again when the
 * restore fails.
 */
import type { Command, ToolName } from '@holdfast/shared/adapters/command.ts';
import type { DatabaseRestore, RestoreInput } from '@holdfast/shared/adapters/source.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import type { ToolResult } from '../exec/contract.ts';
import type { PreparedSource } from './inputs.ts';
import { createRate } from './rate.ts';
import { inStage, RESTORE_STALL_MS, type RestorePart, type RestoreResult } from './restore-part.ts';
import { getBinary } from './workbench.ts';

/**
 * Tools whose input knows its own end: they read no further, may end before the engine has, and their good end proves that everything
 * was read. The others read to the end of file, which comes only after the engine ended well.
 */
const KNOW_THE_END: ReadonlySet<ToolName> = new Set(['pg_restore']);
const CANCELLED = 'The restore was cancelled; a database that was made for it is removed';

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
