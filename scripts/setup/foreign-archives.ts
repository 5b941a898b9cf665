import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand, SetupError, tailLines } from './command.ts';
import type { ForeignNeed } from './needs.ts';

const keyringPath = '/usr/share/keyrings/debian-archive-keyring.gpg';

export type ArchiveOptions = {
  readonly need: ForeignNeed;
  /** Downloaded packages are kept here for other checkouts of the same user. */
  readonly cacheFolder: string;
  /** The running release's name, to recognise its archive among the configured ones. */
  readonly codename: string;
};

/** A private apt: nothing of the system's lists, cache or sources is read or changed. */
type PrivateApt = {
  readonly folder: string;
  run(program: 'apt-get', args: readonly string[]): Promise<string>;
};

/**
 * The packages of a need as files, from the cache where it has all of them.
 * @throws SetupError when no Debian archive is configured or a download fails.
 */
export async function fetchForeignArchives(options: ArchiveOptions): Promise<readonly string[]> {
  const { need, cacheFolder } = options;
  const suiteCache = join(cacheFolder, `${need.suite}-${process.arch}`);
  await mkdir(suiteCache, { recursive: true });
  const cached = await findCachedArchives(suiteCache, need);
  if (cached !== undefined) return cached;
  await downloadArchives(options, suiteCache);
  const archives = await findCachedArchives(suiteCache, need);
  if (archives !== undefined) return archives;
  throw new SetupError(`apt-get download left no package of ${need.packages.join(', ')} in ${suiteCache}.`);
}

/** What the packages of a need come with is known only to the archive: it is noted beside them, by file name. */
function getListPath(suiteCache: string, need: ForeignNeed): string {
  return join(suiteCache, `${need.packages.join('+')}.list`);
}

async function findCachedArchives(folder: string, need: ForeignNeed): Promise<string[] | undefined> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.deb')).sort();
  if (need.bringsLibraries) {
    const list = await readFile(getListPath(folder, need), 'utf8').catch(() => '');
    const listed = list.split('\n').filter((name) => name !== '');
    const isWhole = listed.length > 0 && listed.every((name) => names.includes(name));
    return isWhole ? listed.map((name) => join(folder, name)) : undefined;
  }
  const found: string[] = [];
  for (const packageName of need.packages) {
    const archive = names.filter((name) => name.startsWith(`${packageName}_`)).at(-1);
    if (archive === undefined) return undefined;
    found.push(join(folder, archive));
  }
  return found;
}

async function downloadArchives({ need, codename }: ArchiveOptions, destination: string): Promise<void> {
  const apt = await openPrivateApt(await getDebianMirror(codename, need), need.suite);
  try {
    await apt.run('apt-get', ['update', '--error-on=any']);
    const packages = need.bringsLibraries ? await listWithLibraries(apt, need.packages) : need.packages;
    await apt.run('apt-get', ['download', ...packages]);
    const names = (await readdir(join(apt.folder, 'debs'))).filter((name) => name.endsWith('.deb')).sort();
    for (const name of names) await publishFile(join(apt.folder, 'debs', name), join(destination, name));
    if (!need.bringsLibraries) return;
    const list = join(apt.folder, 'list');
    await writeFile(list, `${names.join('\n')}\n`);
    await publishFile(list, getListPath(destination, need));
  } finally {
    await rm(apt.folder, { recursive: true, force: true });
  }
}

async function openPrivateApt(mirror: string, suite: string): Promise<PrivateApt> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-apt-'));
  for (const part of ['lists/partial', 'cache/archives/partial', 'parts', 'debs'])
    await mkdir(join(folder, part), { recursive: true });
  const sources = join(folder, 'sources.list');
  const signedBy = existsSync(keyringPath) ? `[signed-by=${keyringPath}] ` : '';
  await writeFile(sources, `deb ${signedBy}${mirror} ${suite} main\n`);
  // A machine on which nothing is installed: whatever is needed is listed.
  await writeFile(join(folder, 'status'), '');
  const settings = [
    ...[`Dir::State::Lists=${join(folder, 'lists')}`, `Dir::State::Status=${join(folder, 'status')}`],
    ...[`Dir::State::extended_states=${join(folder, 'extended')}`, `Dir::Cache=${join(folder, 'cache')}`],
    ...[`Dir::Etc::SourceList=${sources}`, `Dir::Etc::SourceParts=${join(folder, 'parts')}`],
    // What an administrator prefers for this system says nothing of another release.
    ...['Dir::Etc::Preferences=/dev/null', `Dir::Etc::PreferencesParts=${join(folder, 'parts')}`, 'APT::Default-Release='],
    ...['Acquire::Languages=none', 'Acquire::Retries=3', 'APT::Sandbox::User='],
    'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false',
  ].flatMap((setting) => ['-o', setting]);
  return {
    folder,
    async run(program, args) {
      const outcome = await runCommand(program, [...settings, ...args], {
        cwd: join(folder, 'debs'),
        env: { ...process.env, LC_ALL: 'C.UTF-8' },
      });
      if (outcome.code === 0) return outcome.stdout;
      throw new SetupError(`${program} ${args[0]} for Debian ${suite} exited ${outcome.code}:\n${tailLines(outcome.stderr)}`);
    },
  };
}

async function listWithLibraries(apt: PrivateApt, packages: readonly string[]): Promise<readonly string[]> {
  const simulated = await apt.run('apt-get', ['install', '--simulate', '--no-install-recommends', ...packages]);
  return pickLibraries(simulated, packages);
}

/** Of what apt would install, the wanted packages and the libraries; interpreters and configuration are not needed to run a program. */
export function pickLibraries(simulated: string, packages: readonly string[]): readonly string[] {
  const names = [...simulated.matchAll(/^Inst (\S+) /gm)].map(([, name = '']) => name.replace(/:.*$/, ''));
  return names.filter((name) => packages.includes(name) || (name.startsWith('lib') && !/perl|debconf/.test(name)));
}

/** Copies under a draft name first, so that a reader of the cache never meets half a file. */
async function publishFile(from: string, to: string): Promise<void> {
  const draft = `${to}.draft-${process.pid}`;
  await copyFile(from, draft);
  await rename(draft, to);
}

/** Asks apt itself, which reads one-line and deb822 sources alike, for the archive the running release comes from. */
async function getDebianMirror(codename: string, need: ForeignNeed): Promise<string> {
  const format = '$(RELEASE) $(COMPONENT) $(REPO_URI)';
  const outcome = await runCommand('apt-get', ['indextargets', '--no-release-info', '--format', format, 'Created-By: Packages']);
  const mirror = pickMirror(outcome.stdout, codename);
  if (mirror !== undefined) return mirror;
  const what = need.packages.join(', ');
  throw new SetupError(
    `No Debian archive for "${codename}" is configured in apt, so ${what} of Debian ${need.suite} cannot be fetched.\n` +
      `Add a Debian mirror to /etc/apt/sources.list.d, or unpack ${what} into .tools by hand.`,
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
