import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SERVER_VERSION } from '../version.ts';
import { listNodes, readTree } from './command-tree.ts';
import { writeCompletion } from './completion.ts';
import { parseConfigFile } from './config-file.ts';
import { EXIT, EXIT_WORDS } from './exit.ts';
import { writeManual } from './manual.ts';
import { printTable, showBytes, showInstant } from './output.ts';
import type { CliParts } from './parts.ts';
import { createProgram } from './program.ts';
import { judgeRuns } from './wait.ts';

const printed: string[] = [];
const parts: CliParts = {
  terminal: {
    out: (text) => void printed.push(text),
    error: () => undefined,
    readInput: async () => '',
    readSecret: async () => '',
  },
  environment: { configDir: '/nowhere' },
  clock: { now: () => 0, monotonicMs: () => 0 },
  sleep: async () => undefined,
  findVariable: () => undefined,
  makeKey: () => 'key',
  setExit: () => undefined,
};
const tree = readTree(createProgram(parts));

/** What bash offers after each of these lines of words. */
function completeAll(lines: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const calls = lines.map((words) => {
    const quoted = ['holdfast', ...words].map((word) => `'${word}'`).join(' ');
    return `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; COMPREPLY=(); _holdfast; echo "\${COMPREPLY[*]}"`;
  });
  const script = [writeCompletion(tree, 'bash'), ...calls].join('\n');
  const { stdout, stderr, status } = spawnSync('bash', ['-s'], { encoding: 'utf8', input: script });
  assert.deepEqual([status, stderr], [0, '']);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ').filter((word) => word !== ''));
}

const complete = (...words: readonly string[]): readonly string[] => completeAll([words])[0] ?? [];

describe('Completion in bash', () => {
  it('offers commands, then what stands below them, by every name they have', () => {
    assert.deepEqual(complete('ho'), ['hosts']);
    assert.deepEqual(complete('hosts', 'ap'), ['approve']);
    assert.deepEqual(complete('plan', 'd'), ['diff']);
    assert.deepEqual(complete('host', 'ap'), ['approve']);
    assert.deepEqual(complete('plan', 'apply', '--f'), ['--file']);
    assert.deepEqual(complete('run', 'nightly', '--w'), ['--wait']);
  });

  it('keeps its place behind options and their values', () => {
    assert.deepEqual(complete('--server', 'https://x.example.test', 'runs', 'li'), ['list']);
    assert.deepEqual(complete('runs', 'list', '--state', 'failed', '--lim'), ['--limit']);
  });

  it('knows every command', () => {
    const nodes = listNodes(tree);
    const offered = completeAll(nodes.map(({ words }) => [...words, '']));
    assert.equal(offered.length, nodes.length);
    for (const [at, node] of nodes.entries())
      for (const child of node.children) assert.ok(offered[at]?.includes(child.words.at(-1) ?? ''), child.words.join(' '));
  });
});

describe('Completion in zsh', () => {
  it('is a file that a shell can read', () => {
    const { stderr, status } = spawnSync('bash', ['-n'], { encoding: 'utf8', input: writeCompletion(tree, 'zsh') });
    assert.deepEqual([status, stderr], [0, '']);
  });
});

describe('The version', () => {
  it('is that of the server it came with, for people and for programs', async () => {
    const ask = async (...args: readonly string[]): Promise<string> => {
      printed.length = 0;
      await createProgram(parts).parseAsync(['version', ...args], { from: 'user' });
      return printed.join('');
    };
    assert.equal(await ask(), `${SERVER_VERSION}\n`);
    assert.deepEqual(JSON.parse(await ask('--json')), { version: SERVER_VERSION, node: process.version });
  });
});

describe('The manual page', () => {
  const page = writeManual(tree, '0.1.0');

  it('tells of every command that does something, every option and every exit code', () => {
    for (const node of listNodes(tree)) {
      if (node.children.length > 0 || node.words.length === 0) continue;
      assert.ok(page.includes(`.B holdfast ${node.words.join(' ')}`.replaceAll('-', '\\-')), node.words.join(' '));
      for (const { long } of node.options) assert.ok(page.includes(long.replaceAll('-', '\\-')), long);
    }
    for (const [name, code] of Object.entries(EXIT)) {
      assert.match(page, new RegExp(`^\\.B ${code}$`, 'm'));
      assert.ok(page.includes(EXIT_WORDS[name as keyof typeof EXIT].split(':')[0] ?? '?'), name);
    }
  });

  it('asks nothing of roff but what it is meant to, whatever a description holds', () => {
    const requests = new Set(
      page
        .split('\n')
        .filter((line) => /^[.']/.test(line))
        .map((line) => line.split(' ')[0]),
    );
    assert.deepEqual([...requests].sort(), ['.B', '.SH', '.TH', '.TP', '.br']);
    const hostile = writeManual({ ...tree, description: ".so /etc/passwd\n'br \\fB-x" }, '1');
    assert.match(hostile, /\\&\.so \/etc\/passwd\n\\&'br \\efB\\-x/);
  });
});

describe('The file in the guide', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../../docs/guide/config-as-code.md'), 'utf8');

  it('is one that can be read, as YAML and as JSON', () => {
    const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(guide) ?? [];
    const file = parseConfigFile(yaml, 'fleet.yaml');
    assert.deepEqual(
      file.plans?.map(({ name, sources }) => [name, sources]),
      [['nightly', ['db-1/app']]],
    );
    assert.deepEqual(parseConfigFile(JSON.stringify(file), 'fleet.json'), file);
  });

  it('is refused where it says something twice, or more than it should', () => {
    const refuse = (text: string, fault: RegExp) =>
      assert.throws(() => parseConfigFile(text, 'x'), { exitCode: EXIT.usage, message: fault });
    refuse('version: 1\nversion: 1\n', /unique/);
    refuse('version: 2\n', /version/);
    refuse('version: 1\nplan: []\n', /unknown: plan/);
    refuse('a: &a [1, 1]\nb: &b [*a, *a]\nversion: [*b\n', /x: /);
    const twice = '{ name: n, policy: { kind: rules, last: 1 } }';
    refuse(`version: 1\npolicies: [${twice}, ${twice}]\n`, /policies: n stands there twice/);
  });
});

describe('The exit code of several runs', () => {
  it('is that of the worst', () => {
    assert.equal(judgeRuns(['succeeded', 'succeeded']), 0);
    assert.equal(judgeRuns(['succeeded', 'partial']), 3);
    assert.equal(judgeRuns(['partial', 'cancelled']), 4);
    assert.equal(judgeRuns(['skipped', 'failed', 'partial']), 1);
    assert.equal(judgeRuns([]), 1, 'nothing that ran is nothing that succeeded');
  });
});

describe('What is printed', () => {
  it('is aligned, and holds hostile text as text', () => {
    printed.length = 0;
    printTable(
      parts.terminal,
      ['A', 'LONG'],
      [
        ['x\u001b[2J', '1'],
        ['', 'y\u202e'],
      ],
    );
    assert.equal(printed.join(''), 'A      LONG\nx\ufffd[2J  1\n       y\ufffd\n');
  });

  it('says sizes and instants as people read them, and nothing where there is none', () => {
    assert.deepEqual(
      [showBytes(1023), showBytes(1536), showBytes(5 * 1024 ** 3), showBytes(undefined)],
      ['1023 B', '1.5 KiB', '5.0 GiB', ''],
    );
    assert.deepEqual([showInstant(0), showInstant(undefined)], ['1970-01-01 00:00:00Z', '']);
  });
});
