/**
 * The door of the only room that starts processes. A stage is one program as its own process group, under
 * pdeathsig, without a shell, with an explicit environment; its stderr is always drained, its end is `close`, not `exit`.
 */
import type { Command } from '@holdfast/shared/adapters/command.ts';
import type { RunLimits } from '@holdfast/shared/domain/plan.ts';
import type { FilePosition } from './proc.ts';

/** A planned command; what is no tool of the agent's list (a hook) has no name. */
export type StageCommand = Omit<Command, 'tool'> & Partial<Pick<Command, 'tool'>>;

/** A command with the binary that was found for it and what to do with its lines. */
export interface Stage {
  command: StageCommand;
  /** Absolute path of the executable. */
  binary: string;
  /** Called for each line of stdout as it arrives; then stdout is not collected. Ignored where stdout is a FIFO. */
  onStdoutLine?: ((line: string) => void) | undefined;
  /** Called for each line of stderr as it arrives; the head and tail are collected all the same. */
  onStderrLine?: ((line: string) => void) | undefined;
  /** A descriptor that it reads as its standard input, from where that stands; the caller's to close. Ignored where it reads from another stage. */
  stdin?: number | undefined;
  /** Open descriptors that it gets as 3, 4, …; they stay the caller's to close. */
  inherit?: readonly number[] | undefined;
}

/** Facts about a process that ended. */
export interface StageOutcome {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** Collected stdout, up to the limit; empty when it went elsewhere. */
  stdout: string;
  /** The first and last bytes of stderr. */
  stderr: string;
  durationMs: number;
  /** True when the output limit cut stdout. */
  truncated: boolean;
  /** Set when the program could not be started at all (`ENOENT`, `EACCES`, …). */
  spawnError?: string | undefined;
}

export type Ending = 'exited' | 'cancelled' | 'timed_out' | 'stalled';

export interface ToolResult extends StageOutcome {
  ending: Ending;
}

export interface ToolOptions {
  stage: Stage;
  /** Private 0700 directory in which `command.files` are written and afterwards removed. */
  workDir: string;
  /** Cancels with SIGINT, then SIGKILL to the group after the grace. */
  signal?: AbortSignal | undefined;
  /** Ends the tool after this long as `timed_out`. Undefined: no end by time, only by stall. */
  timeoutMs?: number | undefined;
  /** Ends the tool when it moved no byte for this long; needs Linux's `/proc/<pid>/io`. */
  stallMs?: number | undefined;
  outputBytes?: number | undefined;
  /** A descriptor that standard output goes to, which stays the caller's to close; then nothing is collected. */
  stdoutTo?: number | undefined;
  /** `latin1` keeps every byte as one character, for looking at the first bytes of binary output. Default `utf8`. */
  stdoutEncoding?: 'utf8' | 'latin1' | undefined;
  /** Bytes the process has read or written so far, about once a second. */
  onProgress?: ((moved: { readBytes: number; writtenBytes: number }) => void) | undefined;
  /**
   * A file that the tool reads through processes of its own, which all count as moving: the descriptor, and a call about once a second with
   * how far each of them has read it.
   */
  reading?: { descriptor: number; onPositions(positions: readonly FilePosition[]): void } | undefined;
  /** Resolves early and stops the tool (SIGINT) as soon as this many bytes of stdout were collected; the ending is `exited`. */
  enoughBytes?: number | undefined;
}

export interface PipelineOptions {
  producer: Stage;
  /** Stands between the two and changes what passes; its good end is asked for like the producer's. */
  filter?: Stage | undefined;
  consumer: Stage;
  workDir: string;
  /**
   * The line on stderr by which the consumer says that it took SIGINT. Some programs then still wait for their input (restic 0.18):
   * once they have said it and live on for half a second, the input is closed; they have given up what they were writing. Without it, only
   * SIGKILL ends such a consumer, and leaves its lock.
   */
  consumerInterruptedLine?: RegExp | undefined;
  signal?: AbortSignal | undefined;
  /** Ends the pair when neither moved more than noise for this long. */
  stallMs?: number | undefined;
  /** Bytes the producer has written so far, about once a second. */
  onProgress?: ((moved: { writtenBytes: number }) => void) | undefined;
}

/**
 * What became of a pipeline. `complete` only when the producer exited 0, the end of file was then released, and the
 * consumer exited by itself; its exit code is the engine's to judge. `producer` is what became of the filter where that is what failed.
 */
export interface PipelineResult {
  verdict: 'complete' | 'producer_failed' | 'consumer_failed' | 'cancelled' | 'stalled';
  producer: StageOutcome;
  consumer: StageOutcome;
  /** Bytes the producer wrote, as the kernel counted them when last looked at (up to a second before its end). */
  producedBytes: number;
  durationMs: number;
}

export interface Exec {
  /** What the stages may take of the host. What is about the line to a repository is the engine's to ask for. */
  readonly limits: RunLimits;
  /** Limits that this host cannot put on a stage, each as a sentence that says what to install; the stages run without them. */
  readonly unmetLimits: readonly string[];
  /** The same exec, with these limits on every stage in place of those it has. */
  withLimits(limits: RunLimits): Exec;
  runTool(options: ToolOptions): Promise<ToolResult>;
  runPipeline(options: PipelineOptions): Promise<PipelineResult>;
}
