/**
 * Whether the database file is whole. What SQLite stumbles over while it works counts at once; the rest is found by reading the
 * whole file once a day, in a thread of its own, so that nobody waits for it. From the first damage on nothing is written any
 * more: what would be acknowledged might not be there tomorrow, and hosts keep what they have to tell. Reads go on as far as
 * they can, so that people see what is left while they look for a copy.
 */
import { Worker } from 'node:worker_threads';
import { AppError } from '@holdfast/shared/errors.ts';

/** The first look leaves a server that starts its time; a server that was killed for damage finds it again soon. */
const FIRST_CHECK_MS = 10 * 60_000;
const CHECK_EVERY_MS = 24 * 60 * 60_000;
/** The thread lives for seconds a day; what it takes should not stay with the process. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32, codeRangeSizeMb: 4 } as const;

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

/** What the thread found: `ok` or what is damaged, or with `code` SQLite's own name of what kept it from reading on. */
export interface CheckReport {
  text: string;
  code?: string;
}

export interface CheckVerdict {
  kind: 'ok' | 'damaged' | 'unknown';
  text: string;
}

/** Any damage SQLite can see is `damaged`; what kept it from looking is `unknown`. */
export function judgeReport(report: CheckReport): CheckVerdict {
  if (report.text === 'ok' && report.code === undefined) return { kind: 'ok', text: report.text };
  if (report.code === undefined) return { kind: 'damaged', text: report.text };
  const isDamage = report.code.startsWith('SQLITE_CORRUPT') || report.code === 'SQLITE_NOTADB';
  return { kind: isDamage ? 'damaged' : 'unknown', text: report.text };
}

interface RunningCheck {
  end(): void;
  readonly done: Promise<CheckVerdict>;
}

function startCheck(path: string): RunningCheck {
  const worker = new Worker(new URL('./integrity-check.js', import.meta.url), {
    workerData: path,
    resourceLimits: THREAD_LIMITS,
    env: {},
  });
  const done = new Promise<CheckVerdict>((resolve) => {
    worker.once('message', (report: CheckReport) => resolve(judgeReport(report)));
    worker.once('error', (error: Error) => resolve({ kind: 'unknown', text: error.message }));
    worker.once('exit', () => resolve({ kind: 'unknown', text: 'the check ended early' }));
  });
  return { end: () => void worker.terminate(), done };
}

export function createIntegrityWatch({ path, onDamage, schedule }: IntegrityOptions): IntegrityWatch {
  let damage: string | undefined;
  let running: { end(): void; done: Promise<void> } | undefined;
  let isClosed = false;
  const timers: NodeJS.Timeout[] = [];

  const condemn = (text: string): void => {
    if (damage !== undefined) return;
    damage = text;
    onDamage(
      `the database ${path} is damaged (${text}): nothing is written to it any more, reports wait at their hosts; stop the server and put a copy back`,
    );
  };
  const judge = ({ kind, text }: CheckVerdict): void => {
    running = undefined;
    if (kind === 'damaged') condemn(text);
    else if (kind === 'unknown' && !isClosed) onDamage(`the database ${path} could not be checked: ${text}`);
  };
  const look = () => {
    const { end, done } = startCheck(path);
    return { end, done: done.then(judge) };
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
      isClosed = true;
      running?.end();
      await running?.done;
    },
  };
}
