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
const ROOTS = ['/srv', '/home', '/opt', '/data', '/var/www', '/var/mail', '/var/vmail', '/var/lib/docker/volumes'];
const BLOCK_BYTES = 512;

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
): Promise<{ bytes: number; isWhole: boolean }> {
  const left = { entries: COVERAGE.entriesPerDirectory };
  const waiting = [top];
  let bytes = 0;
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for await (const entry of listEntries(path)) {
      left.entries -= 1;
      budget.entries -= 1;
      if (left.entries < 0 || budget.entries < 0 || clock.monotonicMs() > budget.untilMs) return { bytes, isWhole: false };
      if (!isReadable(entry.name) || (!entry.isFile() && !entry.isDirectory())) continue;
      const child = join(path, entry.name);
      const found = await lstat(child).catch(() => undefined);
      if (found === undefined || found.dev !== device) continue;
      bytes += found.blocks * BLOCK_BYTES;
      if (found.isDirectory()) waiting.push(child);
    }
  }
  return { bytes, isWhole: true };
}

async function lookBelow(
  root: string,
  atLeastBytes: number,
  clock: LookClock,
  budget: Budget,
): Promise<RequestResult<'directories.look'>['found']> {
  const found: RequestResult<'directories.look'>['found'] = [];
  for await (const entry of listEntries(root)) {
    if (budget.entries < 0 || clock.monotonicMs() > budget.untilMs) break;
    const path = join(root, entry.name);
    if (!entry.isDirectory() || !isReadable(entry.name) || path.length > TEXT.pathChars) continue;
    const own = await lstat(path).catch(() => undefined);
    if (own === undefined) continue;
    const { bytes, isWhole } = await countBytes(path, own.dev, clock, budget);
    // What was not counted to its end may be as big as one likes.
    if (bytes >= atLeastBytes || !isWhole) found.push({ path, sizeBytes: bytes, isWhole });
  }
  return found;
}

export function createDirectoriesLook(clock: LookClock, roots: readonly string[] = ROOTS) {
  return async (body: RequestBody<'directories.look'>): Promise<RequestResult<'directories.look'>> => {
    assertInTime(clock, body.notAfter);
    const budget: Budget = { entries: COVERAGE.entries, untilMs: clock.monotonicMs() + COVERAGE.lookMs };
    const found = [];
    for (const root of roots) found.push(...(await lookBelow(root, body.atLeastBytes, clock, budget)));
    return { found: found.toSorted((a, b) => b.sizeBytes - a.sizeBytes).slice(0, COVERAGE.directories) };
  };
}
