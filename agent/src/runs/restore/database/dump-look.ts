/** What an open file is by its first bytes; reads no more than these. */
import { readSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { type DumpLook, isGzip, recogniseDump } from '@holdfast/shared/domain/dump-file.ts';
import { DUMP_FILES } from '@holdfast/shared/limits.ts';

function readStart(descriptor: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  let held = 0;
  while (held < bytes) {
    const read = readSync(descriptor, buffer, held, bytes - held, held);
    if (read === 0) break;
    held += read;
  }
  return buffer.subarray(0, held);
}

/** What the start of a gzip file unpacks to; however dense it is, that has an end, because its input has. */
function unpackStart(packed: Buffer): string | undefined {
  try {
    return gunzipSync(packed, { finishFlush: constants.Z_SYNC_FLUSH }).toString('latin1', 0, DUMP_FILES.headBytes);
  } catch {
    return undefined;
  }
}

const readArchive = getSourceAdapter('postgres').restore?.head.read ?? (() => undefined);

/** The place in the file stays where it was. Throws what the system says of an unreadable one. */
export function lookAtDump(descriptor: number): DumpLook {
  const start = readStart(descriptor, DUMP_FILES.headBytes);
  const head = start.toString('latin1');
  if (!isGzip(head)) return recogniseDump(head, false, readArchive);
  const inside = unpackStart(start.subarray(0, DUMP_FILES.packedHeadBytes));
  if (inside === undefined) return { refusal: 'This begins as a gzip file and cannot be unpacked.' };
  return recogniseDump(inside, true, readArchive);
}
