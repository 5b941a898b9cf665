/**
 * What opens each repository, sealed to the recovery key: kept in the database, whose copy then suffices together with the key, and on the hosts
 * that use the repository. Nobody waits for it, and nothing fails by it: what could not be sealed at once is sealed by a later round.
 */
import { setImmediate as giveWay } from 'node:timers/promises';
import type { RepositoryId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { RECOVERY } from '@holdfast/shared/limits.ts';
import type { RecoveryKey } from '../../store/recovery.ts';
import type { Repository } from '../../store/repositories.ts';
import type { CoreContext } from '../ports.ts';
import { formatRecoveryCopy } from './opening-text.ts';
import { describeOpening } from './repository-opening.ts';
import { tellHostsOf } from './tell-hosts.ts';

/** True when hosts have to be told of another copy. Throws where a secret cannot be decrypted. */
async function sealOne(context: CoreContext, { recipient, tenant }: RecoveryKey, repository: Repository): Promise<boolean> {
  const { store, recovery, clock } = context;
  const [known] = await store.recovery.findRecoveryCopies(tenant, [repository.id]);
  const tested = repository.testedFrom === undefined ? undefined : await store.hosts.findHost(tenant, repository.testedFrom);
  const text = formatRecoveryCopy(describeOpening(context, repository, tested?.name, true));
  const mark = recovery.markContent(text);
  const seen = { repositoryVersion: repository.version, engineId: repository.engineId };
  const isSame = known?.recipient === recipient && known.mark === mark;
  const isSeen = known?.repositoryVersion === seen.repositoryVersion && known.engineId === seen.engineId;
  if (isSame && isSeen) return false;
  const made = isSame ? known : { recipient, mark, madeAt: clock.now(), sealed: recovery.seal(recipient, text) };
  await store.recovery.putRecoveryCopy({ ...made, ...seen, tenant, repository: repository.id });
  return !isSame;
}

/** Seals one that was made or changed, if there is a key; whoever changed it tells the hosts. Never throws. */
export async function keepSealed(context: CoreContext, tenant: TenantId, id: RepositoryId): Promise<void> {
  try {
    const key = await context.store.recovery.findRecoveryKey(tenant);
    const repository = key && (await context.store.repositories.findRepository(tenant, id));
    if (key && repository) await sealOne(context, key, repository);
  } catch (error) {
    context.log.warn(
      { err: error, repository: id },
      'what opens a repository was not sealed to the recovery key; it is tried again',
    );
  }
}

/** Those of the list in turn, with a turn for everybody else in between; the failures are logged once for each repository in `told`. */
async function sealSome(context: CoreContext, key: RecoveryKey, ids: readonly RepositoryId[], told: Set<string>): Promise<void> {
  const sealed: RepositoryId[] = [];
  for (const id of ids) {
    await giveWay();
    try {
      const repository = await context.store.repositories.findRepository(key.tenant, id);
      if (repository && (await sealOne(context, key, repository))) sealed.push(id);
      told.delete(id);
    } catch (error) {
      if (!told.has(id))
        context.log.error({ err: error, repository: id }, 'what opens a repository cannot be sealed to the recovery key');
      told.add(id);
    }
  }
  if (sealed.length > 0) await tellHostsOf(context, key, sealed);
}

/** What is missing for a key that was just set; what is more than a person waits for is left to the rounds. */
export async function sealForNewKey(context: CoreContext, key: RecoveryKey): Promise<void> {
  const ids = await context.store.recovery.listUnsealed(key.tenant, key.recipient, '', RECOVERY.sealedAtOnce);
  await sealSome(context, key, ids, new Set());
}

/**
 * Rounds that seal what is missing or was changed. The first ones after the start look at every repository, since what stands in a copy may be
 * another with another release, or with another name of a host.
 */
export function createRecoveryRound(context: CoreContext, tenant: TenantId): () => Promise<void> {
  const { store } = context;
  const told = new Set<string>();
  let after = '';
  let lookedFor: string | undefined;
  let page: string | undefined;

  /** The next repositories of the look at all of them; ends when it is through, and begins anew with another key. */
  async function listNext({ recipient }: RecoveryKey): Promise<readonly RepositoryId[]> {
    if (lookedFor === recipient) return [];
    const { rows, next } = await store.repositories.listRepositories(tenant, {}, { limit: RECOVERY.sealedPerRound, after: page });
    page = next;
    if (next === undefined) lookedFor = recipient;
    return rows.map(({ id }) => id);
  }

  return async () => {
    const key = await store.recovery.findRecoveryKey(tenant);
    if (key === undefined) return;
    const due = await store.recovery.listUnsealed(tenant, key.recipient, after, RECOVERY.sealedPerRound);
    // One that cannot be sealed does not keep the later ones from their turn.
    after = due.length < RECOVERY.sealedPerRound ? '' : (due.at(-1) ?? '');
    await sealSome(context, key, due, told);
    await sealSome(context, key, await listNext(key), told);
  };
}
