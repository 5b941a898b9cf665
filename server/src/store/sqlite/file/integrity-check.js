/**
 * The thread of the daily check: reads every page of the file it is given through a connection of its own, and says what it found:
 * `{text}`, which is `ok` or what is damaged, or `{text, code}` with SQLite's own name of what kept it from reading on. Plain JavaScript
 * without imports of ours: a thread has its own copy of all it loads, and stripping types alone would take some 18 MB.
 */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

const BUSY_MS = 5000;
const SHOWN_CHARS = 300;

function readWholeFile(path) {
  try {
    const db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
    try {
      // Each page is read once: what it would keep of them is memory that nobody uses again.
      db.pragma('cache_size = -1024');
      return { text: String(db.pragma('quick_check(3)', { simple: true })).slice(0, SHOWN_CHARS) };
    } finally {
      db.close();
    }
  } catch (error) {
    return { text: error.message, code: error.code ?? 'unknown' };
  }
}

parentPort?.postMessage(readWholeFile(workerData));
