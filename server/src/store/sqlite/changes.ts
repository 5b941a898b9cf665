/**
 * What was written, noted by triggers of this connection in a table of its own memory: no door to a table can forget to tell, and what
 * is rolled back takes its notes along.
 */
import type { HostId, PlanId, SourceId } from '@holdfast/shared/domain/ids.ts';
import * as z from 'zod';
import type { ChangeStore } from '../changes.ts';
import { idOf } from './id-numbers.ts';
import type { Sql } from './statements.ts';

const TABLE = `CREATE TEMP TABLE IF NOT EXISTS fleet_changes (tenant_id TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL) STRICT`;
/** Not unique: how a conflict ends would be for the writing statement to say. */
const INDEX = `CREATE INDEX IF NOT EXISTS temp.fleet_changes_once ON fleet_changes (tenant_id, kind, id)`;

const note = (tenant: string, kind: string, id: string) =>
  `INSERT INTO fleet_changes SELECT ${tenant}, '${kind}', ${id} WHERE NOT EXISTS (
    SELECT 1 FROM fleet_changes WHERE tenant_id = ${tenant} AND kind = '${kind}' AND id = ${id});`;

/** Sources of a plan are told of with it. */
const notePlan = (row: 'NEW' | 'OLD') => `${note(`${row}.tenant_id`, 'plan', `${row}.id`)}
  INSERT INTO fleet_changes SELECT p.tenant_id, 'source', p.source_id FROM plan_sources p WHERE p.plan_id = ${row}.id AND NOT EXISTS (
    SELECT 1 FROM fleet_changes c WHERE c.tenant_id = p.tenant_id AND c.kind = 'source' AND c.id = p.source_id);`;

const EVENTS = ['INSERT', 'UPDATE', 'DELETE'] as const;
type Event = (typeof EVENTS)[number];

interface Watched {
  table: string;
  note(row: 'NEW' | 'OLD'): string;
  /** Only updates of these columns; all where it is not given. */
  columns?: string;
  when?: string;
  /** All where it is not given. */
  events?: readonly Event[];
}

const ofSource = (row: string) => note(`${row}.tenant_id`, 'source', `${row}.source_id`);
const ofNumberedSource = (row: string) => note(idOf(`${row}.tenant_no`), 'source', idOf(`${row}.source_no`));

const WATCHED: readonly Watched[] = [
  { table: 'sources', note: (row) => note(`${row}.tenant_id`, 'source', `${row}.id`) },
  // A new one is told of by its sources; a trigger of its own would have each insert look for children of the plan all over the fleet.
  { table: 'plans', note: notePlan, events: ['UPDATE', 'DELETE'] },
  { table: 'plan_sources', note: (row) => `${note(`${row}.tenant_id`, 'plan', `${row}.plan_id`)}${ofSource(row)}` },
  { table: 'hosts', note: (row) => note(`${row}.tenant_id`, 'host', `${row}.id`), columns: 'name, state, tags, last_seen_at' },
  { table: 'snapshots', note: ofNumberedSource },
  { table: 'run_parts', note: ofNumberedSource, columns: 'state, ended_at', when: "kind = 'backup'" },
  { table: 'drills', note: ofSource },
  { table: 'drill_settings', note: ofSource, columns: 'within_days' },
  { table: 'missed_fires', note: (row) => note(`${row}.tenant_id`, 'miss', "''") },
];

function listTriggers({ table, note: write, columns, when, events = EVENTS }: Watched): readonly string[] {
  return events.map((event) => {
    const row = event === 'DELETE' ? 'OLD' : 'NEW';
    const of = event === 'UPDATE' && columns !== undefined ? ` OF ${columns}` : '';
    const only = when === undefined ? '' : ` WHEN ${row}.${when}`;
    return `CREATE TEMP TRIGGER IF NOT EXISTS fleet_${table}_${event.toLowerCase()} AFTER ${event}${of} ON main.${table}${only}
      BEGIN ${write(row)} END`;
  });
}

const changeRow = z.object({ kind: z.enum(['source', 'host', 'plan', 'miss']), id: z.string() });

export function createChanges(sql: Sql): ChangeStore {
  for (const text of [TABLE, INDEX, ...WATCHED.flatMap(listTriggers)]) sql.change(text).run();
  // It writes to this connection's memory alone, so it is no write of the store and waits for none.
  const take = sql.select('DELETE FROM fleet_changes WHERE tenant_id = @tenant RETURNING kind, id', changeRow);
  // Rises with what any other connection has written.
  const version = sql.select('PRAGMA data_version', z.object({ data_version: z.int() }));
  let seen = version.find()?.data_version;
  return {
    takeChanges: (tenant) =>
      sql.read(() => {
        const now = version.find()?.data_version;
        const isAllStale = now !== seen;
        seen = now;
        const rows = take.list({ tenant });
        const list = <T extends string>(kind: string) => [
          ...new Set(rows.flatMap((row) => (row.kind === kind ? [row.id as T] : []))),
        ];
        return {
          isAllStale,
          sources: list<SourceId>('source'),
          hosts: list<HostId>('host'),
          plans: list<PlanId>('plan'),
          isMissChanged: rows.some(({ kind }) => kind === 'miss'),
        };
      }),
  };
}
