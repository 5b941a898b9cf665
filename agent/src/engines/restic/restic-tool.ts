/** One restic command from start to verdict: lines sorted, retries bounded, stalls noticed, failure classified. */
import type { Command } from '@holdfast/shared/adapters/command.ts';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import type { Clock } from '@holdfast/shared/clock.ts';
import type { RepositoryLock } from '@holdfast/shared/domain/lock.ts';
import type { LogLevel } from '@holdfast/shared/domain/run.ts';
import { PROCESS, TEXT } from '@holdfast/shared/limits.ts';
import type { Exec, StageOutcome, ToolResult } from '../../exec/contract.ts';
import type { ResticPlace } from './args.ts';
import type { Capabilities } from './capabilities.ts';
import { classifyFailure, cleanText, type EngineFailure, type Operation, showName } from './classify.ts';
import { watchLastWords } from './last-words.ts';
import type { KeyRing } from './machine-key/key-ring.ts';
import { createMovementWatch, createRetryWatch, type Patience } from './movement.ts';
import type { OwnProcesses } from './own-processes.ts';
import { isRetryLine, parseMessage, type ResticMessage } from './parse.ts';
import { watchSleep } from './sleep-watch.ts';

/** `pinnedId`: the repository's own id, where it is known. */
export type OnLockCleared = (cleared: { pinnedId?: string | undefined; lock: RepositoryLock }) => void;

/** What every function of the engine stands on. */
export interface ResticHost {
  exec: Exec;
  /** Absolute path of restic. */
  binary: string;
  capabilities: Capabilities;
  /** Absolute path of the cache directory, the agent's own. */
  cacheDir: string | undefined;
  clock: Clock;
  /** The host name restic writes into locks: that of the system. */
  hostname: string;
  processes: OwnProcesses;
  /** The machine keys that are known; the same for all engines of an agent. */
  keys: KeyRing;
  /** Absolute path of OpenSSH's `sftp`, by which a machine key comes to an SFTP server; undefined where there is none. */
  sftp: string | undefined;
  /** Milliseconds since the host was booted, sleep included. */
  uptimeMs(): number;
  /** Told of every lock of ours that was removed because its process is gone. */
  onLockCleared?: OnLockCleared | undefined;
}

/** A repository as every command of this engine reaches it: by its machine key where one is held. */
export function placeAt(host: ResticHost, access: RepositoryAccess): ResticPlace {
  return { access: host.keys.fit(access), cacheDir: host.cacheDir, line: host.exec.limits };
}

export type OnLog = (level: LogLevel, text: string) => void;

export interface ResticToolInput {
  command: Command;
  workDir: string;
  operation: Operation;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  stallMs?: number | undefined;
  patience: Patience;
  outputBytes?: number | undefined;
  enoughBytes?: number | undefined;
  stdoutEncoding?: 'utf8' | 'latin1' | undefined;
  /** Where standard output goes instead; see `ToolOptions`. */
  stdoutTo?: number | undefined;
  /** Lines of stdout that are no known message; then stdout is not collected. */
  onPlainLine?: ((line: string) => void) | undefined;
  onMessage?: ((message: ResticMessage) => void) | undefined;
  onStderrLine?: ((line: string) => void) | undefined;
  onBytes?: ((moved: { readBytes: number; writtenBytes: number }) => void) | undefined;
  onLog?: OnLog | undefined;
  /** Whether the command is to be tried by its own key alone. */
  strict?: boolean | undefined;
}

export interface ResticToolOutput {
  result: ToolResult;
  /** Undefined when restic exited 0 by itself. */
  failure?: EngineFailure | undefined;
}

/** A sign that a message carries something new; status lines repeat themselves while nothing moves. */
function markOf(message: ResticMessage): string | undefined {
  if (message.message_type !== 'status') return undefined;
  const { bytes_done, files_done, total_files, total_bytes, bytes_restored, files_restored } = message;
  return [bytes_done, files_done, total_files, total_bytes, bytes_restored, files_restored].join(' ');
}

/**
 * Runs restic once; a second time by the person's password when the machine key does not open the repository any more. Resolves always; what
 * went wrong is in `failure`.
 */
export async function runRestic(host: ResticHost, input: ResticToolInput): Promise<ResticToolOutput> {
  const output = await runOnce(host, input);
  if (output.failure?.reason !== 'repository_password' || input.strict) return output;
  const command = host.keys.giveUp(input.command);
  return command ? runOnce(host, { ...input, command }) : output;
}

async function runOnce(host: ResticHost, input: ResticToolInput): Promise<ResticToolOutput> {
  const giveUp = new AbortController();
  const movement = createMovementWatch(host.clock, input.stallMs, () => giveUp.abort());
  const retries = createRetryWatch(host.clock, input.patience, () => giveUp.abort());
  const lastWords = watchLastWords(() => giveUp.abort());
  const sleep = input.operation === 'backup' ? watchSleep(host.capabilities, host.uptimeMs, () => giveUp.abort()) : undefined;
  const wantsLines = input.onMessage !== undefined || input.onPlainLine !== undefined;
  let outputBytes = 0;

  const onStdoutLine = (line: string) => {
    outputBytes += Buffer.byteLength(line) + 1;
    const message = parseMessage(line);
    const mark = message && markOf(message);
    if (mark !== undefined) movement.onAdvance(mark);
    if (message) input.onMessage?.(message);
    else input.onPlainLine?.(line);
  };
  const onStderrLine = (line: string) => {
    outputBytes += Buffer.byteLength(line) + 1;
    retries.onStderrLine(line);
    lastWords.onStderrLine(line);
    const message = parseMessage(line);
    if (message) input.onMessage?.(message);
    input.onStderrLine?.(line);
    logLine(line, message, input.onLog);
  };
  const running = host.exec.runTool({
    stage: { command: input.command, binary: host.binary, onStderrLine, ...(wantsLines ? { onStdoutLine } : {}) },
    workDir: input.workDir,
    signal: input.signal ? AbortSignal.any([input.signal, giveUp.signal]) : giveUp.signal,
    timeoutMs: input.timeoutMs,
    outputBytes: input.outputBytes ?? PROCESS.toolOutputBytes,
    enoughBytes: input.enoughBytes,
    stdoutEncoding: input.stdoutEncoding,
    stdoutTo: input.stdoutTo,
    onProgress(moved) {
      movement.onBytes(moved.readBytes + moved.writtenBytes, outputBytes);
      input.onBytes?.(moved);
    },
  });
  const result = await running.finally(() => {
    lastWords.stop();
    sleep?.end();
  });
  const cause = input.signal?.aborted ? undefined : sleep?.end();
  return { result, failure: cause ?? judge(host, input, result, giveUp.signal.aborted) };
}

function judge(host: ResticHost, input: ResticToolInput, result: ToolResult, gaveUp: boolean): EngineFailure | undefined {
  if (result.ending === 'exited' && result.exitCode === 0) return undefined;
  // Our own giving up reaches the process as a cancel; only the caller's signal is one.
  const ending = gaveUp && !input.signal?.aborted ? 'stalled' : result.ending;
  return classifyFailure({ ...result, ending, memoryMiB: host.exec.limits.memoryMiB }, host.capabilities, input.operation);
}

/** Failure of a stage that ran in a pipeline, where nobody here watched it. */
export function classifyStage(host: ResticHost, outcome: StageOutcome, operation: Operation): EngineFailure {
  return classifyFailure({ ...outcome, ending: 'exited', memoryMiB: host.exec.limits.memoryMiB }, host.capabilities, operation);
}

/** One line of stderr for the run's log: JSON made readable, noise left out. */
export function logLine(line: string, message: ResticMessage | undefined, onLog: OnLog | undefined): void {
  if (!onLog || line.trim() === '') return;
  const write = (level: LogLevel, text: string) => onLog(level, cleanText(text, TEXT.logLineBytes / 4));
  if (message?.message_type === 'error') {
    // Each unreadable path is told twice, once by the scanner that only counts.
    if (message.during !== 'scan')
      write('error', showName(`${message.item ?? ''}: ${message.error?.message ?? 'could not be read'}`));
  } else if (message?.message_type === 'exit_error') write('error', message.message.replace(/^Fatal: /, ''));
  else if (message !== undefined) return;
  else if (isRetryLine(line) || /^(?:Warning|ignoring error|unable to open cache)|does not exist, skipping$/.test(line))
    write('warn', line);
  else write(line.startsWith('Fatal: ') ? 'error' : 'info', line);
}
