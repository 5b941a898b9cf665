import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, PlanId } from '@holdfast/shared/domain/ids.ts';
import { DEFAULT_PLAN_OPTIONS, type PlanOptions } from '@holdfast/shared/domain/plan.ts';
import * as calendar from '../../../fires/fires.ts';
import { findHostBegins } from './host-begins.ts';
import { hostBegins } from './host-begins.view.ts';

const NOW = Date.UTC(2027, 2, 20, 9);
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6];
const hosts = Array.from({ length: 10 }, (_, index) => ({
  id: `host_${index}` as HostId,
  name: `db-${index}`,
  href: `/hosts/${index}`,
}));
const find = (options: Partial<PlanOptions>, cron = '0 12 * * *') =>
  findHostBegins(
    calendar,
    { id: 'plan_a' as PlanId, options: { ...DEFAULT_PLAN_OPTIONS, ...options }, effectiveFrom: 0 },
    { cron, zone: 'UTC' },
    hosts,
    { now: NOW, zone: 'UTC' },
  );

describe('When each host of a plan begins', () => {
  it('is not worth saying where all begin at the fire', () => assert.equal(find({}), undefined));

  it('is its own moment of the spread, with the hosts that had no room counted', () => {
    const view = find({ spreadMinutes: 60 });
    assert.ok(view);
    assert.equal(view.lines.length + view.left, hosts.length);
    assert.ok(view.left > 0);
    const stamps = view.lines.map(({ stamp }) => stamp);
    assert.equal(new Set(stamps).size, stamps.length, 'no two hosts begin together');
    assert.ok(
      view.lines.every(({ reason }) => /^in .+ after its fire$/u.test(reason)),
      JSON.stringify(view.lines),
    );
    assert.deepEqual(view.warnings, []);
  });

  it('is the end of a blackout window, for how many fires', () => {
    const view = find({ blackouts: [{ from: '10:30', to: '14:00', days: EVERY_DAY }] }, '0 11-13 * * *');
    assert.match(view?.lines[0]?.stamp ?? '', /14:00:00/u);
    assert.match(view?.lines[0]?.reason ?? '', /as a blackout window ends, one run for 3.fires$/u);
  });

  it('warns of fires that windows keep back for too long, and of plans that never begin', () => {
    const monday = { graceMinutes: 60, blackouts: [{ from: '10:00', to: '15:00', days: [1] }] };
    assert.match(find(monday)?.warnings[0] ?? '', /some of the next fires/u);
    const never = find({ graceMinutes: 60, blackouts: [{ from: '10:00', to: '15:00', days: EVERY_DAY }] });
    assert.deepEqual(never?.lines[0], { host: 'db-0', href: '/hosts/0', reason: 'nothing begins' });
    assert.match(never?.warnings[0] ?? '', /nothing ever begins/u);
  });

  it('is drawn with names as text', () => {
    const drawn = hostBegins({ lines: [{ host: '<b>x</b>', reason: 'now' }], left: 2, warnings: ['Beware.'] }).toString();
    assert.match(drawn, /&lt;b&gt;x/u);
    assert.match(drawn, /and 2 more hosts/u);
    assert.match(drawn, /Beware\./u);
  });
});
