import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DrainView, drainBanner } from './host-drain.view.ts';

const NOON = Date.UTC(2027, 2, 20, 12);
const HOUR = 3_600_000;
const FACE = { now: NOON, zone: 'UTC' };

function readBanner(change: Partial<DrainView>): string {
  const view: DrainView = {
    since: NOON - HOUR,
    until: NOON + HOUR,
    by: '<b>ada</b>',
    isTakenOver: true,
    isOnline: true,
    unfinished: { active: 0, waiting: 0, isMore: false },
    ...change,
  };
  return drainBanner(view, FACE, '/hosts/host_1/resume').toString().replaceAll('\u00a0', ' ');
}

describe('The banner of a drained host', () => {
  it('says what still runs and what waits', () => {
    const unfinished = (active: number, waiting: number, isMore = false) =>
      readBanner({ unfinished: { active, waiting, isMore } });
    assert.match(unfinished(1, 0), /1 run still runs; none waits\./);
    assert.match(unfinished(2, 1), /2 runs still run; 1 waits for its end\./);
    assert.match(unfinished(3, 197, true), /3 runs still run; more than 197 wait for its end\./);
    assert.match(unfinished(0, 0), /may be stopped\./);
    assert.match(unfinished(0, 5), /may be stopped\. Of its runs 5 wait for its end\./);
  });

  it('promises nothing of a host that has not heard of it, or is away', () => {
    assert.match(readBanner({ isTakenOver: false }), /has not taken it over yet/);
    assert.match(readBanner({ isTakenOver: false, isOnline: false }), /until it is back it goes on with its schedule/);
    const away = readBanner({ isOnline: false });
    assert.match(away, /when it was last heard of/);
    assert.doesNotMatch(away, /may be stopped/);
  });

  it('shows the name of who drained it as text', () => {
    assert.match(readBanner({}), /Drained by &lt;b&gt;ada/);
  });
});
