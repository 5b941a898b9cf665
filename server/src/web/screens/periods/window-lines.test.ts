import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseWindowLines, writeWindowLines } from './window-lines.ts';

const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6];

describe('Windows as lines', () => {
  it('are read with and without days, in the ways people write them', () => {
    const text =
      '22:00 to 06:00\n\n  Sat, Sun 8:00-20:00\r\nMon-Fri 20:00 – 06:00\nMonday to wednesday 01:00 to 24:00\nsun 0:00-24:00';
    assert.deepEqual(parseWindowLines(text), {
      windows: [
        { from: '22:00', to: '06:00', days: EVERY_DAY },
        { from: '08:00', to: '20:00', days: [0, 6] },
        { from: '20:00', to: '06:00', days: [1, 2, 3, 4, 5] },
        { from: '01:00', to: '24:00', days: [1, 2, 3] },
        { from: '00:00', to: '24:00', days: [0] },
      ],
    });
    assert.deepEqual(parseWindowLines(''), { windows: [] });
  });

  it('are refused with the line that is none', () => {
    for (const line of [
      '22:00',
      'never',
      'Xyz 22:00 to 06:00',
      '25:00 to 06:00',
      '06:00 to 06:00',
      'Fri-Mon 22:00 to 06:00',
      'm 22:00 to 23:00',
    ])
      assert.deepEqual(parseWindowLines(`22:00 to 06:00\n${line}`), {
        problem: `“${line}” is no window: write it as Mon-Fri 22:00 to 06:00`,
      });
  });

  it('are written so that they read back as the same', () => {
    const windows = [
      { from: '22:00', to: '06:00', days: EVERY_DAY },
      { from: '08:00', to: '20:00', days: [0, 3, 6] },
      { from: '01:00', to: '02:00', days: [1, 2, 3, 4, 5] },
    ];
    assert.equal(writeWindowLines(windows), '22:00 to 06:00\nWed, Sat, Sun 08:00 to 20:00\nMon-Fri 01:00 to 02:00');
    assert.deepEqual(parseWindowLines(writeWindowLines(windows)), { windows });
  });
});
