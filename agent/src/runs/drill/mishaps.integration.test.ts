import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createReasonError, findReason, type Reason } from '@holdfast/shared/domain/reason.ts';
import type { Exec, Stage } from '../../exec/contract.ts';
import { createExec } from '../../exec/exec.ts';
import { createMishaps, type Mishaps } from './mishaps.ts';

let dir: string;
let exec: Exec;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'mishaps-'));
  exec = createExec({
    environment: { path: '/usr/bin:/bin', home: '/nonexistent', tmpDir: dir },
    setpriv: '/usr/bin/setpriv',
    cancelGraceMs: 100,
  });
});
after(() => rmSync(dir, { recursive: true, force: true }));

const shell = (script: string): Stage => ({ command: { args: ['-c', script], env: {}, files: [] }, binary: '/bin/sh' });
const say = (words: string) => shell(`cat >/dev/null; echo '${words}' >&2; exit 1`);

/** What a failure is told as after these programs ended. */
async function judgeAfter(
  mishaps: Mishaps,
  stages: readonly Stage[],
  reason: Reason = 'restore_failed',
): Promise<[Reason | undefined, string]> {
  const watched = mishaps.watch(exec);
  for (const stage of stages) await watched.runTool({ stage, workDir: dir });
  const told = mishaps.judge(createReasonError(reason, 'as it was'));
  return [findReason(told), told.message.split(/[;.]/)[0] ?? ''];
}

describe('A drill whose programs', () => {
  const CASES: readonly [what: string, stage: () => Stage, memoryMiB: number | undefined, reason: Reason, words: string][] = [
    [
      'got no memory under a limit',
      () => say('ERROR:  out of memory'),
      300,
      'memory_limit',
      'A program of the drill needs more memory than the 300 MiB that this run may take',
    ],
    [
      'got no memory from the host',
      () => say('ERROR:  out of memory'),
      undefined,
      'unknown_failure',
      'A program of the drill got no more memory from this host',
    ],
    [
      'filled PostgreSQL’s disk',
      () => say('ERROR:  could not extend file: No space left on device'),
      300,
      'disk_full',
      'A program of the drill found the disk full',
    ],
    [
      'filled MariaDB’s disk',
      () => say('ERROR 1114 (HY000): The table is full'),
      undefined,
      'disk_full',
      'A program of the drill found the disk full',
    ],
    [
      'were killed',
      () => shell('kill -9 $$'),
      undefined,
      'unknown_failure',
      'A program of the drill ended unasked, or lost its server',
    ],
    [
      'were killed under a limit',
      () => shell('kill -9 $$'),
      300,
      'memory_limit',
      'A program of the drill ended unasked under the limit of 300 MiB of memory',
    ],
    [
      'lost PostgreSQL',
      () => say('server closed the connection unexpectedly'),
      undefined,
      'unknown_failure',
      'A program of the drill ended unasked, or lost its server',
    ],
    [
      'lost MariaDB',
      () => say('ERROR 2013 (HY000): Lost connection to server during query'),
      undefined,
      'unknown_failure',
      'A program of the drill ended unasked, or lost its server',
    ],
    [
      'lost one process of PostgreSQL',
      () => say('LOG:  server process (PID 9) was terminated by signal 9: Killed'),
      undefined,
      'unknown_failure',
      'A program of the drill ended unasked, or lost its server',
    ],
    [
      'crashed in a shell',
      () => say('Segmentation fault'),
      undefined,
      'unknown_failure',
      'A program of the drill ended unasked, or lost its server',
    ],
  ];
  for (const [what, stage, memoryMiB, reason, words] of CASES) {
    it(`${what} says nothing of the backup`, async () => {
      assert.deepEqual(await judgeAfter(createMishaps(memoryMiB), [stage()]), [reason, words]);
    });
  }

  it('ended as they should, or by themselves with words of their own, failed as it is said', async () => {
    const plain = [shell('exit 0'), say('ERROR:  relation "a" does not exist'), shell('kill -PIPE $$')];
    assert.deepEqual(await judgeAfter(createMishaps(300), plain), ['restore_failed', 'as it was']);
  });

  it('had a mishap leaves what the engine says of the repository as it is', async () => {
    assert.deepEqual(await judgeAfter(createMishaps(300), [shell('kill -9 $$')], 'snapshot_damaged'), [
      'snapshot_damaged',
      'as it was',
    ]);
  });

  it('were ended by the drill itself had no mishap; limits set later are watched too', async () => {
    const mishaps = createMishaps(undefined);
    const watched = mishaps.watch(exec).withLimits({ nice: 3 });
    assert.deepEqual(
      [watched.limits, watched.unmetLimits.length],
      [{ nice: 3 }, exec.withLimits({ nice: 3 }).unmetLimits.length],
    );
    await watched.runTool({ stage: shell('trap "" INT; sleep 30'), workDir: dir, signal: AbortSignal.timeout(20) });
    assert.equal(findReason(mishaps.judge(createReasonError('restore_failed', 'as it was'))), 'restore_failed');
    await watched.runPipeline({ producer: shell('echo x'), consumer: say('FATAL:  out of memory'), workDir: dir });
    assert.equal(findReason(mishaps.judge(createReasonError('restore_failed', 'as it was'))), 'unknown_failure');
  });
});
