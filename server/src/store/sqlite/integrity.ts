/**
 * Whether the database file is whole. What SQLite stumbles over while it works counts at once; the rest is found by reading the
 * whole file once a day, in a process of its own, so that nobody waits for it and its memory is given back. From the first damage on nothing is written any
 * more: what would be acknowledged might not be there tomorrow, and hosts keep what they have to tell. Reads go on as far as
 * they can, so that people see what is left while they look for a copy.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';

/** The first look leaves a server that starts its time; a server that was killed for damage finds it again soon. */
const FIRST_CHECK_MS = 10 * 60_000;
const CHECK_EVERY_MS = 24 * 60 * 60_000;
/** A disk that cannot be read through in this time is no disk to keep a database on. */
const CHECK_LIMIT_MS = 6 * 60 * 60_000;
const PROGRAM = fileURLToPath(new URL('./integrity-check.ts', import.meta.url));

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

/** What the check says: `ok`, what is damaged, or why it could not look. */
const verdictSchema = z.object({ kind: z.enum(['ok', 'damaged', 'unknown']), text: z.string() });
export type CheckVerdict = z.infer<typeof verdictSchema>;

interface RunningCheck {
  end(): void;
  readonly done: Promise<CheckVerdict>;
}

function readVerdict(told: string): CheckVerdict {
  try {
    return verdictSchema.parse(JSON.parse(told));
  } catch {
    return { kind: 'unknown', text: `the check said ${JSON.stringify(told.slice(0, 200))}` };
  }
}

/** Nothing of the environment reaches it: it needs the file alone. */
function startCheck(path: string): RunningCheck {
  let end: () => void = () => undefined;
  const done = new Promise<CheckVerdict>((resolve) => {
    const child = execFile(process.execPath, [PROGRAM, path], { env: {}, timeout: CHECK_LIMIT_MS }, (error, told) => {
      if (error) resolve({ kind: 'unknown', text: `the check ended early (${error.signal ?? error.code})` });
      else resolve(readVerdict(told));
    });
    end = () => void child.kill('SIGKILL');
  });
  return { end, done };
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
