import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { type AgentLogLevel, LOG_LEVELS } from './config.ts';
import { createAgentLog } from './log.ts';
import type { AgentLog } from './runs/workbench.ts';

const NOON = Date.UTC(2026, 0, 2, 12, 34, 56);
const SECRET = 'canary-7f3a';

function openPlain(level: AgentLogLevel): { log: AgentLog; lines: string[] } {
  const lines: string[] = [];
  return { lines, log: createAgentLog({ level, forPeople: true, now: () => NOON, write: (line) => void lines.push(line) }) };
}

/** What a process without a terminal writes: both streams. */
function logElsewhere(level: AgentLogLevel, script: string): { stdout: string; entries: Record<string, unknown>[] } {
  const program = `
    import { createAgentLog } from ${JSON.stringify(import.meta.resolve('./log.ts'))};
    const log = createAgentLog({ level: '${level}', forPeople: false, now: () => ${NOON} });
    ${script}`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const entries = stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { stdout, entries };
}

describe('The log for people', () => {
  it('is one line with time, level, message and the fields that explain it', () => {
    const { log, lines } = openPlain('info');
    log.info({ host: 'host_1', retryInMs: 500, tools: ['restic'] }, 'connected');
    log.error({ err: new Error('no route') }, 'not connected');
    log.warn({}, 'careful');
    assert.deepEqual(lines, [
      '12:34:56 info  connected  (host=host_1, retryInMs=500)\n',
      '12:34:56 error not connected  (no route)\n',
      '12:34:56 warn  careful\n',
    ]);
  });

  it('holds no field that is a secret, nor what lies inside of objects', () => {
    const { log, lines } = openPlain('debug');
    for (const name of ['token', 'password', 'secret', 'secrets', 'secretKey', 'authorization', 'enrolToken']) {
      log.info({ [name]: SECRET, nested: { [name]: SECRET }, shown: 1 }, 'sent');
    }
    assert.equal(lines.length, 7);
    for (const line of lines) assert.equal(line, '12:34:56 info  sent  (shown=1)\n');
  });

  it('leaves out what is below its level', () => {
    const counted = LOG_LEVELS.map((level) => {
      const { log, lines } = openPlain(level);
      log.info({}, 'a');
      log.warn({}, 'b');
      log.error({}, 'c');
      return lines.length;
    });
    assert.deepEqual(counted, [3, 3, 2, 1]);
  });
});

describe('The log for programs', () => {
  it('is one JSON line per event on standard error, in order and complete when the process ends', () => {
    const { stdout, entries } = logElsewhere(
      'info',
      `log.info({ host: 'host_1' }, 'a\\nb');
       log.warn({ err: new Error('no route') }, 'w');
       for (let i = 0; i < 500; i += 1) log.error({ i }, 'e');
       process.exit(0);`,
    );
    assert.equal(stdout, '');
    assert.deepEqual(entries[0], { level: 'info', time: '2026-01-02T12:34:56.000Z', host: 'host_1', msg: 'a\nb' });
    assert.equal(entries[1]?.['level'], 'warn');
    assert.match(JSON.stringify(entries[1]), /"message":"no route"/);
    assert.deepEqual(
      entries.slice(2).map((entry) => entry['i']),
      Array.from({ length: 500 }, (_, i) => i),
    );
  });

  it('masks secret fields, also one level down, and keeps to its level', () => {
    const names = ['token', 'password', 'secret', 'secrets', 'secretKey', 'authorization', 'enrolToken'];
    const { entries } = logElsewhere(
      'warn',
      `log.info({}, 'too quiet');
       for (const name of ${JSON.stringify(names)}) log.error({ [name]: '${SECRET}', request: { [name]: '${SECRET}' } }, 'sent');`,
    );
    assert.equal(entries.length, names.length);
    assert.equal(JSON.stringify(entries).includes(SECRET), false);
    assert.equal(entries[0]?.['token'], '[secret]');
  });
});
