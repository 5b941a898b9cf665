import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createFixedClock, systemRandomBytes } from '@holdfast/shared/clock.ts';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { LogLevel } from '@holdfast/shared/domain/run.ts';
import { openJournal } from './journal.ts';
import { createLogDay, startOfDay } from './log-day.ts';

const DAY = 24 * 3_600_000;
const START = Date.parse('2027-01-01T12:00:00Z');
const run = 'run_a' as RunId;

/** A journal that lets so many bytes of a day's log wait, and what lies in it. */
function open(t: TestContext, logBytesPerDay: number) {
  const stateDir = mkdtempSync(join(tmpdir(), 'holdfast-log-day-'));
  const clock = createFixedClock(START);
  const journal = openJournal({
    stateDir,
    clock,
    randomBytes: systemRandomBytes,
    ballastBytes: 1,
    outboxLimits: { events: 1000, bytes: 1_000_000, keepAcknowledgedMs: DAY, memoryBytes: 1 << 20, logBytesPerDay },
  });
  t.after(() => {
    journal.close();
    rmSync(stateDir, { recursive: true });
  });
  let n = 0;
  const say = (...levels: LogLevel[]) =>
    journal.outbox.append({
      type: 'run.log',
      run,
      at: START,
      lines: levels.map((level) => {
        n += 1;
        return { n, at: START, level, text: `${level} ${'x'.repeat(200)}` };
      }),
    });
  const heard = () =>
    journal.outbox
      .read(0, 1000, 1e9)
      .flatMap(({ event }) => (event.type === 'run.log' ? event.lines.map(({ text }) => text.split(' ', 3).join(' ')) : []))
      .map((text) => text.replace(/ x+$/, ''));
  return { say, heard, clock };
}

describe('The share of a day’s log', () => {
  it('belongs to a UTC day, is what waits of it, and can be put back', () => {
    const day = createLogDay(START, 50);
    assert.equal(startOfDay(START), Date.parse('2027-01-01T00:00:00Z'));
    assert.deepEqual([day.fits(50, START, 100, 100), day.fits(51, START, 100, 100)], [true, false]);
    const undo = day.remember();
    day.add(50);
    assert.equal(day.fits(1, START, 100, 100), false);
    undo();
    assert.equal(day.fits(50, START, 100, 100), true);
    assert.equal(day.fits(90, START, 10, 100), true, 'the server took the rest');
    assert.equal(day.fits(100, START + DAY, 100, 100), true, 'another day');
  });

  it('is left to warnings and errors when it is used up, and then to their number', (t) => {
    const line = { n: 10, at: START, level: 'info', text: `info ${'x'.repeat(200)}` };
    const bytes = JSON.stringify({ type: 'run.log', run, at: START, lines: [line] }).length;
    const { say, heard, clock } = open(t, 16 * bytes);
    for (let count = 0; count < 16; count += 1) say('info');
    assert.deepEqual(heard(), Array(16).fill('info'));
    say('info', 'error');
    assert.deepEqual(heard().slice(16), ['[holdfast] 1 log', 'error']);
    say('error', 'error', 'error', 'error');
    assert.deepEqual(heard().slice(16), ['[holdfast] 5 log', 'error']);
    say('info');
    assert.deepEqual(heard().slice(16), ['[holdfast] 6 log', 'error']);
    clock.advance(DAY);
    say('info');
    assert.equal(heard().at(-1), 'info');
  });
});
