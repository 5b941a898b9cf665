/**
 * Restores that build a database beside the target under a private name. The target is touched only at the end, in one step: until then a
 * failure, a cancellation or a crash costs the private database and nothing else.
 */
import type { TargetState } from '@holdfast/shared/adapters/source.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { getBinary } from '../../workbench.ts';
import { inStage, RESTORE_STALL_MS, type RestoreResult } from '../restore-part.ts';
import {
  ask,
  assertAnswered,
  type DatabaseRestorePart,
  describeLeftover,
  dropMade,
  inspect,
  MAKING_MS,
  nameForWitness,
} from './restore-ask.ts';
import { changeInOne, TOO_LATE } from './restore-change.ts';
import { type CheckedTarget, checkMovable } from './restore-checks.ts';
import { judgePour, pour } from './restore-pour.ts';
import { demandWhole } from './restore-record.ts';

const CANCELLED = 'The restore was cancelled; the target is as it was';
/** Sessions that come back at once are ended again, so often. */
const SWAP_TRIES = 5;
const IN_USE = /being accessed by other users/;

interface Beside {
  scratch: string;
  aside: string;
}

/** Private names, of this run alone; a run's id is made of letters every database server takes. */
const nameBeside = (run: string): Beside => ({ scratch: `holdfast_new_${run}`, aside: `holdfast_old_${run}` });

/** Removes a database of ours; what stays is said, with its name. */
async function remove(part: DatabaseRestorePart, database: string): Promise<boolean> {
  const { ok, words } = await dropMade(part, database);
  if (!ok)
    part.recorder.log('error', `the private database ${database} could not be removed; ${describeLeftover(part)}: ${words}`);
  return ok;
}

/** Puts the new content in the target's place. Not to be cancelled: afterwards it must be known where both are. */
async function swap(part: DatabaseRestorePart, { scratch, aside }: Beside, before: TargetState): Promise<void> {
  const { restore, recorder, options, database } = part;
  const input = { ...part.connection.input, targetDatabase: database, scratch, aside };
  const command = restore.planSwap?.({ ...input, endSessions: options.endSessions === true });
  if (!command) throw new AppError('unsupported', 'databases of this kind cannot be swapped');
  for (let tries = 1; ; tries += 1) {
    const result = await ask(part, command, { timeoutMs: MAKING_MS });
    if (result.exitCode === 0) break;
    // The answer may have been lost after the deed.
    if (restore.wasSwapped?.(await inspect(part, scratch), await inspect(part, aside)) === true) break;
    const isInUse = IN_USE.test(result.stderr);
    if (isInUse && options.endSessions === true && tries < SWAP_TRIES) continue;
    // The private database goes next: that it is gone must not be taken for a swap by an agent that starts anew.
    part.remember({ made: [scratch] });
    if (isInUse) {
      const { sessions } = await inspect(part, database);
      throw createReasonError('sessions_open', `${sessions} other sessions are open in ${database}, so it stays as it was`);
    }
    assertAnswered(part, result);
    throw createReasonError('restore_failed', 'The databases could not be renamed; the target is as it was');
  }
  recorder.log('info', `the new content has taken the place of ${database}, which had ${before.tables} tables`);
}

/** Chosen tables from the private database into the target, all of them or none. */
async function copyTables(part: DatabaseRestorePart, { scratch }: Beside, toolVersion: string): Promise<readonly string[]> {
  const { restore, tables, recorder } = part;
  const input = { ...part.connection.input, targetDatabase: part.database, scratch, tables, owners: part.options.owners };
  if (restore.planSchemas) assertAnswered(part, await ask(part, restore.planSchemas(input)));
  const plan = restore.planCopyTables?.(input);
  if (!plan) throw new AppError('unsupported', 'tables of this kind of database cannot be chosen');
  const { producer, consumer: planned } = plan;
  const consumer = nameForWitness(part, planned);
  const result = await part.exec.runPipeline({
    producer: { command: producer, binary: getBinary(part.tooling, producer.tool, toolVersion || undefined) },
    consumer: {
      command: consumer,
      binary: getBinary(part.tooling, consumer.tool, toolVersion || undefined),
      onStderrLine: (line) => recorder.log('warn', line),
    },
    workDir: part.workDir,
    signal: part.signal,
    stallMs: RESTORE_STALL_MS,
  });
  return judgePour(part, result, consumer.tool, CANCELLED, () => ({
    reason: 'restore_failed',
    message: part.connection.adapter.classifyFailure(result.producer).message,
  }));
}

/** Backs up what is there and would be changed, unless a person waived it. */
export async function safeguard(part: DatabaseRestorePart, before: TargetState): Promise<readonly Evidence[]> {
  const { backUpTarget, options } = part;
  if (!backUpTarget || options.safetyBackup === false || !before.exists || before.empty) return [];
  return [await inStage(part.recorder, 'safety', backUpTarget)];
}

/** The last step, which alone touches the target. */
async function takePlace(
  part: DatabaseRestorePart,
  names: Beside,
  { target, toolVersion }: CheckedTarget,
): Promise<readonly string[]> {
  if (part.mode === 'tables') return changeInOne(part, [names.scratch], () => copyTables(part, names, toolVersion));
  if (part.signal.aborted) throw createReasonError('cancelled', CANCELLED);
  part.remember({ made: [names.scratch], swap: { target: part.database, aside: names.aside } });
  await swap(part, names, target);
  return part.signal.aborted ? [`${TOO_LATE}.`] : [];
}

/** The target exists; whatever happens, it is afterwards wholly old or wholly new. */
export async function restoreBeside(part: DatabaseRestorePart, checked: CheckedTarget): Promise<RestoreResult> {
  const { recorder, restore, connection } = part;
  const names = nameBeside(recorder.run);
  const configFor = connection.adapter.discovery?.configFor;
  // Made like the target itself: its encoding and locale.
  const config = configFor ? configFor(connection.input.config, { name: part.database }) : connection.input.config;
  const scratch = { ...connection.input, config, targetDatabase: names.scratch };
  const evidence: Evidence[] = [];
  const warnings: string[] = [];
  part.remember({ made: [names.scratch] });
  try {
    await inStage(recorder, 'restore', async () => {
      assertAnswered(part, await ask(part, restore.planCreateTarget(scratch), { timeoutMs: MAKING_MS }));
      const input = { ...scratch, owners: part.options.owners };
      warnings.push(...(await pour(part, input, { toolVersion: checked.toolVersion, cancelled: CANCELLED })));
    });
    const cancel = { signal: part.signal, words: CANCELLED };
    const stock = await inStage(recorder, 'evidence', () => demandWhole(part, scratch, cancel));
    evidence.push(...stock.evidence);
    warnings.push(...stock.warnings);
    if (part.mode === 'replace') checkMovable(part, await inspect(part, names.scratch), 'The backup');
    evidence.push(...(await safeguard(part, checked.target)));
    warnings.push(...(await inStage(recorder, 'swap', () => takePlace(part, names, checked))));
  } finally {
    const left = part.mode === 'replace' ? [names.scratch, names.aside] : [names.scratch];
    let isGone = true;
    for (const database of left) isGone = (await remove(part, database)) && isGone;
    if (isGone) part.remember(undefined);
  }
  return { evidence, warnings, bytes: part.sizeBytes };
}
