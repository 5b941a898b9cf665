import assert from 'node:assert/strict';
import test from 'node:test';
import { findReason } from '../../domain/reason.ts';
import { AppError } from '../../errors.ts';
import type { PlanInput } from '../source.ts';
import { mariadbRestore } from './mariadb/restore.ts';
import { mariadbSource } from './mariadb.ts';
import { mysqlRestore } from './mysql/restore.ts';
import { mysqlSource } from './mysql.ts';

const OWN: PlanInput = {
  config: { user: 'app', database: 'shop' },
  secrets: { password: 'p' },
  workDir: '/w',
  tools: ['mysql', 'mysqldump'],
};
const MARIADBS: PlanInput = { ...OWN, tools: ['mariadb', 'mariadb-dump'] };
const FACTS = {
  sizeBytes: 0,
  nonTransactional: 0,
  elsewhere: 0,
  tables: 1,
  triggerGrants: 1,
  selectGrants: 1,
  roles: 0,
  generated: 0,
  vectors: 0,
};
const parseFacts = (facts: object, source = mysqlSource) =>
  source.parseProbe({
    exitCode: 0,
    stdout: `Ssl_version\tTLSv1.3\n${JSON.stringify({ serverVersion: '9.7.4-2', ...FACTS, ...facts })}\n`,
    stderr: '',
  });

function planDump(input: PlanInput, facts: object = {}) {
  const [artifact] = mysqlSource.planBackup(input, parseFacts(facts));
  assert.ok(artifact?.kind === 'stream');
  return artifact.producer;
}

test('a dump is made by the family of clients that the host has, each in its own words', () => {
  const own = planDump(OWN);
  assert.equal(own.tool, 'mysqldump');
  for (const option of ['--single-transaction', '--routines', '--triggers', '--events', '--hex-blob', '--set-gtid-purged=OFF'])
    assert.ok(own.args.includes(option), option);
  assert.deepEqual(own.args.slice(-2), ['--', 'shop']);
  const others = planDump(MARIADBS);
  assert.equal(others.tool, 'mariadb-dump');
  assert.ok(!others.args.some((arg) => /gtid|statistics/.test(arg)));
});

test('columns that MariaDB’s clients would dump for nothing are refused with what to install', () => {
  for (const facts of [{ generated: 2 }, { vectors: 2 }]) {
    assert.equal(planDump(OWN, facts).tool, 'mysqldump');
    assert.throws(
      () => planDump(MARIADBS, facts),
      (error) =>
        error instanceof AppError && findReason(error) === 'tool_missing' && /2 columns .* Install MySQL/.test(error.message),
    );
  }
});

test('each TLS mode has the name that the family knows', () => {
  const readOptions = (sslMode: string, input: PlanInput) =>
    planDump({ ...input, config: { ...input.config, sslMode, sslRootCert: 'cert' } }).files[0]?.content ?? '';
  const names = {
    disable: 'DISABLED',
    prefer: 'PREFERRED',
    require: 'REQUIRED',
    'verify-ca': 'VERIFY_CA',
    'verify-full': 'VERIFY_IDENTITY',
  };
  for (const [mode, name] of Object.entries(names)) {
    assert.match(readOptions(mode, OWN), new RegExp(`^ssl-mode=${name}$`, 'm'));
    assert.doesNotMatch(readOptions(mode, MARIADBS), /ssl-mode|public-key/);
    assert.equal(readOptions(mode, OWN).includes('get-server-public-key'), mode === 'disable' || mode === 'prefer', mode);
  }
});

test('stored logins of the agent’s user are not read', () => {
  assert.equal(planDump(OWN).env['MYSQL_TEST_LOGIN_FILE'], '/w/no-logins');
});

test('a server of the other family, or one too old, is refused with what to do', () => {
  for (const serverVersion of ['8.0.36', '8.4.3', '9.7.4-2']) parseFacts({ serverVersion });
  const cases = [
    [mysqlSource, '5.7.44-log', /too old/],
    [mysqlSource, '10.11.19-MariaDB', /server of MariaDB.*“MariaDB database”/],
    [mariadbSource, '9.7.4-2', /server of MySQL.*“MySQL database”/],
  ] as const;
  for (const [source, serverVersion, words] of cases)
    assert.throws(
      () => parseFacts({ serverVersion }, source),
      (error) => error instanceof AppError && error.code === 'unsupported' && words.test(error.message),
    );
});

test('MySQL is replaced by moving tables alone', () => {
  assert.deepEqual(mysqlRestore.modes, ['new', 'replace']);
  assert.deepEqual([mysqlRestore.planTake, mariadbRestore.planSwap], [undefined, undefined]);
});
