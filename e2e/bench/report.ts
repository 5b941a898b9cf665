/** Figures as a table for people, as JSON for programs, and as the table of the documents. Pure. */
import { type Figure, formatCommand } from './figure.ts';

export const TABLE_START = '<!-- figures: start, written by make bench -->';
export const TABLE_END = '<!-- figures: end -->';

/** A table in columns, one figure a line, with what the sample was below each. */
export function formatTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [figure.name, formatValue(figure), formatLimit(figure), figure.ok ? 'ok' : 'missed']);
  const cells = [['figure', 'value', 'limit', ''], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '),
  );
  return lines.map((line, index) => (index === 0 ? line : `${line}\n    ${figures[index - 1]?.detail ?? ''}`)).join('\n');
}

/** `[{name, value, unit, limit, ok, command}]`. */
export function formatJson(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, unit, limit, ok }) => ({
    name,
    value,
    unit,
    limit,
    ok,
    command: formatCommand(name),
  }));
  return `${JSON.stringify(rows, undefined, 2)}\n`;
}

/** The same as a table in Markdown. */
export function formatMarkdown(figures: readonly Figure[]): string {
  const rows = figures.map((figure) =>
    [
      `\`${figure.name}\``,
      formatValue(figure),
      formatLimit(figure),
      figure.ok ? 'ok' : '**missed**',
      figure.detail,
      `\`${formatCommand(figure.name)}\``,
    ]
      .map((cell) => cell.replaceAll('|', '\\|'))
      .join(' | '),
  );
  return [
    '| figure | value | limit | | sample | command |',
    '|---|---:|---:|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}

/**
 * Puts new figures into the document's table: those measured now replace their own rows, the others stay. Throws when the
 * document has no place for them.
 */
export function mergeIntoDocument(document: string, figures: readonly Figure[], machine: string): string {
  const start = document.indexOf(TABLE_START);
  const end = document.indexOf(TABLE_END);
  if (start < 0 || end < start) throw new Error('the document has no place for the figures');
  const kept = document.slice(start + TABLE_START.length, end);
  const rows = new Map<string, string>();
  for (const line of [...kept.split('\n'), ...formatMarkdown(figures).split('\n')]) {
    const name = /^\| `([a-z0-9-]+)` \|/.exec(line)?.[1];
    if (name !== undefined) rows.set(name, line);
  }
  const head = formatMarkdown([]);
  const table = `${TABLE_START}\n${machine}\n\n${head}\n${[...rows.values()].join('\n')}\n`;
  return document.slice(0, start) + table + document.slice(end);
}

function formatValue({ value, unit }: Figure): string {
  return unit === 'ratio' ? value.toFixed(3) : `${value} ${unit}`;
}

function formatLimit({ limit, unit }: Figure): string {
  return unit === 'ratio' ? `≤ ${limit.toFixed(2)}` : `≤ ${limit} ${unit}`;
}
