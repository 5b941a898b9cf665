import assert from 'node:assert/strict';
import test from 'node:test';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import { findReason } from '../../domain/reason.ts';
import { AppError } from '../../errors.ts';
import type { Artifact, PlanInput } from '../source.ts';
import { formatPgpass } from './postgres/connection.ts';
import { classifyPostgresFailure } from './postgres/failures.ts';
import { judgePostgresRestore } from './postgres/restore.ts';
import { checkDatabaseName, formatDatabaseUri, quoteIdentifier, quoteLiteral } from './postgres/sql.ts';
import { findPgMajor, findPgTool } from './postgres/tools.ts';
import { postgresSource } from './postgres.ts';

const INPUT: PlanInput = { config: { user: 'app', database: 'shop' }, secrets: { password: 'p' }, workDir: '/w' };
const FACTS = {
  serverVersion: '15.18 (Debian 15.18-0+deb12u1)',
  versionNumber: 150018,
  sizeBytes: 7634279,
  superuser: true,
  readsAllData: true,
  readsRolePasswords: true,
  standby: false,
  unreadableTables: 0,
  foreignTables: 0,
  subscriptions: 0,
  tables: 1,
};
const parseFacts = (facts: object) =>
  postgresSource.parseProbe({ exitCode: 0, stdout: `${JSON.stringify({ ...FACTS, ...facts })}\n`, stderr: '' });
const failed = (stderr: string, exitCode = 1) => ({ exitCode, stdout: '', stderr });

test('identifiers and literals are quoted so that their text stays text', () => {
  assert.equal(quoteIdentifier('we"ird; DROP'), '"we""ird; DROP"');
  assert.equal(quoteLiteral("it's\\"), "E'it''s\\\\'");
  assert.throws(() => quoteIdentifier('a\u0000b'), AppError);
  assert.throws(() => quoteLiteral('a\u0000b'), AppError);
});

test('a quoted literal reads back as the value, and nothing in it ends it early', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\\', "'", '"', '\n', 'a', ';') }), (value) => {
      const inner = /^E'((?:[^'\\]|''|\\\\)*)'$/.exec(quoteLiteral(value))?.[1];
      assert.equal(inner?.replaceAll("''", "'").replaceAll('\\\\', '\\'), value);
    }),
  );
});

test('a database URI has only letters, digits and percent signs after its scheme, and decodes to the name', () => {
  fc.assert(
    fc.property(fc.string({ unit: ANY_CHARACTER, minLength: 1 }), (name) => {
      const path = formatDatabaseUri(name).slice('postgresql:///'.length);
      assert.match(path, /^[A-Za-z0-9%]*$/);
      assert.equal(decodeURIComponent(path), name);
    }),
  );
});

test('a password line escapes colons and backslashes, and a password with a line break is refused', () => {
  assert.equal(formatPgpass('a:b\\c'), '*:*:*:*:a\\:b\\\\c\n');
  for (const password of ['a\nb', 'a\r']) {
    assert.throws(
      () => formatPgpass(password),
      (error) => error instanceof AppError && error.code === 'invalid' && !error.message.includes(password),
    );
  }
});

test('a database name that PostgreSQL would cut or could not hold is refused', () => {
  assert.equal(checkDatabaseName('database', 'x'.repeat(63)), 'x'.repeat(63));
  for (const name of ['', 'x'.repeat(64), 'é'.repeat(32), 'a\u0000b', '\ud800']) {
    assert.throws(() => checkDatabaseName('database', name), AppError);
  }
});

test('a mode that verifies certificates needs the CA', () => {
  const input = { ...INPUT, config: { ...INPUT.config, sslMode: 'verify-full' } };
  assert.throws(() => postgresSource.planProbe(input), /sslRootCert/);
});

test('PostgreSQL before 12 is refused, and 12 is not', () => {
  assert.equal(parseFacts({ serverVersion: '12.22', versionNumber: 120022 }).serverVersion, '12.22');
  assert.throws(
    () => parseFacts({ serverVersion: '11.22', versionNumber: 110022 }),
    (error) => error instanceof AppError && error.code === 'unsupported' && /11\.22.*12/.test(error.message),
  );
});

test('a failed probe carries its reason', () => {
  assert.throws(
    () =>
      postgresSource.parseProbe(failed('psql: error: connection to server at "127.0.0.1", port 1 failed: Connection refused', 2)),
    (error) => error instanceof AppError && findReason(error) === 'database_unreachable',
  );
});

function listProducers(roles: string, readsRolePasswords: boolean): readonly (readonly string[])[] {
  const input = { ...INPUT, config: { ...INPUT.config, roles } };
  const artifacts: readonly Artifact[] = postgresSource.planBackup(input, parseFacts({ readsRolePasswords }));
  return artifacts.flatMap((artifact) => (artifact.kind === 'stream' ? [artifact.producer.args] : []));
}

test('globals follow the dump, with role passwords only where they are wanted and may be read', () => {
  assert.ok(!listProducers('with-passwords', true)[1]?.includes('--no-role-passwords'));
  assert.ok(listProducers('with-passwords', false)[1]?.includes('--no-role-passwords'));
  assert.ok(listProducers('without-passwords', true)[1]?.includes('--no-role-passwords'));
  assert.deepEqual(
    listProducers('with-passwords', true).map(([option]) => option),
    ['--format=custom', '--globals-only'],
  );
  assert.deepEqual(listProducers('none', true), [
    ['--format=custom', '--compress=0', '--lock-wait-timeout=60000', '--no-password'],
  ]);
});

test('a user who may not read passwords or tables, and a standby, give warnings', () => {
  assert.deepEqual(parseFacts({}).warnings, []);
  assert.deepEqual(parseFacts({ subscriptions: 2 }).warnings, [], 'a superuser dumps them');
  assert.match(parseFacts({ subscriptions: 2, superuser: false }).warnings.join(), /^2 subscriptions .* are not in the dump/);
  const { warnings } = parseFacts({ readsRolePasswords: false, unreadableTables: 3, standby: true, foreignTables: 2, tables: 0 });
  assert.equal(warnings.length, 5);
  assert.match(warnings.join('\n'), /cannot read 3 of the tables[\s\S]*\n2 foreign tables/);
});

const REFUSED =
  'psql: error: connection to server at "127.0.0.1", port 1 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n';
const FAILURES: readonly (readonly [string, string])[] = [
  [REFUSED, 'database_unreachable'],
  ['psql: error: could not translate host name "db.invalid" to address: Name or service not known\n', 'database_unreachable'],
  ['psql: error: connection to server on socket "/x/.s.PGSQL.5432" failed: No such file or directory\n', 'database_unreachable'],
  [
    'psql: error: connection to server at "127.0.0.1", port 5432 failed: server certificate for "other" does not match host name "127.0.0.1"\n',
    'database_unreachable',
  ],
  [
    'psql: error: connection to server at "127.0.0.1", port 5432 failed: FATAL:  password authentication failed for user "app"\npassword retrieved from file "/w/pgpass"\n',
    'database_authentication',
  ],
  [
    'psql: error: connection to server at "127.0.0.1", port 5432 failed: fe_sendauth: no password supplied\n',
    'database_authentication',
  ],
  [
    'psql: error: connection to server at "127.0.0.1", port 5432 failed: FATAL:  no pg_hba.conf entry for host "127.0.0.1", user "app", database "shop", no encryption\n',
    'database_authentication',
  ],
  [
    'psql: error: connection to server on socket "/x/.s.PGSQL.5432" failed: FATAL:  role "app" does not exist\n',
    'database_authentication',
  ],
  [
    'pg_dump: error: connection to server at "127.0.0.1", port 5432 failed: FATAL:  database "shop" does not exist\n',
    'database_missing',
  ],
  [
    'psql: error: connection to server at "127.0.0.1", port 5432 failed: FATAL:  database "we"ird\' \n😀" does not exist\n',
    'database_missing',
  ],
  [
    'pg_dump: error: connection to server at "127.0.0.1", port 5432 failed: FATAL:  permission denied for database "shop"\nDETAIL:  User does not have CONNECT privilege.\n',
    'database_permission',
  ],
  [
    'pg_dump: error: query failed: ERROR:  permission denied for table secret\npg_dump: detail: Query was: LOCK TABLE public.secret IN ACCESS SHARE MODE\n',
    'database_permission',
  ],
  [
    'pg_dump: error: aborting because of server version mismatch\npg_dump: detail: server version: 17.2; pg_dump version: 15.18\n',
    'tool_outdated',
  ],
  [
    'pg_dump: error: Dumping the contents of table "big" failed: PQgetResult() failed.\npg_dump: detail: Error message from server: FATAL:  terminating connection due to administrator command\nserver closed the connection unexpectedly\n',
    'dump_failed',
  ],
  ['', 'dump_failed'],
  ['psql:/w/probe.sql:2: ERROR:  canceling statement due to statement timeout\n', 'unknown_failure'],
];

test('the tools’ texts are classified', () => {
  for (const [stderr, reason] of FAILURES) assert.equal(classifyPostgresFailure(failed(stderr)).reason, reason, stderr);
});

const missingRole = (role: string, command: string) =>
  `pg_restore: error: could not execute query: ERROR:  role "${role}" does not exist\nCommand was: ${command};\n\n`;
const ignored = (count: number) => `pg_restore: warning: errors ignored on restore: ${count}\n`;

test('a restore whose only errors are missing roles is good and says which', () => {
  const stderr = `${missingRole('app', 'ALTER TABLE public.t OWNER TO app')}${missingRole('app', 'GRANT SELECT ON TABLE public.t TO app')}${ignored(2)}`;
  const verdict = judgePostgresRestore(failed(stderr));
  assert.ok(verdict.ok);
  assert.equal(verdict.warnings.length, 1);
  assert.match(verdict.warnings[0] ?? '', /role app does not exist/);
});

test('a session setting that an older server does not know is passed over, but only that one', () => {
  const unknown = (setting: string) =>
    `pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "${setting}"\nCommand was: SET ${setting} = 0;\n${ignored(1)}`;
  assert.equal(judgePostgresRestore(failed(unknown('transaction_timeout'))).ok, true);
  assert.equal(judgePostgresRestore(failed(unknown('row_security'))).ok, false);
});

test('any other error, a count that differs, a cut text or another exit code is a failed restore', () => {
  const role = missingRole('app', 'ALTER TABLE public.t OWNER TO app');
  const other =
    'pg_restore: error: could not execute query: ERROR:  relation "t" already exists\nCommand was: CREATE TABLE public.t ();\n';
  const forged = `pg_restore: error: could not execute query: ERROR:  syntax error\nCommand was: SELECT '\n${role}';\n`;
  for (const outcome of [
    failed(`${role}${other}${ignored(2)}`),
    failed(`${role}${ignored(2)}`),
    failed(`${role}${role}${ignored(1)}`),
    failed(`${forged}${ignored(1)}`),
    failed(role),
    failed(ignored(0)),
    failed(''),
    failed(`${role}${ignored(1)}`, 2),
    { ...failed(`${role}${ignored(1)}`), exitCode: null },
    failed('pg_restore: error: could not read from input file: end of file\n'),
    failed('pg_restore: error: input file does not appear to be a valid archive (too short?)\n'),
  ]) {
    const verdict = judgePostgresRestore(outcome);
    assert.equal(verdict.ok, false);
    assert.equal(!verdict.ok && verdict.reason, 'restore_failed');
  }
});

test('a restore that never reached its server keeps that reason', () => {
  const verdict = judgePostgresRestore(
    failed(
      'pg_restore: error: connection to server at "127.0.0.1", port 1 failed: Connection refused\n\tIs the server running?\n',
    ),
  );
  assert.equal(!verdict.ok && verdict.reason, 'database_unreachable');
});

test('the client of the server’s own major version is chosen, else the next newer, never an older one', () => {
  const installed = ['17.2', '16.6', '15.18', '13.20'].map((version) => ({
    tool: 'pg_dump' as const,
    path: `/pg/${version}`,
    version,
  }));
  const other = { tool: 'psql' as const, path: '/psql', version: '14.1' };
  assert.equal(findPgTool([...installed, other], 'pg_dump', '15.3 (Debian 15.3-1)')?.version, '15.18');
  assert.equal(findPgTool([...installed, other], 'pg_dump', '14.9')?.version, '15.18');
  assert.equal(findPgTool(installed, 'pg_dump', '18beta1'), undefined);
  assert.equal(findPgTool(installed, 'pg_dump', 'unknown'), undefined);
  assert.equal(findPgMajor('17beta1'), 17);
});

test('discovered names survive line breaks and quotes, and unknown sizes stay unknown', () => {
  const rows = [
    { name: 'we"ird\n', sizeBytes: 1 },
    { name: 'locked', sizeBytes: null },
  ];
  const found = postgresSource.discovery?.parse(`${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
  assert.deepEqual(found, [
    { name: 'we"ird\n', sizeBytes: 1 },
    { name: 'locked', sizeBytes: undefined },
  ]);
  assert.deepEqual(postgresSource.discovery?.configFor({ user: 'app' }, { name: 'x' }), { user: 'app', database: 'x' });
});
