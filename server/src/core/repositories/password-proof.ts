/** A person shows that the password of a repository is kept outside Holdfast: typed from their own copy, it opens the repository on a host. */
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { MAINTENANCE } from '@holdfast/shared/limits.ts';
import type { PasswordProof, Repository } from '../../store/repositories.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { findRepositoryPlace } from '../adapters/tool-place.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { getRepository, testRepository } from './repositories.ts';

/** That somebody can open it without Holdfast: with a password of their own, from a host, or with the recovery key that it is sealed to. */
export interface OpeningProof {
  at: number;
  by: string;
  /** The host that opened it; undefined where the recovery key was shown. */
  host?: HostId | undefined;
}

type Proven = Pick<Repository, 'passwordProof' | 'sealedCopy'>;

/** The newest of both ways. */
export function findProof({ passwordProof, sealedCopy }: Proven): OpeningProof | undefined {
  const keyProof = sealedCopy?.keyProof;
  if (passwordProof === undefined) return keyProof;
  return keyProof !== undefined && keyProof.at > passwordProof.at ? keyProof : passwordProof;
}

/** `proven`: within a quarter. `old`: longer ago. `never`: not with the password that hosts use now. `unopened`: nothing is in it yet. */
export type PasswordStanding = 'proven' | 'old' | 'never' | 'unopened';

export function judgePassword(repository: Proven & Pick<Repository, 'engineId'>, now: number): PasswordStanding {
  const { passwordProof, engineId } = repository;
  const proof = findProof(repository);
  if (engineId === undefined && passwordProof === undefined) return 'unopened';
  if (proof === undefined) return 'never';
  return now - proof.at <= MAINTENANCE.passwordProvenMs ? 'proven' : 'old';
}

/**
 * Opens the repository from the host with this password in the place of the stored one, and keeps that it opened, when, and by whose hand; the
 * password itself is kept nowhere. Throws `invalid` naming `password` for one that does not open it, `precondition` for a repository that no host has
 * opened yet, `tool_failed` where it cannot be reached, `unavailable` while the host is away.
 */
export async function provePassword(
  context: CoreContext,
  caller: Caller,
  id: RepositoryId,
  { host, password }: { host: HostId; password: string },
): Promise<PasswordProof> {
  demand(caller, 'repository.manage');
  const { kind, config, engineId, version, name } = await getRepository(context, caller, id);
  if (engineId === undefined)
    throw new AppError('precondition', `no host has opened the repository ${name} yet; test it first, on its page`);
  // An empty secret would stand for the stored one, and prove nothing.
  if (password.trim() === '') throw createFieldsError({ password: 'Password: type it from your own copy' });
  const { state, reason, message } = await testRepository(context, caller, {
    kind,
    config,
    secrets: { password },
    host,
    base: id,
  });
  const target = { kind: 'repository', id, name };
  const from = await context.store.hosts.findHost(caller.tenant, host);
  if (reason === 'repository_password') {
    await recordAct(context, caller, { action: 'repository.password_refused', target, change: { host: from?.name } });
    throw createFieldsError({ password: 'Password: it does not open this repository' });
  }
  if (state !== 'ready') {
    const place = findRepositoryPlace(kind);
    const details = { ...(reason === undefined ? {} : { reason }), ...(place === undefined ? {} : { place }) };
    throw new AppError('tool_failed', `not proven: the host could not try it: ${message}`, { retry: 'after_change', details });
  }
  const proof = { at: context.clock.now(), by: caller.actor.name, host };
  await context.store.repositories.provePassword(caller.tenant, id, proof, version);
  await recordAct(context, caller, { action: 'repository.password_proven', target, change: { host: from?.name } });
  context.bus.publish(caller.tenant, { kind: 'refresh', topic: TOPICS.repositories });
  return proof;
}
