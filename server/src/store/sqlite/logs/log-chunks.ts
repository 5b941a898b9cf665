/** Log lines as they are stored: one line of JSON each, many of them in one zstd chunk. */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { LOG_LEVELS, type LogLine } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';

/** Raw bytes of a chunk; small enough to open within a turn of the event loop. */
export const CHUNK_BYTES = 256 * 1024;

export const chunkRow = z.object({
  firstN: z.int(),
  lastN: z.int(),
  lines: z.int(),
  rawBytes: z.int(),
  body: z.instanceof(Uint8Array),
});
export const CHUNK_COLUMNS = 'first_n AS firstN, last_n AS lastN, lines, raw_bytes AS rawBytes, body';

const storedLine = z.tuple([z.int(), z.int(), z.enum(LOG_LEVELS), z.string()]);

/** One line of JSON for one line of the log: control characters and lone surrogates are escaped, so any text survives. */
export function encodeLine(line: LogLine): Buffer {
  return Buffer.from(`${JSON.stringify([line.n, line.at, line.level, line.text])}\n`, 'utf8');
}

export function packLines(raw: readonly Buffer[]): Buffer {
  return zstdCompressSync(Buffer.concat(raw));
}

/** Puts chunks together into one, without reading their lines. */
export function joinChunks(bodies: readonly Uint8Array[]): Buffer {
  return packLines(bodies.map((body) => zstdDecompressSync(body)));
}

/** Lines from their text. Throws `integrity` when `read` does, or when its text is not one of lines. */
export function parseLines(read: () => string): LogLine[] {
  try {
    return read()
      .split('\n')
      .flatMap((json) => {
        if (json === '') return [];
        const [n, at, level, said] = storedLine.parse(JSON.parse(json));
        return [{ n, at, level, text: said }];
      });
  } catch (cause) {
    throw new AppError('integrity', 'a stored piece of this log cannot be read back; restore a copy of the database', { cause });
  }
}

/** Throws `integrity` for a body that cannot be read back. */
export function decodeChunk(body: Uint8Array): LogLine[] {
  return parseLines(() => zstdDecompressSync(body, { maxOutputLength: 2 * CHUNK_BYTES }).toString('utf8'));
}
