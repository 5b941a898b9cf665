import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, it } from 'node:test';
import { checkFaultTables, FAULT_NUMBERS, hasTitle, parseFaultTable } from './fault-tables.ts';
import { readTree } from './tree.ts';

const FOLDER = 'docs/design/faults';

describe('The tables of faults', () => {
  it('have a row for each number, and name tests and sources that exist', () => {
    const files = new Map(readTree().map((file) => [file.path, file.text]));
    const documents = [...files]
      .filter(([path]) => posix.dirname(path) === FOLDER && path.endsWith('.md') && posix.basename(path) !== 'README.md')
      .map(([path, text]) => ({ name: posix.basename(path), text }));
    assert.ok(documents.length > 0);
    assert.deepEqual(
      checkFaultTables(documents, (path) => files.get(path)),
      [],
    );
    const introduction = files.get(`${FOLDER}/README.md`) ?? '';
    for (const { name } of documents) assert.ok(introduction.includes(name), `the introduction does not name ${name}`);
  });
});

describe('The reader of a table of faults', () => {
  const sources: Readonly<Record<string, string>> = {
    'a/one.test.ts': `it('stops', () => 0); it("doesn't go on", () => 0); it(\`is \${what}\`, () => 0); it('says "no" at once', () => 0);`,
    'a/one.ts': '',
  };
  const rows = (from: number, to: number, cells: Readonly<Record<number, string>> = {}): string =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index)
      .map((n) => `| ${n} | fault | done (\`a/one.ts\`) | ${cells[n] ?? '`a/one.test.ts`: "stops"'} |`)
      .join('\n');
  const check = (text: string, name = 'processes.md') => checkFaultTables([{ name, text }], (path) => sources[path]);

  it('reads several tests of several files, quotes inside titles, and bars inside cells', () => {
    const cell = '`a/one.test.ts`: "stops", "says \\"no\\" at once"<br>`b/two.test.ts`: "a \\| b"';
    assert.deepEqual(parseFaultTable('processes.md', `text\n| 26 | w | d | ${cell} |\n|---|---|---|---|`), [
      {
        document: 'processes.md',
        number: 26,
        fault: 'w',
        answer: 'd',
        tests: [
          { file: 'a/one.test.ts', title: 'stops' },
          { file: 'a/one.test.ts', title: 'says "no" at once' },
          { file: 'b/two.test.ts', title: 'a | b' },
        ],
        remark: '<br>',
      },
    ]);
  });

  it('finds a title only as a whole, in whatever quotes', () => {
    const source = sources['a/one.test.ts'] ?? '';
    for (const title of ['stops', "doesn't go on", 'is ${what}', 'says "no" at once']) assert.ok(hasTitle(source, title), title);
    for (const title of ['stop', 'does', 'is', '']) assert.equal(hasTitle(source, title), false, title);
  });

  it('is content with a whole table, and with a promise that says why', () => {
    assert.deepEqual(check(rows(26, 34)), []);
    assert.deepEqual(check(rows(26, 34, { 30: 'not yet: nothing prunes.' })), []);
    assert.deepEqual(
      Object.values(FAULT_NUMBERS)
        .flatMap((ranges) => ranges.map(([from, to]) => to - from + 1))
        .reduce((sum, count) => sum + count, 0),
      109,
    );
  });

  const faults: readonly (readonly [what: string, text: string, problem: string])[] = [
    ['a number without a row', rows(26, 33), 'processes.md has no row 34'],
    ['a number that comes twice', `${rows(26, 34)}\n${rows(30, 30)}`, 'processes.md has row 30 twice'],
    ['a number of another document', `${rows(26, 35)}`, 'processes.md has row 35, which belongs elsewhere'],
    ['a file that is not there', rows(26, 34, { 27: '`a/gone.test.ts`: "stops"' }), 'names a/gone.test.ts, which is no test'],
    ['a file that holds no tests', rows(26, 34, { 27: '`a/one.ts`: "stops"' }), 'names a/one.ts, which is no test file'],
    ['a title that is not there', rows(26, 34, { 27: '`a/one.test.ts`: "stopped"' }), 'names "stopped", which is not in'],
    ['a row without a test', rows(26, 34, { 27: '' }), 'names no test and does not say why'],
    ['words instead of a test', rows(26, 34, { 27: 'see the sources' }), 'has words that are no test'],
    ['a source that is not there', rows(26, 34).replace('a/one.ts', 'a/gone.ts'), 'row 26: names a/gone.ts'],
  ];
  for (const [what, text, problem] of faults) {
    it(`finds ${what}`, () => {
      const problems = check(text);
      assert.equal(problems.length, 1, problems.join('; '));
      assert.ok(problems[0]?.includes(problem), problems.join());
    });
  }

  it('finds a document nobody expects', () => {
    assert.deepEqual(check('', 'weather.md'), ['weather.md is not known to hold faults']);
  });
});
