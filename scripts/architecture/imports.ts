import { posix } from 'node:path';
import { scanSource } from './source-text.ts';

/** One file of the tree, its path relative to the root with forward slashes. */
export type SourceFile = { readonly path: string; readonly text: string };

/** One import, export-from, dynamic import or resolve call, with what it points at. */
export type ImportEdge = {
  readonly from: string;
  readonly specifier: string;
  /** Erased by type stripping: `import type`, or nothing but `type` names between the braces. */
  readonly typeOnly: boolean;
  /** What it takes, by the names it was exported under; `*` is everything, or what nobody can tell. */
  readonly names: readonly string[];
  readonly line: number;
  readonly target: ImportTarget;
};

export type ImportTarget =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'package'; readonly name: string };

const STATEMENT = /(?<![.\w$])(?:import|export)(\s+type\b)?\s*([\w$*\s{},]*?)\s*\bfrom\s*(['"])( *)\3/g;
const SIDE_EFFECT = /(?<![.\w$])import\s*(['"])( *)\1/g;
const CALL = /(?<![.\w$])(typeof\s+)?(?:import|require|require\.resolve|import\.meta\.resolve)\s*\(\s*(['"])( *)\2/g;

/** Lists what a file imports. A specifier that is computed at run time is not seen; none of the rules allows one. */
export function listImports(file: SourceFile): ImportEdge[] {
  const { code, bare } = scanSource(file.text);
  const edges: ImportEdge[] = [];
  const add = (end: number, hidden: string, typeOnly: boolean, names: readonly string[]): void => {
    const specifier = code.slice(end - 1 - hidden.length, end - 1);
    const line = bare.slice(0, end).split('\n').length;
    edges.push({ from: file.path, specifier, typeOnly, names, line, target: resolveSpecifier(file.path, specifier) });
  };
  for (const match of bare.matchAll(STATEMENT)) {
    const names = match[2] ?? '';
    add(match.index + match[0].length, match[4] ?? '', match[1] !== undefined || hasOnlyTypeNames(names), listNames(names));
  }
  for (const match of bare.matchAll(SIDE_EFFECT)) add(match.index + match[0].length, match[2] ?? '', false, []);
  for (const match of bare.matchAll(CALL)) add(match.index + match[0].length, match[3] ?? '', match[1] !== undefined, ['*']);
  return edges.sort((a, b) => a.line - b.line);
}

/** Maps a specifier to a file of the tree, a builtin of Node or a package. `@holdfast/x/y.ts` is `x/src/y.ts`. */
export function resolveSpecifier(from: string, specifier: string): ImportTarget {
  if (specifier.startsWith('.')) return { kind: 'file', path: posix.normalize(posix.join(posix.dirname(from), specifier)) };
  if (specifier.startsWith('node:')) return { kind: 'builtin', name: specifier };
  const own = /^@holdfast\/([a-z0-9-]+)\/(.+)$/.exec(specifier);
  if (own) return { kind: 'file', path: `${own[1]}/src/${own[2]}` };
  const parts = specifier.split('/');
  return { kind: 'package', name: specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier) };
}

function listNames(names: string): readonly string[] {
  const inside = /\{([^}]*)\}/.exec(names)?.[1];
  if (inside === undefined) return ['*'];
  const each = inside.split(',').map((name) => /^\s*(?:type\s+)?([\w$]+)/.exec(name)?.[1]);
  return each.filter((name) => name !== undefined);
}

function hasOnlyTypeNames(names: string): boolean {
  const inside = /^\s*\{([^}]*)\}\s*$/.exec(names)?.[1];
  if (inside === undefined) return false;
  const each = inside
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return each.length > 0 && each.every((name) => name.startsWith('type '));
}
