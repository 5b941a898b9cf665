import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { getAdvice, REASON_NAMES } from '@holdfast/shared/domain/reason.ts';
import { type Evidence, RUN_STATES, type RunState } from '@holdfast/shared/domain/run.ts';
import type { RunStage } from '../../../store/runs.ts';
import { REASON_SENTENCES } from './run-reasons.ts';
import { hideProgress, toStageViews } from './run-stages.ts';
import {
  describeCause,
  describeLateBegin,
  describeLateReport,
  describeRun,
  describeSkipped,
  describeTrigger,
  type RunSentenceFacts,
  shortenSentence,
  splitFailure,
} from './run-words.ts';

const NOW = Date.UTC(2026, 10, 20, 9);
const FACE = { now: NOW, zone: 'Europe/Berlin' };
const READ_BACK: readonly Evidence[] = [{ check: 'read_back', ok: true, seen: '' }];
const NBSP = '\u00a0';

function tell(state: RunState, more: Partial<RunSentenceFacts['run']> = {}, rest: Partial<RunSentenceFacts> = {}): string {
  return describeRun({
    run: { kind: 'backup', state, startedAt: NOW - 41_000, ...more },
    parts: [],
    evidence: [],
    now: NOW,
    hostName: 'db-1',
    hostOnline: true,
    ...rest,
  }).replaceAll(NBSP, ' ');
}

describe('The sentence of a run', () => {
  const failure = {
    code: 'tool_failed',
    reason: 'database_authentication',
    message: `pg_dump: wrong password. ${getAdvice('database_authentication')}`,
  } as const;
  const cases: readonly [string, string][] = [
    [tell('queued'), 'Waiting for db-1 to begin.'],
    [tell('queued', {}, { hostOnline: false }), 'Waiting for db-1, which is offline.'],
    [tell('running'), 'Backing up for 41 s.'],
    [
      tell('running', {}, { hostOnline: false }),
      'Under way when db-1 was last heard of; it tells what became of it when it is back.',
    ],
    [tell('running', { kind: 'restore' }), 'Restoring for 41 s.'],
    [tell('finalizing'), 'Checking what was stored.'],
    [tell('succeeded', { durationMs: 75_000 }, { evidence: READ_BACK }), 'Backed up in 1 m 15 s, and proven readable.'],
    [tell('succeeded', { durationMs: 75_000 }), 'Backed up in 1 m 15 s.'],
    [
      tell('succeeded', { durationMs: 75_000 }, { evidence: [...READ_BACK, { check: 'format', ok: false, seen: '' }] }),
      'Backed up in 1 m 15 s.',
    ],
    [tell('succeeded', { kind: 'restore', durationMs: 41_000 }), 'Restored in 41 s.'],
    [
      tell(
        'succeeded',
        { kind: 'restore', durationMs: 41_000 },
        { evidence: [{ check: 'target_verified', ok: true, seen: '' }] },
      ),
      'Restored in 41 s, and verified.',
    ],
    [tell('failed', { durationMs: 12_000, failure }), 'Failed after 12 s: pg_dump: wrong password.'],
    [tell('failed', { startedAt: undefined, failure }), 'Failed: pg_dump: wrong password.'],
    [
      tell('failed', { startedAt: undefined, failure: { ...failure, message: `pg_dump: error: ${'at length '.repeat(9)}` } }),
      'Failed: the database server refused the user or its password.',
    ],
    [
      tell('partial', { durationMs: 240_000 }, { parts: [{ state: 'succeeded' }, { state: 'failed', failure }] }),
      'Backed up 1 of 2 sources cleanly in 4 m.',
    ],
    [tell('partial', { durationMs: 240_000 }, { parts: [{ state: 'partial' }] }), 'Backed up in part in 4 m.'],
    [tell('cancelled', { durationMs: 3_000 }), 'Cancelled after 3.0 s.'],
    [
      tell('skipped', { startedAt: undefined, failure: { code: 'conflict', message: 'the earlier run was still going' } }),
      'Skipped: the earlier run was still going.',
    ],
  ];
  for (const [said, wanted] of cases) it(`can be: ${wanted}`, () => assert.equal(said, wanted));

  it('is one short line for every state, however long and odd the words of the tool', () => {
    const message = `first line ${'word '.repeat(200)}\nsecond line`;
    for (const state of RUN_STATES) {
      const said = tell(state, { durationMs: 1000, failure: { code: 'tool_failed', message } });
      assert.ok(said.length < 200, said);
      assert.doesNotMatch(said, /\n|second/);
      assert.match(said, /[.…]$/);
    }
  });
});

describe('A failure', () => {
  it('is told apart into what happened, why, and what to do, for every known cause', () => {
    for (const reason of REASON_NAMES) {
      const words = splitFailure({ code: 'tool_failed', reason, message: `it broke. ${getAdvice(reason)}` });
      assert.deepEqual(words, { what: 'it broke.', why: REASON_SENTENCES[reason], advice: getAdvice(reason) });
    }
  });

  it('without a known cause keeps its words whole', () => {
    const words = splitFailure({ code: 'forbidden', message: 'no', reason: 'constructor' });
    assert.deepEqual(words, { what: 'no', why: undefined, advice: undefined });
  });

  it('is cut at a word', () => {
    assert.equal(shortenSentence('one two three.', 100), 'one two three');
    assert.equal(shortenSentence('one two three four', 12), 'one two…');
  });
});

describe('What started a run', () => {
  it('is the schedule, a person, a key, or a fire caught up late', () => {
    assert.equal(describeCause({ trigger: 'schedule' }, 'hourly', FACE), 'by schedule “hourly”');
    assert.equal(describeCause({ trigger: 'manual', requestedBy: 'ada' }, 'hourly', FACE), 'by ada');
    assert.equal(describeCause({ trigger: 'api', requestedBy: 'ci' }, undefined, FACE), 'by API key ci');
    const caught = describeCause({ trigger: 'catch_up', fireAt: NOW - 8 * 3_600_000 }, 'hourly', FACE);
    assert.equal(caught, 'caught up late, was due today 02:00');
    assert.equal(describeTrigger({ trigger: 'local' }), 'by hand on the host');
  });

  it('and a run that began long after it was due, or has not begun, says so', () => {
    const hour = 3_600_000;
    const tellLate = (run: Partial<Parameters<typeof describeLateBegin>[0]>) =>
      describeLateBegin(
        { trigger: 'schedule', state: 'running', fireAt: NOW - 8 * hour, createdAt: NOW - 8 * hour, ...run },
        FACE,
      )?.replaceAll(NBSP, ' ');
    assert.equal(tellLate({ startedAt: NOW - 8 * hour + 299_999 }), undefined);
    assert.equal(tellLate({ startedAt: NOW - 5 * hour }), 'was due today 02:00, began 3 h later');
    assert.equal(tellLate({ state: 'queued' }), 'was due today 02:00, has not begun');
    assert.equal(tellLate({ state: 'failed' }), undefined, 'it never began');
    assert.equal(tellLate({ trigger: 'catch_up', startedAt: NOW - 8 * hour }), undefined, 'that it is late stands beside it');
    assert.equal(tellLate({ trigger: 'manual', fireAt: undefined, startedAt: NOW - 6 * hour }), 'waited 2 h to begin');
    assert.equal(tellLate({ trigger: 'manual', fireAt: undefined, state: 'queued' }), 'waits for 8 h');
  });

  it('and a run that stands for older fires counts them', () => {
    assert.equal(describeSkipped({}), undefined);
    assert.equal(describeSkipped({ skipped: 1 }), `stands for 1${NBSP}older fire as well`);
    assert.equal(describeSkipped({ skipped: 71 }), `stands for 71${NBSP}older fires as well`);
  });

  it('and a report that came late is told with how late', () => {
    assert.equal(
      describeLateReport({ finishedAt: NOW, reportedAt: NOW + 14 * 60_000 }),
      `ran while the server was away, reported 14${NBSP}min later`,
    );
    assert.equal(describeLateReport({ finishedAt: NOW, reportedAt: NOW + 2_000 }), undefined);
    assert.equal(describeLateReport({}), undefined);
  });
});

describe('The stages of a run', () => {
  const run = idSchema('run').parse('run_1');
  const [one, two] = [idSchema('source').parse('src_1'), idSchema('source').parse('src_2')];
  const stage = (more: Partial<RunStage>): RunStage => ({ run, stage: 'preflight', startedAt: 0, ...more });
  const piped = [
    stage({ source: one, startedAt: 0, endedAt: 400, ok: true }),
    stage({ source: one, stage: 'dump', startedAt: 400, endedAt: 9_400, ok: true }),
  ];

  it('make one step of a dump that flows into its store, and say what never came', () => {
    const views = toStageViews({ kind: 'backup', state: 'failed', finishedAt: 9_500 }, piped, 20_000);
    assert.deepEqual(
      views.map((view) => [view.name, view.state, view.durationMs]),
      [
        ['Pre-flight', 'succeeded', 400],
        ['Dump and store', 'succeeded', 9_000],
        ['Evidence', 'skipped', undefined],
      ],
    );
  });

  it('leave the dump out where there is none, and measure what goes on', () => {
    const open = [stage({ source: one, stage: 'store', startedAt: 5_000 })];
    assert.deepEqual(
      toStageViews({ kind: 'backup', state: 'running' }, open, 8_000).map((view) => [view.name, view.state, view.durationMs]),
      [
        ['Pre-flight', 'pending', undefined],
        ['Store', 'running', 3_000],
        ['Evidence', 'pending', undefined],
      ],
    );
    const unheard = hideProgress(toStageViews({ kind: 'backup', state: 'running' }, open, 8_000));
    assert.deepEqual(
      unheard.map((view) => [view.state, view.durationMs]),
      [
        ['pending', undefined],
        ['unknown', undefined],
        ['pending', undefined],
      ],
    );
  });

  it('add up over the sources, and are partial where only some failed', () => {
    const rows = [
      stage({ source: one, stage: 'store', startedAt: 0, endedAt: 1_000, ok: true }),
      stage({ source: two, stage: 'store', startedAt: 1_000, endedAt: 4_000, ok: false }),
    ];
    const store = toStageViews({ kind: 'backup', state: 'partial', finishedAt: 4_000 }, rows, 9_000).find(
      (view) => view.name === 'Store',
    );
    assert.deepEqual([store?.state, store?.durationMs], ['partial', 4_000]);
  });

  it('are none for a run that ended before it began', () => {
    assert.deepEqual(toStageViews({ kind: 'backup', state: 'cancelled' }, [], 0), []);
    assert.equal(toStageViews({ kind: 'restore', state: 'queued' }, [], 0).length, 3);
  });
});
