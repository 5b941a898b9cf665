import type { Finding } from './import-rules.ts';
import type { SourceFile } from './imports.ts';
import {
  AMBIENT_READERS,
  BANNED_FILE_STEMS,
  BANNED_FILE_WORDS,
  BANNED_TYPE_NAMES,
  DEFAULT_EXPORT_FILES,
  ENVIRONMENT_READERS,
  FOREIGN_FILES,
  KEBAB_NAME,
  LENGTH_REASON,
  MAX_LINES,
  MIGRATION_NAME,
  PRESCRIBED_NAMES,
  TEST_FILE,
} from './rules.ts';
import { scanSource } from './source-text.ts';

/** File and folder names that say nothing, or are not kebab-case nouns. */
export function findBadFileNames(paths: readonly string[]): Finding[] {
  return paths
    .filter((path) => !FOREIGN_FILES.test(path))
    .flatMap((path) => path.split('/').flatMap((name) => judgeName(name, path)));
}

function judgeName(name: string, path: string): Finding[] {
  if (PRESCRIBED_NAMES.has(name) || MIGRATION_NAME.test(name) || name === 'tsconfig.base.json') return [];
  const plain = name.startsWith('.') ? name.slice(1) : name;
  if (!KEBAB_NAME.test(plain)) return [`${path}: "${name}" is not kebab-case`];
  const stem = plain.split('.')[0] ?? plain;
  const bad = plain.split(/[-.]/).find((word) => BANNED_FILE_WORDS.has(word));
  const empty = bad ?? (BANNED_FILE_STEMS.has(stem) || stem.startsWith('base-') ? stem : undefined);
  return empty === undefined ? [] : [`${path}: "${empty}" says nothing about what is inside`];
}

/** Exported and private types named after a pattern instead of a thing. */
export function findBadTypeNames(files: readonly SourceFile[]): Finding[] {
  return matchBare(files, /\b(?:type|interface|class)\s+([A-Z]\w*)/g, (match) =>
    BANNED_TYPE_NAMES.test(match[1] ?? '') ? `names a type ${match[1]}` : undefined,
  );
}

/** Code, style and SQL files over the limit whose first comment gives no reason. */
export function findLongFiles(files: readonly SourceFile[]): Finding[] {
  return files.flatMap((file) => {
    if (!/\.(ts|css|sql)$/.test(file.path) || FOREIGN_FILES.test(file.path)) return [];
    const lines = file.text.replace(/\n$/, '').split('\n').length;
    if (lines <= MAX_LINES || LENGTH_REASON.test(firstComment(file))) return [];
    return [
      `${file.path} has ${lines} lines; over ${MAX_LINES} its first comment says "Longer than ${MAX_LINES} lines because …"`,
    ];
  });
}

function firstComment(file: SourceFile): string {
  return /^\s*((?:--[^\n]*\n?|\/\/[^\n]*\n?)+|\/\*[\s\S]*?\*\/)/.exec(file.text)?.[1] ?? '';
}

/** `process.env` outside the files that turn the environment into config. */
export function findEnvironmentReads(files: readonly SourceFile[]): Finding[] {
  const judged = files.filter((file) => !ENVIRONMENT_READERS.test(file.path) && !TEST_FILE.test(file.path));
  return matchBare(
    judged,
    /\bprocess\s*\??\.\s*env\b|\{[^{}]*\benv\b[^{}]*\}\s*=\s*process\b/g,
    () => 'reads process.env; only config.ts and main.ts do',
  );
}

/** The time of day or randomness taken from the air instead of being passed in. */
export function findAmbientReads(
  files: readonly SourceFile[],
  allowed: Readonly<Record<string, string>> = AMBIENT_READERS,
): Finding[] {
  const judged = files.filter(
    (file) => /^(shared|server|agent)\/src\//.test(file.path) && !TEST_FILE.test(file.path) && !(file.path in allowed),
  );
  const ambient =
    /\bDate\s*\.\s*now\b|\bnew\s+Date\s*(?:\(\s*\)|(?![\s(\w]))|(?<!new\s)(?<![\w$.])Date\s*\(\s*\)|\bMath\s*\.\s*random\b/g;
  return matchBare(judged, ambient, (match) => `uses ${match[0]}; time and randomness are passed in`);
}

/** Tests that are switched off or narrow a run to themselves. */
export function findSwitchedOffTests(files: readonly SourceFile[]): Finding[] {
  const judged = files.filter((file) => /\.(test|spec)\.ts$/.test(file.path) || TEST_FILE.test(file.path));
  const call = /\b(?:test|it|describe|suite|t)\s*\.\s*(only|skip|todo|fixme|fail)\s*\(/g;
  const option = /\b(?:test|it|describe|suite)\s*\(\s*(?:'[^']*'|"[^"]*"|`[^`]*`)\s*,\s*\{[^}]*\b(only|skip|todo)\s*:/g;
  const verdict = (match: RegExpMatchArray): string => `has a test with .${match[1]}`;
  return [...matchBare(judged, call, verdict), ...matchBare(judged, option, verdict)];
}

/** `any`, comments that silence the compiler, and default exports. */
export function findLooseTyping(files: readonly SourceFile[]): Finding[] {
  const anyType = /(?<=[:<,|&]\s*)any\b(?!\s*[(:.=]|\w)|\bas\s+any\b|(?<=type\s+\w+\s*=\s*)any\b/g;
  const defaults = /(?<![.\w$])export\s+default\b|\bas\s+default\b/g;
  return [
    ...matchBare(files, anyType, () => 'uses the type any'),
    ...matchBare(
      files.filter((file) => !DEFAULT_EXPORT_FILES.test(file.path)),
      defaults,
      () => 'has a default export',
    ),
    ...files.flatMap(findSilencers),
  ];
}

function findSilencers(file: SourceFile): Finding[] {
  const silencer = scanSource(file.text)
    .comments.map((comment) => /@ts-(ignore|nocheck|expect-error)/.exec(comment)?.[0])
    .find((found) => found !== undefined);
  return silencer === undefined ? [] : [`${file.path} silences the compiler with ${silencer}`];
}

/** Hosts of package registries, which belong to a machine's configuration and not to the project. */
export function findPackageHosts(files: readonly SourceFile[], hosts: readonly string[]): Finding[] {
  return files.flatMap((file) =>
    hosts.filter((host) => file.text.includes(host)).map((host) => `${file.path} names the package host ${host}`),
  );
}

/** Runs a pattern over the syntax of each file (strings and comments are blank) and reports where the verdict says so. */
function matchBare(
  files: readonly SourceFile[],
  pattern: RegExp,
  verdict: (match: RegExpMatchArray) => string | undefined,
): Finding[] {
  return files.flatMap((file) => {
    const source = scanSource(file.text);
    return [...source.bare.matchAll(pattern)].flatMap((match) => {
      const what = verdict(match);
      return what === undefined ? [] : [`${file.path}:${source.bare.slice(0, match.index).split('\n').length} ${what}`];
    });
  });
}
