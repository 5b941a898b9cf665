/** After all tries: repository and ledger side by side, and the repository's own check. */
import type { ApiSnapshot } from '../../../harness/api.ts';
import { waitFor } from '../../../harness/services/wait-for.ts';
import type { Lane, LaneStorage } from './lane.ts';
import { judgeAudit } from './verdict.ts';

type Happening = { readonly at: number; readonly type: string; readonly text: string };

const REPORT_DEADLINE_MS = 15_000;

/** The number of snapshots that the host found and nobody vouches for, by its last report; 0 when it had nothing to report. */
async function readUnlisted({ stack, host }: Lane, { api }: LaneStorage): Promise<number> {
  const happenings = await stack.api.get<readonly Happening[]>(`/hosts/${host.id}/happenings?limit=200`);
  const last = happenings.find(({ type, text }) => type === 'reconciled' && text.startsWith(`Repository ${api.name} compared`));
  if (last === undefined) return 0;
  const [, count] = /(\d+) lie there that no clean run vouches for/.exec(last.text) ?? [];
  if (count === undefined) throw new Error(`a report that nobody can read: ${last.text}`);
  return Number(count);
}

async function listOffered({ stack }: Lane, storage: LaneStorage): Promise<readonly string[]> {
  const offered: string[] = [];
  for (const state of ['good', 'partial'])
    for (const role of ['data', 'globals']) {
      const path = `/snapshots?repository=${storage.api.id}&state=${state}&role=${role}&limit=200`;
      for (let cursor: string | undefined = ''; cursor !== undefined; ) {
        const answer = await stack.api.send('GET', cursor === '' ? path : `${path}&cursor=${encodeURIComponent(cursor)}`);
        const page = JSON.parse(answer.text) as { data: readonly ApiSnapshot[]; meta?: { next?: string } };
        offered.push(...page.data.map(({ engineId }) => engineId));
        cursor = page.meta?.next;
      }
    }
  return offered;
}

/** Everything wrong with one storage of a lane, once a last undisturbed run has ended there. */
export async function auditStorage(lane: Lane, storage: LaneStorage, verified: ReadonlySet<string>): Promise<readonly string[]> {
  const stored = await storage.byHand.listIds();
  const offered = await listOffered(lane, storage);
  const orphans = stored.filter((id) => !offered.includes(id)).length;
  const isReported = async () => (await readUnlisted(lane, storage)) === orphans || undefined;
  // The comparison of ledger and repository follows the end of the run; a wrong number shows in the verdict.
  await waitFor('the report', isReported, { deadlineMs: REPORT_DEADLINE_MS, intervalMs: 200 }).catch(() => undefined);
  const damage = await storage.byHand.run('check').then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message.slice(0, 500) : String(error)),
  );
  const unlisted = await readUnlisted(lane, storage);
  return judgeAudit({ stored, offered, verified, unlisted, damage });
}
