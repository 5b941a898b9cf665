/** Whether anybody has shown lately that a repository can be opened without Holdfast. Pure. */
import { MAINTENANCE } from '@holdfast/shared/limits.ts';
import type { AlertSign } from '../../store/alerts.ts';
import type { Repository } from '../../store/repositories.ts';
import { judgePassword } from '../repositories/password-proof.ts';

type Facts = Pick<Repository, 'id' | 'name' | 'passwordProof' | 'engineId' | 'createdAt'>;

/** A repository that is new is left in peace for some days. */
export function judgePasswordProof(repository: Facts, now: number): readonly AlertSign[] {
  const { id, name, passwordProof, createdAt } = repository;
  const standing = judgePassword(repository, now);
  const { passwordUnprovenMs, passwordProvenMs } = MAINTENANCE;
  const since = passwordProof === undefined ? createdAt + passwordUnprovenMs : passwordProof.at + passwordProvenMs;
  if (standing === 'proven' || standing === 'unopened' || now < since) return [];
  const text =
    passwordProof === undefined
      ? 'nobody has opened it yet with a password from outside Holdfast; if there is none, it is lost with this server and its hosts'
      : `it was opened last with a password from outside Holdfast on ${new Date(passwordProof.at).toISOString().slice(0, 10)}`;
  const about = { scope: 'repository', scopeId: id, subject: 'password', condition: 'repository.unproven' } as const;
  return [{ ...about, thing: { kind: 'repository', id }, name, text, since }];
}
