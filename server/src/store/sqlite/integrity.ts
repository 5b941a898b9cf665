/**
 * Whether the database file is whole. What SQLite stumbles over while it works counts at once; the rest is found by reading the
 * whole file once a day, in a thread of its own, so that nobody waits for it. From the first damage on nothing is written any
 * more: what would be acknowledged might not be there tomorrow, and hosts keep what they have to tell. Reads go on as far as
 * they can, so that people see what is left while they look for a copy.
 */
import { Worker } from 'node:worker_threads';
import { AppError } from '@holdfast/shared/errors.ts';

/** The first look leaves a server that starts its time; a server that was killed for damage finds it again soon. */
const FIRST_CHECK_MS = 60_000;
const CHECK_EVERY_MS = 24 * 60 * 60_000;

export interface IntegrityWatch {
  readonly isDamaged: boolean;
  /** Throws `integrity` with what to do once damage was found. For every write. */
  guard(): void;
  /** Takes `integrity` of a statement as damage of the file; other failures are none. */
  note(error: AppError): void;
  /** Reads the whole file now. Resolves when it was read; what it found is in `isDamaged`. */
  check(): Promise<void>;
  /** No further checks; one that is at work is ended. */
  close(): Promise<void>;
}

export interface IntegrityOptions {
  path: string;
  /** Hears of damage once, and of a check that could not be made. */
  onDamage(text: string): void;
  /** Milliseconds; undefined for no checks by itself. */
  schedule?: { firstMs: number; everyMs: number } | undefined;
}

export const DAILY_CHECK = { firstMs: FIRST_CHECK_MS, everyMs: CHECK_EVERY_MS } as const;

/** What the thread says: `ok`, what is damaged, or why it could not look. */
export type CheckVerdict = { kind: 'ok' } | { kind: 'damaged' | 'unknown'; text: string };

export function createIntegrityWatch({ path, onDamage, schedule }: IntegrityOptions): IntegrityWatch {
  let damage: string | undefined;
  let running: { worker: Worker; done: Promise<void> } | undefined;
  const timers: NodeJS.Timeout[] = [];

  const condemn = (text: string): void => {
    if (damage !== undefined) return;
    damage = text;
    onDamage(
      `the database ${path} is damaged (${text}): nothing is written to it any more, reports wait at their hosts; stop the server and put a copy back`,
    );
  };
  const look = (): { worker: Worker; done: Promise<void> } => {
    const worker = new Worker(new URL('./integrity-check.ts', import.meta.url), { workerData: { path } });
    worker.unref();
    const done = new Promise<void>((resolve) => {
      worker.once('message', (verdict: CheckVerdict) => {
        if (verdict.kind === 'damaged') condemn(verdict.text);
        else if (verdict.kind === 'unknown') onDamage(`the database ${path} could not be checked: ${verdict.text}`);
      });
      worker.once('error', (error: Error) => onDamage(`the database ${path} could not be checked: ${error.message}`));
      worker.once('exit', () => {
        running = undefined;
        resolve();
      });
    });
    return { worker, done };
  };
  const check = (): Promise<void> => {
    running ??= look();
    return running.done;
  };

  if (schedule !== undefined) {
    timers.push(
      setTimeout(() => void check(), schedule.firstMs),
      setInterval(() => void check(), schedule.everyMs),
    );
    for (const timer of timers) timer.unref();
  }
  return {
    get isDamaged() {
      return damage !== undefined;
    },
    guard() {
      if (damage === undefined) return;
      throw new AppError(
        'integrity',
        'the database file is damaged, so nothing is stored any more; stop the server and put a copy of it back',
      );
    },
    note(error) {
      if (error.code === 'integrity') condemn(error.message);
    },
    check,
    async close() {
      for (const timer of timers) clearInterval(timer);
      await running?.worker.terminate();
    },
  };
}
