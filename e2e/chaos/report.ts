/** Outcomes as a table for people, as JSON for programs, and as the table of the documents. Pure. */
import { type Effort, isGood, type Outcome } from './experiment.ts';

/** An outcome with what makes it again. */
export type Reported = Outcome & {
  readonly seed: string;
  readonly effort: Effort;
  /** What `SOAK` was, where it was given. */
  readonly soak?: string | undefined;
  /** The day, and how busy the machine was when it began. */
  readonly made?: string | undefined;
};

export const TABLE_START = '<!-- figures: start, written by make chaos -->';
export const TABLE_END = '<!-- figures: end -->';

export function formatCommand({ name, seed, effort, soak }: Pick<Reported, 'name' | 'seed' | 'effort' | 'soak'>): string {
  return `make chaos ${effort === 'full' ? 'FULL=1 ' : ''}${soak === undefined ? '' : `SOAK=${soak} `}ONLY=${name} SEED=${seed}`;
}

/** `[{name, tried, bad, limit, ok, seed, command}]`, with unit, detail and findings besides. What could not be made is not ok, and has no numbers. */
export function formatJson(
  outcomes: readonly Reported[],
  unmade: readonly string[],
  by: Pick<Reported, 'seed' | 'effort'>,
): string {
  const rows = outcomes.map((outcome) => {
    const { name, tried, bad, limit, unit, seed, detail, findings } = outcome;
    return { name, tried, bad, limit, ok: isGood(outcome), seed, command: formatCommand(outcome), unit, detail, findings };
  });
  const missing = unmade.map((name) => ({
    name,
    ok: false,
    seed: by.seed,
    command: formatCommand({ name, ...by }),
    detail: 'could not be made',
  }));
  return `${JSON.stringify([...rows, ...missing], undefined, 2)}\n`;
}

const withUnit = (value: number, { unit }: Outcome) => (unit === undefined ? value.toLocaleString('en') : `${value} ${unit}`);

/** A table in columns, with how each figure came about and what was found below it. */
export function formatTable(outcomes: readonly Reported[]): string {
  const rows = outcomes.map((outcome) => [
    outcome.name,
    outcome.tried.toLocaleString('en'),
    withUnit(outcome.bad, outcome),
    `≤ ${withUnit(outcome.limit, outcome)}`,
    isGood(outcome) ? 'ok' : 'MISSED',
  ]);
  const cells = [['figure', 'tried', 'bad', 'limit', ''], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return lines
    .flatMap((line, index) => {
      const outcome = outcomes[index - 1];
      if (!outcome) return [line];
      return [line, `    ${outcome.detail}`, ...outcome.findings.map((finding) => `    ! ${finding}`)];
    })
    .join('\n');
}

const HEAD = '| figure | tried | bad | limit | | how | command |\n|---|---:|---:|---:|---|---|---|';

function formatRow(outcome: Reported): string {
  const cells = [
    `\`${outcome.name}\``,
    outcome.tried.toLocaleString('en'),
    withUnit(outcome.bad, outcome),
    withUnit(outcome.limit, outcome),
    isGood(outcome) ? 'ok' : '**missed**',
    outcome.made === undefined ? outcome.detail : `${outcome.detail} (${outcome.made})`,
    `\`${formatCommand(outcome)}\``,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** Puts outcomes into the document's table: each replaces its own row, the others stay. Throws when the document has no place for them. */
export function mergeIntoDocument(document: string, outcomes: readonly Reported[], machine: string): string {
  const start = document.indexOf(TABLE_START);
  const end = document.indexOf(TABLE_END);
  if (start < 0 || end < start) throw new Error('the document has no place for the figures');
  const rows = new Map<string, string>();
  for (const line of [...document.slice(start, end).split('\n'), ...outcomes.map(formatRow)]) {
    const name = /^\| `([a-z0-9-]+)` \|/.exec(line)?.[1];
    if (name !== undefined) rows.set(name, line);
  }
  return `${document.slice(0, start)}${TABLE_START}\n${machine}\n\n${HEAD}\n${[...rows.values()].join('\n')}\n${document.slice(end)}`;
}
