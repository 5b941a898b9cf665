import { existsSync, globSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { runCommand, SetupError } from './command.ts';
import type { ForeignNeed } from './needs.ts';

/** Where packages keep programs, in the order in which they are searched. */
const programFolders = ['usr/sbin', 'usr/bin'];

/**
 * Turns unpacked packages into programs that run with libraries of their own: `usr/bin/<program>` is a script that becomes the
 * program by way of the loader beside it, under the same process id, so signals, groups and parent-death signals hold. It finds its
 * folder by its own path; the whole may be moved or copied. What no program needs is removed.
 * @throws SetupError when a program or the loader is not there, or a program does not start.
 */
export async function reduceToPrograms(folder: string, { suite, packages, programs }: ForeignNeed): Promise<void> {
  const [loader] = globSync('usr/lib/*/ld-linux*.so.*', { cwd: folder });
  if (loader === undefined) throw new SetupError(`The packages of Debian ${suite} bring no loader for ${process.arch}.`);
  const own = join(folder, 'programs');
  await mkdir(own);
  for (const program of programs) {
    const found = programFolders.map((each) => join(folder, each, program)).find((path) => existsSync(path));
    if (found === undefined)
      throw new SetupError(`${program} is not in ${packages.join(', ')} of Debian ${suite} any more: find where it is now.`);
    await rename(found, join(own, program));
  }
  const libraries = dirname(loader);
  await keepLibraries(folder, libraries);
  await mkdir(join(folder, 'usr/bin'), { recursive: true });
  for (const program of programs) {
    const path = join(folder, 'usr/bin', program);
    await writeFile(path, writeStarter(program, libraries, basename(loader)));
    await chmod(path, 0o755);
    const outcome = await runCommand(path, ['--no-defaults', '--version']);
    if (outcome.code !== 0) throw new SetupError(`${program} of Debian ${suite} does not run here: ${outcome.stderr.trim()}`);
  }
}

/** Only shared objects that lie beside the loader; everything else in the packages goes. */
async function keepLibraries(folder: string, libraries: string): Promise<void> {
  const kept = join(folder, 'libraries');
  await rename(join(folder, libraries), kept);
  for (const entry of await readdir(folder))
    if (entry !== 'libraries' && entry !== 'programs') await rm(join(folder, entry), { recursive: true, force: true });
  for (const entry of await readdir(kept, { withFileTypes: true }))
    if (entry.isDirectory() || !/\.so(?:\.|$)/.test(entry.name))
      await rm(join(kept, entry.name), { recursive: true, force: true });
  await mkdir(dirname(join(folder, libraries)), { recursive: true });
  await rename(kept, join(folder, libraries));
}

function writeStarter(program: string, libraries: string, loader: string): string {
  return [
    '#!/bin/sh',
    `root="\${0%/*}/../.."`,
    `exec "$root/${libraries}/${loader}" --library-path "$root/${libraries}" --argv0 "$root/programs/${program}" "$root/programs/${program}" "$@"`,
    '',
  ].join('\n');
}
