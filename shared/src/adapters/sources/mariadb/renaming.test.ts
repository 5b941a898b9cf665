import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { RENAMING } from './renaming.ts';

const pass = (text: string) =>
  execFileSync('sed', [RENAMING], { env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' }, input: text, encoding: 'utf8' });

const NAMES = ['shop', 'we``ird', '`` CHARACTER SET x COLLATE y ;', 'two\nlines', 'a\\nb', "it\\'s 注文"];
const quoted = (name: string) => `\`${name}\``;

interface Program {
  name?: string | undefined;
  delimiter?: string;
  modes?: string;
}

const alter = (name: string, collation: string, delimiter: string) =>
  `ALTER DATABASE ${name === '' ? '' : `${name} `}CHARACTER SET ${collation.replace(/_.*/, '')} COLLATE ${collation} ${delimiter}\n`;
const save = (delimiter: string) => `/*!50003 SET @saved_cs_client      = @@character_set_client */ ${delimiter}
/*!50003 SET @saved_cs_results     = @@character_set_results */ ${delimiter}
/*!50003 SET @saved_col_connection = @@collation_connection */ ${delimiter}
/*!50003 SET character_set_client  = utf8mb4 */ ${delimiter}
/*!50003 SET character_set_results = utf8mb4 */ ${delimiter}
/*!50003 SET collation_connection  = utf8mb4_general_ci */ ${delimiter}
`;
const restore = (delimiter: string) => `/*!50003 SET character_set_client  = @saved_cs_client */ ${delimiter}
/*!50003 SET character_set_results = @saved_cs_results */ ${delimiter}
/*!50003 SET collation_connection  = @saved_col_connection */ ${delimiter}
`;
const mode = (modes: string, delimiter: string) => `/*!50003 SET @saved_sql_mode       = @@sql_mode */ ${delimiter}
/*!50003 SET sql_mode              = '${modes}' */ ${delimiter}
`;
const around = (name: string | undefined, delimiter: string, inside: string) =>
  name === undefined
    ? `${save(delimiter)}${inside}${restore(delimiter)}`
    : `${alter(name, 'latin1_swedish_ci', delimiter)}${save(delimiter)}${inside}${restore(delimiter)}${alter(name, 'utf8mb4_bin', delimiter)}`;

const trigger = (body: string, { name, modes = 'ANSI' }: Program = {}) =>
  around(name, ';', `${mode(modes, ';')}DELIMITER ;;\n/*!50003 CREATE*/ /*!50003 TRIGGER t ${body} */;;\nDELIMITER ;\n`);
const routine = (body: string, { name, modes = 'ANSI' }: Program = {}) =>
  `${mode(modes, ';')}/*!50003 DROP FUNCTION IF EXISTS \`f\` */;\n${around(name, ';', `DELIMITER ;;\nCREATE FUNCTION f() ${body} ;;\nDELIMITER ;\n`)}`;
const event = (body: string, { name, modes = 'ANSI' }: Program = {}) =>
  `/*!50106 DROP EVENT IF EXISTS \`e\` */;\nDELIMITER ;;\n${around(name, ';;', `${mode(modes, ';;')}/*!50106 CREATE*/ /*!50106 EVENT e DO ${body} */ ;;\n`)}DELIMITER ;\n`;
const KINDS = [trigger, routine, event];

/** All that the tool writes around a program, as text: lines that look as if a program ended and another began. */
const COPY = `${routine('SELECT 1', { name: '`shop`' })}${trigger('x', { name: '`shop`' })}DELIMITER ;\n${alter('`shop`', 'latin1_bin', ';')}${save(';')}`;
const BODIES = [
  'SELECT 1',
  `BEGIN\n-- it's "one" \`thing\n# it's\n/* don't ;;\n${COPY.replaceAll('*/', '*')}*/ SELECT 'a''b\\'' ;\nEND`,
  `RETURN 'text ;;\n${COPY.replaceAll("'", "''")}'`,
  `RETURN "it's ;;\n${COPY.replaceAll('"', '""')}"`,
  `SELECT 1 AS \`a''b\n${COPY.replaceAll('`', '``')}\``,
  `SELECT 'a\\\n\\\\', 5 /*!99999 - 'x' */ /*M!100 + 1 */ / 2 - 1; # ;;\nEND`,
];

describe('The names of databases in a dump of MariaDB', () => {
  it('go from around triggers, routines and events, however the database is called', () => {
    const all = (name: string) => KINDS.map((kind) => `UNLOCK TABLES;\n${kind('SELECT 1', { name })}-- end\n`).join('');
    for (const name of [...NAMES.map(quoted), 'plain', '"in ""ansi"""']) assert.equal(pass(all(name)), all(''), name);
  });

  it('stay in the text of a program, be it a string, a quoted name or a comment', () => {
    for (const body of BODIES) {
      const twice = (name: string) =>
        KINDS.map((kind) => `${kind(body, { name })}${kind('x', { name })}${kind(body)}`).join('-- next\n');
      assert.equal(pass(twice('`shop`')), twice(''), body);
    }
  });

  it('are found behind a text in which a backslash is a letter', () => {
    for (const modes of ['NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES']) {
      const both = (name: string) =>
        KINDS.map((kind) => kind("RETURN 'a\\'", { name, modes }) + kind("RETURN 'a\\''", { name, modes: '' })).join('');
      assert.equal(pass(both('`shop`')), both(''));
    }
    const ansi = (name: string) =>
      routine('SELECT 1 AS "a\\"', { name, modes: 'ANSI_QUOTES' }) + trigger('SELECT "\\""', { name });
    assert.equal(pass(ansi('`shop`').replaceAll("'ANSI'", "''")), ansi('').replaceAll("'ANSI'", "''"));
  });

  it('stay in rows, names of columns and whatever is not the tool’s own', () => {
    const row = "INSERT INTO `a` VALUES\n(1,'x\\nALTER DATABASE `shop` CHARACTER SET latin1 COLLATE latin1_bin ;\\n');\n";
    const column = 'CREATE TABLE `a` (\n  `b\nALTER DATABASE ```` CHARACTER SET a COLLATE b ;\n/*!50003 SET @sa` int);\n';
    const bare = `${alter('`shop`', 'latin1_bin', ';')}SELECT 1;\nALTER DATABASE \`shop\` UPGRADE DATA DIRECTORY NAME;\nALTER DATABASE \`open\n`;
    for (const text of [
      row,
      column,
      bare,
      `${alter('`shop`', 'latin1_bin', ';')}${save(';').split('\n').slice(0, 3).join('\n')}\n`,
    ]) {
      assert.equal(pass(text), text);
      assert.equal(pass(`${text}${trigger('x', { name: '`shop`' })}`), `${text}${trigger('x', { name: '' })}`);
    }
  });

  it('may be cut anywhere: what is there passes', () => {
    const text = `${row()}${trigger(BODIES[1] ?? '', { name: '`two\nlines`' })}`;
    const whole = pass(text);
    for (let at = 0; at < text.length; at += 311) {
      const passed = pass(text.slice(0, at));
      const kept = passed.replaceAll('ALTER DATABASE `two\nlines` ', 'ALTER DATABASE ');
      assert.ok(whole.startsWith(kept) || kept.length > passed.length - 30, `cut at ${at}`);
    }
  });

  it('go from dumps with the line ends of Windows', () => {
    const text = (name: string) => trigger('SELECT 1', { name }).replaceAll('\n', '\r\n');
    assert.equal(pass(text('`shop`')), text(''));
  });
});

function row(): string {
  return "INSERT INTO `a` VALUES\n(1,'x');\n";
}
