/** What Linux counts for one process, read from `/proc`; sizes in bytes, processor time in milliseconds. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { waitFor } from '../harness/services/wait-for.ts';

/** Clock ticks a second as `/proc` shows them; fixed for user space on every Linux. */
const TICKS_PER_SECOND = 100;

/** `VmRSS` (now) and `VmHWM` (highest since the start or the last reset) of `/proc/<pid>/status`. */
export function parseMemory(status: string): { residentBytes: number; peakBytes: number } {
  return { residentBytes: readKibibytes(status, 'VmRSS'), peakBytes: readKibibytes(status, 'VmHWM') };
}

/** `rchar` of an `io` file of `/proc`: bytes through read(2) and its kin, from files, pipes and sockets alike. */
export function parseReadBytes(io: string): number {
  return Number(getMatch(/^rchar: (\d+)$/m, io, 'rchar'));
}

/** User and system time of all threads, without children, of `/proc/<pid>/stat`. */
export function parseProcessorMs(stat: string): number {
  // The command name may hold blanks and parentheses; what counts stands after the last `)`.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

export function readMemory(pid: number): { residentBytes: number; peakBytes: number } {
  return parseMemory(readFileSync(`/proc/${pid}/status`, 'latin1'));
}

/** Sets the kernel's own peak back to what is resident now (proc(5), `clear_refs`). */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/**
 * Bytes read by the living threads of the process. The counters of the process as a whole (`/proc/<pid>/io`) also take in those of
 * every child it has waited for, so they jump by a whole dump when the programs of a pipeline are gone.
 */
export function readReadBytes(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + parseReadBytes(readFileSync(`/proc/${pid}/task/${thread}/io`, 'latin1')), 0);
}

export function readProcessorMs(pid: number): number {
  return parseProcessorMs(readFileSync(`/proc/${pid}/stat`, 'latin1'));
}

/**
 * The same of the living threads, to the nanosecond: what a single request costs. Threads that ended are not counted, and a server's
 * pool keeps its own.
 */
export function readFineProcessorMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + parseSchedule(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1')), 0);
}

/** Milliseconds on a processor, the first number of a thread's `schedstat`. */
export function parseSchedule(schedstat: string): number {
  return Number(getMatch(/^(\d+) /, schedstat, 'the time on a processor')) / 1e6;
}

/** Waits until the process has had no child for as long as ten looks take: what follows a run has ended too. */
export async function awaitNoChildren(pid: number): Promise<void> {
  let quiet = 0;
  await waitFor(
    'the agent to have no child',
    async () => {
      quiet = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1') === '' ? quiet + 1 : 0;
      return quiet >= 10 ? true : undefined;
    },
    { deadlineMs: 120_000, intervalMs: 50 },
  );
}

function readKibibytes(status: string, name: string): number {
  return Number(getMatch(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm'), status, name)) * 1024;
}

function getMatch(pattern: RegExp, text: string, what: string): string {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`${what} is not in what the kernel tells`);
  return found;
}
