/** What a person reads about the ways to restore a database: each with its consequence. */
import { getModeRule, type RestoreMode } from '@holdfast/shared/domain/restore.ts';
import type { TargetLook } from '../../../core/restores/restore-target.ts';
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

function describeLoss(mode: RestoreMode, look: TargetLook): string {
  switch (mode) {
    case 'replace':
      return `Everything in it is overwritten: ${tablesOf(look)}.`;
    case 'clean':
      return `It holds ${tablesOf(look)}; those that the backup holds too are overwritten.`;
    case 'tables':
      return `It holds ${tablesOf(look)}; only the chosen ones are overwritten.`;
    default:
      return `It holds ${tablesOf(look)}; none of that is dropped.`;
  }
}

/** What stands at the target, as it bears on this way of restoring. */
export function describeLook(
  mode: RestoreMode,
  database: string,
  look: TargetLook,
  /** `sizeBytes` is what the backup holds; undefined where nobody knows. */
  wish: { endSessions: boolean; sizeBytes?: number | undefined; canEndSessions: boolean },
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
    found.push({ tone: 'warning', text: `${database} exists. ${describeLoss(mode, look)}` });
  }
  if (look.sessions > 0 && rule.needsAlone && wish.canEndSessions) {
    const sessions = formatNoun(look.sessions, 'other session');
    found.push(
      wish.endSessions
        ? { tone: 'warning', text: `${sessions} in it now will be ended.` }
        : { tone: 'problem', text: `${sessions} in it now: the restore is refused unless they may be ended.` },
    );
  }
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
