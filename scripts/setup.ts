import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SetupError } from './setup/command.ts';
import { bringForeignRelease } from './setup/foreign-release.ts';
import { findSatisfied, isPurpose, listNeeds, type Need, PURPOSES, type Purpose } from './setup/needs.ts';
import { installPackages } from './setup/packages.ts';

/** Makes this machine ready for a purpose: one line per thing, nothing done twice. */
async function setUp(purpose: Purpose): Promise<void> {
  const codename = readCodename();
  const needs = listNeeds(purpose, codename);
  const missing = reportNeeds(needs.system);
  if (missing.length > 0) {
    await installPackages([...new Set(missing.map((need) => need.package))], (line) => say('run', line));
    const stillMissing = reportNeeds(missing);
    if (stillMissing.length > 0) {
      throw new SetupError(
        `apt-get succeeded, yet these are not where they belong: ${stillMissing.map((need) => need.name).join(', ')}`,
      );
    }
  }
  const toolsFolder = join(import.meta.dirname, '..', '.tools');
  const cacheFolder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'holdfast-tools');
  for (const need of needs.foreign) await bringForeignRelease({ need, toolsFolder, cacheFolder, codename }, say);
}

function reportNeeds(needs: readonly Need[]): Need[] {
  const missing: Need[] = [];
  for (const need of needs) {
    const path = findSatisfied(need);
    if (path === undefined) missing.push(need);
    say(path === undefined ? 'missing' : 'ok', need.name, path ?? `package ${need.package}`);
  }
  return missing;
}

function readCodename(): string {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(text)?.[1] ?? 'unknown';
}

function say(state: string, what: string, where = ''): void {
  process.stdout.write(`${state.padEnd(8)} ${what.padEnd(28)} ${where}`.trimEnd().concat('\n'));
}

const purpose = process.argv[2];
if (!isPurpose(purpose)) {
  process.stderr.write(`usage: node scripts/setup.ts ${PURPOSES.join('|')}\n`);
  process.exit(2);
}
try {
  await setUp(purpose);
} catch (error) {
  process.stderr.write(error instanceof SetupError ? `setup failed: ${error.message}\n` : `setup failed: ${String(error)}\n`);
  process.exitCode = 1;
}
