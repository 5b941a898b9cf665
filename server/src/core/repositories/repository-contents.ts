/**
 * What a repository really holds, asked of a host while a person waits, beside what the ledger knows of it. Nothing of it is stored here. Who may
 * restore may look: names of paths can be as private as what is in them.
 */
import type { HostId, RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { findTags, type SnapshotTags } from '@holdfast/shared/domain/snapshot.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { CONTENTS, HTTP } from '@holdfast/shared/limits.ts';
import type { StoredSnapshot } from '@holdfast/shared/protocol/contents.ts';
import type { Host } from '../../store/hosts.ts';
import type { Repository } from '../../store/repositories.ts';
import type { KnownSnapshot } from '../../store/snapshots.ts';
import { createFieldsError } from '../adapters/adapter-input.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import type { CoreContext } from '../ports.ts';
import { getRepository, prepareRepositoryQuestion, QUESTION_LIFE_MS } from './repositories.ts';

/**
 * `known`: in the ledger and there. `missing`: in the ledger and not there. `back`: there, although the ledger has it as gone. `untold`: its tags
 * name a host that may still tell of it. `orphan`: nobody will, no run made it as far as anybody knows.
 */
export const CONTENTS_STATES = ['known', 'missing', 'back', 'untold', 'orphan'] as const;
export type ContentsState = (typeof CONTENTS_STATES)[number];

export interface ContentsRow {
  engineId: string;
  state: ContentsState;
  createdAt: number;
  sizeBytes?: number | undefined;
  /** What the repository says of it; undefined where it is missing. */
  stored?: StoredSnapshot | undefined;
  /** What the ledger says of it. */
  known?: KnownSnapshot | undefined;
  /** Of tags that a Holdfast wrote, this one or another. */
  tags?: SnapshotTags | undefined;
}

export interface RepositoryContents {
  repository: Repository;
  /** Who looked. */
  host: Host;
  /** Newest first; what is missing among the others. */
  rows: readonly ContentsRow[];
  /** There, and not readable, or beyond the number that is listed. */
  unreadable: number;
}

/**
 * The host that is to look: the one that was asked for, else the one that opened the repository last. Throws `not_found` without such a
 * repository, and `invalid` naming `host` where no host has opened it yet.
 */
export async function chooseOpener(
  context: CoreContext,
  caller: Caller,
  id: RepositoryId,
  wished: HostId | undefined,
): Promise<HostId> {
  const { testedFrom } = await getRepository(context, caller, id);
  const host = wished ?? testedFrom;
  if (host === undefined) throw createFieldsError({ host: 'Host: no host has opened this repository yet; name one' });
  return host;
}

export interface ContentsQuestion {
  repository: RepositoryId;
  /** The host that opens it. */
  host: HostId;
}

const WAIT_MS = CONTENTS.toolMs + QUESTION_LIFE_MS;

async function readAll(
  context: CoreContext,
  caller: Caller,
  question: ContentsQuestion,
): Promise<{ repository: Repository; host: Host; stored: readonly StoredSnapshot[]; unreadable: number }> {
  const { host, ref, draft, saved } = await prepareRepositoryQuestion(context, caller, question);
  if (!saved) throw new AppError('not_found', 'there is no such repository');
  demandCapability(host, 'repository.contents', 'to list what a repository holds');
  if (saved.engineId === undefined)
    throw new AppError('precondition', `no host has opened the repository ${saved.name} yet; test it first, on its page`);
  const stored = new Map<string, StoredSnapshot>();
  for (let after = 0; ; ) {
    const notAfter = context.clock.now() + QUESTION_LIFE_MS;
    const body = { ref, draft, pinnedId: saved.engineId, after, notAfter };
    const part = await context.directory.request(host.id, 'repository.contents', body, { timeoutMs: WAIT_MS });
    for (const snapshot of part.snapshots) stored.set(snapshot.engineId, snapshot);
    if (part.next === undefined || part.next <= after || stored.size >= CONTENTS.listed)
      return { repository: saved, host, stored: [...stored.values()], unreadable: part.unreadable };
    after = part.next;
  }
}

/**
 * Whether somebody may still tell of a snapshot with these tags: its host is away or has something to tell, its run goes on, or a copy into the
 * repository does, which gives a snapshot the tags of the first one.
 */
async function createTellers(context: CoreContext, caller: Caller, repository: RepositoryId, tags: readonly SnapshotTags[]) {
  const ids = [...new Set(tags.flatMap(({ tenant, host }) => (tenant === caller.tenant ? [host as HostId] : [])))];
  const hosts = await context.store.hosts.findHosts(caller.tenant, ids);
  const known = new Set<string>(hosts.map(({ id }) => id));
  const silent = new Set<string>(
    hosts.flatMap(({ id, state }) => {
      if (state === 'revoked') return [];
      const isQuiet = context.directory.isOnline(id) && context.directory.findHeartbeat(id)?.outboxEvents === 0;
      return isQuiet ? [] : [id];
    }),
  );
  const open = await context.store.runs.listRuns(caller.tenant, { repository, active: true }, { limit: HTTP.pageSizeMax });
  const runs = new Set<string>(open.rows.map(({ id }) => id));
  const isCopying = open.next !== undefined || open.rows.some(({ kind }) => kind === 'copy');
  return ({ tenant, host, run }: SnapshotTags): boolean =>
    tenant === caller.tenant && known.has(host) && (isCopying || silent.has(host) || runs.has(run));
}

const isGone = ({ state }: KnownSnapshot): boolean => state === 'removed' || state === 'missing';

/** Everything that lies in the repository now and everything that should. Throws as a test of the repository does. */
export async function lookAtContents(
  context: CoreContext,
  caller: Caller,
  question: ContentsQuestion,
): Promise<RepositoryContents> {
  demand(caller, 'restore.start');
  return collectContents(context, caller, question);
}

/** The same for a use case that has asked for a right of its own. */
export async function collectContents(
  context: CoreContext,
  caller: Caller,
  question: ContentsQuestion,
): Promise<RepositoryContents> {
  const { repository, host, stored, unreadable } = await readAll(context, caller, question);
  const ids = stored.map(({ engineId }) => engineId);
  const { snapshots } = context.store;
  const known = new Map(
    (await snapshots.listKnownThere(caller.tenant, repository.id, ids)).map((snapshot) => [snapshot.engineId, snapshot]),
  );
  // What could not be listed cannot be said to be missing either.
  const missing = unreadable > 0 ? [] : await snapshots.listNotThere(caller.tenant, repository.id, ids, CONTENTS.perAnswer);
  const tagged = new Map(stored.map((snapshot) => [snapshot.engineId, findTags(snapshot.tags)]));
  const unknown = stored.flatMap(({ engineId }) => (known.has(engineId) ? [] : (tagged.get(engineId) ?? [])));
  const isUntold = await createTellers(context, caller, repository.id, unknown);
  const there = stored.map((snapshot): ContentsRow => {
    const { engineId, createdAt, sizeBytes } = snapshot;
    const found = known.get(engineId);
    const tags = tagged.get(engineId);
    const stranger = tags && isUntold(tags) ? 'untold' : 'orphan';
    const state = found === undefined ? stranger : isGone(found) ? 'back' : 'known';
    return { engineId, state, createdAt, sizeBytes: sizeBytes ?? found?.sizeBytes, stored: snapshot, known: found, tags };
  });
  const gone = missing.map(
    (snapshot): ContentsRow => ({
      engineId: snapshot.engineId,
      state: 'missing',
      createdAt: snapshot.createdAt,
      sizeBytes: snapshot.sizeBytes,
      known: snapshot,
    }),
  );
  const rows = [...there, ...gone].toSorted((a, b) => b.createdAt - a.createdAt || (a.engineId < b.engineId ? -1 : 1));
  return { repository, host, rows, unreadable };
}

/** The one of this id; `not_found` where neither the repository nor the ledger has it. */
export async function findStored(
  context: CoreContext,
  caller: Caller,
  question: ContentsQuestion & { engineId: string },
): Promise<{ contents: RepositoryContents; row: ContentsRow }> {
  const contents = await lookAtContents(context, caller, question);
  const row = contents.rows.find(({ engineId }) => engineId === question.engineId);
  if (!row) throw new AppError('not_found', 'the repository does not hold such a snapshot any more');
  return { contents, row };
}

export interface ContentsFilter {
  state?: ContentsState | undefined;
  /** A part of a tag, a path, the machine's name or the id, whatever its case. */
  search?: string | undefined;
}

/** The rows that match. Pure. */
export function filterContents(rows: readonly ContentsRow[], { state, search }: ContentsFilter): readonly ContentsRow[] {
  const wanted = search?.trim().toLowerCase() ?? '';
  return rows.filter((row) => {
    if (state !== undefined && row.state !== state) return false;
    if (wanted === '') return true;
    const { stored, engineId } = row;
    return [engineId, stored?.hostname ?? '', ...(stored?.tags ?? []), ...(stored?.paths ?? [])].some((text) =>
      text.toLowerCase().includes(wanted),
    );
  });
}

/** How many there are of each. Pure. */
export function countContents(rows: readonly ContentsRow[]): Readonly<Record<ContentsState, number>> {
  const counts = { known: 0, missing: 0, back: 0, untold: 0, orphan: 0 };
  for (const { state } of rows) counts[state] += 1;
  return counts;
}
