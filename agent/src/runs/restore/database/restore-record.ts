/**
 * What a restore brought, counted and held against what was recorded as the backup was made: a dump that was cut between two statements restores
 * without an error, and only this shows it. Fewer tables, or other numbers of rows where they were counted exactly then, are less than what was
 * stored. A structure that is told in other words, as a server of another version does, and tables nobody recorded are said and nothing more.
 */
import type { PourInput, RestoreInput } from '@holdfast/shared/adapters/source.ts';
import {
  type Contents,
  type ContentsDifference,
  compareContents,
  describeDifference,
  describeShapes,
  type FoundTable,
} from '@holdfast/shared/domain/contents.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import type { AppError } from '@holdfast/shared/errors.ts';
import { RECORD } from '@holdfast/shared/limits.ts';
import { digestContents } from '../../backup/record-contents.ts';
import { ask, type CountPart, type DatabaseRestorePart } from './restore-ask.ts';
import { count } from './restore-pour.ts';

/**
 * What of the record has to be there: `whole` in a database that holds the backup alone; `structure` where no rows were wished; `among` other
 * tables, where others may write from the moment the content stands; `rows` that were added to tables of somebody else's making.
 */
export type Extent = 'whole' | 'structure' | 'among' | 'rows';

/** By the way in which a dump is poured straight into the target. */
export const EXTENTS: Readonly<Record<NonNullable<PourInput['mode']>, Extent>> = {
  new: 'whole',
  schema_only: 'structure',
  clean: 'among',
  append: 'among',
  data_only: 'rows',
};

export interface Comparison {
  /** What is less than was recorded. */
  short: readonly ContentsDifference[];
  /** What is worth a look, and no less. */
  odd: readonly ContentsDifference[];
  /** Tables whose rows were compared. */
  compared: number;
}

export interface Stock {
  evidence: readonly Evidence[];
  warnings: readonly string[];
  /** Why what came back is less than what was stored. */
  doubt?: AppError | undefined;
}

/** Named in the message; the rest stands in the log, up to the second number. */
const NAMED = 3;
const LOGGED = 50;
const WORDS_CHARS = 240;

/** A server that keeps all names in lower case has them so whatever they were where the backup was made. */
function nameAsRecorded(found: readonly FoundTable[], recorded: Contents): readonly FoundTable[] {
  const names = new Set(found.map(({ name }) => name));
  const known = new Set(recorded.tables.map(({ name }) => name));
  const lost = new Map([...known].filter((name) => !names.has(name)).map((name) => [name.toLowerCase(), name]));
  return found.map((table) => (known.has(table.name) ? table : { ...table, name: lost.get(table.name) ?? table.name }));
}

function isShort(
  { kind, table }: ContentsDifference,
  extent: Extent,
  rows: ReadonlyMap<string, readonly [number, number]>,
): boolean {
  if (kind === 'missing') return true;
  if (kind !== 'rows' || extent === 'structure') return false;
  const [then, now] = rows.get(table) ?? [0, 0];
  return extent === 'whole' || now < then;
}

/** `found`: every table that is there now, with its rows where they were counted. */
export function compareRestored(recorded: Contents, found: readonly FoundTable[], extent: Extent): Comparison {
  const tables = nameAsRecorded(found, recorded).map((table) =>
    extent === 'structure' ? { name: table.name, shape: table.shape } : table,
  );
  const seen = { digest: digestContents(describeShapes(tables)), tables };
  const withShapes = extent !== 'rows';
  const { differences, compared, doubtful } = compareContents(recorded, seen, { withShapes });
  const then = new Map(recorded.tables.map(({ name, rows = 0 }) => [name, rows]));
  const rows = new Map(tables.map(({ name, rows: now = 0 }) => [name, [then.get(name) ?? 0, now] as const]));
  const short = differences.filter((difference) => isShort(difference, extent, rows));
  const isAlone = extent === 'whole' || extent === 'structure';
  const odd = differences.filter(({ kind }) => kind === 'shape' || (kind === 'extra' && isAlone));
  return { short, odd: [...odd, ...(extent === 'whole' ? doubtful : [])], compared };
}

function describeSome(differences: readonly ContentsDifference[]): string {
  const named = differences.slice(0, NAMED).map((difference) => describeDifference(difference).slice(0, WORDS_CHARS));
  const more = differences.length > NAMED ? `; and ${differences.length - NAMED} more` : '';
  return `${named.join('; ')}${more}`;
}

/** Every table with its rows; undefined, with a warning, where that cannot be known. */
async function look(
  part: CountPart,
  database: string,
  wish: { extent: Extent; signal?: AbortSignal | undefined; cancelled: string },
): Promise<readonly FoundTable[] | string> {
  const { connection, recorded } = part;
  const { adapter, input } = connection;
  if (!adapter.recording) return 'nothing counts the tables of such a database';
  const config = adapter.discovery?.configFor(input.config, { name: database }) ?? input.config;
  // As thoroughly as then; beside tables of others never all of them.
  const isAll = wish.extent === 'whole' && recorded?.tables.every(({ isExact, rows }) => isExact || rows === undefined);
  const command = adapter.recording.planLook({ ...input, config }, { rows: isAll ? 'all' : 'small' });
  const timeoutMs = isAll ? RECORD.allMs : RECORD.smallMs;
  const result = await ask(part, command, { ...(wish.signal ? { signal: wish.signal } : {}), timeoutMs });
  if (result.ending === 'cancelled') throw createReasonError('cancelled', wish.cancelled);
  if (result.ending === 'timed_out') return 'counting its tables took too long';
  if (result.exitCode !== 0 || result.truncated) return result.stderr.trim().slice(0, WORDS_CHARS) || 'its tables cannot be read';
  const { tables } = adapter.recording.parseLook(result.stdout);
  return tables.map(({ name, shape, rows, isExact }) => ({ name, shape, ...(isExact && rows !== undefined ? { rows } : {}) }));
}

function judge(part: Pick<CountPart, 'recorder'>, recorded: Contents, { short, odd, compared }: Comparison): Stock {
  const { recorder } = part;
  const say = (level: 'error' | 'warn', lead: string, differences: readonly ContentsDifference[]) => {
    for (const difference of differences.slice(0, LOGGED))
      recorder.log(level, `${lead}: ${describeDifference(difference).slice(0, 2 * WORDS_CHARS)}`);
  };
  say('error', 'not as recorded', short);
  say('warn', 'worth a look', odd);
  const warnings = odd.length === 0 ? [] : [`Not told as it was recorded at the backup: ${describeSome(odd)}.`];
  if (short.length > 0) {
    const seen = `Not as recorded at the time of the backup: ${describeSome(short)}`;
    return {
      evidence: [{ check: 'same_content', ok: false, seen: seen.slice(0, 500) }],
      warnings,
      doubt: createReasonError('restore_differs', seen),
    };
  }
  const tables = recorded.tableCount === 1 ? '1 table or view' : `${recorded.tableCount} tables and views`;
  const rows =
    compared === 0 ? 'no rows compared' : `the rows of ${compared === 1 ? '1 table' : `${compared} tables`} as counted then`;
  return {
    evidence: [{ check: 'same_content', ok: true, seen: `${tables} recorded at the time of the backup, ${rows}` }],
    warnings,
  };
}

/**
 * Counts what is there now, and holds it against the record where there is one. With `signal` it may be cancelled, in the words given. Throws
 * `cancelled`, and what the tool said where nothing can be counted at all.
 */
export async function takeStock(
  part: CountPart,
  input: RestoreInput,
  extent: Extent,
  cancel?: { signal: AbortSignal; words: string },
): Promise<Stock> {
  const counted = await count(part, input, cancel);
  const { recorded, recorder } = part;
  if (!recorded) return { evidence: counted, warnings: [] };
  const found = await look(part, input.targetDatabase, { extent, signal: cancel?.signal, cancelled: cancel?.words ?? '' });
  if (typeof found === 'string') {
    recorder.log('warn', `what came back is not held against what was recorded at the backup: ${found}`);
    return { evidence: counted, warnings: ['What came back could not be held against what was recorded at the backup.'] };
  }
  const stock = judge(part, recorded, compareRestored(recorded, found, extent));
  return { ...stock, evidence: [...counted, ...stock.evidence] };
}

/** The same of a private database: what is less than was stored never takes the target's place. Throws `restore_differs`. */
export async function demandWhole(
  part: DatabaseRestorePart,
  input: RestoreInput,
  cancel: { signal: AbortSignal; words: string },
): Promise<Stock> {
  const stock = await takeStock(part, input, 'whole', cancel);
  if (stock.doubt) throw stock.doubt;
  return stock;
}
