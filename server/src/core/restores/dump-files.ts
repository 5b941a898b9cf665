/**
 * Dump files that lie on hosts, made by Holdfast or by anybody else. A host lists what its own configuration offers while a person waits;
 * nothing of it is stored here. Who may restore may look.
 */
import type { RecognisedDump } from '@holdfast/shared/domain/dump-file.ts';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { findParentPath, showStoredText, splitStoredPath } from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { BROWSE, DUMP_FILES, HTTP } from '@holdfast/shared/limits.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { DumpEntry } from '@holdfast/shared/protocol/dump-files.ts';
import type { RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { Host } from '../../store/hosts.ts';
import { type Caller, demand } from '../caller.ts';
import { demandCapability } from '../hosts/agent-ability.ts';
import { type HostView, listHosts } from '../hosts/hosts.ts';
import type { CoreContext } from '../ports.ts';

/** Room for the way there and back, and for a turn on the host. */
const LIFE_MS = BROWSE.answerMs + 20_000;

/** What a host is set up with so that its dump files can be restored. */
export const OFFER_SETTING = 'HOLDFAST_DUMP_DIRS';

/** The directories a host offers now; none where it offers none, or its agent does not know the way. */
export function listOfferedDirectories({ facts }: Pick<Host, 'facts'>): readonly string[] {
  return hasCapability(facts, 'dump_files.list') ? (facts?.dumpDirs ?? []) : [];
}

/** Approved hosts that offer dump files, by name; the first page of them. Those that are away are among them. */
export async function listOfferingHosts(context: CoreContext, caller: Caller): Promise<readonly HostView[]> {
  demand(caller, 'restore.start');
  const filter = { state: 'active', offersDumps: true } as const;
  const { rows } = await listHosts(context, caller, filter, { limit: HTTP.pageSizeMax });
  return rows.filter((host) => listOfferedDirectories(host).length > 0);
}

export type DumpListing = RequestResult<'dump_files.list'>;

/** The host, once it offers anything. Throws `not_found`, and `precondition` where it offers nothing or its agent is too old. */
export async function getOfferingHost(context: CoreContext, caller: Caller, id: HostId): Promise<Host> {
  demand(caller, 'restore.start');
  const host = await context.store.hosts.findHost(caller.tenant, id);
  if (host?.state !== 'active') throw new AppError('not_found', 'there is no such approved host');
  demandCapability(host, 'dump_files.list', 'to restore from files that lie on it');
  if (listOfferedDirectories(host).length > 0) return host;
  throw new AppError('precondition', `${host.name} offers no dump files; name their directories in ${OFFER_SETTING} there`);
}

async function ask(
  context: CoreContext,
  host: Host,
  wish: { path: string; after?: number | undefined; limit?: number | undefined },
): Promise<DumpListing> {
  const { path, after, limit } = wish;
  const body = {
    path,
    ...(after === undefined ? {} : { after }),
    ...(limit === undefined ? {} : { limit }),
    notAfter: context.clock.now() + LIFE_MS,
  };
  try {
    return await context.directory.request(host.id, 'dump_files.list', body, { timeoutMs: LIFE_MS });
  } catch (thrown) {
    // The host's own list forbids it, whoever asks; the caller may do what he does.
    if (!(thrown instanceof AppError) || thrown.code !== 'forbidden') throw thrown;
    throw new AppError('precondition', `${host.name} does not offer ${showStoredText(path)}: ${thrown.message}`, {
      cause: thrown,
    });
  }
}

/** A page of one directory, directories first. `precondition` for what the host does not offer, `not_found` where there is no such directory. */
export async function listDumpFiles(
  context: CoreContext,
  caller: Caller,
  id: HostId,
  wish: { path: string; after?: number | undefined; limit?: number | undefined },
): Promise<{ host: Host; listing: DumpListing }> {
  const host = await getOfferingHost(context, caller, id);
  return { host, listing: await ask(context, host, wish) };
}

/** A file that can be restored, as it is now. */
export interface FoundDump {
  host: Host;
  path: string;
  sizeBytes: number;
  modifiedAt: number;
  dump: RecognisedDump;
}

/** Pages of one directory that are read for one file. */
const PAGES_MAX = Math.ceil(DUMP_FILES.listed / DUMP_FILES.entriesPerPage) + 1;

async function findEntry(context: CoreContext, host: Host, path: string, near: number): Promise<DumpEntry | undefined> {
  const name = splitStoredPath(path).at(-1);
  let after = near;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const { entries, next } = await ask(context, host, { path: findParentPath(path), after });
    const found = entries.find((entry) => entry.name === name);
    if (found !== undefined) return found;
    if (next === undefined || next <= after) return near > 0 ? findEntry(context, host, path, 0) : undefined;
    after = next;
  }
  return undefined;
}

/**
 * Throws as `listDumpFiles` does, `not_found` for a file that is not there, `precondition` for what cannot be restored, with the reason. `near`: the
 * page of its directory on which it was seen.
 */
export async function findDump(context: CoreContext, caller: Caller, id: HostId, path: string, near = 0): Promise<FoundDump> {
  const host = await getOfferingHost(context, caller, id);
  const entry = await findEntry(context, host, path, near);
  if (entry === undefined || entry.type === 'dir')
    throw new AppError('not_found', `there is no file ${showStoredText(path)} on ${host.name}`);
  const { type, sizeBytes, modifiedAt, dump } = entry;
  if (type === 'file' && dump !== undefined) return { host, path, sizeBytes, modifiedAt, dump };
  const reason =
    type === 'file' ? (entry.refusal ?? 'nobody knows what it is') : 'it is no regular file, and links are not followed';
  throw new AppError('precondition', `${showStoredText(path)} cannot be restored: ${reason}`);
}
