/** Snapshots that no run made: a look inside, taking one over into the ledger, and deleting them. */
import { findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { BROWSE, CONTENTS } from '@holdfast/shared/limits.ts';
import type { TreeListing } from '@holdfast/shared/protocol/browse.ts';
import type { Host } from '../../store/hosts.ts';
import type { Run } from '../../store/runs.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import type { Source } from '../../store/sources.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import { createOrder, createOrderedRun, orderTerms, placeRun } from '../runs/run-orders.ts';
import { phraseDeletion } from '../snapshots/snapshot-deletion.ts';
import { findDeleter } from '../snapshots/snapshot-grounds.ts';
import { orderRepository } from './admin-credential.ts';
import { prepareRepositoryQuestion } from './repositories.ts';
import {
  type ContentsQuestion,
  type ContentsRow,
  collectContents,
  findStored,
  type RepositoryContents,
} from './repository-contents.ts';

const LOOK_LIFE_MS = BROWSE.answerMs + 20_000;

const shorten = (engineId: string): string => engineId.slice(0, 8);

/** A page of one directory of a snapshot in a repository, whether or not the ledger knows it. */
export async function listStoredDirectory(
  context: CoreContext,
  caller: Caller,
  question: ContentsQuestion & { engineId: string; path: string; after?: number | undefined },
): Promise<{ host: Host; answer: TreeListing }> {
  demand(caller, 'restore.start');
  const { engineId, path, after = 0, ...asked } = question;
  const { host, ref, draft } = await prepareRepositoryQuestion(context, caller, asked);
  demandCapability(host, 'snapshot.list', 'to look into snapshots');
  const notAfter = context.clock.now() + LOOK_LIFE_MS;
  const body = { ref, repository: draft, engineId, path, after, notAfter };
  const answer = await context.directory.request(host.id, 'snapshot.list', body, { timeoutMs: LOOK_LIFE_MS });
  return { host, answer };
}

/** Throws `conflict` for what somebody knows, or may still tell of. */
function demandOrphan({ engineId, state, known }: ContentsRow): void {
  if (state === 'orphan') return;
  const name = `snapshot ${shorten(engineId)}`;
  if (state === 'untold')
    throw new AppError(
      'conflict',
      `${name} was made by a run of a host that has not told of it yet; wait until the host is connected, or revoke it if it never will be`,
    );
  if (state === 'missing') throw new AppError('conflict', `${name} is not in the repository any more`);
  throw new AppError('conflict', `${name} is in the ledger already${known?.isAdopted ? ', because somebody adopted it' : ''}`);
}

async function getTargetSource(
  context: CoreContext,
  caller: Caller,
  id: SourceId,
  { repository, host }: RepositoryContents,
): Promise<Source> {
  const source = await context.store.sources.findSource(caller.tenant, id);
  if (!source) throw createFieldsError({ source: 'Source: there is no such source' });
  if (repository.kind === 'local' && source.host !== host.id)
    throw createFieldsError({ source: `Source: the repository lies on the disk of ${host.name}; choose a source of that host` });
  return source;
}

/** A dump is one file, whose name and size a restore goes by; a tree has neither. `invalid` where the source's kind needs the one and it is the other. */
async function findDump(
  context: CoreContext,
  caller: Caller,
  source: Source,
  question: ContentsQuestion & { engineId: string },
): Promise<{ fileName: string; sizeBytes: number } | undefined> {
  if (findSourceAdapter(source.kind)?.restore === undefined) return undefined;
  const { answer } = await listStoredDirectory(context, caller, { ...question, path: '/' });
  const [only] = answer.entries;
  if (answer.total === 1 && only?.type === 'file') return { fileName: only.name, sizeBytes: only.sizeBytes };
  throw createFieldsError({
    source:
      'Source: this snapshot is a tree of files and no dump of a database; choose a source of files, and restore the dump in it from there',
  });
}

/**
 * Takes an orphan over into the ledger as a snapshot of a source. Nobody vouches for it: it is restored by name and never counts as a backup of the
 * source; reading it whole says that it can be read, and a drill that it can be restored. No policy removes it. Throws `conflict` for what is no
 * orphan, `invalid` for a source that it cannot be one of.
 */
export async function adoptOrphan(
  context: CoreContext,
  caller: Caller,
  wish: ContentsQuestion & { engineId: string; source: SourceId },
): Promise<Snapshot> {
  demand(caller, 'restore.start');
  const { source: wanted, ...question } = wish;
  const { contents, row } = await findStored(context, caller, question);
  demandOrphan(row);
  if (row.tags?.role === 'globals')
    throw createFieldsError({
      source: 'Source: these are the roles beside a database, which are restored by hand; adopt its data',
    });
  const source = await getTargetSource(context, caller, wanted, contents);
  const dump = await findDump(context, caller, source, question);
  const { repository } = contents;
  const adopted = await context.store.snapshots.adoptSnapshot(caller.tenant, {
    id: context.createId('snapshot'),
    engineId: row.engineId,
    run: context.createId('run'),
    host: source.host,
    source: source.id,
    repository: repository.id,
    createdAt: Math.max(0, row.createdAt),
    sizeBytes: dump?.sizeBytes ?? row.sizeBytes ?? 0,
    ...(dump ? { fileName: dump.fileName } : {}),
    at: context.clock.now(),
    by: caller.actor.name,
  });
  await recordAct(context, caller, {
    action: 'snapshot.adopted',
    target: { kind: 'snapshot', id: adopted.id, name: shorten(adopted.engineId) },
    change: { repository: repository.name, source: source.name, engineId: row.engineId, tags: row.stored?.tags ?? [] },
  });
  for (const topic of [TOPICS.snapshots, TOPICS.source(source.id), TOPICS.repositories])
    context.bus.publish(caller.tenant, { kind: 'refresh', topic });
  return adopted;
}

/** The host that deletes, by the rule of all deletions; where any may, the one that looked. */
async function getDeleter(context: CoreContext, { repository, host }: RepositoryContents): Promise<Host> {
  const deleter = (await findDeleter(context, repository)) ?? host;
  demandCapability(deleter, 'repository.contents', 'to remove what no run made');
  return deleter;
}

/**
 * Orders the removal of orphans from their repository, through the admin credential where there is one. `confirm` is what a person typed:
 * `phraseDeletion` of their number. The repository is looked at anew, and nothing is ordered unless all of them are orphans still. Throws
 * `invalid` naming `engineIds` or `confirm`, `limit` above `CONTENTS.deleted`, `not_found` for what is gone, `conflict` for what is no orphan,
 * and `precondition` for a host whose agent is too old.
 */
export async function startOrphanDeletion(
  context: CoreContext,
  caller: Caller,
  wish: ContentsQuestion & { engineIds: readonly string[]; confirm: string },
): Promise<Run> {
  demand(caller, 'repository.manage');
  const { engineIds: named, confirm, ...question } = wish;
  const engineIds = [...new Set(named)];
  if (engineIds.length === 0) throw createFieldsError({ engineIds: 'Snapshots: choose at least one' });
  if (engineIds.length > CONTENTS.deleted)
    throw new AppError('limit', `at most ${CONTENTS.deleted} snapshots can be deleted at once`, { retry: 'after_change' });
  const phrase = phraseDeletion(engineIds.length);
  if (confirm !== phrase)
    throw createFieldsError({ confirm: `Confirmation: type ${phrase} to delete what cannot be brought back` });
  const contents = await collectContents(context, caller, question);
  const { repository } = contents;
  const rows = engineIds.map((engineId) => {
    const row = contents.rows.find((one) => one.engineId === engineId);
    if (!row) throw new AppError('not_found', `snapshot ${shorten(engineId)} is not in the repository any more`);
    demandOrphan(row);
    return row;
  });
  const host = await getDeleter(context, contents);
  const run = createOrderedRun(context, caller, {
    kind: 'delete_snapshot',
    host: host.id,
    plan: undefined,
    repository: repository.id,
  });
  const source = context.createId('source');
  const order = createOrder(context, caller.tenant, host.id, 'delete_snapshot.start', {
    run: run.id,
    repository: orderRepository(context, host, run.id, repository, 'admin'),
    isAdmin: repository.admin !== undefined,
    snapshots: rows.map(({ engineId, createdAt, sizeBytes = 0 }) => ({
      // The ledger knows neither of these: the order needs names for them.
      id: context.createId('snapshot'),
      source,
      run: run.id,
      engineId,
      role: 'data' as const,
      createdAt: Math.max(0, createdAt),
      sizeBytes,
      isOrphan: true,
    })),
    ...orderTerms(context, caller),
  });
  await placeRun(context, caller, run, [], order);
  await recordAct(context, caller, {
    action: 'repository.orphans_deletion_started',
    target: { kind: 'repository', id: repository.id, name: repository.name },
    change: {
      run: run.id,
      host: host.name,
      withAdminCredential: repository.admin !== undefined,
      snapshots: rows.map(({ engineId, createdAt, stored }) => ({
        engineId,
        createdAt,
        hostname: stored?.hostname ?? '',
        tags: stored?.tags ?? [],
        paths: stored?.paths ?? [],
      })),
    },
  });
  return run;
}
