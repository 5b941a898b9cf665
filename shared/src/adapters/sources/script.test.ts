import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import type { DatabaseScript, ScriptLook } from '../script.ts';
import { mariadbScript } from './mariadb/script.ts';
import { postgresScript } from './postgres/script.ts';

const env = { LC_ALL: 'C', PATH: '/usr/bin:/bin' };

function look(script: DatabaseScript, text: string): ScriptLook {
  return script.readLook(execFileSync('sed', ['-n', script.look], { env, input: text, encoding: 'latin1' }));
}

const HEAD = '--\n-- PostgreSQL database dump\n--\n\n\\restrict Abc1\n\n-- Dumped from database version 15.18\n\n';
const END = '--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict Abc1\n\n';
const ROWS = 'COPY public.item (id, name) FROM stdin;\n1\t\\\\! touch x\n\\N\t\\.x\n\\! no command\n\\.\n\n';
const wrap = (body: string) => `${HEAD}${body}\n${END}`;

describe('A script of pg_dump', () => {
  const read = (text: string) => look(postgresScript, text);

  it('is whole when it ends as one, of either form and with either line ends', () => {
    for (const text of [wrap(ROWS), wrap(ROWS).replaceAll(/\\(?:un)?restrict.*\n/g, ''), wrap(ROWS).replaceAll('\n', '\r\n')])
      assert.deepEqual(JSON.stringify(read(text)), '{"isWhole":true}');
  });

  it('is not whole when it was cut anywhere, or is empty', () => {
    const text = wrap(ROWS);
    for (const at of [HEAD.length, text.indexOf('\\N'), text.indexOf(' complete'), 0])
      assert.deepEqual(read(text.slice(0, at)), { isWhole: false });
    assert.deepEqual(read(`${wrap('')}SELECT 1;\n`.repeat(2)).isWhole, false);
  });

  it('is refused for a command of psql, which is named, and for one that hides in what it wrote', () => {
    const cases: [string, RegExp][] = [
      ['\\! touch x', /Line 9 is the command \\! of psql/],
      ['  \\!touch x', /command \\!/],
      ['\\o |touch x', /command \\o of psql/],
      ["\\copy a from program 'x'", /command \\copy/],
      ['\\i x', /command \\i /],
      ['\\unrestrict `touch x`', /command \\unrestrict/],
      ['\\unrestrict Abc1', /one dump ends/],
      ['\\connect other', /another database \(\\connect\)/],
      ['\\c other', /another database/],
      ['SELECT \0;', /NUL byte/],
    ];
    for (const [line, words] of cases) {
      const { isWhole, refusal } = read(wrap(`${line}\nSELECT 1;`));
      assert.equal(isWhole, false);
      assert.match(refusal ?? '', words);
    }
    assert.match(read(wrap(`${'SELECT 1;\n'.repeat(60)}${HEAD}`)).refusal ?? '', /one dump ends and another/);
  });

  it('may hold in its values what would be a command elsewhere', () => {
    const body = "INSERT INTO a VALUES (1, 'line\n\\! touch x\n\\section{One}\n');\nCREATE FUNCTION f() AS $$\n\\d\n$$;";
    assert.equal(read(wrap(body)).isWhole, true);
  });

  it('says where it ends a transaction, and takes rows for nothing of that kind', () => {
    assert.equal(read(wrap(`BEGIN;\nSELECT 1;\nCOMMIT;\nCOMMIT;`)).endsTransactionAt, 11);
    assert.equal(read(wrap('COPY a FROM stdin;\nCOMMIT;\n\\.\n')).endsTransactionAt, undefined);
  });

  it('says where it drops what stands there, and what an empty database has not, outside of rows and programs', () => {
    const findDrops = (body: string) => {
      const { dropsAt, dropsUnaskedAt } = read(wrap(body));
      return [dropsAt, dropsUnaskedAt];
    };
    const made = 'CREATE TABLE a (\n  b int\n);';
    assert.deepEqual(findDrops(`${made}\n${ROWS}`), [undefined, undefined]);
    assert.deepEqual(findDrops(`SET x = 1;\nDROP INDEX IF EXISTS public.b;\nDROP TABLE IF EXISTS a;\n${made}`), [10, undefined]);
    assert.deepEqual(findDrops(`ALTER TABLE ONLY a\nDROP CONSTRAINT b;\nDROP TABLE public.a;\nDROP TABLE c;\n${made}`), [11, 11]);
    assert.deepEqual(findDrops(`DROP TABLE IF EXISTS a;\nDROP SCHEMA public;\nDROP TYPE c;\n${made}`), [9, 11]);
    assert.deepEqual(findDrops(`${made}\ndrop table a;`), [12, undefined], 'what it made itself may go');
    assert.deepEqual(findDrops('COPY a (b) FROM stdin;\nDROP TABLE a;\n\\.\nCREATE FUNCTION f() AS $$\nDROP TABLE a;\n$$;'), [
      undefined,
      undefined,
    ]);
  });

  it('loses the two commands of its own on its way, and ends there when it has another', () => {
    const pass = (text: string) => spawnSync('sed', [postgresScript.filter ?? ''], { env, input: text, encoding: 'latin1' });
    const { stdout, status } = pass(wrap(ROWS));
    assert.deepEqual([stdout, status], [wrap(ROWS).replaceAll(/\\(?:un)?restrict.*\n/g, ''), 0]);
    for (const line of ['SELECT 1; \\unrestrict `touch x`', '\\unrestrict Abc1', '\\\\unrestrict', 'a \\unre\0'])
      assert.equal(pass(wrap(`${line}\nSELECT 2;`)).status, 3, line);
  });

  it('is carried out with a key that stands in no argument, as one transaction', () => {
    const config = { host: '127.0.0.1', port: 5432, user: 'ann', database: 'shop' };
    const command = postgresScript.plan?.({ config, secrets: {}, workDir: '/run/x', targetDatabase: 'a=b' }, 'k3y');
    assert.ok(command);
    assert.ok(command.args.includes('--single-transaction') && !JSON.stringify(command.args).includes('k3y'));
    assert.equal(command.env['PGDATABASE'], 'a=b');
    assert.deepEqual(command.files.find(({ path }) => path.endsWith('restrict.sql'))?.content, '\\restrict k3y\n');
    const outcome = { exitCode: 3, stdout: '', stderr: 'psql:/run/x/restrict.sql:1: error: invalid command \\restrict' };
    assert.partialDeepStrictEqual(postgresScript.judge?.(outcome), { ok: false, reason: 'tool_outdated' });
    assert.deepEqual(postgresScript.judge?.({ ...outcome, exitCode: 0 }), { ok: true, warnings: [] });
  });
});

describe('A script of mariadb-dump or mysqldump', () => {
  const read = (text: string) => look(mariadbScript, text);
  const body = "-- MariaDB dump 10.19\nCREATE TABLE `a` (b text);\nINSERT INTO `a` VALUES ('use x'),('x\\nUSE y');\n";
  const end = '\n-- Dump completed on 2026-11-21  5:52:40\n';

  it('is whole when its last line says so, with a date or without', () => {
    assert.deepEqual(read(body + end), { isWhole: true });
    assert.deepEqual(read(`${body}\n-- Dump completed\n`), { isWhole: true });
    assert.deepEqual(read(body), { isWhole: false });
    assert.deepEqual(read(''), { isWhole: false });
  });

  it('may change the default of the database that is meant, with no name, as a dump does that was made to fit any', () => {
    const change = 'ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_swedish_ci';
    assert.deepEqual(read(`${body}${change} ;\nDELIMITER ;;\n${change} ;;\nDELIMITER ;\n${end}`), { isWhole: true });
  });

  it('is refused where it goes to, makes or changes a database by its name', () => {
    for (const line of [
      'USE `shop`;',
      'use shop',
      'CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop`;',
      '/*!40000 DROP DATABASE IF EXISTS `shop`*/;',
      'ALTER DATABASE `shop` CHARACTER SET latin1;',
      'ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_bin ; USE x;',
      '/*M!100000 CREATE OR REPLACE SCHEMA x */;',
    ])
      assert.match(read(`${body}${line}\n${end}`).refusal ?? '', /Line 4 \([A-Z]+\) goes to, makes or changes/, line);
  });
});
