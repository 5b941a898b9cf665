/** The version of what is changed of a person, so that of two who change it at once none loses unheard. */
import { createHash } from 'node:crypto';
import { AppError } from '@holdfast/shared/errors.ts';
import type { UserStanding } from '../../store/people.ts';

/** So many bytes of a hash are a number that JSON carries whole. */
const VERSION_BYTES = 6;

/** What a role and being disabled or not come to: another content has another version. It says nothing of which is the newer. */
export function findPersonVersion({ role, disabled }: UserStanding): number {
  const content = JSON.stringify([role, disabled]);
  return createHash('sha256').update(content).digest().readUIntBE(0, VERSION_BYTES);
}

/** `conflict` unless the person is as the version says; undefined stands for any. */
export function demandPersonVersion(user: UserStanding, version: number | undefined): void {
  if (version === undefined || findPersonVersion(user) === version) return;
  throw new AppError('conflict', 'somebody else changed this person meanwhile; look at them again and repeat the change', {
    details: { field: 'version', current: findPersonVersion(user) },
  });
}
