/** The log writer: one JSON line per event on standard error, without a secret. */
import type { Clock } from '@holdfast/shared/clock.ts';
import { type DestinationStream, destination, pino } from 'pino';
import type { LogLevelName } from './config.ts';

export interface ServerLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** The same log with fields on every line, such as a request's id. */
  child(fields: Readonly<Record<string, unknown>>): ServerLog;
}

/** Names of fields whose value never reaches the log, wherever they stand in the first three levels. */
const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'password',
  'passwordHash',
  'secret',
  'secretKey',
  'secrets',
  'token',
  'tokenHash',
  'masterKey',
];

/** Where lines go; standard error unless told otherwise. `write` gets one whole line. */
export type LogStream = DestinationStream;

/** Lines are written at once: what was logged before a crash is there after it. */
export function createLog(options: {
  level: LogLevelName;
  clock: Pick<Clock, 'now'>;
  stream?: LogStream | undefined;
}): ServerLog {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date(options.clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[secret]' },
      errorKey: 'err',
    },
    options.stream ?? destination({ dest: 2, sync: true }),
  );
}
