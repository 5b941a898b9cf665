/** What a host noted as it made a snapshot: the tables of a database, the canaries among files. Names are hostile text. */
import type { SnapshotRecord } from '@holdfast/shared/domain/contents.ts';
import { type Html, html } from '../../html.ts';
import { panel, rows } from '../../ui/panel.ts';
import { formatBytes, formatCount, formatNoun } from '../../ui/quantity.ts';

const SHOWN = 50;

function describeRows({ rows: count, isExact }: { rows?: number | undefined; isExact: boolean }): string {
  if (count === undefined) return 'not counted';
  return isExact ? `${formatCount(count)} ${count === 1 ? 'row' : 'rows'}` : `about ${formatCount(count)} rows, estimated`;
}

/** Nothing where nothing was noted. */
export function notesPanel({ contents, canaries = [] }: SnapshotRecord): Html | false {
  if (contents === undefined && canaries.length === 0) return false;
  const tables = contents?.tables ?? [];
  const lines = [
    ...tables
      .slice(0, SHOWN)
      .map((table) => ({ title: html`<span class="mono">${table.name}</span>`, detail: describeRows(table) })),
    ...canaries.map(({ path, sizeBytes, sha256 }) => ({
      title: html`<span class="mono">${path}</span>`,
      detail: `canary, ${formatBytes(sizeBytes)}, sha256 ${sha256.slice(0, 16)}…`,
    })),
  ];
  const left = (contents?.tableCount ?? 0) - Math.min(tables.length, SHOWN);
  const aside =
    contents === undefined
      ? formatNoun(canaries.length, 'file')
      : formatNoun(contents.tableCount, 'table or view', 'tables and views');
  return panel({
    title: 'Noted as it was made',
    aside,
    content: html`<div class="stack"><p class="quiet">Every drill compares what comes back with this.</p>${rows(lines)}${left > 0 && html`<p class="quiet">and ${formatCount(left)} more</p>`}</div>`,
  });
}
