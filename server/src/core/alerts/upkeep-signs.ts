/** What a repository's routine says against it: what should have been done long ago. Pure. */
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Duty } from '@holdfast/shared/domain/routine.ts';
import type { AlertSign } from '../../store/alerts.ts';
import type { PlannedDuty, Wait } from '../routine/planner.ts';

/** A size nobody knows is no trouble to anybody. */
const NAMES: Readonly<Partial<Record<Duty, string>>> = { check: 'check', prune: 'prune', forget: 'retention' };

const WAITS: Readonly<Record<Exclude<Wait['kind'], 'host'>, string>> = {
  not_due: 'it waits for its time',
  window: 'it waits for its window',
  retry: 'the last try failed',
  refused: 'its credential may only add, so give it an admin credential, or leave prunes to people',
  busy: 'the repository is busy',
  backups: 'backups are under way',
  damaged: 'the last check found damage',
  never: 'its windows never open',
};

function describeWait(wait: Wait | undefined): string {
  if (wait === undefined) return 'it begins now';
  return wait.kind === 'host' ? wait.trouble : WAITS[wait.kind];
}

/** `repository` with what is planned for it. */
export function judgeUpkeep(
  { id, name }: { id: RepositoryId; name: string },
  duties: readonly PlannedDuty[],
): readonly AlertSign[] {
  return duties.flatMap(({ duty, dueAt, overdueSince, wait }) => {
    const what = NAMES[duty];
    if (what === undefined || overdueSince === undefined) return [];
    const thing = { kind: 'repository' as const, id };
    const day = new Date(dueAt).toISOString().slice(0, 10);
    const text = `its ${what} is due since ${day}: ${describeWait(wait)}`;
    const about = { scope: 'repository', scopeId: id, subject: `overdue ${what}`, condition: 'upkeep.overdue' } as const;
    return [{ ...about, thing, name, text, since: overdueSince }];
  });
}
