import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import { type Config, createConfigSchema, createSecretsSchema, type Secrets } from '@holdfast/shared/adapters/field.ts';
import { systemClock } from '@holdfast/shared/clock.ts';
import { createLaboratory } from '../../agent/src/engines/restic/fixtures/laboratory.ts';
import { createKeyRing } from '../../agent/src/engines/restic/machine-key/key-ring.ts';
import { createPrivateDirectory, type PrivateDirectory } from '../harness/services/private-directory.ts';
import { type RestServerHandle, startRestServer } from '../harness/services/rest-server.ts';
import { type S3Handle, startS3 } from '../harness/services/s3.ts';
import { type SftpHandle, startSftp } from '../harness/services/sftp.ts';
import { tryTool } from '../harness/services/tool-run.ts';
import { listRestics, type ResticTool } from '../harness/services/tools.ts';

let home: PrivateDirectory;
let restics: readonly ResticTool[];
let count = 0;

before(async () => {
  home = await createPrivateDirectory('adapter-repositories');
  restics = await listRestics();
  assert.deepEqual(restics.map((tool) => tool.generation).sort(), ['new', 'old'], 'both generations of restic are installed');
});
after(() => home?.remove());

/** Runs restic as planned: files 0600 in a private directory, and no environment but the plan's. */
async function runRestic(tool: ResticTool, kind: string, config: Config, secrets: Secrets, command: readonly string[]) {
  const adapter = getRepositoryAdapter(kind);
  count += 1;
  const workDir = join(home.path, `work-${count}`);
  await mkdir(workDir, { mode: 0o700 });
  const access = adapter.planAccess({
    config: createConfigSchema(adapter.fields).parse(config),
    secrets: createSecretsSchema(adapter.fields).parse(secrets),
    workDir,
  });
  for (const file of access.files) await writeFile(file.path, file.content, { mode: 0o600 });
  const env = { ...access.env, HOME: home.path, RESTIC_CACHE_DIR: join(home.path, 'cache') };
  return tryTool(tool.path, [...access.args, ...command], { env, cwd: home.path });
}

/** A machine key comes into the repository as everything else of it does, and whoever comes later finds and uses it. */
async function proveMachineKey(tool: ResticTool, kind: string, config: Config, secrets: Secrets): Promise<void> {
  const adapter = getRepositoryAdapter(kind);
  const lab = createLaboratory({ version: tool.version, binary: tool.path });
  try {
    const workDir = lab.workDir();
    const access = adapter.planAccess({ config, secrets: createSecretsSchema(adapter.fields).parse(secrets), workDir });
    const said: string[] = [];
    const keep = async (add: boolean) => {
      const keys = createKeyRing(systemClock);
      const engine = lab.engineWith(keys);
      await engine.keepKey({ access, workDir, add, onLog: (_, text) => said.push(text) });
      assert.ok(keys.find(access), said.join('\n'));
      assert.equal((await engine.findRepository({ access, workDir })).state, 'found');
      return keys.find(access);
    };
    assert.deepEqual(await keep(true), await keep(false));
    assert.match(said.join('\n'), /^added key [0-9a-f]{8} [^\n]*$/);
  } finally {
    lab.remove();
  }
}

/** Makes the repository, stores bytes in it and reads the same bytes back, with each restic in its own repository. */
async function proveAccess(kind: string, configFor: (tool: ResticTool) => Config, secrets: Secrets): Promise<void> {
  for (const tool of restics) {
    const config = configFor(tool);
    const run = (...command: string[]) => runRestic(tool, kind, config, secrets, command);
    const content = `stored by restic ${tool.version} over ${kind}`;
    await writeFile(join(home.path, 'content'), content);
    const made = await run('init');
    assert.equal(made.code, 0, made.stderr);
    const stored = await run('backup', '--host', 'test', '--json', 'content');
    assert.equal(stored.code, 0, stored.stderr);
    const read = await run('dump', 'latest', '/content');
    assert.equal(read.stdout, content, read.stderr);
    await proveMachineKey(tool, kind, config, secrets);
    const wrong = await runRestic(tool, kind, config, { ...secrets, password: 'wrong-password' }, ['snapshots']);
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /wrong password/);
  }
}

const PASSWORD = 'pass "word"\\ with\ninner break: %x #é';

test('a directory with blanks, colons and quotes in its name is a repository', async () => {
  await proveAccess('local', (tool) => ({ path: join(home.path, `s3:we"ird 'r\\ ${tool.version}`) }), {
    password: `${PASSWORD}\n`,
  });
});

test('a rest-server with password and TLS is a repository, also under an awkward path', async () => {
  const server: RestServerHandle = await startRestServer({ withTls: true });
  try {
    const caCert = await readFile(server.caFile ?? '', 'utf8');
    const config = (tool: ResticTool) => ({ url: `${server.url}shop-${tool.version}/`, username: server.user ?? '', caCert });
    await proveAccess('rest', config, { password: PASSWORD, restPassword: server.password ?? '' });
    for (const tool of restics) {
      const refused = await runRestic(tool, 'rest', config(tool), { password: PASSWORD, restPassword: 'wrong-pass' }, [
        'snapshots',
      ]);
      assert.notEqual(refused.code, 0);
    }
  } finally {
    await server.stop();
  }
});

test('an S3 server over https with a CA of its own is a repository', async () => {
  const server: S3Handle = await startS3();
  try {
    await server.createBucket('adapters');
    const caCert = await readFile(server.caFile, 'utf8');
    await proveAccess(
      's3',
      (tool) => ({
        endpoint: server.endpoint,
        bucket: 'adapters',
        prefix: `shop/${tool.version}`,
        region: server.region,
        accessKeyId: server.accessKey,
        pathStyle: true,
        caCert,
      }),
      { password: PASSWORD, secretAccessKey: server.secretKey },
    );
  } finally {
    await server.stop();
  }
});

test('an SFTP server is a repository, and a host key other than the known one is refused', async () => {
  const server: SftpHandle = await startSftp();
  try {
    const knownHosts = await readFile(server.knownHostsFile, 'utf8');
    const privateKey = (await readFile(server.identityFile, 'utf8')).replaceAll('\n', '\r\n');
    const config = (tool: ResticTool) => ({
      host: server.host,
      port: server.port,
      user: server.user,
      path: `${server.path}/we ird: "r" ${tool.version}`,
      knownHosts,
    });
    await proveAccess('sftp', config, { password: PASSWORD, privateKey });
    const otherKey = knownHosts.replace(/AAAAC3NzaC1lZDI1NTE5AAAAI.{20}/, 'AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAA');
    assert.notEqual(otherKey, knownHosts);
    for (const tool of restics) {
      const refused = await runRestic(
        tool,
        'sftp',
        { ...config(tool), knownHosts: otherKey },
        { password: PASSWORD, privateKey },
        ['snapshots'],
      );
      assert.notEqual(refused.code, 0);
      // The same access with the known key went through just before. restic may leave before it has read any of ssh's words.
      assert.match(
        refused.stderr,
        /Host key verification failed|HOST IDENTIFICATION HAS CHANGED|subprocess ssh: @{20}|unable to start the sftp session/i,
      );
    }
  } finally {
    await server.stop();
  }
});
