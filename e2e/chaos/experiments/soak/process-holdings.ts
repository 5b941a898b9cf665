/** What a process holds besides memory: open descriptors, threads, and children that ended and were not waited for; and how big files are. */
import { readdirSync, readFileSync, statSync } from 'node:fs';

export function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

export function countThreads(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

/** Zombies among the children of these processes. */
export function countZombies(parents: ReadonlySet<number>): number {
  let zombies = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const [state, parent] = readState(name);
    if (state === 'Z' && parents.has(Number(parent))) zombies += 1;
  }
  return zombies;
}

/** The bytes of a file, 0 where there is none. */
export function measureFile(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function readState(pid: string): readonly (string | undefined)[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    // It ended while it was looked at.
    return [];
  }
}
