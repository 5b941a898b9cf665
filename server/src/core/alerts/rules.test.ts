import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ChannelId, PlanId } from '@holdfast/shared/domain/ids.ts';
import type { AlertEvent, AlertEventKind, AlertSign } from '../../store/alerts.ts';
import { countSteps, findDueStep } from './escalate.ts';
import { type AlertRules, alertRulesSchema, resolveFailuresInARow, resolveHostLimits } from './rules.ts';
import { thresholdsSchema } from './thresholds.ts';
import { findWindowEnd, holdBack, openWindows } from './windows.ts';

const [NIGHTLY, HOURLY] = ['plan_aaaaaaaaaaaaaaaaaaaa' as PlanId, 'plan_bbbbbbbbbbbbbbbbbbbb' as PlanId];
const NO_RULES = alertRulesSchema.parse({});
const DEFAULT_THRESHOLDS = thresholdsSchema.parse({});
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A Friday, 09:00 in UTC and 10:00 in Berlin. */
const NOW = Date.UTC(2026, 10, 20, 9);
const RULES: AlertRules = {
  ...NO_RULES,
  plans: [{ plan: NIGHTLY, failuresInARow: 3 }],
  tags: [
    { tag: 'laptop', failuresInARow: 5, silentMinutes: 1440, hostDiskGib: 5 },
    { tag: 'lab', failuresInARow: 2, silentMinutes: 60 },
  ],
};

describe('Thresholds of a plan or a tag', () => {
  const cases: readonly (readonly [string, PlanId, readonly string[], number])[] = [
    ['are the installation’s where nothing nearer says anything', HOURLY, ['prod'], 1],
    ['come from a tag', HOURLY, ['lab'], 2],
    ['are the most patient of several tags', HOURLY, ['lab', 'laptop'], 5],
    ['of the plan stand above those of tags', NIGHTLY, ['laptop'], 3],
  ];
  for (const [title, plan, tags, count] of cases)
    it(title, () => assert.equal(resolveFailuresInARow(RULES, DEFAULT_THRESHOLDS, { plan, tags }), count));

  it('bear the longest silence and want the most room of a host with several tags', () => {
    assert.deepEqual(resolveHostLimits(RULES, DEFAULT_THRESHOLDS, ['lab', 'laptop']), { silentMinutes: 1440, diskGib: 5 });
    assert.deepEqual(resolveHostLimits(RULES, DEFAULT_THRESHOLDS, ['lab']), { silentMinutes: 60, diskGib: 1 });
    assert.deepEqual(resolveHostLimits(RULES, DEFAULT_THRESHOLDS, []), { silentMinutes: 2, diskGib: 1 });
  });
});

const weekly = (from: string, to: string, days: number[], zone = 'Europe/Berlin') => ({
  ...{ kind: 'weekly' as const, name: 'patch day', zone, from, to, days },
});

describe('A maintenance window', () => {
  const cases: readonly (readonly [string, AlertRules['windows'][number], number | undefined])[] = [
    ['is on by the clock of its zone', weekly('10:00', '11:00', [5]), NOW + HOUR],
    ['is off before it begins', weekly('10:01', '11:00', [5]), undefined],
    ['is over at its end', weekly('09:00', '10:00', [5]), undefined],
    ['is off on other days', weekly('10:00', '11:00', [4]), undefined],
    ['goes over midnight', weekly('22:00', '12:00', [4]), NOW + 2 * HOUR],
    ['happens once', { kind: 'once', name: 'move', fromAt: NOW, toAt: NOW + HOUR }, NOW + HOUR],
    ['that happened is over', { kind: 'once', name: 'move', fromAt: NOW - HOUR, toAt: NOW }, undefined],
  ];
  for (const [title, window, end] of cases) it(title, () => assert.equal(findWindowEnd(window, NOW), end));
});

const sign = (subject: string, condition: AlertSign['condition'] = 'backup.failed'): AlertSign => ({
  ...{ scope: 'source', scopeId: 'src_1', subject, condition, name: 'shop', text: 'broken', since: NOW },
  thing: { kind: 'source', id: 'src_1' },
});

describe('While a window is on', () => {
  const open = (target: { plan?: PlanId; tag?: string }) =>
    openWindows({ ...NO_RULES, windows: [{ kind: 'once', name: 'w', fromAt: NOW, toAt: NOW + 1, ...target }] }, NOW);
  const place = { plans: [NIGHTLY, HOURLY], tags: ['prod'] };

  it('covers everything, or what has its tag, or what is of its plan alone', () => {
    assert.equal(open({}).covers(place), true);
    assert.equal(open({ tag: 'prod' }).covers(place), true);
    assert.equal(open({ tag: 'lab' }).covers(place), false);
    assert.equal(open({ plan: NIGHTLY }).covers(place), false, 'the other plan is not in maintenance');
    assert.equal(open({ plan: NIGHTLY }).covers({ plans: [NIGHTLY], tags: [] }), true);
    assert.equal(open({ plan: NIGHTLY }).covers({ plans: [], tags: [] }), false);
    assert.equal(
      open({ plan: NIGHTLY }).covers({ plans: [], tags: ['lab'] }),
      false,
      'a host without tags is no window of a plan',
    );
  });

  it('what is new is held back, and what stood before stays', () => {
    const old = sign('src_1 plan_1');
    const fresh = sign('src_1 plan_2');
    assert.deepEqual(
      holdBack([old, fresh], [old], open({}), () => place),
      [old],
    );
    assert.deepEqual(
      holdBack([old, fresh], [old], openWindows(NO_RULES, NOW), () => place),
      [old, fresh],
    );
  });
});

describe('Escalation', () => {
  const [FIRST, SECOND] = ['chan_aaaaaaaaaaaaaaaaaaaa' as ChannelId, 'chan_bbbbbbbbbbbbbbbbbbbb' as ChannelId];
  const rules: AlertRules = {
    ...NO_RULES,
    escalation: [
      { afterMinutes: 60, least: 'critical', channel: SECOND },
      { afterMinutes: 15, least: 'warning', channel: FIRST },
    ],
  };
  const find = (severity: 'notice' | 'warning' | 'critical', minutes: number, taken: number) =>
    findDueStep(rules, { severity, raisedAt: NOW - minutes * MINUTE }, taken, NOW)?.channel;

  it('takes its steps in their order, each at its time, for what is grave enough', () => {
    assert.equal(find('critical', 14, 0), undefined);
    assert.equal(find('critical', 15, 0), FIRST);
    assert.equal(find('critical', 59, 1), undefined);
    assert.equal(find('critical', 60, 1), SECOND);
    assert.equal(find('critical', 600, 2), undefined);
    assert.equal(find('warning', 600, 1), undefined);
    assert.equal(find('notice', 600, 0), undefined);
  });

  it('counts its steps anew when an alert comes back', () => {
    const events = (...kinds: AlertEventKind[]): AlertEvent[] => kinds.map((kind) => ({ at: NOW, kind, text: '' })).toReversed();
    assert.equal(countSteps(events('raised', 'escalated', 'grown', 'escalated')), 2);
    assert.equal(countSteps(events('raised', 'escalated', 'resolved', 'returned')), 0);
    assert.equal(countSteps(events('escalated')), 1);
  });
});

describe('Rules are refused', () => {
  const once = { kind: 'once', name: 'move', fromAt: 0, toAt: HOUR };
  const cases: readonly (readonly [string, unknown])[] = [
    ['with a window that ends before it begins', { windows: [{ ...once, toAt: 0 }] }],
    ['with a single window of more than a month', { windows: [{ ...once, toAt: 32 * 24 * HOUR }] }],
    ['with a window for a plan and a tag', { windows: [{ ...once, plan: NIGHTLY, tag: 'prod' }] }],
    ['with a zone nobody knows', { windows: [weekly('10:00', '11:00', [1], 'Mars/Base')] }],
    ['with more failures than are kept', { plans: [{ plan: NIGHTLY, failuresInARow: 11 }] }],
    [
      'with six steps',
      { escalation: Array.from({ length: 6 }, () => ({ afterMinutes: 1, least: 'notice', channel: 'chan_x' })) },
    ],
  ];
  for (const [title, value] of cases) it(title, () => assert.equal(alertRulesSchema.safeParse(value).success, false));
});
