import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { runTool } from './tool-run.ts';

export type PostgresAccess = {
  readonly query: (sql: string, database?: string) => Promise<string>;
  readonly programFolder: string;
  readonly connectionEnv: Readonly<Record<string, string>>;
};

const settings = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET extra_float_digits = 3; SET bytea_output = 'hex';";

/**
 * Describes a database part by part: a digest of each table's rows, each sequence's position, the large objects, and every
 * statement of `pg_dump --schema-only` (definitions, owners, grants, comments). Independent of physical row order and of the
 * database's name, so that a restored copy compares equal.
 */
export async function digestPostgres(access: PostgresAccess, name: string): Promise<Readonly<Record<string, string>>> {
  const parts: Record<string, string> = {};
  for (const table of await listTables(access, name)) parts[`table ${table}`] = await digestTable(access, name, table);
  const sequences = await access.query(
    `${settings} SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename), last_value FROM pg_sequences ORDER BY 1`,
    name,
  );
  for (const line of splitLines(sequences)) {
    const cut = line.lastIndexOf('|');
    parts[`sequence ${line.slice(0, cut)}`] = line.slice(cut + 1);
  }
  parts['large objects'] = await access.query(
    `${settings} SELECT m.oid, pg_get_userbyid(m.lomowner), md5(lo_get(m.oid)) FROM pg_largeobject_metadata m ORDER BY 1`,
    name,
  );
  for (const [index, statement] of (await listDefinitions(access, name)).entries()) parts[`definition ${index}`] = statement;
  parts['digest'] = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return parts;
}

async function listTables(access: PostgresAccess, name: string): Promise<string[]> {
  const sql = `SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1`;
  return splitLines(await access.query(sql, name));
}

/** Adds up the rows' hashes, so that neither their order nor a sort of a large table matters. */
async function digestTable(access: PostgresAccess, name: string, table: string): Promise<string> {
  const sql = `${settings} SET row_security = off;
    SELECT count(*), sum(('x' || left(h, 16))::bit(64)::bigint::numeric), sum(('x' || right(h, 16))::bit(64)::bigint::numeric)
    FROM (SELECT md5(t::text) h FROM ${table} t) hashes`;
  return await access.query(sql, name);
}

/** Statements in sorted order: the tool orders equal-ranked objects by their age, which a restore changes. */
async function listDefinitions({ programFolder, connectionEnv }: PostgresAccess, name: string): Promise<string[]> {
  const outcome = await runTool(
    join(programFolder, 'pg_dump'),
    ['--schema-only', `--dbname=dbname=${quoteConnectionValue(name)}`],
    {
      env: connectionEnv,
    },
  );
  return outcome.stdout
    .split(/\n(?=--\n-- Name: )/)
    .map((block) =>
      block
        .split('\n')
        .filter((line) => line !== '' && !/^(--|\\(un)?restrict )/.test(line))
        .join('\n'),
    )
    .filter((block) => block !== '')
    .sort();
}

function quoteConnectionValue(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function splitLines(text: string): string[] {
  return text === '' ? [] : text.split('\n');
}
