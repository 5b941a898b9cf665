/** What a long run of the laboratory remembers: outcomes, so that it can be resumed, and every injection, one JSON object a line. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Effort } from './experiment.ts';
import type { Reported } from './report.ts';

export type Notebook = {
  /** Where the injections of this seed are written. */
  readonly injections: string;
  /** Outcomes of this seed, effort and code from earlier calls. */
  findOutcomes(figures: readonly string[]): readonly Reported[] | undefined;
  keep(outcomes: readonly Reported[]): void;
  record(experiment: string, injection: object): void;
};

/** `code` names what was tried, such as a commit: what other code did is no outcome of this one. */
export function openNotebook(directory: string, seed: string, effort: Effort, code: string): Notebook {
  mkdirSync(directory, { recursive: true });
  const name = `${seed}-${code}`.replaceAll(/[^A-Za-z0-9_-]/g, '_');
  const file = join(directory, `${effort}-${name}.json`);
  const injections = join(directory, `${effort}-${name}.injections.jsonl`);
  const known = new Map<string, Reported>();
  if (existsSync(file)) for (const one of JSON.parse(readFileSync(file, 'utf8')) as Reported[]) known.set(one.name, one);
  return {
    injections,
    findOutcomes(figures) {
      const found = figures.map((figure) => known.get(figure)).filter((one) => one !== undefined);
      return found.length === figures.length ? found : undefined;
    },
    keep(outcomes) {
      for (const outcome of outcomes) known.set(outcome.name, outcome);
      // Whole or not at all: the run may be ended at any moment.
      writeFileSync(`${file}.new`, JSON.stringify([...known.values()], undefined, 2));
      renameSync(`${file}.new`, file);
    },
    record(experiment, injection) {
      appendFileSync(injections, `${JSON.stringify({ experiment, ...injection })}\n`);
    },
  };
}
