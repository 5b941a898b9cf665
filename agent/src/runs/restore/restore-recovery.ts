/**
 * After a crash in the middle of a restore: what it left is settled, and the run ends as what it came to. What cannot be cleaned up yet, because the
 * server does not answer or refuses, is owed beyond the end of the run.
 */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { endPart, toFailure } from '../attempts/part.ts';
import { withWorkDir } from '../inputs.ts';
import type { JournaledRestore, JournaledSafety } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import type { Workbench } from '../workbench.ts';
import { EXTENTS, type Stock, takeStock } from './database/restore-record.ts';
import { listConfiguredPaths } from './files/restore-in-place.ts';
import { settlePlacing } from './files/restore-placing.ts';
import { findStaging, removeStaging } from './files/restore-staging.ts';
import { prepareAnyConnection } from './restore-connection.ts';
import { OWED_FOR_MS } from './restore-owed.ts';
import { type HalfEnd, listMade, type Settled, settleHalfRestored } from './restore-settle.ts';

const OLD = 'What was there before is as it was';
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
  const { target, recorded } = order;
  if (!half?.change || !order.connection || target.kind !== 'database') return undefined;
  const { database, mode = 'new' } = target;
  // With these, what was built beside had been counted there; where nothing was in the way, there was nothing beside.
  const poured = mode === 'replace' && half.own ? 'new' : mode;
  if (poured === 'tables' || poured === 'replace') return undefined;
  return withWorkDir(workbench, async (workDir) => {
    const { connection: prepared } = prepareAnyConnection(workbench, order, workDir);
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

const describeLimit = ({ clock }: Workbench) => new Date(clock.now() + OWED_FOR_MS).toISOString();

async function endAs(
  { end, removed: dropped, words, left }: Settled & { end: Exclude<HalfEnd, 'closed'> },
  workbench: Workbench,
  recorder: Recorder,
  { order, half }: JournaledRestore,
  durationMs: number,
): Promise<void> {
  const forgetHalf = () => {
    const body: JournaledRestore = { kind: 'restore', order, started: true, ...(left ? { half: left } : {}) };
    if (half && end !== 'unknown' && end !== 'refused') workbench.journal.runs.revise(recorder.run, body);
  };
  const isOwed = end === 'refused' || left !== undefined;
  for (const text of words) recorder.log(isOwed ? 'error' : 'warn', text);
  if (isOwed) recorder.log('warn', `it is tried again, less and less often, until ${describeLimit(workbench)}`);
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
  const removed = [...dropped, ...(half?.roles && !left?.roles ? ['roles'] : [])];
  if (removed.length > 0 && (end === 'old' || end === 'doubtful')) recorder.log('info', `removed: ${removed.join(', ')}`);
  if (order.target.kind === 'database' && (end === 'old' || end === 'doubtful'))
    recorder.log('info', end === 'old' ? OLD : DOUBTFUL);
  const staging = findStaging(order.run, order.target);
  if (staging.length > 0) {
    const gone = await removeStaging(staging);
    recorder.log('info', `removed what was not yet in place: ${gone.join(', ')}`);
  }
  if (end === 'unknown') {
    const made = listMade(half);
    const drops = made.length > 0 ? `; dropped as soon as it does: ${made.join(', ')}` : '';
    const empties = half?.filling ? `; emptied as soon as it does: ${half.filling.database}` : '';
    recorder.log('error', `the server does not answer${drops}${empties}`);
  }
  if ((end === 'unknown' && half?.change) || (end === 'refused' && (half?.change ?? half?.swap))) recorder.log('error', DOUBTFUL);
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
