/** The repositories: where backups live, and whether a host has opened each. */
import { type Html, html } from '../html.ts';
import { linkButton } from '../ui/button.ts';
import { emptyState } from '../ui/empty.ts';
import { layout, type Shell } from '../ui/layout.ts';
import { formatCount, formatNoun } from '../ui/quantity.ts';
import { status } from '../ui/status.ts';
import { filterSelect, searchInput, type TableView, table, toolbar } from '../ui/table.ts';
import type { Urls } from '../urls.ts';

export interface RepositoryRow {
  id: string;
  name: string;
  kind: string;
  where: string;
  /** The engine's own id, once a host has opened or made the repository. */
  engineId: string | undefined;
  testedFrom: { id: string; name: string } | undefined;
  snapshots: number;
  plans: number;
  /** There are more plans than counted. */
}

export interface RepositoriesView {
  urls: Urls;
  here: string;
  total: number;
  rows: readonly RepositoryRow[];
  filter: { q?: string | undefined; kind?: string | undefined };
  kinds: readonly { value: string; label: string }[];
  previousHref?: string | undefined;
  nextHref?: string | undefined;
  mayManage: boolean;
}

export const REPOSITORY_TABLE_ID = 'repositories';

export function repositoriesPage(shell: Shell, view: RepositoriesView): Html {
  const { urls, total, mayManage } = view;
  return layout(shell, {
    title: 'Repositories',
    heading: answerOf(view),
    lede: total === 0 ? undefined : 'Backups go from the hosts straight to them; this server never sees a byte.',
    actions:
      mayManage && total > 0
        ? linkButton({ href: urls.addRepository(), label: 'Add repository', kind: 'primary', icon: 'plus' })
        : undefined,
    content: html`<div class="stack">${total === 0 ? noRepositories(view) : html`<section>${repositoryToolbar(view)}<div class="panel panel-flush">${repositoryTable(view)}</div></section>`}</div>`,
  });
}

function answerOf({ total, rows, filter, nextHref, previousHref }: RepositoriesView): string {
  if (total === 0) return 'There is no place for backups yet.';
  const isWhole = filter.q === undefined && filter.kind === undefined && nextHref === undefined && previousHref === undefined;
  const unopened = rows.filter((row) => row.engineId === undefined).length;
  if (!isWhole) return `${formatNoun(total, 'repository', 'repositories')}.`;
  if (unopened === 0)
    return total === 1
      ? 'The only repository has been opened from a host.'
      : `All ${formatCount(total)} repositories have been opened from a host.`;
  return unopened === 1 ? '1 repository has never been opened.' : `${formatCount(unopened)} repositories have never been opened.`;
}

function noRepositories({ urls, mayManage }: RepositoriesView): Html {
  return html`<section class="panel">${emptyState({
    icon: 'lock',
    title: 'Where should backups go?',
    text: 'A directory, an S3 bucket, an SFTP or a REST server. Everything in it is encrypted on the host before it leaves.',
    action: mayManage ? linkButton({ href: urls.addRepository(), label: 'Add repository', kind: 'primary' }) : undefined,
  })}</section>`;
}

function repositoryToolbar({ urls, filter, kinds }: RepositoriesView): Html {
  return toolbar({
    action: urls.repositories(),
    label: 'Find repositories',
    target: REPOSITORY_TABLE_ID,
    controls: html`${searchInput({ name: 'q', value: filter.q, label: 'Name of the repository' })}${filterSelect({ name: 'kind', label: 'Kind', value: filter.kind, options: [{ value: '', label: 'Any kind' }, ...kinds] })}`,
  });
}

/** The table alone; what the live update and the filters put in its place. */
export function repositoryTable(view: RepositoriesView): Html {
  const { urls } = view;
  const columns: TableView<RepositoryRow>['columns'] = [
    {
      id: 'name',
      label: 'Repository',
      primary: true,
      width: 'wide',
      cell: (row) =>
        html`<a href="${urls.repository({ repository: row.id })}">${row.name}</a><br><span class="quiet">${row.kind}${row.where !== '' && html` · ${row.where}`}</span>`,
    },
    { id: 'opened', label: 'Opened', width: 'fit', cell: (row) => openedCell(row) },
    {
      id: 'tested',
      label: 'Tested from',
      cell: (row) =>
        row.testedFrom === undefined
          ? html`<span class="quiet">no host yet</span>`
          : html`<a href="${urls.host({ host: row.testedFrom.id })}">${row.testedFrom.name}</a>`,
    },
    {
      id: 'snapshots',
      label: 'Snapshots',
      align: 'end',
      width: 'fit',
      cell: (row) => html`<a href="${urls.snapshots({ repository: row.id })}">${formatCount(row.snapshots)}</a>`,
    },
    {
      id: 'plans',
      label: 'Plans',
      align: 'end',
      width: 'fit',
      cell: (row) => html`<a href="${urls.plans({ repository: row.id })}">${formatCount(row.plans)}</a>`,
    },
  ];
  return table<RepositoryRow>({
    id: REPOSITORY_TABLE_ID,
    caption: 'Repositories',
    columns,
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    live: { topic: 'repositories runs', url: view.here },
    empty: emptyState({
      icon: 'search',
      title: 'No repository matches',
      action: linkButton({ href: urls.repositories(), label: 'Show all repositories' }),
    }),
    pager: {
      summary: formatNoun(view.rows.length, 'repository', 'repositories'),
      previousHref: view.previousHref,
      nextHref: view.nextHref,
    },
  });
}

function openedCell({ engineId }: RepositoryRow): Html {
  if (engineId === undefined) return status({ word: 'never', tone: 'at-risk', icon: 'question' });
  return html`${status({ word: 'yes', tone: 'protected', icon: 'check' })}<br><code class="quiet" title="${engineId}">${engineId.slice(0, 8)}</code>`;
}
