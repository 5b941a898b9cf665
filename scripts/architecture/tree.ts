import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SourceFile } from './imports.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const TEXT =
  /\.(ts|mts|js|mjs|css|sql|json|md|sh|html|svg|yml|yaml|toml|conf|service)$|(^|\/)(Makefile|Dockerfile|\.npmrc|\.gitignore)$|^\.ci\//;
const LARGEST_TEXT_BYTES = 4 * 1024 * 1024;

/** Paths of everything that is, or by its place would be, under version control, sorted. */
export function listTree(root: string = ROOT): string[] {
  const out = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const paths = out.split('\0').filter((path) => path !== '' && existsSync(join(root, path)));
  return [...new Set(paths)].sort();
}

/** Reads the text files of the tree. */
export function readTree(root: string = ROOT): SourceFile[] {
  const isText = (path: string): boolean => TEXT.test(path) && statSync(join(root, path)).size <= LARGEST_TEXT_BYTES;
  return listTree(root)
    .filter(isText)
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

export function isTypeScript(file: { readonly path: string }): boolean {
  return file.path.endsWith('.ts');
}
