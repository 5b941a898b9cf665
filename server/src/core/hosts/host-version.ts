/** The version of what people set of a host, so that of two who change it at once none loses unheard. */
import { createHash } from 'node:crypto';
import { AppError } from '@holdfast/shared/errors.ts';
import type { HostNaming } from '../../store/hosts.ts';

/** So many bytes of a hash are a number that JSON carries whole. */
const VERSION_BYTES = 6;

/** What its name, tags, limits and place of secrets come to: another content has another version. It says nothing of which is the newer. */
export function findHostVersion({ name, tags, concurrency, limits, secretsMode }: HostNaming): number {
  const content = JSON.stringify([name, [...tags].sort(), concurrency, limits, secretsMode]);
  return createHash('sha256').update(content).digest().readUIntBE(0, VERSION_BYTES);
}

/** `conflict` unless the host is as the version says; undefined stands for any. */
export function demandHostVersion(host: HostNaming, version: number | undefined): void {
  if (version === undefined || findHostVersion(host) === version) return;
  throw new AppError('conflict', 'somebody else changed this host meanwhile; look at it again and repeat the change', {
    details: { field: 'version', current: findHostVersion(host) },
  });
}
