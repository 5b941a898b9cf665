/**
 * What each version of restic can do, in one table. A version newer than the newest row behaves as that row; one older than the
 * oldest is refused, because nothing about it was ever tried.
 */
import { AppError } from '@holdfast/shared/errors.ts';

export interface Capabilities {
  /** The version this row stands for, such as `0.18`. */
  row: string;
  /** `backup --stdin-from-command`: restic itself looks at the producer's exit code. */
  stdinFromCommand: boolean;
  /** Exit codes 10 (no repository) and 11 (locked). Before, every fatal error exits 1. */
  exitCodeRepositoryMissing: boolean;
  exitCodeLocked: boolean;
  /** Exit code 12 (wrong password). */
  exitCodePassword: boolean;
  /** Fatal errors are a JSON line `exit_error` on stderr; before, plain text after `Fatal:`. */
  jsonExitError: boolean;
  /** `restore --json` prints status and summary lines. */
  jsonRestore: boolean;
  /** `restore --sparse` leaves holes. */
  sparseRestore: boolean;
  /** `cat tree SNAPSHOT:/path` reads one directory in one start. */
  treeByPath: boolean;
  /** SIGTERM cleans up like SIGINT; before, it leaves the lock behind. */
  cleansUpOnTerm: boolean;
  /** Cancels itself when its lock could not be refreshed; before, a suspended client goes on without one. */
  watchesOwnLock: boolean;
}

const V014: Capabilities = {
  row: '0.14',
  stdinFromCommand: false,
  exitCodeRepositoryMissing: false,
  exitCodeLocked: false,
  exitCodePassword: false,
  jsonExitError: false,
  jsonRestore: false,
  sparseRestore: false,
  treeByPath: false,
  cleansUpOnTerm: false,
  watchesOwnLock: false,
};
const V015: Capabilities = { ...V014, row: '0.15', watchesOwnLock: true, sparseRestore: true };
const V016: Capabilities = { ...V015, row: '0.16', jsonRestore: true, treeByPath: true };
const V017: Capabilities = {
  ...V016,
  row: '0.17',
  stdinFromCommand: true,
  exitCodeRepositoryMissing: true,
  exitCodeLocked: true,
  jsonExitError: true,
  cleansUpOnTerm: true,
};
const V0171: Capabilities = { ...V017, row: '0.17.1', exitCodePassword: true };
const V018: Capabilities = { ...V0171, row: '0.18' };

/** Oldest first; a row holds from its version on. */
const ROWS: readonly { from: readonly [number, number, number]; capabilities: Capabilities }[] = [
  { from: [0, 14, 0], capabilities: V014 },
  { from: [0, 15, 0], capabilities: V015 },
  { from: [0, 16, 0], capabilities: V016 },
  { from: [0, 17, 0], capabilities: V017 },
  { from: [0, 17, 1], capabilities: V0171 },
  { from: [0, 18, 0], capabilities: V018 },
];

export type ResticVersion = readonly [major: number, minor: number, patch: number];

/**
 * Reads `0.14.0` or what `restic version` prints (`restic 0.18.0 compiled with …`); suffixes such as `-dev` are ignored.
 * Undefined where there is no version in the text.
 */
export function parseVersion(text: string): ResticVersion | undefined {
  const found = /^(?:restic )?v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?![\d.])/.exec(text.trim());
  return found ? [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)] : undefined;
}

function isAtLeast(version: ResticVersion, other: ResticVersion): boolean {
  for (const part of [0, 1, 2] as const) {
    if (version[part] !== other[part]) return version[part] > other[part];
  }
  return true;
}

/** The row for a version as restic says it. Throws `unsupported` for what is older than 0.14 or no version at all. */
export function getCapabilities(versionText: string): Capabilities {
  const version = parseVersion(versionText);
  if (version === undefined) {
    throw new AppError('unsupported', 'The installed restic does not tell its version; install restic 0.14 or newer.', {
      details: { reason: 'tool_outdated' },
    });
  }
  const row = ROWS.findLast((candidate) => isAtLeast(version, candidate.from));
  if (row === undefined) {
    throw new AppError(
      'unsupported',
      `restic ${version.join('.')} is too old: its output and locks are not known to be safe. Install restic 0.14 or newer.`,
      { details: { reason: 'tool_outdated' } },
    );
  }
  return row.capabilities;
}
