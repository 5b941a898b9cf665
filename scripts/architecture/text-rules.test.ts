import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Finding } from './import-rules.ts';
import { findLooseVersions, findResolvedAddresses, findUnallowedInstallScripts } from './package-rules.ts';
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

function assertCount(findings: readonly Finding[], count: number): void {
  assert.equal(findings.length, count, `expected ${count} findings, got:\n${findings.join('\n')}`);
}

/** One file of the agent with this text. */
function file(text: string, path = 'agent/src/exec/run.ts'): { path: string; text: string }[] {
  return [{ path, text }];
}

describe('The name rules', () => {
  const bad = [
    'server/src/utils.ts',
    'server/src/web/helpers/x.ts',
    'a/string-utils.ts',
    'a/run-manager.ts',
    'a/base-store.ts',
    'a/data.ts',
    'a/info.test.ts',
    'a/RunStore.ts',
    'a/run_store.ts',
    'a/common/x.css',
  ];
  for (const path of bad) it(`report ${path}`, () => assertCount(findBadFileNames([path]), 1));
  it('allow kebab-case nouns, migrations and prescribed names', () => {
    const good = [
      'server/src/web/screens/runs.view.ts',
      'migrations/0001_first.sql',
      'README.md',
      'docs/adr/0001-no-build-step.md',
      '.ci/run',
      'tsconfig.base.json',
      'e2e/scenarios/01-first-light.spec.ts',
      'a/database.ts',
      'a/base.css',
      'server/public/vendor/Foo_Bar.js',
    ];
    assertCount(findBadFileNames(good), 0);
  });
  it('report types named after a pattern', () => {
    assertCount(
      findBadTypeNames(file('export interface IPolicy {}\ntype BaseRun = 1;\nexport class RunManager {}\ntype Info = 2;')),
      4,
    );
    assertCount(
      findBadTypeNames(file("type InFlight = 1; type Identity = 2; type Basement = 3; const text = 'type Info = 1';")),
      0,
    );
  });
});

describe('The length rule', () => {
  const lines = 'const a = 1;\n'.repeat(501);
  it('reports 501 lines and allows 500', () => {
    assertCount(findLongFiles(file(lines)), 1);
    assertCount(findLongFiles(file(lines.slice(13))), 0);
    assertCount(findLongFiles(file(lines, 'server/public/app.css')), 1);
  });
  it('allows a longer file whose first comment gives the reason, and only there', () => {
    const reason = '/* Longer than 500 lines because the state table is one thing. */\n';
    assertCount(findLongFiles(file(reason + lines)), 0);
    assertCount(findLongFiles(file(lines + reason)), 1);
    assertCount(findLongFiles(file(`// a comment without one\n${lines}`)), 1);
  });
});

describe('The rules about what is passed in', () => {
  it('report the environment outside config', () => {
    assertCount(findEnvironmentReads(file("const a = process.env['X'];")), 1);
    assertCount(findEnvironmentReads(file('const { env } = process;')), 1);
    assertCount(findEnvironmentReads(file("process.env['X']", 'agent/src/config.ts')), 0);
    assertCount(findEnvironmentReads(file("// process.env\nconst a = 'process.env';")), 0);
  });
  it('report the time of day and randomness, but not the conversion of a known time', () => {
    assertCount(findAmbientReads(file('Date.now(); new Date(); new Date; Date(); Math.random();')), 5);
    assertCount(findAmbientReads(file('new Date(at).toISOString(); clock.now(); type A = Date;')), 0);
    assertCount(findAmbientReads(file('Date.now()', 'shared/src/clock.ts')), 0);
    assertCount(findAmbientReads(file('Date.now()', 'e2e/harness/wait.ts')), 0);
  });
});

describe('The rules about tests and types', () => {
  it('report a test that is switched off or singled out', () => {
    const text = "it.only('a', () => {}); test.skip('b'); t.todo('c'); describe('d', { skip: true }, () => {}); test.fixme('e');";
    assertCount(findSwitchedOffTests(file(text, 'agent/src/exec/run.test.ts')), 5);
    assertCount(
      findSwitchedOffTests(
        file("it('skips a plan', () => apply({ overlap: 'skip', skip: 1 })); list.only('x');", 'a/run.test.ts'),
      ),
      0,
    );
  });
  it('report any, a silenced compiler and a default export', () => {
    const silencer = ['// @ts', 'ignore'].join('-');
    const texts = [
      'let a: any;',
      'f(b as any);',
      'let c: any[];',
      'let d: Map<string, any>;',
      'type E = any;',
      silencer,
      'export default 1;',
      'export { a as default };',
    ];
    for (const text of texts) assertCount(findLooseTyping(file(text)), 1);
    assertCount(findLooseTyping(file('const any = 1; f(any); Promise.any([]); type A = { any: string }; // any')), 0);
    assertCount(findLooseTyping(file('export default {};', 'e2e/playwright.config.ts')), 0);
  });
});

describe('The rules about packages', () => {
  it('report the host of a registry', () => {
    assertCount(findPackageHosts(file('see https://packages.example.com/x'), ['packages.example.com']), 1);
    assertCount(findPackageHosts(file('see https://docs.example.com/x'), ['packages.example.com']), 0);
  });
  it('report a version range and allow an exact version', () => {
    const manifest = {
      path: 'agent/package.json',
      text: '{"dependencies":{"a":"^1.0.0","b":"1.2.3","c":"latest"},"devDependencies":{"d":"1.0.0-rc.1"}}',
    };
    assertCount(findLooseVersions([manifest]), 2);
  });
  it('report an address in the lock and an install script nobody decided about', () => {
    const lock = {
      path: 'package-lock.json',
      text: JSON.stringify({
        packages: {
          'node_modules/a': { version: '1.0.0', resolved: 'https://packages.example.com/a.tgz', hasInstallScript: true },
          'node_modules/@holdfast/agent': { resolved: 'agent', link: true },
          'node_modules/x/node_modules/@scope/b': { version: '1.0.0', hasInstallScript: true },
        },
      }),
    };
    assertCount(findResolvedAddresses(lock), 1);
    assert.deepEqual(findUnallowedInstallScripts(lock, { path: 'package.json', text: '{"allowScripts":{"a":true}}' }), [
      'package.json: allowScripts does not decide about @scope/b, which has an install script',
    ]);
  });
});
