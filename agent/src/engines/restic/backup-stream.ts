/** Stores what a producer writes, through the gate: only a producer that exited 0 gives the end of file. */
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import type { PipelineResult, Stage } from '../../exec/contract.ts';
import { saysOutOfMemory } from '../../exec/memory-words.ts';
import { planBackupStdin, type SnapshotMarks } from './args.ts';
import { cleanText, describeShortage, type EngineFailure } from './classify.ts';
import { type LastWords, watchLastWords } from './last-words.ts';
import { findLockDoubt, type LockDoubt } from './lock-doubt.ts';
import { type LockCheck, settleLock } from './locks.ts';
import { createRetryWatch } from './movement.ts';
import { parseMessage, type ResticSummary } from './parse.ts';
import { classifyStage, logLine, type OnLog, placeAt, type ResticHost } from './restic-tool.ts';
import { watchSleep } from './sleep-watch.ts';

export interface BackupStreamInput extends SnapshotMarks {
  access: RepositoryAccess;
  /** The run's private directory, used by nothing else meanwhile. */
  workDir: string;
  producer: Stage;
  /** Opaque name of the file inside the snapshot. */
  fileName: string;
  /** Epoch milliseconds the snapshot is dated to; undefined for now. */
  timeMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Ends the pipeline when neither stage moved a byte, or restic only retried, for this long. */
  stallMs: number;
  /** Bytes the producer wrote so far, about once a second. */
  onProgress?: ((progress: { bytes: number }) => void) | undefined;
  onLog?: OnLog | undefined;
  /** The repository this is for, once it is known. */
  pinnedId?: string | undefined;
  /** Told when restic may not have let its lock go: what a look for it came to. */
  onLockLook?: ((check: LockCheck) => void) | undefined;
}

export type FailedStage = 'producer' | 'engine' | 'limit';

export interface BackupStreamOutcome {
  pipeline: PipelineResult;
  /**
   * The id in restic's summary, only after a clean end: 8 digits from old versions, 64 from new ones. `readBack` turns it into the
   * full id and proves whose it is.
   */
  namedId?: string | undefined;
  /** A snapshot that restic made although something was wrong; nothing may ever be restored from it. */
  rejectedId?: string | undefined;
  /** Bytes a restore gives back. */
  sizeBytes: number;
  /** Bytes added to the repository: packed where restic says so, else before compression. */
  addedBytes?: number | undefined;
  failure?: EngineFailure | undefined;
  /** Which side failed; the words of a producer are the source adapter's to classify, but not when a limit of the run ended it. */
  failedStage?: FailedStage | undefined;
}

export async function backupStream(host: ResticHost, input: BackupStreamInput): Promise<BackupStreamOutcome> {
  const place = placeAt(host, input.access);
  const giveUp = new AbortController();
  const retries = createRetryWatch(host.clock, { retryMs: input.stallMs }, () => giveUp.abort());
  const lastWords = watchLastWords((words) => giveUp.abort(words));
  const sleep = watchSleep(host.capabilities, host.uptimeMs, () => giveUp.abort());
  let summary: ResticSummary | undefined;
  let bytes = -1;
  const consumer: Stage = {
    command: planBackupStdin(place, input),
    binary: host.binary,
    onStdoutLine(line) {
      const message = parseMessage(line);
      if (message?.message_type === 'summary') summary = message;
    },
    onStderrLine(line) {
      retries.onStderrLine(line);
      lastWords.onStderrLine(line);
      logLine(line, parseMessage(line), input.onLog);
    },
  };
  const running = host.exec.runPipeline({
    producer: input.producer,
    consumer,
    workDir: input.workDir,
    consumerInterruptedLine: /signal interrupt received/,
    signal: input.signal ? AbortSignal.any([input.signal, giveUp.signal]) : giveUp.signal,
    stallMs: input.stallMs,
    onProgress({ writtenBytes }) {
      if (writtenBytes !== bytes) retries.onAdvance();
      bytes = writtenBytes;
      input.onProgress?.({ bytes: writtenBytes });
    },
  });
  const pipeline = await running.finally(() => {
    lastWords.stop();
    sleep.end();
  });
  const outcome = judge(host, input, pipeline, summary, { gaveUp: giveUp.signal, slept: sleep.end() });
  await settleLock(host, input, findDoubt(pipeline, outcome.failure), outcome.failure);
  return outcome;
}

function findDoubt({ verdict, consumer }: PipelineResult, failure: EngineFailure | undefined): LockDoubt {
  const left = verdict === 'complete' || verdict === 'consumer_failed';
  return left || consumer.spawnError !== undefined ? findLockDoubt(consumer, failure) : 'look';
}

function judge(
  host: ResticHost,
  input: BackupStreamInput,
  pipeline: PipelineResult,
  summary: ResticSummary | undefined,
  { gaveUp, slept }: { gaveUp: AbortSignal; slept: EngineFailure | undefined },
): BackupStreamOutcome {
  const sizeBytes = summary?.total_bytes_processed ?? 0;
  const addedBytes = summary?.data_added_packed ?? summary?.data_added;
  const fail = (failure: EngineFailure, failedStage: FailedStage): BackupStreamOutcome => ({
    pipeline,
    sizeBytes,
    addedBytes,
    failure,
    failedStage,
    rejectedId: summary?.snapshot_id,
  });

  if (slept && !input.signal?.aborted) return fail(slept, 'engine');
  switch (pipeline.verdict) {
    case 'cancelled':
      if (gaveUp.aborted && !input.signal?.aborted) return fail(classifyStopped(host, pipeline, gaveUp.reason), 'engine');
      return fail({ reason: 'cancelled', message: 'Cancelled.' }, 'engine');
    case 'stalled':
      return fail(classifyStopped(host, pipeline), 'engine');
    case 'consumer_failed':
      return fail(classifyStage(host, pipeline.consumer, 'backup'), 'engine');
    case 'producer_failed': {
      const cause = findConsumerCause(host, pipeline);
      if (cause) return fail(cause, 'engine');
      const { memoryMiB } = host.exec.limits;
      if (memoryMiB !== undefined && saysOutOfMemory(pipeline.producer.stderr)) {
        return fail(describeShortage('The dump', memoryMiB), 'limit');
      }
      return fail(describeProducer(pipeline), 'producer');
    }
    case 'complete':
      break;
  }
  if (pipeline.consumer.exitCode !== 0) {
    const failure = classifyStage(host, pipeline.consumer, 'backup');
    // A stream has no files to be partly read: the code means that nothing came in, or that what came broke off.
    if (failure.reason !== 'files_unreadable') return fail(failure, 'engine');
    const reason = sizeBytes === 0 ? 'size_below_floor' : 'evidence_failed';
    return fail({ reason, message: sizeBytes === 0 ? 'The source sent no byte.' : failure.message }, 'engine');
  }
  if (summary?.snapshot_id === undefined) {
    return fail({ reason: 'evidence_failed', message: 'restic ended without an error but named no snapshot.' }, 'engine');
  }
  return { pipeline, namedId: summary.snapshot_id, sizeBytes, addedBytes };
}

const BY_SOMEBODY: EngineFailure = {
  reason: 'interrupted',
  message: 'restic was told to stop by something else on this host while it stored.',
};

/** Stopped because nothing moved: what restic last complained about is the likelier cause. */
function classifyStopped(host: ResticHost, pipeline: PipelineResult, why?: LastWords): EngineFailure {
  if (why === 'interrupted') return BY_SOMEBODY;
  const failure = classifyStage(host, pipeline.consumer, 'backup');
  if (failure.reason !== 'interrupted' && failure.reason !== 'unknown_failure') return failure;
  return { reason: 'stalled', message: 'Neither the source nor the repository moved any bytes for too long.' };
}

/** A producer whose reader is gone dies of it first; then the reader's end is the cause. */
function findConsumerCause(host: ResticHost, pipeline: PipelineResult): EngineFailure | undefined {
  const { producer, consumer } = pipeline;
  // 128 + 13 is how a shell tells that what it ran died of SIGPIPE.
  const lostReader = producer.signal === 'SIGPIPE' || producer.exitCode === 141 || /broken pipe/i.test(producer.stderr);
  // An interrupted restic exits 130; any other code is its own verdict, which came before our order to stop.
  const hasOwnVerdict = consumer.signal === null && ![null, 0, 130].includes(consumer.exitCode);
  if (!lostReader && !hasOwnVerdict) return undefined;
  const failure = classifyStage(host, consumer, 'backup');
  return failure.reason === 'interrupted' || failure.reason === 'unknown_failure' ? undefined : failure;
}

function describeProducer({ producer }: PipelineResult): EngineFailure {
  const said = cleanText(producer.stderr.trim().split('\n').at(-1) ?? '', 1000);
  const how =
    producer.spawnError !== undefined
      ? `could not be started (${producer.spawnError})`
      : producer.signal !== null
        ? `was ended by ${producer.signal}`
        : `ended with exit code ${producer.exitCode ?? 'unknown'}`;
  const reason = producer.spawnError === undefined ? 'dump_failed' : 'tool_missing';
  return { reason, message: `The dump ${how}${said === '' ? '.' : `: ${said}`}` };
}
