/** What the server can find out about itself: when its database was last copied, and how long its certificate lasts. */
import { utimesSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { Clock } from '@holdfast/shared/clock.ts';

/** Beside the database; its time is that of the newest copy, its content is nothing. */
const COPY_MARK = 'last-copy';
const CERTIFICATE_EVERY_MS = 6 * 3_600_000;
const CERTIFICATE_TIMEOUT_MS = 10_000;

/** A copy of the database was made and is whole. False where the directory takes no note of it. */
export function noteCopy(dataDir: string, at: number): boolean {
  const path = join(dataDir, COPY_MARK);
  try {
    writeFileSync(path, '', { mode: 0o600 });
    utimesSync(path, at / 1000, at / 1000);
    return true;
  } catch {
    return false;
  }
}

async function findTime(path: string, of: 'mtimeMs' | 'birthtimeMs'): Promise<number | undefined> {
  try {
    const at = (await stat(path))[of];
    // A file system that keeps no birth says zero.
    return at > 0 ? at : undefined;
  } catch {
    return undefined;
  }
}

/** When the newest copy was made, and since when there is something to copy; epoch milliseconds, undefined where nobody knows. */
export async function findCopyTimes(dataDir: string, database: string): Promise<{ copiedAt?: number; bornAt?: number }> {
  const copiedAt = await findTime(join(dataDir, COPY_MARK), 'mtimeMs');
  const bornAt = await findTime(database, 'birthtimeMs');
  return { ...(copiedAt === undefined ? {} : { copiedAt }), ...(bornAt === undefined ? {} : { bornAt }) };
}

/** When the certificate ends that is shown at an address; undefined where none is, or nobody answers. Whether it is trusted is not asked. */
export function readCertificateEnd(url: URL): Promise<number | undefined> {
  if (url.protocol !== 'https:') return Promise.resolve(undefined);
  const host = url.hostname.replace(/^\[|\]$/gu, '');
  const port = url.port === '' ? 443 : Number(url.port);
  return new Promise((resolve) => {
    const socket = connect({ host, port, servername: /^[\d.]+$|:/u.test(host) ? '' : host, rejectUnauthorized: false });
    const end = (at: number | undefined) => {
      socket.destroy();
      resolve(at);
    };
    socket.setTimeout(CERTIFICATE_TIMEOUT_MS, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('secureConnect', () => {
      const at = Date.parse(socket.getPeerCertificate().valid_to ?? '');
      end(Number.isNaN(at) ? undefined : at);
    });
  });
}

/** Asks the server's own address, a few times a day; what was seen last is known until then. */
export function createCertificateWatch(clock: Pick<Clock, 'monotonicMs'>, baseUrl: string): () => Promise<number | undefined> {
  let asked: { atMs: number; endsAt: Promise<number | undefined> } | undefined;
  return () => {
    const atMs = clock.monotonicMs();
    if (asked === undefined || atMs - asked.atMs >= CERTIFICATE_EVERY_MS)
      asked = { atMs, endsAt: readCertificateEnd(new URL(baseUrl)) };
    return asked.endsAt;
  };
}
