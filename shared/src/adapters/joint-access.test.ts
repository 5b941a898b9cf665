import assert from 'node:assert/strict';
import test from 'node:test';
import { AppError } from '../errors.ts';
import { joinAccess } from './joint-access.ts';
import { localRepository } from './repositories/local.ts';
import { s3Repository } from './repositories/s3.ts';
import { sftpRepository } from './repositories/sftp.ts';

const local = (path: string, workDir: string) =>
  localRepository.planAccess({ config: { path }, secrets: { password: 'one' }, workDir });
const s3 = (workDir: string, change: { secretAccessKey?: string; pathStyle?: boolean } = {}) =>
  s3Repository.planAccess({
    config: {
      endpoint: 'https://s3.example.com',
      bucket: 'backup',
      accessKeyId: 'KEY',
      pathStyle: change.pathStyle ?? false,
    },
    secrets: { password: 'two', secretAccessKey: change.secretAccessKey ?? 'secret' },
    workDir,
  });
const sftp = (workDir: string) =>
  sftpRepository.planAccess({
    config: { host: 'a.example.com', port: 22, user: 'backup', path: '/backup', knownHosts: 'a.example.com ssh-ed25519 AAAA' },
    secrets: { password: 'three', privateKey: 'KEY' },
    workDir,
  });
const refused = (error: unknown) => error instanceof AppError && error.code === 'unsupported';

test('the repository copied from gets names of its own, and the files of both stand side by side', () => {
  const joined = joinAccess(local('/a', '/w/from'), local('/b', '/w'));
  assert.deepEqual(joined.env, {
    RESTIC_FROM_REPOSITORY: 'local:/a',
    RESTIC_FROM_PASSWORD_FILE: '/w/from/restic-password',
    RESTIC_REPOSITORY: 'local:/b',
    RESTIC_PASSWORD_FILE: '/w/restic-password',
  });
  assert.deepEqual(
    joined.files.map(({ path }) => path),
    ['/w/from/restic-password', '/w/restic-password'],
  );
});

test('a cloud and a directory go together either way, with the keys of the cloud', () => {
  for (const joined of [joinAccess(s3('/w/from'), local('/b', '/w')), joinAccess(local('/a', '/w/from'), s3('/w'))])
    assert.equal(joined.env['AWS_SECRET_ACCESS_KEY'], 'secret');
});

test('two clouds go together only with the same keys and the same way of addressing', () => {
  assert.equal(joinAccess(s3('/w/from'), s3('/w')).env['AWS_ACCESS_KEY_ID'], 'KEY');
  assert.throws(() => joinAccess(s3('/w/from', { secretAccessKey: 'other' }), s3('/w')), refused);
  assert.throws(() => joinAccess(s3('/w/from', { pathStyle: true }), s3('/w')), refused);
  const both = joinAccess(s3('/w/from', { pathStyle: true }), s3('/w', { pathStyle: true }));
  assert.deepEqual(both.args, ['-o', 's3.bucket-lookup=path']);
});

test('SFTP goes together with a cloud and not with another SFTP server, whose command would be taken for both', () => {
  assert.ok(joinAccess(sftp('/w/from'), s3('/w')).args.includes('-o'));
  assert.throws(() => joinAccess(sftp('/w/from'), sftp('/w')), refused);
});
