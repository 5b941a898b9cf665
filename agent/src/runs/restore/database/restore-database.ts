/**
 * Restores a dump into a database, in one of the modes of `domain/restore.ts`. A target that is not what the mode asks for is refused;
 * what was created is removed again when the restore fails, what was there, empty, becomes so again, and what held something is changed in one
 * transaction or not at all.
 */
import { closeSync } from 'node:fs';
import type { DumpedObject } from '@holdfast/shared/adapters/filling.ts';
import type { PourInput } from '@holdfast/shared/adapters/source.ts';
import { getModeRule, isReadFirst } from '@holdfast/shared/domain/restore.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { HalfRestored } from '../../journaled-run.ts';
import { inStage, type RestoreResult } from '../restore-part.ts';
import { readWholeFile } from './host-dump-proof.ts';
import { ask, assertAnswered, type DatabaseRestorePart, TRIED_AGAIN } from './restore-ask.ts';
import { restoreBeside, safeguard } from './restore-beside.ts';
import { changeInOne } from './restore-change.ts';
import { assertRoom, type CheckedTarget, checkTarget, type FillsHow, findFillsHow, isHeldBySessions } from './restore-checks.ts';
import { describeEmptied, describeFilled, emptyAgain, type Filling, listComing } from './restore-filling.ts';
import { describeOthers, dropOwn, makeOwn, type OwnDatabase, unmarkOwn } from './restore-own.ts';
import { pour } from './restore-pour.ts';
import { readWhole } from './restore-proof.ts';
import { carryProperties } from './restore-properties.ts';
import { EXTENTS, takeStock } from './restore-record.ts';
import { planRoles, withRoles } from './restore-roles.ts';
import { spoolDump } from './restore-spool.ts';
import { mayMakePrivate, restoreByTaking } from './restore-take.ts';

export type { DatabaseRestorePart } from './restore-ask.ts';

const CANCELLED_NEW = 'The restore was cancelled; a database that was made for it is removed';
const CANCELLED_WHOLE = 'The restore was cancelled; the target is as it was';
const describeCancelled = (database: string) => `The restore was cancelled; what had come into ${database} is removed again`;

async function dropAgain(part: DatabaseRestorePart, own: OwnDatabase): Promise<void> {
  // Nor is it taken for one that has come whole by an agent that starts anew.
  part.remember({ made: [], own });
  const { is, words } = await dropOwn(part, own);
  if (is === 'gone') part.recorder.log('info', `the half-restored database ${part.database} was removed`);
  else if (is === 'others') part.recorder.log('warn', describeOthers(own));
  else part.recorder.log('error', `the half-restored database ${part.database} could not be removed: ${words}`);
  if (is !== 'there') part.remember(undefined);
}

/** What had come into a database that was there before. */
async function emptyTarget(part: DatabaseRestorePart, filling: Filling): Promise<void> {
  // Nor is it taken for one that has come whole by an agent that starts anew.
  part.remember({ made: [], filling });
  const { is, words } = await emptyAgain(part, filling);
  if (is === 'there') {
    const next = part.isByHand ? 'Drop what came by hand' : `It is not left so: ${TRIED_AGAIN}`;
    return part.recorder.log('error', `${describeFilled(filling, words)}. ${next}`);
  }
  part.recorder.log('info', describeEmptied(filling, is));
  part.remember(undefined);
}

async function endSessions(part: DatabaseRestorePart, input: PourInput): Promise<void> {
  if (!isHeldBySessions(part) || part.options.endSessions !== true || !part.restore.planEndSessions) return;
  assertAnswered(part, await ask(part, part.restore.planEndSessions(input)));
}

/** How the mode pours; modes that build beside reach this only where there is nothing to build beside. */
function toPourMode(mode: DatabaseRestorePart['mode']): NonNullable<PourInput['mode']> {
  if (mode === 'tables') throw new AppError('invalid', 'chosen tables are restored from a database beside the target');
  return mode === 'replace' ? 'new' : mode;
}

/** A target whose content goes again unless all of it comes: the restore made it, or it was there before, empty, and bears a list. */
interface Held {
  half: Pick<HalfRestored, 'own' | 'filling'>;
  marked: OwnDatabase;
  takeBack(): Promise<void>;
}

const holdOwn = (part: DatabaseRestorePart, own: OwnDatabase): Held => ({
  half: { own },
  marked: own,
  takeBack: () => dropAgain(part, own),
});

const holdFilling = (part: DatabaseRestorePart, filling: Filling): Held => ({
  half: { filling },
  marked: filling,
  takeBack: () => emptyTarget(part, filling),
});

/** Everything is there: nobody takes it back any more. Returns warnings. */
async function keep(part: DatabaseRestorePart, { marked }: Held): Promise<readonly string[]> {
  const { ok, words } = await unmarkOwn(part, marked);
  part.remember(undefined);
  return ok ? [] : [words];
}

/** Straight into the target; `coming`: what the dump brings, where that has to be listed. */
async function restoreDirectly(
  part: DatabaseRestorePart,
  { target, toolVersion }: CheckedTarget,
  coming: readonly DumpedObject[],
): Promise<RestoreResult> {
  const { recorder, options, connection, database } = part;
  const mode = toPourMode(part.mode);
  const fills = findFillsHow(part, target);
  const filling = fills === 'listed' ? { database, mark: recorder.run } : undefined;
  const input: PourInput = {
    ...connection.input,
    targetDatabase: database,
    mode,
    owners: options.owners,
    superuser: target.superuser,
    inOne: fills === 'in_one',
    filling: filling?.mark,
  };
  const safety = await safeguard(part, target);
  const isWhole = getModeRule(mode).changesExisting || fills === 'in_one';
  const undone = filling ? describeCancelled(database) : CANCELLED_NEW;
  let held: Held | undefined;
  try {
    const warnings = await inStage(recorder, 'restore', async () => {
      if (!target.exists) held = holdOwn(part, await makeOwn(part, input));
      else if (filling) {
        held = holdFilling(part, filling);
        await listComing(part, filling, coming);
      }
      await endSessions(part, input);
      const pouring = () => pour(part, input, { toolVersion, cancelled: isWhole ? CANCELLED_WHOLE : undone });
      return isWhole ? changeInOne(part, [], pouring) : pouring();
    });
    // What is in the target for good is only looked at; what can be removed again may still be cancelled.
    const cancel = isWhole ? undefined : { signal: part.signal, words: undone };
    // Of what has come whole, and of what was changed, it is known until the run has ended that it is so.
    if (held) part.remember({ made: [], ...held.half, change: { isDone: true } });
    const stock = await inStage(recorder, 'evidence', () => takeStock(part, input, EXTENTS[mode], cancel));
    // Where the database was there before, it has its own.
    const carried = target.exists ? [] : await carryProperties(part, input, toolVersion);
    const left = held ? await keep(part, held) : [];
    return {
      evidence: [...safety, ...stock.evidence],
      warnings: [...warnings, ...stock.warnings, ...carried, ...left],
      bytes: part.sizeBytes,
      // What came stays: it stands in nobody's place, or is there for good.
      doubt: stock.doubt,
    };
  } catch (error) {
    if (held) await held.takeBack();
    else part.remember(undefined);
    throw error;
  }
}

/** Chosen tables for a database that is not there yet: it is made first, and goes again when they do not come. */
async function restoreTablesAnew(part: DatabaseRestorePart, checked: CheckedTarget): Promise<RestoreResult> {
  const own = await makeOwn(part, { ...part.connection.input, targetDatabase: part.database });
  const remember: DatabaseRestorePart['remember'] = (half) => part.remember({ made: [], ...half, own });
  try {
    const result = await restoreBeside({ ...part, remember }, checked);
    return { ...result, warnings: [...result.warnings, ...(await keep(part, holdOwn(part, own)))] };
  } catch (error) {
    await dropAgain(part, own);
    throw error;
  }
}

/** Whether the content goes by way of a private database; into a database that is not there all of it can go at once. */
async function restoresByTaking(part: DatabaseRestorePart, { target }: CheckedTarget): Promise<boolean> {
  const { restore, mode } = part;
  if (restore.planTake === undefined) return false;
  if (mode !== 'new') return mode !== 'replace' || target.exists;
  return target.exists && (await mayMakePrivate(part));
}

/** The pass over the dump before anything is touched, where there is one; and the dump as a file that tools can jump about in. */
async function readFirst(
  part: DatabaseRestorePart,
  { target, toolVersion }: CheckedTarget,
  { isWished, fills }: { isWished: boolean; fills: FillsHow },
): Promise<Pick<DatabaseRestorePart, 'spool'> & { read: readonly Evidence[]; coming?: readonly DumpedObject[] }> {
  const { recorder, options, file, stored } = part;
  if (file) {
    const { evidence, ...seen } = await inStage(recorder, 'read', async () => {
      const { unpackedBytes, ...looked } = await readWholeFile(part, file, toolVersion, fills);
      // Before, only the packed size was known.
      if (file.dump.isGzip) await assertRoom(part, target, unpackedBytes);
      return looked;
    });
    const read = [evidence];
    const canJump = file.dump.format === 'custom' && !file.dump.isGzip;
    return { ...seen, read, ...(canJump ? { spool: { descriptor: file.reopen(), sizeBytes: file.sizeBytes } } : {}) };
  }
  if (options.jobs !== undefined && stored) {
    const { evidence, ...spool } = await spoolDump(part, stored);
    return { read: [evidence], spool };
  }
  const isListed = fills === 'listed';
  if (!isWished && !isListed) return { read: [] };
  const { evidence, ...seen } = await inStage(recorder, 'read', () => readWhole(part, toolVersion, isListed));
  return { ...seen, read: [evidence] };
}

export async function restoreDatabase(part: DatabaseRestorePart): Promise<RestoreResult> {
  const { recorder, mode, options } = part;
  recorder.addRedaction(part.connection.redact);
  const { roles, isTaken, ...checked } = await inStage(recorder, 'preflight', async () => {
    const seen = await checkTarget(part);
    return { ...seen, roles: await planRoles(part, seen.toolVersion), isTaken: await restoresByTaking(part, seen) };
  });
  const fills = isTaken ? undefined : findFillsHow(part, checked.target);
  const isWished = isReadFirst(mode, options, isTaken);
  const { spool, read, coming = [] } = await readFirst(part, checked, { isWished, fills });
  const carryOut = (ready: DatabaseRestorePart) => {
    if (isTaken) return restoreByTaking(ready, checked);
    if (mode === 'tables' && !checked.target.exists) return restoreTablesAnew(ready, checked);
    return getModeRule(mode).isBuiltBeside && checked.target.exists
      ? restoreBeside(ready, checked)
      : restoreDirectly(ready, checked, coming);
  };
  try {
    const result = await withRoles({ ...part, spool }, roles, carryOut);
    return { ...result, evidence: [...read, ...result.evidence] };
  } finally {
    // A file of the host is closed by whoever opened it.
    if (spool && !part.file) closeSync(spool.descriptor);
  }
}
