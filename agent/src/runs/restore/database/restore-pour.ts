/** From where the dump lies, through the gate, into the database's own tool; and counting what is there afterwards. */
import type { ToolName } from '@holdfast/shared/adapters/command.ts';
import type { PourInput, RestoreInput } from '@holdfast/shared/adapters/source.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { getModeRule } from '@holdfast/shared/domain/restore.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { PipelineResult } from '../../../exec/contract.ts';
import { createRate } from '../../rate.ts';
import { getBinary } from '../../workbench.ts';
import { RESTORE_STALL_MS } from '../restore-part.ts';
import { CUT_SHORT, planRenaming } from './renaming.ts';
import {
  ask,
  assertAnswered,
  type CountPart,
  createServerError,
  type DatabaseRestorePart,
  nameForWitness,
} from './restore-ask.ts';
import { INHERITED_PATH } from './restore-spool.ts';
import { createSpoolProgress } from './spool-progress.ts';

/**
 * Tools whose input knows its own end: they read no further, may end before the engine has, and their good end proves that everything
 * was read. The others read to the end of file, which comes only after the engine ended well.
 */
const KNOW_THE_END: ReadonlySet<ToolName> = new Set(['pg_restore']);

export interface Pour {
  toolVersion: string;
  /** What a person who cancelled is told of the target. */
  cancelled: string;
}

/** A writer that nobody reads any more dies of that: why the reader ended is for the reader to say. */
export function hasLostItsReader({ producer }: Pick<PipelineResult, 'producer'>): boolean {
  return producer.signal === 'SIGPIPE' || /broken pipe|errno 32\b/i.test(producer.stderr);
}

/** Throws what the reader said. */
function assertRestored(part: DatabaseRestorePart, { consumer }: PipelineResult): void {
  const verdict = part.restore.judgeRestore(consumer);
  if (!verdict.ok) throw createServerError(part, verdict);
}

/**
 * Judges by what both ends said; `producerFailure` reads the producer's. Returns warnings; throws the reason why the database is not what the
 * dump says: `cancelled` (in the words given), `stalled`, the producer's, the consumer's, or `restore_failed`.
 */
export function judgePour(
  part: DatabaseRestorePart,
  result: PipelineResult,
  tool: ToolName,
  cancelled: string,
  producerFailure: () => { reason: Parameters<typeof createReasonError>[0]; message: string },
): readonly string[] {
  switch (result.verdict) {
    case 'cancelled':
      throw createReasonError('cancelled', cancelled);
    case 'stalled':
      throw createReasonError('stalled', `No byte moved between ${part.origin.noun} and database for an hour`);
    case 'producer_failed': {
      if (hasLostItsReader(result)) assertRestored(part, result);
      if (result.producer.exitCode === CUT_SHORT)
        throw createReasonError('snapshot_damaged', 'The dump does not end as a whole one does');
      const failure = producerFailure();
      throw createReasonError(failure.reason, failure.message);
    }
    case 'consumer_failed':
    case 'complete': {
      const verdict = part.restore.judgeRestore(result.consumer);
      if (!verdict.ok) throw createServerError(part, verdict);
      if (result.verdict === 'consumer_failed' && !KNOW_THE_END.has(tool))
        throw createReasonError('restore_failed', `${tool} ended before the whole dump was read`);
      return verdict.warnings;
    }
  }
}

/** Out of the file that the whole dump lies in. */
async function pourSpool(
  part: DatabaseRestorePart,
  { descriptor, sizeBytes }: NonNullable<DatabaseRestorePart['spool']>,
  input: PourInput,
  { toolVersion, cancelled }: Pour,
): Promise<readonly string[]> {
  const { recorder, tooling, restore, options } = part;
  const planned = restore.planRestoreFile?.(input, { path: INHERITED_PATH, jobs: options.jobs ?? 1 });
  if (!planned) throw new AppError('unsupported', 'dumps of this kind are not restored from a file');
  const command = nameForWitness(part, planned);
  const rate = createRate(tooling.clock);
  const progress = createSpoolProgress(sizeBytes);
  const result = await part.exec.runTool({
    stage: {
      command,
      binary: getBinary(tooling, command.tool, toolVersion || undefined),
      inherit: [descriptor],
      onStderrLine: (line) => recorder.log('warn', line),
    },
    workDir: part.workDir,
    signal: part.signal,
    stallMs: RESTORE_STALL_MS,
    reading: {
      descriptor,
      onPositions(positions) {
        const bytes = progress.look(positions);
        recorder.progress({ stage: 'restore', bytes, totalBytes: sizeBytes, bytesPerSecond: rate.look(bytes) });
      },
    },
  });
  if (result.ending === 'cancelled') throw createReasonError('cancelled', cancelled);
  if (result.ending === 'stalled') throw createReasonError('stalled', `${command.tool} moved no byte for an hour`);
  const verdict = restore.judgeRestore(result);
  if (!verdict.ok) throw createServerError(part, verdict);
  return verdict.warnings;
}

/** Returns warnings. */
export async function pour(part: DatabaseRestorePart, input: PourInput, words: Pour): Promise<readonly string[]> {
  const warnings = part.spool ? await pourSpool(part, part.spool, input, words) : await pourStream(part, input, words);
  // What is in the target for good stays there whatever the file has become.
  const isFinal = input.mode !== undefined && getModeRule(input.mode).changesExisting;
  if (!isFinal) part.origin.assertSame();
  return warnings;
}

async function pourStream(part: DatabaseRestorePart, input: PourInput, words: Pour): Promise<readonly string[]> {
  const { recorder, tooling } = part;
  const { toolVersion, cancelled } = words;
  const command = nameForWitness(part, part.restore.planRestore(input));
  const rate = createRate(tooling.clock);
  const result = await part.exec.runPipeline({
    producer: part.origin.stage((level, text) => recorder.log(level, text)),
    // A file of the host was read to its end before.
    filter: planRenaming(part.restore.renaming, part.workDir, part.file ? undefined : part.restore.wholeLastLine),
    consumer: {
      command,
      binary: getBinary(tooling, command.tool, toolVersion || undefined),
      onStderrLine: (line) => recorder.log('warn', line),
    },
    workDir: part.workDir,
    signal: part.signal,
    stallMs: RESTORE_STALL_MS,
    onProgress({ writtenBytes }) {
      const read = part.origin.countRead(writtenBytes);
      const bytes = Math.min(read, part.sizeBytes);
      recorder.progress({ stage: 'restore', bytes, totalBytes: part.sizeBytes, bytesPerSecond: rate.look(read) });
    },
  });
  return judgePour(part, result, command.tool, cancelled, () => part.origin.classify(result.producer));
}

/**
 * Counts what is there now. With `signal` it may be cancelled: where what was made is then removed. Throws `cancelled` in the words given, and
 * what the tool said.
 */
export async function count(
  part: CountPart,
  input: RestoreInput,
  cancel?: { signal: AbortSignal; words: string },
): Promise<readonly Evidence[]> {
  const { recorder, restore } = part;
  const counted = await ask(part, restore.planVerify(input), cancel ? { signal: cancel.signal } : {});
  if (cancel && counted.ending === 'cancelled') throw createReasonError('cancelled', cancel.words);
  assertAnswered(part, counted);
  const seen = restore.parseVerify(counted.stdout);
  recorder.log('info', `restored: ${seen.seen}`);
  return [
    { check: 'exit_codes', ok: true, seen: part.origin.endWords },
    { check: 'target_verified', ok: true, seen: seen.seen.slice(0, 500) },
  ];
}
