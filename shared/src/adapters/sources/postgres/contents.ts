/**
 * What a PostgreSQL database holds. A session in its own transaction exports a snapshot, which the dump and the counting both take: so every
 * exact number is one of the dump itself. It does nothing else, ends with the dump at the latest, and keeps no longer from cleaning up
 * than the dump does.
 *
 * A shape is made of names and types alone: the server words expressions anew when they are read back, so they are no ground to differ.
 */
import { RECORD } from '../../../limits.ts';
import type { Command } from '../../command.ts';
import type { DatabaseRecording } from '../../record.ts';
import type { PlanInput } from '../../source.ts';
import { parseLookLines } from '../contents.ts';
import { createPsqlCommand, getSourceDatabase } from './connection.ts';
import { NOT_SYSTEM, notInExtension } from './sql.ts';

/** A session that only reads, whatever defaults the role has; nothing of the server ends it while it waits. */
const BEGIN = `SET idle_in_transaction_session_timeout = 0;
SET row_security = off;
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
`;

/** The client repeats a question that costs nothing until it is interrupted; when it dies, so does its transaction. */
const HOLD_SQL = `${BEGIN}SELECT pg_catalog.pg_export_snapshot();
SELECT 1 WHERE false \\watch 20
`;

const SNAPSHOT = /^[0-9A-Fa-f]{1,16}(?:-[0-9A-Fa-f]{1,16}){1,3}$/;

/** A balancer sent the dump to another server than the session that keeps the state. */
const LOST_STATE = /snapshot "[^"\n]*" does not exist|invalid snapshot identifier|could not import [^\n]*snapshot/i;
const NO_CONNECTION = /too many (?:connections|clients)|remaining connection slots/i;

/** Tables, views and what is like them, as `c` in the schema `n`; not what belongs to an extension, which no dump has. */
const SHOWN = `pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${NOT_SYSTEM} AND ${notInExtension('pg_class', 'c')}`;

const NAME = "n.nspname || '.' || c.relname";

/** What partitions get from their parents differs from version to version, and an index that is not valid is in no dump. */
const SHAPE = `left(md5(concat_ws(E'\\n', c.relkind::text,
  (SELECT string_agg(format('%s %s %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull), ',' ORDER BY a.attname)
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  (SELECT string_agg(format('%s %s', k.conname, k.contype), ',' ORDER BY k.conname)
    FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.conparentid = 0 AND k.contype IN ('c', 'f', 'p', 'u', 'x')),
  CASE WHEN c.relkind <> 'p' THEN (SELECT string_agg(format('%s %s', x.relname, i.indisunique), ',' ORDER BY x.relname)
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisvalid) END,
  CASE WHEN NOT c.relispartition THEN (SELECT string_agg(t.tgname::text, ',' ORDER BY t.tgname)
    FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) END)), 16)`;

/** One JSON line for each table; `search_path` is empty, so that types are named with their schemas. */
export const SHAPES_SQL = `SET search_path = '';
SELECT json_build_object('table', ${NAME}, 'shape', ${SHAPE},
  'guess', CASE WHEN c.relkind = 'r' AND c.reltuples >= 0 THEN c.reltuples::bigint END)
FROM ${SHOWN} ORDER BY n.nspname, c.relname;
`;

/** Every table of its own, smallest first; the numbers of parents are those of their partitions. */
function createCountSql(limited: boolean): string {
  const limit = limited ? `WHERE size <= ${RECORD.smallBytes} AND total <= ${RECORD.smallTotalBytes}` : '';
  return `SELECT format('SELECT json_build_object(''counted'', %L::text, ''rows'', (SELECT count(*) FROM ONLY %I.%I));', name, nspname, relname)
FROM (SELECT name, nspname, relname, size, sum(size) OVER (ORDER BY size, oid) AS total
  FROM (SELECT ${NAME} AS name, n.nspname, c.relname, c.oid, pg_catalog.pg_relation_size(c.oid) AS size
    FROM ${SHOWN} AND c.relkind = 'r') tables) running ${limit}
ORDER BY size, nspname, relname \\gexec
`;
}

function planLook(input: PlanInput, { rows, hold }: { rows: 'small' | 'all'; hold?: string | undefined }): Command {
  const limitMs = rows === 'small' ? RECORD.smallMs : RECORD.allMs;
  const script = `SET statement_timeout = ${limitMs};
SET lock_timeout = ${RECORD.lockMs};
${BEGIN}${hold === undefined ? '' : `SET TRANSACTION SNAPSHOT '${hold}';\n`}SELECT json_build_object('begun', extract(epoch FROM now()));
${SHAPES_SQL}${createCountSql(rows === 'small')}`;
  return createPsqlCommand(input, getSourceDatabase(input), 'look', script);
}

export const postgresRecording: DatabaseRecording = {
  holding: {
    planHold: (input) => createPsqlCommand(input, getSourceDatabase(input), 'hold', HOLD_SQL),
    readHold: (line) => (SNAPSHOT.test(line.trim()) ? line.trim() : undefined),
    tie: (producer, hold) => ({ ...producer, args: [...producer.args, `--snapshot=${hold}`] }),
  },
  isToBlame: (stderr) => LOST_STATE.test(stderr) || NO_CONNECTION.test(stderr),
  planLook,
  parseLook: parseLookLines,
};
