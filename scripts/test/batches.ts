import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Larger batches save little more, and share less evenly between processors. */
const FILES_AT_MOST = 30;

/**
 * What a file does to every test of its process: hooks around each, clocks and methods in place of the real ones, the process's own folder,
 * environment and signals. What a file opens before its tests and closes after them (`before`, `after`) harms no other.
 */
const CONCERNS_OTHERS =
  /^(?:beforeEach|afterEach)\(|\bmock\.(?:timers|method|getter|setter)\b|\bprocess\.(?:chdir|umask|on|once|exit)\(|\bprocess\.exitCode\b|\bprocess\.env(?:\.\w+|\[[^\]]+\])\s*=[^=]|\bdelete process\.env\b|\bglobalThis\.\w+\s*=[^=]/m;

/** Files whose tests are written down in other files, so that a verdict does not name them. */
const TESTS_ELSEWHERE: readonly string[] = ['server/src/web/api/api.test.ts'];

/** Whether a test file needs a process of its own, by its text. */
export function standsAlone(text: string): boolean {
  return CONCERNS_OTHERS.test(text);
}

/** The files among `files` that need a process of their own. */
export function readAlone(root: string, files: readonly string[]): ReadonlySet<string> {
  return new Set(files.filter((file) => TESTS_ELSEWHERE.includes(file) || standsAlone(readFileSync(join(root, file), 'utf8'))));
}

/**
 * Puts files that may share a process into batches, neighbours together since they load the same modules. Batches come first and the files that
 * stand alone last, so that what is short fills the end.
 */
export function formBatches(files: readonly string[], alone: ReadonlySet<string>, atMost = FILES_AT_MOST): string[][] {
  const batches = new Map<string, string[][]>();
  for (const file of files) {
    if (alone.has(file)) continue;
    const side = file.slice(0, file.indexOf('/'));
    const of = batches.get(side) ?? [];
    const last = of.at(-1);
    if (last !== undefined && last.length < atMost) last.push(file);
    else of.push([file]);
    batches.set(side, of);
  }
  return [...[...batches.values()].flat(), ...files.filter((file) => alone.has(file)).map((file) => [file])];
}
