import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { LogLevel } from '@holdfast/shared/domain/run.ts';
import { describeDropped, type LogEvent, shedLog } from './log-shedding.ts';

const log = (...levels: LogLevel[]): LogEvent => ({
  type: 'run.log',
  run: 'run_a' as RunId,
  at: 1,
  lines: levels.map((level, index) => ({ n: index + 1, at: 1, level, text: level })),
});
const outline = ({ event, droppedLines }: ReturnType<typeof shedLog>) => [
  droppedLines,
  ...event.lines.map(({ n, text }) => `${n} ${text}`),
];

describe('A batch of log lines that gives way', () => {
  it('keeps what matters first, with one line for the rest in its place', () => {
    const shed = shedLog(log('info', 'warn', 'debug', 'error'), 0, 'quiet');
    assert.deepEqual(outline(shed), [2, `1 ${describeDropped(2)}`, '2 warn', '4 error']);
    assert.deepEqual(outline(shedLog(shed.event, shed.droppedLines, 'all')), [4, `1 ${describeDropped(4)}`]);
  });

  it('stays as it is when nothing of it is to be given up', () => {
    const event = log('warn', 'error');
    const shed = shedLog(event, 0, 'quiet');
    assert.equal(shed.event, event);
    assert.equal(shed.droppedLines, 0);
  });

  it('counts what was given up before, once', () => {
    const marker = shedLog(log('info', 'info', 'info'), 0, 'all');
    assert.deepEqual(outline(marker), [3, `1 ${describeDropped(3)}`]);
    assert.deepEqual(outline(shedLog(marker.event, 3, 'all')), [3, `1 ${describeDropped(3)}`]);
    assert.match(describeDropped(1), /^\[holdfast\] 1 log line was dropped/);
  });
});
