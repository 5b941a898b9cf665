/** The agent's log: on a terminal short lines for people, elsewhere one JSON line per event, both on standard error. */
import { destination, pino } from 'pino';
import type { AgentLogLevel } from './config.ts';
import type { AgentLog } from './runs/workbench.ts';

const SECRET_FIELDS = ['token', 'password', 'secret', 'secrets', 'secretKey', 'authorization', 'enrolToken'];

export interface LogOptions {
  level: AgentLogLevel;
  forPeople: boolean;
  now(): number;
  /** Writes one line; standard error unless told otherwise. */
  write?: ((line: string) => void) | undefined;
}

const ORDER: Record<AgentLogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** What a person is shown beside the message: the fields that explain it. */
function formatFields(fields: object): string {
  const shown = Object.entries(fields).flatMap(([name, value]) => {
    if (SECRET_FIELDS.includes(name)) return [];
    if (value instanceof Error) return [`${value.message}`];
    return typeof value === 'object' ? [] : [`${name}=${String(value)}`];
  });
  return shown.length === 0 ? '' : `  (${shown.join(', ')})`;
}

function createPlainLog(options: LogOptions): AgentLog {
  const write = options.write ?? ((line: string) => process.stderr.write(line));
  const at = (level: AgentLogLevel) => (fields: object, message: string) => {
    if (ORDER[level] < ORDER[options.level]) return;
    const time = new Date(options.now()).toISOString().slice(11, 19);
    write(`${time} ${level.padEnd(5)} ${message}${formatFields(fields)}\n`);
  };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

export function createAgentLog(options: LogOptions): AgentLog {
  if (options.forPeople) return createPlainLog(options);
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date(options.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
      errorKey: 'err',
    },
    destination({ dest: 2, sync: true }),
  );
}
