import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  parseMemory,
  parseProcessorMs,
  parseReadBytes,
  parseSchedule,
  readFineProcessorMs,
  readMemory,
  readProcessorMs,
  readReadBytes,
} from './process-usage.ts';

describe('What the kernel counts for a process', () => {
  it('is read in bytes from status', () => {
    const status = 'Name:\tnode\nVmHWM:\t   98304 kB\nVmRSS:\t   81920 kB\nRssAnon:\t 1 kB\n';
    assert.deepEqual(parseMemory(status), { residentBytes: 81_920 * 1024, peakBytes: 98_304 * 1024 });
  });

  it('is user and system time together, whatever the program calls itself', () => {
    const stat = '42 (a ) b (c) S 1 42 42 0 -1 4194304 1 2 3 4 150 50 7 8 20 0 11 0 100 1 1';
    assert.equal(parseProcessorMs(stat), 2000);
  });

  it('is the time of a thread to the nanosecond', () => {
    assert.equal(parseSchedule('1500000 70 9\n'), 1.5);
  });

  it('is the bytes read through any descriptor', () => {
    assert.equal(parseReadBytes('rchar: 123\nwchar: 9\nsyscr: 1\n'), 123);
  });

  it('is refused when a line is missing', () => {
    assert.throws(() => parseMemory('Name:\tnode\n'), /VmRSS/);
    assert.throws(() => parseReadBytes('wchar: 9\n'), /rchar/);
  });

  it('is there for this process', () => {
    const { residentBytes, peakBytes } = readMemory(process.pid);
    assert.ok(residentBytes > 1_000_000 && peakBytes >= residentBytes);
    assert.ok(readProcessorMs(process.pid) > 0);
    assert.ok(readFineProcessorMs(process.pid) > 0);
  });

  it('counts what it reads itself, and not what a child read that it has waited for', () => {
    const countMegabytes = () => (readReadBytes(process.pid) - before) / 1_000_000;
    const before = readReadBytes(process.pid);
    execFileSync('head', ['--bytes=50M', '/dev/zero'], { stdio: ['ignore', 'ignore', 'inherit'] });
    assert.ok(countMegabytes() < 5);
    const zeros = openSync('/dev/zero', 'r');
    for (let index = 0; index < 20; index += 1) readSync(zeros, Buffer.alloc(1_000_000));
    closeSync(zeros);
    assert.ok(countMegabytes() > 19 && countMegabytes() < 25);
  });
});
