/**
 * Roles as `pg_dumpall --globals-only` writes them, made anew on another server. Nothing of the stored text is executed: statements of the
 * known forms are read, and written again with every name and value quoted.
 */
import * as z from 'zod';
import type { DatabaseRoles, StoredRole, StoredRoles } from '../../roles.ts';
import type { PlanInput } from '../../source.ts';
import { parseJsonLine } from '../database.ts';
import { createPgCommand, createPsqlCommand, getMaintenanceDatabase } from './connection.ts';
import { MAX_NAME_BYTES, quoteIdentifier, quoteLiteral } from './sql.ts';
import { readStatements, type Statement, type Token } from './statements.ts';

interface Membership {
  role: string;
  isAdmin: boolean;
}

interface Definition {
  name: string;
  /** Attributes other than the defaults, as they are written: `LOGIN`, `CREATEDB`. */
  attributes: string[];
  connectionLimit?: string;
  password?: string;
  validUntil?: string;
  settings: { parameter: string; values: string[] }[];
  comment?: string;
  memberOf: Membership[];
}

/** What differs from a role without any attribute; to a role that is new, the others say nothing. */
const ATTRIBUTES = new Set(['superuser', 'noinherit', 'createrole', 'createdb', 'login', 'replication', 'bypassrls']);
const DEFAULTS = new Set(['nosuperuser', 'inherit', 'nocreaterole', 'nocreatedb', 'nologin', 'noreplication', 'nobypassrls']);
/** Only a superuser may give these on every version. */
const POWERFUL = new Set(['SUPERUSER', 'REPLICATION', 'BYPASSRLS']);

const isWord = (token: Token | undefined, ...texts: string[]) => token?.kind === 'word' && texts.includes(token.text);
const asName = (token: Token | undefined) => (token?.kind === 'word' || token?.kind === 'name' ? token.text : undefined);
const asString = (token: Token | undefined) => (token?.kind === 'string' ? token.text : undefined);

/** A name that a server holds as it is, and that is nobody's but a person's. */
function isUsable(name: string): boolean {
  const isHeld = name !== '' && !/[\u0000\ufffd]/u.test(name) && name.isWellFormed();
  return isHeld && new TextEncoder().encode(name).length <= MAX_NAME_BYTES && !name.startsWith('pg_');
}

/** Takes one option with what follows it. Returns how many tokens that was; 0 for what nobody knows. */
function takeOption(role: Definition, [token, second, third, fourth]: Statement): number {
  if (token?.kind !== 'word') return 0;
  if (ATTRIBUTES.has(token.text)) {
    role.attributes.push(token.text.toUpperCase());
    return 1;
  }
  if (token.text === 'password' && second?.kind === 'string') {
    role.password = second.text;
    return 2;
  }
  if (token.text === 'valid' && isWord(second, 'until') && third?.kind === 'string') {
    role.validUntil = third.text;
    return 3;
  }
  if (token.text === 'connection' && isWord(second, 'limit')) {
    const isNegative = third?.kind === 'symbol' && third.text === '-';
    const number = asName(isNegative ? fourth : third);
    if (number === undefined || !/^\d{1,9}$/.test(number)) return 0;
    role.connectionLimit = isNegative ? `-${number}` : number;
    return isNegative ? 4 : 3;
  }
  return DEFAULTS.has(token.text) ? 1 : 0;
}

/** Takes `WITH …` of an `ALTER ROLE`; false where something in it is not known. */
function takeOptions(role: Definition, tokens: Statement): boolean {
  for (let at = 0; at < tokens.length; ) {
    const taken = takeOption(role, tokens.slice(at, at + 4));
    if (taken === 0) return false;
    at += taken;
  }
  return true;
}

/** `search_path TO 'a', 'b'`. */
function takeSetting(role: Definition, tokens: Statement): boolean {
  const to = tokens.findIndex((token) => isWord(token, 'to'));
  const parameter = tokens
    .slice(0, to)
    .map((token) => token.text)
    .join('');
  const values = tokens.slice(to + 1).filter((token) => token.kind !== 'symbol');
  if (to < 1 || !/^[A-Za-z_][\w.$]*$/.test(parameter) || values.length === 0) return false;
  if (values.some((token) => token.kind !== 'string')) return false;
  role.settings.push({ parameter, values: values.map((token) => token.text) });
  return true;
}

/** What a server's globals hold besides roles, and what only frames them. */
function isOfNoRole(statement: Statement): boolean {
  const [first, second] = statement;
  if (isWord(first, 'set')) return true;
  if (isWord(first, 'create', 'alter') && isWord(second, 'tablespace')) return true;
  if (isWord(first, 'comment') && isWord(statement[2], 'tablespace')) return true;
  return isWord(first, 'grant', 'revoke') && statement.some((token) => isWord(token, 'on'));
}

/** Takes one statement; false for a form that nobody knows. */
function takeStatement(roles: Map<string, Definition>, statement: Statement): boolean {
  const [first, second, third, fourth, ...rest] = statement;
  if (isWord(first, 'create') && isWord(second, 'role') && statement.length === 3) {
    const name = asName(third);
    if (name === undefined || !isUsable(name)) return false;
    roles.set(name, { name, attributes: [], settings: [], memberOf: [] });
    return true;
  }
  if (isWord(first, 'alter') && isWord(second, 'role')) {
    const role = roles.get(asName(third) ?? '');
    if (role && isWord(fourth, 'with')) {
      if (takeOptions(role, rest)) return true;
      // Half of what it was is another role.
      roles.delete(role.name);
    }
    return role !== undefined && isWord(fourth, 'set') && takeSetting(role, rest);
  }
  if (isWord(first, 'comment') && isWord(second, 'on') && isWord(third, 'role')) {
    const role = roles.get(asName(fourth) ?? '');
    const comment = isWord(rest[0], 'is') ? asString(rest[1]) : undefined;
    if (role && comment !== undefined) role.comment = comment;
    return role !== undefined && comment !== undefined;
  }
  if (isWord(first, 'grant') && isWord(third, 'to')) {
    const [role, member] = [asName(second), roles.get(asName(fourth) ?? '')];
    if (role === undefined || !member) return false;
    const isAdmin = rest.some((token, at) => isWord(token, 'admin') && isWord(rest[at + 1], 'option', 'true'));
    member.memberOf.push({ role, isAdmin });
    return true;
  }
  return false;
}

function readGlobals(globals: string): { roles: ReadonlyMap<string, Definition>; unknown: number } {
  const roles = new Map<string, Definition>();
  let unknown = 0;
  for (const statement of readStatements(globals)) if (!isOfNoRole(statement) && !takeStatement(roles, statement)) unknown += 1;
  return { roles, unknown };
}

const toStored = ({ name, attributes, memberOf }: Definition): StoredRole => ({
  name,
  isPowerful: attributes.some((attribute) => POWERFUL.has(attribute)),
  memberOf: memberOf.map(({ role }) => role),
});

function parse(globals: string): StoredRoles {
  const { roles, unknown } = readGlobals(globals);
  const all = [...roles.values()];
  return {
    roles: all.map(toStored),
    unknown,
    secrets: all.flatMap(({ password }) => (password === undefined ? [] : [password])),
  };
}

/** The owners and grants of a dump's definitions stand behind one of these words. */
const isRoleWord = (token: Token) => isWord(token, 'to', 'from', 'role');

function namesRoles(statement: Statement): boolean {
  const [first, second] = statement;
  if (isWord(first, 'grant', 'revoke')) return true;
  if (isWord(first, 'create') && isWord(second, 'policy')) return true;
  // To whom the database belonged is not carried over.
  if (!isWord(first, 'alter') || isWord(second, 'database')) return false;
  return (
    isWord(second, 'default', 'role') || statement.some((token, at) => isWord(token, 'owner') && isWord(statement[at + 1], 'to'))
  );
}

function findNamed(definitions: string, candidates: readonly string[]): readonly string[] {
  const wanted = new Set(candidates);
  const named = new Set<string>();
  for (const statement of readStatements(definitions)) {
    if (!namesRoles(statement)) continue;
    for (const token of statement.slice(statement.findIndex(isRoleWord) + 1))
      if ((token.kind === 'word' || token.kind === 'name') && wanted.has(token.text)) named.add(token.text);
  }
  return candidates.filter((name) => named.has(name));
}

/** Stands as the comment of a role until the restore that made it has ended well. */
const formatMark = (run: string) => `Made by Holdfast, restore ${run}`;

function writeRole({ name, attributes, connectionLimit, password, validUntil, settings }: Definition, mark: string): string {
  const role = quoteIdentifier(name);
  const options = [
    ...attributes,
    ...(connectionLimit === undefined ? [] : [`CONNECTION LIMIT ${connectionLimit}`]),
    ...(password === undefined ? [] : [`PASSWORD ${quoteLiteral(password)}`]),
    ...(validUntil === undefined ? [] : [`VALID UNTIL ${quoteLiteral(validUntil)}`]),
  ];
  const lines = [
    `CREATE ROLE ${role}${options.length === 0 ? '' : ` WITH ${options.join(' ')}`};`,
    `COMMENT ON ROLE ${role} IS ${quoteLiteral(mark)};`,
    ...settings.map(({ parameter, values }) => {
      const path = parameter.split('.').map(quoteIdentifier).join('.');
      return `ALTER ROLE ${role} SET ${path} TO ${values.map(quoteLiteral).join(', ')};`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}

/** A role it was a member of may be missing on this server and not be wished: then the membership goes with it. */
const writeMemberships = ({ name, memberOf }: Definition) =>
  memberOf
    .map(({ role, isAdmin }) => {
      const form = quoteLiteral(`GRANT %I TO %I${isAdmin ? ' WITH ADMIN OPTION' : ''}`);
      return `SELECT format(${form}, rolname, ${quoteLiteral(name)}) FROM pg_roles WHERE rolname = ${quoteLiteral(role)} \\gexec\n`;
    })
    .join('');

function pick(globals: string, names: readonly string[]): Definition[] {
  const { roles } = readGlobals(globals);
  return names.flatMap((name) => roles.get(name) ?? []);
}

/** Does `action` to each role that bears the mark; `role.rolname` is its name. */
const forMarked = (mark: string, action: string) => `DO $holdfast$
DECLARE role record;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = ${quoteLiteral(mark)} LOOP
    ${action}
  END LOOP;
END
$holdfast$;
`;
const UNMARK = "EXECUTE format('COMMENT ON ROLE %I IS NULL', role.rolname);";

const INSPECT_SQL = `SELECT json_build_object('names', (SELECT coalesce(json_agg(rolname), '[]') FROM pg_roles), 'user', current_user,
  'isSuperuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
  'mayCreate', (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user));
`;

const inspection = z.object({
  names: z.array(z.string()),
  user: z.string(),
  isSuperuser: z.boolean(),
  mayCreate: z.boolean(),
});

const planScript = (input: PlanInput, name: string, script: string) =>
  createPsqlCommand(input, getMaintenanceDatabase(input), name, script);

export const postgresRoles: DatabaseRoles = {
  parse,
  planInspect: (input) => planScript(input, 'roles', INSPECT_SQL),
  parseInspect: (stdout) => parseJsonLine(inspection, stdout),
  planNamed: (input) =>
    createPgCommand(input, 'pg_restore', getMaintenanceDatabase(input), [
      ...['--format=custom', '--schema-only', '--create', '--file=-'],
    ]),
  findNamed,
  planMake(input, { globals, names, run }) {
    const roles = pick(globals, names);
    const script = `BEGIN;\n${roles.map((role) => writeRole(role, formatMark(run))).join('')}${roles.map(writeMemberships).join('')}COMMIT;\n`;
    return planScript(input, 'make-roles', script);
  },
  planKeep(input, { globals, names, run }) {
    const mark = quoteLiteral(formatMark(run));
    const comments = pick(globals, names).flatMap(({ name, comment }) =>
      comment === undefined
        ? []
        : [
            `SELECT format('COMMENT ON ROLE %I IS %L', rolname, ${quoteLiteral(comment)}) FROM pg_roles WHERE rolname = ${quoteLiteral(name)} AND shobj_description(oid, 'pg_authid') = ${mark} \\gexec\n`,
          ],
    );
    return planScript(input, 'keep-roles', `${comments.join('')}${forMarked(formatMark(run), UNMARK)}`);
  },
  planTakeBack(input, run) {
    const drop = `BEGIN
      EXECUTE format('DROP ROLE %I', role.rolname);
    EXCEPTION WHEN dependent_objects_still_exist THEN
      ${UNMARK}
    END;`;
    return planScript(input, 'drop-roles', forMarked(formatMark(run), drop));
  },
};
