import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { collectDumps } from './dumps.ts';
import { type FileCoverage, measureFile } from './measure.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-coverage-'));
after(() => rmSync(folder, { recursive: true }));

let programs = 0;

/** Runs the program once for each list of words, each time in a process of its own, and measures it over all of them. */
function measure(text: string, ...calls: readonly (readonly string[])[]): FileCoverage {
  programs += 1;
  const file = join(folder, `program-${programs}.ts`);
  const dumps = mkdtempSync(join(folder, 'dumps-'));
  writeFileSync(file, text);
  const measured = measureFile(stripTypeScriptTypes(text));
  for (const words of calls) {
    execFileSync(process.execPath, [file, ...words], {
      env: { NODE_V8_COVERAGE: dumps, NODE_DISABLE_COMPILE_CACHE: '1' },
      stdio: 'ignore',
    });
    collectDumps(dumps, new Map([[pathToFileURL(file).href, measured]]));
  }
  assert.deepEqual(readdirSync(dumps), []);
  return measured.read();
}

const missing = (coverage: FileCoverage) => coverage.uncovered.map(({ line, what }) => `${line} ${what}`);

const PROGRAM = `
const words: readonly string[] = process.argv.slice(2);
function judge(word: string | undefined): string {
  if (word === 'red') return 'stop';
  const wide = word === 'amber' ? 'wait' : (word ?? 'nothing');
  switch (wide) {
    case 'wait':
      return wide;
    default:
      return wide.length > 3 && wide.startsWith('g') ? 'go' : 'look';
  }
}
console.log(judge(words[0]));
`;

describe('The coverage of a file', () => {
  it('names each branch that no process ran, with its line', () => {
    assert.deepEqual(missing(measure(PROGRAM, ['green'])), [
      "4 return 'stop';",
      "5 ? 'wait'",
      "5 ?? 'nothing'",
      "7 case 'wait': return wide;",
      "10 : 'look'",
    ]);
  });

  it('is whole when different processes ran different branches', () => {
    const coverage = measure(PROGRAM, ['green'], ['red'], ['amber'], []);
    assert.deepEqual(missing(coverage), []);
    assert.deepEqual(coverage.uncoveredLines, []);
    assert.equal(coverage.coveredBranches, coverage.branches);
    assert.equal(coverage.coveredLines, coverage.lines);
    assert.ok(coverage.branches >= 8, `${coverage.branches} branches`);
  });

  it('lacks the way past an if whose condition held every time', () => {
    const text = "if (process.argv.length > 2) console.log('words');\nconsole.log('end');\n";
    assert.deepEqual(missing(measure(text, ['one'], ['two'])), ['1 past this if']);
    assert.deepEqual(missing(measure(text, ['one'], [])), []);
    assert.deepEqual(missing(measure(text, [])), ["1 console.log('words');"]);
  });

  it('lacks a function that nobody called as a whole, and the lines of it', () => {
    const coverage = measure('export function wait(): void {\n  if (1 < 2) console.log(1);\n}\nconsole.log(2);\n', []);
    assert.deepEqual(missing(coverage).slice(0, 1), ['1 function wait() { if (1 < 2) console.log(1); }']);
    assert.deepEqual(coverage.uncoveredLines, [2]);
  });

  it('is nothing for a file that no process loaded', () => {
    const coverage = measureFile('export const one = 1;\n\n// a word\nexport const two = 2;\n').read();
    assert.deepEqual([coverage.lines, coverage.coveredLines, coverage.coveredBranches], [2, 0, 0]);
    assert.equal(coverage.uncovered.length, 1);
  });

  it('asks nothing of types, comments and closing brackets', () => {
    const text = `
/** Words. */
export interface Never {
  a: string;
}
export type Both = Never | undefined;
function pick(word: Both): string {
  switch (typeof word) {
    case 'undefined':
      return 'a';
    default:
      return 'b';
  }
  // Nothing comes here.
}
console.log(pick(undefined), pick({ a: 'a' }));
`;
    const coverage = measure(text, []);
    assert.deepEqual(missing(coverage), []);
    assert.equal(coverage.lines, coverage.coveredLines);
  });

  it('waits for a dump that is not whole yet', () => {
    const dumps = mkdtempSync(join(folder, 'dumps-'));
    writeFileSync(join(dumps, 'coverage-1.json'), '{"result":[{"url":');
    collectDumps(dumps, new Map());
    assert.equal(readdirSync(dumps).length, 1);
  });
});
