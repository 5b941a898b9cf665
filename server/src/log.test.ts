import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createFixedClock } from '@holdfast/shared/clock.ts';
import { createLog } from './log.ts';

function collect(level: 'debug' | 'warn') {
  const lines: string[] = [];
  const log = createLog({ level, clock: createFixedClock(0), stream: { write: (line: string) => void lines.push(line) } });
  return { log, lines };
}

it('A line is JSON with time, level and the fields of its child', () => {
  const { log, lines } = collect('debug');
  log.child({ request: 'req_1' }).info({ path: '/x' }, 'request');
  assert.deepEqual(JSON.parse(lines[0] ?? ''), {
    level: 'info',
    time: '1970-01-01T00:00:00.000Z',
    request: 'req_1',
    path: '/x',
    msg: 'request',
  });
});

it('A level hides what is below it', () => {
  const { log, lines } = collect('warn');
  log.info({}, 'quiet');
  log.warn({}, 'heard');
  assert.equal(lines.length, 1);
});

it('A field that holds a secret by its name never reaches the log, however deep', () => {
  const { log, lines } = collect('debug');
  const canary = 'canary-7f3a';
  log.info({ password: canary, user: { token: canary, deep: { cookie: canary } }, headers: { authorization: canary } }, 'x');
  log.error({ err: Object.assign(new Error('failed'), { masterKey: canary }) }, 'x');
  assert.equal(lines.length, 2);
  for (const line of lines) assert.ok(!line.includes(canary), line);
});

it('Text with line breaks and control characters stays one line', () => {
  const { log, lines } = collect('debug');
  log.info({ name: 'a\nb\u001b[31m\u0000' }, 'c\nd');
  assert.equal(lines.length, 1);
  assert.equal((lines[0] ?? '').trimEnd().includes('\n'), false);
  assert.ok(!(lines[0] ?? '').includes('\u001b'));
});
