import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { runCommand, SetupError } from './command.ts';
import { bringForeignRelease, foreignProgramPath, unpackForeignRelease } from './foreign-release.ts';

const codename = /^VERSION_CODENAME="?([a-z]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';

test('a program of another release is fetched, runs, and comes from the cache the second time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-foreign-'));
  try {
    const need = { suite: 'trixie', packages: ['restic-rest-server'], programs: ['restic-rest-server'] };
    const cacheFolder = join(folder, 'cache');
    const toolsFolder = join(folder, 'tools');
    await unpackForeignRelease({ need, toolsFolder, cacheFolder, codename });
    const outcome = await runCommand(foreignProgramPath(toolsFolder, 'trixie', 'restic-rest-server'), ['--version']);
    assert.match(outcome.stdout, /rest-server 0\.1[0-9]/);
    assert.deepEqual(await readdir(toolsFolder), ['trixie']);

    const secondTools = join(folder, 'second');
    await unpackForeignRelease({ need, toolsFolder: secondTools, cacheFolder, codename: 'no-such-release' });
    assert.deepEqual(await readdir(join(secondTools, 'trixie/usr/bin')), ['restic-rest-server']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a machine without a Debian archive is told so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-foreign-'));
  try {
    const need = { suite: 'trixie', packages: ['restic'], programs: ['restic'] };
    const attempt = unpackForeignRelease({
      need,
      toolsFolder: join(folder, 'tools'),
      cacheFolder: join(folder, 'cache'),
      codename: 'absent',
    });
    await assert.rejects(attempt, (error) => error instanceof SetupError && /No Debian archive for "absent"/.test(error.message));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('what only some tests need stops nothing when it cannot be fetched, and is named with what keeps it away', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-foreign-'));
  try {
    const need = { suite: 'sid', packages: ['mysql-server-core'], programs: ['mysqld'], onlyFor: 'tests against MySQL' } as const;
    const said: string[] = [];
    const options = { need, toolsFolder: join(folder, 'tools'), cacheFolder: join(folder, 'cache'), codename: 'absent' };
    await bringForeignRelease(options, (...words) => said.push(words.join(' ')));
    assert.match(
      said.join('\n'),
      /^fetch .*\nmissing mysql-server-core No Debian archive for "absent"[\s\S]*\nThe tests against MySQL will fail; nothing else needs this\.$/,
    );
    const { onlyFor: _none, ...needed } = need;
    await assert.rejects(
      bringForeignRelease({ ...options, need: needed }, () => undefined),
      SetupError,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
