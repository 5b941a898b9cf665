import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { quickenKeys } from '@holdfast/agent/engines/restic/fixtures/quick-repository.ts';
import { createPrivateDirectory } from './private-directory.ts';
import { findProcesses } from './processes.ts';
import { quickenObjects } from './quick-objects.ts';
import { startRestServer } from './rest-server.ts';
import { proveResticCycle } from './restic-cycle.ts';
import { startS3 } from './s3.ts';
import { startSftp } from './sftp.ts';
import { runTool, tryTool } from './tool-run.ts';
import { getRestic } from './tools.ts';

// Each service is proven with one of the two; that both work with all of them is proven through the adapters.
const generations = ['old', 'new'] as const;

for (const generation of generations) {
  test(`a local repository lives its whole life with ${generation} restic`, async () => {
    const home = await createPrivateDirectory('local');
    try {
      const path = join(home.path, 'repository');
      const quicken = (password: string) => quickenKeys(path, password);
      await proveResticCycle(await getRestic(generation), { env: { RESTIC_REPOSITORY: path }, quicken });
    } finally {
      await home.remove();
    }
  });
}

test('a rest-server repository with TLS, password and private folders lives its whole life', async () => {
  const server = await startRestServer({ withTls: true, privateRepos: true });
  try {
    const env = { RESTIC_REPOSITORY: server.buildRepository('agent/one/') };
    const quicken = (password: string) => quickenKeys(join(server.dataDirectory, 'agent/one'), password);
    await proveResticCycle(await getRestic('new'), { env, options: ['--cacert', server.caFile ?? ''], quicken });
    const refused = await fetchStatus(`${server.url}agent/one/config`);
    assert.equal(refused, 'certificate refused');
  } finally {
    await server.stop();
  }
  assert.ok(!existsSync(server.dataDirectory));
});

test('an append-only rest-server takes backups and refuses forget and strangers', async () => {
  const server = await startRestServer({ appendOnly: true });
  const home = await createPrivateDirectory('append-only');
  try {
    const restic = await getRestic('new');
    const env = { RESTIC_REPOSITORY: server.buildRepository('one/'), RESTIC_PASSWORD: 'x', HOME: home.path };
    await runTool(restic.path, ['init'], { env });
    await runTool(restic.path, ['backup', '--host', 'h', '/etc/hostname'], { env });
    const snapshots = await readdir(join(server.dataDirectory, 'one/snapshots'));
    assert.equal(snapshots.length, 1);
    const credentials = `Basic ${Buffer.from(`${server.user}:${server.password}`).toString('base64')}`;
    const target = `${server.url}one/snapshots/${snapshots[0]}`;
    assert.equal((await fetch(target, { method: 'DELETE', headers: { authorization: credentials } })).status, 403);
    assert.equal((await fetch(target)).status, 401);
    assert.equal((await fetch(target, { headers: { authorization: credentials } })).status, 200);
  } finally {
    await home.remove();
    await server.stop();
  }
});

test('an sftp repository lives its whole life, and a foreign key is refused', async () => {
  const server = await startSftp();
  try {
    const env = { RESTIC_REPOSITORY: `sftp:${server.user}@${server.host}:${server.path}/one` };
    const quicken = (password: string) => quickenKeys(join(server.path, 'one'), password);
    await proveResticCycle(await getRestic('old'), { env, options: ['-o', `sftp.command=${server.command.join(' ')}`], quicken });
    const withoutKey = server.command.flatMap((word) => (word === server.identityFile ? ['/dev/null'] : [word])).slice(1);
    const outcome = await tryTool('ssh', withoutKey);
    assert.equal(outcome.code, 255);
    assert.match(outcome.stderr, /Permission denied/);
  } finally {
    await server.stop();
  }
  assert.deepEqual(findProcesses({ directory: dirname(server.path) }), []);
  assert.ok(!existsSync(server.path));
});

test('an S3 repository over https lives its whole life, and unfinished uploads are listed, of which it leaves none', async () => {
  const s3 = await startS3();
  try {
    await s3.createBucket('backups');
    const env = {
      RESTIC_REPOSITORY: `s3:${s3.endpoint}/backups/one`,
      AWS_ACCESS_KEY_ID: s3.accessKey,
      AWS_SECRET_ACCESS_KEY: s3.secretKey,
      AWS_DEFAULT_REGION: s3.region,
    };
    const quicken = (password: string) => quickenObjects(s3, 'backups', 'one', password);
    await proveResticCycle(await getRestic('new'), { env, options: ['--cacert', s3.caFile], quicken });
    assert.ok((await s3.listObjects('backups')).includes('one/config'));
    assert.deepEqual(await s3.listUploads('backups'), []);
    await s3.request('POST', '/backups/half', { query: { uploads: '' } });
    assert.deepEqual(await s3.listUploads('backups'), ['half']);
    assert.equal((await s3.request('GET', '/backups/none')).status, 404);
    await assert.rejects(s3.createBucket('Not A Bucket'));
  } finally {
    await s3.stop();
  }
  assert.deepEqual(findProcesses({ directory: s3.directory }), []);
  assert.ok(!existsSync(s3.directory));
});

async function fetchStatus(url: string): Promise<number | string> {
  return await fetch(url).then(
    (answer) => answer.status,
    () => 'certificate refused',
  );
}
