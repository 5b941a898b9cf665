import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { addCrash } from './crash.ts';
import { runTestFile, runTestFiles } from './node-tests.ts';
import { judgePlaywrightReport, type PhaseResult, summarize } from './verdicts.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-verdicts-'));
after(() => rmSync(folder, { recursive: true }));

/** Runs one file of tests as the phases do. */
async function runFile(name: string, text: string, timeoutMs = 20_000): Promise<PhaseResult> {
  const file = join(folder, `${name}.test.mjs`);
  writeFileSync(file, `import test, { describe, it } from 'node:test';\n${text}`);
  return await runTestFile({ root: process.cwd(), remainingMs: () => 60_000 }, folder, file, timeoutMs);
}

describe('The count of node:test', () => {
  it('has each test once and no suite', async () => {
    const result = await runFile('good', "describe('s', () => { it('a', () => {}); it('b', () => {}); }); test('c', () => {});");
    assert.deepEqual(result, { passed: 3, failures: [] });
  });
  it('has a failing test once, with its error, though its suite fails as well', async () => {
    const result = await runFile(
      'bad',
      "describe('s', () => { it('a', () => {}); it('b', () => { throw new Error('the reason'); }); });",
    );
    assert.equal(result.passed, 1);
    assert.equal(result.failures.length, 1);
    assert.match(result.failures[0]?.title ?? '', /bad\.test\.mjs: b$/);
    assert.match(result.failures[0]?.detail ?? '', /the reason/);
  });
  it('counts a test that is skipped or marked as todo as failed', async () => {
    const result = await runFile(
      'off',
      "test('a', { skip: true }, () => {}); test('b', { todo: true }, () => {}); test('c', () => {});",
    );
    assert.equal(result.passed, 1);
    assert.equal(result.failures.length, 2);
  });
  it('counts a file that cannot be loaded as failed', async () => {
    const result = await runFile('broken', "import './gone.mjs'; test('a', () => {});");
    assert.equal(result.failures.length, 1);
    assert.equal(result.passed, 0);
  });
  it('counts a file that dies after its tests as failed', async () => {
    const result = await runFile('dying', "test('a', () => {}); setTimeout(() => process.exit(3), 50);");
    assert.equal(result.failures.length, 1);
  });
  it('stops a file that never ends, and counts it as failed though its tests passed', async () => {
    const result = await runFile('hanging', "test('a', () => {}); setInterval(() => {}, 1000);", 1_500);
    assert.equal(result.passed, 1);
    assert.match(result.failures[0]?.title ?? '', /hanging\.test\.mjs did not end$/);
  });
  it('stops a file whose test never ends', async () => {
    const result = await runFile('stuck', "test('a', () => new Promise(() => setInterval(() => {}, 1000)));", 1_500);
    assert.equal(result.passed, 0);
    assert.ok(result.failures.some((failure) => failure.title.endsWith('did not end')));
  });
  it('counts a file without a test as failed', async () => {
    assert.deepEqual(await runFile('empty', ''), {
      passed: 0,
      failures: [{ title: join(folder, 'empty.test.mjs'), detail: 'No test ran in this file.' }],
    });
  });
});

describe('The count of Playwright', () => {
  const spec = (title: string, status: string): object => ({
    title,
    file: '01.spec.ts',
    line: 3,
    tests: [{ status, results: [{ errors: status === 'expected' ? [] : [{ message: '\u001b[31mno such button\u001b[39m' }] }] }],
  });
  it('passes only what went as expected, file by file', () => {
    const suites = [
      {
        specs: [spec('a', 'expected')],
        suites: [{ specs: [spec('b', 'unexpected'), spec('c', 'flaky'), spec('d', 'skipped')] }],
      },
    ];
    const results = judgePlaywrightReport(JSON.stringify({ suites }));
    const result = results.get('01.spec.ts');
    assert.deepEqual([[...results.keys()], result?.passed], [['01.spec.ts'], 1]);
    assert.deepEqual(
      result?.failures.map((failure) => failure.title),
      ['01.spec.ts:3: b (unexpected)', '01.spec.ts:3: c (flaky)', '01.spec.ts:3: d (skipped)'],
    );
    assert.equal(result?.failures[0]?.detail, 'no such button');
  });
  it('fails a report that has only an error', () => {
    assert.equal(judgePlaywrightReport('{"errors":[{"message":"config is broken"}]}').get('')?.failures.length, 1);
  });
});

describe('The verdict on a run', () => {
  const ended = { code: 1, signal: null, output: 'out of memory', timedOut: false };
  it('is a crash when the runner failed and no test says why', () => {
    const result = addCrash({ passed: 5, failures: [] }, 'The test runner', ended);
    assert.equal(result.failures[0]?.title, 'The test runner crashed');
    assert.match(result.failures[0]?.detail ?? '', /out of memory[\s\S]*code 1/);
  });
  it('is a crash when the runner was stopped, whatever the tests said', () => {
    const failures = [{ title: 'a', detail: '' }];
    assert.equal(addCrash({ passed: 5, failures }, 'x', { ...ended, code: null, signal: 'SIGKILL' }).failures.length, 2);
    assert.equal(addCrash({ passed: 5, failures }, 'x', ended).failures.length, 1);
  });
  it('adds up the phases in one line', () => {
    assert.equal(
      summarize([
        { passed: 2, failures: [] },
        { passed: 1, failures: [{ title: 'a', detail: '' }] },
      ]),
      '3 passed, 1 failed',
    );
  });
});

describe('Files that share a process', () => {
  async function runFiles(texts: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, PhaseResult>> {
    const files = Object.entries(texts).map(([name, text]) => {
      const file = join(folder, `${name}.test.mjs`);
      writeFileSync(file, `import { it } from 'node:test';\n${text}`);
      return file;
    });
    const found = await runTestFiles({ root: process.cwd(), remainingMs: () => 60_000 }, folder, files, 3_000);
    return new Map([...found].map(([file, result]) => [basename(file, '.test.mjs'), result]));
  }

  it('have each its own verdict', async () => {
    const found = await runFiles({
      one: "it('a', () => {}); it('b', () => {});",
      two: "it('c', () => { throw new Error('why'); });",
    });
    assert.deepEqual(found.get('one'), { passed: 2, failures: [] });
    assert.equal(found.get('two')?.failures.length, 1);
  });
  it('do not hide one in which nothing ran, or which cannot be loaded', async () => {
    const found = await runFiles({
      full: "it('a', () => {});",
      empty: '',
      unloadable: "import './gone.mjs'; it('z', () => {});",
    });
    assert.equal(found.get('full')?.passed, 1);
    assert.equal(found.get('empty')?.failures.length, 1);
    assert.equal(found.get('unloadable')?.failures.length, 1);
  });
  it('are tried one by one when a test is written down in another file, so that none is lost', async () => {
    writeFileSync(
      join(folder, 'chapter.mjs'),
      "import { it } from 'node:test'; export const tell = () => it('far', () => { throw new Error('x'); });",
    );
    const found = await runFiles({
      near: "it('a', () => {});",
      far: "import { tell } from './chapter.mjs'; tell(); it('b', () => {});",
    });
    assert.deepEqual(found.get('near'), { passed: 1, failures: [] });
    assert.deepEqual([found.get('far')?.passed, found.get('far')?.failures.length], [1, 1]);
  });
  it('are tried one by one when one of them ends the process, so that the others keep their verdict', async () => {
    const found = await runFiles({
      calm: "it('a', () => {});",
      deadly: "it('b', () => {}); setTimeout(() => process.exit(3), 20);",
    });
    assert.deepEqual(found.get('calm'), { passed: 1, failures: [] });
    assert.equal(found.get('deadly')?.failures.length, 1);
  });
  it('are tried one by one when one of them does not end', async () => {
    const found = await runFiles({ quick: "it('a', () => {});", endless: "it('b', () => {}); setInterval(() => {}, 1000);" });
    assert.deepEqual(found.get('quick'), { passed: 1, failures: [] });
    assert.match(found.get('endless')?.failures[0]?.title ?? '', /did not end$/);
  });
});
