/**
 * What a restore has left behind that did not come to its end: databases that it made and that must not stay are dropped, and it is found out
 * whether the new content had taken its place. Where the order was for a user whose password is gone, the connection's own does it, as far as
 * that may.
 */
import type { DatabaseRestore } from '@holdfast/shared/adapters/source.ts';
import { findReason, type Reason } from '@holdfast/shared/domain/reason.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { withWorkDir } from '../inputs.ts';
import type { HalfRestored, JournaledRestore } from '../journaled-run.ts';
import type { Workbench } from '../workbench.ts';
import { ask, dropMade, type InspectPart, inspect, isRefusal } from './database/restore-ask.ts';
import { askForEnd } from './database/restore-change.ts';
import { describeEmptied, describeFilled, emptyAgain } from './database/restore-filling.ts';
import { describeOthers, dropOwn, unmarkOwn } from './database/restore-own.ts';
import { finishTaking, hasMoved, nameTaken } from './database/restore-take.ts';
import { prepareAnyConnection } from './restore-connection.ts';

/**
 * `old`: the target is as it was. `new`: it holds the whole restored content. `doubtful`: it is one of the two, and the server does not know
 * which. `unknown`: the server could not be asked. `refused`: it answers, and the connection's own user may not see to what another one made.
 * `closed`: it can never be asked, because nobody has the secrets any more.
 */
export type HalfEnd = 'old' | 'new' | 'doubtful' | 'unknown' | 'refused' | 'closed';

export interface Settled {
  end: HalfEnd;
  /** Databases that are gone. */
  removed: readonly string[];
  /** What stays although it should go, because the server refuses to drop it; undefined where nothing does. */
  left?: HalfRestored | undefined;
  /** What a person has to know besides, a sentence each: somebody else's database that was left alone, what stays and how it goes. */
  words: readonly string[];
}

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

/** What the cleaning has come to so far. */
interface Cleaning {
  part: InspectPart;
  removed: string[];
  left: HalfRestored;
  words: string[];
}

const isNothing = ({ made, own, filling, roles }: HalfRestored) =>
  made.length === 0 && own === undefined && filling === undefined && roles === undefined;

function describeLeft({ restore }: InspectPart, database: string, words: string): string {
  return `the database ${database} could not be dropped: ${words}. Where it is there, drop it: ${restore.sayDrop(database)}`;
}

async function drop({ part, removed, left, words: said }: Cleaning, databases: readonly string[]): Promise<void> {
  for (const database of databases) {
    const { ok, isRefused, words } = await dropMade(part, database);
    if (ok) {
      removed.push(database);
      continue;
    }
    if (!isRefused) throw new Error(`${database} could not be dropped: ${words}`);
    left.made.push(database);
    said.push(describeLeft(part, database, words));
  }
}

/** What is to go that was made under the name of the target. */
async function settleOwn({ part, removed, left, words: said }: Cleaning, own: HalfRestored['own'], end: HalfEnd): Promise<void> {
  if (!own) return;
  if (end === 'new') {
    const { ok, words } = await unmarkOwn(part, own);
    if (!ok) said.push(words);
    return;
  }
  const { is, isRefused, words } = await dropOwn(part, own);
  if (is === 'gone') removed.push(own.database);
  else if (is === 'others') said.push(describeOthers(own));
  else if (!isRefused) throw new Error(`${own.database} could not be dropped: ${words}`);
  else {
    left.own = own;
    said.push(describeLeft(part, own.database, words));
  }
}

/** What came into a target that was there before, empty. */
async function settleFilling(
  { part, left, words: said }: Cleaning,
  filling: HalfRestored['filling'],
  end: HalfEnd,
): Promise<void> {
  if (!filling) return;
  if (end === 'new') {
    const { ok, words } = await unmarkOwn(part, filling);
    if (!ok) said.push(words);
    return;
  }
  const { is, isRefused, words } = await emptyAgain(part, filling);
  if (is !== 'there') said.push(describeEmptied(filling, is));
  else if (!isRefused) throw new Error(describeFilled(filling, words));
  else {
    left.filling = filling;
    said.push(describeFilled(filling, words));
  }
}

/** Roles that were made for content which did not stay go after it. */
async function settleRoles({ part, left, words }: Cleaning, run: string, roles: HalfRestored['roles']): Promise<void> {
  const adapter = part.restore.roles;
  if (!roles || !adapter) return;
  const { input } = part.connection;
  const command = roles === 'keep' ? adapter.planKeep(input, { globals: '', names: [], run }) : adapter.planTakeBack(input, run);
  const result = await ask(part, command);
  if (result.exitCode === 0) return;
  const said = result.stderr.trim();
  if (!isRefusal(part, result)) throw new Error(`roles that were made for a restore are not settled: ${said}`);
  left.roles = roles;
  words.push(
    roles === 'keep'
      ? `roles keep the mark of this restore, ${run}, as their comment: ${said}`
      : `roles that were made for this restore could not be dropped: ${said}. Drop those that bear its mark, ${run}, as their comment`,
  );
}

async function settle(workbench: Workbench, { order, half }: JournaledRestore): Promise<Settled> {
  const nothing: Settled = { end: 'old', removed: [], words: [] };
  if (!half || !order.connection) return nothing;
  return withWorkDir(workbench, async (workDir) => {
    const { connection, isOwnInstead } = prepareAnyConnection(workbench, order, workDir);
    const restore: DatabaseRestore | undefined = connection.adapter.restore;
    if (!restore) return nothing;
    const part: InspectPart = { tooling: workbench, exec: workbench.exec, workDir, connection, restore, isOthers: isOwnInstead };
    try {
      const end = await findEnd(part, order, half);
      const cleaning: Cleaning = { part, removed: [], left: { made: [] }, words: [] };
      await drop(cleaning, half.made);
      if (half.swap) await drop({ ...cleaning, removed: [] }, [half.swap.aside]);
      if (half.making !== undefined && (await inspect(part, half.making)).empty)
        await drop({ ...cleaning, removed: [] }, [half.making]);
      await settleOwn(cleaning, half.own, end);
      await settleFilling(cleaning, half.filling, end);
      // Roles that something needs stay whatever is said here.
      await settleRoles(cleaning, order.run, end === 'new' && half.roles ? 'keep' : half.roles);
      const { removed, left, words } = cleaning;
      return { end, removed, words, left: isNothing(left) ? undefined : left };
    } catch (thrown) {
      if (!isOwnInstead || !NOT_ALLOWED.has(findReason(toAppError(thrown)))) throw thrown;
      return { end: 'refused', removed: [], words: describeRefused(restore, order, half, toAppError(thrown).message) };
    }
  });
}

const NOT_ALLOWED: ReadonlySet<Reason | undefined> = new Set<Reason>(['restore_permission', 'database_authentication']);

export const listMade = (half: HalfRestored | undefined): readonly string[] => [
  ...(half?.made ?? []),
  ...(half?.own ? [half.own.database] : []),
];

/** What may stand where, and what a person types once that has been looked at. */
function describeRefused(
  restore: DatabaseRestore,
  { options }: JournaledRestore['order'],
  half: HalfRestored,
  words: string,
): readonly string[] {
  const { made, own, making, filling, swap, change } = half;
  const names = [
    ...made,
    ...(swap ? [swap.aside] : []),
    // What has come whole is no rubbish.
    ...(own && change?.isDone !== true ? [own.database] : []),
    ...(making === undefined ? [] : [making]),
  ];
  const isFilling = filling && change?.isDone !== true;
  const drops = names.map((name) => restore.sayDrop(name)).join(' ');
  return [
    `the password of ${options?.connectAs} was in memory alone and is gone with the agent that held it, and the connection’s own user may not see to what this restore left: ${words}`,
    ...(names.length > 0
      ? [`databases that it made may be there: ${names.join(', ')}. Look at the target first, then drop those that are: ${drops}`]
      : []),
    ...(isFilling ? [describeFilled(filling, 'the user may not')] : []),
  ];
}

/** Cleans up after one restore that was cut off; throws nothing. */
export async function settleHalfRestored(workbench: Workbench, body: JournaledRestore): Promise<Settled> {
  try {
    return await settle(workbench, body);
  } catch (thrown) {
    const error = toAppError(thrown);
    workbench.log.warn({ databases: listMade(body.half) }, `what a restore left behind is not cleaned up yet: ${error.message}`);
    return { end: findReason(error) === 'secrets_missing' ? 'closed' : 'unknown', removed: [], words: [] };
  }
}
