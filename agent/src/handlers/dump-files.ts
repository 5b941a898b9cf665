/** `dump_files.list`: what lies in the directories that this host's configuration offers for restores. */
import { closeSync, type Dirent, constants as flags, fstatSync, openSync } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import type { DumpLook } from '@holdfast/shared/domain/dump-file.ts';
import { toStoredText } from '@holdfast/shared/domain/stored-path.ts';
import { BROWSE, DUMP_FILES, TEXT } from '@holdfast/shared/limits.ts';
import type { DumpEntry } from '@holdfast/shared/protocol/dump-files.ts';
import type { RequestBody, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import { lookAtDump } from '../runs/restore/database/dump-look.ts';
import { openOfferedDirectory } from '../runs/restore/database/offered-directory.ts';
import { pathThrough } from '../runs/restore/files/real-directory.ts';
import { describeCode } from '../runs/restore/files/restore-staging.ts';
import type { Workbench } from '../runs/workbench.ts';
import { assertInTime } from './in-time.ts';

type Named = Dirent<Buffer>;

async function listNames(directory: number): Promise<Named[]> {
  const found: Named[] = [];
  // The types know no names in bytes here; the function does.
  const opened = await opendir(`/proc/self/fd/${directory}`, { encoding: 'buffer' as BufferEncoding, bufferSize: 256 });
  for await (const entry of opened as unknown as AsyncIterable<Named>) {
    found.push(entry);
    if (found.length >= DUMP_FILES.listed) break;
  }
  const rank = (entry: Named) => (entry.isDirectory() ? 0 : 1);
  return found.sort((one, other) => rank(one) - rank(other) || Buffer.compare(one.name, other.name));
}

/** What an entry is by its first bytes; whoever may not read it, or finds something else there by then, says so. */
function look(directory: number, name: Uint8Array): DumpLook {
  try {
    const fd = openSync(pathThrough(directory, name), flags.O_RDONLY | flags.O_NOFOLLOW | flags.O_NONBLOCK);
    try {
      return fstatSync(fd).isFile() ? lookAtDump(fd) : { refusal: 'This is no regular file.' };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return { refusal: `The agent cannot read this file (${describeCode(error)}).` };
  }
}

async function describe(directory: number, { name }: Named): Promise<DumpEntry | undefined> {
  const text = toStoredText(name);
  const stats = await lstat(pathThrough(directory, name)).catch(() => undefined);
  if (!stats || text.length > TEXT.pathChars) return undefined;
  const modifiedAt = Math.floor(stats.mtimeMs);
  if (stats.isDirectory()) return { name: text, type: 'dir', sizeBytes: 0, modifiedAt };
  if (!stats.isFile()) return { name: text, type: 'other', sizeBytes: 0, modifiedAt };
  return { name: text, type: 'file', sizeBytes: stats.size, modifiedAt, ...look(directory, name) };
}

export function createDumpFilesList({ clock, dumpDirs = [] }: Pick<Workbench, 'clock' | 'dumpDirs'>) {
  return async (body: RequestBody<'dump_files.list'>): Promise<RequestResult<'dump_files.list'>> => {
    assertInTime(clock, body.notAfter);
    const { path, after = 0, limit = DUMP_FILES.entriesPerPage } = body;
    const directory = openOfferedDirectory(dumpDirs, path);
    try {
      const names = await listNames(directory);
      const entries: DumpEntry[] = [];
      let bytes = 0;
      let at = after;
      for (; at < names.length && entries.length < limit && bytes < BROWSE.replyBytes; at += 1) {
        const entry = await describe(directory, names[at] as Named);
        if (!entry) continue;
        entries.push(entry);
        bytes += Buffer.byteLength(JSON.stringify(entry));
      }
      return { path, entries, total: names.length, ...(at < names.length ? { next: at } : {}) };
    } finally {
      closeSync(directory);
    }
  };
}
