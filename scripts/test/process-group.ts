import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** How a command ended. `output` is the end of what it wrote, at most OUTPUT_CHARS; the log file has all of it. */
export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly timedOut: boolean;
};

export type Command = {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Receives everything the command writes. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
};

export const OUTPUT_CHARS = 200_000;
const STOP_GRACE_MS = 5_000;

const running = new Set<ChildProcess>();

/**
 * Runs a command in a process group of its own, with no input, and waits for it. When the time is over the whole
 * group is stopped. A command that cannot be started ends with code 127.
 */
export async function runGroup(command: Command): Promise<Ended> {
  const [file = '', ...args] = command.argv;
  const child = spawn(file, args, {
    cwd: command.cwd,
    detached: true,
    env: { ...process.env, PATH: listToolFolders(command.cwd), ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const log = createWriteStream(command.logFile);
  let output = '';
  const take = (chunk: Buffer): void => {
    log.write(chunk);
    output = (output + chunk.toString('utf8')).slice(-OUTPUT_CHARS);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);

  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void stopGroup(child);
  }, command.timeoutMs);
  const [code, signal] = await waitForEnd(child, take);
  clearTimeout(timer);
  running.delete(child);
  await stopGroup(child);
  log.end();
  await once(log, 'close');
  return { code, signal, output, timedOut };
}

/** Stops every group that is still running: first asked, then, after a grace, killed. */
export async function stopAllGroups(): Promise<void> {
  await Promise.all([...running].map(stopGroup));
}

function waitForEnd(child: ChildProcess, take: (chunk: Buffer) => void): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      take(Buffer.from(`${error.message}\n`));
      resolve([127, null]);
    });
    // `exit` and not `close`: a grandchild that keeps a pipe open must not keep the phase open.
    child.once('exit', (code, signal) => {
      void drain(child).then(() => resolve([code, signal]));
    });
  });
}

/** Waits until both pipes have ended, but not for a stray process that holds one open. */
async function drain(child: ChildProcess): Promise<void> {
  const ends = [child.stdout, child.stderr].flatMap((pipe) => (pipe === null || pipe.readableEnded ? [] : [once(pipe, 'end')]));
  await Promise.race([Promise.all(ends), delay(STOP_GRACE_MS, undefined, { ref: false })]);
}

async function stopGroup(child: ChildProcess): Promise<void> {
  if (!signalGroup(child, 'SIGTERM')) return;
  const deadline = performance.now() + STOP_GRACE_MS;
  while (performance.now() < deadline) {
    if (!signalGroup(child, 0)) return;
    await delay(50);
  }
  signalGroup(child, 'SIGKILL');
}

/** False when no process of the group is left. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch {
    return false;
  }
}

/** The tools of the workspace come first, then the Node that runs this script, then the machine's own. */
function listToolFolders(cwd: string): string {
  return [join(cwd, 'node_modules/.bin'), dirname(process.execPath), process.env['PATH'] ?? ''].join(':');
}
