import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Config, Secrets } from './field.ts';
import { listOpeningLines, nameSecret } from './opening-by-hand.ts';
import { localRepository } from './repositories/local.ts';
import { restRepository } from './repositories/rest.ts';
import { s3Repository } from './repositories/s3.ts';
import { sftpRepository } from './repositories/sftp.ts';
import type { RepositoryAdapter } from './repository.ts';

/** Runs the lines in a shell whose `restic` says what it was given; what it was told, and the files that were made. */
function runLines(t: TestContext, adapter: RepositoryAdapter, config: Config, secrets: Secrets) {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-opening-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, 'main');
  const lines = listOpeningLines(adapter, { config, secrets, folder });
  const stub = `${root}/restic`;
  const script = [
    `printf '#!/bin/sh\\nfor word; do printf "arg %%s\\\\n" "$word"; done; env\\n' > '${stub}'; chmod +x '${stub}'; PATH='${root}':$PATH`,
    ...lines,
    'restic snapshots',
  ].join('\n');
  const told = execFileSync('/bin/sh', ['-c', script], { env: { PATH: process.env['PATH'] ?? '' }, encoding: 'utf8' }).split(
    '\n',
  );
  return {
    args: told.flatMap((line) => (line.startsWith('arg ') ? [line.slice(4)] : [])),
    find: (name: string) => told.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1),
    read: (name: string) => readFileSync(join(folder, name), 'utf8'),
    modeOf: (name: string) => statSync(join(folder, name)).mode & 0o777,
    folder,
  };
}

test('a directory: its password comes out of the shell as it went in, in a file for its owner alone', (t) => {
  const password = "it's $HOME `id` \\ END\nEND\nand so on";
  const opened = runLines(t, localRepository, { path: "/backup/it's here" }, { password });
  assert.equal(opened.find('RESTIC_REPOSITORY'), "local:/backup/it's here");
  assert.equal(opened.find('RESTIC_PASSWORD_FILE'), `${opened.folder}/restic-password`);
  assert.equal(opened.read('restic-password'), `${password}\n`);
  assert.equal(opened.modeOf('restic-password'), 0o600);
  assert.deepEqual(opened.args, ['snapshots']);
});

test('a REST server: user and password stand in the address, in a file', (t) => {
  const config = { url: 'https://backup.example.com:8000/shop/', username: 'db-1', caCert: 'PEM' };
  const opened = runLines(t, restRepository, config, {
    password: nameSecret('password'),
    restPassword: nameSecret('restPassword'),
  });
  assert.equal(opened.read('restic-repository'), 'rest:https://db-1:REST_PASSWORD@backup.example.com:8000/shop/\n');
  assert.deepEqual(opened.args, ['--cacert', `${opened.folder}/restic-ca.crt`, 'snapshots']);
  assert.equal(opened.find('RESTIC_REPOSITORY_FILE'), `${opened.folder}/restic-repository`);
});

test('a bucket: keys are in the environment', (t) => {
  const config = { endpoint: 's3.example.com', bucket: 'backup', accessKeyId: 'AKIA', pathStyle: true };
  const opened = runLines(t, s3Repository, config, { password: 'PASSWORD', secretAccessKey: nameSecret('secretAccessKey') });
  assert.equal(opened.find('AWS_SECRET_ACCESS_KEY'), 'SECRET_ACCESS_KEY');
  assert.deepEqual(opened.args, ['-o', 's3.bucket-lookup=path', 'snapshots']);
});

test('an SFTP server: ssh is told of key and host by a configuration of its own', (t) => {
  const config = { host: 'nas', port: 2222, user: 'backup', path: '/b', knownHosts: 'nas ssh-ed25519 AAAA' };
  const opened = runLines(t, sftpRepository, config, { password: 'PASSWORD', privateKey: nameSecret('privateKey') });
  assert.equal(opened.read('ssh_key'), 'PRIVATE_KEY\n');
  assert.match(opened.read('ssh_config'), /\nPort 2222\n/);
  assert.deepEqual(opened.args, [
    '-o',
    `sftp.command=ssh -F ${opened.folder}/ssh_config -s holdfast-repository sftp`,
    'snapshots',
  ]);
});
