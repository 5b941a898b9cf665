/**
 * Lets the laboratory ask a server or an agent to collect its garbage. Without need V8 keeps what could be freed for a long time, so that
 * resident memory alone says little about what is held. The program itself is started as always, with one more module in front of it.
 */
import { fileURLToPath } from 'node:url';

/** For the environment of the program. */
export const COLLECTING_ENV: Readonly<Record<string, string>> = {
  NODE_OPTIONS: `--import ${fileURLToPath(new URL('./collecting-preload.ts', import.meta.url))}`,
};

/** What a program says it holds, right after a collection. */
export type Held = {
  readonly residentBytes: number;
  /** Of these, live objects and code of JavaScript. */
  readonly heapBytes: number;
  /** Sockets, timers and whatever else keeps Node awake. */
  readonly handles: number;
};

type Collecting = {
  kill(signal: NodeJS.Signals): Promise<void>;
  readLog(): string;
  awaitLog(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>;
};

const DONE = /^garbage is collected \{.*\}$/gm;

/** Resolves when the program has collected. One call at a time for each program. */
export async function collectGarbage(program: Collecting): Promise<Held> {
  const before = program.readLog().match(DONE)?.length ?? 0;
  await program.kill('SIGUSR2');
  const next = new RegExp(`(?:^garbage is collected \\{[^]*?){${before}}^garbage is collected (\\{.*\\})$`, 'm');
  const [, held = '{}'] = await program.awaitLog(next, 30_000);
  return JSON.parse(held) as Held;
}
