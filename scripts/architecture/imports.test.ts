import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listImports } from './imports.ts';
import { scanSource } from './source-text.ts';

function listSpecifiers(text: string): string[] {
  return listImports({ path: 'server/src/core/hosts.ts', text }).map(
    (edge) => `${edge.typeOnly ? 'type ' : ''}${edge.specifier}`,
  );
}

describe('The import scanner', () => {
  const cases: readonly [string, string, readonly string[]][] = [
    ['a default and named import', "import a, { b as c } from './x.ts';", ['./x.ts']],
    ['a namespace import', "import * as a from 'node:path';", ['node:path']],
    ['a side effect', "import './x.ts';", ['./x.ts']],
    ['a re-export', "export { a } from './x.ts';\nexport * from './y.ts';", ['./x.ts', './y.ts']],
    ['a dynamic import', "const a = await import('./x.ts');", ['./x.ts']],
    ['a require and a resolve', "require('a'); require.resolve('b/c'); import.meta.resolve('d');", ['a', 'b/c', 'd']],
    ['an import over several lines', "import {\n  a,\n  b,\n} from './x.ts';", ['./x.ts']],
    ['a type import', "import type { A } from './x.ts';\nexport type { B } from './y.ts';", ['type ./x.ts', 'type ./y.ts']],
    ['nothing but type names', "import { type A, type B } from './x.ts';", ['type ./x.ts']],
    ['one value among type names', "import { type A, b } from './x.ts';", ['./x.ts']],
    ['the type of a module', "type A = typeof import('./x.ts');", ['type ./x.ts']],
  ];
  for (const [name, text, expected] of cases) {
    it(`sees ${name}`, () => assert.deepEqual(listSpecifiers(text), expected));
  }

  it('is blind to imports in comments, strings and templates', () => {
    const text = [
      "// import a from './a.ts';",
      "/* import b from './b.ts'; */",
      `const c = "import c from './c.ts'";`,
      "const d = `import d from './d.ts' ${'x' + `import('./e.ts')`}`;",
      "const isImport = /import '.\\/f.ts'/.test(c);",
      'const half = 4 / 2; const third = half / 3;',
      "import g from './g.ts';",
    ].join('\n');
    assert.deepEqual(listSpecifiers(text), ['./g.ts']);
  });

  it('sees an import inside the hole of a template', () => {
    assert.deepEqual(listSpecifiers("const a = `x ${await import('./x.ts')} y`;"), ['./x.ts']);
  });

  it('maps names of the workspaces to their source files and relative paths to the tree', () => {
    const text =
      "import '@holdfast/shared/domain/run.ts'; import '../store/store.ts'; import '@node-rs/argon2/x'; import 'node:fs';";
    assert.deepEqual(
      listImports({ path: 'server/src/core/hosts.ts', text }).map((edge) => edge.target),
      [
        { kind: 'file', path: 'shared/src/domain/run.ts' },
        { kind: 'file', path: 'server/src/store/store.ts' },
        { kind: 'package', name: '@node-rs/argon2' },
        { kind: 'builtin', name: 'node:fs' },
      ],
    );
  });
});

describe('The source views', () => {
  it('are as long as the file, line by line', () => {
    const text = "#!/usr/bin/env node\nconst a = 'it\\'s'; // tail\n/* two\nlines */ const b = `x${a}y`;\n";
    const { code, bare } = scanSource(text);
    assert.deepEqual([code.length, bare.length], [text.length, text.length]);
    assert.equal(bare.split('\n').length, text.split('\n').length);
    assert.ok(!bare.includes('s\\'), 'the inside of the string is blank');
    assert.match(bare, /const b = ` \$\{a\} `;/);
  });
});
