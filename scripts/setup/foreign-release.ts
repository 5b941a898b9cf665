import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand, SetupError, tailLines } from './command.ts';
import { type ArchiveOptions, fetchForeignArchives } from './foreign-archives.ts';
import { reduceToPrograms } from './foreign-loader.ts';

export type ForeignReleaseOptions = ArchiveOptions & {
  /** Where the programs end up: `<toolsFolder>/<suite>/usr/bin/<program>`. */
  readonly toolsFolder: string;
};

/** Where a program of another release is, or would be, unpacked. */
export function foreignProgramPath(toolsFolder: string, suite: string, program: string): string {
  return join(toolsFolder, suite, 'usr/bin', program);
}

/**
 * Brings what is not there yet, a line for each thing. What only some tests need may stay away: that is said, those fail by name, and the
 * next setup tries again. @throws SetupError for everything else that fails.
 */
export async function bringForeignRelease(
  options: ForeignReleaseOptions,
  say: (state: string, what: string, where?: string) => void,
): Promise<void> {
  const { need, toolsFolder } = options;
  const paths = need.programs.map((program) => foreignProgramPath(toolsFolder, need.suite, program));
  if (!paths.every((path) => existsSync(path))) {
    say('fetch', `${need.packages.join(', ')} of Debian ${need.suite}, unpacked into .tools`);
    try {
      await unpackForeignRelease(options);
    } catch (error) {
      if (need.onlyFor === undefined || !(error instanceof SetupError)) throw error;
      say('missing', need.packages.join(', '), `${error.message}\nThe ${need.onlyFor} will fail; nothing else needs this.`);
      return;
    }
  }
  for (const [index, program] of need.programs.entries()) say('ok', `${program} (${need.suite})`, paths[index]);
}

/**
 * Unpacks packages of another Debian release into the checkout. Nothing of the system changes: apt works on a private state
 * folder, authenticates with Debian's keyring, and the packages are only unpacked, their scripts never run.
 * @throws SetupError when no Debian archive is configured, a download fails, or a program is not in its packages any more.
 */
export async function unpackForeignRelease(options: ForeignReleaseOptions): Promise<void> {
  const { need, toolsFolder } = options;
  await mkdir(toolsFolder, { recursive: true });
  const archives = await fetchForeignArchives(options);
  const draft = await mkdtemp(join(toolsFolder, `${need.suite}.draft-`));
  try {
    for (const archive of archives) {
      const outcome = await runCommand('dpkg-deb', ['-x', archive, draft]);
      if (outcome.code !== 0) {
        await rm(archive, { force: true });
        throw new SetupError(`${archive} could not be unpacked and was removed; run again.\n${tailLines(outcome.stderr)}`);
      }
    }
    if (need.bringsLibraries) await reduceToPrograms(draft, need);
    else await rm(join(draft, 'usr/share'), { recursive: true, force: true });
    await chmod(draft, 0o755);
    const target = join(toolsFolder, need.suite);
    await rm(target, { recursive: true, force: true });
    await rename(draft, target);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
