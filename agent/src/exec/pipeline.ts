/**
 * Producer and consumer with the gate between them. The end of file is a commit message, and only a producer that
 * exited 0 earns it: on anything else the consumer is stopped first (SIGINT: no snapshot, its lock removed), and the
 * held end is closed only when it is gone.
 */
import { PROCESS } from '@holdfast/shared/limits.ts';
import { writeCommandFiles } from './command-files.ts';
import type { PipelineOptions, PipelineResult, Stage } from './contract.ts';
import { openGate } from './gate.ts';
import { type Launcher, type RunningStage, startStage } from './process.ts';
import { startWatchdog } from './watchdog.ts';

/** Time for an interrupted consumer to end by itself before its input is closed. */
const INTERRUPTED_GRACE_MS = 500;

/** Time for a consumer that closed its input to end by itself. */
const CLOSED_INPUT_GRACE_MS = 2000;

type Verdict = PipelineResult['verdict'];

/** Waits for the pair, releasing or refusing the end of file. Resolves when both are gone. */
async function settlePair(
  producer: RunningStage,
  consumer: RunningStage,
  gate: { release(): void },
  stopped: () => Verdict | undefined,
): Promise<Verdict> {
  const first = await Promise.race([
    producer.done.then((outcome) => ({ who: 'producer' as const, outcome })),
    consumer.done.then((outcome) => ({ who: 'consumer' as const, outcome })),
  ]);
  const early = stopped();
  if (early !== undefined || first.who === 'consumer') {
    // The consumer cannot have finished: it never saw the end. Whatever it says, this is no success.
    await Promise.all([producer.stop(), consumer.stop()]);
    return early ?? stopped() ?? 'consumer_failed';
  }
  if (first.outcome.exitCode !== 0) {
    // Who wrote into nothing has lost its reader, which may be at its last words: a program that reads only the head of a dump.
    if (first.outcome.signal === 'SIGPIPE') await awaitEnd(consumer, CLOSED_INPUT_GRACE_MS);
    await consumer.stop();
    return stopped() ?? 'producer_failed';
  }
  gate.release();
  const outcome = await consumer.done;
  // An order to stop that came after the end of file was given may be too late; what completed is complete.
  return outcome.exitCode === 0 ? 'complete' : (stopped() ?? 'complete');
}

/** Resolves when it has ended, or after the time. */
async function awaitEnd(stage: RunningStage, mostMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, mostMs);
  });
  await Promise.race([stage.done, late]);
  clearTimeout(timer);
}

/** The consumer, with an ear for the line that says it took the interrupt. */
function watchInterrupt({ consumer, consumerInterruptedLine }: PipelineOptions, onInterrupted: () => void): Stage {
  if (!consumerInterruptedLine) return consumer;
  return {
    ...consumer,
    onStderrLine(line) {
      consumer.onStderrLine?.(line);
      if (consumerInterruptedLine.test(line)) onInterrupted();
    },
  };
}

export async function runPipeline(launcher: Launcher, options: PipelineOptions): Promise<PipelineResult> {
  const startedAt = performance.now();
  const removeFiles = writeCommandFiles(options.workDir, [options.producer.command, options.consumer.command]);
  const gate = await openGate(options.workDir).catch((error: unknown) => {
    removeFiles();
    throw error;
  });
  const io = { outputBytes: PROCESS.toolOutputBytes, stdoutEncoding: 'utf8' as const, enoughBytes: undefined };
  const onInterrupted = () => {
    // Only our own order to stop: a consumer that somebody else interrupted is judged by its end.
    if (!consumer.stopping) return;
    setTimeout(() => {
      if (!consumer.ended) gate.release();
    }, INTERRUPTED_GRACE_MS);
  };
  const consumer: RunningStage = startStage(launcher, watchInterrupt(options, onInterrupted), options.workDir, {
    ...io,
    stdin: gate.readEnd,
    stdout: 'pipe',
  });
  const producer = startStage(launcher, options.producer, options.workDir, {
    ...io,
    stdin: options.producer.stdin ?? 'ignore',
    stdout: gate.writeEnd,
  });
  gate.handOver();

  let why: Verdict | undefined;
  let producedBytes = 0;
  const stopAs = (verdict: Verdict) => {
    if (consumer.ended && producer.ended) return;
    why ??= verdict;
    // The consumer goes first, so that it can never take a dying producer's silence for the end.
    void consumer.stop();
    void producer.stop();
  };
  const onAbort = () => stopAs('cancelled');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) onAbort();
  const stopWatching = startWatchdog({
    look: () => [producer.moved(), consumer.moved()],
    onLook: ([moved]) => {
      if (!moved) return;
      producedBytes = moved.writtenBytes;
      options.onProgress?.({ writtenBytes: producedBytes });
    },
    stallMs: options.stallMs,
    onStall: () => stopAs('stalled'),
  });
  try {
    const verdict = await settlePair(producer, consumer, gate, () => why);
    const [producerOutcome, consumerOutcome] = await Promise.all([producer.done, consumer.done]);
    return {
      verdict,
      producer: producerOutcome,
      consumer: consumerOutcome,
      producedBytes,
      durationMs: performance.now() - startedAt,
    };
  } finally {
    stopWatching();
    options.signal?.removeEventListener('abort', onAbort);
    gate.release();
    removeFiles();
  }
}
