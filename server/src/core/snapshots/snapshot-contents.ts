/**
 * What lies inside snapshots, asked of a host that can read them while a person waits. Nothing of it is stored here. Who may restore may look,
 * because names of files can be as private as what is in them.
 */
import { findSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { HostId, SnapshotId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { BROWSE } from '@holdfast/shared/limits.ts';
import type { Found, RestorePreview, TreeDiff, TreeListing } from '@holdfast/shared/protocol/browse.ts';
import { type Capability, hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';
import type { Host } from '../../store/hosts.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Snapshot } from '../../store/snapshots.ts';
import type { Source } from '../../store/sources.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import { draftFor } from '../restores/restore-draft.ts';
import { getSnapshot, listSnapshots } from './snapshots.ts';

/** Room for the way there and back, and for a turn on the host. */
const LIFE_MS = BROWSE.answerMs + 20_000;

/** Whether the repository is a directory of the host that wrote it; elsewhere that path is another disk. */
function isOnOneHost(repository: Repository): boolean {
  return repository.kind === 'local';
}

/**
 * The host that reads: the one that was asked for, else the one that made the snapshot, else another one that has the repository in a plan
 * and answers now. Throws `unavailable` where none does, and says what to do.
 */
async function findReader(
  context: CoreContext,
  caller: Caller,
  snapshot: Snapshot,
  repository: Repository,
  capability: Capability,
  wished: HostId | undefined,
): Promise<Host> {
  const { store, directory } = context;
  const load = async (id: HostId) => {
    const host = await store.hosts.findHost(caller.tenant, id);
    return host?.state === 'active' ? host : undefined;
  };
  if (wished !== undefined && wished !== snapshot.host && isOnOneHost(repository))
    throw new AppError('conflict', 'this snapshot lies on the disk of the host that made it, so only that host can read it');
  const first = await load(wished ?? snapshot.host);
  if (wished !== undefined && !first) throw new AppError('not_found', 'there is no such approved host');
  if (first && directory.isOnline(first.id)) return first;
  if (wished === undefined && !isOnOneHost(repository)) {
    for (const id of await store.plans.listHostsOfRepository(caller.tenant, repository.id)) {
      const other = directory.isOnline(id) ? await load(id) : undefined;
      if (other && hasCapability(other.facts, capability)) return other;
    }
  }
  const name = first?.name ?? 'the host that made this snapshot';
  throw new AppError(
    'unavailable',
    isOnOneHost(repository)
      ? `${name} is offline, and the repository lies on its disk: see that the host is up and its agent running, or restore by hand`
      : `${name} is offline, and no other host with this repository answers: see that one of them is up and its agent running`,
  );
}

/** Whether a snapshot has an inside to look at: a tree of files, not the dump of a database. */
export function hasFiles(snapshot: Pick<Snapshot, 'fileName'>, source: Pick<Source, 'kind'> | undefined): boolean {
  return source ? findSourceAdapter(source.kind)?.restore === undefined : snapshot.fileName === undefined;
}

export interface Looked<T> {
  /** Who read it. */
  host: Host;
  answer: T;
}

/**
 * What every question needs: who reads, the repository with its secrets sealed for this question, and until when it is worth an answer. Throws
 * `not_found`, `precondition` for a snapshot that is gone or an agent that is too old, and `invalid` for one that holds no tree of files.
 */
async function prepare(context: CoreContext, caller: Caller, id: SnapshotId, capability: Capability, wished: HostId | undefined) {
  demand(caller, 'restore.start');
  const snapshot = await getSnapshot(context, caller, id);
  if (snapshot.state === 'removed' || snapshot.state === 'missing')
    throw new AppError('precondition', 'this snapshot is no longer in the repository');
  if (snapshot.role !== 'data') throw new AppError('invalid', 'these are the roles beside a database: one file, read by hand');
  const [repository, source] = await Promise.all([
    context.store.repositories.findRepository(caller.tenant, snapshot.repository),
    context.store.sources.findSource(caller.tenant, snapshot.source),
  ]);
  if (!repository) throw new AppError('not_found', 'the repository of this snapshot was deleted');
  if (!hasFiles(snapshot, source))
    throw new AppError('invalid', 'this snapshot holds the dump of a database: one file, with nothing to choose from');
  const host = await findReader(context, caller, snapshot, repository, capability, wished);
  demandCapability(host, capability, 'to look into snapshots');
  const ref = context.createId('request');
  const question = {
    ref: `${ref}.repositories`,
    repository: draftFor(context, host, ref, 'repositories', repository),
    engineId: snapshot.engineId,
    notAfter: context.clock.now() + LIFE_MS,
  };
  return { snapshot, host, question };
}

const WAIT = { timeoutMs: LIFE_MS };

/** A page of one directory, directories first. `not_found` where the snapshot has no such directory. */
export async function listDirectory(
  context: CoreContext,
  caller: Caller,
  id: SnapshotId,
  wish: { path: string; after?: number | undefined; limit?: number | undefined; host?: HostId | undefined },
): Promise<Looked<TreeListing>> {
  const { path, after, limit } = wish;
  const { host, question } = await prepare(context, caller, id, 'snapshot.list', wish.host);
  const body = { ...question, path, ...(after === undefined ? {} : { after }), ...(limit === undefined ? {} : { limit }) };
  return { host, answer: await context.directory.request(host.id, 'snapshot.list', body, WAIT) };
}

/**
 * Files and directories with `name` in their name. Throws as `prepare`, and `invalid` naming `name` where it is empty or has a slash or a NUL
 * byte.
 */
export async function findInSnapshot(
  context: CoreContext,
  caller: Caller,
  id: SnapshotId,
  wish: { name: string; host?: HostId | undefined },
): Promise<Looked<Found>> {
  const { host, question } = await prepare(context, caller, id, 'snapshot.find', wish.host);
  if (wish.name === '' || /[/\0]/.test(wish.name))
    throw createFieldsError({ name: 'Name: type a part of a name, without a slash' });
  const body = { ...question, name: wish.name };
  return { host, answer: await context.directory.request(host.id, 'snapshot.find', body, WAIT) };
}

/**
 * Of snapshots, newest first, the one to compare with: what belongs to no plan may hold a part of the source alone, so it is taken only where
 * there is no other.
 */
export function preferPlanned(found: readonly Snapshot[]): Snapshot | undefined {
  return found.find(({ plan }) => plan !== undefined) ?? found[0];
}

/** The newest snapshot of the same source in the same repository that is older than this one and still there; `not_found` without one. */
export async function findSnapshotBefore(context: CoreContext, caller: Caller, id: SnapshotId): Promise<Snapshot> {
  const { source, repository, role, createdAt } = await getSnapshot(context, caller, id);
  const filter = { source, repository, role } as const;
  for (let after: string | undefined; ; ) {
    const page = await listSnapshots(context, caller, filter, { limit: 100, after });
    const older = preferPlanned(page.rows.filter((row) => row.id !== id && row.createdAt < createdAt && row.state !== 'missing'));
    if (older) return older;
    if (page.next === undefined) throw new AppError('not_found', 'there is no older snapshot of this source to compare with');
    after = page.next;
  }
}

/**
 * What a snapshot has that an older one of the same source does not, and the other way round. Throws as `prepare`, `not_found` without the
 * older one, and `invalid` for snapshots of different sources, repositories or roles.
 */
export async function diffSnapshots(
  context: CoreContext,
  caller: Caller,
  id: SnapshotId,
  wish: { older: SnapshotId; host?: HostId | undefined },
): Promise<Looked<TreeDiff>> {
  const older = await getSnapshot(context, caller, wish.older);
  const { snapshot, host, question } = await prepare(context, caller, id, 'snapshot.diff', wish.host);
  if (older.source !== snapshot.source || older.repository !== snapshot.repository || older.role !== snapshot.role)
    throw new AppError('invalid', 'only snapshots of the same source in the same repository are compared');
  const body = { ...question, olderId: older.engineId };
  return { host, answer: await context.directory.request(host.id, 'snapshot.diff', body, WAIT) };
}

export type FileTarget = Exclude<RestoreTarget, { kind: 'database' }>;

/** What a restore of files would write on this host, and what stands in its place. */
export async function previewFileRestore(
  context: CoreContext,
  caller: Caller,
  id: SnapshotId,
  wish: { target: FileTarget; host: HostId },
): Promise<Looked<RestorePreview>> {
  const { host, question } = await prepare(context, caller, id, 'restore.preview', wish.host);
  const body = { ...question, target: wish.target };
  return { host, answer: await context.directory.request(host.id, 'restore.preview', body, WAIT) };
}
