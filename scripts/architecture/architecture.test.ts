import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findIdleExports } from './export-rules.ts';
import {
  type Finding,
  findCycles,
  findHomelessPackages,
  findImpureImports,
  findMissingFiles,
  findZoneViolations,
} from './import-rules.ts';
import type { SourceFile } from './imports.ts';
import { findLooseVersions, findResolvedAddresses, findUnallowedInstallScripts } from './package-rules.ts';
import { PACKAGE_HOSTS } from './rules.ts';
import {
  findAmbientReads,
  findBadFileNames,
  findBadTypeNames,
  findEnvironmentReads,
  findLongFiles,
  findLooseTyping,
  findPackageHosts,
  findSwitchedOffTests,
} from './text-rules.ts';
import { isTypeScript, listTree, readTree } from './tree.ts';

const files = readTree();
const code = files.filter(isTypeScript);

function getFile(path: string): SourceFile {
  const file = files.find((candidate) => candidate.path === path);
  assert.ok(file, `${path} is missing`);
  return file;
}

function assertNone(findings: readonly Finding[]): void {
  assert.equal(findings.length, 0, `\n${findings.join('\n')}\n`);
}

/** The host this machine installs from, which no file may name either. */
function listConfiguredHosts(): string[] {
  const address = process.env['npm_config_registry'];
  if (address === undefined || !URL.canParse(address)) return [];
  const { hostname } = new URL(address);
  return /^(localhost|127\.|\[?::1)/.test(hostname) ? [] : [hostname];
}

describe('The whole tree', () => {
  it('is read by these tests', () => assert.ok(code.length > 10, `${code.length} TypeScript files found`));
  it('imports only along the zones', () => assertNone(findZoneViolations(code)));
  it('imports each package from one folder per side, and from its home where it has one', () =>
    assertNone(findHomelessPackages(code)));
  it('keeps pure files pure', () => assertNone(findImpureImports(code)));
  it('imports only files that exist', () => assertNone(findMissingFiles(code)));
  it('has no import cycle, types included', () => assertNone(findCycles(code)));
  it('exports no value that nobody imports, or that nothing but tests uses', () => assertNone(findIdleExports(code)));
  it('names files in kebab-case by what they hold', () => assertNone(findBadFileNames(listTree())));
  it('names types by what they are', () => assertNone(findBadTypeNames(code)));
  it('has no file over the length limit without a reason', () => assertNone(findLongFiles(files)));
  it('reads the environment only where it becomes config', () => assertNone(findEnvironmentReads(code)));
  it('takes time and randomness only from the clock', () => assertNone(findAmbientReads(code)));
  it('has no test switched off or singled out', () => assertNone(findSwitchedOffTests(code)));
  it('has no any, no silenced compiler and no default export', () => assertNone(findLooseTyping(code)));
  it('names no package registry', () => assertNone(findPackageHosts(files, [...PACKAGE_HOSTS, ...listConfiguredHosts()])));
  it('pins every dependency exactly', () =>
    assertNone(findLooseVersions(files.filter((file) => /(^|\/)package\.json$/.test(file.path)))));
  it('has a lock without addresses', () => assertNone(findResolvedAddresses(getFile('package-lock.json'))));
  it('decides about every install script', () =>
    assertNone(findUnallowedInstallScripts(getFile('package-lock.json'), getFile('package.json'))));
});
