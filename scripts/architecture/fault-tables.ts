/**
 * The tables of faults under docs/design/faults: rows are read and compared with the tests they name, so that a renamed or lost test is noticed. One
 * row: `| 7 | what goes wrong | what is done | tests |`, where a test is `` `path/to/file.test.ts`: "title" ``, further titles of the same file
 * follow after commas, and a quote inside a title is written `\"`. Titles made from a template stand as in the source, `${name}` included. A cell
 * without tests says `not yet: why`. Pure.
 */

export interface FaultRow {
  /** The document's name without its folder. */
  document: string;
  number: number;
  fault: string;
  answer: string;
  tests: readonly { file: string; title: string }[];
  /** What stands in the cell of tests besides tests. */
  remark: string;
}

/** Which document holds which numbers, both ends included. */
export const FAULT_NUMBERS: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  'pipeline.md': [[1, 25]],
  'processes.md': [[26, 34]],
  'delivery.md': [[35, 52]],
  'storage.md': [[53, 61]],
  'time.md': [[62, 67]],
  'operations.md': [
    [68, 69],
    [106, 109],
  ],
  'restores.md': [
    [70, 81],
    [99, 100],
  ],
  'security.md': [
    [82, 98],
    [101, 105],
  ],
};

const TESTS = /`([^`]+)`:\s*((?:"(?:[^"\\]|\\.)*"(?:,\s*)?)+)/g;
const TITLE = /"((?:[^"\\]|\\.)*)"/g;
const SEPARATORS = /<br>|[;,.]/g;

/** The cells of a table's line; `\|` is a bar inside a cell. */
function splitCells(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

export function parseFaultTable(document: string, text: string): FaultRow[] {
  return text.split('\n').flatMap((line) => {
    const [number = '', fault = '', answer = '', cell = '', ...surplus] = /^\| *\d+ *\|/.test(line) ? splitCells(line) : [];
    if (number === '') return [];
    const tests = [...cell.matchAll(TESTS)].flatMap(([, file = '', titles = '']) =>
      [...titles.matchAll(TITLE)].map(([, title = '']) => ({ file, title: title.replaceAll('\\"', '"') })),
    );
    const remark = [cell.replaceAll(TESTS, ' '), ...surplus].join(' ').trim();
    return [{ document, number: Number(number), fault, answer, tests, remark }];
  });
}

/** Whether a source has a test of that title: as a whole string literal, in the quotes it may have there. */
export function hasTitle(source: string, title: string): boolean {
  const escaped = (quote: string) => `${quote}${title.replaceAll(quote, `\\${quote}`)}${quote}`;
  return [`'`, '"', '`'].some((quote) => source.includes(escaped(quote)));
}

function findProblem(row: FaultRow, findSource: (path: string) => string | undefined): string | undefined {
  if (row.fault === '' || row.answer === '') return 'says too little';
  const isPromise = /^not yet: .{10}/.test(row.remark);
  const surplus = row.remark.replaceAll(SEPARATORS, '').trim();
  if (surplus !== '' && !isPromise) return `has words that are no test: ${surplus.slice(0, 80)}`;
  if (row.tests.length === 0 && !isPromise) return 'names no test and does not say why';
  for (const { file, title } of row.tests) {
    const source = /\.(?:test|spec)\.ts$/.test(file) ? findSource(file) : undefined;
    if (source === undefined) return `names ${file}, which is no test file`;
    if (!hasTitle(source, title)) return `names "${title}", which is not in ${file}`;
  }
  const lost = [...row.answer.matchAll(/`([^`\s]+\/[^`\s]+\.ts)`/g)].find(([, path = '']) => findSource(path) === undefined);
  return lost && `names ${lost[1]}, which is not there`;
}

/** Everything wrong with the documents that exist. `findSource` gives the text of a file of the tree, by its path from the root. */
export function checkFaultTables(
  documents: readonly { name: string; text: string }[],
  findSource: (path: string) => string | undefined,
): string[] {
  return documents.flatMap(({ name, text }) => {
    const ranges = FAULT_NUMBERS[name];
    if (ranges === undefined) return [`${name} is not known to hold faults`];
    const rows = parseFaultTable(name, text);
    const wanted = ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
    const missing = wanted.filter((number) => !rows.some((row) => row.number === number));
    const twice = rows.filter((row, index) => rows.findIndex((other) => other.number === row.number) !== index);
    const strange = rows.filter((row) => !wanted.includes(row.number));
    return [
      ...missing.map((number) => `${name} has no row ${number}`),
      ...twice.map((row) => `${name} has row ${row.number} twice`),
      ...strange.map((row) => `${name} has row ${row.number}, which belongs elsewhere`),
      ...rows.flatMap((row) => {
        const problem = findProblem(row, findSource);
        return problem === undefined ? [] : [`${name}, row ${row.number}: ${problem}`];
      }),
    ];
  });
}
