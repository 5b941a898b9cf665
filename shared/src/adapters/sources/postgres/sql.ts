/**
 * Quoting for PostgreSQL and the SQL texts the adapter sends. Names and values reach SQL only through the two quoting functions;
 * answers come back as one JSON value a line, because JSON has no trouble with line breaks in names.
 */
import { createFieldError } from '../../config-values.ts';

/** PostgreSQL cuts longer identifiers silently, so that another object than the named one would be meant. */
export const MAX_NAME_BYTES = 63;

/** Refuses a database name PostgreSQL cannot hold as it is: empty, with NUL, ill-formed or above 63 bytes of UTF-8. */
export function checkDatabaseName(field: string, name: string): string {
  if (name === '') throw createFieldError(field, 'is needed');
  if (name.includes('\u0000')) throw createFieldError(field, 'must not contain a NUL byte');
  if (!name.isWellFormed()) throw createFieldError(field, 'is not well-formed Unicode');
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
    throw createFieldError(field, `must not be longer than ${MAX_NAME_BYTES} bytes`);
  }
  return name;
}

/** A quoted identifier: `we"ird` becomes `"we""ird"`. Backslashes have no meaning there. Throws `invalid` for a NUL byte. */
export function quoteIdentifier(name: string): string {
  if (name.includes('\u0000')) throw createFieldError('name', 'must not contain a NUL byte');
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * A quoted literal in the escape form, which means the same under either setting of `standard_conforming_strings`. Throws `invalid` for a NUL
 * byte.
 */
export function quoteLiteral(value: string): string {
  if (value.includes('\u0000')) throw createFieldError('value', 'must not contain a NUL byte');
  return `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/**
 * A database name as a connection URI that takes everything else from the environment. Every byte but letters and digits is
 * percent-encoded, so the name is neither an option, nor a connection string, nor touched by psql's own quoting.
 */
export function formatDatabaseUri(name: string): string {
  const bytes = new TextEncoder().encode(name);
  const encoded = Array.from(bytes, (byte) =>
    (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  );
  return `postgresql:///${encoded.join('')}`;
}

/** Looks that hang help nobody: they end before the agent's own time limit of one minute. */
const LOOK_TIMEOUT = "SET statement_timeout = '45s';\n";

export const NOT_SYSTEM = "n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'";
export const notInExtension = (catalog: string, alias: string) =>
  `NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.${catalog}'::regclass AND d.objid = ${alias}.oid AND d.deptype = 'e')`;

export const PROBE_SQL = `${LOOK_TIMEOUT}SELECT json_build_object(
  'serverVersion', current_setting('server_version'),
  'versionNumber', current_setting('server_version_num')::int,
  'sizeBytes', pg_database_size(current_database()),
  'superuser', coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), false),
  'readsAllData', coalesce((SELECT pg_has_role(current_user, oid, 'usage') FROM pg_roles WHERE rolname = 'pg_read_all_data'), false),
  'readsRolePasswords', has_table_privilege('pg_catalog.pg_authid', 'SELECT'),
  'standby', pg_is_in_recovery(),
  'unreadableTables', (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 'p') AND ${NOT_SYSTEM} AND NOT has_table_privilege(c.oid, 'SELECT')),
  'foreignTables', (SELECT count(*) FROM pg_class WHERE relkind = 'f'),
  'subscriptions', (SELECT count(*) FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())),
  'tables', (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm', 'f') AND ${NOT_SYSTEM})
);
`;

export const DISCOVERY_SQL = `${LOOK_TIMEOUT}SELECT json_build_object(
  'name', datname,
  'sizeBytes', CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) END
) FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname;
`;

/** Everything a person could miss: relations, routines, own types, schemas, large objects; what extensions own does not count. */
const COUNT_OBJECTS = `
  (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${NOT_SYSTEM} AND ${notInExtension('pg_class', 'c')})
  + (SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE ${NOT_SYSTEM} AND ${notInExtension('pg_proc', 'p')})
  + (SELECT count(*) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typtype IN ('d', 'e', 'r') AND ${NOT_SYSTEM} AND ${notInExtension('pg_type', 't')})
  + (SELECT count(*) FROM pg_namespace n
    WHERE n.nspname <> 'public' AND ${NOT_SYSTEM} AND ${notInExtension('pg_namespace', 'n')})
  + (SELECT count(*) FROM pg_largeobject_metadata)`;

/** A member of pg_read_all_settings may know it; a superuser is a member of everything. */
const FILES_AT =
  "CASE WHEN (SELECT pg_has_role(current_user, oid, 'usage') FROM pg_roles WHERE rolname = 'pg_read_all_settings') THEN current_setting('data_directory') END";
const SERVER_FACTS = `'serverVersion', current_setting('server_version'), 'filesAt', ${FILES_AT},
  'superuser', coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), false)`;

/** Says whether the target exists and, by connecting to it, how much is in it. The script runs in the maintenance database. */
export function createInspectSql(target: string): string {
  return `${LOOK_TIMEOUT}SELECT EXISTS (SELECT FROM pg_database WHERE datname = ${quoteLiteral(target)}) AS found \\gset
\\if :found
\\connect -reuse-previous=on ${formatDatabaseUri(target)}
SELECT json_build_object('exists', true, 'oid', (SELECT oid::text FROM pg_database WHERE datname = current_database()), 'objects', ${COUNT_OBJECTS},
  'tables', (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND ${NOT_SYSTEM}),
  'sizeBytes', pg_database_size(current_database()),
  'sessions', (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'),
  ${SERVER_FACTS});
\\else
SELECT json_build_object('exists', false, 'oid', NULL, 'objects', 0, 'tables', 0, 'sizeBytes', 0, 'sessions', 0, ${SERVER_FACTS});
\\endif
`;
}

/**
 * Creates the target from template0, with the encoding and locale of the source's database where this server has it and with
 * the server's own otherwise. Columns that came with later versions are read through JSON, so that one text serves all of them.
 */
export function createCreateSql(target: string, source: string): string {
  const create = `CREATE DATABASE ${quoteIdentifier(target)} TEMPLATE template0`;
  return `SELECT coalesce((
  SELECT ${quoteLiteral(create)} || format(' ENCODING %L LC_COLLATE %L LC_CTYPE %L', pg_encoding_to_char(d.encoding), d.datcollate, d.datctype)
    || CASE to_jsonb(d) ->> 'datlocprovider'
      WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'))
      WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', to_jsonb(d) ->> 'datlocale')
      WHEN 'c' THEN ' LOCALE_PROVIDER libc'
      ELSE '' END
  FROM pg_database d WHERE d.datname = ${quoteLiteral(source)}
), ${quoteLiteral(create)}) \\gexec
`;
}

/** Removes the target; the user's own left-over sessions in it (a killed restore) are ended first. */
export function createDropSql(target: string): string {
  return `SELECT count(pg_terminate_backend(pid)) AS ended FROM pg_stat_activity
  WHERE datname = ${quoteLiteral(target)} AND usename = current_user AND pid <> pg_backend_pid() \\gset
DROP DATABASE IF EXISTS ${quoteIdentifier(target)};
`;
}

/** Row numbers are the server's estimates: right after a restore they come from the statistics of the loading session. */
export const VERIFY_SQL = `SELECT json_build_object(
  'tables', (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND ${NOT_SYSTEM}),
  'views', (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND ${NOT_SYSTEM}),
  'functions', (SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE ${NOT_SYSTEM} AND ${notInExtension('pg_proc', 'p')}),
  'rows', (SELECT coalesce(sum(greatest(c.reltuples::bigint, s.n_live_tup, 0)), 0) FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid),
  'sizeBytes', pg_database_size(current_database())
);
`;
