/**
 * `directories.look`: which directories of this host are big, in the places where people keep what matters. Counting is bounded in entries
 * and time, reads no file, follows no link and leaves no file system; what could not be counted to its end says so.
 */
import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@holdfast/shared/clock.ts';
import { COVERAGE, TEXT } from '@holdfast/shared/limits.ts';
import type { RequestBody, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import { assertInTime } from './in-time.ts';

/** The directories below these are looked at, one by one. Data of databases is not among them: a copy of its files is no backup. */
const ROOTS: readonly Root[] = [
  { path: '/srv' },
  { path: '/home' },
  { path: '/opt', isSoftware: true },
  { path: '/data' },
  { path: '/var/opt' },
  { path: '/var/www' },
  { path: '/var/mail' },
  { path: '/var/vmail' },
  { path: '/var/lib/docker/volumes' },
];
/** What programs fetch or build again by themselves, by its name. */
const REMADE = new Set([
  ...['.cache', '.npm', '.nvm', '.cargo', '.rustup', '.gradle', '.m2', '.pyenv', '.venv', '.tox', '.Trash'],
  ...['node_modules', '__pycache__', 'lost+found', 'Trash'],
]);
/** Names that a repository of restic has beside each other: what lies in it is a backup itself. */
const REPOSITORY_NAMES = ['config', 'data', 'index', 'keys', 'snapshots'];
/** A program marks its cache with it, so that nobody backs it up. */
const CACHE_TAG = 'CACHEDIR.TAG';
/** Installed software is as it came: where nothing was written for so long, there is nothing that would be lost. */
const SOFTWARE_STILL_MS = 30 * 24 * 3_600_000;
const BLOCK_BYTES = 512;

export interface Root {
  path: string;
  /** Software is installed here, and only what is being changed is data. */
  isSoftware?: boolean;
}

interface Budget {
  entries: number;
  /** By the clock that never jumps. */
  untilMs: number;
}

type LookClock = Pick<Clock, 'now' | 'monotonicMs'>;

/** What may not be read, or went away meanwhile, holds nothing that could be told. */
async function* listEntries(path: string): AsyncGenerator<Dirent> {
  try {
    // Closes itself when the loop ends, however it does.
    yield* await opendir(path, { bufferSize: 256 });
  } catch {
    return;
  }
}

/** A name that is not UTF-8 comes back changed, and is no path anybody could name. */
function isReadable(name: string): boolean {
  return !name.includes('\ufffd');
}

async function countBytes(
  top: string,
  device: number,
  clock: LookClock,
  budget: Budget,
): Promise<{ bytes: number; isWhole: boolean; changedAt: number }> {
  const left = { entries: COVERAGE.entriesPerDirectory };
  const waiting = [top];
  let [bytes, changedAt] = [0, 0];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const names = new Set<string>();
    const below: string[] = [];
    let [own, ownChangedAt] = [0, 0];
    for await (const entry of listEntries(path)) {
      left.entries -= 1;
      budget.entries -= 1;
      if (left.entries < 0 || budget.entries < 0 || clock.monotonicMs() > budget.untilMs)
        return { bytes: bytes + own, isWhole: false, changedAt };
      if (isKey(entry.name)) names.add(entry.name);
      if (REMADE.has(entry.name)) continue;
      if (!isReadable(entry.name) || (!entry.isFile() && !entry.isDirectory())) continue;
      const child = join(path, entry.name);
      const found = await lstat(child).catch(() => undefined);
      if (found === undefined || found.dev !== device) continue;
      own += found.blocks * BLOCK_BYTES;
      ownChangedAt = Math.max(ownChangedAt, found.mtimeMs);
      if (found.isDirectory()) below.push(child);
    }
    if (isLeftOut(names)) continue;
    bytes += own;
    changedAt = Math.max(changedAt, ownChangedAt);
    for (const child of below) waiting.push(child);
  }
  return { bytes, isWhole: true, changedAt };
}

const isKey = (name: string): boolean => name === CACHE_TAG || REPOSITORY_NAMES.includes(name);

/** A cache, or a repository of backups. */
function isLeftOut(names: ReadonlySet<string>): boolean {
  return names.has(CACHE_TAG) || REPOSITORY_NAMES.every((name) => names.has(name));
}

async function lookBelow(
  { path: root, isSoftware = false }: Root,
  atLeastBytes: number,
  clock: LookClock,
  budget: Budget,
): Promise<RequestResult<'directories.look'>['found']> {
  const found: RequestResult<'directories.look'>['found'] = [];
  for await (const entry of listEntries(root)) {
    if (budget.entries < 0 || clock.monotonicMs() > budget.untilMs) break;
    const path = join(root, entry.name);
    if (!entry.isDirectory() || !isReadable(entry.name) || REMADE.has(entry.name) || path.length > TEXT.pathChars) continue;
    const own = await lstat(path).catch(() => undefined);
    if (own === undefined) continue;
    const { bytes, isWhole, changedAt } = await countBytes(path, own.dev, clock, budget);
    const isStill = Math.max(changedAt, own.mtimeMs) < clock.now() - SOFTWARE_STILL_MS;
    if (isSoftware && isWhole && isStill) continue;
    // What was not counted to its end may be as big as one likes.
    if (bytes >= atLeastBytes || !isWhole) found.push({ path, sizeBytes: bytes, isWhole });
  }
  return found;
}

export function createDirectoriesLook(clock: LookClock, roots: readonly Root[] = ROOTS) {
  return async (body: RequestBody<'directories.look'>): Promise<RequestResult<'directories.look'>> => {
    assertInTime(clock, body.notAfter);
    const budget: Budget = { entries: COVERAGE.entries, untilMs: clock.monotonicMs() + COVERAGE.lookMs };
    const found = [];
    for (const root of roots) found.push(...(await lookBelow(root, body.atLeastBytes, clock, budget)));
    return { found: found.toSorted((a, b) => b.sizeBytes - a.sizeBytes).slice(0, COVERAGE.directories) };
  };
}
