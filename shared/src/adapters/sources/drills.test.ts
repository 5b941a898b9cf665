import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SOURCE_ADAPTERS } from '../all.ts';
import type { DrillCall } from '../drill.ts';
import { parsePostgresStructure, postgresDrill } from './postgres/drill.ts';

const PLACE = { serverDir: '/var/tmp/holdfast/d-1/s', fileDir: '/var/tmp/holdfast/d-1' };
const HOSTILE = [
  '--version',
  "select 'a' \\! touch /tmp/x",
  '\\! id\n',
  "'; drop table x; --",
  '$holdfast$; select 1',
  '注文 🦔',
  '// \nDELIMITER ;',
];

const HEAD = `--
-- PostgreSQL database dump
--

\\restrict abc
-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);

--
-- Name: shop; Type: DATABASE; Schema: -; Owner: -
--

CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'en_US.UTF-8';

\\connect shop

CREATE TABLE public.orders (
    id integer NOT NULL
);

CREATE VIEW public.few AS
 SELECT 1;
`;

describe('Throw-away servers', () => {
  for (const { kind, drill } of SOURCE_ADAPTERS) {
    if (!drill) continue;
    it(`${kind}: no question is an argument, and its answer is read or its failure said`, () => {
      for (const sql of HOSTILE) {
        const call = drill.planAssertion(PLACE, sql);
        assert.deepEqual(call.args, drill.planAssertion(PLACE, 'select 1').args);
        for (const file of call.files) assert.ok(file.path.startsWith(`${PLACE.fileDir}/`));
        assert.doesNotMatch(call.files.map((file) => file.content).join(''), /^\s*\\!/m);
      }
      assert.deepEqual(drill.parseAssertion({ exitCode: 0, stdout: '{"value": "5"}\n', stderr: '' }), { value: '5' });
      assert.deepEqual(drill.parseAssertion({ exitCode: 0, stdout: '{"value": null}\n', stderr: '' }), { value: undefined });
      for (const [exitCode, stdout] of [
        [1, ''],
        [0, ''],
        [0, 'nonsense'],
        [0, '{"value": 1}\n{"value": 2}\n'],
      ] as const)
        assert.ok('problem' in drill.parseAssertion({ exitCode, stdout, stderr: 'ERROR: no' }), stdout);
    });

    it(`${kind}: the server listens on its own socket and nowhere else, in its own directory`, () => {
      const { args } = drill.planServer(PLACE);
      const text = args.join(' ');
      assert.match(text, /listen_addresses= |--skip-networking/);
      assert.ok(text.includes(PLACE.serverDir));
      const calls: DrillCall[] = [
        drill.planCreation(PLACE),
        drill.planServer(PLACE),
        drill.planRestore(PLACE),
        drill.planTables(PLACE),
        drill.planReader(PLACE),
        drill.planScan(PLACE),
        ...drill.planDatabase(PLACE, ''),
      ];
      for (const call of calls) assert.ok(JSON.stringify(call).includes(PLACE.serverDir), call.program);
    });
  }

  it('PostgreSQL: the head of a dump tells its version, its creation and its structure', () => {
    const facts = postgresDrill.reading?.parseReading({ exitCode: 0, stdout: HEAD, stderr: '' });
    assert.equal(facts?.serverVersion, '15.18');
    assert.equal(facts?.creation, " ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'en_US.UTF-8'");
    assert.deepEqual(facts?.structure.tables, ['CREATE TABLE public.orders (']);
    assert.deepEqual(facts?.structure.statements, [
      'CREATE TABLE public.orders (\n    id integer NOT NULL\n);',
      'CREATE VIEW public.few AS\n SELECT 1;',
    ]);
    assert.equal(facts?.structure.writtenBy, '15');
  });

  it('PostgreSQL: nothing but encoding and locale of a creation is sent on', () => {
    for (const bad of [
      "ENCODING = 'UTF8'; DROP DATABASE x",
      'ENCODING = \'UTF8\' TABLESPACE = "x"',
      "ENCODING = 'a''b'",
      "ENCODING = 'UTF8\\' OWNER = root",
    ]) {
      const text = HEAD.replace(/ENCODING = 'UTF8'.*;/, `${bad};`);
      const facts = postgresDrill.reading?.parseReading({ exitCode: 0, stdout: text, stderr: '' });
      assert.equal(facts?.creation, '', bad);
    }
    const [first, second] = postgresDrill.planDatabase(PLACE, " ENCODING = 'LATIN1' LOCALE = 'de_DE'");
    assert.match(first?.files[0]?.content ?? '', /TEMPLATE template0 ENCODING = 'LATIN1' LOCALE = 'de_DE';/);
    assert.match(second?.files[0]?.content ?? '', /ENCODING = 'LATIN1' LC_COLLATE = 'C' LC_CTYPE = 'C';/);
  });

  it('PostgreSQL: the order of statements, settings and comments makes no difference', () => {
    const one = parsePostgresStructure('SET a = 1;\n\nCREATE TABLE b (\n);\n\n-- x\n\nCREATE TABLE a (\n);\n');
    const other = parsePostgresStructure('CREATE TABLE a (\n);\n\n\nCREATE TABLE b (\n);\n\\unrestrict y\n');
    assert.deepEqual(one, other);
  });
});
