import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openDueTimes, type TimedPlan } from '@holdfast/shared/domain/due-time.ts';
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import { findDueFires } from './due-fires.ts';

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(`2027-03-20T${text}Z`);

it('What becomes of each fire since the last look depends on the windows and on the grace behind them', () => {
  const plan: TimedPlan = {
    id: 'plan_a' as PlanId,
    schedule: { cron: '0 * * * *', zone: 'UTC' },
    options: { graceMinutes: 120, spreadMinutes: 0, blackouts: [{ from: '03:00', to: '05:00', days: [0, 1, 2, 3, 4, 5, 6] }] },
  };
  const times = openDueTimes(plan, 'host_a' as HostId);
  const look = (now: string) => {
    const { ripe, older } = findDueFires(plan.schedule, times, { baseline: at('00:30'), now: at(now), waiting: new Map() });
    return [older.count, ...ripe.map(({ fireAt, fate }) => `${(fireAt - at('00:00')) / HOUR} ${fate}`)];
  };
  assert.deepEqual(look('02:30'), [0, '1 due', '2 due']);
  assert.deepEqual(look('03:30'), [0, '1 too_old', '2 blackout', '3 held']);
  assert.deepEqual(look('05:00'), [0, '2 too_old', '3 due', '4 due', '5 due'].toSpliced(0, 1, 1));
});
