import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type CommandOutcome, runCommand, SetupError, tailLines } from './command.ts';

const policyPath = '/usr/sbin/policy-rc.d';
const policyMark = '# written by holdfast setup, removed when it ends';
const policyText = `#!/bin/sh\n${policyMark}\nexit 101\n`;
const lockWaitSeconds = 300;

type Elevate = (command: string, args: readonly string[]) => Promise<CommandOutcome>;

/**
 * Installs Debian packages without recommended ones and without starting the daemons they carry.
 * Waits up to five minutes for another package manager's lock.
 * @throws SetupError when apt is missing, privileges are missing, or a package cannot be installed.
 */
export async function installPackages(packages: readonly string[], say: (line: string) => void): Promise<void> {
  if (packages.length === 0) return;
  if (!existsSync('/usr/bin/apt-get')) {
    throw new SetupError(`apt-get is not here. Install these by this system's own means and run again: ${packages.join(' ')}`);
  }
  const elevate = await getElevation(packages);
  say('apt-get update');
  const update = await updateLists(elevate);
  say(`apt-get install ${packages.join(' ')}`);
  const install = await withServicesHeld(elevate, () =>
    elevate('apt-get', [
      ...['install', '--yes', '--no-install-recommends'],
      ...['-o', `DPkg::Lock::Timeout=${lockWaitSeconds}`, '-o', 'Acquire::Retries=3', '-o', 'Dpkg::Options::=--force-confold'],
      ...['--', ...packages],
    ]),
  );
  if (install.code === 0) return;
  const updateTail = update.code === 0 ? '' : `\napt-get update had already failed:\n${tailLines(update.stderr)}`;
  throw new SetupError(`apt-get install exited ${install.code}:\n${tailLines(install.stderr || install.stdout)}${updateTail}`);
}

/** Root runs commands as they are; everybody else needs a sudo that does not ask. */
async function getElevation(packages: readonly string[]): Promise<Elevate> {
  const assignments = ['DEBIAN_FRONTEND=noninteractive', 'APT_LISTCHANGES_FRONTEND=none', 'LC_ALL=C.UTF-8'];
  if (process.getuid?.() === 0) return (command, args) => runCommand('env', [...assignments, command, ...args]);
  const allowed = await runCommand('sudo', ['-n', 'true']);
  if (allowed.code !== 0) {
    throw new SetupError(
      `Missing packages, and neither root nor a sudo without password is available. Run this once, then again:\n` +
        `  sudo apt-get update && sudo apt-get install --no-install-recommends ${packages.join(' ')}`,
    );
  }
  return (command, args) => runCommand('sudo', ['-n', 'env', ...assignments, command, ...args]);
}

/** apt-get has no lock timeout for its lists, so a held lock is tried again here. A failed update is the caller's to weigh. */
async function updateLists(elevate: Elevate): Promise<CommandOutcome> {
  const deadline = Date.now() + lockWaitSeconds * 1000;
  for (;;) {
    const outcome = await elevate('apt-get', ['update', '-o', 'Acquire::Retries=3']);
    const isLocked = outcome.code !== 0 && /could not get lock|unable to lock/i.test(outcome.stderr);
    if (!isLocked || Date.now() > deadline) return outcome;
    await wait(2000);
  }
}

/** Runs `action` while a policy forbids package scripts to start daemons; a policy of the machine's own is left alone. */
async function withServicesHeld<T>(elevate: Elevate, action: () => Promise<T>): Promise<T> {
  const isForeign = existsSync(policyPath) && !readFileSync(policyPath, 'utf8').includes(policyMark);
  if (isForeign) return await action();
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-setup-'));
  const ignoreInterrupt = () => undefined;
  process.on('SIGINT', ignoreInterrupt);
  process.on('SIGTERM', ignoreInterrupt);
  try {
    const draft = join(folder, 'policy-rc.d');
    await writeFile(draft, policyText);
    await elevate('install', ['-m', '755', draft, policyPath]);
    return await action();
  } finally {
    await elevate('rm', ['-f', policyPath]);
    await rm(folder, { recursive: true, force: true });
    process.off('SIGINT', ignoreInterrupt);
    process.off('SIGTERM', ignoreInterrupt);
  }
}
