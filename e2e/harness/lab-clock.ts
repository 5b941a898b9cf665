/**
 * A clock of the laboratory for our own programs: time goes on as ever, and leaps where a scenario would only wait. Both the wall clock
 * and the monotonic one leap, as if everything had stood still for that long; what the programs start lives in ordinary time.
 */
import { readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openFaketime, sweepOfTheDead } from './faketime.ts';
import { createPrivateDirectory } from './services/private-directory.ts';
import { signalQuietly } from './services/processes.ts';
import { waitFor } from './services/wait-for.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** An agent or a server that heard nothing for longer than this takes its line for dead. */
const CONNECTED_LEAP_MS = 30_000;

/** Whether time leapt since `forgetLeaps`: a server then takes connections that the browser keeps ready for stale ones. */
let isLeapt = false;
export const hasLeapt = (): boolean => isLeapt;
export function forgetLeaps(): void {
  isLeapt = false;
}

export type LabClock = {
  /** For the environment of a server or an agent that is to live by this clock. */
  readonly env: Readonly<Record<string, string>>;
  /** What it shows, epoch milliseconds. */
  now(): number;
  /** Lets it show `instant` at once, unless it does already; these processes notice now, others when they next look. */
  leapTo(instant: number, pids: readonly number[]): Promise<void>;
  /**
   * The same for programs that are to stay connected, in steps that no line takes for silence.
   * `isHeard` waits until both ends have heard of each other since the instant it is given.
   */
  walkTo(instant: number, pids: readonly number[], isHeard: (since: number) => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Starts a clock that shows this host's time, or is ahead of it by as little as makes it show `minute` of an hour, so that what a schedule
 * names does not straddle an hour. What its programs start goes by the host's time all the while: a lock of restic that is to be known by its
 * time again needs a clock that was not ahead when it was taken.
 * @throws UnsupportedError without libfaketime.
 */
export async function startLabClock(minute?: number): Promise<LabClock> {
  const library = openFaketime();
  const home = await createPrivateDirectory('lab-clock');
  const file = join(home.path, 'offset');
  let offsetMs = minute === undefined ? 0 : (minute * MINUTE_MS - (Date.now() % HOUR_MS) + HOUR_MS) % HOUR_MS;
  const write = async (): Promise<void> => {
    await writeFile(`${file}.new`, `+${(offsetMs / 1000).toFixed(3)}\n`);
    await rename(`${file}.new`, file);
  };
  await write();
  const now = (): number => Date.now() + offsetMs;
  const leapTo = async (instant: number, pids: readonly number[]): Promise<void> => {
    if (instant <= now()) return;
    offsetMs += instant - now();
    isLeapt = true;
    await write();
    await Promise.all(pids.map(wake));
  };
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DISABLE_SHM: '1',
      NO_FAKE_STAT: '1',
    },
    now,
    leapTo,
    async walkTo(instant, pids, isHeard) {
      while (now() < instant) {
        const next = Math.min(instant, now() + CONNECTED_LEAP_MS);
        await leapTo(next, pids);
        if (next < instant) await isHeard(next);
      }
    },
    async stop() {
      sweepOfTheDead();
      await rm(file, { force: true });
      await home.remove();
    },
  };
}

/** A program that sleeps until an instant does not see the clock leap; stopped and let go on, it looks again. */
async function wake(pid: number): Promise<void> {
  if (!signalQuietly(pid, 'SIGSTOP')) return;
  const isStopped = async () => /\) [TZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1')) || undefined;
  await waitFor(`process ${pid} to stand still`, isStopped, { deadlineMs: 5000, intervalMs: 1 }).finally(() =>
    signalQuietly(pid, 'SIGCONT'),
  );
}
