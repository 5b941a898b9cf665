import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, it } from 'node:test';
import { ZONES } from './rules.ts';
import { ROOT, readTree } from './tree.ts';

const files = readTree();
const documents = files.filter((file) => file.path.endsWith('.md'));
const makefile = getText('Makefile');
const manifest = JSON.parse(getText('package.json')) as { scripts: Readonly<Record<string, string>> };

function getText(path: string): string {
  const file = files.find((candidate) => candidate.path === path);
  assert.ok(file, `${path} is missing`);
  return file.text;
}

function listMatches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}

describe('The documents', () => {
  it('list every decision, and every decision says its four things', () => {
    const list = getText('docs/adr/README.md');
    const decisions = files.filter((file) => /^docs\/adr\/\d{4}-.*\.md$/.test(file.path));
    assert.ok(decisions.length > 0);
    for (const decision of decisions) {
      assert.ok(list.includes(`(${posix.basename(decision.path)})`), `${decision.path} is not in the list`);
      for (const part of ['Context', 'Decision', 'Consequences', 'Alternatives']) {
        assert.ok(decision.text.includes(`**${part}.**`), `${decision.path} has no ${part}`);
      }
    }
  });

  it('explain every zone of the import rules', () => {
    const contributing = getText('docs/CONTRIBUTING.md');
    for (const zone of ZONES)
      assert.ok(contributing.includes(`\`${zone.name}\``), `docs/CONTRIBUTING.md does not explain ${zone.name}`);
  });

  it('link only to files that exist', () => {
    const broken = documents.flatMap((file) =>
      listMatches(file.text, /\]\(([^)\s#]+)[^)]*\)/g)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(ROOT, posix.dirname(file.path), target)))
        .map((target) => `${file.path} -> ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  it('name only targets of make and scripts of npm that exist', () => {
    const targets = new Set(listMatches(makefile, /^([a-z][a-z0-9]*):/gm));
    const unknown = documents.flatMap((file) => [
      ...listMatches(file.text, /`make ([a-z][a-z0-9-]*)/g)
        .filter((name) => !targets.has(name))
        .map((name) => `${file.path}: make ${name}`),
      ...listMatches(file.text, /\bnpm run (?:-s )?([a-z][a-z0-9:-]*)/g)
        .filter((name) => !(name in manifest.scripts))
        .map((name) => `${file.path}: npm run ${name}`),
    ]);
    assert.deepEqual(unknown, []);
  });
});

describe('make help', () => {
  it('is what make prints by itself, and explains each target', () => {
    const help = execFileSync('make', ['-C', ROOT], { encoding: 'utf8', env: { PATH: process.env['PATH'] } });
    for (const target of ['help', 'setup', 'demo', 'test', 'check', 'e2e', 'bench', 'agent']) {
      assert.match(help, new RegExp(`^ {2}${target} +\\S.{10,}$`, 'm'), `${target} is not explained`);
    }
  });

  it('leads only to scripts that exist', () => {
    for (const name of listMatches(makefile, /npm run -s ([a-z0-9:]+)/g))
      assert.ok(name in manifest.scripts, `make calls npm run ${name}`);
  });
});
