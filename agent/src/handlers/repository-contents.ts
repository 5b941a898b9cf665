/** `repository.contents`: all snapshots that lie in a repository, whoever made them, while a person waits. */
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { BROWSE, CONTENTS } from '@holdfast/shared/limits.ts';
import type { StoredSnapshot } from '@holdfast/shared/protocol/contents.ts';
import type { RequestBody, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { EngineFailure } from '../engines/restic/classify.ts';
import type { StoredSnapshot as ListedSnapshot } from '../engines/restic/parse.ts';
import { prepareRepositoryDraft, withWorkDir } from '../runs/inputs.ts';
import type { Workbench } from '../runs/workbench.ts';
import { assertInTime } from './in-time.ts';
import { createTurns } from './turns.ts';

/** Each starts restic, which takes memory by the size of the repository. */
const AT_ONCE = 1;
const WAITING = 8;

type Question = RequestBody<'repository.contents'>;

interface Listing {
  /** Newest first. */
  snapshots: readonly StoredSnapshot[];
  unreadable: number;
}

const cut = (text: string, chars: number): string => text.slice(0, chars).toWellFormed();

function toTold({ engineId, createdAt, hostname, tags, paths, sizeBytes }: ListedSnapshot): StoredSnapshot {
  return {
    engineId,
    createdAt,
    hostname: cut(hostname, CONTENTS.textChars),
    tags: tags.slice(0, CONTENTS.tags).map((tag) => cut(tag, CONTENTS.textChars)),
    paths: paths.slice(0, CONTENTS.paths).map((path) => cut(path, CONTENTS.pathChars)),
    pathCount: paths.length,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  };
}

/** As many from the front as fit into one answer. */
function takeWhatFits(snapshots: readonly StoredSnapshot[]): readonly StoredSnapshot[] {
  let bytes = 0;
  const end = snapshots.slice(0, CONTENTS.perAnswer).findIndex((snapshot) => {
    bytes += Buffer.byteLength(JSON.stringify(snapshot)) + 1;
    return bytes > BROWSE.replyBytes;
  });
  return snapshots.slice(0, end === -1 ? CONTENTS.perAnswer : Math.max(end, 1));
}

/** Which repository a question is about. Its secrets stand elsewhere: the next part of a list needs none. */
const nameOf = ({ draft, pinnedId }: Question): string => JSON.stringify([draft.kind, draft.config, pinnedId ?? null]);

export function createRepositoryContents(workbench: Workbench) {
  const takeTurn = createTurns(AT_ONCE, WAITING);
  /** The list that was read last, and no other: its size has an end. */
  let kept: (Listing & { name: string; at: number }) | undefined;

  const read = (body: Question): Promise<Listing> =>
    withWorkDir(workbench, async (workDir) => {
      const repository = prepareRepositoryDraft(workbench, body.draft, body.ref, workDir);
      const refuse = ({ reason, message }: EngineFailure) => createReasonError(reason, repository.redact(message));
      const engine = workbench.engine(workbench.exec);
      const input = { access: repository.access, workDir, timeoutMs: CONTENTS.toolMs };
      const stranger = await engine.findStranger({ ...input, pinnedId: body.pinnedId });
      if (stranger) throw refuse(stranger);
      const listed = await engine.listSnapshots(input);
      if (listed.failure) throw refuse(listed.failure);
      const snapshots = listed.snapshots
        .toSorted((a, b) => b.createdAt - a.createdAt || (a.engineId < b.engineId ? -1 : 1))
        .slice(0, CONTENTS.listed)
        .map(toTold);
      return { snapshots, unreadable: listed.unreadable + Math.max(0, listed.snapshots.length - CONTENTS.listed) };
    });

  const findListing = (body: Question): Promise<Listing> =>
    takeTurn(async () => {
      const name = nameOf(body);
      const now = workbench.clock.monotonicMs();
      if (body.after > 0 && kept?.name === name && now - kept.at <= CONTENTS.cachedMs) return kept;
      const listing = await read(body);
      kept = { ...listing, name, at: workbench.clock.monotonicMs() };
      return listing;
    });

  return async (body: Question): Promise<RequestResult<'repository.contents'>> => {
    assertInTime(workbench.clock, body.notAfter);
    const { snapshots, unreadable } = await findListing(body);
    const part = takeWhatFits(snapshots.slice(body.after));
    const end = body.after + part.length;
    return {
      snapshots: [...part],
      total: snapshots.length,
      unreadable,
      ...(part.length > 0 && end < snapshots.length ? { next: end } : {}),
    };
  };
}
