import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AppError, ERROR_CODES } from '@holdfast/shared/errors.ts';
import { tryTool } from '../../e2e/harness/services/tool-run.ts';
import { listNodes, readTree } from '../../server/src/cli/command-tree.ts';
import { createProgram } from '../../server/src/cli/program.ts';
import { TOOL_PLACES } from '../../server/src/core/adapters/tool-place.ts';
import * as fires from '../../server/src/fires/fires.ts';
import { createApiEndpoints } from '../../server/src/web/api/all.ts';
import { CLOSED_DOOR } from '../../server/src/web/api/fixtures/channel-door.ts';
import { chooseApiCode, createHttpFault, toHttpError } from '../../server/src/web/http/http-error.ts';
import { listGuideCommands, listOptions, listSubcommands, namesOption, splitCommands } from './guide-commands.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const documents = ['README.md', ...globSync('docs/**/*.md', { cwd: ROOT })].sort();
const commands = documents.flatMap((document) => listGuideCommands(document, read(document)));
const of = (...programs: string[]) => commands.filter(({ words }) => programs.includes(words[0] ?? ''));

/** Tools of others; the integration test asks them. */
const FOREIGN = ['restic', 'psql', 'createdb', 'pg_restore', 'mariadb', 'age', 'age-keygen'];
/** So old and plain that nothing about them can be wrong. */
const PLAIN = ['cd', 'git', 'grep', 'journalctl', 'ln', 'npm', 'printf', 'sed', 'set', 'systemctl', 'umask', 'useradd'];

/** For reading which commands there are; nothing is carried out. */
const SILENT: Parameters<typeof createProgram>[0] = {
  terminal: { out: () => undefined, error: () => undefined, readInput: async () => '', readSecret: async () => '' },
  environment: { configDir: '/' },
  clock: { now: () => 0, monotonicMs: () => 0 },
  sleep: async () => undefined,
  findVariable: () => undefined,
  makeKey: () => '',
  setExit: () => undefined,
};

async function readHelp(program: string, subcommands: readonly string[]): Promise<string> {
  const { stdout, code } = await tryTool(join(ROOT, 'node_modules/.bin', program), [...subcommands, '--help'], {
    env: { HOME: '/' },
  });
  assert.equal(code, 0, `${program} ${subcommands.join(' ')} --help`);
  return stdout;
}

describe('The commands in the documents', () => {
  it('are found, and each is of a program that a test knows', () => {
    assert.ok(commands.length >= 20);
    const known = new Set([...FOREIGN, ...PLAIN, 'make', 'curl', 'holdfast', 'holdfast-server', 'holdfast-agent']);
    const unknown = commands.filter(({ words }) => words.length > 0 && !known.has(words[0] ?? ''));
    assert.deepEqual(unknown, []);
  });

  it('call our programs with subcommands and options that exist', async () => {
    const helps = new Map<string, Promise<string>>();
    for (const { document, line, words } of of('holdfast-server', 'holdfast-agent')) {
      const [program = '', ...subcommands] = listSubcommands(words);
      const key = [program, ...subcommands].join(' ');
      helps.set(key, helps.get(key) ?? readHelp(program, subcommands));
      const help = (await helps.get(key)) ?? '';
      assert.match(help, new RegExp(`^Usage: ${key} `), `${document}:${line} ${key}`);
      for (const option of listOptions(words))
        assert.ok(namesOption(help, option), `${document}:${line} ${key} has no ${option}`);
    }
    assert.ok(helps.size >= 8);
  });

  it('call the operator’s command line with commands and options that it has', () => {
    const nodes = listNodes(readTree(createProgram(SILENT)));
    const called = of('holdfast');
    assert.ok(called.length >= 15);
    for (const { document, line, words } of called) {
      const typed = words.slice(1);
      const fits = nodes.filter((node) => node.children.length === 0 && node.words.every((word, at) => word === typed[at]));
      const [node] = fits.filter((one) => one.words.length > 0);
      assert.ok(node !== undefined, `${document}:${line} there is no holdfast ${typed.join(' ')}`);
      const known = [...(nodes[0]?.options ?? []), ...node.options].flatMap(({ long, short }) => [long, short]);
      for (const option of listOptions(typed)) assert.ok(known.includes(option), `${document}:${line} has no ${option}`);
    }
  });

  it('call targets of make that exist', () => {
    const makefile = read('Makefile');
    for (const { document, line, words } of of('make'))
      assert.match(makefile, new RegExp(`^${words[1]}:`, 'm'), `${document}:${line} make ${words[1]}`);
  });

  it('ask the API for paths and methods that exist, with bodies it takes', () => {
    const endpoints = createApiEndpoints(fires, CLOSED_DOOR);
    const asked = of('curl');
    assert.ok(asked.length > 0);
    for (const { document, line, words } of asked) {
      const url = words.find((word) => word.startsWith('http'));
      assert.ok(url !== undefined, `${document}:${line} has no address`);
      const method = words.includes('--request') ? words[words.indexOf('--request') + 1] : 'GET';
      const { pathname, searchParams } = new URL(url);
      const path = pathname.replace(/^\/api\/v1/, '');
      const endpoint = endpoints.find(
        (one) => one.method === method?.toLowerCase() && new RegExp(`^${one.path.replaceAll(/:\w+/g, '[^/]+')}$`).test(path),
      );
      assert.ok(endpoint !== undefined, `${document}:${line} there is no ${method} ${path}`);
      if (searchParams.size > 0) endpoint.query?.parse(Object.fromEntries(searchParams));
      const body = words.includes('--json') ? JSON.parse(words[words.indexOf('--json') + 1] ?? '') : {};
      endpoint.body?.parse(body);
    }
  });
});

describe('The table of what other tools call', () => {
  it('names only end-points that exist, and something for each row', () => {
    const [, table = ''] = read('docs/guide/api.md').split('## Coming from another tool');
    const known = new Set(createApiEndpoints(fires, CLOSED_DOOR).map(({ method, path }) => `${method.toUpperCase()} ${path}`));
    const rows = table.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| what'));
    assert.ok(rows.length >= 30);
    for (const row of rows) {
      const named = [...(row.split('|')[2] ?? '').matchAll(/`((?:GET|POST|PATCH|DELETE) [^`]+)`/g)].map(
        ([, route]) => route ?? '',
      );
      const missing = named.filter((route) => !known.has(route) && route !== 'GET /stream');
      assert.deepEqual(missing, [], row);
      assert.ok(named.length > 0 || /\| (?:none: |the |`\/healthz)/.test(row), row);
    }
  });
});

describe('The guide', () => {
  const ourVariables = (text: string) => new Set(text.match(/\bHOLDFAST_[A-Z_]+[A-Z]\b/g));

  it('explains each environment variable that is read, and no other', () => {
    const sources = ['server/src/config.ts', 'server/src/cli/login.ts', 'agent/src/config.ts', 'scripts/demo.ts'];
    const readByCode = new Set(sources.flatMap((path) => [...ourVariables(read(path))]));
    assert.deepEqual([...ourVariables(read('docs/guide/environment.md'))].sort(), [...readByCode].sort());
    const ofHooks = ourVariables(read('agent/src/hooks/facts.ts'));
    for (const document of documents.filter((path) => /^(README\.md|docs\/guide\/)/.test(path)))
      for (const name of ourVariables(read(document)))
        assert.ok(readByCode.has(name) || ofHooks.has(name), `${document} names ${name}`);
  });

  it('explains each answer of the API that refuses something, and no other', () => {
    const rows = [...read('docs/guide/api.md').matchAll(/^\| (\d{3}) \| `([A-Z0-9_]+)` \|/gm)].map(
      ([, status, code]) => `${status} ${code}`,
    );
    const stale = new AppError('conflict', 'changed meanwhile', { details: { field: 'version' } });
    const tooLarge = Object.assign(new Error('too large'), { status: 413, type: 'entity.too.large' });
    const notJson = Object.assign(new Error('in Latin 1'), { status: 415, type: 'charset.unsupported' });
    const noSuchMethod = createHttpFault('unsupported', 405, 'the path does not take this method');
    const atPlaces = TOOL_PLACES.map((place) => new AppError('tool_failed', 'it said no', { details: { place } }));
    const refusals = [stale, tooLarge, notJson, noSuchMethod, ...atPlaces];
    const answers = [...ERROR_CODES.map((code) => new AppError(code, 'refused')), ...refusals].map((thrown) => {
      const { status, error } = toHttpError(thrown, 'req_1', thrown === stale);
      return `${status} ${chooseApiCode(error)}`;
    });
    assert.deepEqual(rows.sort(), answers.sort());
  });

  it('is listed as a whole', () => {
    for (const path of globSync('docs/guide/*.md', { cwd: ROOT }))
      assert.ok(read('docs/README.md').includes(`(${path.slice('docs/'.length)})`), `docs/README.md does not list ${path}`);
  });

  it('says in the README what Holdfast is in one screen', () => {
    const lines = read('README.md').split('\n');
    assert.ok(lines.length <= 50, `README.md has ${lines.length} lines`);
  });
});

describe('The reading of commands', () => {
  it('keeps quoted words whole, splits pipes and drops redirections', () => {
    assert.deepEqual(splitCommands(`a --name "two words" | b 'x|y' > file && c --x=1 ; d`), [
      ['a', '--name', 'two words'],
      ['b', 'x|y'],
      ['c', '--x=1'],
      ['d'],
    ]);
  });

  it('reads only blocks of shell, and tells variables from words', () => {
    const text =
      '```text\nnot me\n```\n```sh\n# nor me\nA=1 sudo\nexport B=2\nC=3 npm run agent -- run --server x\nsudo -u me D=4 ls\n```\n';
    assert.deepEqual(
      listGuideCommands('x.md', text).map(({ line, variables, words }) => ({ line, variables, words })),
      [
        { line: 6, variables: ['A'], words: ['sudo'] },
        { line: 7, variables: ['B'], words: [] },
        { line: 8, variables: ['C'], words: ['holdfast-agent', 'run', '--server', 'x'] },
        { line: 9, variables: ['D'], words: ['ls'] },
      ],
    );
  });

  it('does not take an option for another that begins alike', () => {
    assert.ok(namesOption('  -l, --list <x>  list', '--list'));
    assert.ok(!namesOption('  --listen <x>', '--list'));
    assert.ok(!namesOption('  --no-list', '--list'));
  });
});
