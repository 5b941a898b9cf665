/**
 * The database that a restore makes under the name that a person chose. Whoever needs that name meanwhile may drop it and make another, also while
 * this agent is away for days; so it goes only while it bears the mark of the one that was made.
 */
import type { RestoreInput } from '@holdfast/shared/adapters/source.ts';
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import type { HalfRestored } from '../../journaled-run.ts';
import { ask, assertAnswered, type DatabaseRestorePart, dropMade, type InspectPart, inspect, MAKING_MS } from './restore-ask.ts';

export type OwnDatabase = NonNullable<HalfRestored['own']>;

/** Makes the target, which is not there. `made`: private databases that must not stay. Not to be cancelled: afterwards its mark must be known. */
export async function makeOwn(
  part: DatabaseRestorePart,
  input: RestoreInput,
  made: readonly string[] = [],
): Promise<OwnDatabase> {
  const { restore, recorder, database } = part;
  part.remember({ made: [...made], making: database });
  const command = restore.planCreateTarget({ ...input, mark: recorder.run, defaults: part.recorded?.defaults });
  const created = await ask(part, command, { timeoutMs: MAKING_MS });
  if (created.exitCode !== 0) part.remember({ made: [...made] });
  assertAnswered(part, created);
  const seen = await inspect(part, database).catch(async (error: unknown) => {
    const { ok, words } = await dropMade(part, database);
    if (!ok) recorder.log('error', `the empty database ${database} could not be removed: ${words}`);
    throw error;
  });
  const [mark] = seen.marks;
  if (mark === undefined)
    throw createReasonError('restore_failed', `${database} was made, and is not there any more: does somebody else drop it?`);
  const own = { database, mark };
  part.remember({ made: [...made], own });
  return own;
}

/** `others`: a database of that name is there, and it is another one. */
export async function dropOwn(
  part: InspectPart,
  { database, mark }: OwnDatabase,
): Promise<{ is: 'gone' | 'others' | 'there'; isRefused?: boolean; words: string }> {
  try {
    const { exists, marks } = await inspect(part, database);
    if (!exists) return { is: 'gone', words: '' };
    if (!marks.includes(mark)) return { is: 'others', words: '' };
    const { ok, isRefused, words } = await dropMade(part, database);
    return { is: ok ? 'gone' : 'there', isRefused, words };
  } catch (thrown) {
    const error = toAppError(thrown);
    return { is: 'there', isRefused: findReason(error) === 'restore_permission', words: error.message };
  }
}

export const describeOthers = ({ database }: OwnDatabase): string =>
  `the database ${database} that this restore had made is gone, and somebody has made another of that name: it stays as it is`;

/** Takes the mark away that is in the database itself; tells how that went and throws nothing. */
export async function unmarkOwn(part: InspectPart, { database, mark }: OwnDatabase): Promise<{ ok: boolean; words: string }> {
  const { planUnmark } = part.restore;
  if (!planUnmark) return { ok: true, words: '' };
  const result = await ask(part, planUnmark({ ...part.connection.input, targetDatabase: database, mark }));
  const words = `The empty table holdfast_half_${mark} stays in ${database} until you drop it: ${result.stderr.trim()}`;
  return { ok: result.exitCode === 0, words };
}
