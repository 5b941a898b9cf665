import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatPipe, quoteForShell } from './bare-pipe.ts';

describe('A bare pipe', () => {
  it('is written as a person would write it', () => {
    const dump = { binary: '/usr/bin/pg_dump', args: ['--format=custom', '--compress=0'], env: { PGHOST: '127.0.0.1' } };
    const store = { binary: '/usr/bin/restic', args: ['backup', '--stdin'], env: {} };
    assert.equal(
      formatPipe([dump, store]),
      'PGHOST=127.0.0.1 /usr/bin/pg_dump --format=custom --compress=0 | /usr/bin/restic backup --stdin',
    );
  });

  it('brings every argument through a real shell unchanged', () => {
    const odd = fc.array(
      fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0')),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(odd, (args) => {
        const line = ['printf', '%s\\0', 'start', ...args].map(quoteForShell).join(' ');
        const printed = execFileSync('bash', ['-c', line], { encoding: 'utf8', env: { LC_ALL: 'C.UTF-8' } });
        return printed === ['start', ...args].map((arg) => `${arg}\0`).join('');
      }),
      { numRuns: 50 },
    );
  });
});
