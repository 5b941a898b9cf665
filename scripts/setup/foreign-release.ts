import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand, SetupError, tailLines } from './command.ts';
import type { ForeignNeed } from './needs.ts';

const keyringPath = '/usr/share/keyrings/debian-archive-keyring.gpg';

export type ForeignReleaseOptions = {
  readonly need: ForeignNeed;
  /** Where the programs end up: `<toolsFolder>/<suite>/usr/bin/<program>`. */
  readonly toolsFolder: string;
  /** Downloaded packages are kept here for other checkouts of the same user. */
  readonly cacheFolder: string;
  /** The running release's name, to recognise its archive among the configured ones. */
  readonly codename: string;
};

/** Where a program of another release is, or would be, unpacked. */
export function foreignProgramPath(toolsFolder: string, suite: string, program: string): string {
  return join(toolsFolder, suite, 'usr/bin', program);
}

/**
 * Unpacks packages of another Debian release into the checkout. Nothing of the system changes: apt works on a private state
 * folder, authenticates with Debian's keyring, and the packages are only unpacked, their scripts never run.
 * @throws SetupError when no Debian archive is configured or a download fails.
 */
export async function unpackForeignRelease(options: ForeignReleaseOptions): Promise<void> {
  const { need, toolsFolder, cacheFolder } = options;
  const suiteCache = join(cacheFolder, `${need.suite}-${process.arch}`);
  await mkdir(suiteCache, { recursive: true });
  await mkdir(toolsFolder, { recursive: true });
  let archives = await findCachedArchives(suiteCache, need.packages);
  if (archives === undefined) {
    await downloadArchives(options, suiteCache);
    archives = await findCachedArchives(suiteCache, need.packages);
  }
  if (archives === undefined)
    throw new SetupError(`apt-get download left no package of ${need.packages.join(', ')} in ${suiteCache}.`);
  const draft = await mkdtemp(join(toolsFolder, `${need.suite}.draft-`));
  try {
    for (const archive of archives) {
      const outcome = await runCommand('dpkg-deb', ['-x', archive, draft]);
      if (outcome.code !== 0) {
        await rm(archive, { force: true });
        throw new SetupError(`${archive} could not be unpacked and was removed; run again.\n${tailLines(outcome.stderr)}`);
      }
    }
    await rm(join(draft, 'usr/share'), { recursive: true, force: true });
    await chmod(draft, 0o755);
    const target = join(toolsFolder, need.suite);
    await rm(target, { recursive: true, force: true });
    await rename(draft, target);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function findCachedArchives(folder: string, packages: readonly string[]): Promise<string[] | undefined> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.deb')).sort();
  const found: string[] = [];
  for (const packageName of packages) {
    const archive = names.filter((name) => name.startsWith(`${packageName}_`)).at(-1);
    if (archive === undefined) return undefined;
    found.push(join(folder, archive));
  }
  return found;
}

async function downloadArchives({ need, codename }: ForeignReleaseOptions, destination: string): Promise<void> {
  const mirror = await getDebianMirror(codename);
  const state = await mkdtemp(join(tmpdir(), 'holdfast-apt-'));
  try {
    const folders = {
      lists: join(state, 'lists'),
      cache: join(state, 'cache'),
      parts: join(state, 'parts'),
      debs: join(state, 'debs'),
    };
    await mkdir(join(folders.lists, 'partial'), { recursive: true });
    await mkdir(join(folders.cache, 'archives/partial'), { recursive: true });
    await mkdir(folders.parts);
    await mkdir(folders.debs);
    const sources = join(state, 'sources.list');
    const signedBy = existsSync(keyringPath) ? `[signed-by=${keyringPath}] ` : '';
    await writeFile(sources, `deb ${signedBy}${mirror} ${need.suite} main\n`);
    const apt = [
      ...['-o', `Dir::State::Lists=${folders.lists}`, '-o', `Dir::Cache=${folders.cache}`],
      ...['-o', `Dir::Etc::SourceList=${sources}`, '-o', `Dir::Etc::SourceParts=${folders.parts}`],
      ...[
        '-o',
        'Acquire::Languages=none',
        '-o',
        'Acquire::Retries=3',
        '-o',
        'APT::Sandbox::User=',
        '-o',
        'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false',
      ],
    ];
    for (const step of [
      ['update', '--error-on=any'],
      ['download', ...need.packages],
    ]) {
      const outcome = await runCommand('apt-get', [...apt, ...step], {
        cwd: folders.debs,
        env: { ...process.env, LC_ALL: 'C.UTF-8' },
      });
      if (outcome.code !== 0) {
        throw new SetupError(`apt-get ${step[0]} for Debian ${need.suite} exited ${outcome.code}:\n${tailLines(outcome.stderr)}`);
      }
    }
    for (const name of await readdir(folders.debs)) await publishArchive(join(folders.debs, name), join(destination, name));
  } finally {
    await rm(state, { recursive: true, force: true });
  }
}

/** Copies under a draft name first, so that a reader of the cache never meets half a package. */
async function publishArchive(from: string, to: string): Promise<void> {
  const draft = `${to}.draft-${process.pid}`;
  await copyFile(from, draft);
  await rename(draft, to);
}

/** Asks apt itself, which reads one-line and deb822 sources alike, for the archive the running release comes from. */
async function getDebianMirror(codename: string): Promise<string> {
  const format = '$(RELEASE) $(COMPONENT) $(REPO_URI)';
  const outcome = await runCommand('apt-get', ['indextargets', '--no-release-info', '--format', format, 'Created-By: Packages']);
  const mirror = pickMirror(outcome.stdout, codename);
  if (mirror !== undefined) return mirror;
  throw new SetupError(
    `No Debian archive for "${codename}" is configured in apt, so another release's restic cannot be fetched.\n` +
      'Add a Debian mirror to /etc/apt/sources.list.d, or unpack that restic package into .tools by hand.',
  );
}

/** Picks the mirror from lines of "release component uri"; security, update and other parties' archives do not count. */
export function pickMirror(lines: string, codename: string): string | undefined {
  const archives = lines.split('\n').map((line) => line.trim().split(' '));
  for (const wanted of [codename, 'stable', 'testing', 'unstable', 'sid']) {
    const match = archives.find(
      ([release, component, uri]) => release === wanted && component === 'main' && uri !== undefined && !uri.includes('security'),
    );
    if (match?.[2] !== undefined) return match[2];
  }
  return undefined;
}
