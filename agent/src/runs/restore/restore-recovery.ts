/**
 * After a crash in the middle of a restore: databases that it made and that must not stay are dropped, and it is found out whether the new
 * content had taken its place. What cannot be cleaned up yet, because the server does not answer, is tried again.
 */
import { findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { DatabaseRestore } from '@holdfast/shared/adapters/source.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { getModeRule } from '@holdfast/shared/domain/restore.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { endPart } from '../attempts/part.ts';
import { type PreparedSource, prepareSourceDraft, withWorkDir } from '../inputs.ts';
import { type HalfRestored, type JournaledRestore, type JournaledSafety, journaledRestoreSchema } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import { toRestoreRefs } from '../secrets/secrets-apart.ts';
import type { Workbench } from '../workbench.ts';
import { ask, dropMade, type InspectPart, inspect } from './database/restore-ask.ts';
import { finishTaking, nameTaken } from './database/restore-take.ts';
import { settlePlacing } from './files/restore-placing.ts';
import { findStaging, removeStaging } from './files/restore-staging.ts';

/** How often a server that did not answer is asked again. */
const AGAIN_MS = 60_000;

/** `old`: the target is as it was. `new`: it holds the whole restored content. `unknown`: the server could not be asked. */
export type HalfEnd = 'old' | 'new' | 'unknown';

async function wasSwapped(part: InspectPart, { made, swap }: HalfRestored): Promise<boolean> {
  const [scratch] = made;
  if (!swap || scratch === undefined) return false;
  return part.restore.wasSwapped?.(await inspect(part, scratch), await inspect(part, swap.aside)) === true;
}

/** Carries out what comes after a move. While the private database is there, it may not have been carried out. */
async function carryOn(part: InspectPart, { run, target }: JournaledRestore['order']): Promise<void> {
  if (!part.restore.planTake || target.kind !== 'database') return;
  const names = nameTaken(run);
  if (!(await inspect(part, names.scratch)).exists) return;
  const { exists: hasCode } = await inspect(part, names.code);
  const { database, mode = 'new', tables = [] } = target;
  const input = { ...part.connection.input, ...names, targetDatabase: database, mode, tables, hasCode };
  await finishTaking(part, part.restore.planTake(input));
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

async function settle(workbench: Workbench, { order, half }: JournaledRestore): Promise<HalfEnd> {
  const { connection } = order;
  if (!half || !connection) return 'old';
  return withWorkDir(workbench, async (workDir) => {
    const prepared: PreparedSource = prepareSourceDraft(workbench, connection, toRestoreRefs(order).connection, workDir);
    const restore: DatabaseRestore | undefined = prepared.adapter.restore;
    if (!restore) return 'old';
    const part: InspectPart = { tooling: workbench, exec: workbench.exec, workDir, connection: prepared, restore };
    const isSwapped = await wasSwapped(part, half);
    if (isSwapped) await carryOn(part, order);
    const left = [...half.made, ...(half.swap ? [half.swap.aside] : [])];
    if (half.making !== undefined && (await inspect(part, half.making)).empty) left.push(half.making);
    for (const database of left) {
      const { ok, words } = await dropMade(part, database);
      if (!ok) throw new Error(`${database} could not be dropped: ${words}`);
    }
    await settleRoles(part, order.run, isSwapped && half.roles ? 'keep' : half.roles);
    return isSwapped ? 'new' : 'old';
  });
}

/** Cleans up after one restore that was cut off; throws nothing. */
async function settleHalfRestored(workbench: Workbench, body: JournaledRestore): Promise<HalfEnd> {
  try {
    return await settle(workbench, body);
  } catch (thrown) {
    const { message } = toAppError(thrown);
    workbench.log.warn({ databases: body.half?.made ?? [] }, `what a restore left behind is not cleaned up yet: ${message}`);
    return 'unknown';
  }
}

/** What can be said of a database whose restore was cut off and is not known to have taken its place. */
function describeOld({ target, connection }: JournaledRestore['order']): string {
  const mode = target.kind === 'database' ? (target.mode ?? 'new') : 'new';
  // Tables that moved have left a mark; rows that were added, and transactions of the others, have not.
  const leavesMark = connection !== undefined && findSourceAdapter(connection.kind)?.restore?.planTake !== undefined;
  const isKnown = mode === 'replace' || (leavesMark && mode !== 'data_only');
  return getModeRule(mode).changesExisting && !isKnown
    ? 'What was to be changed is wholly as it was, or wholly changed where the agent ended right after the last step: look before you restore again'
    : 'What was there before is as it was';
}

/** Ends a restore of which everything is in place. */
function endPlaced(
  recorder: Recorder,
  { source }: JournaledRestore['order'],
  bytes: number,
  seen: string,
  durationMs: number,
): void {
  const state = 'succeeded' as const;
  recorder.finishPart({ source: source.id, state, warnings: [], bytes, durationMs }, () => undefined);
  recorder.finish({ state, evidence: [{ check: 'target_verified', ok: true, seen }], bytes, durationMs });
}

/** Ends a restore that was cut off, as what it came to. */
export async function endCutRestore(
  workbench: Workbench,
  recorder: Recorder,
  body: JournaledRestore,
  durationMs: number,
): Promise<void> {
  const { order, half } = body;
  const end = await settleHalfRestored(workbench, body);
  if (half && end !== 'unknown')
    workbench.journal.runs.revise(recorder.run, { kind: 'restore', order, started: true } satisfies JournaledRestore);
  if (end === 'new') {
    const seen = 'The new content had been counted and had taken its place before the agent ended.';
    recorder.log('warn', 'The agent ended after the new content had taken its place; the old one is dropped now');
    return endPlaced(recorder, order, order.sizeBytes, seen, durationMs);
  }
  if (half?.placing) {
    const placed = await settlePlacing(order.run, order.target, half.placing);
    recorder.log(placed.isWhole ? 'info' : 'error', placed.words);
    const seen = 'Everything had been compared with the snapshot before the agent ended, and is in its place.';
    if (placed.isWhole) return endPlaced(recorder, order, half.placing.bytes, seen, durationMs);
  }
  if (half && !half.placing && end === 'old')
    recorder.log('info', `removed: ${[...half.made, ...(half.roles ? ['roles'] : [])].join(', ')}`);
  if (end === 'old' && order.target.kind === 'database') recorder.log('info', describeOld(order));
  const staging = findStaging(order.run, order.target);
  if (staging.length > 0) {
    const removed = await removeStaging(staging);
    recorder.log('info', `removed what was not yet in place: ${removed.join(', ')}`);
  }
  if (end === 'unknown')
    recorder.log('error', `the server does not answer; dropped as soon as it does: ${half?.made.join(', ') ?? ''}`);
  const interrupted = createReasonError('interrupted', 'The agent ended in the middle of this run');
  recorder.log('error', interrupted.message);
  const { state, failure } = endPart(order.source.id, interrupted);
  recorder.finishPart({ source: order.source.id, state, warnings: [], bytes: 0, durationMs: 0, failure }, () => undefined);
  recorder.finish({ state, failure, evidence: [], bytes: 0, durationMs });
}

/** Ends a safety backup that was cut off: nobody vouches for what it may have stored. */
export function endCutSafety(workbench: Workbench, recorder: Recorder, { source }: JournaledSafety, durationMs: number): void {
  const interrupted = createReasonError('interrupted', 'The agent ended in the middle of this run');
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

/** Tries what ended restores still owe, now and once a minute until nothing is left. */
export async function settleOwedRestores(workbench: Workbench): Promise<void> {
  let left = 0;
  for (const body of listOwed(workbench)) {
    if ((await settleHalfRestored(workbench, body)) === 'unknown') left += 1;
    else forgetOwed(workbench, body.order.run);
  }
  if (left > 0) workbench.setTimer(AGAIN_MS, () => void settleOwedRestores(workbench));
}
