/** The daily check: reads every page of the file it is given through a connection of its own, and prints what it found. */
import Database from 'better-sqlite3';
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
      return text === 'ok' ? { kind: 'ok', text } : { kind: 'damaged', text: text.slice(0, SHOWN_CHARS) };
    } finally {
      db.close();
    }
  } catch (thrown) {
    const error = toStoreError(thrown);
    return { kind: error.code === 'integrity' ? 'damaged' : 'unknown', text: error.message };
  }
}

if (import.meta.main) process.stdout.write(JSON.stringify(readWholeFile(process.argv[2] ?? '')));
