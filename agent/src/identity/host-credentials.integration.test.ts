import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);

const DIAL_ONCE = `
  const { openHostCredentials } = await import(process.env.MODULE);
  const store = await openHostCredentials(process.env.STATE_DIR);
  await store.save({
    hostId: 'host_1', token: 'hfa_' + 'A'.repeat(43), serverKey: 'A'.repeat(43), serverUrl: 'http://127.0.0.1:8080',
  });
  process.stdout.write('saved\\n');
  process.stdout.write('counter ' + (await store.nextCounter()) + '\\n');
`;

it('the system is told to put the counter on disk before the agent may use it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-counter-'));
  try {
    const stateDir = join(folder, 'state');
    const trace = join(folder, 'trace');
    const watched = ['-f', '-y', '-e', 'trace=fsync,rename,write', '-o', trace, '--'];
    await run('strace', [...watched, process.execPath, '--input-type=module', '--eval', DIAL_ONCE], {
      env: { PATH: process.env.PATH, MODULE: new URL('./host-credentials.ts', import.meta.url).href, STATE_DIR: stateDir },
    });
    const lines = (await readFile(trace, 'utf8')).split('\n');
    const saved = lines.findIndex((line) => line.includes('"saved'));
    const used = lines.findIndex((line) => line.includes('"counter 1'));
    assert.ok(saved > 0 && used > saved, 'the trace shows both lines of the agent');
    const steps = lines.slice(saved + 1, used).flatMap((line) => {
      if (/\bwrite\(\d+<[^>]*credentials\.json\.new>/.test(line)) return ['write'];
      if (/\bfsync\(\d+<[^>]*credentials\.json\.new>/.test(line)) return ['fsync file'];
      if (/\brename\(.*credentials\.json"/.test(line)) return ['rename'];
      if (/\bfsync\(\d+<[^>]*\/state>/.test(line)) return ['fsync directory'];
      return [];
    });
    assert.deepEqual(steps, ['write', 'fsync file', 'rename', 'fsync directory']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
