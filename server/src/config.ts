/** The server's configuration: the environment is read in one function and turned into typed values in another. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { LOG } from '@holdfast/shared/limits.ts';
import { describeUnknownVariable, findUnknownVariables, SERVER_VARIABLES } from '@holdfast/shared/variables.ts';

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevelName = (typeof LOG_LEVELS)[number];

export interface ServerConfig {
  dataDir: string;
  listen: { host: string; port: number };
  /** Where people reach the server, without a slash at the end; undefined: made from the address it listens on. */
  baseUrl?: string | undefined;
  /** As the vault takes them; at most one is set. */
  masterKey: { value?: string | undefined; file?: string | undefined };
  /** `/metrics` does not exist unless one of the two is set; all that are set must pass. */
  metrics: { token?: string | undefined; cidrs: readonly string[] };
  /** The collector that is told of runs as traces, without `/v1/traces`; undefined: nobody is. */
  traces: { url?: string | undefined };
  /** Proxies before the server: how many, or their networks. 0: the socket's address is the truth. */
  trustProxy: number | readonly string[];
  logLevel: LogLevelName;
  /** Logs of runs: the days they are kept, and the bytes those of one host may fill on a UTC day. */
  logs: { keepDays: number; hostDayBytes: number };
  /** Private networks that channels of alerts may lead into; everything else that is private is out of their reach. */
  outgoing: { cidrs: readonly string[] };
  /** Sentences for the log: what looks like a mistake but does not stop the start. */
  warnings: readonly string[];
}

/** One line that names the variable or option, what is wrong with it, and what would be right. Ends the program with exit code 2. */
export class ConfigError extends Error {
  constructor(variable: string, problem: string) {
    super(`${variable}: ${problem}`);
    this.name = 'ConfigError';
  }
}

export const CONFIG_EXIT_CODE = 2;

type Variable = (typeof SERVER_VARIABLES)[number];

const MIN_TOKEN_CHARS = 16;
const MAX_PROXY_HOPS = 10;
const MAX_LOG_DAYS = 3650;
const MAX_HOST_LOG_MIB = 65_536;
const MIB = 1024 * 1024;

export interface Environment {
  values: Readonly<Partial<Record<Variable, string>>>;
  /** Names that begin like ours and are none. */
  unknown: readonly string[];
  defaultDataDir: string;
}

/** Reads the process's environment once; empty values count as absent. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): Environment {
  const values: Partial<Record<Variable, string>> = {};
  for (const name of SERVER_VARIABLES) {
    const value = env[name];
    if (value !== undefined && value !== '') values[name] = value;
  }
  return { values, unknown: findUnknownVariables(Object.keys(env)), defaultDataDir: chooseDataDir(env) };
}

/** Turns the environment into configuration. Throws `ConfigError` at the first value that is wrong. */
export function loadConfig(environment: Environment): ServerConfig {
  const { values, unknown, defaultDataDir } = environment;
  if (values.HOLDFAST_MASTER_KEY !== undefined && values.HOLDFAST_MASTER_KEY_FILE !== undefined) {
    throw new ConfigError('HOLDFAST_MASTER_KEY', 'is set together with HOLDFAST_MASTER_KEY_FILE; set only one of them');
  }
  return {
    dataDir: resolve(values.HOLDFAST_DATA_DIR ?? defaultDataDir),
    listen: parseListen(values.HOLDFAST_LISTEN ?? '127.0.0.1:8080'),
    baseUrl: values.HOLDFAST_BASE_URL === undefined ? undefined : parseBaseUrl(values.HOLDFAST_BASE_URL),
    masterKey: { value: values.HOLDFAST_MASTER_KEY, file: values.HOLDFAST_MASTER_KEY_FILE },
    metrics: {
      token: readMetricsToken(values),
      cidrs: values.HOLDFAST_METRICS_CIDR === undefined ? [] : parseCidrs('HOLDFAST_METRICS_CIDR', values.HOLDFAST_METRICS_CIDR),
    },
    traces: { url: values.HOLDFAST_OTLP_URL === undefined ? undefined : parseCollector(values.HOLDFAST_OTLP_URL) },
    trustProxy: parseTrustProxy(values.HOLDFAST_TRUST_PROXY ?? '0'),
    logLevel: parseLogLevel(values.HOLDFAST_LOG_LEVEL ?? 'info'),
    logs: {
      keepDays: parseWhole(values, 'HOLDFAST_RUN_LOG_DAYS', { usual: LOG.keepDays, most: MAX_LOG_DAYS, unit: 'days' }),
      hostDayBytes:
        MIB * parseWhole(values, 'HOLDFAST_HOST_LOG_MIB', { usual: LOG.hostDayBytes / MIB, most: MAX_HOST_LOG_MIB, unit: 'MiB' }),
    },
    outgoing: {
      cidrs:
        values.HOLDFAST_OUTGOING_CIDR === undefined ? [] : parseCidrs('HOLDFAST_OUTGOING_CIDR', values.HOLDFAST_OUTGOING_CIDR),
    },
    warnings: unknown.map((name) => describeUnknownVariable(name, 'server')),
  };
}

/** The base URL when none is configured: the address that is listened on, with loopback for "all interfaces". */
export function chooseBaseUrl(config: Pick<ServerConfig, 'baseUrl' | 'listen'>, port: number): string {
  if (config.baseUrl !== undefined) return config.baseUrl;
  const { host } = config.listen;
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${isIP(reachable) === 6 ? `[${reachable}]` : reachable}:${port}`;
}

function chooseDataDir(env: Readonly<Record<string, string | undefined>>): string {
  if (process.getuid?.() === 0) return '/var/lib/holdfast';
  const root = env['XDG_DATA_HOME'];
  return join(root !== undefined && isAbsolute(root) ? root : join(homedir(), '.local', 'share'), 'holdfast');
}

function parseListen(text: string): ServerConfig['listen'] {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  if (!found || port > 65_535)
    throw new ConfigError('HOLDFAST_LISTEN', `"${text}" is not address:port, such as 127.0.0.1:8080 or [::1]:8080`);
  if (found[1] !== undefined && isIP(found[1]) !== 6)
    throw new ConfigError('HOLDFAST_LISTEN', `"${found[1]}" is not an IPv6 address`);
  return { host: found[1] ?? (found[2] === '' ? '0.0.0.0' : (found[2] ?? '127.0.0.1')), port };
}

function parseBaseUrl(text: string): string {
  const refuse = (problem: string): never => {
    throw new ConfigError(
      'HOLDFAST_BASE_URL',
      `"${text}" ${problem}; it is the address people type, such as https://backup.example.com`,
    );
  };
  const url = URL.canParse(text) ? new URL(text) : refuse('is not a URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') refuse('must begin with https:// or http://');
  if (url.username !== '' || url.password !== '') refuse('must not hold a name or password');
  if (url.search !== '' || url.hash !== '' || /[?#]/.test(text)) refuse('must not have a query or fragment');
  const path = url.pathname.replace(/\/$/, '');
  if (!/^(?:\/[A-Za-z0-9._~-]+)*$/.test(path)) refuse('has a path with other characters than letters, digits and . _ ~ -');
  return `${url.origin}${path}`;
}

function parseCollector(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!isPlain || !/^https?:$/.test(url.protocol))
    throw new ConfigError('HOLDFAST_OTLP_URL', 'is not the address of a collector, such as http://127.0.0.1:4318');
  const path = url.pathname.replace(/\/$/, '');
  if (path.endsWith('/v1/traces')) throw new ConfigError('HOLDFAST_OTLP_URL', 'must not end in /v1/traces, which is added to it');
  return `${url.origin}${path}`;
}

function readMetricsToken(values: Environment['values']): string | undefined {
  const { HOLDFAST_METRICS_TOKEN: value, HOLDFAST_METRICS_TOKEN_FILE: file } = values;
  if (value !== undefined && file !== undefined) {
    throw new ConfigError('HOLDFAST_METRICS_TOKEN', 'is set together with HOLDFAST_METRICS_TOKEN_FILE; set only one of them');
  }
  if (value === undefined && file === undefined) return undefined;
  const name = file === undefined ? 'HOLDFAST_METRICS_TOKEN' : 'HOLDFAST_METRICS_TOKEN_FILE';
  const token = file === undefined ? value : readSecretFile(name, file);
  if (token === undefined || token.length < MIN_TOKEN_CHARS) {
    throw new ConfigError(name, `the token must have at least ${MIN_TOKEN_CHARS} characters`);
  }
  if (!/^[\x21-\x7e]+$/.test(token)) throw new ConfigError(name, 'the token may hold printable ASCII characters only');
  return token;
}

function readSecretFile(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new ConfigError(name, `the file ${path} cannot be read (${code})`);
  }
}

function parseCidrs(name: string, text: string): readonly string[] {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length === 0) throw new ConfigError(name, 'names no network; give one such as 10.0.0.0/8');
  for (const part of parts) {
    const [address = '', bits, ...more] = part.split('/');
    const family = isIP(address);
    const isWhole = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
    if (family === 0 || more.length > 0 || !isWhole) {
      throw new ConfigError(name, `"${part}" is neither an address nor a network such as 10.0.0.0/8 or fd00::/8`);
    }
  }
  return parts;
}

function parseTrustProxy(text: string): ServerConfig['trustProxy'] {
  if (/^\d+$/.test(text)) {
    if (Number(text) > MAX_PROXY_HOPS)
      throw new ConfigError('HOLDFAST_TRUST_PROXY', `at most ${MAX_PROXY_HOPS} proxies can be trusted by number`);
    return Number(text);
  }
  if (/^(true|false|yes|no|on|off)$/i.test(text)) {
    throw new ConfigError(
      'HOLDFAST_TRUST_PROXY',
      'give the number of proxies before the server, or their networks, such as 1 or 10.0.0.0/8',
    );
  }
  return parseCidrs('HOLDFAST_TRUST_PROXY', text);
}

function parseWhole(
  values: Environment['values'],
  name: Variable,
  { usual, most, unit }: { usual: number; most: number; unit: string },
): number {
  const text = values[name] ?? String(usual);
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > most) throw new ConfigError(name, `"${text}" is not a number of ${unit} from 1 to ${most}`);
  return value;
}

function parseLogLevel(text: string): LogLevelName {
  const level = LOG_LEVELS.find((one) => one === text);
  if (level === undefined) throw new ConfigError('HOLDFAST_LOG_LEVEL', `"${text}" is none of ${LOG_LEVELS.join(', ')}`);
  return level;
}
