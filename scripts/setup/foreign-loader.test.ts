import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { runCommand, SetupError } from './command.ts';
import { reduceToPrograms } from './foreign-loader.ts';

const NEED = { suite: 'sid', packages: ['tool-core'], programs: ['tool'], bringsLibraries: true } as const;
/** In the place of a loader: tells its process and what it was given. */
const LOADER = '#!/bin/sh\necho "$$ $*"\n';

async function unpack(files: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-loader-'));
  for (const file of files) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), LOADER);
    await chmod(join(folder, file), 0o755);
  }
  return folder;
}

const PACKAGES = [
  ...['usr/lib/cpu-linux-gnu/ld-linux-cpu.so.2', 'usr/lib/cpu-linux-gnu/libc.so.6', 'usr/lib/cpu-linux-gnu/gconv/UTF-7.so'],
  ...['usr/sbin/tool', 'usr/sbin/other', 'usr/lib/tool/plugin.so', 'usr/share/doc/tool/copyright', 'etc/tool.conf'],
];

test('a program becomes itself by way of the loader beside it, wherever the folder is moved, and nothing else is kept', async () => {
  const folder = await unpack(PACKAGES);
  const moved = `${folder}-moved to`;
  try {
    await reduceToPrograms(folder, NEED);
    const kept = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    assert.deepEqual(kept.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort(), [
      'programs/tool',
      'usr/bin/tool',
      'usr/lib/cpu-linux-gnu/ld-linux-cpu.so.2',
      'usr/lib/cpu-linux-gnu/libc.so.6',
    ]);
    await rename(folder, moved);
    const { stdout } = await runCommand('sh', ['-c', 'echo $$; exec "$0" "--a b" c', join(moved, 'usr/bin/tool')]);
    const [pid, told = ''] = stdout.split('\n');
    assert.ok(told.startsWith(`${pid} --library-path ${moved}/`), 'no process is added');
    assert.ok(told.endsWith('/programs/tool --a b c'));
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(moved, { recursive: true, force: true });
  }
});

test('a program that is not in its packages any more, and packages without a loader, are named', async () => {
  for (const [files, words] of [
    [PACKAGES.filter((file) => file !== 'usr/sbin/tool'), /tool is not in tool-core of Debian sid any more/],
    [['usr/sbin/tool'], /bring no loader/],
  ] as const) {
    const folder = await unpack(files);
    try {
      await assert.rejects(reduceToPrograms(folder, NEED), (error) => error instanceof SetupError && words.test(error.message));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
});
