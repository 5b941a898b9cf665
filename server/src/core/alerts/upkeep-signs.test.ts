import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import { DUTIES, type Duty } from '@holdfast/shared/domain/routine.ts';
import type { PlannedDuty, Wait } from '../routine/planner.ts';
import { judgeUpkeep } from './upkeep-signs.ts';

const DUE = Date.UTC(2026, 10, 17, 2);
const LATE = DUE + 2 * 86_400_000;
const vault = { id: 'repo_1' as RepositoryId, name: 'vault' };
const plan = (duty: Duty, overdueSince: number | undefined, wait?: Wait): PlannedDuty => ({
  duty,
  doneAt: undefined,
  dueAt: DUE,
  nextAt: undefined,
  wait,
  overdueSince,
});

describe('Signs of upkeep', () => {
  it('are checks, prunes and retention that are overdue, each with what keeps it from beginning', () => {
    const late = DUTIES.map((duty) => plan(duty, LATE, { kind: 'host', trouble: 'db-2 is offline' }));
    const signs = judgeUpkeep(vault, late);
    assert.deepEqual(
      signs.map(({ condition, subject, thing, since }) => [condition, subject, thing.id, since]),
      [
        ['upkeep.overdue', 'overdue retention', 'repo_1', LATE],
        ['upkeep.overdue', 'overdue prune', 'repo_1', LATE],
        ['upkeep.overdue', 'overdue check', 'repo_1', LATE],
      ],
    );
    assert.equal(signs[1]?.text, 'its prune is due since 2026-11-17: db-2 is offline');
    assert.equal(judgeUpkeep(vault, [plan('check', LATE)])[0]?.text, 'its check is due since 2026-11-17: it begins now');
    const refused = judgeUpkeep(vault, [plan('prune', LATE, { kind: 'refused' })]);
    assert.match(refused[0]?.text ?? '', /its credential may only add, so give it an admin credential/);
    assert.match(judgeUpkeep(vault, [plan('prune', LATE, { kind: 'damaged' })])[0]?.text ?? '', /the last check found damage/);
  });

  it('are not what waits for its time, nor a size nobody asked for', () => {
    assert.deepEqual(judgeUpkeep(vault, [plan('check', undefined, { kind: 'not_due' }), plan('measure', LATE)]), []);
  });
});
