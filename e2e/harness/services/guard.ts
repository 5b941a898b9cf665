import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Identity } from './identity.ts';

export type Guard = {
  readonly identity?: Identity | undefined;
  /** Lets the account pass directories it could not enter, such as a checkout in root's home. Counts only with `identity`. */
  readonly passDirectories?: boolean;
};

/** The environment every service and tool starts from; nothing else is inherited. */
export const plainEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C.UTF-8',
};

/**
 * Arguments of `setpriv` that bind a program's life to this process and drop root to the given account.
 * The capability is ambient, because file capabilities would clear the parent-death signal.
 */
export function buildGuardArgs(guard: Guard, command: string, args: readonly string[]): string[] {
  const { identity, passDirectories } = guard;
  const capability = passDirectories ? ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'] : [];
  const account =
    identity === undefined ? [] : [`--reuid=${identity.uid}`, `--regid=${identity.gid}`, '--clear-groups', ...capability];
  return ['--pdeathsig=KILL', ...account, '--', command, ...args];
}

/** Tells whether every directory above `path` lets everybody through. */
export function isReachableByAll(path: string): boolean {
  const parent = dirname(path);
  if (parent === path) return true;
  return (statSync(parent).mode & 0o001) !== 0 && isReachableByAll(parent);
}
