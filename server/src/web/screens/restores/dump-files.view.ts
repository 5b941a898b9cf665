/** Dump files that lie on hosts: which host, which directory, which file. Names and paths are hostile text. */
import type { HostCondition } from '@holdfast/shared/domain/ailments.ts';
import { type Html, html } from '../../html.ts';
import { linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { icon } from '../../ui/icons.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatBytes } from '../../ui/quantity.ts';
import { type HostState, hostStatus } from '../../ui/status.ts';
import { type Pager, table } from '../../ui/table.ts';
import { type Clockface, dayTime } from '../../ui/time.ts';

export type OfferLine = {
  readonly id: string;
  readonly host: string;
  readonly href: string;
  readonly standing: HostState;
  readonly condition: HostCondition;
  /** Links only where the host answers now. */
  readonly directories: readonly { readonly label: string; readonly href?: string | undefined }[];
};

export type DumpHostsView = {
  readonly crumbs: readonly Crumb[];
  readonly lines: readonly OfferLine[];
  /** The setting that makes a host offer some. */
  readonly setting: string;
  readonly backHref: string;
  /** Why a host that was asked for shows nothing. */
  readonly problem?: string | undefined;
};

export type DumpLine = {
  readonly name: string;
  readonly isDirectory: boolean;
  /** The directory's own page. */
  readonly href?: string | undefined;
  /** `PostgreSQL 15.18 archive`; undefined for what cannot be restored. */
  readonly kind?: string | undefined;
  /** Why it cannot be. */
  readonly refusal?: string | undefined;
  readonly sizeBytes?: number | undefined;
  readonly modifiedAt: number;
  readonly restoreHref?: string | undefined;
};

export type DumpFilesView = {
  readonly face: Clockface;
  readonly crumbs: readonly Crumb[];
  readonly host: string;
  /** Where one stands, from the offered directory on. */
  readonly places: readonly { readonly label: string; readonly href: string }[];
  readonly lines: readonly DumpLine[];
  readonly pager: Pager;
  /** The directory above, or the list of hosts. */
  readonly upHref: string;
  readonly hostsHref: string;
};

const offerHint = (setting: string): Html =>
  html`A host offers the directories that its own configuration names: set <code>${setting}</code> there, such as <code>${setting}=/srv/dumps</code>, and restart its agent. This server cannot set it.`;

/** Which host, and which of its directories. */
export function dumpHostsPage(shell: Shell, view: DumpHostsView): Html {
  const { lines, setting, problem, backHref } = view;
  const none = emptyState({
    icon: 'folder',
    title: 'No host offers dump files.',
    text: offerHint(setting),
    action: linkButton({ href: backHref, label: 'Back to the snapshots' }),
  });
  const list = table<OfferLine>({
    id: 'dump-hosts',
    caption: 'Hosts that offer dump files, with their directories',
    rows: lines,
    columns: [
      { id: 'host', label: 'Host', primary: true, cell: ({ host, href }) => html`<a href="${href}">${host}</a>` },
      { id: 'standing', label: 'Status', width: 'fit', cell: ({ standing, condition }) => hostStatus(standing, condition) },
      { id: 'directories', label: 'Directories', cell: ({ directories }) => directories.map(directoryLine) },
    ],
    empty: none,
  });
  return layout(shell, {
    title: 'Dump files',
    crumbs: view.crumbs,
    heading: lines.length === 0 ? 'No host offers dump files.' : 'Where does the dump file lie?',
    lede: 'A dump from before Holdfast, or from somebody else, goes into a database by the same road as a snapshot.',
    content: html`<div class="stack">${problem !== undefined && callout({ tone: 'problem', text: problem })}${panel({ flush: true, content: list })}${
      lines.length > 0 && html`<p class="quiet small">${offerHint(setting)}</p>`
    }</div>`,
  });
}

function directoryLine({ label, href }: OfferLine['directories'][number]): Html {
  const path = html`<code>${label}</code>`;
  return html`<div>${href === undefined ? html`<span class="quiet">${path}</span>` : html`<a href="${href}">${path}</a>`}</div>`;
}

/** One directory. What cannot be restored says why, and cannot be chosen. */
export function dumpFilesPage(shell: Shell, view: DumpFilesView): Html {
  const places = html`<nav class="tree-places" aria-label="Place on the host"><ol>${view.places.map(
    ({ label, href }, at) =>
      html`<li>${at === view.places.length - 1 ? html`<span aria-current="page">${label}</span>` : html`<a href="${href}">${label}</a>`}</li>`,
  )}</ol></nav>`;
  return layout(shell, {
    title: `Dump files on ${view.host}`,
    crumbs: view.crumbs,
    heading: `Which file of ${view.host} comes back?`,
    lede: html`<span>asked of ${view.host} just now, by the first bytes of each file; nothing of this list is kept here</span>`,
    actions: linkButton({ href: view.hostsHref, label: 'Other hosts' }),
    content: panel({ flush: true, content: html`${places}${fileTable(view)}` }),
  });
}

function fileTable(view: DumpFilesView): Html {
  return table<DumpLine>({
    id: 'dump-files',
    caption: 'Entries of this directory, directories first',
    rows: view.lines,
    columns: [
      { id: 'name', label: 'Name', primary: true, cell: nameCell },
      { id: 'kind', label: 'Kind', cell: kindCell },
      {
        id: 'bytes',
        label: 'Size',
        align: 'end',
        width: 'fit',
        cell: ({ sizeBytes }) => sizeBytes !== undefined && formatBytes(sizeBytes),
      },
      { id: 'changed', label: 'Changed', width: 'fit', cell: ({ modifiedAt }) => dayTime(modifiedAt, view.face) },
      {
        id: 'act',
        label: 'Restore',
        width: 'fit',
        align: 'end',
        cell: ({ restoreHref, name }) =>
          restoreHref !== undefined &&
          linkButton({ href: restoreHref, label: 'Restore…', small: true, attributes: { 'aria-label': `Restore ${name}…` } }),
      },
    ],
    empty: emptyState({
      icon: 'folder',
      title: 'This directory is empty.',
      action: linkButton({ href: view.upHref, label: 'Go up' }),
    }),
    pager: view.lines.length === 0 ? undefined : view.pager,
  });
}

function nameCell({ name, isDirectory, href }: DumpLine): Html {
  const words = html`${icon(isDirectory ? 'folder' : 'file')} <span>${name}</span>`;
  return href === undefined
    ? html`<span class="check-line">${words}</span>`
    : html`<a class="check-line" href="${href}">${words}</a>`;
}

function kindCell({ kind, refusal, isDirectory }: DumpLine): Html {
  if (isDirectory) return html`<span class="quiet">directory</span>`;
  return kind === undefined ? html`<span class="quiet small">${refusal}</span>` : html`${kind}`;
}
