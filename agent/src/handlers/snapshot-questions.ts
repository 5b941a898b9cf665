/** `snapshot.list`, `snapshot.find`, `snapshot.diff` and `restore.preview`: looks into snapshots while a person waits. */
import { BROWSE } from '@holdfast/shared/limits.ts';
import type { FoundEntry, TreeChange, TreeEntry } from '@holdfast/shared/protocol/browse.ts';
import type { RequestBody, RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { BrowseInput } from '../engines/restic/browse.ts';
import type { ResticEngine } from '../engines/restic/engine.ts';
import type { TreeNode } from '../engines/restic/tree-parse.ts';
import { prepareRepositoryDraft, withWorkDir } from '../runs/inputs.ts';
import { sayPolicyRefusal } from '../runs/restore/host-policy.ts';
import { previewRestore } from '../runs/restore/restore-preview.ts';
import type { Workbench } from '../runs/workbench.ts';
import { assertInTime } from './in-time.ts';
import { createTreeCache } from './tree-cache.ts';
import { createTurns } from './turns.ts';

/** Each starts restic, which takes memory by the size of the repository. */
const AT_ONCE = 2;
const WAITING = 16;

type Question = Pick<RequestBody<'snapshot.list'>, 'ref' | 'repository' | 'engineId' | 'notAfter'>;

/** Directories first, each kind by name. */
function sortEntries(nodes: readonly TreeNode[]): TreeEntry[] {
  const rank = ({ type }: TreeEntry) => (type === 'dir' ? 0 : 1);
  const order = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
  return nodes.map(({ entry }) => entry).sort((one, other) => rank(one) - rank(other) || order(one.name, other.name));
}

/** As many from the front as fit into one answer. */
function takeWhatFits<T extends TreeEntry | FoundEntry | TreeChange>(items: readonly T[], most: number): T[] {
  let bytes = 0;
  const taken: T[] = [];
  for (const item of items.slice(0, most)) {
    bytes += Buffer.byteLength(JSON.stringify(item)) + 1;
    if (bytes > BROWSE.replyBytes) break;
    taken.push(item);
  }
  return taken;
}

export function createSnapshotQuestions(workbench: Workbench) {
  const cache = createTreeCache(workbench.clock, BROWSE);
  const takeTurn = createTurns(AT_ONCE, WAITING);

  const look = <T>(body: Question, work: (engine: ResticEngine, input: BrowseInput) => Promise<T>): Promise<T> => {
    assertInTime(workbench.clock, body.notAfter);
    return takeTurn(() =>
      withWorkDir(workbench, async (workDir) => {
        const { access } = prepareRepositoryDraft(workbench, body.repository, body.ref, workDir);
        return work(workbench.engine(workbench.exec), { access, workDir, snapshotId: body.engineId });
      }),
    );
  };

  return {
    'snapshot.list': async (body: RequestBody<'snapshot.list'>): Promise<RequestResult<'snapshot.list'>> => {
      const { engineId, path, after = 0, limit = BROWSE.entriesPerPage } = body;
      assertInTime(workbench.clock, body.notAfter);
      const nodes =
        cache.find(engineId, path) ??
        (await look(body, (engine, input) => engine.readDirectory({ ...input, path, known: cache.of(engineId) })));
      const entries = takeWhatFits(sortEntries(nodes).slice(after), limit);
      const end = after + entries.length;
      return { path, entries, total: nodes.length, ...(entries.length > 0 && end < nodes.length ? { next: end } : {}) };
    },
    'snapshot.find': (body: RequestBody<'snapshot.find'>): Promise<RequestResult<'snapshot.find'>> =>
      look(body, async (engine, input) => {
        const found = await engine.findByName({ ...input, name: body.name });
        const entries = takeWhatFits(found.entries, BROWSE.found);
        return { entries, truncated: found.truncated || entries.length < found.entries.length };
      }),
    'snapshot.diff': (body: RequestBody<'snapshot.diff'>): Promise<RequestResult<'snapshot.diff'>> =>
      look(body, async (engine, input) => {
        const diff = await engine.diffSnapshots({ ...input, olderId: body.olderId });
        const changes = takeWhatFits(diff.changes, BROWSE.changes);
        return { ...diff, changes, truncated: diff.truncated || changes.length < diff.changes.length };
      }),
    'restore.preview': (body: RequestBody<'restore.preview'>): Promise<RequestResult<'restore.preview'>> =>
      look(body, async (engine, input) => {
        const refusal = sayPolicyRefusal(workbench, body.target);
        const preview = await previewRestore(engine, input, body.target);
        if (refusal === undefined) return preview;
        return { ...preview, conflicts: [refusal, ...preview.conflicts].slice(0, BROWSE.conflicts) };
      }),
  };
}
