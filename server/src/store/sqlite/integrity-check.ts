/** The thread of the daily check: reads every page of the file it is given through a connection of its own, and says what it found. */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import * as z from 'zod';
import { toStoreError } from './faults.ts';
import type { CheckVerdict } from './integrity.ts';

const BUSY_MS = 5000;
const SHOWN_CHARS = 300;

/** Takes as long as reading the file; any damage SQLite can see is `damaged`, what kept it from looking is `unknown`. */
export function readWholeFile(path: string): CheckVerdict {
  try {
    const db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
    try {
      const text = String(db.pragma('quick_check(3)', { simple: true }));
      return text === 'ok' ? { kind: 'ok' } : { kind: 'damaged', text: text.slice(0, SHOWN_CHARS) };
    } finally {
      db.close();
    }
  } catch (thrown) {
    const error = toStoreError(thrown);
    return { kind: error.code === 'integrity' ? 'damaged' : 'unknown', text: error.message };
  }
}

parentPort?.postMessage(readWholeFile(z.object({ path: z.string() }).parse(workerData).path));
