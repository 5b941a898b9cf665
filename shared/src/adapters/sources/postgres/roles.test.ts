import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseRoles } from '../../roles.ts';
import { postgresRoles } from './roles.ts';
import { readStatements } from './statements.ts';

const WORK = '/run/holdfast/run-1';
const input = { config: { user: 'postgres', database: 'shop' }, secrets: {}, workDir: WORK };

/** As pg_dumpall 15 writes it, with a role whose name has a quote, a line break and what looks like a statement. */
const HOSTILE = 'we"ird\nCREATE ROLE evil SUPERUSER; --';
const GLOBALS = `--
-- PostgreSQL database cluster dump
--

\\restrict RxJ52MjaokMaB8bH4H8nTYwTQRXSwiRLfvkbddKaNXJQBtexgs1g1maekgABRVk

SET default_transaction_read_only = off;
SET client_encoding = 'UTF8';

CREATE ROLE grp;
ALTER ROLE grp WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
COMMENT ON ROLE grp IS E'hi ''there\\\\';
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS PASSWORD 'SCRAM-SHA-256$4096:own';
CREATE ROLE u;
ALTER ROLE u WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 3 VALID UNTIL '2030-01-01 00:00:00+00';
CREATE ROLE "we""ird
CREATE ROLE evil SUPERUSER; --";
ALTER ROLE "we""ird
CREATE ROLE evil SUPERUSER; --" WITH NOSUPERUSER INHERIT NOCREATEROLE CREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM-SHA-256$4096:J''tz';

ALTER ROLE u SET search_path TO 'a', 'B c';
ALTER ROLE u SET application_name TO E'a\\\\b';

GRANT grp TO u GRANTED BY postgres;
GRANT grp TO "we""ird
CREATE ROLE evil SUPERUSER; --" WITH ADMIN OPTION GRANTED BY postgres;
GRANT pg_read_all_data TO u WITH INHERIT TRUE GRANTED BY postgres;
CREATE TABLESPACE fast OWNER u LOCATION '/fast';
GRANT ALL ON TABLESPACE fast TO u;
SECURITY LABEL FOR selinux ON ROLE u IS 'x';
`;

const scriptOf = (command: { files: readonly { path: string; content: string }[] }) =>
  command.files.find(({ path }) => path.endsWith('.sql'))?.content ?? '';

describe('Roles of a PostgreSQL server as they were stored', () => {
  it('are read with hostile names, and what is no known form is only counted', () => {
    const { roles, unknown, secrets } = postgresRoles.parse(GLOBALS);
    assert.deepEqual(roles, [
      { name: 'grp', isPowerful: false, memberOf: [] },
      { name: 'postgres', isPowerful: true, memberOf: [] },
      { name: 'u', isPowerful: false, memberOf: ['grp', 'pg_read_all_data'] },
      { name: HOSTILE, isPowerful: false, memberOf: ['grp'] },
    ]);
    assert.equal(unknown, 1);
    assert.deepEqual(secrets, ['SCRAM-SHA-256$4096:own', "SCRAM-SHA-256$4096:J'tz"]);
  });

  it('are written anew, marked, in one transaction, and nothing of the stored text is', () => {
    const script = scriptOf(postgresRoles.planMake(input, { globals: GLOBALS, names: ['u', HOSTILE], run: 'run_1' }));
    assert.match(script, /^BEGIN;\nCREATE ROLE "u" WITH NOINHERIT CONNECTION LIMIT 3 VALID UNTIL E'2030-01-01 00:00:00\+00';\n/);
    assert.match(script, /COMMENT ON ROLE "u" IS E'Made by Holdfast, restore run_1';\n/);
    assert.match(script, /ALTER ROLE "u" SET "search_path" TO E'a', E'B c';\n/);
    assert.match(script, /ALTER ROLE "u" SET "application_name" TO E'a\\\\b';\n/);
    assert.match(
      script,
      /CREATE ROLE "we""ird\nCREATE ROLE evil SUPERUSER; --" WITH CREATEDB LOGIN PASSWORD E'SCRAM-SHA-256\$4096:J''tz';/,
    );
    assert.match(script, /COMMIT;\n$/);
    const roles = [...readStatements(script)].flatMap(([first, second, third]) =>
      first?.text === 'create' && second?.text === 'role' ? [third?.text] : [],
    );
    assert.deepEqual(roles, ['u', HOSTILE]);
  });

  it('that cannot be held as they are, or have options nobody knows, are left out and counted', () => {
    const text = `CREATE ROLE "${'x'.repeat(64)}"; CREATE ROLE "";\nCREATE ROLE pg_own;\nCREATE ROLE odd; ALTER ROLE odd WITH LOGIN FUTURE; CREATE ROLE cut; ALTER ROLE cut WITH PASSWORD 'open`;
    const { roles, unknown } = postgresRoles.parse(text);
    assert.deepEqual(
      roles.map(({ name }) => name),
      ['cut'],
    );
    assert.equal(unknown, 4);
  });

  it('that owners and grants of a dump name are found, and no other text is taken for a name', () => {
    const definitions = `CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$ SELECT 'x; GRANT ALL ON TABLE t TO body;' $_$;
ALTER FUNCTION public.f() OWNER TO "we""ird
CREATE ROLE evil SUPERUSER; --";
COMMENT ON FUNCTION public.f() IS 'GRANT SELECT ON a TO comment';
/* GRANT SELECT ON a TO /* nested */ comment; */
GRANT SELECT ON TABLE public.onlytable TO grp;
CREATE POLICY p ON public.t TO policed USING (true);
ALTER DEFAULT PRIVILEGES FOR ROLE giver IN SCHEMA public GRANT SELECT ON TABLES TO taker;
REVOKE ALL ON TABLE a FROM PUBLIC;`;
    const candidates = [HOSTILE, 'body', 'comment', 'evil', 'giver', 'grp', 'onlytable', 'policed', 'taker'];
    assert.deepEqual(postgresRoles.findNamed(definitions, candidates), [HOSTILE, 'giver', 'grp', 'policed', 'taker']);
  });

  it('are chosen where they are missing, with what they are members of', () => {
    const { roles } = postgresRoles.parse(GLOBALS);
    assert.deepEqual(chooseRoles(roles, ['postgres'], undefined), ['grp', 'u', HOSTILE]);
    assert.deepEqual(chooseRoles(roles, ['postgres'], ['u']), ['grp', 'u']);
    assert.deepEqual(chooseRoles(roles, ['postgres', 'grp', 'u'], ['u', 'postgres', 'nobody']), []);
  });
});
