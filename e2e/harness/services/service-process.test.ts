import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { findFreePort, isPortFree } from './free-port.ts';
import { isRoot } from './identity.ts';
import { createPrivateDirectory } from './private-directory.ts';
import { assertNothingLeft, findProcesses } from './processes.ts';
import { startServiceProcess } from './service-process.ts';
import { runTool, ToolFailure, tryTool } from './tool-run.ts';

test('a service is found by marker, group and directory, and gone after stop, its children too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-process-'));
  const service = startServiceProcess({
    command: 'bash',
    args: ['-c', 'trap "" TERM; sleep 600 & echo ready; wait'],
    env: { HOLDFAST_MARK: folder },
    cwd: folder,
  });
  await service.awaitOutput(/ready/);
  for (const filter of [{ marker: `HOLDFAST_MARK=${folder}` }, { group: service.pid }, { directory: folder }]) {
    assert.equal(findProcesses(filter).length, 2, JSON.stringify(filter));
  }
  await assert.rejects(assertNothingLeft({ directory: folder }, 50), /2 processes are left:\n.*sleep 600/s);
  const facts = await service.stop('SIGTERM', 100);
  assert.equal(facts.signal, 'SIGKILL');
  await assertNothingLeft({ directory: folder });
  await rm(folder, { recursive: true });
});

test('a service that ends before it is ready says what it printed', async () => {
  const service = startServiceProcess({ command: 'bash', args: ['-c', 'echo no such database >&2; exit 3'] });
  await assert.rejects(service.awaitOutput(/ready/), /ended \(exit 3\):\nno such database/);
  const missing = startServiceProcess({ command: '/no/such/program', args: [] });
  await assert.rejects(missing.awaitOutput(/ready/), /No such file/);
});

test('a service sees none of the environment of the tests', async () => {
  process.env['HOLDFAST_LEAK'] = 'secret';
  const outcome = await runTool('env', [], { env: { ONLY: 'this' } });
  delete process.env['HOLDFAST_LEAK'];
  assert.deepEqual(
    outcome.stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0])
      .sort(),
    ['LC_ALL', 'ONLY', 'PATH'],
  );
});

for (const [title, guard] of [
  ['as the same user', '{}'],
  ['as another user', "{ identity: findServiceIdentity(['games']) }"],
  ['as another user with passage through directories', "{ identity: findServiceIdentity(['games']), passDirectories: true }"],
] as const) {
  // Only root may start a process as somebody else.
  if (!isRoot() && guard !== '{}') continue;
  test(`a killed test leaves no service behind that runs ${title}`, async () => {
    const mark = `${process.pid}-${title.length}`;
    const script = `
      import { startServiceProcess } from '${import.meta.dirname}/service-process.ts';
      import { findServiceIdentity } from '${import.meta.dirname}/identity.ts';
      const options = ${guard};
      const service = startServiceProcess({ command: 'bash', args: ['-c', 'echo ready ${mark}; exec sleep 600'], env: { HOLDFAST_MARK: '${mark}' }, ...options });
      await service.awaitOutput(/ready/);
      console.log('started');
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    assert.equal(findProcesses({ marker: `HOLDFAST_MARK=${mark}` }).length, 1);
    child.kill('SIGKILL');
    await assertNothingLeft({ marker: `HOLDFAST_MARK=${mark}` });
  });
}

test('the directory of a killed test is removed by the next one', async () => {
  const script = `
    import { createPrivateDirectory } from '${import.meta.dirname}/private-directory.ts';
    console.log((await createPrivateDirectory('left')).path);
    process.kill(process.pid, 'SIGKILL');
  `;
  const outcome = await tryTool(process.execPath, ['--input-type=module', '--eval', script], { env: { TMPDIR: tmpdir() } });
  const left = outcome.stdout.trim();
  assert.match(left, /holdfast-svc/);
  const mine = await createPrivateDirectory('mine');
  assert.equal((await tryTool('test', ['-e', left])).code, 1);
  assert.equal((await tryTool('test', ['-d', mine.path])).code, 0);
  await mine.remove();
});

test('a taken port is not free, a found one is', async () => {
  const port = await findFreePort();
  assert.ok(await isPortFree(port));
  const server = createServer().listen(port, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  assert.ok(!(await isPortFree(port)));
  server.close();
});

test('a failing tool is told with its words', async () => {
  await assert.rejects(runTool('bash', ['-c', 'echo bad luck >&2; exit 4']), (error) => {
    return error instanceof ToolFailure && error.outcome.code === 4 && error.message.includes('bad luck');
  });
  assert.equal((await tryTool('bash', ['-c', 'kill -9 $$'])).code, 128);
});
