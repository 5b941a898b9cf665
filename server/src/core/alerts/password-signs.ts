/** Whether anybody has shown lately that a repository can be opened without Holdfast. Pure. */
import { MAINTENANCE } from '@holdfast/shared/limits.ts';
import type { AlertSign } from '../../store/alerts.ts';
import type { Repository } from '../../store/repositories.ts';
import { findProof, judgePassword, type OpeningProof } from '../repositories/password-proof.ts';

type Facts = Pick<Repository, 'id' | 'name' | 'passwordProof' | 'sealedCopy' | 'engineId' | 'createdAt'>;

const NEVER =
  'nobody has opened it yet with a password from outside Holdfast; if there is none, it is lost with this server and its hosts';

const NEVER_SHOWN =
  'nobody has opened it yet with a password from outside Holdfast, nor shown that they have the recovery key that it is sealed to';

function sayOld({ at, host }: OpeningProof): string {
  const day = new Date(at).toISOString().slice(0, 10);
  return host === undefined
    ? `that somebody has the recovery key which it is sealed to was shown last on ${day}`
    : `it was opened last with a password from outside Holdfast on ${day}`;
}

/** A repository that is new is left in peace for some days. */
export function judgePasswordProof(repository: Facts, now: number): readonly AlertSign[] {
  const { id, name, createdAt } = repository;
  const proof = findProof(repository);
  const standing = judgePassword(repository, now);
  const { passwordUnprovenMs, passwordProvenMs } = MAINTENANCE;
  const since = proof === undefined ? createdAt + passwordUnprovenMs : proof.at + passwordProvenMs;
  if (standing === 'proven' || standing === 'unopened' || now < since) return [];
  const text = proof === undefined ? (repository.sealedCopy === undefined ? NEVER : NEVER_SHOWN) : sayOld(proof);
  const about = { scope: 'repository', scopeId: id, subject: 'password', condition: 'repository.unproven' } as const;
  return [{ ...about, thing: { kind: 'repository', id }, name, text, since }];
}
