/**
 * Lets the laboratory ask a server or an agent to collect its garbage. Without need V8 keeps what could be freed for a long time, so that
 * resident memory alone says little about what is held. The program itself is started as always, with one more module in front of it.
 */
import { fileURLToPath } from 'node:url';
import { waitFor } from '../harness/services/wait-for.ts';

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
};

const DONE = /^garbage is collected (\{.*\})$/gm;
const COLLECTED_WITHIN_MS = 60_000;

/** Resolves when the program has collected. One call at a time for each program. @throws Error when it does not in time. */
export async function collectGarbage(program: Collecting): Promise<Held> {
  const readAll = (): readonly string[] => [...program.readLog().matchAll(DONE)].map(([, held = '']) => held);
  const before = readAll().length;
  await program.kill('SIGUSR2');
  const next = await waitFor('garbage to be collected', async () => readAll()[before], { deadlineMs: COLLECTED_WITHIN_MS });
  return JSON.parse(next) as Held;
}
