/**
 * What ran and what did not, from what V8 counted in any number of processes. Pure.
 *
 * A **branch** is a piece of code that V8 counts for itself: a function, an arm of an `if`, of `?:` or of a `switch`, the right side of `&&`, `||`
 * and `??`, what follows `?.`, the body of a loop, a `catch`, and what follows a `return`, `throw` or `await`. To these come the arms that nobody
 * wrote: the way past an `if` without `else`, which V8 does not count; it was gone when the condition was met oftener than the arm. The ways past
 * `?.`, past a right side and past a default value are not counted.
 */
import { type SourceText, scanSource } from '../architecture/source-text.ts';
import { findBareIfs } from './bare-ifs.ts';

/** As in the files that `NODE_V8_COVERAGE` makes; offsets are in UTF-16 units of the text that ran. */
export type V8Range = { readonly startOffset: number; readonly endOffset: number; readonly count: number };
export type V8Function = { readonly ranges: readonly V8Range[]; readonly isBlockCoverage: boolean };
export type V8Script = { readonly url: string; readonly functions: readonly V8Function[] };

export type Place = {
  readonly line: number;
  /** The code that did not run, shortened, or that it is the way past an `if`. */
  readonly what: string;
};

export type FileCoverage = {
  readonly lines: number;
  readonly coveredLines: number;
  readonly branches: number;
  readonly coveredBranches: number;
  /** Places, in order. */
  readonly uncovered: readonly Place[];
  readonly uncoveredLines: readonly number[];
};

export type FileMeasure = {
  /** Adds what one process counted of this file. */
  add(script: Pick<V8Script, 'functions'>): void;
  read(): FileCoverage;
};

const QUOTED_CHARS = 60;
/** Closers and the ends of statements do nothing by themselves: V8 counts them as what follows a `return`. */
const DOES_NOTHING = /^[\s{}()[\];,]*$/;

/** @param stripped the text that runs: types blanked, every offset as in the source. */
export function measureFile(stripped: string): FileMeasure {
  const source = scanSource(stripped);
  const total = new Float64Array(stripped.length);
  const starts = new Set<number>();
  return {
    add({ functions }) {
      const counts = paintCounts(functions, stripped.length);
      for (const { ranges } of functions) for (const range of ranges) starts.add(range.startOffset);
      for (let at = 0; at < counts.length; at += 1) total[at] = (total[at] ?? 0) + (counts[at] ?? 0);
    },
    read: () => readCoverage(source, total, starts),
  };
}

/** The count of each character is that of the innermost range around it; V8 tells outer ranges before inner ones. */
function paintCounts(functions: readonly V8Function[], length: number): Float64Array {
  const counts = new Float64Array(length);
  const ranges = functions.flatMap((entry) => entry.ranges);
  const widest = ranges.toSorted((a, b) => b.endOffset - b.startOffset - (a.endOffset - a.startOffset));
  for (const { startOffset, endOffset, count } of widest) counts.fill(count, startOffset, endOffset);
  return counts;
}

function readCoverage(source: SourceText, total: Float64Array, starts: ReadonlySet<number>): FileCoverage {
  const lineStarts = listLineStarts(source.code);
  const runs = listUncoveredRuns(source.code, total);
  const places = [...starts].map((start) => ({ start, covered: (total[start] ?? 0) > 0 }));
  // A function that no process knows the inside of is one branch; so is a file that none loaded.
  const known = new Set(places.filter((place) => !place.covered).map((place) => place.start));
  const unseen = runs.filter((run) => !known.has(run.start));
  const missed = runs.map(({ codeStart, end }) => ({ at: codeStart, what: quote(source.code.slice(codeStart, end)) }));
  const ifs = findBareIfs(source.bare);
  for (const { at, arm } of ifs) {
    if ((total[at] ?? 0) <= (total[arm] ?? 0)) missed.push({ at, what: 'past this if' });
  }
  const lines = listCodeLines(source.code, lineStarts);
  const uncoveredLines = lines.filter(({ from, to }) => isAllZero(total, from, to)).map(({ line }) => line);
  const counted = places.filter(
    (place) => place.covered || runs.some((run) => run.start <= place.start && place.start < run.end),
  );
  const branches = counted.length + unseen.length + ifs.length;
  return {
    lines: lines.length,
    coveredLines: lines.length - uncoveredLines.length,
    branches,
    coveredBranches: branches - missed.length,
    uncovered: missed.sort((a, b) => a.at - b.at).map(({ at, what }) => ({ line: toLine(lineStarts, at), what })),
    uncoveredLines,
  };
}

function quote(code: string): string {
  const text = code.replace(/\s+/g, ' ').trim();
  return text.length > QUOTED_CHARS ? `${text.slice(0, QUOTED_CHARS - 1)}…` : text;
}

type Run = { readonly start: number; readonly end: number; readonly codeStart: number };

/** Longest stretches of characters that no process ran, without those that hold nothing to run. */
function listUncoveredRuns(code: string, total: Float64Array): Run[] {
  const runs: Run[] = [];
  for (let start = 0; start < code.length; start += 1) {
    if (total[start] !== 0) continue;
    let end = start;
    while (end < code.length && total[end] === 0) end += 1;
    const text = code.slice(start, end);
    if (!DOES_NOTHING.test(text)) runs.push({ start, end, codeStart: start + text.search(/\S/) });
    start = end;
  }
  return runs;
}

function listLineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

const toLine = (lineStarts: readonly number[], at: number) => lineStarts.findLastIndex((start) => start <= at) + 1;

/** Lines that hold something to run, from their first to behind their last character of code. */
function listCodeLines(code: string, lineStarts: readonly number[]): { line: number; from: number; to: number }[] {
  return lineStarts.flatMap((start, index) => {
    const text = code.slice(start, (lineStarts[index + 1] ?? code.length + 1) - 1);
    if (DOES_NOTHING.test(text)) return [];
    return [{ line: index + 1, from: start + text.search(/\S/), to: start + text.trimEnd().length }];
  });
}

function isAllZero(total: Float64Array, from: number, to: number): boolean {
  return total.subarray(from, to).every((count) => count === 0);
}
