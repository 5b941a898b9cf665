/** Holds what came back against what was recorded as the backup was made. */
import {
  type Contents,
  compareContents,
  describeDifference,
  describeShapes,
  type FoundTable,
} from '@holdfast/shared/domain/contents.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import { digestContents } from '../backup/record-contents.ts';
import type { Recorder } from '../log/recorder.ts';
import { countNoun } from './structure.ts';

/** Named in the evidence, and in the log. */
const NAMED = 3;
const LOGGED = 50;
const NAME_CHARS = 120;

export interface Restored {
  shapes: readonly FoundTable[];
  /** Every table's rows by name, exactly counted. */
  rows: ReadonlyMap<string, number>;
  /** Something was left out on purpose, so that not every shape can be as it was. */
  leftOut: boolean;
}

export function compareWithRecord(recorded: Contents, restored: Restored, recorder: Pick<Recorder, 'log'>): Evidence {
  const tables = restored.shapes.map((table) => ({ ...table, rows: restored.rows.get(table.name) }));
  const found = { digest: digestContents(describeShapes(restored.shapes)), tables };
  const { differences, compared, doubtful } = compareContents(recorded, found, { withShapes: !restored.leftOut });
  const clip = (text: string) => text.slice(0, 2 * NAME_CHARS);
  for (const difference of differences.slice(0, LOGGED))
    recorder.log('error', `not as recorded: ${clip(describeDifference(difference))}`);
  for (const doubt of doubtful.slice(0, LOGGED)) recorder.log('warn', `worth a look: ${clip(describeDifference(doubt))}`);
  const check = 'same_content';
  if (differences.length > 0) {
    const named = differences.slice(0, NAMED).map((difference) => describeDifference(difference).slice(0, NAME_CHARS));
    const more = differences.length > NAMED ? `; and ${differences.length - NAMED} more` : '';
    return { check, ok: false, seen: `Not as recorded at the time of the backup: ${named.join('; ')}${more}` };
  }
  const structure = restored.leftOut ? '' : ` with the structure (${recorded.digest})`;
  const rows = compared === 0 ? 'no rows were counted then' : `the rows of ${countNoun(compared, 'table')} as counted then`;
  return {
    check,
    ok: true,
    seen: `${recorded.tableCount === 1 ? '1 table or view' : `${recorded.tableCount} tables and views`}${structure} recorded at the time of the backup, ${rows}`,
  };
}
