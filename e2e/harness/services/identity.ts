import { readFileSync } from 'node:fs';

/** The unprivileged account a service runs as when the tests themselves run as root. */
export type Identity = { readonly name: string; readonly uid: number; readonly gid: number };

/** An error that means "not on this machine, or not with these rights", never "the service is broken". */
export class UnsupportedError extends Error {
  override name = 'UnsupportedError';
  readonly code = 'unsupported';
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Tells why something needs root, unless the caller is root. */
export function requireRoot(what: string): void {
  if (!isRoot()) throw new UnsupportedError(`${what} needs root; run the tests as root or skip this one.`);
}

/**
 * Picks the first of `names` that has an account here; undefined when the tests do not run as root, because then every
 * service simply runs as the same user.
 * @throws UnsupportedError when root finds none of the accounts.
 */
export function findServiceIdentity(names: readonly string[]): Identity | undefined {
  if (!isRoot()) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of names) {
    const [, , uid, gid] = accounts.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (uid !== undefined && gid !== undefined) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new UnsupportedError(`None of the accounts ${names.join(', ')} exists, and the service refuses to run as root.`);
}
