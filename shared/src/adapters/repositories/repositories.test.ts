import assert from 'node:assert/strict';
import test from 'node:test';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import { AppError } from '../../errors.ts';
import { type Config, createConfigSchema, type Secrets } from '../field.ts';
import type { RepositoryAdapter } from '../repository.ts';
import { localRepository } from './local.ts';
import { encodeUserInfo, restRepository } from './rest.ts';
import { s3Repository } from './s3.ts';
import { sftpRepository } from './sftp.ts';

const PASSWORD = 'canary-of-restic';
const plan = (adapter: RepositoryAdapter, config: Config, secrets: Secrets = {}) =>
  adapter.planAccess({ config, secrets: { password: PASSWORD, ...secrets }, workDir: '/w' });
const isInvalid = (error: unknown) => error instanceof AppError && error.code === 'invalid';
const S3 = { endpoint: 's3.example.com', bucket: 'backups', accessKeyId: 'AKEXAMPLE' };
const S3_SECRETS = { secretAccessKey: 'canary-of-s3-key' };
const SFTP = { host: 'backup.example.com', user: 'agent', path: '/backup', knownHosts: 'backup.example.com ssh-ed25519 AAAA' };
const SFTP_SECRETS = { privateKey: '-----BEGIN KEY-----\r\ncanary-of-ssh-key\r\n-----END KEY-----' };
const findContent = (access: ReturnType<typeof plan>, name: string) =>
  access.files.find((file) => file.path === `/w/${name}`)?.content;

test('one line break at the end of a password is dropped, white space restic would drop is refused, inner breaks stay', () => {
  const contentOf = (password: string) => findContent(plan(localRepository, { path: '/b' }, { password }), 'restic-password');
  assert.equal(contentOf('secret\n'), 'secret');
  assert.equal(contentOf('secret\r\n'), 'secret');
  assert.equal(contentOf('sec\nret'), 'sec\nret');
  for (const password of [' secret', 'secret ', 'secret\n\n', '\ufeffsecret', '\n', '', '\u0085x', 'a\u0000b']) {
    assert.throws(() => contentOf(password), isInvalid, JSON.stringify(password));
  }
});

test('a local path is marked as one and stays free of schemes', () => {
  assert.equal(plan(localRepository, { path: '/s3:b/r' }).env['RESTIC_REPOSITORY'], 'local:/s3:b/r');
  assert.equal(localRepository.localPath?.({ path: '/b' }), '/b');
  const schema = createConfigSchema(localRepository.fields);
  for (const path of ['backup', 's3:x', '', '/a\nb']) assert.equal(schema.safeParse({ path }).success, false);
});

test('rest credentials are percent-encoded into the repository file alone, and every form of them is redacted', () => {
  const access = plan(restRepository, { url: 'https://b.example.com:8000/a/', username: 'a:b@c' }, { restPassword: 'p/w?#%x y' });
  const location = 'rest:https://a%3Ab%40c:p%2Fw%3F%23%25x%20y@b.example.com:8000/a/';
  assert.equal(findContent(access, 'restic-repository'), `${location}\n`);
  assert.equal(JSON.stringify([access.args, access.env]).includes('p%2Fw'), false);
  for (const text of [location, 'p/w?#%x y', 'p%2Fw%3F%23%25x%20y', btoa('a:b@c:p/w?#%x y')])
    assert.ok(access.redact.includes(text), text);
});

test('encoded user info decodes to itself and has no reserved character', () => {
  fc.assert(
    fc.property(fc.string({ unit: ANY_CHARACTER }), (text) => {
      const encoded = encodeUserInfo(text);
      assert.match(encoded, /^[A-Za-z0-9\-_.~%]*$/);
      assert.equal(decodeURIComponent(encoded), text);
    }),
  );
});

test('a rest address without TLS is allowed on the host itself, elsewhere only explicitly', () => {
  for (const url of ['http://127.0.0.1:8000/', 'http://localhost:8000/', 'http://[::1]:8000/']) plan(restRepository, { url });
  plan(restRepository, { url: 'http://b.example.com/', allowHttp: true });
  for (const url of [
    'http://b.example.com/',
    'http://127.0.0.1.example.com/',
    'ftp://b.example.com/',
    'https://u:p@b.example.com/',
    'https://b.example.com/?a',
    'nonsense',
  ]) {
    assert.throws(() => plan(restRepository, { url }), isInvalid, url);
  }
});

test('a password of a rest server needs its user', () => {
  assert.throws(() => plan(restRepository, { url: 'https://b.example.com/' }, { restPassword: 'canary' }), isInvalid);
});

test('an S3 location is https unless it is this host and plain HTTP was allowed', () => {
  const locate = (config: Config) => plan(s3Repository, { ...S3, ...config }, S3_SECRETS).env['RESTIC_REPOSITORY'];
  assert.equal(locate({}), 's3:https://s3.example.com/backups');
  assert.equal(locate({ endpoint: 'https://s3.example.com:9000/', prefix: 'a/b' }), 's3:https://s3.example.com:9000/backups/a/b');
  assert.equal(locate({ endpoint: 'http://127.0.0.1:9000', allowHttp: true }), 's3:http://127.0.0.1:9000/backups');
  for (const config of [
    { endpoint: 'http://127.0.0.1:9000' },
    { endpoint: 'http://s3.example.com', allowHttp: true },
    { endpoint: 'https://s3.example.com/bucket' },
    { prefix: 'a/../b' },
  ]) {
    assert.throws(() => locate(config), isInvalid, JSON.stringify(config));
  }
});

test('S3 credentials travel by environment, and the bucket style by a fixed option', () => {
  const access = plan(
    s3Repository,
    { ...S3, pathStyle: true, region: 'eu-central-1' },
    { ...S3_SECRETS, sessionToken: 'canary-token' },
  );
  assert.deepEqual(access.args, ['-o', 's3.bucket-lookup=path']);
  assert.equal(access.env['AWS_SECRET_ACCESS_KEY'], 'canary-of-s3-key');
  assert.equal(access.env['AWS_SESSION_TOKEN'], 'canary-token');
  assert.equal(access.env['AWS_DEFAULT_REGION'], 'eu-central-1');
  assert.ok(access.redact.includes('canary-of-s3-key') && access.redact.includes('canary-token'));
});

test('ssh learns everything from a configuration of our own and refuses unknown host keys', () => {
  const access = plan(sftpRepository, { ...SFTP, port: 2222 }, SFTP_SECRETS);
  assert.deepEqual(access.args, ['-o', 'sftp.command=ssh -F /w/ssh_config -s holdfast-repository sftp']);
  assert.equal(findContent(access, 'restic-repository'), 'sftp:holdfast-repository:/backup\n');
  assert.equal(findContent(access, 'ssh_key'), '-----BEGIN KEY-----\ncanary-of-ssh-key\n-----END KEY-----\n');
  const config = findContent(access, 'ssh_config') ?? '';
  for (const line of [
    'HostName backup.example.com',
    'Port 2222',
    'User agent',
    'StrictHostKeyChecking yes',
    'BatchMode yes',
    'IdentitiesOnly yes',
  ]) {
    assert.ok(config.split('\n').includes(line), line);
  }
  assert.ok(access.redact.includes('canary-of-ssh-key'), 'each line of the key is redacted by itself');
});

test('a host, user or path that could mean something to ssh or restic is refused, also past the schema', () => {
  const wrong: readonly Config[] = [
    { host: '-oProxyCommand=x' },
    { host: 'a b' },
    { host: 'a\nProxyCommand x' },
    { host: '%h' },
    { user: '-x' },
    { user: 'a\nb' },
    { user: 'a b' },
    { path: '~/x' },
    { path: ' /x' },
    { path: '/x ' },
  ];
  for (const change of wrong) {
    const config = { ...SFTP, ...change };
    assert.throws(() => plan(sftpRepository, config, SFTP_SECRETS), isInvalid, JSON.stringify(change));
    assert.equal(createConfigSchema(sftpRepository.fields).safeParse(config).success, false, JSON.stringify(change));
  }
  assert.throws(() => plan(sftpRepository, { ...SFTP, path: '/a\nb' }, SFTP_SECRETS), isInvalid);
});
