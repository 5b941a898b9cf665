import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { isRoot, UnsupportedError } from './identity.ts';
import { startNetworkNamespace } from './netns.ts';
import { findProcesses } from './processes.ts';
import { startRestServer } from './rest-server.ts';
import { startTmpfs } from './tmpfs.ts';
import { getRestic } from './tools.ts';

/** Mounts and namespaces are root's; for anybody else the promise is a clear refusal. */
const asRoot = isRoot();

if (!asRoot) {
  test('without root, what needs it says so', async () => {
    await assert.rejects(startTmpfs(1_000_000), UnsupportedError);
    await assert.rejects(startNetworkNamespace(['server']), UnsupportedError);
  });
}

async function proveTmpfs(): Promise<void> {
  const tmpfs = await startTmpfs(1_000_000);
  await assert.rejects(writeFile(join(tmpfs.path, 'big'), Buffer.alloc(2_000_000)), { code: 'ENOSPC' });
  await tmpfs.stop();
  await tmpfs.stop();
  assert.ok(!readFileSync('/proc/self/mounts', 'utf8').includes(tmpfs.path));
  assert.ok(!existsSync(tmpfs.path));
}

if (asRoot) test('a small tmpfs runs full, and is gone after stop', proveTmpfs);

async function proveNamespace(): Promise<void> {
  const namespace = await startNetworkNamespace(['server', 'repository']);
  const { server, repository } = namespace.links;
  const rest = await startRestServer({ host: repository.hostAddress });
  try {
    const restic = await getRestic('new');
    const env = { RESTIC_REPOSITORY: rest.buildRepository('one/'), RESTIC_PASSWORD: 'x', HOME: dirname(rest.dataDirectory) };
    const atStart = await server.readCounters();
    assert.equal((await namespace.run(restic.path, ['init'], { env })).code, 0);
    const backup = await namespace.run(restic.path, ['backup', '--host', 'h', '--compression', 'off', restic.path], { env });
    assert.equal(backup.code, 0, backup.stderr);
    assert.ok((await repository.readCounters()).toHostBytes > 10_000_000);
    assert.ok((await server.readCounters()).toHostBytes - atStart.toHostBytes < 10_000);
    await repository.setUp(false);
    const pulled = await namespace.run('bash', ['-c', `exec 3<>/dev/tcp/${rest.host}/${rest.port}`]);
    assert.notEqual(pulled.code, 0);
  } finally {
    await rest.stop();
    await namespace.stop();
  }
  assert.ok(!existsSync(`/sys/class/net/${server.hostInterface}`));
  assert.ok(!existsSync(`/run/netns/${namespace.name}`));
}

if (asRoot) test('a namespace counts each link on its own: a backup crosses the repository link only', proveNamespace);

if (asRoot)
  test('stopping a namespace ends what still runs inside', async () => {
    const namespace = await startNetworkNamespace([]);
    const args = ['-c', 'echo ready; exec sleep 600'];
    const inside = namespace.start({ command: 'bash', args, env: { HOLDFAST_MARK: namespace.name } });
    await inside.awaitOutput(/ready/);
    await namespace.stop();
    assert.equal((await inside.exited).signal, 'SIGKILL');
    assert.deepEqual(findProcesses({ marker: `HOLDFAST_MARK=${namespace.name}` }), []);
  });
