/** The repositories: where backups live, and how each does. */
import { type Html, html } from '../../html.ts';
import { type HiddenFields, linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { formatBytes, formatCount, formatNoun } from '../../ui/quantity.ts';
import { type RunState, runStatus } from '../../ui/status.ts';
import { filterSelect, type Sort, searchInput, type TableView, table, toolbar } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import { liveText } from '../live-text.view.ts';
import { repositoryStatusCell, STANDING_WORDS, type StandingView } from './repository-standing.view.ts';

export interface RepositoryRow {
  id: string;
  name: string;
  kind: string;
  where: string;
  standing: StandingView;
  /** The newest check, in whatever state. */
  check: { href: string; state: RunState; at: number } | undefined;
  /** As it was measured last. */
  sizeBytes: number | undefined;
  snapshots: number;
  plans: number;
}

/** All repositories by how they do. */
export type StandingCounts = Readonly<Record<StandingView['standing'], number>>;

export interface RepositoriesView {
  urls: Urls;
  face: Clockface;
  here: string;
  total: number;
  counts: StandingCounts;
  sort: Sort;
  /** The order, which filters keep. */
  kept: HiddenFields;
  rows: readonly RepositoryRow[];
  filter: { q?: string | undefined; kind?: string | undefined; standing?: StandingView['standing'] | undefined };
  kinds: readonly { value: string; label: string }[];
  previousHref?: string | undefined;
  nextHref?: string | undefined;
  mayManage: boolean;
}

export const REPOSITORY_TABLE_ID = 'repositories';
export const REPOSITORIES_ANSWER = 'repositories-answer';
export const REPOSITORIES_LEDE = 'repositories-lede';
const TOPICS = 'repositories runs alerts';

export function repositoriesPage(shell: Shell, view: RepositoriesView): Html {
  const { urls, total, mayManage } = view;
  return layout(shell, {
    title: 'Repositories',
    heading: repositoriesAnswer(view),
    lede: total === 0 ? undefined : repositoriesLede(view),
    actions:
      total > 0 &&
      html`${linkButton({ href: urls.recoverySheet(), label: 'Recovery sheet' })}${mayManage && linkButton({ href: urls.addRepository(), label: 'Add repository', kind: 'primary', icon: 'plus' })}`,
    content: html`<div class="stack">${total === 0 ? noRepositories(view) : html`<section>${repositoryToolbar(view)}<div class="panel panel-flush">${repositoryTable(view)}</div></section>`}</div>`,
  });
}

/** The page's answer, about all of them; also served alone. */
export function repositoriesAnswer(view: RepositoriesView): Html {
  return liveText({ id: REPOSITORIES_ANSWER, topic: TOPICS, url: view.here, content: answerOf(view) });
}

function answerOf({ total, counts }: RepositoriesView): string {
  if (total === 0) return 'There is no place for backups yet.';
  const some = (count: number) =>
    total === 1
      ? 'The only repository'
      : count === total
        ? `All ${formatCount(total)} repositories`
        : `${formatCount(count)} of ${formatCount(total)} repositories`;
  const say = (count: number, one: string, many: string) => `${some(count)} ${count === 1 ? one : many}.`;
  const { critical, warning, unopened, quiet } = counts;
  if (critical > 0) return say(critical, 'is in trouble', 'are in trouble');
  if (warning > 0) return say(warning, 'needs a look', 'need a look');
  if (unopened > 0) return say(unopened, 'has never been opened', 'have never been opened');
  if (quiet > 0) return say(quiet, 'has not been used lately', 'have not been used lately');
  return say(total, 'works', 'work');
}

/** What the answer leaves out; also served alone. */
export function repositoriesLede(view: RepositoriesView): Html {
  const rest = describeRest(view);
  const content = rest === '' ? 'Backups go from the hosts straight to them; this server never sees a byte.' : rest;
  return liveText({ id: REPOSITORIES_LEDE, topic: TOPICS, url: view.here, content });
}

function describeRest({ counts: { critical, warning, unopened, quiet } }: RepositoriesView): string {
  const parts = [
    [warning, 'needs a look', 'need a look'],
    [unopened, 'was never opened', 'were never opened'],
    [quiet, 'was not used lately', 'were not used lately'],
  ] as const;
  const first = [warning, unopened, quiet].findIndex((count) => count > 0);
  return parts
    .filter(([count], place) => count > 0 && (critical > 0 || place !== first))
    .map(([count, one, many]) => `${formatCount(count)} ${count === 1 ? one : many}`)
    .join(' · ');
}

function noRepositories({ urls, mayManage }: RepositoriesView): Html {
  return html`<section class="panel">${emptyState({
    icon: 'lock',
    title: 'Where should backups go?',
    text: 'A directory, an S3 bucket, an SFTP or a REST server. Everything in it is encrypted on the host before it leaves.',
    action: mayManage ? linkButton({ href: urls.addRepository(), label: 'Add repository', kind: 'primary' }) : undefined,
  })}</section>`;
}

function repositoryToolbar({ urls, filter, kinds, kept, counts }: RepositoriesView): Html {
  const standings = Object.entries(STANDING_WORDS).map(([value, word]) => ({
    value,
    label: `${word} (${formatCount(counts[value as StandingView['standing']])})`,
  }));
  return toolbar({
    action: urls.repositories(),
    label: 'Find repositories',
    target: REPOSITORY_TABLE_ID,
    kept,
    controls: html`${searchInput({ name: 'q', value: filter.q, label: 'Name of the repository' })}${filterSelect({ name: 'kind', label: 'Kind', value: filter.kind, options: [{ value: '', label: 'Any kind' }, ...kinds] })}${filterSelect({ name: 'standing', label: 'State', value: filter.standing, options: [{ value: '', label: 'In any state' }, ...standings] })}`,
  });
}

/** The table alone; what the live update and the filters put in its place. */
export function repositoryTable(view: RepositoriesView): Html {
  const { urls, face } = view;
  const columns: TableView<RepositoryRow>['columns'] = [
    {
      id: 'name',
      label: 'Repository',
      primary: true,
      width: 'wide',
      sortable: true,
      cell: (row) =>
        html`<a href="${urls.repository({ repository: row.id })}">${row.name}</a><br><span class="quiet">${row.kind}${row.where !== '' && html` · ${row.where}`}</span>`,
    },
    { id: 'standing', label: 'State', sortable: 'status', cell: (row) => repositoryStatusCell(row.standing, face) },
    {
      id: 'check',
      label: 'Last check',
      width: 'fit',
      sortable: 'checked',
      cell: ({ check }) =>
        check === undefined
          ? html`<span class="quiet">never</span>`
          : html`<a href="${check.href}">${runStatus(check.state)}</a><br><span class="quiet">${relativeTime(check.at, face)}</span>`,
    },
    {
      id: 'size',
      label: 'Size',
      align: 'end',
      width: 'fit',
      sortable: true,
      cell: ({ sizeBytes }) => (sizeBytes === undefined ? html`<span class="quiet">unknown</span>` : formatBytes(sizeBytes)),
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
    caption: 'Repositories; the heads of the columns order them',
    sort: view.sort,
    columns,
    rows: view.rows,
    rowId: (row) => `row-${row.id}`,
    live: { topic: TOPICS, url: view.here },
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
