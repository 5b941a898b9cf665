/**
 * The tools this host has, asked by running them. A missing or broken one disables only what needs it, and its report says
 * which package brings it.
 */
import { accessSync, constants, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { type FoundTool, TOOLS, type ToolName } from '@holdfast/shared/adapters/command.ts';
import { findPgMajor, findPgTool } from '@holdfast/shared/adapters/sources/postgres/tools.ts';
import type { ToolReport } from '@holdfast/shared/protocol/messages.ts';
import type { Exec } from '../exec/contract.ts';

export interface Inventory {
  /** One for each found program, several for PostgreSQL's; one with advice for each that is missing. */
  reports: readonly ToolReport[];
  /**
   * The program to use. With `serverVersion`, PostgreSQL's clients of the same or the next newer major version; without it the
   * newest. Undefined when none fits.
   */
  find(tool: ToolName, options?: { serverVersion?: string | undefined }): FoundTool | undefined;
  /** How to get a tool that is missing or does not run; undefined for one that is there. */
  findAdvice(tool: ToolName): string | undefined;
}

export interface InventoryOptions {
  exec: Exec;
  /** A private directory the version commands may run in. */
  workDir: string;
  /** Absolute folders in the order in which they are searched, separated by `:`. */
  path: string;
  /** Where Debian keeps the major versions of PostgreSQL, `<folder>/<major>/bin`. */
  postgresFolder?: string | undefined;
  timeoutMs?: number | undefined;
}

const VERSION_TIMEOUT_MS = 10_000;
const VERSION_BYTES = 4096;

interface ToolRule {
  versionArgs: readonly string[];
  /** The version is the first group; ssh prints it on stderr. */
  pattern: RegExp;
  /** Package, and what is not possible without. */
  advice: string;
  postgres?: true;
  /** It does what another tool does as well: where that one is, nobody misses it. */
  insteadOf?: ToolName;
}

const POSTGRES_ADVICE = 'Install the Debian package postgresql-client, of the server’s major version or newer.';
const MARIADB_ADVICE = 'Install the Debian package mariadb-client.';
const POSTGRES = { versionArgs: ['--version'], pattern: /\(PostgreSQL\) (\d{1,3}[0-9a-z.]{0,20})/, postgres: true } as const;
const MYSQL_ADVICE =
  'Install the Debian package mariadb-client, or MySQL’s own clients, 8.0 or newer, which some databases need.';
const MARIADB = { versionArgs: ['--version'], pattern: /(?:Distrib|from|Ver) (\d+\.\d+\.\d+(?:-MariaDB)?)/ } as const;
/** Programs of MariaDB also go by these names, and say what they are: they have options of their own. */
const MYSQL = {
  versionArgs: ['--no-defaults', '--version'],
  pattern: /\bVer (\d+\.\d+\.\d+)[-\w.]{0,20} for (?!.*MariaDB)/,
} as const;

const RULES: Readonly<Record<ToolName, ToolRule>> = {
  restic: {
    versionArgs: ['version'],
    pattern: /^restic (\d+\.\d+(?:\.\d+)?)/,
    advice: 'Install the Debian package restic, 0.14 or newer. Without it this host can neither back up nor restore.',
  },
  pg_dump: { ...POSTGRES, advice: `${POSTGRES_ADVICE} Without pg_dump no PostgreSQL database can be backed up.` },
  pg_dumpall: {
    ...POSTGRES,
    advice: `${POSTGRES_ADVICE} Without pg_dumpall the roles of PostgreSQL are not stored beside databases.`,
  },
  pg_restore: { ...POSTGRES, advice: `${POSTGRES_ADVICE} Without pg_restore no PostgreSQL database can be restored.` },
  psql: { ...POSTGRES, advice: `${POSTGRES_ADVICE} Without psql no PostgreSQL server can be looked at.` },
  'mariadb-dump': { ...MARIADB, advice: `${MARIADB_ADVICE} Without mariadb-dump no MariaDB database can be backed up.` },
  mariadb: {
    ...MARIADB,
    advice: `${MARIADB_ADVICE} Without mariadb no MariaDB server can be looked at or restored to.`,
  },
  mysqldump: { ...MYSQL, insteadOf: 'mariadb-dump', advice: `${MYSQL_ADVICE} Without both no MySQL database can be backed up.` },
  mysql: {
    ...MYSQL,
    insteadOf: 'mariadb',
    advice: `${MYSQL_ADVICE} Without both no MySQL server can be looked at or restored to.`,
  },
  ssh: {
    versionArgs: ['-V'],
    pattern: /^OpenSSH_([0-9][0-9a-z.]{0,20})/,
    advice: 'Install the Debian package openssh-client. Without it repositories over SFTP cannot be reached.',
  },
};

const POSTGRES_FOLDER = '/usr/lib/postgresql';
/** Oldest restic whose words and locks are known. */
const RESTIC_MINOR = 14;

/** Reads a version from what the tool printed; undefined when there is none. */
export function parseToolVersion(tool: ToolName, text: string): string | undefined {
  return RULES[tool].pattern.exec(text.trim())?.[1];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function listPostgresFolders(root: string): string[] {
  try {
    return readdirSync(root)
      .filter((entry) => /^\d{1,3}$/.test(entry))
      .sort((one, other) => Number(other) - Number(one))
      .map((entry) => join(root, entry, 'bin'));
  } catch {
    return [];
  }
}

/** Debian's `pg_wrapper` chooses a version by rules of its own; a name of MySQL's may lead to a program of MariaDB. */
function isOther(tool: ToolName, program: string): boolean {
  return program === 'pg_wrapper' || (RULES[tool].insteadOf !== undefined && program.startsWith('mariadb'));
}

/** Where a tool might be, best first; links to other programs are left out. */
function listCandidates(tool: ToolName, options: InventoryOptions): string[] {
  // What an administrator put on the path goes before what Debian keeps aside, at the same major version.
  const folders = [
    ...options.path.split(':'),
    ...(RULES[tool].postgres ? listPostgresFolders(options.postgresFolder ?? POSTGRES_FOLDER) : []),
  ].filter((folder) => isAbsolute(folder));
  const seen = new Set<string>();
  const candidates: string[] = [];
  for (const path of folders.map((folder) => join(folder, tool)).filter(isExecutable)) {
    const real = realpathSync(path);
    if (seen.has(real) || isOther(tool, basename(real))) continue;
    seen.add(real);
    candidates.push(path);
  }
  // Only PostgreSQL is used in several versions; of the others the first that runs is the one.
  return candidates;
}

async function askVersion(tool: ToolName, path: string, options: InventoryOptions): Promise<string | undefined> {
  const result = await options.exec.runTool({
    stage: { command: { tool, args: RULES[tool].versionArgs, env: {}, files: [] }, binary: path },
    workDir: options.workDir,
    timeoutMs: options.timeoutMs ?? VERSION_TIMEOUT_MS,
    outputBytes: VERSION_BYTES,
  });
  if (result.ending !== 'exited' || result.exitCode !== 0) return undefined;
  return parseToolVersion(tool, result.stdout) ?? parseToolVersion(tool, result.stderr);
}

async function lookFor(tool: ToolName, options: InventoryOptions): Promise<{ found: FoundTool[]; reports: ToolReport[] }> {
  const candidates = listCandidates(tool, options);
  const found: FoundTool[] = [];
  for (const path of candidates) {
    const version = await askVersion(tool, path, options);
    if (version === undefined) continue;
    found.push({ tool, path, version });
    if (!RULES[tool].postgres) break;
  }
  if (RULES[tool].postgres) {
    found.sort((one, other) => (findPgMajor(other.version) ?? 0) - (findPgMajor(one.version) ?? 0));
  }
  if (found.length > 0) {
    return { found, reports: found.map((entry) => ({ ...entry, found: true, ...adviceForOld(entry) })) };
  }
  const broken = candidates[0];
  const advice = broken === undefined ? RULES[tool].advice : `${broken} does not run on this host. ${RULES[tool].advice}`;
  return { found, reports: [{ tool, found: false, advice: advice.slice(0, 500) }] };
}

function adviceForOld({ tool, version }: FoundTool): { advice?: string } {
  const [major, minor] = version.split('.').map(Number);
  const isOld = tool === 'restic' && major === 0 && (minor ?? 0) < RESTIC_MINOR;
  return isOld ? { advice: `restic ${version} is too old. ${RULES.restic.advice}` } : {};
}

/** Looks for every tool of `TOOLS`. Never throws for a tool that is missing, broken or slow. */
export async function takeInventory(options: InventoryOptions): Promise<Inventory> {
  const looked = await Promise.all(TOOLS.map((tool) => lookFor(tool, options)));
  const found = looked.flatMap((entry) => entry.found);
  const isThere = (tool: ToolName) => found.some((entry) => entry.tool === tool);
  const reports = looked
    .flatMap((entry) => entry.reports)
    .filter((report) => {
      const { insteadOf } = RULES[report.tool];
      return report.found || insteadOf === undefined || !isThere(insteadOf);
    });
  return {
    reports,
    find(tool, { serverVersion } = {}) {
      if (serverVersion !== undefined && RULES[tool].postgres) return findPgTool(found, tool, serverVersion);
      return found.find((entry) => entry.tool === tool);
    },
    findAdvice: (tool) => reports.find((report) => report.tool === tool && report.advice !== undefined)?.advice,
  };
}
