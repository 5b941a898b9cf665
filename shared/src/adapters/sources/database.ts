/** What sources of database servers share: the fields of their form, and how their SQL clients' answers are read. */
import type * as z from 'zod';
import { AppError } from '../../errors.ts';
import type { Field } from '../field.ts';

const TLS_MODES = {
  disable: 'never',
  allow: 'only if the server insists',
  prefer: 'if the server offers it',
  require: 'always',
  'verify-ca': 'always, with a certificate of the CA below',
  'verify-full': 'always, with a certificate of the CA below for this host name',
} as const;

/** Where the servers differ. */
export interface ServerFields {
  host: { pattern: RegExp; patternHint: string; help: string };
  port: number;
  /** Longest name of a database, in characters. */
  databaseChars: number;
  userHelp?: string;
  tls: { modes: readonly (keyof typeof TLS_MODES)[]; help?: string };
  /** Shortest connection time-out the client knows, in seconds. */
  connectTimeoutMin: number;
  /** Size of the smallest good dump, in bytes, unless a person says otherwise. */
  floorBytes: number;
  /** What only this server has; stands among the advanced fields. */
  own: readonly Field[];
}

/** Those of them by which one user of a server differs from another. */
export const DATABASE_LOGIN = { user: 'user', password: 'password' } as const;

/** The fields of one database on a server. */
export function createDatabaseFields(server: ServerFields): readonly Field[] {
  return [
    { kind: 'text', name: 'host', label: 'Host', default: '127.0.0.1', maxChars: 255, ...server.host },
    { kind: 'number', name: 'port', label: 'Port', default: server.port, min: 1, max: 65535 },
    { kind: 'text', name: 'database', label: 'Database', required: true, maxChars: server.databaseChars },
    {
      kind: 'text',
      name: 'user',
      label: 'User',
      required: true,
      maxChars: 255,
      ...(server.userHelp === undefined ? {} : { help: server.userHelp }),
    },
    {
      kind: 'secret',
      name: 'password',
      label: 'Password',
      help: 'Leave empty where the server trusts the agent’s own system user.',
    },
    {
      kind: 'choice',
      name: 'sslMode',
      label: 'TLS',
      default: 'prefer',
      advanced: true,
      options: server.tls.modes.map((value) => ({ value, label: TLS_MODES[value] })),
      ...(server.tls.help === undefined ? {} : { help: server.tls.help }),
    },
    {
      kind: 'multiline',
      name: 'sslRootCert',
      label: 'CA certificate',
      advanced: true,
      help: 'PEM; needed for the two modes that verify.',
    },
    {
      kind: 'number',
      name: 'connectTimeoutSeconds',
      label: 'Connection time-out',
      default: 10,
      min: server.connectTimeoutMin,
      max: 300,
      unit: 's',
      advanced: true,
    },
    ...server.own,
    {
      kind: 'number',
      name: 'floorBytes',
      label: 'Smallest good backup',
      default: server.floorBytes,
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      unit: 'bytes',
      advanced: true,
      help: 'A smaller dump is never a backup.',
    },
  ];
}

/** A warning of a probe: nothing tells an empty database from the wrong one. */
export const NO_TABLES = 'The database has no tables, or none that the user may see: make sure that it is the right one.';

/** A warning of a probe; `what` in the plural. */
export const describeElsewhere = (count: number, what: string): string =>
  `${count} ${what}: how they are made is in the backup, their rows are not. Back them up where they are.`;

/** The text's UTF-8 bytes as hexadecimal digits. */
export function encodeHex(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const UNREADABLE = 'The database server’s answer could not be read. See the log for its words.';

/** All JSON lines of an answer, in order; throws `tool_failed` when one is not what the SQL asks for. */
export function parseJsonLines<T>(schema: z.ZodType<T>, stdout: string): readonly T[] {
  try {
    return stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => schema.parse(JSON.parse(line)));
  } catch (cause) {
    throw new AppError('tool_failed', UNREADABLE, { cause });
  }
}

/** The one JSON line of an answer; throws `tool_failed` when there is none or more than one. */
export function parseJsonLine<T>(schema: z.ZodType<T>, stdout: string): T {
  const [only, ...others] = parseJsonLines(schema, stdout);
  if (only === undefined || others.length > 0) throw new AppError('tool_failed', UNREADABLE);
  return only;
}
