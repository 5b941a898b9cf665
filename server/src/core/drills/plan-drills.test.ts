import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, PlanId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { type PlanDrills, planDrillsSchema } from '@holdfast/shared/domain/plan-drills.ts';
import { checkCron, listNextFires } from '../../fires/fires.ts';
import type { DrillSettings } from '../../store/drills.ts';
import { findDrillHost, findNextDue } from './plan-drills.ts';

const NOW = Date.parse('2027-03-20T10:00:00Z');
const calendar = {
  listFires: listNextFires,
  findScheduleFault({ cron, zone }: { cron: string; zone: string }) {
    const check = checkCron(cron, zone, NOW);
    return check.ok ? undefined : check.message;
  },
};
const OWN: DrillSettings = { source: 'source_a' as SourceId, assertions: [], updatedAt: 0 };
const following = (drills: PlanDrills): DrillSettings => ({ ...OWN, followed: { plan: 'plan_a' as PlanId, drills } });
const next = (cron: string, zone: string, after: string) => {
  const due = findNextDue(calendar, following({ schedule: { cron, zone } }), Date.parse(after));
  return due === undefined ? undefined : new Date(due).toISOString();
};

describe('The next drill of a source that follows a plan', () => {
  it('is due at the hour of the plan’s zone, on both sides of a change of clocks', () => {
    assert.equal(next('0 4 * * 6', 'Europe/Berlin', '2027-03-20T10:00:00Z'), '2027-03-27T03:00:00.000Z');
    assert.equal(next('0 4 * * 6', 'Europe/Berlin', '2027-03-27T03:00:00Z'), '2027-04-03T02:00:00.000Z');
    assert.equal(next('0 4 * * 6', 'America/New_York', '2027-03-20T10:00:00Z'), '2027-03-27T08:00:00.000Z');
  });

  it('is due after a gap where its hour does not exist, and once where it comes twice', () => {
    assert.equal(next('30 2 * * *', 'Europe/Berlin', '2027-03-27T12:00:00Z'), '2027-03-28T01:00:00.000Z');
    assert.equal(next('30 2 * * *', 'Europe/Berlin', '2027-10-30T12:00:00Z'), '2027-10-31T00:30:00.000Z');
    assert.equal(next('30 2 * * *', 'Europe/Berlin', '2027-10-31T00:30:00Z'), '2027-11-01T01:30:00.000Z');
  });

  it('stands for every fire that was missed until it began', () => {
    assert.equal(next('0 4 * * *', 'UTC', '2027-03-25T13:12:00Z'), '2027-03-26T04:00:00.000Z');
  });

  it('has no time where backups alone bring it about, or nobody can read the schedule any more', () => {
    assert.equal(findNextDue(calendar, following({ everyRuns: 7 }), NOW), undefined);
    assert.equal(next('0 4 * * *', 'Europe/Atlantis', '2027-03-25T13:12:00Z'), undefined);
    assert.equal(findNextDue(calendar, OWN, NOW), undefined);
  });

  it('is due by the days of the source itself where it has any', () => {
    assert.equal(findNextDue(calendar, { ...OWN, everyDays: 7 }, NOW), NOW + 7 * 86_400_000);
  });
});

describe('The host of a drill', () => {
  const [home, lab, vault] = ['host_home', 'host_lab', 'host_vault'] as HostId[] as [HostId, HostId, HostId];
  const followed = following({ everyRuns: 1, host: lab });

  it('is what the source says, then what its plan says, and else its own', () => {
    assert.equal(findDrillHost({ host: home }, undefined), home);
    assert.equal(findDrillHost({ host: home }, followed), lab);
    assert.equal(findDrillHost({ host: home }, { ...followed, host: vault }), vault);
  });

  it('is its own where it names a server of its own host', () => {
    assert.equal(findDrillHost({ host: home }, { ...followed, server: 'source_s' as SourceId }), home);
  });
});

describe('What a plan says of drills', () => {
  it('says when, not only where', () => {
    assert.equal(planDrillsSchema.safeParse({ host: 'host_01m7w8fjg214mrvmr5tgwt9038' }).success, false);
    assert.equal(planDrillsSchema.safeParse({ everyRuns: 0 }).success, false);
    assert.equal(planDrillsSchema.safeParse({ everyRuns: 1001 }).success, false);
    assert.equal(planDrillsSchema.safeParse({ everyRuns: 1000, days: 3 }).success, false);
    assert.deepEqual(planDrillsSchema.parse({ schedule: { cron: '0 4 * * 6' } }), {
      schedule: { cron: '0 4 * * 6', zone: 'UTC' },
    });
  });
});
