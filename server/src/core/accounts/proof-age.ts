/** How fresh the proof of a session has to be for an act that nobody should find at a browser that was left open. */
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Caller } from '../caller.ts';

/** Error details name under this what a person has to confirm. */
const DETAIL = 'confirm';

/**
 * Throws `forbidden` with `details.confirm`, where the caller came by a session whose person proved longer than `withinMs` ago who they are.
 * `what` names the act as people say it, such as `approve a host`. A program with a key, and who sits at the server itself, have no session.
 */
export function assertProven(now: number, { provenAt }: Pick<Caller, 'provenAt'>, what: string, withinMs: number): void {
  if (provenAt === undefined || now - provenAt <= withinMs) return;
  const minutes = Math.round(withinMs / MINUTE_MS);
  throw new AppError(
    'forbidden',
    `confirm with your password that it is you who wants to ${what}: this session did so more than ${minutes === 1 ? 'a minute' : `${minutes} minutes`} ago. The pages ask for it; a program uses an API key`,
    { details: { [DETAIL]: what } },
  );
}

/** What a person has to confirm before this can be done; undefined for every other failure. */
export function findUnconfirmed(thrown: unknown): string | undefined {
  const what = thrown instanceof AppError && thrown.code === 'forbidden' ? thrown.details[DETAIL] : undefined;
  return typeof what === 'string' ? what : undefined;
}
