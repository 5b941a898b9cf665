import assert from 'node:assert/strict';
import test from 'node:test';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import { findReason } from '../../domain/reason.ts';
import { AppError } from '../../errors.ts';
import type { PlanInput, TakeInput } from '../source.ts';
import type { TakeStep } from '../take.ts';
import { quoteOptionValue } from './mariadb/connection.ts';
import { classifyMariadbFailure } from './mariadb/failures.ts';
import { judgeMariadbRestore } from './mariadb/restore.ts';
import { checkDatabaseName, createCreateSql, formatHexText, quoteIdentifier } from './mariadb/sql.ts';
import { planTake } from './mariadb/take.ts';
import { mariadbSource } from './mariadb.ts';

const INPUT: PlanInput = { config: { user: 'app', database: 'shop' }, secrets: { password: 'p' }, workDir: '/w' };
const FACTS = {
  serverVersion: '10.11.19-MariaDB-0+deb12u1',
  sizeBytes: 0,
  nonTransactional: 0,
  elsewhere: 0,
  tables: 1,
  triggerGrants: 1,
  selectGrants: 1,
  roles: 0,
};
const parseFacts = (facts: object, status = 'Ssl_version\t\n') =>
  mariadbSource.parseProbe({ exitCode: 0, stdout: `${status}${JSON.stringify({ ...FACTS, ...facts })}\n`, stderr: '' });
const failed = (stderr: string, exitCode = 1) => ({ exitCode, stdout: '', stderr });

/** Reads a quoted option value as the clients do: quotes off, then the escapes; `#` counts only outside quotes. */
function readOptionValue(quoted: string): string {
  assert.match(quoted, /^"(?:[^"\\\n\r]|\\.)*"$/, 'one line, and no quote ends it early');
  const escapes: Readonly<Record<string, string>> = {
    n: '\n',
    r: '\r',
    t: '\t',
    b: '\b',
    s: ' ',
    '"': '"',
    "'": "'",
    '\\': '\\',
  };
  return quoted.slice(1, -1).replaceAll(/\\(.)/g, (all, letter: string) => escapes[letter] ?? all);
}

test('an option value reads back as it was, whatever is in it', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: ANY_CHARACTER, maxLength: 200 }).filter((text) => !text.includes('\u0000')),
      (value) => {
        assert.equal(readOptionValue(quoteOptionValue('password', value)), value);
      },
    ),
  );
});

test('an option value too long for one line of the clients’ buffer is refused, because its rest would become an option', () => {
  quoteOptionValue('password', 'x'.repeat(2990));
  assert.throws(() => quoteOptionValue('password', `${'x'.repeat(4090)}\nplugin-dir=/tmp`), /too long/);
  assert.throws(() => quoteOptionValue('password', 'a\u0000b'), AppError);
});

test('names reach SQL as hexadecimal digits only', () => {
  assert.equal(formatHexText('ab'), 'CONVERT(0x6162 USING utf8mb4)');
  assert.equal(formatHexText(''), "''");
  assert.equal(quoteIdentifier('a`b\\'), '`a``b\\`');
  fc.assert(
    fc.property(
      fc.string({ unit: ANY_CHARACTER, minLength: 1 }).filter((text) => !text.includes('\u0000')),
      (name) => {
        const placeholder = createCreateSql('x', 'x').replaceAll(/0x[0-9a-f]+/g, '0x');
        assert.equal(createCreateSql(name, name).replaceAll(/0x[0-9a-f]+/g, '0x'), placeholder);
      },
    ),
  );
});

test('a database name these servers cannot hold is refused', () => {
  assert.equal(checkDatabaseName('database', 'é'.repeat(64)), 'é'.repeat(64));
  for (const name of ['', 'x'.repeat(65), 'end ', 'a\u0000b', '😀', '\ud800']) {
    assert.throws(() => checkDatabaseName('database', name), AppError, JSON.stringify(name));
  }
});

test('the dump never continues after an error, keeps routines, triggers and events, and names the database last', () => {
  const [artifact] = mariadbSource.planBackup(INPUT, parseFacts({}));
  assert.ok(artifact?.kind === 'stream');
  const { args } = artifact.producer;
  assert.match(args[0] ?? '', /^--defaults-file=\/w\//, 'the option file must come first, or the clients read others');
  for (const option of ['--single-transaction', '--routines', '--triggers', '--events', '--hex-blob', '--comments'])
    assert.ok(args.includes(option));
  assert.ok(!args.includes('--force'));
  assert.deepEqual(args.slice(-2), ['--', 'shop']);
});

test('locking is an alternative to one transaction', () => {
  const [artifact] = mariadbSource.planBackup({ ...INPUT, config: { ...INPUT.config, consistency: 'lock' } }, parseFacts({}));
  assert.ok(artifact?.kind === 'stream');
  assert.ok(artifact.producer.args.includes('--lock-tables'));
  assert.ok(!artifact.producer.args.includes('--single-transaction'));
});

test('tables without transactions, hidden triggers and hidden routines give warnings', () => {
  assert.deepEqual(parseFacts({}).warnings, []);
  assert.equal(
    parseFacts({ nonTransactional: 2, elsewhere: 1, tables: 0, triggerGrants: 0, selectGrants: 0 }).warnings.length,
    5,
  );
  assert.deepEqual(parseFacts({ triggerGrants: 0, selectGrants: 0, roles: 1 }).warnings, [], 'a role may grant what is not seen');
});

test('too old servers are refused', () => {
  for (const version of ['10.5.29-MariaDB', '11.8.2-MariaDB']) parseFacts({ serverVersion: version });
  for (const version of ['10.4.34-MariaDB', '5.5.68-MariaDB', 'nonsense']) {
    assert.throws(
      () => parseFacts({ serverVersion: version }),
      (error) => error instanceof AppError && error.code === 'unsupported',
    );
  }
});

test('a plain connection is refused where TLS is needed', () => {
  parseFacts({}, 'Ssl_version\tTLSv1.3\nTls_needed\tyes\n');
  for (const status of ['Ssl_version\t\nTls_needed\tyes\n', 'Tls_needed\tyes\n']) {
    assert.throws(
      () => parseFacts({}, status),
      (error) => error instanceof AppError && findReason(error) === 'database_unreachable',
    );
  }
  const needed = mariadbSource.planProbe({ ...INPUT, config: { ...INPUT.config, sslMode: 'require' } });
  assert.ok(needed?.args.some((arg) => arg.includes('Tls_needed')));
});

const FAILURES: readonly (readonly [string, string])[] = [
  ["ERROR 1045 (28000): Access denied for user 'app'@'localhost' (using password: YES)\n", 'database_authentication'],
  [
    "mariadb-dump: Got error: 1045: \"Access denied for user 'app'@'localhost' (using password: YES)\" when trying to connect\n",
    'database_authentication',
  ],
  ["ERROR 1049 (42000): Unknown database 'nodb'\n", 'database_missing'],
  ['mariadb-dump: Got error: 1049: "Unknown database \'nodb\'" when selecting the database\n', 'database_missing'],
  ["ERROR 1044 (42000) at line 1: Access denied for user 'app'@'%' to database 'x'\n", 'database_permission'],
  [
    "mariadb-dump: Couldn't execute 'show events': Access denied for user 'app'@'%' to database 'x' (1044)\n",
    'database_permission',
  ],
  ['mariadb-dump: app has insufficent privileges to SHOW CREATE PROCEDURE `p`!\n', 'database_permission'],
  ["ERROR 2002 (HY000): Can't connect to server on '127.0.0.1' (115)\n", 'database_unreachable'],
  [
    "mariadb-dump: Got error: 2002: \"Can't connect to server on '127.0.0.1' (115)\" when trying to connect\n",
    'database_unreachable',
  ],
  ["ERROR 2005 (HY000): Unknown server host 'db.invalid' (-2)\n", 'database_unreachable'],
  ['ERROR 2026 (HY000): TLS/SSL error: unable to get local issuer certificate\n', 'database_unreachable'],
  ['mariadb-dump: Error 2013: Lost connection to server during query when dumping table `t` at row: 1000\n', 'dump_failed'],
  ['mariadb-dump: Got errno 32 on write\n', 'dump_failed'],
  ["mariadb: unknown option '--surprise'\n", 'tool_outdated'],
  ["ERROR at line 1: Unknown command '\\-'.\n", 'tool_outdated'],
  ['', 'dump_failed'],
];

test('the tools’ texts are classified', () => {
  for (const [stderr, reason] of FAILURES) assert.equal(classifyMariadbFailure(failed(stderr)).reason, reason, stderr);
});

test('the echo of our own statement is left out of the message', () => {
  const stderr =
    "--------------\nSELECT secret_plan\n--------------\n\nERROR 1044 (42000) at line 1: Access denied for user 'app'@'%' to database 'yy'\n";
  const { message, reason } = classifyMariadbFailure(failed(stderr));
  assert.equal(reason, 'database_permission');
  assert.equal(message, "ERROR 1044 (42000) at line 1: Access denied for user 'app'@'%' to database 'yy'");
});

test('a restore is good only with exit 0 and without an error line', () => {
  const good = { exitCode: 0, stdout: '', stderr: '' };
  assert.deepEqual(judgeMariadbRestore(good), { ok: true, warnings: [] });
  assert.equal(judgeMariadbRestore({ ...good, stderr: "Warning: mariadb: unknown option '--loose-sandbox'\n" }).ok, true);
  for (const outcome of [
    { ...good, stderr: 'ERROR 1064 (42000) at line 3: You have an error in your SQL syntax\n' },
    failed('ERROR 1064 (42000) at line 1: You have an error in your SQL syntax; check the manual\n'),
    failed("ERROR at line 1: Unknown command '\\!'.\n"),
    failed('ERROR 2013 (HY000) at line 9: Lost connection to server during query\n'),
    { ...good, exitCode: null },
  ]) {
    const verdict = judgeMariadbRestore(outcome);
    assert.equal(!verdict.ok && verdict.reason, 'restore_failed', outcome.stderr);
  }
});

test('a collation that only MySQL 8 knows is called by its name, with what to do', () => {
  const verdict = judgeMariadbRestore(failed("ERROR 1273 (HY000) at line 30: Unknown collation: 'utf8mb4_0900_ai_ci'\n"));
  assert.ok(!verdict.ok && verdict.reason === 'restore_failed');
  assert.match(
    verdict.message,
    /^This server does not know utf8mb4_0900_ai_ci, a collation of MySQL 8\. Restore .* MySQL server/,
  );
  const other = judgeMariadbRestore(failed("ERROR 1273 (HY000) at line 30: Unknown collation: 'klingon_ci'\n"));
  assert.ok(!other.ok && other.message.includes("'klingon_ci'"));
});

const HOSTILE_TABLE = "// `x` '; DROP DATABASE shop; -- 注文";
const TAKE: TakeInput = {
  ...INPUT,
  ...{ targetDatabase: 'shop', scratch: 'holdfast_new_r', aside: 'holdfast_old_r', code: 'holdfast_code_r' },
  ...{ mode: 'tables', tables: [{ name: HOSTILE_TABLE }], hasCode: true },
};
const listScripts = (steps: readonly TakeStep[]) =>
  steps.flatMap((step) => (step.kind === 'ask' ? step.command.files.map(({ content }) => content) : []));

test('a chosen table reaches a script as hexadecimal digits and a tool as an operand', () => {
  const { prepare, move, finish } = planTake(TAKE);
  const scripts = [...listScripts([...prepare, ...finish]), ...move.files.map(({ content }) => content)];
  assert.ok(scripts.length >= 4);
  assert.ok(scripts.every((script) => !script.includes('DROP DATABASE')));
  const dumps = prepare.flatMap((step) => (step.kind === 'pour' ? [step.producer.args] : []));
  assert.deepEqual(
    dumps.map((args) => args.slice(args.indexOf('--'))),
    [['--', 'holdfast_new_r', HOSTILE_TABLE]],
  );
});

test('only the step that moves touches the target before everything is prepared', () => {
  for (const mode of ['replace', 'clean', 'append', 'schema_only', 'data_only', 'tables'] as const) {
    const { prepare, isQuick, mark, finish } = planTake({ ...TAKE, mode });
    for (const step of prepare)
      if (step.kind === 'pour') assert.equal(step.consumer.files[0]?.content.includes('"shop"'), false, mode);
    assert.equal(isQuick, mode !== 'data_only');
    assert.equal(mark === undefined, isQuick, 'rows leave a mark of their own');
    assert.equal(finish.length > 0, isQuick, mode);
  }
  const { finish } = planTake({ ...TAKE, mode: 'clean', hasCode: false });
  assert.deepEqual(
    finish.map(({ kind }) => kind),
    ['ask', 'ask'],
    'what is not there is not copied',
  );
});

test('a refusal is said in its own words; a signal of somebody else’s trigger is none', () => {
  const ours = "ERROR 1644 (45000) at line 9 in file: '/w/take-choose.sql': holdfast: these names are taken: orders\n";
  assert.deepEqual(classifyMariadbFailure(failed(ours)), { reason: 'target_refused', message: 'these names are taken: orders' });
  const theirs = judgeMariadbRestore(failed('ERROR 1644 (45000) at line 9: no more orders\n'));
  assert.equal(!theirs.ok && theirs.reason, 'restore_failed');
});
