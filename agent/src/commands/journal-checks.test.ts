import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findStartTime, readBootId } from '../exec/proc.ts';
import type { JournalGlance } from '../journal/peek.ts';
import { checkAgent, checkClock, checkSettings, checkSize, checkTelling, judgeRoom } from './journal-checks.ts';

const MEBIBYTE = 1024 ** 2;
const GLANCE: JournalGlance = {
  spec: { document: '', signature: '', version: 3 },
  openRuns: [],
  waitingEvents: 0,
  waitingBytes: 0,
  secretsHolder: undefined,
  life: undefined,
  welcome: undefined,
};
const self = { pid: process.pid, startTime: findStartTime(process.pid) ?? 0, bootId: readBootId() };
type PlanLike = NonNullable<Parameters<typeof checkAgent>[0]>['plans'][number];
const planOf = (change: Partial<PlanLike>) => ({
  plans: [{ enabled: true, schedule: { cron: '0 3 * * *', zone: 'UTC' }, ...change }] as PlanLike[],
});

describe('Of the state directory doctor says', () => {
  it('that its room is short, and bad when logs are about to be cut', () => {
    assert.deepEqual(judgeRoom('/x', 600 * MEBIBYTE), { name: 'state directory', verdict: 'ok', text: '/x, 600 MiB free' });
    assert.equal(judgeRoom('/x', 500 * MEBIBYTE).verdict, 'note');
    const bad = judgeRoom('/x', 10 * MEBIBYTE);
    assert.equal(bad.verdict, 'bad');
    assert.match(bad.text, /^\/x, 10 MiB free: make room/);
  });

  it('how much the server does not know yet, and how big the journal is', () => {
    assert.deepEqual(checkTelling(GLANCE).text, 'nothing');
    assert.deepEqual(checkTelling({ waitingEvents: 7, waitingBytes: 2000 }).text, '7 events, 2 KiB');
    assert.equal(checkTelling({ waitingEvents: 5000, waitingBytes: 3 * MEBIBYTE }).verdict, 'note');
    assert.deepEqual([checkSize(5 * MEBIBYTE).verdict, checkSize(5 * MEBIBYTE).text], ['ok', '5 MiB']);
    assert.equal(checkSize(2 * 1024 ** 3 - 1).verdict, 'ok');
    assert.equal(checkSize(2 * 1024 ** 3).verdict, 'bad', 'its server calls the host degraded then');
  });
});

describe('Of the agent doctor says', () => {
  it('that it runs', () => {
    assert.equal(checkAgent(planOf({}), { ...GLANCE, life: self }).verdict, 'ok');
  });

  it('that it does not run, which is bad while a plan is to fire by schedule', () => {
    assert.equal(checkAgent(planOf({}), GLANCE).verdict, 'bad');
    for (const spec of [undefined, { plans: [] }, planOf({ enabled: false }), planOf({ schedule: undefined })])
      assert.equal(checkAgent(spec, GLANCE).verdict, 'note');
  });
});

describe('Of the server’s last word doctor says', () => {
  const read = (skewMs: number, specVersion?: number) => {
    const glance = { ...GLANCE, welcome: { at: 0, skewMs, specVersion } };
    return [checkClock(glance), ...checkSettings(glance)];
  };
  const outline = (skewMs: number, specVersion?: number) => read(skewMs, specVersion).map(({ name, verdict }) => [name, verdict]);

  it('how far the clocks are apart, and bad where plans run at other times by it', () => {
    assert.deepEqual(outline(-900), [['clock', 'ok']]);
    assert.deepEqual(outline(20_000), [['clock', 'note']]);
    assert.deepEqual(outline(-3_600_000), [['clock', 'bad']]);
    assert.match(read(-3_600_000)[0]?.text ?? '', /^60 min behind the server's, compared at 1970-01-01T00:00:00.000Z; /);
    assert.match(read(20_000)[0]?.text ?? '', /^20 s ahead of the server's/);
  });

  it('that newer settings were not taken over', () => {
    assert.deepEqual(outline(0, 3)[1], ['settings', 'ok']);
    assert.deepEqual(outline(0, 4)[1], ['settings', 'bad']);
    assert.match(read(0, 4)[1]?.text ?? '', /^version 3, although the server has 4/);
  });

  it('that nothing was compared before the first connection', () => {
    assert.deepEqual(checkClock(GLANCE), { name: 'clock', verdict: 'note', text: 'not compared with the server yet' });
    assert.deepEqual(checkSettings(GLANCE), []);
  });
});
