import type { Finding } from './import-rules.ts';
import { listImports, type SourceFile } from './imports.ts';
import { CONTRACT_SUITES, SIDES, TEST_FILE, VALUES_FOR_TESTS } from './rules.ts';
import { scanSource } from './source-text.ts';

const EXPORT = /(?<![.\w$])export\s+(?:async\s+)?(?:function\s*\*?|const|let|class)\s+([\w$]+)/g;

const isProduction = (path: string): boolean =>
  SIDES.some((side) => path.startsWith(`${side}/`)) && !TEST_FILE.test(path) && !CONTRACT_SUITES.test(path);

/** Who imports a value: `production`, or tests and tools alone. */
type Importers = ReadonlyMap<string, 'production' | 'tests'>;

function listImporters(files: readonly SourceFile[]): Importers {
  const found = new Map<string, 'production' | 'tests'>();
  for (const { from, target, names } of files.flatMap(listImports)) {
    if (target.kind !== 'file') continue;
    for (const name of names) {
      const key = `${target.path} ${name}`;
      if (isProduction(from)) found.set(key, 'production');
      else if (!found.has(key)) found.set(key, 'tests');
    }
  }
  return found;
}

/**
 * Values that production code exports to nobody, and values that tests alone use. One that its own file uses may be exported for its
 * tests. Types are free: they cost nothing where the program runs.
 */
export function findIdleExports(files: readonly SourceFile[], excused: typeof VALUES_FOR_TESTS = VALUES_FOR_TESTS): Finding[] {
  const importers = listImporters(files);
  return files
    .filter(({ path }) => isProduction(path))
    .flatMap(({ path, text }) => {
      const { bare } = scanSource(text);
      return [...bare.matchAll(EXPORT)].flatMap(({ 1: name = '', index }) => {
        const [by, byAll] = [importers.get(`${path} ${name}`), importers.get(`${path} *`)];
        if (by === 'production' || byAll === 'production' || excused[`${path} ${name}`] !== undefined) return [];
        const line = bare.slice(0, index).split('\n').length;
        if ((by ?? byAll) === undefined) return [`${path}:${line} exports ${name}, which nobody imports`];
        return countWord(bare, name) > 1 ? [] : [`${path}:${line} exports ${name}, which nothing but tests uses`];
      });
    });
}

function countWord(bare: string, name: string): number {
  return bare.split(/[^\w$]+/).filter((word) => word === name).length;
}
