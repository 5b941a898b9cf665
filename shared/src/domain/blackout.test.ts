import assert from 'node:assert/strict';
import { it } from 'node:test';
import { coversWeek } from './blackout.ts';

it('Blackout windows cover the week when they leave no minute of it, in one piece or in many', () => {
  const days = [0, 1, 2, 3, 4, 5, 6];
  assert.equal(coversWeek([]), false);
  assert.equal(coversWeek([{ from: '00:00', to: '24:00', days }]), true);
  assert.equal(coversWeek([{ from: '00:00', to: '23:59', days }]), false);
  assert.equal(
    coversWeek([
      { from: '22:00', to: '06:00', days },
      { from: '05:00', to: '22:00', days },
    ]),
    true,
  );
  assert.equal(coversWeek([{ from: '00:00', to: '24:00', days: [0, 1, 2, 3, 4, 5] }]), false);
});
