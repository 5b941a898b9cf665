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

/** What a look at a process shows that may be gone at any moment, or may not be looked at. */
function tryLook<T, Otherwise = undefined>(look: () => T, otherwise?: Otherwise): T | Otherwise {
  try {
    return look();
  } catch {
    return otherwise as Otherwise;
  }
}

/** Bytes through any descriptor, pipes and sockets included (proc(5)). */
export function findMovedBytes(pid: number): MovedBytes | undefined {
  return tryLook(() => parseMovedBytes(readFileSync(`/proc/${pid}/io`, 'latin1')));
}

interface ProcessStat {
  /** One letter of proc(5); `Z` and `X` are dead, whether or not somebody has collected them. */
  state: string;
  group: number;
  startTime: number;
}

function findStat(pid: number): ProcessStat | undefined {
  return tryLook(() => {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name may hold blanks and parentheses; the fields that count stand after the last `)`.
    const [state = '', ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state, group: Number(fields[1]), startTime: Number(fields[18]) };
  });
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
  const all = listGroup(groupId).map(({ pid }) => findMovedBytes(pid));
  for (const { readBytes, writtenBytes } of all.filter((moved) => moved !== undefined)) {
    sum.readBytes += readBytes;
    sum.writtenBytes += writtenBytes;
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
    const descriptors = tryLook(() => readdirSync(`/proc/${pid}/fd`), []);
    const places = descriptors.flatMap((descriptor) => tryLook(() => listPositions(pid, descriptor, file), []));
    return places.length === 0 ? [] : [{ pid, at: Math.max(...places) }];
  });
}

/** One place where the descriptor is of the file, else none. Throws where it is gone. */
function listPositions(pid: number, descriptor: string, file: { dev: number; ino: number }): number[] {
  const { dev, ino } = statSync(`/proc/${pid}/fd/${descriptor}`);
  if (dev !== file.dev || ino !== file.ino) return [];
  const text = readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, 'latin1');
  return [...text.matchAll(/^pos:\s*(\d+)$/gm)].map(([, place]) => Number(place));
}

/**
 * A variable of the environment that a process was started with. Undefined too where it has none of that name, wrote over its
 * environment, or belongs to somebody whose environment may not be read.
 */
export function findEnvironmentValue(pid: number, name: string): string | undefined {
  const text = tryLook(() => readFileSync(`/proc/${pid}/environ`, 'utf8'));
  const entry = text?.split('\0').find((each) => each.startsWith(`${name}=`));
  return entry?.slice(name.length + 1);
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
