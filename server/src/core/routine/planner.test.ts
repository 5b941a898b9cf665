import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { CheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { countParts, DEFAULT_ROUTINE, type Routine, routineSchema } from '@holdfast/shared/domain/routine.ts';
import {
  chooseScope,
  isDamaged,
  OVERDUE_MS,
  type PastRun,
  planRepository,
  planRetentionTurn,
  type RepositoryFacts,
} from './planner.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A Friday at noon. */
const NOW = Date.UTC(2026, 10, 20, 12);
let made = 0;

function run(finishedAt: number, change: Partial<PastRun> = {}): PastRun {
  made += 1;
  return { id: `run_${made}` as RunId, state: 'succeeded', createdAt: finishedAt - 1000, finishedAt, ...change };
}

const part = (n: number, at: number, of = 12) => run(at, { scope: { kind: 'part', part: n, of } });
const DAMAGE = { state: 'failed', failure: { code: 'integrity', message: 'x', reason: 'repository_damaged' } } as const;

function facts(change: Partial<RepositoryFacts> = {}): RepositoryFacts {
  const quiet = { checks: [], prunes: [], measuredAt: NOW, isBusy: false, isFilled: false, hostTrouble: undefined };
  return { now: NOW, routine: DEFAULT_ROUTINE, since: NOW - 30 * DAY, ...quiet, ...change };
}

/** What is planned, by duty. */
function plan(change: Partial<RepositoryFacts>) {
  const planned = planRepository(facts(change));
  return {
    measure: planned.find(({ duty }) => duty === 'measure'),
    prune: planned.find(({ duty }) => duty === 'prune'),
    check: planned.find(({ duty }) => duty === 'check'),
  };
}

describe('What is due', () => {
  it('is nothing in a new repository until its first days have passed', () => {
    const { measure, prune, check } = plan({ since: NOW, measuredAt: undefined });
    assert.deepEqual([measure?.dueAt, prune?.dueAt, check?.dueAt], [NOW + DAY, NOW + 7 * DAY, NOW + 7 * DAY]);
    assert.deepEqual([measure?.wait, prune?.wait, check?.wait], [{ kind: 'not_due' }, { kind: 'not_due' }, { kind: 'not_due' }]);
    assert.equal(check?.nextAt, NOW + 7 * DAY);
  });

  it('comes a number of days after it went well last, the prune before the check', () => {
    const due = plan({ checks: [part(1, NOW - 7 * DAY)], prunes: [run(NOW - 7 * DAY)], measuredAt: NOW - DAY });
    assert.deepEqual([due.measure?.wait, due.prune?.wait, due.check?.wait], [undefined, undefined, undefined]);
    assert.equal(due.check?.nextAt, NOW);
    assert.deepEqual(
      planRepository(facts()).map(({ duty }) => duty),
      ['measure', 'prune', 'check'],
    );
    const later = plan({ checks: [part(1, NOW - 7 * DAY + 1)] });
    assert.deepEqual([later.check?.wait, later.check?.dueAt], [{ kind: 'not_due' }, NOW + 1]);
  });

  it('is left to people where the routine says so', () => {
    const routine = { ...DEFAULT_ROUTINE, checkDays: 0, pruneDays: 0, measureDays: 0 };
    assert.deepEqual(planRepository(facts({ routine })), []);
  });

  it('is not put off by a check that looked at less than the routine does', () => {
    const structure: CheckScope = { kind: 'structure' };
    const { check } = plan({ checks: [run(NOW - HOUR, { scope: structure }), part(1, NOW - 8 * DAY)] });
    assert.deepEqual([check?.doneAt, check?.wait], [NOW - 8 * DAY, undefined]);
    const all = plan({ checks: [run(NOW - HOUR, { scope: { kind: 'everything' } }), part(1, NOW - 8 * DAY)] });
    assert.equal(all.check?.doneAt, NOW - HOUR);
    const routine = { ...DEFAULT_ROUTINE, readAllDays: 0 };
    assert.equal(plan({ routine, checks: [run(NOW - HOUR, { scope: structure })] }).check?.doneAt, NOW - HOUR);
  });
});

describe('What is due and does not begin', () => {
  it('waits for its window, and says when that opens', () => {
    const routine = routineSchema.parse({ windows: [{ from: '01:00', to: '05:00', days: [0] }] });
    const { prune, measure } = plan({ routine, measuredAt: NOW - 2 * DAY });
    assert.deepEqual([prune?.wait, prune?.nextAt], [{ kind: 'window' }, Date.UTC(2026, 10, 22, 1)]);
    assert.equal(measure?.wait, undefined);
    const not = plan({ routine, prunes: [run(NOW)] });
    assert.deepEqual([not.prune?.wait, not.prune?.nextAt], [{ kind: 'not_due' }, Date.UTC(2026, 10, 29, 1)]);
  });

  it('waits while something has the repository to itself, but for measuring', () => {
    const { measure, prune, check } = plan({ isBusy: true, measuredAt: NOW - DAY });
    assert.deepEqual([measure?.wait, prune?.wait, check?.wait], [undefined, { kind: 'busy' }, { kind: 'busy' }]);
    assert.equal(prune?.nextAt, undefined);
  });

  it('lets backups go first for six hours, but for measuring, and not for ever', () => {
    const late = (ms: number) => plan({ isFilled: true, prunes: [run(NOW - 7 * DAY - ms)], measuredAt: NOW - DAY });
    assert.deepEqual([late(0).prune?.wait, late(6 * HOUR - 1).prune?.wait], [{ kind: 'backups' }, { kind: 'backups' }]);
    assert.equal(late(6 * HOUR).prune?.wait, undefined);
    assert.equal(late(0).measure?.wait, undefined);
  });

  it('waits for a host, and says which one is missing', () => {
    const { prune } = plan({ hostTrouble: 'db-2 is offline' });
    assert.deepEqual(prune?.wait, { kind: 'host', trouble: 'db-2 is offline' });
  });

  it('is tried again after an hour, two, four, and a day at most, as it keeps going wrong', () => {
    const wrong = (count: number) =>
      Array.from({ length: count }, (_, index) => run(NOW - (index + 1) * 60_000, { state: 'failed' }));
    const waits = [1, 2, 3, 9].map((count) => plan({ prunes: [...wrong(count), run(NOW - 9 * DAY)] }).prune);
    assert.deepEqual(
      waits.map((one) => (one?.nextAt ?? 0) - NOW + 60_000),
      [HOUR, 2 * HOUR, 4 * HOUR, DAY],
    );
    for (const one of waits) assert.deepEqual(one?.wait, { kind: 'retry' });
    assert.equal(plan({ prunes: [run(NOW - HOUR, { state: 'failed' }), run(NOW - 9 * DAY)] }).prune?.wait, undefined);
  });

  it('is left alone for a day after a person cancelled it, or the credential may not remove', () => {
    const nextOf = (change: Partial<PastRun>) => plan({ prunes: [run(NOW - HOUR, change), run(NOW - 9 * DAY)] }).prune?.nextAt;
    assert.equal(nextOf({ state: 'cancelled' }), NOW - HOUR + DAY);
    const failure = { code: 'forbidden', message: 'x', reason: 'removal_refused' } as const;
    assert.equal(nextOf({ state: 'failed', failure }), NOW - HOUR + DAY);
    assert.equal(nextOf({ state: 'skipped', failure }), NOW - HOUR + DAY);
    const { prune } = plan({ prunes: [run(NOW - HOUR, { state: 'skipped', failure }), run(NOW - 9 * DAY)] });
    assert.deepEqual(prune?.wait, { kind: 'refused' });
  });

  it('prunes nothing after damage was found, until a check ends well', () => {
    const { prune } = plan({ checks: [run(NOW - HOUR, DAMAGE), part(1, NOW - 8 * DAY)] });
    assert.deepEqual([prune?.wait, prune?.nextAt], [{ kind: 'damaged' }, undefined]);
    assert.equal(isDamaged([run(NOW, { state: 'failed' }), run(NOW, DAMAGE)]), true);
    assert.equal(isDamaged([run(NOW), run(NOW, DAMAGE)]), false);
    assert.equal(isDamaged([]), false);
  });

  it('is overdue two days after it could have begun, whatever it waits for', () => {
    const at = (late: number, change: Partial<RepositoryFacts> = {}) =>
      plan({ prunes: [run(NOW - 7 * DAY - late)], ...change }).prune?.overdueSince;
    assert.equal(at(OVERDUE_MS), undefined);
    assert.equal(at(OVERDUE_MS + 1), NOW - 1);
    assert.equal(at(OVERDUE_MS + 1, { hostTrouble: 'db-2 is offline' }), NOW - 1);
    // Due on Monday, it could have begun on Sunday the 15th only if it had been due before; the next window is still to come.
    const routine = routineSchema.parse({ windows: [{ from: '01:00', to: '05:00', days: [0] }] });
    assert.equal(at(4 * DAY, { routine }), undefined);
    assert.equal(at(6 * DAY, { routine }), Date.UTC(2026, 10, 15, 1) + OVERDUE_MS);
  });
});

describe('The parts of the data', () => {
  const period = (checkDays: number, readAllDays: number): Routine => ({ ...DEFAULT_ROUTINE, checkDays, readAllDays });

  it('are as many as fit into the period, so that all are read within it', () => {
    assert.deepEqual(
      [period(7, 90), period(7, 7), period(7, 13), period(1, 365), period(7, 0), period(0, 90)].map(countParts),
      [12, 1, 1, 256, 0, 0],
    );
    assert.equal(routineSchema.safeParse({ checkDays: 30, readAllDays: 7 }).success, false);
  });

  it('are read one after the other, the one first that was read longest ago', () => {
    const routine = period(7, 21);
    const choose = (...checks: PastRun[]) => chooseScope(checks, routine);
    assert.deepEqual(choose(), { kind: 'part', part: 1, of: 3 });
    assert.deepEqual(choose(part(1, NOW, 3)), { kind: 'part', part: 2, of: 3 });
    assert.deepEqual(choose(part(2, NOW, 3), part(1, NOW - 1, 3)), { kind: 'part', part: 3, of: 3 });
    assert.deepEqual(choose(part(3, NOW, 3), part(2, NOW - 1, 3), part(1, NOW - 2, 3)), { kind: 'part', part: 1, of: 3 });
    assert.deepEqual(choose(run(NOW, { scope: { kind: 'part', part: 1, of: 3 }, state: 'failed' })), {
      kind: 'part',
      part: 1,
      of: 3,
    });
    assert.deepEqual(choose(part(1, NOW, 10)), { kind: 'part', part: 1, of: 3 });
    assert.deepEqual(choose(part(1, NOW, 3), run(NOW - 5, { scope: { kind: 'everything' } })), { kind: 'part', part: 2, of: 3 });
    assert.deepEqual(chooseScope([], period(7, 7)), { kind: 'everything' });
    assert.deepEqual(chooseScope([], period(7, 0)), { kind: 'structure' });
  });

  it('have all been read within the period, by checks that come when they are due', () => {
    const routine = period(7, 90);
    const checks: PastRun[] = [];
    const readAt = new Map<number, number>();
    for (let now = NOW; now < NOW + 400 * DAY; now += 7 * DAY) {
      const scope = chooseScope(checks, routine);
      assert.ok(scope.kind === 'part');
      checks.unshift(run(now, { scope }));
      readAt.set(scope.part, now);
      if (now > NOW + 90 * DAY) assert.ok(readAt.size === 12 && [...readAt.values()].every((at) => now - at <= 90 * DAY));
    }
  });
});

describe('Retention by order', () => {
  const turn = (runs: readonly PastRun[], change: Partial<Parameters<typeof planRetentionTurn>[1]> = {}) =>
    planRetentionTurn(runs, { now: NOW, since: NOW - 30 * DAY, routine: DEFAULT_ROUTINE, ...change });

  it('is overdue two days after it could have begun, and no host could ever since', () => {
    const done = [run(NOW - 5 * DAY)];
    assert.equal(turn(done).overdueSince, undefined, 'a host can, so there is nothing to remove');
    assert.equal(turn(done, { stuckSince: NOW - OVERDUE_MS }).overdueSince, undefined);
    assert.equal(turn(done, { stuckSince: NOW - OVERDUE_MS - 1 }).overdueSince, NOW - 1);
    assert.equal(turn(done, { stuckSince: NOW - 9 * DAY }).overdueSince, NOW - 5 * DAY - 1000 + DAY + OVERDUE_MS);
    assert.equal(turn([run(NOW - DAY)], { stuckSince: NOW - 9 * DAY }).overdueSince, undefined);
  });
});
