/**
 * A database that was there before, empty, and is filled bit by bit, because its engine takes no definitions back: what the dump names is listed
 * in it first, so that exactly that goes again where the rest does not come. What somebody else makes there meanwhile stays.
 */
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseFilling, DumpedObject } from '@holdfast/shared/adapters/filling.ts';
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import type { HalfRestored } from '../../journaled-run.ts';
import { ask, assertAnswered, type DatabaseRestorePart, type InspectPart, inspect, MAKING_MS } from './restore-ask.ts';
import { unmarkOwn } from './restore-own.ts';
import { carryOutStep } from './restore-take.ts';

export type Filling = NonNullable<HalfRestored['filling']>;

/** Names in one dump that are remembered; some hundred bytes each for as long as they are written down. */
const MAX_OBJECTS = 200_000;

function getFilling({ restore, database }: Pick<DatabaseRestorePart, 'restore' | 'database'>): DatabaseFilling {
  if (restore.filling) return restore.filling;
  throw new AppError('unsupported', `${database} is there, and databases of this kind are only restored into one that is not`);
}

/** What a look through the dump has printed, as what comes. Throws `target_refused` for more than can be listed. */
export function readComing(
  part: Pick<DatabaseRestorePart, 'restore' | 'database'>,
  printed: string,
): { isWhole: boolean; objects: readonly DumpedObject[] } {
  const { isWhole, objects } = getFilling(part).readLook(printed);
  const named = new Map(objects.map((one) => [`${one.kind} ${one.name}`, one]));
  if (named.size > MAX_OBJECTS)
    throw createReasonError(
      'target_refused',
      `The dump names ${named.size} things, and ${part.database} is there: it could not be emptied again of so many. Take the name of a database that is not there`,
    );
  return { isWhole, objects: [...named.values()] };
}

/** Writes down in the target what is to come. Not to be cancelled: afterwards the list is there, or nothing has come. */
export async function listComing(part: DatabaseRestorePart, filling: Filling, objects: readonly DumpedObject[]): Promise<void> {
  part.remember({ made: [], filling });
  const input = { ...part.connection.input, targetDatabase: filling.database, mark: filling.mark };
  const { command, script } = getFilling(part).planList(input, objects);
  const path = join(part.workDir, 'fill-list.sql');
  writeFileSync(path, script, { mode: 0o600 });
  const stdin = openSync(path, 'r');
  try {
    assertAnswered(part, await ask(part, command, { timeoutMs: MAKING_MS, stdin }));
  } finally {
    closeSync(stdin);
    rmSync(path);
  }
}

export interface Emptied {
  /** `others`: what has come is gone, and there is something that somebody else has made. */
  is: 'empty' | 'others' | 'there';
  /** The server is there, and said no. */
  isRefused?: boolean;
  words: string;
}

/** Drops what has come; tells how that went and throws nothing. */
export async function emptyAgain(part: InspectPart, { database, mark }: Filling): Promise<Emptied> {
  const { filling } = part.restore;
  try {
    const before = await inspect(part, database);
    // Without its list nothing has come, or it is another database by now.
    if (filling && before.marks.includes(mark)) {
      const planned = filling.planEmpty({ ...part.connection.input, targetDatabase: database, mark });
      await carryOutStep(part, { kind: 'pour', ...planned });
      const { ok, words } = await unmarkOwn(part, { database, mark });
      if (!ok) throw createReasonError('restore_failed', words);
    }
    const { exists, empty } = await inspect(part, database);
    return { is: exists && !empty ? 'others' : 'empty', words: '' };
  } catch (thrown) {
    const error = toAppError(thrown);
    return { is: 'there', isRefused: findReason(error) === 'restore_permission', words: error.message };
  }
}

export const describeEmptied = ({ database }: Filling, is: 'empty' | 'others'): string =>
  is === 'empty'
    ? `${database} is empty again, as it was before`
    : `what had come into ${database} is gone again; what somebody else has made there meanwhile stays`;

export const describeFilled = ({ database, mark }: Filling, words: string): string =>
  `${database}, which was empty before, could not be emptied again: ${words}. Its table holdfast_half_${mark} lists what this restore brings`;
