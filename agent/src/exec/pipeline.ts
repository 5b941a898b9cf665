/**
 * Producer and consumer with the gate between them, or a filter between two gates. The end of file is a commit message, and only a writer that
 * exited 0 earns it: on anything else the consumer is stopped first (SIGINT: no snapshot, its lock removed), and the
 * held end is closed only when it is gone.
 */
import { AppError } from '@holdfast/shared/errors.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import { writeCommandFiles } from './command-files.ts';
import type { PipelineOptions, PipelineResult, Stage } from './contract.ts';
import { type Gate, openGate } from './gate.ts';
import { type Launcher, type RunningStage, startStage } from './process.ts';
import { startWatchdog } from './watchdog.ts';

/** Time for an interrupted consumer to end by itself before its input is closed. */
const INTERRUPTED_GRACE_MS = 500;

/** Time for a consumer that closed its input to end by itself. */
const CLOSED_INPUT_GRACE_MS = 2000;

type Verdict = PipelineResult['verdict'];

interface Settled {
  verdict: Verdict;
  /** The stage that is to blame, by its place in the line; the first one where all went well. */
  blamed: number;
}

/** Who died of writing into nothing points at its reader, as far as that one is no consumer. */
async function findBlamed(stages: readonly RunningStage[], from: number): Promise<number> {
  let at = from;
  while (at < stages.length - 2 && (await stages[at]?.done)?.signal === 'SIGPIPE') at += 1;
  return at;
}

/**
 * Waits for all, producer first in `stages` and consumer last, releasing or refusing each end of file in turn: `gates[n]` lies after
 * `stages[n]`. Resolves when all are gone.
 */
async function settle(
  stages: readonly RunningStage[],
  consumer: RunningStage,
  gates: readonly Pick<Gate, 'release'>[],
  stopped: () => Verdict | undefined,
): Promise<Settled> {
  const stopAll = () => Promise.all(stages.toReversed().map((stage) => stage.stop()));
  for (const [at, gate] of gates.entries()) {
    const running = stages.slice(at).map((stage, after) => stage.done.then((outcome) => ({ at: at + after, outcome })));
    const first = await Promise.race(running);
    const early = stopped();
    if (early !== undefined || first.at === gates.length) {
      // The consumer cannot have finished: it never saw the end. Whatever it says, this is no success.
      await stopAll();
      return { verdict: early ?? stopped() ?? 'consumer_failed', blamed: 0 };
    }
    if (first.at > at || first.outcome.exitCode !== 0) {
      // Who wrote into nothing has lost its reader, which may be at its last words: a program that reads only the head of a dump.
      if (first.outcome.signal === 'SIGPIPE') await awaitEnd(consumer, CLOSED_INPUT_GRACE_MS);
      await stopAll();
      return { verdict: stopped() ?? 'producer_failed', blamed: await findBlamed(stages, first.at) };
    }
    gate.release();
  }
  const outcome = await consumer.done;
  // An order to stop that came after the end of file was given may be too late; what completed is complete.
  return { verdict: outcome.exitCode === 0 ? 'complete' : (stopped() ?? 'complete'), blamed: 0 };
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

/** So many gates, one after the other: each has the same name for a moment. */
async function openGates(workDir: string, count: number): Promise<readonly Gate[]> {
  const gates: Gate[] = [];
  try {
    while (gates.length < count) gates.push(await openGate(workDir));
    return gates;
  } catch (error) {
    for (const gate of gates) {
      gate.handOver();
      gate.release();
    }
    throw error;
  }
}

/** Starts the stages from the last to the first, each between its gates; in their order in the line. */
function startStages(launcher: Launcher, planned: readonly Stage[], gates: readonly Gate[], workDir: string): RunningStage[] {
  const io = { outputBytes: PROCESS.toolOutputBytes, stdoutEncoding: 'utf8' as const, enoughBytes: undefined };
  const started: RunningStage[] = [];
  for (const [at, stage] of [...planned.entries()].toReversed()) {
    const stdin = gates[at - 1]?.readEnd ?? stage.stdin ?? 'ignore';
    started.unshift(startStage(launcher, stage, workDir, { ...io, stdin, stdout: gates[at]?.writeEnd ?? 'pipe' }));
  }
  for (const gate of gates) gate.handOver();
  return started;
}

export async function runPipeline(launcher: Launcher, options: PipelineOptions): Promise<PipelineResult> {
  const startedAt = performance.now();
  const { filter, workDir } = options;
  const onInterrupted = () => {
    // Only our own order to stop: a consumer that somebody else interrupted is judged by its end.
    if (!consumer?.stopping) return;
    setTimeout(() => {
      if (!consumer.ended) gates.at(-1)?.release();
    }, INTERRUPTED_GRACE_MS);
  };
  const planned = [options.producer, ...(filter ? [filter] : []), watchInterrupt(options, onInterrupted)];
  const removeFiles = writeCommandFiles(
    workDir,
    planned.map(({ command }) => command),
  );
  const gates = await openGates(workDir, planned.length - 1).catch((error: unknown) => {
    removeFiles();
    throw error;
  });
  const stages = startStages(launcher, planned, gates, workDir);
  const [producer, consumer] = [stages[0], stages.at(-1)];
  if (!producer || !consumer) throw new AppError('internal', 'a pipeline has two ends');

  let why: Verdict | undefined;
  let producedBytes = 0;
  const stopAs = (verdict: Verdict) => {
    if (stages.every(({ ended }) => ended)) return;
    why ??= verdict;
    // The consumer goes first, so that it can never take a dying producer's silence for the end.
    for (const stage of stages.toReversed()) void stage.stop();
  };
  const onAbort = () => stopAs('cancelled');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) onAbort();
  const stopWatching = startWatchdog({
    look: () => stages.map((stage) => stage.moved()),
    onLook: ([moved]) => {
      if (!moved) return;
      producedBytes = moved.writtenBytes;
      options.onProgress?.({ writtenBytes: producedBytes });
    },
    stallMs: options.stallMs,
    onStall: () => stopAs('stalled'),
  });
  try {
    const { verdict, blamed } = await settle(stages, consumer, gates, () => why);
    const outcomes = await Promise.all(stages.map(({ done }) => done));
    const [consumerOutcome, producerOutcome] = [await consumer.done, outcomes[blamed] ?? (await producer.done)];
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
    for (const gate of gates) gate.release();
    removeFiles();
  }
}
