import assert from 'node:assert/strict';
import test from 'node:test';
import { joinAccess } from '@holdfast/shared/adapters/joint-access.ts';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import { createKeyRing, openBy } from './key-ring.ts';
import { findCurrentKey, parseKeyIds } from './parse-keys.ts';

const accessIn = (workDir: string, password = 'pw', repository = '/srv/one'): RepositoryAccess => ({
  env: { RESTIC_REPOSITORY: repository, RESTIC_PASSWORD_FILE: `${workDir}/password` },
  files: [
    { path: `${workDir}/password`, content: password },
    { path: `${workDir}/ssh_config`, content: `IdentityFile "${workDir}/key"\n` },
  ],
  args: ['-o', `sftp.command=ssh -F ${workDir}/ssh_config`],
  redact: [password],
});
const key = { id: 'a'.repeat(64), password: 'machine', openerId: 'b'.repeat(64) };
const clockAt = (now: () => number) => ({ now, monotonicMs: now });

test('a key is known by the way to its repository and the password, whatever the work directory', () => {
  const ring = createKeyRing(clockAt(() => 0));
  ring.hold(accessIn('/run/1'), key);
  assert.deepEqual(ring.find(accessIn('/run/2')), key);
  assert.equal(ring.find(accessIn('/run/2', 'other')), undefined);
  assert.equal(ring.find(accessIn('/run/2', 'pw', '/srv/two')), undefined);
  ring.forgetAll();
  assert.equal(ring.find(accessIn('/run/1')), undefined);
  ring.hold(accessIn('/run/1'), key);
  ring.forget(accessIn('/run/3'));
  assert.equal(ring.find(accessIn('/run/1')), undefined);
});

test('an access is fitted with key and password, and redacts both', () => {
  const ring = createKeyRing(clockAt(() => 0));
  const access = accessIn('/run/1');
  assert.equal(ring.fit(access), access);
  ring.hold(access, key);
  const fitted = ring.fit(access);
  assert.equal(fitted.env['RESTIC_KEY_HINT'], key.id);
  assert.deepEqual(fitted.files[0], { path: '/run/1/password', content: 'machine' });
  assert.equal(fitted.files[1], access.files[1]);
  assert.deepEqual(fitted.redact, ['pw', 'machine']);
});

test('a command gives its machine keys up for the passwords, and they are forgotten', () => {
  const ring = createKeyRing(clockAt(() => 0));
  const [from, to] = [accessIn('/run/1/a', 'one'), { ...accessIn('/run/1/b', 'two', '/srv/two'), args: [] }];
  const other = { ...key, id: 'c'.repeat(64), password: 'other machine' };
  ring.hold(from, key);
  ring.hold(to, other);
  const access = joinAccess(ring.fit(from), ring.fit(to));
  const command = { ...access, tool: 'restic', args: ['copy'] } as const;
  const plain = ring.giveUp(command);
  assert.equal(plain?.env['RESTIC_KEY_HINT'], undefined);
  assert.equal(plain?.env['RESTIC_FROM_KEY_HINT'], undefined);
  assert.deepEqual(
    plain?.files.filter(({ path }) => path.endsWith('/password')).map(({ content }) => content),
    ['one', 'two'],
  );
  assert.equal(ring.find(from) ?? ring.find(to), undefined);
  assert.equal(ring.giveUp({ ...command, env: from.env }), undefined);
});

test('what could not be added is left alone for six hours, apart from what is only looked for', () => {
  let now = 0;
  const ring = createKeyRing(clockAt(() => now));
  const access = accessIn('/run/1');
  ring.refuse(access, true);
  assert.deepEqual([ring.isRefused(access, true), ring.isRefused(access, false)], [true, false]);
  now = 6 * 3_600_000;
  assert.equal(ring.isRefused(access, true), false);
});

test('an access without a password file is left as it is', () => {
  const ring = createKeyRing(clockAt(() => 0));
  const bare = { env: {}, files: [], args: [], redact: [] };
  ring.hold(bare, key);
  assert.equal(ring.fit(bare), bare);
  assert.deepEqual(openBy(bare, key).files, []);
});

test('of what restic lists only ids are keys, and the current one is the one it says', () => {
  assert.deepEqual(parseKeyIds(`${key.id}\nwarning: x\n\n${key.id.slice(1)}\n`), [key.id]);
  const list = [
    { current: false, id: '12345678', userName: 'a' },
    { current: true, id: '87654321', userName: 'b' },
  ];
  assert.equal(findCurrentKey(list), '87654321');
  assert.equal(findCurrentKey([list[0]]), undefined);
  assert.equal(findCurrentKey([{ current: true, id: '-rf' }]), undefined);
  assert.equal(findCurrentKey('x'), undefined);
});
