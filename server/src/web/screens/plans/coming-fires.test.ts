import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from '@holdfast/shared/domain/plan.ts';
import * as calendar from '../../../fires/fires.ts';
import { gantt } from '../../ui/charts.ts';
import { groupFires, listComingFires } from './coming-fires.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.UTC(2026, 10, 20, 9);
const UNTIL = NOW + 4 * HOUR;

const HOST = 'host_a' as HostId;
const PLAN = { id: 'plan_a' as PlanId, name: 'x', enabled: true, options: DEFAULT_PLAN_OPTIONS, effectiveFrom: 0 };

const marksOf = (...plans: readonly (readonly [name: string, cron: string])[]) =>
  groupFires(
    plans.flatMap(([name, cron]) =>
      listComingFires(calendar, { ...PLAN, name, schedule: { cron, zone: 'UTC' } }, HOST, NOW, UNTIL),
    ),
    'UTC',
  );

describe('The fires to come', () => {
  it('are one mark for a plan that fires often, with its interval, their number, the first and the last', () => {
    assert.deepEqual(marksOf(['orders', '*/15 * * * *']), [
      {
        from: NOW + 15 * MINUTE,
        to: UNTIL,
        word: 'every 15\u00a0min',
        shortWord: '15\u00a0min',
        title: 'orders every 15\u00a0min: 16\u00a0fires from 09:15 to 13:00',
      },
    ]);
    const [minutes, ...rest] = marksOf(['each minute', '* * * * *']);
    assert.equal(minutes?.title, 'each minute every 1\u00a0min: 240\u00a0fires from 09:01 to 13:00');
    assert.deepEqual(rest, []);
  });

  it('are marks of their own where they do not touch', () => {
    assert.deepEqual(
      marksOf(['hourly', '0 * * * *']).map((mark) => [mark.title, mark.word]),
      [
        ['hourly at 10:00', undefined],
        ['hourly at 11:00', undefined],
        ['hourly at 12:00', undefined],
        ['hourly at 13:00', undefined],
      ],
    );
    assert.equal(marksOf(['half', '*/30 * * * *']).length, 1);
    assert.deepEqual(marksOf(['nightly', '0 2 * * *']), []);
  });

  it('of several plans share a mark that counts and names them', () => {
    assert.deepEqual(
      marksOf(['a', '0 10 * * *'], ['b', '0 10 * * *'], ['c', '10 10 * * *'], ['d', '20 10 * * *']).map(({ title, word }) => [
        title,
        word,
      ]),
      [['a, b, c and 1 more: 4\u00a0fires from 10:00 to 10:20', '4\u00a0fires']],
    );
    assert.deepEqual(
      marksOf(['a', '0 10 * * *'], ['b', '0 10 * * *']).map(({ title }) => title),
      ['a, b at 10:00'],
    );
    assert.equal(marksOf(['often', '*/15 * * * *'], ['once', '5 10 * * *'])[0]?.word, '17\u00a0fires');
  });

  it('leave out a plan that is paused, has no schedule, or one that cannot be read', () => {
    const list = (plan: object) => listComingFires(calendar, { ...PLAN, ...plan }, HOST, NOW, UNTIL);
    assert.deepEqual(list({ schedule: { cron: '* * * * *', zone: 'UTC' }, enabled: false }), []);
    assert.deepEqual(list({}), []);
    assert.deepEqual(list({ schedule: { cron: 'often', zone: 'UTC' } }), []);
  });

  it('stand where the host begins: after its part of the spread, and at the end of a blackout window', () => {
    const schedule = { cron: '0 * * * *', zone: 'UTC' };
    const list = (options: Partial<PlanOptions>) =>
      listComingFires(calendar, { ...PLAN, schedule, options: { ...DEFAULT_PLAN_OPTIONS, ...options } }, HOST, NOW, UNTIL);
    const spread = list({ spreadMinutes: 60 });
    assert.ok(spread.length === 4 && spread.every(({ at }) => at % HOUR > 0), JSON.stringify(spread));
    const blackouts = [{ from: '09:30', to: '11:15', days: [0, 1, 2, 3, 4, 5, 6] }];
    assert.deepEqual(
      list({ blackouts }).map(({ at }) => (at - NOW) / HOUR),
      [2.25, 3, 4],
    );
  });

  it('are drawn as one rectangle that says all on hover', () => {
    const drawing = gantt({
      rows: [{ label: 'db-1', bars: [], next: marksOf(['"><script>', '*/15 * * * *']) }],
      from: NOW - 24 * HOUR,
      to: UNTIL,
      now: NOW,
      zone: 'UTC',
      label: 'Night',
    }).toString();
    assert.equal([...drawing.matchAll(/<rect class="coming/g)].length, 1);
    assert.match(drawing, /<title>&quot;&gt;&lt;script&gt; every 15.min: 16.fires from 09:15 to 13:00<\/title>/);
    assert.match(drawing, />every 15.min<\/text>/);
  });
});
