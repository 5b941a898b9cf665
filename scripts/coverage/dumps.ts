/** Takes in the files that Node writes where `NODE_V8_COVERAGE` points, one for each process that ended by itself. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FileMeasure, V8Script } from './measure.ts';

/**
 * Adds each dump to the files that are measured and removes it. One that is still being written stays for the next time. A script that a process
 * loaded twice, under two queries, counts twice.
 */
export function collectDumps(folder: string, measures: ReadonlyMap<string, FileMeasure>): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const scripts = parseDump(readFileSync(path, 'utf8'));
    if (scripts === undefined) continue;
    rmSync(path);
    for (const script of scripts) measures.get(script.url.replace(/[?#].*$/, ''))?.add(script);
  }
}

/** Undefined for a text that is not whole. */
function parseDump(text: string): readonly V8Script[] | undefined {
  try {
    return (JSON.parse(text) as { result: readonly V8Script[] }).result;
  } catch {
    return undefined;
  }
}
