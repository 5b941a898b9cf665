/**
 * Forms that wait until their sender has confirmed who they are. They may hold secrets, so they stay here in memory and go into no page:
 * the page has a name of the form alone, which is worth something to the session that sent it, once and for some minutes.
 */
import type { Clock } from '@holdfast/shared/clock.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Visit } from './route.ts';

export interface HeldForm {
  /** Path and query that it was sent to. */
  url: string;
  form: Visit['form'];
  /** The page it was sent from, where the browser said so. */
  from?: string | undefined;
  /** What it would do, as `demandProven` names it. */
  what: string;
}

export interface HeldForms {
  /** Returns its name. Where there are too many, the oldest go: of the session first, then of all. */
  hold(session: string, held: HeldForm): string;
  /** Undefined when it is not kept any more, or another session sent it. */
  find(session: string, name: string): HeldForm | undefined;
  forget(name: string): void;
}

interface Kept extends HeldForm {
  session: string;
  until: number;
  chars: number;
}

/** `createName` makes names that nobody guesses. */
export function createHeldForms(clock: Pick<Clock, 'monotonicMs'>, createName: () => string): HeldForms {
  /** In the order in which they came. */
  const kept = new Map<string, Kept>();
  const makeRoom = (session: string): void => {
    const now = clock.monotonicMs();
    for (const [name, { until }] of kept) if (until <= now) kept.delete(name);
    const own = [...kept].filter(([, one]) => one.session === session);
    for (const [name] of own.slice(0, Math.max(0, own.length - HTTP.heldFormsPerSession))) kept.delete(name);
    let chars = [...kept.values()].reduce((sum, one) => sum + one.chars, 0);
    for (const [name, one] of kept) {
      if (chars <= HTTP.heldFormChars) return;
      kept.delete(name);
      chars -= one.chars;
    }
  };
  return {
    hold(session, held) {
      const name = createName();
      const chars = JSON.stringify(held.form).length;
      kept.set(name, { ...held, session, until: clock.monotonicMs() + HTTP.heldFormMs, chars });
      makeRoom(session);
      return name;
    },
    find(session, name) {
      const found = kept.get(name);
      if (found === undefined || found.session !== session || found.until <= clock.monotonicMs()) return undefined;
      const { url, form, from, what } = found;
      return { url, form, from, what };
    },
    forget: (name) => void kept.delete(name),
  };
}
