/**
 * Producer and consumer with the gate between them, or a filter between two gates. The end of file is a commit message, and only a writer that
 * exited 0 earns it: on anything else the consumer is stopped first (SIGINT: no snapshot, its lock removed), and the
 * held end is closed only when it is gone.
 */
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

/** The stages as they run, from the first to the last. */
interface Line {
  producer: RunningStage;
  consumer: RunningStage;
  stages: readonly RunningStage[];
}

interface Settled {
  verdict: Verdict;
  /** The stage that is to blame; the producer where all went well. */
  blamed: RunningStage;
}

/** Who died of writing into nothing points at its reader, as far as that one is no consumer. */
async function findBlamed(stages: readonly RunningStage[], first: RunningStage): Promise<RunningStage> {
  let blamed = first;
  for (const reader of stages.slice(stages.indexOf(first) + 1, -1)) {
    if ((await blamed.done).signal !== 'SIGPIPE') break;
    blamed = reader;
  }
  return blamed;
}

/** Waits for all, releasing or refusing each end of file in turn: `gates[n]` lies after `stages[n]`. Resolves when all are gone. */
async function settle(
  { producer, consumer, stages }: Line,
  gates: readonly Pick<Gate, 'release'>[],
  stopped: () => Verdict | undefined,
): Promise<Settled> {
  const stopAll = () => Promise.all(stages.toReversed().map((stage) => stage.stop()));
  for (const [at, gate] of gates.entries()) {
    const open = stages.slice(at);
    const { stage, outcome } = await Promise.race(
      open.map((running) => running.done.then((ended) => ({ stage: running, outcome: ended }))),
    );
    const early = stopped();
    if (early !== undefined || stage === consumer) {
      // The consumer cannot have finished: it never saw the end. Whatever it says, this is no success.
      await stopAll();
      return { verdict: early ?? stopped() ?? 'consumer_failed', blamed: producer };
    }
    if (stage !== open[0] || outcome.exitCode !== 0) {
      // Who wrote into nothing has lost its reader, which may be at its last words: a program that reads only the head of a dump.
      if (outcome.signal === 'SIGPIPE') await awaitEnd(consumer, CLOSED_INPUT_GRACE_MS);
      const readerLeft = outcome.signal === 'SIGPIPE' && consumer.ended;
      await stopAll();
      if (readerLeft) return { verdict: stopped() ?? 'consumer_failed', blamed: producer };
      return { verdict: stopped() ?? 'producer_failed', blamed: await findBlamed(stages, stage) };
    }
    gate.release();
  }
  const outcome = await consumer.done;
  // An order to stop that came after the end of file was given may be too late; what completed is complete.
  return { verdict: outcome.exitCode === 0 ? 'complete' : (stopped() ?? 'complete'), blamed: producer };
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

type Planned = Pick<PipelineOptions, 'producer' | 'filter' | 'consumer'>;

/** Starts the stages from the last to the first, each between its gates. */
function startLine(launcher: Launcher, planned: Planned, gates: readonly Gate[], workDir: string): Line {
  const io = { outputBytes: PROCESS.toolOutputBytes, stdoutEncoding: 'utf8' as const, enoughBytes: undefined };
  const start = (stage: Stage, at: number) => {
    const stdin = gates[at - 1]?.readEnd ?? stage.stdin ?? 'ignore';
    return startStage(launcher, stage, workDir, { ...io, stdin, stdout: gates[at]?.writeEnd ?? 'pipe' });
  };
  const consumer = start(planned.consumer, gates.length);
  const filter = planned.filter ? [start(planned.filter, 1)] : [];
  const producer = start(planned.producer, 0);
  for (const gate of gates) gate.handOver();
  return { producer, consumer, stages: [producer, ...filter, consumer] };
}

export async function runPipeline(launcher: Launcher, options: PipelineOptions): Promise<PipelineResult> {
  const startedAt = performance.now();
  const { producer, filter, workDir } = options;
  const onInterrupted = () => {
    // Only our own order to stop: a consumer that somebody else interrupted is judged by its end.
    if (!line.consumer.stopping) return;
    setTimeout(() => {
      if (!line.consumer.ended) gates.at(-1)?.release();
    }, INTERRUPTED_GRACE_MS);
  };
  const planned = { producer, filter, consumer: watchInterrupt(options, onInterrupted) };
  // Given back in turn at the end, or here where the next thing cannot be had.
  using held = new DisposableStack();
  const commands = [producer, ...(filter ? [filter] : []), planned.consumer].map(({ command }) => command);
  held.defer(writeCommandFiles(workDir, commands));
  const gates: Gate[] = [];
  // One after the other: each has the same name for a moment.
  while (gates.length < commands.length - 1) gates.push(held.adopt(await openGate(workDir), (gate) => gate.close()));
  const line = startLine(launcher, planned, gates, workDir);
  const { stages } = line;

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
  held.defer(() => options.signal?.removeEventListener('abort', onAbort));
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
  held.defer(stopWatching);
  const { verdict, blamed } = await settle(line, gates, () => why);
  await Promise.all(stages.map(({ done }) => done));
  return {
    verdict,
    producer: await blamed.done,
    consumer: await line.consumer.done,
    producedBytes,
    durationMs: performance.now() - startedAt,
  };
}
