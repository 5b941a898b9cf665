import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

export type Launcher = { readonly pid: number; readonly name: string };

/** Programs that only pass a command on, and whose end ends it. */
const PASSING_ON = /^(make|gmake|sh|dash|npm( .*)?)$/;
const LAUNCHERS = /^(make|gmake|npm( .*)?)$/;
const MAX_STEPS = 6;

/** The chain from this process up to the make or npm that started it; empty when it was started directly. */
export function listLaunchers(pid: number, read: (pid: number) => string = readStat): Launcher[] {
  const chain: Launcher[] = [];
  for (let at = parseStat(read(pid))?.parent, steps = 0; at !== undefined && at > 1 && steps < MAX_STEPS; steps += 1) {
    const stat = parseStat(read(at));
    if (stat === undefined || !PASSING_ON.test(stat.name)) break;
    chain.push({ pid: at, name: stat.name });
    at = stat.parent;
  }
  const last = chain.findLastIndex((launcher) => LAUNCHERS.test(launcher.name));
  return chain.slice(0, last + 1);
}

/**
 * Calls back once when nobody is left to press Ctrl-C: one of the processes that started the demo is gone, or the terminal it
 * was started in. The kernel tells a hang-up only to the leader of the session, and make keeps it to itself.
 */
export function watchLaunchers(onGone: (what: string) => void): () => void {
  const chain = listLaunchers(process.pid);
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  const timer = setInterval(() => {
    const gone = chain.find(({ pid, name }) => parseStat(readStat(pid))?.name !== name)?.name;
    const what = gone ?? (terminals.every((descriptor) => isatty(descriptor)) ? undefined : 'the terminal');
    if (what === undefined) return;
    clearInterval(timer);
    onGone(what);
  }, 500);
  timer.unref();
  return () => clearInterval(timer);
}

function readStat(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}

function parseStat(stat: string): { name: string; parent: number } | undefined {
  const found = /^\d+ \((.*)\) ([A-Za-z]) (\d+) /s.exec(stat);
  if (found === null || found[2] === 'Z' || found[2] === 'X') return undefined;
  return { name: found[1] ?? '', parent: Number(found[3]) };
}
