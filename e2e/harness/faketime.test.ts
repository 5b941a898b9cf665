import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { it } from 'node:test';
import { sweepOfTheDead } from './faketime.ts';

const fileOf = (pid: number) => `/dev/shm/faketime_shm_${pid}`;

it('what libfaketime left of a process that is gone is removed, so that the next of its number can start', (t) => {
  const { pid: gone } = spawnSync('true');
  t.after(() => rmSync(fileOf(process.pid), { force: true }));
  for (const pid of [gone, process.pid]) writeFileSync(fileOf(pid), '');
  sweepOfTheDead();
  assert.deepEqual([existsSync(fileOf(gone)), existsSync(fileOf(process.pid))], [false, true]);
});
