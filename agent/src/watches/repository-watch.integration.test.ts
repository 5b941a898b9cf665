import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createServer, type Server } from 'node:tls';
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Spec, SpecRepository } from '@holdfast/shared/domain/plan.ts';
import { REPOSITORY_LOOKS } from '@holdfast/shared/limits.ts';
import { REPOSITORY_LOOK_FRAMES, type RepositoryLook } from '@holdfast/shared/protocol/repository-looks.ts';
import { createRepositoryWatch } from './repository-watch.ts';

const DAY = 24 * 3_600_000;
const NOW = Date.now();
let directory: string;
let server: Server;
let port: number;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-places-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = ['-subj', '/CN=rest.example.test', '-days', '9', '-nodes', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', ...subject], {
    stdio: 'ignore',
  });
  server = createServer({ key: readFileSync(key), cert: readFileSync(cert) });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
after(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

function createRepository(id: string, kind: string, config: SpecRepository['config'], version = 1): SpecRepository {
  return { id: id as RepositoryId, name: id, kind, config, version } as SpecRepository;
}

function openWatch(repositories: SpecRepository[]) {
  let passedMs = 0;
  const state = { isConnected: true };
  const told: RepositoryLook[] = [];
  const watch = createRepositoryWatch({
    clock: { now: () => NOW + passedMs, monotonicMs: () => passedMs },
    spec: () => ({ repositories }) as unknown as Spec,
    report(looks) {
      if (!state.isConnected) return false;
      told.push(...REPOSITORY_LOOK_FRAMES['repositories.seen'].parse({ looks }).looks);
      return true;
    },
  });
  return {
    state,
    async turnOn(ms: number) {
      passedMs += ms;
      await watch.tick();
      return told.splice(0);
    },
  };
}

describe('The watch over places of repositories', () => {
  it('tells the room where one lies on this host, and looks again after a while', async () => {
    const { turnOn } = openWatch([createRepository('repo_1', 'local', { path: directory })]);
    const [first] = await turnOn(0);
    assert.equal(first?.repository, 'repo_1');
    assert.ok((first?.freeBytes ?? 0) > 0);
    assert.equal(first?.certificateEndsAt, undefined);
    assert.deepEqual(await turnOn(REPOSITORY_LOOKS.diskEveryMs - 1), []);
    assert.equal((await turnOn(1)).length, 1);
  });

  it('tells when the certificate of an https address ends, whoever signed it', async () => {
    const rest = createRepository('repo_2', 'rest', { url: `https://127.0.0.1:${port}/shop/` });
    const s3 = createRepository('repo_3', 's3', { endpoint: `127.0.0.1:${port}`, bucket: 'b' });
    const { turnOn } = openWatch([rest, s3]);
    const looks = await turnOn(0);
    assert.deepEqual(looks.map(({ repository }) => repository).sort(), ['repo_2', 'repo_3']);
    for (const { certificateEndsAt = 0 } of looks) assert.ok(Math.abs(certificateEndsAt - NOW - 9 * DAY) < DAY);
    assert.deepEqual(await turnOn(REPOSITORY_LOOKS.certificateEveryMs - 1), []);
  });

  it('says nothing where there is nothing to see', async () => {
    const { turnOn } = openWatch([
      createRepository('repo_4', 'local', { path: join(directory, 'not-there') }),
      createRepository('repo_5', 'rest', { url: 'http://127.0.0.1:1/x' }),
      createRepository('repo_6', 'rest', { url: 'https://127.0.0.1:1/x' }),
      createRepository('repo_7', 'sftp', { host: 'nas.example.test' }),
      createRepository('repo_8', 'of-a-newer-server', {}),
    ]);
    assert.deepEqual(await turnOn(0), []);
    assert.deepEqual(await turnOn(REPOSITORY_LOOKS.certificateEveryMs), []);
  });

  it('keeps what was not told until there is a line, and looks at once at one that was changed', async () => {
    const repositories = [createRepository('repo_9', 'local', { path: directory })];
    const { state, turnOn } = openWatch(repositories);
    state.isConnected = false;
    assert.deepEqual(await turnOn(0), []);
    state.isConnected = true;
    assert.equal((await turnOn(1)).length, 1);
    repositories.splice(0, 1, createRepository('repo_9', 'local', { path: tmpdir() }, 2));
    assert.equal((await turnOn(1)).length, 1);
  });
});
