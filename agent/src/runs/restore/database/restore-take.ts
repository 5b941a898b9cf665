/**
 * Restores that take the content from a private database into the target table by table. The target is touched in one step at the end; what
 * the server cannot do in that step comes right after it, and is carried on after a crash.
 */
import type { TakeInput } from '@holdfast/shared/adapters/source.ts';
import type { Pouring, TakePlan, TakeStep } from '@holdfast/shared/adapters/take.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { getBinary } from '../../workbench.ts';
import { inStage, RESTORE_STALL_MS, type RestoreResult } from '../restore-part.ts';
import { planRenaming } from './renaming.ts';
import {
  ask,
  assertAnswered,
  createServerError,
  type DatabaseRestorePart,
  describeLeftover,
  dropMade,
  type InspectPart,
  inspect,
  MAKING_MS,
  TRIED_AGAIN,
} from './restore-ask.ts';
import { safeguard } from './restore-beside.ts';
import { TOO_LATE } from './restore-change.ts';
import { type CheckedTarget, isHeldBySessions } from './restore-checks.ts';
import { describeOthers, dropOwn, makeOwn, type OwnDatabase, unmarkOwn } from './restore-own.ts';
import { hasLostItsReader, pour } from './restore-pour.ts';
import { demandWhole } from './restore-record.ts';

const CANCELLED = 'The restore was cancelled; the target is as it was';
/** Rows of a whole database in one statement. */
const COPY_MS = 7 * 24 * 60 * 60_000;
/** A step that comes after the move is tried again where the connection was lost, so often. */
const FINISH_TRIES = 3;

/** Private names, of this run alone; a run's id is made of letters every database server takes. */
export const nameTaken = (run: string): Pick<TakeInput, 'scratch' | 'aside' | 'code'> => ({
  scratch: `holdfast_new_${run}`,
  aside: `holdfast_old_${run}`,
  code: `holdfast_code_${run}`,
});

async function pourAcross(part: InspectPart, { producer, renaming, consumer }: Pouring, signal?: AbortSignal): Promise<void> {
  const result = await part.exec.runPipeline({
    producer: { command: producer, binary: getBinary(part.tooling, producer.tool) },
    filter: planRenaming(renaming, part.workDir),
    consumer: { command: consumer, binary: getBinary(part.tooling, consumer.tool) },
    workDir: part.workDir,
    stallMs: RESTORE_STALL_MS,
    signal,
  });
  if (result.verdict === 'cancelled') throw createReasonError('cancelled', CANCELLED);
  if (result.verdict === 'stalled')
    throw createReasonError('stalled', 'No byte moved between two databases of the server for an hour');
  if (result.verdict === 'producer_failed' && !hasLostItsReader(result)) {
    const failure = part.connection.adapter.classifyFailure(result.producer);
    throw createReasonError('restore_failed', failure.message);
  }
  const verdict = part.restore.judgeRestore(result.consumer);
  if (!verdict.ok) throw createServerError(part, verdict);
  if (result.verdict !== 'complete') throw createReasonError('restore_failed', 'What was written was not read to its end');
}

/** One step; with `signal` it may be cancelled. Throws `cancelled`, or the reason that the tool gives. */
export async function carryOutStep(part: InspectPart, step: TakeStep, signal?: AbortSignal): Promise<void> {
  if (step.kind === 'pour') return pourAcross(part, step, signal);
  const command = step.kind === 'ask' ? step.command : step.list;
  const answer = await ask(part, command, { timeoutMs: MAKING_MS, ...(signal ? { signal } : {}) });
  if (answer.ending === 'cancelled') throw createReasonError('cancelled', CANCELLED);
  const verdict = part.restore.judgeRestore(answer);
  if (!verdict.ok) throw createServerError(part, verdict);
  if (step.kind === 'ask') return;
  const names = step.parse(answer.stdout);
  if (names.length > 0) await pourAcross(part, step.pour(names), signal);
}

/** What comes after the move; may be carried out again from its beginning. */
export async function finishTaking(part: InspectPart, plan: TakePlan): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      for (const step of plan.finish) await carryOutStep(part, step);
      return;
    } catch (error) {
      if (tries === FINISH_TRIES) throw error;
    }
  }
}

/** Whether the user may make the private databases, which making one tells. Throws what the server says of anything else. */
export async function mayMakePrivate(part: DatabaseRestorePart): Promise<boolean> {
  const { connection, restore, recorder, database } = part;
  const { scratch } = nameTaken(recorder.run);
  part.remember({ made: [scratch] });
  const made = await ask(part, restore.planCreateTarget({ ...connection.input, targetDatabase: scratch }), {
    timeoutMs: MAKING_MS,
  });
  if (made.exitCode === 0) {
    const { ok, words } = await dropMade(part, scratch);
    if (!ok) throw createReasonError('restore_failed', `The private database ${scratch} could not be removed: ${words}`);
    part.remember(undefined);
    return true;
  }
  part.remember(undefined);
  if (connection.adapter.classifyFailure(made).reason !== 'database_permission') assertAnswered(part, made);
  recorder.log(
    'warn',
    `the user may make no databases, so ${database} is filled without a private one, and emptied again where not all of it comes`,
  );
  return false;
}

interface Taking {
  part: DatabaseRestorePart;
  checked: CheckedTarget;
  input: TakeInput;
  /** Where the content stands: not there yet, perhaps there, there without what comes after, or wholly there. */
  state: 'before' | 'unknown' | 'moved' | 'done';
  /** The target, where it was not there. */
  own?: OwnDatabase;
}

const listPrivate = ({ scratch, code, aside }: TakeInput): string[] => [scratch, code, aside];

function plan({ part, input }: Taking): TakePlan {
  const planned = part.restore.planTake?.(input);
  if (!planned) throw new AppError('unsupported', 'databases of this kind are not restored in this way');
  return planned;
}

/** Whether the content has come, by what is left of the private databases; what had come is all that they are dropped after. */
export async function hasMoved(
  part: InspectPart,
  { mark }: TakePlan,
  names: Pick<TakeInput, 'scratch' | 'aside'>,
): Promise<boolean> {
  const scratch = await inspect(part, names.scratch);
  if (!mark || !scratch.exists) return part.restore.wasSwapped?.(scratch, await inspect(part, names.aside)) === true;
  const looked = await ask(part, mark.look, { timeoutMs: MAKING_MS });
  assertAnswered(part, looked);
  return mark.isSet(looked.stdout);
}

/** Returns warnings. */
async function move(going: Taking, planned: TakePlan): Promise<readonly string[]> {
  const { part, checked, input } = going;
  const { isQuick } = planned;
  going.state = 'unknown';
  const result = await ask(part, planned.move, isQuick ? { timeoutMs: MAKING_MS } : { timeoutMs: COPY_MS, signal: part.signal });
  if (result.exitCode === 0 || (await hasMoved(part, planned, input))) {
    going.state = 'moved';
    return part.signal.aborted ? [`${TOO_LATE}.`] : [];
  }
  going.state = 'before';
  // The private databases go next: that they are gone must not be taken for a move by an agent that starts anew.
  if (checked.target.exists) part.remember({ made: listPrivate(input) });
  if (result.ending === 'cancelled') throw createReasonError('cancelled', CANCELLED);
  const verdict = part.restore.judgeRestore(result);
  if (!verdict.ok) throw createServerError(part, verdict);
  throw createReasonError('restore_failed', 'The content could not be moved; the target is as it was');
}

/** Returns warnings. */
async function take(going: Taking): Promise<readonly string[]> {
  const { part, checked, input } = going;
  const { signal, database, recorder } = part;
  const planned = plan(going);
  if (!checked.target.exists) going.own = await makeOwn(part, input, listPrivate(input));
  for (const step of planned.prepare) await carryOutStep(part, step, signal);
  if (signal.aborted) throw createReasonError('cancelled', CANCELLED);
  if (part.options.endSessions === true && isHeldBySessions(part) && checked.target.exists && part.restore.planEndSessions)
    assertAnswered(part, await ask(part, part.restore.planEndSessions(input)));
  // A target that was made for this is removed as a whole when anything goes wrong; nothing is carried on there.
  if (checked.target.exists) part.remember({ made: [input.scratch, input.code], swap: { target: database, aside: input.aside } });
  const warnings = await move(going, planned);
  recorder.log('info', `the content has taken its place in ${database}`);
  await finishTaking(part, planned);
  going.state = 'done';
  return [...warnings, ...(await keepTarget(going))];
}

/** Nobody drops the target any more that was made for this. Returns warnings. */
async function keepTarget({ part, input, own }: Taking): Promise<readonly string[]> {
  if (!own) return [];
  part.remember({ made: listPrivate(input), own, change: { isDone: true } });
  const { ok, words } = await unmarkOwn(part, own);
  return ok ? [] : [words];
}

async function dropAll(part: DatabaseRestorePart, databases: readonly string[], own: OwnDatabase | undefined): Promise<void> {
  let isGone = true;
  for (const database of databases) {
    const { ok, words } = await dropMade(part, database);
    isGone &&= ok;
    if (!ok) part.recorder.log('error', `the database ${database} could not be removed; ${describeLeftover(part)}: ${words}`);
  }
  const dropped = own && (await dropOwn(part, own));
  if (own && dropped?.is === 'others') part.recorder.log('warn', describeOthers(own));
  if (own && dropped?.is === 'there') {
    isGone = false;
    part.recorder.log('error', `the database ${own.database} could not be removed; ${describeLeftover(part)}: ${dropped.words}`);
  }
  if (isGone) part.remember(undefined);
}

/** What a person has to know of a move that nobody saw to its end. */
function describeOwed({ database, isByHand }: DatabaseRestorePart, names: TakeInput, state: Taking['state']): string {
  if (names.mode === 'data_only') {
    const rows = `the rows have come into ${database}`;
    return isByHand
      ? `it is unknown whether ${rows}: look before you restore once more; ${names.scratch} stays until you drop it`
      : `whether ${rows} is found out as soon as the server answers`;
  }
  const tables = `the tables have taken their place in ${database}`;
  const without = 'but not all views, triggers, routines and events';
  if (isByHand) {
    const left = `${names.scratch}, ${names.code} and ${names.aside} stay until you drop them`;
    return `${state === 'moved' ? `${tables}, ${without}` : `it is unknown whether ${tables}`}: restore once more; ${left}`;
  }
  return state === 'moved'
    ? `${tables}, ${without}: ${TRIED_AGAIN}`
    : `whether ${tables} is found out as soon as the server answers`;
}

async function cleanUp({ part, checked, input, state, own }: Taking): Promise<void> {
  const isOwed = checked.target.exists && (state === 'unknown' || state === 'moved');
  if (isOwed) return part.recorder.log('error', describeOwed(part, input, state));
  await dropAll(part, listPrivate(input), state === 'done' ? undefined : own);
}

/** Whatever happens, the target is afterwards wholly old or, as soon as the server answers, wholly new. */
export async function restoreByTaking(part: DatabaseRestorePart, checked: CheckedTarget): Promise<RestoreResult> {
  const { recorder, restore, connection, mode, tables, database } = part;
  const names = nameTaken(recorder.run);
  const configFor = connection.adapter.discovery?.configFor;
  // Made like the target itself where there is one: its encoding.
  const config =
    configFor && checked.target.exists ? configFor(connection.input.config, { name: database }) : connection.input.config;
  const scratch = { ...connection.input, config, targetDatabase: names.scratch };
  const input: TakeInput = { ...connection.input, ...names, targetDatabase: database, mode, tables, hasCode: true };
  const going: Taking = { part, checked, input, state: 'before' };
  const evidence: Evidence[] = [];
  const warnings: string[] = [];
  part.remember({ made: listPrivate(input) });
  try {
    await inStage(recorder, 'restore', async () => {
      assertAnswered(part, await ask(part, restore.planCreateTarget(scratch), { timeoutMs: MAKING_MS }));
      warnings.push(...(await pour(part, scratch, { toolVersion: checked.toolVersion, cancelled: CANCELLED })));
    });
    const cancel = { signal: part.signal, words: CANCELLED };
    const stock = await inStage(recorder, 'evidence', () => demandWhole(part, scratch, cancel));
    evidence.push(...stock.evidence);
    warnings.push(...stock.warnings);
    const { fixed = 0 } = await inspect(part, names.scratch);
    input.hasCode = fixed > 0;
    evidence.push(...(await safeguard(part, checked.target)));
    warnings.push(...(await inStage(recorder, 'swap', () => take(going))));
  } finally {
    await cleanUp(going);
  }
  return { evidence, warnings, bytes: part.sizeBytes };
}
