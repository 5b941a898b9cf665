/** One stage as a running process: started under pdeathsig in its own group, drained, and stopped by a ladder of signals. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { PROCESS } from '@holdfast/shared/limits.ts';
import { createBoundedText } from './bounded-text.ts';
import type { Stage, StageOutcome } from './contract.ts';
import { type ChildEnvironment, createChildEnvironment } from './environment.ts';
import type { LimitTools } from './limits.ts';
import { createLineSplitter } from './lines.ts';
import {
  type FilePosition,
  findGroupMovedBytes,
  findMovedBytes,
  findStartTime,
  isGroupAlive,
  listFilePositions,
  type MovedBytes,
} from './proc.ts';

/** One line of a tool's output may be this long before it is cut; JSON of restic stays far below. */
const LINE_BYTES = 1024 * 1024;
/** How often a group that got SIGKILL is looked at until it is empty. */
const GONE_CHECK_MS = 20;
const GONE_WAIT_MS = 2000;
/** After a leader's end its pipes are looked at this often, and closed after so many looks without a byte, or in all. */
const PIPE_LOOK_MS = 250;
const PIPE_QUIET_LOOKS = 4;
const PIPE_LOOKS = 20;

/**
 * Holds a stage back until its starter says on a descriptor that it is remembered, and ends it when the starter died instead. Whoever dies
 * between starting a child and the child's own request for a death signal would leave a tool that nobody knows.
 */
const planHold = (descriptor: number): readonly string[] => [
  '/bin/sh',
  '-c',
  `read -r go <&${descriptor} && exec ${descriptor}<&- && exec "$@"`,
  'sh',
];

/** A process that the agent started, as the journal remembers it. */
export interface StartedProcess {
  pid: number;
  /** Clock ticks since boot; with the boot id it names one process for ever. */
  startTime: number | undefined;
}

/** How processes are started on this host. */
export interface Launcher {
  environment: ChildEnvironment;
  /** `setpriv` of util-linux; undefined where it is missing, then children do not die with the agent and the host says so. */
  setpriv: string | undefined;
  /** The tools by which limits are put on a stage; none: stages run without limits, and the exec says so. */
  limitTools?: LimitTools | undefined;
  /** What stands between setpriv and the program: tools that set a limit and become what follows them. */
  prefix?: readonly string[] | undefined;
  cancelGraceMs: number;
  onStarted?: ((started: StartedProcess) => void) | undefined;
  onEnded?: ((started: StartedProcess) => void) | undefined;
}

export interface StageIo {
  /** A descriptor, or none. */
  stdin: number | 'ignore';
  /** A descriptor, or collected by us. */
  stdout: number | 'pipe';
  outputBytes: number;
  stdoutEncoding: 'utf8' | 'latin1';
  enoughBytes: number | undefined;
}

export interface RunningStage {
  /** Resolves at `close`: the process ended and its pipes are drained. Never rejects. */
  readonly done: Promise<StageOutcome>;
  readonly ended: boolean;
  /** `stop` was called. */
  readonly stopping: boolean;
  moved(): MovedBytes | undefined;
  /** Of itself and of all it started. */
  movedTogether(): MovedBytes | undefined;
  /** How far it and what it started have read a file. */
  positionsIn(file: { dev: number; ino: number }): readonly FilePosition[];
  /** SIGINT to the group, which is woken for it, SIGKILL after the grace, and a look that nothing is left. Resolves like `done`. */
  stop(): Promise<StageOutcome>;
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone, or all of it became somebody else's (sudo and the like): then its end can only be waited for.
  }
}

/** After its leader ended, a group may still hold grandchildren; they get SIGKILL and a moment to go. */
async function clearGroup(pid: number | undefined): Promise<void> {
  if (pid === undefined || !isGroupAlive(pid)) return;
  signalGroup(pid, 'SIGKILL');
  let waited = 0;
  do {
    await new Promise((resolve) => setTimeout(resolve, GONE_CHECK_MS));
    waited += GONE_CHECK_MS;
  } while (waited < GONE_WAIT_MS && isGroupAlive(pid));
}

/**
 * Who left the group for a session of its own may hold our pipes open for ever. Some time after the leader's end, when nothing comes any more or
 * too much has come, they are closed on our side, so that `close` comes.
 */
function abandonPipes(child: ChildProcess): void {
  const pipes = [child.stdout, child.stderr].filter((pipe) => pipe !== null);
  let quiet = 0;
  let looks = 0;
  const onBytes = () => {
    quiet = 0;
  };
  for (const pipe of pipes) pipe.on('data', onBytes);
  // Between two looks the loop reads what waits in the pipes, however late the timers are.
  const timer = setInterval(() => {
    quiet += 1;
    looks += 1;
    if (quiet < PIPE_QUIET_LOOKS && looks < PIPE_LOOKS) return;
    clearInterval(timer);
    for (const pipe of pipes) pipe.destroy();
  }, PIPE_LOOK_MS);
  child.once('close', () => clearInterval(timer));
}

interface Collected {
  read(): { stdout: string; truncated: boolean };
}

function collectStdout(stream: Readable | null, stage: Stage, io: StageIo, onEnough: () => void): Collected {
  const chunks: Buffer[] = [];
  let held = 0;
  let truncated = false;
  const splitter = stage.onStdoutLine ? createLineSplitter(LINE_BYTES, stage.onStdoutLine) : undefined;
  stream?.on('data', (chunk: Buffer) => {
    if (splitter) {
      splitter.push(chunk);
      return;
    }
    const room = io.outputBytes - held;
    if (chunk.length > room) truncated = true;
    if (room > 0) chunks.push(chunk.subarray(0, room));
    held += Math.min(chunk.length, room);
    if (io.enoughBytes !== undefined && held >= io.enoughBytes) onEnough();
  });
  stream?.on('end', () => splitter?.end());
  return { read: () => ({ stdout: Buffer.concat(chunks).toString(io.stdoutEncoding), truncated }) };
}

/** Some refusals of the system are told by an event, others (arguments too long, no memory) are thrown. */
function trySpawn(file: string, args: readonly string[], options: SpawnOptions): ChildProcess | Error {
  try {
    return spawn(file, args, options);
  } catch (error) {
    return error as Error;
  }
}

function createRefusedStage(error: NodeJS.ErrnoException): RunningStage {
  const outcome = { exitCode: null, signal: null, stdout: '', stderr: '', durationMs: 0, truncated: false };
  const done = Promise.resolve({ ...outcome, spawnError: String(error.code) });
  return {
    done,
    ended: true,
    stopping: false,
    moved: () => undefined,
    movedTogether: () => undefined,
    positionsIn: () => [],
    stop: () => done,
  };
}

/** Starts a stage. A program that cannot be started at all ends at once with `spawnError` set. */
export function startStage(launcher: Launcher, stage: Stage, cwd: string, io: StageIo): RunningStage {
  const started = performance.now();
  const { command, binary } = stage;
  // setpriv goes first: what follows becomes the program by exec, which keeps the parent-death signal.
  const chain = [...(launcher.prefix ?? []), binary, ...command.args];
  const inherited = stage.inherit ?? [];
  const [file = binary, ...args] = launcher.setpriv
    ? [launcher.setpriv, '--pdeathsig', 'KILL', '--', ...planHold(3 + inherited.length), ...chain]
    : chain;
  const stderr = createBoundedText(PROCESS.stderrHeadBytes, PROCESS.stderrTailBytes);
  const stderrLines = stage.onStderrLine ? createLineSplitter(LINE_BYTES, stage.onStderrLine) : undefined;

  const child = trySpawn(file, args, {
    cwd,
    detached: true,
    env: createChildEnvironment(launcher.environment, command),
    stdio: [io.stdin, io.stdout, 'pipe', ...inherited, ...(launcher.setpriv ? ['pipe' as const] : [])],
  });
  if (child instanceof Error) return createRefusedStage(child);
  const identity: StartedProcess | undefined =
    child.pid === undefined ? undefined : { pid: child.pid, startTime: findStartTime(child.pid) };
  if (identity) launcher.onStarted?.(identity);
  // There are no pipes at all where the agent has no descriptor left for them.
  const hold = launcher.setpriv
    ? ((child.stdio as ChildProcess['stdio'] | undefined)?.at(-1) as Writable | undefined)
    : undefined;
  // A child that is gone already is seen by its end.
  hold?.on('error', () => undefined);
  hold?.end('go\n');

  let ended = false;
  let stopping: Promise<StageOutcome> | undefined;
  const collected = collectStdout(child.stdout, stage, io, () => void running.stop());
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr.push(chunk);
    stderrLines?.push(chunk);
  });
  child.stderr?.on('end', () => stderrLines?.end());

  const done = new Promise<StageOutcome>((resolve) => {
    let spawnError: string | undefined;
    const finish = (exitCode: number | null, signal: NodeJS.Signals | null) => {
      if (ended) return;
      ended = true;
      void clearGroup(child.pid).then(() => {
        if (identity) launcher.onEnded?.(identity);
        const { stdout, truncated } = collected.read();
        resolve({
          exitCode,
          signal,
          stdout,
          stderr: stderr.read(),
          durationMs: performance.now() - started,
          truncated,
          spawnError,
        });
      });
    };
    // Nothing else than that it could not be started: signals go to its group, and it is sent no messages.
    child.on('error', (error: NodeJS.ErrnoException) => {
      spawnError = String(error.code);
      finish(null, null);
    });
    // Grandchildren may hold our pipes open after their leader ended; they go with it, or `close` would never come.
    child.on('exit', () => {
      void clearGroup(child.pid);
      abandonPipes(child);
    });
    child.on('close', finish);
  });

  const running: RunningStage = {
    done,
    get ended() {
      return ended;
    },
    get stopping() {
      return stopping !== undefined;
    },
    moved: () => (child.pid === undefined || ended ? undefined : findMovedBytes(child.pid)),
    movedTogether: () => (child.pid === undefined || ended ? undefined : findGroupMovedBytes(child.pid)),
    positionsIn: (file) => (child.pid === undefined || ended ? [] : listFilePositions(child.pid, file)),
    stop() {
      if (ended) return done;
      stopping ??= (async () => {
        signalGroup(child.pid, 'SIGINT');
        // Somebody may have stopped it dead; then it takes no signal but this one, which does nothing to others.
        signalGroup(child.pid, 'SIGCONT');
        const timer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), launcher.cancelGraceMs);
        try {
          return await done;
        } finally {
          clearTimeout(timer);
        }
      })();
      return stopping;
    },
  };
  return running;
}
