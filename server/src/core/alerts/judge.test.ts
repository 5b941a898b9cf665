import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AlertId, TenantId } from '@holdfast/shared/domain/ids.ts';
import { ALERTS } from '@holdfast/shared/limits.ts';
import type { Alert, UnsettledAlert } from '../../store/alerts.ts';
import { type AlertVerdict, type AlertWords, judgeAlert } from './judge.ts';

const NOW = 1_770_000_000_000;
const MINUTE = 60_000;
const WORDS: AlertWords = { thingName: 's3-eu', text: 'connection refused', named: ['db-1 / shop'] };
const GROUP = {
  condition: 'repository.unreachable',
  thing: { kind: 'repository', id: 'repo_1' },
  members: 214,
  since: NOW - MINUTE,
  changedAt: NOW,
} as const satisfies UnsettledAlert;

function judge(now: number, alert: Alert | undefined, words: AlertWords | undefined, past?: Alert): AlertVerdict | undefined {
  const group = { ...GROUP, members: words === undefined ? 0 : GROUP.members, alert };
  return judgeAlert({ now, tenant: 'ten_default' as TenantId, group, words, past, createId: () => 'alert_1' as AlertId });
}

function raise(): Alert {
  return judge(NOW, undefined, WORDS)?.alert ?? assert.fail('nothing was raised');
}

describe('An alert', () => {
  it('is raised with the first sign, named after its thing, and told', () => {
    const verdict = judge(NOW, undefined, WORDS);
    assert.equal(verdict?.isNew, true);
    assert.equal(verdict?.tells, 'raised');
    assert.equal(verdict?.event?.kind, 'raised');
    assert.equal(verdict?.alert.title, 'The repository s3-eu cannot be reached: 214 backups fail');
    assert.equal(verdict?.alert.severity, 'critical');
  });

  it('is brought up to date in silence, and is resolved and told with the last sign', () => {
    const alert = raise();
    const later = judge(NOW + 1, { ...alert, members: 200 }, { ...WORDS, text: 'still refused' });
    assert.deepEqual([later?.tells, later?.event, later?.alert.text], [undefined, undefined, 'still refused']);
    assert.equal(judge(NOW + 1, { ...alert, members: 100 }, WORDS)?.event?.kind, 'grown');
    const over = judge(NOW + 2, alert, undefined);
    assert.deepEqual([over?.tells, over?.event?.kind, over?.alert.resolvedAt], ['resolved', 'resolved', NOW + 2]);
  });

  it('that comes back is the same one, open again for everybody', () => {
    const past = { ...raise(), resolvedAt: NOW + 1, acknowledgedAt: NOW, acknowledgedBy: 'Ada' };
    const back = judge(NOW + 2, undefined, WORDS, past);
    assert.deepEqual([back?.isNew, back?.tells, back?.event?.kind], [false, 'raised', 'returned']);
    assert.deepEqual([back?.alert.id, back?.alert.flaps, back?.alert.acknowledgedAt], [past.id, 1, undefined]);
    assert.equal(back?.alert.resolvedAt, undefined);
  });

  it('that comes and goes tells nobody any more, until it was clear for a quarter of an hour', () => {
    const flapping = { ...raise(), flaps: ALERTS.flapsBorne };
    const kept = judge(NOW, flapping, undefined);
    assert.deepEqual([kept?.tells, kept?.alert.clearSince, kept?.alert.resolvedAt], [undefined, NOW, undefined]);
    const held = kept?.alert ?? assert.fail();
    const back = judge(NOW + MINUTE, held, WORDS);
    assert.deepEqual([back?.tells, back?.event?.kind, back?.alert.flaps], [undefined, 'returned', ALERTS.flapsBorne + 1]);
    assert.equal(back?.alert.clearSince, undefined);
    assert.equal(judge(NOW + ALERTS.flapClearMs - 1, held, undefined), undefined);
    assert.equal(judge(NOW + ALERTS.flapClearMs, held, undefined)?.tells, 'resolved');
  });

  it('tells at most three times in an hour of a thing that fails every other minute', () => {
    let standing: Alert | undefined;
    let past: Alert | undefined;
    let told = 0;
    for (let minute = 0; minute < 60; minute += 1) {
      const verdict = judge(NOW + minute * MINUTE, standing, minute % 2 === 0 ? WORDS : undefined, past);
      if (verdict === undefined) continue;
      if (verdict.tells === 'raised') told += 1;
      const isOver = verdict.alert.resolvedAt !== undefined;
      [standing, past] = isOver ? [undefined, verdict.alert] : [verdict.alert, undefined];
    }
    assert.equal(told, 3);
  });

  it('that is put off tells nobody, and is told again when that is over', () => {
    const snoozed = { ...raise(), snoozedUntil: NOW + MINUTE, snoozedBy: 'Ada' };
    assert.equal(judge(NOW + 1, snoozed, undefined)?.tells, undefined);
    assert.equal(judge(NOW + 1, undefined, WORDS, { ...snoozed, resolvedAt: NOW })?.tells, undefined);
    const woken = judge(NOW + MINUTE, snoozed, WORDS);
    assert.deepEqual([woken?.tells, woken?.event?.kind, woken?.alert.snoozedUntil], ['raised', 'woken', undefined]);
    assert.equal(judge(NOW + MINUTE, { ...snoozed, acknowledgedAt: NOW }, WORDS)?.tells, undefined);
  });
});
