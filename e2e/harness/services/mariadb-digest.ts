import { createHash } from 'node:crypto';
import { quoteBacktick, quoteString } from './sql-text.ts';

type Query = (sql: string, database?: string) => Promise<string>;

/**
 * Describes a database part by part: a checksum of each table's rows, and the definition of every table, view, sequence,
 * trigger, routine and event with its definer. Independent of physical row order and of the database's name, so that a
 * restored copy compares equal. Grants live outside a MariaDB database and are not part of it.
 */
export async function digestMariadb(query: Query, name: string): Promise<Readonly<Record<string, string>>> {
  const parts: Record<string, string> = {};
  const where = `WHERE TABLE_SCHEMA = ${quoteString(name, true)}`;
  const listed = await query(`SELECT TABLE_TYPE, TABLE_NAME FROM information_schema.TABLES ${where} ORDER BY TABLE_NAME`);
  for (const line of listed.split('\n').filter((text) => text !== '')) {
    const cut = line.indexOf('\t');
    const kind = line.slice(0, cut);
    const table = quoteBacktick(line.slice(cut + 1));
    parts[`${kind} ${table}`] = dropFirstColumn(await query(`SHOW CREATE TABLE ${table}`, name));
    if (kind === 'BASE TABLE') parts[`rows of ${table}`] = await digestRows(query, name, table);
    if (kind === 'SEQUENCE') parts[`position of ${table}`] = await query(`SELECT * FROM ${table}`, name);
  }
  for (const [kind, sql] of Object.entries(buildProgramQueries(quoteString(name, true)))) parts[kind] = await query(sql);
  const own = quoteBacktick(name);
  for (const [key, value] of Object.entries(parts)) parts[key] = value.replaceAll(own, '`<this database>`');
  parts['digest'] = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return parts;
}

async function digestRows(query: Query, name: string, table: string): Promise<string> {
  const count = await query(`SELECT count(*) FROM ${table}`, name);
  return `${count} ${dropFirstColumn(await query(`CHECKSUM TABLE ${table} EXTENDED`, name))}`;
}

function buildProgramQueries(schema: string): Record<string, string> {
  return {
    database: `SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ${schema}`,
    triggers: `SELECT TRIGGER_NAME, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_TIMING, ACTION_ORDER, ACTION_STATEMENT, SQL_MODE, DEFINER,
      CHARACTER_SET_CLIENT, COLLATION_CONNECTION FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ${schema} ORDER BY 1`,
    routines: `SELECT ROUTINE_TYPE, ROUTINE_NAME, DTD_IDENTIFIER, ROUTINE_DEFINITION, IS_DETERMINISTIC, SQL_DATA_ACCESS, SECURITY_TYPE, SQL_MODE,
      ROUTINE_COMMENT, DEFINER, CHARACTER_SET_CLIENT FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ${schema} ORDER BY 1, 2`,
    parameters: `SELECT SPECIFIC_NAME, ORDINAL_POSITION, PARAMETER_MODE, PARAMETER_NAME, DTD_IDENTIFIER
      FROM information_schema.PARAMETERS WHERE SPECIFIC_SCHEMA = ${schema} ORDER BY 1, 2`,
    events: `SELECT EVENT_NAME, DEFINER, TIME_ZONE, EVENT_DEFINITION, EVENT_TYPE, INTERVAL_VALUE, INTERVAL_FIELD, SQL_MODE, STARTS, ENDS, STATUS,
      ON_COMPLETION, EVENT_COMMENT FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ${schema} ORDER BY 1`,
  };
}

function dropFirstColumn(line: string): string {
  return line.slice(line.indexOf('\t') + 1);
}
