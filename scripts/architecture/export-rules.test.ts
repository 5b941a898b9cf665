import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findIdleExports } from './export-rules.ts';

const USER = 'server/src/hub/user.ts';
const TEST = 'server/src/core/runs.test.ts';

function find(text: string, others: Readonly<Record<string, string>> = {}): string[] {
  const files = Object.entries({ 'server/src/core/runs.ts': text, ...others });
  return findIdleExports(
    files.map(([path, content]) => ({ path, text: content })),
    { 'server/src/core/runs.ts excused': 'by this test' },
  );
}

describe('The rule of exports', () => {
  it('refuses what nobody imports', () => {
    for (const text of [
      'export const run = 1;',
      'export async function run() {}',
      'export function* run() {}',
      'export class run {}',
    ])
      assert.deepEqual(find(text), ['server/src/core/runs.ts:1 exports run, which nobody imports']);
    assert.equal(find("export const a = 1;\n// import { a } from '../core/runs.ts';").length, 1);
  });

  it('takes what production code imports, in whichever way', () => {
    const ways = [
      "import { run } from '../core/runs.ts';",
      "import { type Run, run as started } from '../core/runs.ts';",
      "import {\n  run,\n} from '../core/runs.ts';",
      "import * as runs from '../core/runs.ts';",
      "export { run } from '../core/runs.ts';",
      "const { run } = await import('../core/runs.ts');",
    ];
    for (const way of ways) assert.deepEqual(find('export const run = 1;', { [USER]: way }), []);
    const test = { [TEST]: "import { run } from './runs.ts';" };
    for (const way of ways) assert.deepEqual(find('export const run = 1;', { [USER]: way, ...test }), []);
  });

  it('refuses what nothing but tests uses, unless its own file does', () => {
    const test = { [TEST]: "import { run } from './runs.ts';" };
    assert.deepEqual(find('\nexport const run = 1;', test), [
      'server/src/core/runs.ts:2 exports run, which nothing but tests uses',
    ]);
    assert.deepEqual(find('export const run = 1; const more = { ...run };', test), []);
    assert.equal(find("export const run = 1; // run\nconst text = 'run';", test).length, 1);
  });

  it('leaves types, tests, suites and what is excused alone', () => {
    assert.deepEqual(find('export type Run = 1; export interface Other {} export const excused = 1;'), []);
    for (const path of [TEST, 'server/src/core/fixtures/a.ts', 'server/src/store/contract/a.ts', 'e2e/harness/a.ts'])
      assert.deepEqual(find('', { [path]: 'export const run = 1;' }), []);
  });
});
