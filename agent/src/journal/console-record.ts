/**
 * Runs that a command on the host carries out by itself, beside an agent that works or not. The journal is its agent's alone, so such a command
 * writes the run's events into a file of its own, each on disk before the run goes on, and the agent takes the file into its journal once the
 * command is over, however it ended: it holds a lock beside the file, which the kernel drops with the process.
 */
import {
  closeSync,
  constants,
  fchownSync,
  fsyncSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { idSchema, type RunId } from '@holdfast/shared/domain/ids.ts';
import { type RunEvent, runEventSchema } from '@holdfast/shared/protocol/events.ts';
import { holdFile } from './lock.ts';

const FOLDER = 'console';
const RECORD = '.jsonl';
/** Three times the longest log of a run. */
const RECORD_BYTES = 16 * 1024 * 1024;
/** Records taken in at one look; more wait for the next. */
const RECORDS_PER_LOOK = 50;

export interface ConsoleRecord {
  /** The event is on disk when it returns. Throws what the disk says; what was written before stays. */
  append(event: RunEvent): void;
  /** The run is over: the agent may have it. */
  close(): void;
  /** Nothing is told of the run, or, where the disk refuses even that, that it was interrupted. */
  discard(): void;
}

/** Root, who restores on the host of an agent without rights, leaves what that agent can read and remove. */
function giveTo(owner: { uid: number; gid: number }, give: (uid: number, gid: number) => void): void {
  if (process.geteuid?.() === 0) give(owner.uid, owner.gid);
}

function syncDirectory(path: string): void {
  const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function makeFolder(stateDir: string): string {
  const folder = join(stateDir, FOLDER);
  const owner = statSync(stateDir);
  if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) {
    // Whoever owns the state directory may put a link in its place: then the link changes hands, not what it points to.
    giveTo(owner, (uid, gid) => lchownSync(folder, uid, gid));
    syncDirectory(stateDir);
  }
  return folder;
}

function createFile(path: string, owner: { uid: number; gid: number }): number {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR, O_APPEND } = constants;
  const file = openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_APPEND, 0o600);
  giveTo(owner, (uid, gid) => fchownSync(file, uid, gid));
  return file;
}

function writeAll(file: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
  fsyncSync(file);
}

/** Begins the record of a new run. Throws what the disk, or the rights to it, say. */
export function openConsoleRecord(stateDir: string, run: RunId): ConsoleRecord {
  const folder = makeFolder(stateDir);
  const owner = statSync(folder);
  const path = join(folder, run);
  // Held before there is a record: one that nobody holds is over.
  closeSync(createFile(`${path}.lock`, owner));
  const lock = holdFile(`${path}.lock`);
  const file = createFile(`${path}${RECORD}`, owner);
  syncDirectory(folder);
  const release = () => {
    closeSync(file);
    lock?.release();
  };
  return {
    append: (event) => writeAll(file, Buffer.from(`${JSON.stringify(event)}\n`)),
    close: release,
    discard() {
      try {
        for (const left of [`${path}${RECORD}`, `${path}.lock`]) rmSync(left, { force: true });
      } catch {
        // A record without an end vouches for nothing.
      } finally {
        release();
      }
    },
  };
}

function readEvent(line: string): RunEvent | undefined {
  try {
    return runEventSchema.safeParse(JSON.parse(line)).data;
  } catch {
    // A line that was cut, or damaged: what is missing from here on is told as the end of the run.
    return undefined;
  }
}

/**
 * The events that a record holds for certain, in order, `run.created` first. An end counts whole or not at all: without `run.finished` there is
 * no `part.finished` either. Undefined for what is no record of this run. Pure.
 */
export function readConsoleRecord(run: RunId, text: string): RunEvent[] | undefined {
  const events: RunEvent[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const event = readEvent(line);
    if (event?.run !== run) break;
    events.push(event);
  }
  if (events[0]?.type !== 'run.created') return undefined;
  if (events.at(-1)?.type === 'run.finished') return events;
  const end = events.findIndex(({ type }) => type === 'part.finished');
  return end < 0 ? events : events.slice(0, end);
}

function readRecord(run: RunId, path: string): RunEvent[] | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isFile() && found.size <= RECORD_BYTES ? readConsoleRecord(run, readFileSync(path, 'utf8')) : undefined;
}

function listRecords(folder: string): RunId[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(RECORD));
  return names.flatMap((name) => idSchema('run').safeParse(name.slice(0, -RECORD.length)).data ?? []);
}

const hasFolder = (stateDir: string) => statSync(join(stateDir, FOLDER), { throwIfNoEntry: false })?.isDirectory() === true;

export interface ConsoleRecordTaker {
  /**
   * Makes the events of a run that is over durable; false when nobody ever can. The record is removed when this returns, and handed out again
   * when it throws or the process ends.
   */
  take(run: RunId, events: readonly RunEvent[]): boolean;
  /** What lies at `path` is no record; it was moved there. */
  onUnreadable(path: string): void;
}

/** Hands out the records of commands that are over; returns the runs of those that go on. Throws what `take`, the disk or its rights say. */
export function takeConsoleRecords(stateDir: string, { take, onUnreadable }: ConsoleRecordTaker): RunId[] {
  if (!hasFolder(stateDir)) return [];
  const folder = join(stateDir, FOLDER);
  const live: RunId[] = [];
  let taken = 0;
  for (const run of listRecords(folder)) {
    if (taken >= RECORDS_PER_LOOK) break;
    const path = join(folder, run);
    const lock = holdFile(`${path}.lock`);
    if (!lock) {
      live.push(run);
      continue;
    }
    taken += 1;
    try {
      const events = readRecord(run, `${path}${RECORD}`);
      const isTaken = events !== undefined && take(run, events);
      if (!isTaken) renameSync(`${path}${RECORD}`, `${path}.unreadable`);
      // The lock first: a record without one is over, and is taken in as one that is known.
      for (const left of [`${path}.lock`, `${path}${RECORD}`]) rmSync(left, { force: true });
      if (!isTaken) onUnreadable(`${path}.unreadable`);
    } finally {
      lock.release();
    }
  }
  return live;
}

/** The whole snapshots of clean runs that no agent has taken in yet, by the engine's id. For commands that only read. */
export function listConsoleSnapshots(stateDir: string): string[] {
  if (!hasFolder(stateDir)) return [];
  const folder = join(stateDir, FOLDER);
  return listRecords(folder).flatMap((run) => {
    const events = readRecord(run, join(folder, `${run}${RECORD}`)) ?? [];
    const end = events.at(-1);
    if (end?.type !== 'run.finished' || end.state !== 'succeeded') return [];
    return events.flatMap((event) => (event.type === 'snapshot.made' ? [event.snapshot.engineId] : []));
  });
}
