/**
 * Numbers in place of ids in what there are millions of: rows of runs, parts and snapshots, and each entry of their indexes, name tenants,
 * hosts, plans, sources and repositories by a number of this store's own. Outside of SQL there are ids alone.
 */
import type { Sql } from './statements.ts';

/** SQL of the number of an id, which is itself SQL; NULL where no row has spoken of it. */
export function numberOf(id: string): string {
  return `(SELECT known.no FROM id_numbers known WHERE known.id = ${id})`;
}

/** SQL of the id that a column has the number of. */
export function idOf(column: string): string {
  return `(SELECT known.id FROM id_numbers known WHERE known.no = ${column})`;
}

/** SQL of the numbers of the ids in a parameter that is an array in JSON. */
export function numbersIn(ids: string): string {
  return `(SELECT known.no FROM json_each(${ids}) listed JOIN id_numbers known ON known.id = listed.value)`;
}

/** SQL of the number of a run. */
export function runNumberOf(run: string): string {
  return `(SELECT told.no FROM runs told WHERE told.id = ${run})`;
}

/** What holds of the one snapshot at a place of a repository. */
export const SNAPSHOT_PLACE = `tenant_no = ${numberOf('@tenant')} AND repository_no = ${numberOf('@repository')} AND engine_id = @engineId`;

/** Gives ids a number that have none, in a caller's transaction, before rows speak of them. */
export function createIdNumbers(sql: Sql): (...ids: readonly (string | undefined)[]) => void {
  const add = sql.change('INSERT INTO id_numbers (id) VALUES (@id) ON CONFLICT (id) DO NOTHING');
  return (...ids) => {
    for (const id of ids) if (id !== undefined) add.run({ id });
  };
}
