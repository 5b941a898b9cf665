/**
 * Records what a database holds while it is dumped. Whatever goes wrong with it is said in the log and nothing else: a backup is as good
 * without, and never waits for it longer than the limits say.
 */
import { hash } from 'node:crypto';
import type { Command } from '@holdfast/shared/adapters/command.ts';
import type { DatabaseRecording, Look } from '@holdfast/shared/adapters/record.ts';
import type { PlanInput, Probe } from '@holdfast/shared/adapters/source.ts';
import {
  type Contents,
  contentsSchema,
  createContents,
  describeContents,
  type RowCounts,
} from '@holdfast/shared/domain/contents.ts';
import { RECORD } from '@holdfast/shared/limits.ts';
import type { Exec, ToolResult } from '../../exec/contract.ts';
import { withWorkDir } from '../inputs.ts';
import type { Recorder } from '../log/recorder.ts';
import { getBinary, type Tooling } from '../workbench.ts';

export interface RecordingPart {
  tooling: Tooling;
  exec: Exec;
  recorder: Pick<Recorder, 'log'>;
  recording: DatabaseRecording;
  /** Its directory is not used: each call has one of its own. */
  input: PlanInput;
  probe: Probe;
  rows: RowCounts;
  signal: AbortSignal;
}

export interface ContentsWatch {
  /** The dump, of the very state that is looked at where the engine can. */
  tie(producer: Command): Command;
  /** Whether a dump failed because of the watch. */
  isToBlame(stderr: string): boolean;
  /** Called when the dump has ended well. Gives what is known by then. */
  finish(): Promise<Contents | undefined>;
  /** Ends all of it. Resolves when no process is left. Idempotent. */
  stop(): Promise<void>;
}

/** 16 hexadecimal digits, the same for the same text. */
export const digestContents = (text: string): string => hash('sha256', text).slice(0, 16);

interface Running {
  /** The first line that says something; undefined when it ended or took too long before. */
  first: Promise<string | undefined>;
  done: Promise<ToolResult & { lines: string }>;
  stop(): void;
}

/** Starts a look or a hold in a directory of its own. */
function start(part: RecordingPart, plan: (input: PlanInput) => Command, timeoutMs: number | undefined): Running {
  const ending = new AbortController();
  const kept: string[] = [];
  let keptChars = 0;
  let tellFirst: (line: string | undefined) => void = () => undefined;
  const first = new Promise<string | undefined>((resolve) => {
    tellFirst = resolve;
  });
  const timer = setTimeout(() => tellFirst(undefined), RECORD.beginMs);
  const done = withWorkDir(part.tooling, async (workDir) => {
    const command = plan({ ...part.input, workDir });
    const binary = getBinary(part.tooling, command.tool, part.probe.serverVersion || undefined);
    const onStdoutLine = (line: string) => {
      if (line === '') return;
      tellFirst(line);
      keptChars += line.length;
      if (keptChars <= RECORD.outputBytes) kept.push(`${line}\n`);
    };
    const stage = { command, binary, onStdoutLine };
    const result = await part.exec.runTool({ stage, workDir, timeoutMs, signal: ending.signal });
    return { ...result, lines: kept.join('') };
  }).finally(() => {
    clearTimeout(timer);
    tellFirst(undefined);
  });
  // Whoever waits for it hears of a failure; nobody has to.
  done.catch(() => undefined);
  return { first, done, stop: () => ending.abort() };
}

function sayWords(part: RecordingPart, result: ToolResult): void {
  const words = result.stderr.trim().split('\n').slice(-3).join(' ');
  if (words !== '') part.recorder.log('info', `not all could be recorded: ${words.slice(0, 500)}`);
}

async function awaitLook(part: RecordingPart, look: Running, graceMs: number | undefined): Promise<Look | undefined> {
  const timer = graceMs === undefined ? undefined : setTimeout(() => look.stop(), graceMs);
  try {
    const result = await look.done;
    if (result.ending === 'exited' && result.exitCode !== 0) sayWords(part, result);
    const seen = part.recording.parseLook(result.lines);
    return seen.tables.length === 0 && result.exitCode !== 0 ? undefined : seen;
  } catch (error) {
    part.recorder.log(
      'info',
      `what the database holds is not recorded: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

async function startHold(part: RecordingPart): Promise<{ hold: string; running: Running } | undefined> {
  const { holding } = part.recording;
  if (!holding) return undefined;
  const running = start(part, (input) => holding.planHold(input), undefined);
  const hold = holding.readHold((await running.first) ?? '');
  if (hold !== undefined) return { hold, running };
  running.stop();
  const ended = await running.done.catch(() => undefined);
  if (ended) sayWords(part, ended);
  return undefined;
}

/** Resolves when the dump may begin; undefined where nothing is to be recorded, or nothing can be. */
export async function watchContents(part: RecordingPart): Promise<ContentsWatch | undefined> {
  const { recording, rows, signal, recorder } = part;
  if (rows === 'none' || signal.aborted) return undefined;
  const held = await startHold(part);
  if (recording.holding && !held) {
    recorder.log('info', 'the server keeps no state still for two sessions, so what it holds is not recorded');
    return undefined;
  }
  const limitMs = rows === 'small' ? RECORD.smallMs : RECORD.allMs;
  const planLook = (input: PlanInput) => recording.planLook(input, { rows, ...(held ? { hold: held.hold } : {}) });
  const look = start(part, planLook, limitMs);
  const running = new Set<Running>([look, ...(held ? [held.running] : [])]);
  const stop = async () => {
    for (const one of running) one.stop();
    await Promise.allSettled([...running].map(({ done }) => done));
  };
  signal.addEventListener('abort', () => void stop(), { once: true });
  const graceMs = rows === 'small' ? RECORD.graceMs : undefined;

  const settle = async (): Promise<Contents | undefined> => {
    const first = await awaitLook(part, look, graceMs);
    if (!first) return undefined;
    let seen = first;
    if (recording.settle) {
      const again = start(part, planLook, graceMs ?? limitMs);
      running.add(again);
      seen = recording.settle(first, await awaitLook(part, again, graceMs));
    }
    const contents = contentsSchema.safeParse(createContents(seen, digestContents));
    if (!contents.success) return undefined;
    recorder.log('info', `recorded for drills: ${describeContents(contents.data)}`);
    return contents.data;
  };

  if (!held) await look.first;
  return {
    tie: (producer) => (held && recording.holding ? recording.holding.tie(producer, held.hold) : producer),
    isToBlame: (stderr) => recording.isToBlame(stderr),
    async finish() {
      try {
        return signal.aborted ? undefined : await settle();
      } finally {
        await stop();
      }
    },
    stop,
  };
}
