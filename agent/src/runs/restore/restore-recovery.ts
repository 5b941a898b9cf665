/**
 * After a crash in the middle of a restore: databases that it made and that must not stay are dropped, and it is found out whether the new
 * content had taken its place. What cannot be cleaned up yet, because the server does not answer, is tried again.
 */
import type { DatabaseRestore } from '@holdfast/shared/adapters/source.ts';
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { endPart, toFailure } from '../attempts/part.ts';
import { type PreparedSource, prepareSourceDraft, withWorkDir } from '../inputs.ts';
import { type HalfRestored, type JournaledRestore, type JournaledSafety, journaledRestoreSchema } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import { toRestoreRefs } from '../secrets/secrets-apart.ts';
import type { Workbench } from '../workbench.ts';
import { ask, dropMade, type InspectPart, inspect } from './database/restore-ask.ts';
import { askForEnd } from './database/restore-change.ts';
import { describeOthers, dropOwn, unmarkOwn } from './database/restore-own.ts';
import { EXTENTS, type Stock, takeStock } from './database/restore-record.ts';
import { finishTaking, hasMoved, nameTaken } from './database/restore-take.ts';
import { listConfiguredPaths } from './files/restore-in-place.ts';
import { settlePlacing } from './files/restore-placing.ts';
import { findStaging, removeStaging } from './files/restore-staging.ts';

/** How often a server that did not answer is asked again. */
const AGAIN_MS = 60_000;

/**
 * `old`: the target is as it was. `new`: it holds the whole restored content. `doubtful`: it is one of the two, and the server does not know
 * which. `unknown`: the server could not be asked. `closed`: nor can it ever be, because nobody has the secrets any more.
 */
export type HalfEnd = 'old' | 'new' | 'doubtful' | 'unknown' | 'closed';

async function wasSwapped(part: InspectPart, { made, swap }: HalfRestored): Promise<boolean> {
  const [scratch] = made;
  if (!swap || scratch === undefined) return false;
  return part.restore.wasSwapped?.(await inspect(part, scratch), await inspect(part, swap.aside)) === true;
}

/** Whether the content was taken into the target; what comes after that is carried out. While the private database is there, it may not have been. */
async function wasTaken(part: InspectPart, { run, target }: JournaledRestore['order'], { swap }: HalfRestored): Promise<boolean> {
  const { planTake } = part.restore;
  if (!swap || !planTake || target.kind !== 'database') return false;
  const names = nameTaken(run);
  const { exists: hasCode } = await inspect(part, names.code);
  const { database, mode = 'new', tables = [] } = target;
  const plan = planTake({ ...part.connection.input, ...names, targetDatabase: database, mode, tables, hasCode });
  if (!(await hasMoved(part, plan, names))) return false;
  if ((await inspect(part, names.scratch)).exists) await finishTaking(part, plan);
  return true;
}

/** What became of the one transaction that was to change the target. */
async function findChange(
  part: InspectPart,
  run: string,
  { mark, isDone }: NonNullable<HalfRestored['change']>,
): Promise<HalfEnd> {
  if (isDone) return 'new';
  if (mark === undefined) return 'doubtful';
  const end = await askForEnd(part, run, mark);
  return end === 'unknown' ? 'doubtful' : end === 'carried_out' ? 'new' : 'old';
}

async function findEnd(part: InspectPart, order: JournaledRestore['order'], half: HalfRestored): Promise<HalfEnd> {
  if (half.change) return findChange(part, order.run, half.change);
  const isNew = part.restore.planTake ? await wasTaken(part, order, half) : await wasSwapped(part, half);
  return isNew ? 'new' : 'old';
}

/** Roles that were made for content which did not stay go after it. */
async function settleRoles(part: InspectPart, run: string, roles: HalfRestored['roles']): Promise<void> {
  const adapter = part.restore.roles;
  if (!roles || !adapter) return;
  const { input } = part.connection;
  const command = roles === 'keep' ? adapter.planKeep(input, { globals: '', names: [], run }) : adapter.planTakeBack(input, run);
  const result = await ask(part, command);
  if (result.exitCode !== 0) throw new Error(`roles that were made for a restore are not settled: ${result.stderr.trim()}`);
}

interface Settled {
  end: HalfEnd;
  /** Databases that are gone. */
  removed: readonly string[];
  /** What somebody else's database is there for that was left alone. */
  words?: string | undefined;
}

/** What is to go that was made under the name of the target. */
async function settleOwn(part: InspectPart, own: HalfRestored['own'], end: HalfEnd): Promise<Omit<Settled, 'end'>> {
  if (!own) return { removed: [] };
  if (end === 'new') {
    const { ok, words } = await unmarkOwn(part, own);
    return { removed: [], words: ok ? undefined : words };
  }
  const { is, words } = await dropOwn(part, own);
  if (is === 'there') throw new Error(`${own.database} could not be dropped: ${words}`);
  return is === 'gone' ? { removed: [own.database] } : { removed: [], words: describeOthers(own) };
}

async function settle(workbench: Workbench, { order, half }: JournaledRestore): Promise<Settled> {
  const { connection } = order;
  const nothing: Settled = { end: 'old', removed: [] };
  if (!half || !connection) return nothing;
  return withWorkDir(workbench, async (workDir) => {
    const prepared: PreparedSource = prepareSourceDraft(workbench, connection, toRestoreRefs(order).connection, workDir);
    const restore: DatabaseRestore | undefined = prepared.adapter.restore;
    if (!restore) return nothing;
    const part: InspectPart = { tooling: workbench, exec: workbench.exec, workDir, connection: prepared, restore };
    const end = await findEnd(part, order, half);
    const left = [...half.made, ...(half.swap ? [half.swap.aside] : [])];
    if (half.making !== undefined && (await inspect(part, half.making)).empty) left.push(half.making);
    for (const database of left) {
      const { ok, words } = await dropMade(part, database);
      if (!ok) throw new Error(`${database} could not be dropped: ${words}`);
    }
    const { removed, words } = await settleOwn(part, half.own, end);
    // Roles that something needs stay whatever is said here.
    await settleRoles(part, order.run, end === 'new' && half.roles ? 'keep' : half.roles);
    return { end, removed: [...half.made, ...removed], words };
  });
}

const listMade = (half: HalfRestored | undefined): readonly string[] => [
  ...(half?.made ?? []),
  ...(half?.own ? [half.own.database] : []),
];

/** Cleans up after one restore that was cut off; throws nothing. */
async function settleHalfRestored(workbench: Workbench, body: JournaledRestore): Promise<Settled> {
  try {
    return await settle(workbench, body);
  } catch (thrown) {
    const error = toAppError(thrown);
    workbench.log.warn({ databases: listMade(body.half) }, `what a restore left behind is not cleaned up yet: ${error.message}`);
    return { end: findReason(error) === 'secrets_missing' ? 'closed' : 'unknown', removed: [] };
  }
}

const OLD = 'What was there before is as it was';
const describeHalf = (database: string) => `What had come into ${database}, which was empty before, stays there`;
const DOUBTFUL =
  'What was to be changed is wholly as it was, or wholly changed where the agent ended right after the last step: look before you restore again';

/**
 * What stands in a target that was changed in one transaction is counted and compared now, as it is after a restore that nothing cut; elsewhere
 * that was done before. Throws where nothing can be counted.
 */
async function takeStockAgain(
  workbench: Workbench,
  recorder: Recorder,
  { order, half }: JournaledRestore,
): Promise<Stock | undefined> {
  const { connection, target, recorded } = order;
  if (!half?.change || !connection || target.kind !== 'database') return undefined;
  const { database, mode = 'new' } = target;
  // With these, what was built beside had been counted there; where nothing was in the way, there was nothing beside.
  const poured = mode === 'replace' && half.own ? 'new' : mode;
  if (poured === 'tables' || poured === 'replace') return undefined;
  return withWorkDir(workbench, async (workDir) => {
    const prepared = prepareSourceDraft(workbench, connection, toRestoreRefs(order).connection, workDir);
    const { restore } = prepared.adapter;
    if (!restore) return undefined;
    const origin = { endWords: 'The server remembers that it carried out the whole of it.' };
    const part = { tooling: workbench, exec: workbench.exec, workDir, connection: prepared, restore, recorder, recorded, origin };
    return takeStock(part, { ...prepared.input, targetDatabase: database }, EXTENTS[poured]);
  });
}

/** What was seen of content that is in its place, as evidence. */
const describePlaced = (seen: string): Stock => ({ evidence: [{ check: 'target_verified', ok: true, seen }], warnings: [] });

/** Ends a restore of which everything is in place; what is less than it should be is only partial. */
function endPlaced(
  recorder: Recorder,
  { source }: JournaledRestore['order'],
  bytes: number,
  { evidence, warnings, doubt }: Stock,
  durationMs: number,
  effects: () => void,
): void {
  const end = doubt ? ({ state: 'partial', failure: toFailure(doubt) } as const) : ({ state: 'succeeded' } as const);
  recorder.finishPart({ source: source.id, ...end, warnings: [...warnings], bytes, durationMs }, () => undefined);
  recorder.finish({ ...end, evidence: [...evidence], bytes, durationMs }, effects);
}

/** A restore into a database whose content is in its place. */
async function endChanged(
  workbench: Workbench,
  recorder: Recorder,
  body: JournaledRestore,
  durationMs: number,
  effects: () => void,
): Promise<void> {
  const { order, half } = body;
  const old = half?.swap ? '; what it left beside is dropped now' : '';
  recorder.log('warn', `The agent ended after the new content had taken its place${old}`);
  const counted = describePlaced('The new content had been counted and had taken its place before the agent ended.');
  const stock = await takeStockAgain(workbench, recorder, body).catch((thrown: unknown): Stock => {
    const doubt = createReasonError(
      'restore_differs',
      `What came back could not be counted: ${toAppError(thrown).message}`,
      thrown,
    );
    return { evidence: [], warnings: [], doubt };
  });
  endPlaced(recorder, order, order.sizeBytes, stock ?? counted, durationMs, effects);
}

/**
 * Ends a restore that was cut off, as what it came to. False: its database server does not answer, which with `mayWait` is no end yet.
 */
export async function endCutRestore(
  workbench: Workbench,
  recorder: Recorder,
  body: JournaledRestore,
  durationMs: number,
  mayWait: boolean,
): Promise<boolean> {
  const { end, ...settled } = await settleHalfRestored(workbench, body);
  if (end === 'unknown' && mayWait) return false;
  await endAs({ ...settled, end: end === 'closed' ? 'unknown' : end }, workbench, recorder, body, durationMs);
  return true;
}

async function endAs(
  { end, removed: dropped, words }: Settled & { end: Exclude<HalfEnd, 'closed'> },
  workbench: Workbench,
  recorder: Recorder,
  { order, half }: JournaledRestore,
  durationMs: number,
): Promise<void> {
  const forgetHalf = () => {
    if (half && end !== 'unknown')
      workbench.journal.runs.revise(recorder.run, { kind: 'restore', order, started: true } satisfies JournaledRestore);
  };
  if (words !== undefined) recorder.log('warn', words);
  // What came is remembered until the run has ended, for an agent that is killed once more; what went must not be taken for what came.
  if (end === 'new')
    return endChanged(workbench, recorder, { kind: 'restore', order, half, started: true }, durationMs, forgetHalf);
  if (!half?.placing) forgetHalf();
  if (half?.placing) {
    const placed = await settlePlacing(order.run, order.target, half.placing, listConfiguredPaths(order.source.config));
    recorder.log(placed.isWhole ? 'info' : 'error', placed.words);
    const seen = 'Everything had been compared with the snapshot before the agent ended, and is in its place.';
    if (placed.isWhole) return endPlaced(recorder, order, half.placing.bytes, describePlaced(seen), durationMs, forgetHalf);
  }
  const removed = [...dropped, ...(half?.roles ? ['roles'] : [])];
  if (removed.length > 0 && (end === 'old' || end === 'doubtful')) recorder.log('info', `removed: ${removed.join(', ')}`);
  if (half?.filling !== undefined) recorder.log('error', describeHalf(half.filling));
  else if (order.target.kind === 'database' && (end === 'old' || end === 'doubtful'))
    recorder.log('info', end === 'old' ? OLD : DOUBTFUL);
  const staging = findStaging(order.run, order.target);
  if (staging.length > 0) {
    const gone = await removeStaging(staging);
    recorder.log('info', `removed what was not yet in place: ${gone.join(', ')}`);
  }
  if (end === 'unknown') {
    const made = listMade(half);
    const drops = made.length > 0 ? `; dropped as soon as it does: ${made.join(', ')}` : '';
    recorder.log('error', `the server does not answer${drops}`);
    if (half?.change) recorder.log('error', DOUBTFUL);
  }
  const interrupted = createReasonError('interrupted', 'The agent ended in the middle of this run');
  recorder.log('error', interrupted.message);
  const { state, failure } = endPart(order.source.id, interrupted);
  recorder.finishPart({ source: order.source.id, state, warnings: [], bytes: 0, durationMs: 0, failure }, () => undefined);
  recorder.finish({ state, failure, evidence: [], bytes: 0, durationMs }, forgetHalf);
}

/** Ends a safety backup that was cut off with `who` made it: nobody vouches for what it may have stored. */
export function endCutSafety(
  workbench: Workbench,
  recorder: Recorder,
  { source }: JournaledSafety,
  durationMs: number,
  who = 'The agent',
): void {
  const interrupted = createReasonError('interrupted', `${who} ended in the middle of this run`);
  recorder.log('error', interrupted.message);
  const { state, failure } = endPart(source, interrupted);
  recorder.finishPart({ source, state, warnings: [], bytes: 0, durationMs: 0, failure }, () =>
    workbench.journal.snapshots.setStateOfRun(recorder.run, 'unvouched'),
  );
  recorder.finish({ state, failure, evidence: [], bytes: 0, durationMs });
}

function listOwed({ journal }: Workbench): JournaledRestore[] {
  return journal.runs.listClosedWith('restore', 'half').flatMap(({ body }) => {
    const parsed = journaledRestoreSchema.safeParse(body);
    return parsed.success ? [parsed.data] : [];
  });
}

function forgetOwed({ journal }: Workbench, run: string): void {
  journal.runs.changeClosed('restore', (body) => {
    const parsed = journaledRestoreSchema.safeParse(body);
    if (!parsed.success || parsed.data.order.run !== run) return body;
    const { half: _settled, ...rest } = parsed.data;
    return rest;
  });
}

const due = new WeakSet<Workbench>();

/** Has what ended restores still owe tried in a minute, and once a minute until nothing is left. */
export function settleOwedSoon(workbench: Workbench): void {
  if (due.has(workbench)) return;
  due.add(workbench);
  workbench.setTimer(AGAIN_MS, () => {
    due.delete(workbench);
    // The journal is closed when the agent ends; the next one goes on.
    settleOwedRestores(workbench).catch((err: unknown) =>
      workbench.log.warn({ err }, 'what restores left behind could not be settled'),
    );
  });
}

/** Tries what ended restores still owe, now and once a minute until nothing is left. */
export async function settleOwedRestores(workbench: Workbench): Promise<void> {
  let left = 0;
  for (const body of listOwed(workbench)) {
    const { end, words } = await settleHalfRestored(workbench, body);
    if (end === 'unknown' || end === 'closed') left += 1;
    else forgetOwed(workbench, body.order.run);
    if (words !== undefined) workbench.log.warn({ run: body.order.run }, words);
  }
  if (left > 0) settleOwedSoon(workbench);
}
