/** When a fault strikes: in the middle of the data, at any time at all, or when the dump is over and the run is not. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Seed } from '../../seed.ts';
import type { Lane, LaneSource } from './lane.ts';

export type Moment =
  /** A part of the bytes has been dumped; of a tree, a part of the time has passed that storing it takes. */
  | { readonly at: 'part'; readonly part: number }
  /** After the order. */
  | { readonly at: 'time'; readonly ms: number }
  /** After the end of the dump, or of the storing of a tree. */
  | { readonly at: 'end'; readonly ms: number };

const STORING_MS = 1000;
const LOOK_MS = 8;

export const drawPart = (seed: Seed): Moment => ({ at: 'part', part: Math.round((0.05 + 0.85 * seed.fraction()) * 1000) / 1000 });

/** Any moment of a run, its middle more often than its edges. */
export function drawMoment(seed: Seed): Moment {
  const draw = seed.fraction();
  if (draw < 0.6) return drawPart(seed);
  if (draw < 0.8) return { at: 'time', ms: seed.int([0, 2500]) };
  return { at: 'end', ms: seed.int([0, 250]) };
}

/** A run as its try sees it. */
export type Watched = {
  readonly lane: Lane;
  readonly source: LaneSource;
  /** Whether the run has ended. */
  hasEnded(): boolean;
};

export const STORE = /restic\b.* backup\b.*role:data/;

/** The process of a tool; undefined when the run ended first. */
export async function awaitTool({ lane, hasEnded }: Watched, pattern: RegExp): Promise<number | undefined> {
  for (;;) {
    const found = lane.agent.listTools().find(({ commandLine }) => pattern.test(commandLine));
    if (found !== undefined) return found.pid;
    if (hasEnded()) return undefined;
    await pause(LOOK_MS);
  }
}

/** Waits for the moment. False when the run ended first. */
export async function awaitMoment(watched: Watched, moment: Moment): Promise<boolean> {
  const { source, hasEnded } = watched;
  if (moment.at === 'time') {
    await pause(moment.ms);
    return !hasEnded();
  }
  const pid = await awaitTool(watched, source.dump ?? STORE);
  if (pid === undefined) return false;
  const beganAt = performance.now();
  const isReached = (): boolean => {
    if (moment.at === 'end') return findWrittenBytes(pid) === undefined;
    if (source.dump === undefined) return performance.now() - beganAt >= moment.part * STORING_MS;
    return (findWrittenBytes(pid) ?? 0) >= moment.part * source.expectedBytes;
  };
  while (!isReached()) {
    // A dump that is over before the moment came: whoever strikes now strikes late, and the verdict knows.
    if (hasEnded() || (moment.at === 'part' && findWrittenBytes(pid) === undefined)) return false;
    await pause(LOOK_MS);
  }
  if (moment.at === 'end') await pause(moment.ms);
  return !hasEnded();
}

/** Bytes a process has written; undefined when it is gone. */
function findWrittenBytes(pid: number): number | undefined {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, 'utf8');
    if (/\) [ZX] /.test(state)) return undefined;
    return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0);
  } catch {
    return undefined;
  }
}
