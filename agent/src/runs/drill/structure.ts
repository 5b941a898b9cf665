/** Compares what a database was made of with what came back. Pure. */
import { hash } from 'node:crypto';
import type { DrillStructure } from '@holdfast/shared/adapters/drill.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';

/** Named in the evidence; the rest become a number. */
const NAMED = 3;

/** `1 table`, `2 tables`. */
export const countNoun = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** What is in `one` more often than in `other`; both are sorted. */
function listMissing(one: readonly string[], other: readonly string[]): readonly string[] {
  const missing: string[] = [];
  let at = 0;
  for (const entry of one) {
    while (at < other.length && (other[at] ?? '') < entry) at += 1;
    if (other[at] === entry) at += 1;
    else missing.push(entry);
  }
  return missing;
}

function name(entries: readonly string[]): string {
  const shown = entries.slice(0, NAMED).map((entry) => entry.split('\n', 1)[0]?.slice(0, 80) ?? '');
  const left = entries.length - shown.length;
  return left > 0 ? `${shown.join('; ')} and ${left} more` : shown.join('; ');
}

/** A short word for a structure, the same for the same statements in any order. */
export function digestStructure(structure: DrillStructure): string {
  return hash('sha256', structure.statements.join('\n\n')).slice(0, 16);
}

/**
 * A server words an expression anew each time it reads one back: `s IN ('a', 'b')` comes back with other casts and brackets after every
 * restore. Without them the same expression is the same text.
 */
function loosen(statement: string): string {
  return statement
    .replaceAll(/::(?:[a-z_]+|"[^"\n]*")(?: [a-z]+)*(?:\(\d+(?:,\s*\d+)?\))?(?:\[\])*/g, '')
    .replaceAll(/[()\s]/g, '');
}

/** Statements of `one` that `other` has in no wording, as they stand. */
function listDiffering(one: readonly string[], other: readonly string[]): readonly string[] {
  const missing = listMissing(one, other);
  if (missing.length === 0) return missing;
  const counts = new Map<string, number>();
  for (const loose of listMissing(other, one).map(loosen)) counts.set(loose, (counts.get(loose) ?? 0) + 1);
  return missing.filter((statement) => {
    const loose = loosen(statement);
    const left = counts.get(loose) ?? 0;
    counts.set(loose, left - 1);
    return left <= 0;
  });
}

/**
 * `expected` is what the dump says, `found` what was read again. Statements are compared only where the same program wrote both and
 * nothing was left out on purpose; tables always.
 */
export function compareStructures(
  expected: DrillStructure,
  found: DrillStructure,
  options: { isWhole: boolean; leftOut: boolean },
): Evidence {
  const check = 'same_content';
  const lost = listMissing(expected.tables, found.tables);
  if (lost.length > 0) return { check, ok: false, seen: `Tables of the dump did not come back: ${name(lost)}` };
  const extra = listMissing(found.tables, expected.tables);
  if (extra.length > 0) return { check, ok: false, seen: `There are tables that the dump does not have: ${name(extra)}` };
  const tables = `${countNoun(expected.tables.length, 'table')} as in the dump`;
  if (!options.isWhole) return { check, ok: true, seen: `${tables}; there are too many statements to compare them` };
  if (options.leftOut) return { check, ok: true, seen: `${tables}; not all else could be made here, see the warnings` };
  if (expected.writtenBy === '' || expected.writtenBy !== found.writtenBy)
    return {
      check,
      ok: true,
      seen: `${tables}; the dump was written by version ${expected.writtenBy} of the tool, so no more is compared`,
    };
  const missing = listDiffering(expected.statements, found.statements);
  const foreign = listDiffering(found.statements, expected.statements);
  if (missing.length + foreign.length > 0)
    return { check, ok: false, seen: `The structure is not that of the dump: ${name([...missing, ...foreign])}` };
  return { check, ok: true, seen: `${tables}, and the same structure (${digestStructure(expected)})` };
}
