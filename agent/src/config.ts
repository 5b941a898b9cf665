/** The agent's configuration: the environment is read in one function, and turned into typed values in another. */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { RESTORE_POLICIES, RESTORE_POLICY_SETTING, type RestorePolicy } from '@holdfast/shared/domain/restore-policy.ts';
import { isPlainText, storedPathSchema } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { DUMP_FILES } from '@holdfast/shared/limits.ts';
import { describeUnknownVariable, findUnknownVariables } from '@holdfast/shared/variables.ts';
import { type GivenSecrets, parseGivenSecrets } from './given-secrets.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type AgentLogLevel = (typeof LOG_LEVELS)[number];

/** What the environment said, unjudged. */
export interface AgentEnvironment {
  serverUrl: string | undefined;
  stateDir: string | undefined;
  enrolToken: string | undefined;
  enrolTokenFile: string | undefined;
  secrets: string | undefined;
  secretsFile: string | undefined;
  logLevel: string | undefined;
  toolPath: string | undefined;
  hooksDir: string | undefined;
  drillDir: string | undefined;
  spoolDir?: string | undefined;
  dumpDirs?: string | undefined;
  restores?: string | undefined;
  path: string | undefined;
  home: string | undefined;
  runtimeDir: string | undefined;
  /** Names that begin like ours and belong to no program. */
  unknown?: readonly string[];
}

export interface AgentConfig {
  /** Without a slash at the end; undefined when only local commands are used. */
  serverUrl: string | undefined;
  stateDir: string;
  enrolToken: string | undefined;
  logLevel: AgentLogLevel;
  /** Where tools are looked for, first to last. */
  toolPath: string;
  /** Where the host's administrator installs hooks; need not exist. */
  hooksDir: string;
  /** Where restores are tried out, absolute; undefined: beside the state, or below /var/tmp for root. */
  drillDir?: string | undefined;
  /** Where dumps wait that are restored from a file, absolute; undefined: beside the state. */
  spoolDir?: string | undefined;
  /** Directories whose dump files the server may ask for, absolute and without a slash at the end; none unless they are named. */
  dumpDirs?: readonly string[] | undefined;
  /** Which restores that a server orders are carried out; undefined: all. */
  restores?: RestorePolicy | undefined;
  home: string;
  /** Where private directories of runs may be made, in order of preference. */
  workDirCandidates: readonly string[];
  /** For a restore by hand on a host that keeps none. */
  givenSecrets?: GivenSecrets | undefined;
  /** Sentences for the log: what looks like a mistake but does not stop the start. */
  warnings?: readonly string[];
}

export function readAgentEnvironment(): AgentEnvironment {
  const env = process.env;
  return {
    serverUrl: env['HOLDFAST_SERVER_URL'],
    stateDir: env['HOLDFAST_STATE_DIR'],
    enrolToken: env['HOLDFAST_ENROLL_TOKEN'],
    enrolTokenFile: env['HOLDFAST_ENROLL_TOKEN_FILE'],
    secrets: env['HOLDFAST_SECRETS'],
    secretsFile: env['HOLDFAST_SECRETS_FILE'],
    logLevel: env['HOLDFAST_LOG_LEVEL'],
    toolPath: env['HOLDFAST_TOOL_PATH'],
    hooksDir: env['HOLDFAST_HOOKS_DIR'],
    drillDir: env['HOLDFAST_DRILL_DIR'],
    spoolDir: env['HOLDFAST_SPOOL_DIR'],
    dumpDirs: env['HOLDFAST_DUMP_DIRS'],
    restores: env['HOLDFAST_RESTORES'],
    path: env['PATH'],
    home: env['HOME'],
    runtimeDir: env['XDG_RUNTIME_DIR'],
    unknown: findUnknownVariables(Object.keys(env)),
  };
}

function refuse(name: string, what: string): never {
  throw new AppError('invalid', `${name} ${what}`);
}

function parseServerUrl(value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    refuse(
      'HOLDFAST_SERVER_URL (or --server)',
      `must be an http or https address, such as https://backup.example.com; it is "${value}"`,
    );
  }
  if (url.username !== '' || url.password !== '') refuse('HOLDFAST_SERVER_URL (or --server)', 'must not hold a user or password');
  // Also an empty one, which the parsed URL does not show.
  if (/[?#]/.test(value))
    refuse('HOLDFAST_SERVER_URL (or --server)', `must not hold a "?" or "#": paths are put behind it; it is "${value}"`);
  return value.replace(/\/+$/, '');
}

/** As the server makes them. The value itself is a secret, so no message repeats it. */
const ENROL_TOKEN = /^hfe_[A-Za-z0-9_-]{43}$/;

function readEnrolTokenFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim() || refuse('HOLDFAST_ENROLL_TOKEN_FILE', 'names an empty file');
  } catch (error) {
    if (error instanceof AppError) throw error;
    return refuse('HOLDFAST_ENROLL_TOKEN_FILE', `names a file that cannot be read: ${path}`);
  }
}

function parseEnrolToken({ enrolToken, enrolTokenFile }: AgentEnvironment): string | undefined {
  if (enrolToken && enrolTokenFile) refuse('HOLDFAST_ENROLL_TOKEN', 'and HOLDFAST_ENROLL_TOKEN_FILE are both set; set one');
  const token = enrolTokenFile ? readEnrolTokenFile(enrolTokenFile) : enrolToken;
  if (!token) return undefined;
  if (ENROL_TOKEN.test(token)) return token;
  const name = enrolTokenFile ? 'HOLDFAST_ENROLL_TOKEN_FILE' : 'HOLDFAST_ENROLL_TOKEN';
  return refuse(name, 'must hold an enrolment token: hfe_ and 43 more characters');
}

const STATE_DIR = 'HOLDFAST_STATE_DIR (or --state-dir)';

/** What keeps it from ever being a directory; undefined when nothing does that shows without making it. */
function findStateDirFault(stateDir: string): string | undefined {
  try {
    return statSync(stateDir).isDirectory() ? undefined : 'is none';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? undefined : `cannot be looked at (${code ?? 'unknown error'})`;
  }
}

function parseStateDir(env: AgentEnvironment, isRoot: boolean): string {
  const fallback = isRoot ? '/var/lib/holdfast-agent' : `${env.home ?? homedir()}/.local/state/holdfast-agent`;
  const stateDir = env.stateDir || fallback;
  if (!isAbsolute(stateDir)) refuse(STATE_DIR, `must be an absolute path; it is "${stateDir}"`);
  const fault = findStateDirFault(stateDir);
  if (fault !== undefined) refuse(STATE_DIR, `must be a directory, there or not yet; ${stateDir} ${fault}`);
  return stateDir;
}

/** A relative folder would be another one in each place the agent is started from, and could be made by somebody else. */
function parseToolPath({ toolPath }: AgentEnvironment): readonly string[] {
  const folders = (toolPath ?? '').split(':').filter((folder) => folder !== '');
  const wrong = folders.find((folder) => !isAbsolute(folder));
  if (wrong !== undefined)
    refuse('HOLDFAST_TOOL_PATH', `must be absolute paths, separated by ":"; one is ${JSON.stringify(wrong)}`);
  return folders;
}

function parseHooksDir(env: AgentEnvironment, isRoot: boolean, stateDir: string): string {
  const hooksDir = env.hooksDir || (isRoot ? '/etc/holdfast/hooks.d' : join(stateDir, 'hooks'));
  if (!isAbsolute(hooksDir)) refuse('HOLDFAST_HOOKS_DIR', `must be an absolute path; it is "${hooksDir}"`);
  return hooksDir;
}

function parseDrillDir({ drillDir }: AgentEnvironment): string | undefined {
  if (!drillDir) return undefined;
  return isAbsolute(drillDir) ? drillDir : refuse('HOLDFAST_DRILL_DIR', `must be an absolute path; it is "${drillDir}"`);
}

function parseSpoolDir({ spoolDir }: AgentEnvironment): string | undefined {
  if (!spoolDir) return undefined;
  return isAbsolute(spoolDir) ? spoolDir : refuse('HOLDFAST_SPOOL_DIR', `must be an absolute path; it is "${spoolDir}"`);
}

function parseDumpDirs({ dumpDirs }: AgentEnvironment): readonly string[] {
  const given = (dumpDirs ?? '').split(':').filter((path) => path !== '');
  const paths = [...new Set(given.map((path) => path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '')))];
  const wrong = paths.find((path) => !storedPathSchema.safeParse(path).success || !isPlainText(path));
  if (wrong !== undefined)
    refuse('HOLDFAST_DUMP_DIRS', `must be absolute paths without "." or "..", separated by ":"; one is ${JSON.stringify(wrong)}`);
  if (paths.length > DUMP_FILES.directories) refuse('HOLDFAST_DUMP_DIRS', `must not name more than ${DUMP_FILES.directories}`);
  return paths;
}

/** A misspelt limit must not be none: the agent does not start. */
function parseRestores({ restores }: AgentEnvironment): RestorePolicy {
  if (!restores) return 'any';
  const policy = RESTORE_POLICIES.find((known) => known === restores);
  return policy ?? refuse(RESTORE_POLICY_SETTING, `must be one of ${RESTORE_POLICIES.join(', ')}; it is "${restores}"`);
}

/** Throws `invalid` with one clear line that names the variable and what it must be. */
export function parseAgentConfig(env: AgentEnvironment, isRoot: boolean): AgentConfig {
  const logLevel = (env.logLevel || 'info') as AgentLogLevel;
  if (!LOG_LEVELS.includes(logLevel))
    refuse('HOLDFAST_LOG_LEVEL', `must be one of ${LOG_LEVELS.join(', ')}; it is "${env.logLevel}"`);
  // sbin holds tools that a plain user's PATH leaves out.
  const path = env.path || '/usr/local/bin:/usr/bin:/bin';
  const stateDir = parseStateDir(env, isRoot);
  return {
    serverUrl: parseServerUrl(env.serverUrl),
    stateDir,
    enrolToken: parseEnrolToken(env),
    givenSecrets: parseGivenSecrets({ text: env.secrets, file: env.secretsFile }),
    logLevel,
    toolPath: [...parseToolPath(env), path].join(':'),
    hooksDir: parseHooksDir(env, isRoot, stateDir),
    drillDir: parseDrillDir(env),
    spoolDir: parseSpoolDir(env),
    dumpDirs: parseDumpDirs(env),
    restores: parseRestores(env),
    warnings: (env.unknown ?? []).map((name) => describeUnknownVariable(name, 'agent')),
    home: env.home || homedir(),
    workDirCandidates: [...(env.runtimeDir ? [env.runtimeDir] : []), ...(isRoot ? ['/run'] : []), '/dev/shm'],
  };
}
