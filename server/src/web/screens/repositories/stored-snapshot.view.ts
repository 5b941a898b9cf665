/** One snapshot as its repository tells it, known or not: what it is, what lies in it, and what can be done about an orphan. */
import { type Html, html } from '../../html.ts';
import { button, linkButton } from '../../ui/button.ts';
import { copyLine } from '../../ui/copy.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { type Field, type FieldOption, formField } from '../../ui/form.ts';
import { icon } from '../../ui/icons.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { facts, panel } from '../../ui/panel.ts';
import { formatBytes, formatCount, formatNoun } from '../../ui/quantity.ts';
import { type Pager, table } from '../../ui/table.ts';
import { type Clockface, dayTime, relativeTime } from '../../ui/time.ts';
import { type ChoiceSearch, searchedField } from '../forms/choice-search.view.ts';
import { type ContentsWord, contentsStatus, explainWord } from './repository-contents.view.ts';

export interface StoredSnapshotView {
  face: Clockface;
  crumbs: readonly Crumb[];
  engineId: string;
  word: ContentsWord;
  at: number;
  hostname: string;
  sizeBytes: number | undefined;
  tags: readonly string[];
  paths: readonly string[];
  pathCount: number;
  /** What the tags say, where a Holdfast wrote them. */
  origin: readonly { label: string; value: string; href?: string | undefined }[];
  knownHref: string | undefined;
  filesHref: string;
  host: string;
  problem: string | undefined;
  adopt:
    | {
        action: string;
        sources: readonly FieldOption[];
        /** Where there are more than the select offers. */
        search: ChoiceSearch | undefined;
        chosen: string | undefined;
        addSourceHref: string;
        error: string | undefined;
      }
    | undefined;
  deleteAction: string | undefined;
}

export function storedSnapshotPage(shell: Shell, view: StoredSnapshotView): Html {
  const short = view.engineId.slice(0, 8);
  const pairs = [
    { label: 'made', value: relativeTime(view.at, view.face) },
    { label: 'on the machine', value: view.hostname === '' ? 'an unnamed one' : view.hostname },
    { label: 'a restore gives back', value: formatBytes(view.sizeBytes) },
    ...view.origin.map(({ label, value, href }) => ({
      label,
      value: href === undefined ? value : html`<a href="${href}">${value}</a>`,
    })),
  ];
  const main = html`<div class="stack">${view.problem !== undefined && callout({ tone: 'problem', text: view.problem })}${callout({ tone: view.word === 'known' ? 'notice' : 'warning', text: explainWord(view.word) })}${adoptPanel(view)}${pathsPanel(view)}</div>`;
  const side = html`<div class="stack">${panel({ title: 'Snapshot', content: facts(pairs) })}${panel({ title: 'Id in the repository', content: copyLine({ text: view.engineId, label: 'the snapshot id' }) })}${panel(
    {
      title: 'Tags',
      content:
        view.tags.length === 0
          ? html`<p class="quiet">It has none.</p>`
          : html`<ul class="choices">${view.tags.map((tag) => html`<li class="mono small">${tag}</li>`)}</ul>`,
    },
  )}</div>`;
  return layout(shell, {
    title: `Snapshot ${short}`,
    crumbs: view.crumbs,
    heading: view.word === 'orphan' ? `No run made snapshot ${short}.` : `Snapshot ${short} as its repository tells it.`,
    lede: html`${contentsStatus(view.word)}<span>made ${relativeTime(view.at, view.face)}</span>`,
    actions: html`${view.deleteAction !== undefined && deleteForm(view, view.deleteAction)}${view.knownHref !== undefined && linkButton({ href: view.knownHref, label: 'Open it in the ledger', kind: 'primary' })}${view.word !== 'missing' && linkButton({ href: view.filesHref, label: 'Browse files' })}`,
    content: html`<div class="columns">${main}${side}</div>`,
  });
}

function deleteForm({ host, engineId }: StoredSnapshotView, action: string): Html {
  return html`<form class="inline-form" method="post" action="${action}"><input type="hidden" name="host" value="${host}"><input type="hidden" name="engine" value="${engineId}">${button({ label: 'Delete…', kind: 'danger' })}</form>`;
}

/** The name of the field. */
export const ADOPTED = 'source';

export function adoptedField({
  sources,
  chosen,
  error,
}: Pick<NonNullable<StoredSnapshotView['adopt']>, 'sources' | 'chosen' | 'error'>): Field {
  return {
    name: ADOPTED,
    label: 'As a snapshot of',
    kind: 'select',
    required: true,
    value: chosen,
    options: sources,
    error,
    help: 'The kind of the source says how it is restored: a dump of a database goes to a source of that kind, everything else to one of files.',
  };
}

function adoptPanel({ adopt, host }: StoredSnapshotView): Html | false {
  if (adopt === undefined) return false;
  if (adopt.sources.length === 0 && adopt.search === undefined)
    return panel({
      title: 'Adopt it',
      content: emptyState({
        icon: 'database',
        title: 'There is no source it could be one of',
        text: 'A snapshot belongs to a source, whose kind says how it is restored.',
        action: linkButton({ href: adopt.addSourceHref, label: 'Add source' }),
      }),
    });
  const source = formField(searchedField(adoptedField(adopt), adopt.search));
  return panel({
    title: 'Adopt it, to restore it',
    content: html`<div class="stack"><p>It comes into the ledger, marked as adopted. No run vouches for it: it never counts as a backup of the source, and no policy removes it. Reading it whole shows that it can be read.</p><form class="form" method="post" action="${adopt.action}"><input type="hidden" name="host" value="${host}"><div class="fields">${source}</div><div class="form-actions">${button({ label: 'Adopt and restore…', kind: 'primary', name: 'next', value: 'restore' })}${button({ label: 'Adopt', name: 'next', value: 'stay' })}</div></form></div>`,
  });
}

function pathsPanel({ paths, pathCount }: StoredSnapshotView): Html | false {
  if (pathCount === 0) return false;
  const more = pathCount - paths.length;
  return panel({
    title: 'Backed up from',
    aside: formatNoun(pathCount, 'path'),
    content: html`<ul class="choices">${paths.map((path) => html`<li class="mono small">${path}</li>`)}</ul>${more > 0 && html`<p class="quiet">and ${formatCount(more)} more</p>`}`,
  });
}

/** Nobody could look at it: why, and the way back. */
export function lookTroublePage(
  shell: Shell,
  view: { crumbs: readonly Crumb[]; engineId: string; problem: string; backHref: string },
): Html {
  const short = view.engineId.slice(0, 8);
  return layout(shell, {
    title: `Snapshot ${short}`,
    crumbs: view.crumbs,
    heading: `Nobody could look at snapshot ${short}.`,
    content: html`<div class="stack">${callout({ tone: 'problem', text: view.problem })}<div>${linkButton({ href: view.backHref, label: 'Choose another host' })}</div></div>`,
  });
}

export interface StoredFilesView {
  face: Clockface;
  crumbs: readonly Crumb[];
  heading: string;
  lede: string;
  places: readonly { label: string; href: string }[];
  lines: readonly {
    name: string;
    isDirectory: boolean;
    href: string | undefined;
    sizeBytes: number | undefined;
    modifiedAt: number | undefined;
    owner: string;
  }[];
  pager: Pager;
  problem: string | undefined;
  backHref: string;
}

export function storedFilesPage(shell: Shell, view: StoredFilesView): Html {
  const places = html`<nav class="tree-places" aria-label="Place in the snapshot"><ol>${view.places.map(
    ({ label, href }, at) =>
      html`<li>${at === view.places.length - 1 ? html`<span aria-current="page">${label}</span>` : html`<a href="${href}">${label}</a>`}</li>`,
  )}</ol></nav>`;
  const list = table({
    id: 'stored-files',
    caption: 'Entries, directories first',
    rows: view.lines,
    columns: [
      {
        id: 'name',
        label: 'Name',
        primary: true,
        cell: ({ name, isDirectory, href }) => {
          const words = html`${icon(isDirectory ? 'folder' : 'file')} ${name}`;
          return href === undefined ? words : html`<a href="${href}">${words}</a>`;
        },
      },
      {
        id: 'size',
        label: 'Size',
        align: 'end',
        width: 'fit',
        cell: ({ sizeBytes }) => (sizeBytes === undefined ? '' : formatBytes(sizeBytes)),
      },
      {
        id: 'at',
        label: 'Changed',
        width: 'fit',
        cell: ({ modifiedAt }) => (modifiedAt === undefined ? '' : dayTime(modifiedAt, view.face)),
      },
      { id: 'owner', label: 'Owner', width: 'fit', cell: ({ owner }) => owner },
    ],
    pager: view.pager,
    empty: emptyState({
      icon: 'folder',
      title: view.problem === undefined ? 'This directory is empty.' : 'It could not be read.',
    }),
  });
  return layout(shell, {
    title: 'Files',
    crumbs: view.crumbs,
    heading: view.heading,
    lede: view.lede,
    actions: linkButton({ href: view.backHref, label: 'Open snapshot' }),
    content: html`<div class="stack">${view.problem !== undefined && callout({ tone: 'problem', text: view.problem })}${panel({ flush: true, content: html`${places}${list}` })}</div>`,
  });
}
