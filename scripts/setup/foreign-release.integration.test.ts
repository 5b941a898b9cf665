import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { runCommand, SetupError } from './command.ts';
import { foreignProgramPath, unpackForeignRelease } from './foreign-release.ts';

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
