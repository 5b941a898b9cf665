/** What Linux tells about a process under `/proc`. Everything is undefined once the process is gone. */
import { readdirSync, readFileSync, statSync } from 'node:fs';

export interface MovedBytes {
  /** Bytes asked for by read(2) and friends, from anywhere. */
  readBytes: number;
  /** Bytes handed to write(2) and friends. */
  writtenBytes: number;
}

/** `rchar` and `wchar` in the text of `/proc/<pid>/io`; undefined where a kernel does not count them. Pure. */
export function parseMovedBytes(text: string): MovedBytes | undefined {
  const read = /^rchar: (\d+)$/m.exec(text);
  const written = /^wchar: (\d+)$/m.exec(text);
  return read && written ? { readBytes: Number(read[1]), writtenBytes: Number(written[1]) } : undefined;
}

/** Bytes through any descriptor, pipes and sockets included (proc(5)). */
export function findMovedBytes(pid: number): MovedBytes | undefined {
  try {
    return parseMovedBytes(readFileSync(`/proc/${pid}/io`, 'latin1'));
  } catch {
    return undefined;
  }
}

interface ProcessStat {
  /** One letter of proc(5); `Z` and `X` are dead, whether or not somebody has collected them. */
  state: string;
  group: number;
  startTime: number;
}

function findStat(pid: number): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name may hold blanks and parentheses; the fields that count stand after the last `)`.
    const [state = '', ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state, group: Number(fields[1]), startTime: Number(fields[18]) };
  } catch {
    return undefined;
  }
}

const isDead = (stat: ProcessStat) => stat.state === 'Z' || stat.state === 'X';

/**
 * Start of a living process in clock ticks since boot: with the boot id it names one process for ever, whatever pids
 * are reused. Undefined for one that is gone or only waits to be collected.
 */
export function findStartTime(pid: number): number | undefined {
  const stat = findStat(pid);
  return stat && !isDead(stat) ? stat.startTime : undefined;
}

/** Whether a process is dead but still has its number, because its parent has not collected it yet. */
export function isUncollected(pid: number): boolean {
  const stat = findStat(pid);
  return stat !== undefined && isDead(stat);
}

/** Clock ticks a second in `/proc`; the kernel's user interface fixes it at 100 on every architecture Node runs on (time(7)). */
const TICKS_PER_SECOND = 100;

/**
 * The epoch milliseconds of a start time in ticks since this boot; a few milliseconds off where the clock was slewed since. Not a number, which
 * proves nothing in any comparison, where the kernel does not say when it was started.
 */
export function toEpochMs(startTime: number): number {
  const boot = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'));
  return Number(boot?.[1]) * 1000 + (startTime * 1000) / TICKS_PER_SECOND;
}

/** This boot's id; changes with every start of the kernel. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/** One process for as long as this boot lasts. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot. */
  startTime: number;
}

/** The living processes of a group. */
export function listGroup(groupId: number): ProcessIdentity[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const stat = findStat(Number(entry));
    if (!stat || stat.group !== groupId || isDead(stat)) return [];
    return [{ pid: Number(entry), startTime: stat.startTime }];
  });
}

/** Bytes moved by the living processes of a group together; what ended took its bytes along. */
export function findGroupMovedBytes(groupId: number): MovedBytes {
  const sum: MovedBytes = { readBytes: 0, writtenBytes: 0 };
  for (const { pid } of listGroup(groupId)) {
    const moved = findMovedBytes(pid);
    sum.readBytes += moved?.readBytes ?? 0;
    sum.writtenBytes += moved?.writtenBytes ?? 0;
  }
  return sum;
}

/** How far a process has read a file. */
export interface FilePosition {
  pid: number;
  at: number;
}

/** Where the processes of a group stand in a file they have open, the furthest place of each. */
export function listFilePositions(groupId: number, file: { dev: number; ino: number }): FilePosition[] {
  return listGroup(groupId).flatMap(({ pid }) => {
    const places = listDescriptors(pid).flatMap((descriptor) => {
      try {
        const { dev, ino } = statSync(`/proc/${pid}/fd/${descriptor}`);
        if (dev !== file.dev || ino !== file.ino) return [];
        const pos = /^pos:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, 'latin1'));
        return pos ? [Number(pos[1])] : [];
      } catch {
        return [];
      }
    });
    return places.length === 0 ? [] : [{ pid, at: Math.max(...places) }];
  });
}

function listDescriptors(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
}

/**
 * A variable of the environment that a process was started with. Undefined too where it has none of that name, wrote over its
 * environment, or belongs to somebody whose environment may not be read.
 */
export function findEnvironmentValue(pid: number, name: string): string | undefined {
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return entries.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
  } catch {
    return undefined;
  }
}

/**
 * Whether any process of the group is alive. kill(2) also answers for the dead that nobody has collected, as happens under a
 * PID 1 that does not reap; so where it says yes, the members are looked at.
 */
export function isGroupAlive(groupId: number): boolean {
  try {
    process.kill(-groupId, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return listGroup(groupId).length > 0;
}
