/** What a person reads about the ways to restore a database: each with its consequence. */
import { createHash } from 'node:crypto';
import type { DatabaseRestore } from '@holdfast/shared/adapters/source.ts';
import type { Contents } from '@holdfast/shared/domain/contents.ts';
import { type ChosenTable, getModeRule, type RestoreMode } from '@holdfast/shared/domain/restore.ts';
import type { TargetLook } from '../../../core/restores/restore-target.ts';
import { html } from '../../html.ts';
import type { Flash } from '../../ui/flash.ts';
import { formatBytes, formatNoun } from '../../ui/quantity.ts';

export const MODE_WORDS: Readonly<Record<RestoreMode, { label: string; consequence: string }>> = {
  new: {
    label: 'Into a new database',
    consequence: 'Creates the database and fills it. Nothing that exists is changed.',
  },
  replace: {
    label: 'Drop and recreate',
    consequence:
      'Builds the new content beside the old one, then swaps the two in one step and drops the old one. A failure on the way leaves the old one in place.',
  },
  clean: {
    label: 'Clean',
    consequence: 'Drops what the backup holds and makes it again, all of it or nothing. What else is in the database stays.',
  },
  append: {
    label: 'Append',
    consequence:
      'Adds what the backup holds, all of it or nothing. Drops nothing; if one of its names is taken, nothing is changed.',
  },
  schema_only: {
    label: 'Schema only',
    consequence: 'Creates the database with its tables, views and functions, without rows.',
  },
  data_only: {
    label: 'Data only',
    consequence: 'Adds the rows to tables that are there already, in one transaction. A row whose key is taken stops all of it.',
  },
  tables: {
    label: 'Chosen tables',
    consequence: 'The tables named below take the place of their namesakes, all of them or none. All others stay.',
  },
};

const tablesOf = (look: TargetLook) => `${formatNoun(look.tables, 'table')}, ${formatBytes(look.sizeBytes)}`;

/** Tables that the page names; the rest are counted. */
const NAMED = 12;

/** `orders, people and 3 more`. */
function nameSome(names: readonly string[], count = names.length): string {
  const shown = names.slice(0, NAMED);
  return count > shown.length ? `${shown.join(', ')} and ${count - shown.length} more` : shown.join(', ');
}

const nameTable = ({ schema, name }: ChosenTable) => (schema === undefined ? name : `${schema}.${name}`);

/** What of the backup would take somebody's place. */
export interface Overwriting {
  /** What the backup holds, where that was recorded. */
  recorded?: Contents | undefined;
  /** What was chosen. */
  tables: readonly ChosenTable[];
}

function describeLoss(mode: RestoreMode, look: TargetLook, { recorded, tables }: Overwriting): string {
  switch (mode) {
    case 'replace':
      return `Everything in it is overwritten: ${tablesOf(look)}.`;
    case 'clean':
      return recorded === undefined || recorded.tables.length === 0
        ? `It holds ${tablesOf(look)}; those that the backup holds too are overwritten.`
        : `It holds ${tablesOf(look)}. The backup holds ${formatNoun(recorded.tableCount, 'table or view', 'tables and views')}, which are overwritten where they stand here: ${nameSome(
            recorded.tables.map(({ name }) => name),
            recorded.tableCount,
          )}.`;
    case 'tables':
      return tables.length === 0
        ? `It holds ${tablesOf(look)}; only the chosen ones are overwritten.`
        : `It holds ${tablesOf(look)}. ${formatNoun(tables.length, 'chosen table')} ${tables.length === 1 ? 'is' : 'are'} overwritten where ${tables.length === 1 ? 'it stands' : 'they stand'} here: ${nameSome(tables.map(nameTable))}.`;
    default:
      return `It holds ${tablesOf(look)}; none of that is dropped.`;
  }
}

/** Chosen tables that nobody recorded in this backup: most likely another name is meant. Undefined schemas are the engine's usual one. */
function describeUnknown(mode: RestoreMode, { recorded, tables }: Overwriting): readonly Flash[] {
  if (mode !== 'tables' || recorded === undefined || recorded.tables.length < recorded.tableCount) return [];
  const known = new Set(recorded.tables.map(({ name }) => name));
  const unknown = tables.filter((table) => !known.has(nameTable(table)) && !known.has(`public.${table.name}`));
  if (unknown.length === 0) return [];
  return [
    { tone: 'warning', text: `Not among the tables that were recorded in this backup: ${nameSome(unknown.map(nameTable))}.` },
  ];
}

/** What the engine does with sessions of others: ends them where that is wished; `onlyWait`: they are never a reason to refuse. */
export interface SessionsRule {
  canEnd: boolean;
  onlyWait: boolean;
}

export function findSessionsRule(restore: DatabaseRestore | undefined): SessionsRule {
  return { canEnd: restore?.planEndSessions !== undefined, onlyWait: restore?.sessionsOnlyWait === true };
}

function describeSessions(
  mode: RestoreMode,
  count: number,
  wish: { endSessions: boolean; sessions: SessionsRule },
): readonly Flash[] {
  const { canEnd, onlyWait } = wish.sessions;
  const isHeld = getModeRule(mode).needsAlone || (onlyWait && mode === 'tables');
  if (count === 0 || !isHeld || !canEnd) return [];
  const sessions = formatNoun(count, 'other session');
  if (wish.endSessions) return [{ tone: 'warning', text: `${sessions} in it now will be ended.` }];
  if (!onlyWait) return [{ tone: 'problem', text: `${sessions} in it now: the restore is refused unless they may be ended.` }];
  return [
    {
      tone: 'warning',
      text: `${sessions} in it now: the last step waits half a minute for the tables they use, and then gives up.`,
    },
  ];
}

/** What stands at the target, as it bears on this way of restoring. */
export function describeLook(
  mode: RestoreMode,
  database: string,
  look: TargetLook,
  /** `sizeBytes` is what the backup holds; undefined where nobody knows. */
  wish: {
    endSessions: boolean;
    sizeBytes?: number | undefined;
    sessions: SessionsRule;
    overwriting: Overwriting;
  },
): readonly Flash[] {
  const rule = getModeRule(mode);
  const found: Flash[] = [];
  if (!look.exists) {
    found.push(
      rule.target === 'existing'
        ? { tone: 'problem', text: `There is no database ${database} on this server, and this way needs one.` }
        : { tone: 'notice', text: `${database} does not exist yet on this server (version ${look.serverVersion}).` },
    );
  } else if (look.empty) {
    found.push({ tone: 'notice', text: `${database} exists and is empty.` });
  } else if (rule.target === 'empty') {
    found.push({ tone: 'problem', text: `${database} exists and holds ${tablesOf(look)}. Choose another name, or another way.` });
  } else {
    found.push({ tone: 'warning', text: `${database} exists. ${describeLoss(mode, look, wish.overwriting)}` });
    found.push(...describeUnknown(mode, wish.overwriting));
  }
  found.push(...describeSessions(mode, look.sessions, wish));
  if (look.freeBytes !== undefined) {
    const tone = look.freeBytes < (wish.sizeBytes ?? 0) ? 'problem' : 'notice';
    const held = wish.sizeBytes === undefined ? '' : `; the backup holds ${formatBytes(wish.sizeBytes)}`;
    found.push({ tone, text: `The server has ${formatBytes(look.freeBytes)} free${held}.` });
  }
  return found;
}

/** The sentence a person agrees to. */
export function describeConsent(mode: RestoreMode): string {
  return getModeRule(mode).changesExisting
    ? 'I understand this will modify the database.'
    : 'I understand this creates a new database on that server and fills it.';
}

/** A short name for what a person agrees to: another sentence, target, way or finding has another name. */
export function nameConsent(
  { place, target, mode }: { readonly place: string; readonly target: string; readonly mode: RestoreMode },
  seen: readonly Flash[],
): string {
  const found = seen.map(({ text }) => html`${text}`.toString());
  return createHash('sha256')
    .update(JSON.stringify([place, target, mode, found]))
    .digest('hex')
    .slice(0, 16);
}
