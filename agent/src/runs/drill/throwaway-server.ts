/**
 * A database server that lives for one drill: started in a private directory, told nothing of the host, ended whatever happens. It and all
 * that talks to it run as the account of the drill's ground; under root it has no network either.
 */
import type { DatabaseDrill, DrillCall, DrillPlace } from '@holdfast/shared/adapters/drill.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { DRILL, PROCESS } from '@holdfast/shared/limits.ts';
import type { Exec, Stage, ToolResult } from '../../exec/contract.ts';
import type { DrillAccount, DrillDir, DrillGround } from './ground.ts';
import type { ServerPrograms } from './server-programs.ts';

const SETPRIV = '/usr/bin/setpriv';
const UNSHARE = '/usr/bin/unshare';
const ENV = '/usr/bin/env';
/** What a server says before it answers is kept to say why it did not; so many lines of it. */
const LAST_LINES = 40;
/** Making a data directory takes seconds; on a slow disk it may take minutes. */
const CREATION_MS = 10 * 60_000;
/** A server that was asked to end and does not is ended by signals. */
const SHUTDOWN_MS = 5_000;

export interface ServerBench {
  exec: Exec;
  ground: DrillGround;
  dir: DrillDir;
  /** The agent's own private directory of this drill. */
  workDir: string;
  programs: ServerPrograms;
  drill: DatabaseDrill;
  signal: AbortSignal;
  log(text: string): void;
}

export interface ThrowawayServer {
  readonly place: DrillPlace;
  /** Runs one of its programs to the end; `cancelled` is thrown. */
  call(call: DrillCall, options?: CallOptions): Promise<ToolResult>;
  /** The call as a stage of a pipeline. Its files are written, and stay until the server is gone. */
  toStage(call: DrillCall, onStderrLine?: (line: string) => void): Stage;
  /** Ends it. Resolves when no process is left. Idempotent. */
  stop(): Promise<void>;
}

export interface CallOptions {
  timeoutMs?: number | undefined;
  outputBytes?: number | undefined;
}

/**
 * Puts a program under the account of the ground; a change of account takes the parent-death signal away, so it is asked for again. Throws
 * with reason `tool_missing`.
 */
export function planStage(
  bench: Pick<ServerBench, 'ground' | 'dir' | 'programs' | 'drill'>,
  call: DrillCall,
  through: readonly string[] = [],
): Stage {
  const program = bench.programs.find(call.program);
  if (program === undefined)
    throw createReasonError('tool_missing', `${call.program} is not installed on this host. ${bench.drill.advice}`);
  const { account } = bench.ground;
  const chain = account
    ? // Its own directory is the only one of ours that the account may stand in.
      [...through, SETPRIV, ...planAccount(account), '--', ENV, `--chdir=${bench.dir.path}`, program, ...call.args]
    : [program, ...call.args];
  const [binary = program, ...args] = chain;
  const env = { ...(account ? { HOME: bench.dir.serverDir, TMPDIR: bench.dir.serverDir } : {}), ...call.env };
  return { command: { args, env, files: [] }, binary };
}

const planAccount = ({ uid, gid }: DrillAccount) => [
  ...[`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'],
  '--pdeathsig=KILL',
];

/** Whether a program can be started without network here; only root may, and not in every container. */
async function findSeclusion({ exec, ground, workDir, log }: ServerBench): Promise<readonly string[]> {
  if (ground.account === undefined) return [];
  const seclusion = [UNSHARE, '--net', '--'];
  const stage = { binary: UNSHARE, command: { args: ['--net', '--', 'true'], env: {}, files: [] } };
  const tried = await exec.runTool({ stage, workDir, timeoutMs: PROCESS.toolTimeoutMs, outputBytes: 0 });
  if (tried.exitCode === 0) return seclusion;
  log('this host cannot start programs without network; the throw-away server listens on none all the same');
  return [];
}

function assertDone(what: string, result: ToolResult): void {
  if (result.ending === 'cancelled') throw createReasonError('cancelled', 'Cancelled; what was restored is removed');
  if (result.exitCode === 0 && result.ending === 'exited') return;
  const words = `${result.stderr}\n${result.stdout}`.trim().split('\n').slice(-LAST_LINES).join('\n');
  throw createReasonError('unknown_failure', `${what}: ${words === '' ? (result.spawnError ?? result.ending) : words}`);
}

/** Makes and starts it; resolves when it answers. Nothing is left of it when this throws. */
export async function startThrowawayServer(bench: ServerBench): Promise<ThrowawayServer> {
  const { exec, ground, dir, workDir, drill, signal } = bench;
  const place: DrillPlace = { serverDir: dir.serverDir, fileDir: dir.path };
  const created = await exec.runTool({
    stage: planStage(bench, drill.planCreation(place)),
    workDir,
    signal,
    timeoutMs: CREATION_MS,
  });
  assertDone('A throw-away server could not be made', created);

  const ending = new AbortController();
  const lastLines: string[] = [];
  let onReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  const stage: Stage = {
    ...planStage(bench, drill.planServer(place), await findSeclusion(bench)),
    onStderrLine(line) {
      if (lastLines.push(line) > LAST_LINES) lastLines.shift();
      if (drill.isReady(line)) onReady();
    },
  };
  const running = exec.runTool({ stage, workDir, signal: ending.signal, outputBytes: 0 });
  const stop = async () => {
    if (!ending.signal.aborted && drill.planShutdown) await askToEnd(bench, drill.planShutdown(place), running);
    ending.abort();
    await running;
  };
  try {
    await awaitReady({ ready, running, signal, lastLines });
  } catch (error) {
    await stop();
    throw error;
  }

  const toStage: ThrowawayServer['toStage'] = (call, onStderrLine) => {
    for (const { path, content } of call.files) ground.writeFile(path, content);
    return { ...planStage(bench, call), ...(onStderrLine ? { onStderrLine } : {}) };
  };
  return {
    place,
    toStage,
    stop,
    async call(call, { timeoutMs, outputBytes } = {}) {
      const result = await exec.runTool({ stage: toStage(call), workDir, signal, timeoutMs, outputBytes });
      if (result.ending === 'cancelled') assertDone(call.program, result);
      return result;
    },
  };
}

/** Also after a cancel: so the call is under no signal. */
async function askToEnd(bench: ServerBench, call: DrillCall, running: Promise<ToolResult>): Promise<void> {
  const { exec, workDir } = bench;
  const asked = await exec.runTool({ stage: planStage(bench, call), workDir, timeoutMs: SHUTDOWN_MS, outputBytes: 0 });
  if (asked.exitCode !== 0) return;
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, SHUTDOWN_MS);
  });
  await Promise.race([running, patience]);
  clearTimeout(timer);
}

interface Waiting {
  ready: Promise<void>;
  running: Promise<ToolResult>;
  signal: AbortSignal;
  lastLines: readonly string[];
}

async function awaitReady({ ready, running, signal, lastLines }: Waiting): Promise<void> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(DRILL.serverStartMs)]);
  const first = await Promise.race([
    ready.then(() => 'ready' as const),
    running.then(() => 'ended' as const),
    new Promise<'over'>((resolve) => {
      if (over.aborted) resolve('over');
      over.addEventListener('abort', () => resolve('over'), { once: true });
    }),
  ]);
  if (first === 'ready') return;
  if (signal.aborted) throw createReasonError('cancelled', 'Cancelled; what was restored is removed');
  const what = first === 'ended' ? 'ended at once' : 'did not answer in time';
  throw createReasonError('unknown_failure', `The throw-away server ${what}: ${lastLines.join('\n')}`);
}
