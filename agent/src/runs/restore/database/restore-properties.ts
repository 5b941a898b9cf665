/**
 * Settings, grants and the comment of the database itself, for one that the restore has made: what is in a database says nothing of them. That one
 * of them cannot be had, because its role is missing for instance, is a warning and no more.
 */
import type { Command } from '@holdfast/shared/adapters/command.ts';
import type { DatabaseProperties } from '@holdfast/shared/adapters/properties.ts';
import type { RestoreInput } from '@holdfast/shared/adapters/source.ts';
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import type { StageOutcome } from '../../../exec/contract.ts';
import { getBinary } from '../../workbench.ts';
import { RESTORE_STALL_MS } from '../restore-part.ts';
import { ask, assertAnswered, type DatabaseRestorePart } from './restore-ask.ts';

const CANCELLED = 'The restore was cancelled; a database that was made for it is removed';

/** Has the tool read the dump as far as it wants; it reads no further than it needs, and whoever writes then has nowhere to write to. */
async function read(
  part: DatabaseRestorePart,
  command: Command,
  toolVersion: string,
  onStdoutLine?: (line: string) => void,
): Promise<StageOutcome> {
  const { verdict, producer, consumer } = await part.exec.runPipeline({
    producer: part.origin.stage((level, text) => part.recorder.log(level, text)),
    consumer: { command, binary: getBinary(part.tooling, command.tool, toolVersion || undefined), onStdoutLine },
    workDir: part.workDir,
    signal: part.signal,
    stallMs: RESTORE_STALL_MS,
  });
  if (verdict === 'cancelled') throw createReasonError('cancelled', CANCELLED);
  if (consumer.exitCode === 0 && !consumer.truncated) return consumer;
  const { message } = verdict === 'producer_failed' && consumer.stderr === '' ? part.origin.classify(producer) : { message: '' };
  throw createReasonError('restore_failed', message || consumer.stderr.trim() || 'they could not be read out of the dump');
}

async function carry(
  part: DatabaseRestorePart,
  properties: DatabaseProperties,
  { targetDatabase: database, ...input }: RestoreInput,
  toolVersion: string,
): Promise<readonly string[]> {
  const numbers: number[] = [];
  await read(part, properties.planList(input), toolVersion, (line) => {
    const number = properties.readListed(line);
    if (number !== undefined) numbers.push(number);
  });
  if (numbers.length === 0) return [];
  const { stdout } = await read(part, properties.planRead(input, numbers), toolVersion);
  const statements = properties.rewrite(stdout, { database, owners: part.options.owners !== false });
  if (statements.length === 0) return [];
  const applied = await ask(part, properties.planApply(input, statements), { signal: part.signal });
  if (applied.ending === 'cancelled') throw createReasonError('cancelled', CANCELLED);
  assertAnswered(part, applied);
  const refusals = properties.readRefusals(applied.stderr);
  const count = statements.length - refusals.length;
  if (count > 0) part.recorder.log('info', `settings, grants and comment of the database itself: ${count} carried over`);
  return refusals.map((words) => `A setting or grant of the database itself could not be carried over: ${words}.`);
}

/** Returns warnings. Throws `cancelled` alone. */
export async function carryProperties(
  part: DatabaseRestorePart,
  input: RestoreInput,
  toolVersion: string,
): Promise<readonly string[]> {
  const { properties } = part.restore;
  if (!properties) return [];
  try {
    return await carry(part, properties, input, toolVersion);
  } catch (thrown) {
    const error = toAppError(thrown);
    if (findReason(error) === 'cancelled') throw error;
    return [`Settings and grants of the database itself were not carried over: ${error.message}`];
  }
}
