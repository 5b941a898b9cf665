import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PlanId, RunId } from '@holdfast/shared/domain/ids.ts';
import { isGood } from '../../experiment.ts';
import { openTestLab } from '../fixtures/test-lab.ts';
import { KILL_POINTS } from './experiment.ts';
import { type CrashFacts, judgeCrash, judgeRepository, type LedgerRun } from './judge.ts';

const PLAN = 'plan_of_the_test' as PlanId;
const ENGINE_ID = 'e'.repeat(64);
const FIRE_AT = 120_000;

const createRun = (id: string, change: Partial<LedgerRun> = {}): LedgerRun => ({
  id: id as RunId,
  plan: PLAN,
  state: 'succeeded',
  createdAt: 1,
  fireAt: undefined,
  reason: undefined,
  lines: [1, 2, 3],
  logLines: 3,
  snapshots: [{ engineId: ENGINE_ID, state: 'good' }],
  attempts: 0,
  ...change,
});

const createFacts = (ledger: readonly LedgerRun[], change: Partial<CrashFacts> = {}): CrashFacts => ({
  ordered: ledger.filter(({ fireAt }) => fireAt === undefined).map(({ id }) => id),
  uncertainOrders: 0,
  fires: [],
  firesWithin: [0, 180_000],
  ledger,
  journal: ledger.map(({ id }) => ({ run: id, isClosed: true })),
  stored: new Set([ENGINE_ID]),
  wasAgentHit: true,
  ...change,
});

describe('The judgement after a crash', () => {
  const clean = createRun('run_clean');
  const fired = createRun('run_fired', { fireAt: FIRE_AT });

  it('finds nothing where ledger, journal and repository agree', () => {
    assert.deepEqual(judgeCrash(createFacts([clean, fired], { fires: [{ plan: PLAN, fireAt: FIRE_AT }] })), []);
    const interrupted = createRun('run_cut', { state: 'failed', reason: 'interrupted', snapshots: [] });
    assert.deepEqual(judgeCrash(createFacts([interrupted])), []);
    assert.deepEqual(judgeCrash(createFacts([clean], { ordered: [], uncertainOrders: 1 })), []);
    const overlapped = { ...fired, state: 'skipped', reason: 'overlap', snapshots: [] } as const;
    for (const wasAgentHit of [true, false])
      assert.deepEqual(judgeCrash(createFacts([overlapped], { fires: [{ plan: PLAN, fireAt: FIRE_AT }], wasAgentHit })), []);
  });

  const forged: readonly (readonly [string, CrashFacts, RegExp])[] = [
    ['an answered order without a run', createFacts([], { ordered: ['run_gone' as RunId] }), /lost/],
    ['a run nobody ordered', createFacts([clean], { ordered: [] }), /nobody was told of/],
    ['a run that stands there twice', createFacts([clean, clean]), /twice/],
    ['a fire without a run', createFacts([], { fires: [{ plan: PLAN, fireAt: FIRE_AT }] }), /has 0 runs/],
    [
      'a fire with two runs',
      createFacts([fired, createRun('run_again', { fireAt: FIRE_AT })], { fires: [{ plan: PLAN, fireAt: FIRE_AT }] }),
      /has 2 runs/,
    ],
    ['a run of a fire that was not due', createFacts([fired]), /not due/],
    ['a run without an end', createFacts([createRun('run_on', { state: 'running' })]), /never ended/],
    ['a green run whose snapshot is not stored', createFacts([clean], { stored: new Set() }), /not stored/],
    ['a green run without a snapshot', createFacts([createRun('run_none', { snapshots: [] })]), /0 good snapshots/],
    [
      'a failed run with a good snapshot',
      createFacts([createRun('run_f', { state: 'failed', reason: 'interrupted' })]),
      /has a good snapshot/,
    ],
    [
      'an ordered run that was skipped',
      createFacts([createRun('run_s', { state: 'skipped', reason: 'overlap', snapshots: [] })], { wasAgentHit: false }),
      /only the server was away/,
    ],
    [
      'a run that failed although only the server was away',
      createFacts([createRun('run_f', { state: 'failed', reason: 'interrupted', snapshots: [] })], { wasAgentHit: false }),
      /only the server was away/,
    ],
    ['a log with a hole', createFacts([createRun('run_log', { lines: [1, 3], logLines: 3 })]), /log lines/],
    ['a log with a line that came twice', createFacts([createRun('run_log', { lines: [1, 2, 2], logLines: 3 })]), /log lines/],
    ['a run that is open in the journal', createFacts([clean], { journal: [{ run: clean.id, isClosed: false }] }), /still open/],
    ['a run the journal does not know', createFacts([clean], { journal: [] }), /not in the journal/],
  ];
  for (const [what, facts, problem] of forged)
    it(`finds ${what}`, () => {
      assert.match(judgeCrash(facts).join('\n'), problem);
    });

  it('finds a green run whose snapshot holds something else, and one with two snapshots', () => {
    const contents = new Map([[PLAN, 'letters']]);
    const snapshot = { id: ENGINE_ID, tags: [`run:${clean.id}`], content: 'letters' };
    assert.deepEqual(judgeRepository([snapshot], [clean], contents), []);
    assert.match(judgeRepository([{ ...snapshot, content: 'half' }], [clean], contents).join(), /something else/);
    const twice = [snapshot, { ...snapshot, id: 'f'.repeat(64) }];
    assert.match(judgeRepository(twice, [clean], contents).join(), /has 2 snapshots/);
    assert.deepEqual(judgeRepository(twice, [{ ...clean, attempts: 1 }], contents), []);
  });
});

describe('kill -9 while runs go on', () => {
  for (const experiment of KILL_POINTS)
    it(`loses, doubles and falsifies nothing: ${experiment.figures.join(', ')}`, async (t) => {
      const { lab, injections } = await openTestLab(t, 'selection');
      const outcomes = await experiment.run(lab);
      assert.deepEqual(
        outcomes.flatMap(({ findings }) => findings),
        [],
      );
      assert.ok(outcomes.every(isGood));
      assert.ok(injections.length >= 3, 'something was killed');
    });
});
