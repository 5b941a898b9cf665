/** The inside of a snapshot: a tree that opens where somebody looks, a search, and ticks for what is to come back. Fragments are branches of it. */
import { attrs, type Html, html } from '../../html.ts';
import { button, linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { icon } from '../../ui/icons.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatBytes } from '../../ui/quantity.ts';
import { searchInput } from '../../ui/table.ts';
import { type Clockface, dayTime } from '../../ui/time.ts';

export type TreeNodeLine = {
  /** Unique in the page, and the same for the same path. */
  readonly id: string;
  /** As the host knows it; undefined where it cannot be asked for. */
  readonly path?: string | undefined;
  readonly name: string;
  readonly isDirectory: boolean;
  /** The directory's own page, or that of the one it lies in. */
  readonly href?: string | undefined;
  /** Where the branch is fetched, opened and closed again. */
  readonly branchHref?: string | undefined;
  /** What is special: where a link leads, how many names a file has, how much of it is holes. */
  readonly detail?: string | undefined;
  readonly sizeBytes?: number | undefined;
  readonly modifiedAt?: number | undefined;
  /** `rw-r--r-- www-data:www-data`. */
  readonly rights?: string | undefined;
  readonly branch?: TreeBranch | undefined;
};

export type TreeBranch = {
  readonly lines: readonly TreeNodeLine[];
  /** The rest of a directory with many entries. */
  readonly more?: { readonly id: string; readonly href: string; readonly pageHref: string; readonly left: string } | undefined;
  /** Why it could not be read. */
  readonly problem?: string | undefined;
};

export type SnapshotFilesView = {
  readonly face: Clockface;
  readonly crumbs: readonly Crumb[];
  readonly heading: string;
  readonly lede?: string | undefined;
  /** Where one stands, from the root on. */
  readonly places: readonly { readonly label: string; readonly href: string }[];
  readonly search: string;
  readonly action: string;
  readonly chooseAction: string;
  /** Everything below where one stands; undefined while searching. */
  readonly restoreAllHref?: string | undefined;
  readonly branch?: TreeBranch | undefined;
  /** Why nothing is shown, and the way on. */
  readonly trouble?: { readonly title: string; readonly text: string; readonly href: string; readonly label: string } | undefined;
  readonly backHref: string;
  readonly diffHref: string;
};

const CHOSEN = 'chosen-files';

export function snapshotFilesPage(shell: Shell, view: SnapshotFilesView): Html {
  const search = html`<div class="toolbar"><form class="toolbar-form" role="search" method="get" action="${view.action}" aria-label="Find files in this snapshot">${searchInput({ name: 'q', label: 'Find by name in this snapshot', value: view.search })}${button({ label: 'Find' })}</form></div>`;
  const places = html`<nav class="tree-places" aria-label="Place in the snapshot"><ol>${view.places.map(
    ({ label, href }, at) =>
      html`<li>${at === view.places.length - 1 && view.search === '' ? html`<span aria-current="page">${label}</span>` : html`<a href="${href}">${label}</a>`}</li>`,
  )}</ol></nav>`;
  return layout(shell, {
    title: 'Files',
    crumbs: view.crumbs,
    heading: view.heading,
    lede: view.lede,
    actions: html`${linkButton({ href: view.diffHref, label: 'Compare…' })}${linkButton({ href: view.backHref, label: 'Open snapshot' })}`,
    content: html`<div class="stack">${search}${panel({ flush: true, content: html`${places}${tree(view)}` })}</div>`,
  });
}

function tree(view: SnapshotFilesView): Html {
  if (view.trouble !== undefined) {
    const { title, text, href, label } = view.trouble;
    return emptyState({ icon: 'offline', title, text, action: linkButton({ href, label }) });
  }
  const { branch } = view;
  if (branch === undefined || (branch.lines.length === 0 && branch.problem === undefined)) {
    const isSearch = view.search !== '';
    return emptyState({
      icon: isSearch ? 'search' : 'folder',
      title: isSearch ? 'Nothing in this snapshot has such a name.' : 'This directory is empty.',
      text: isSearch ? 'Names are searched, not what is in the files. * stands for any letters, ? for one.' : undefined,
      action: linkButton({ href: view.action, label: 'Show all files' }),
    });
  }
  const bar = html`<div class="tree-bar">${button({ label: 'Restore what is ticked…', kind: 'primary', attributes: { form: CHOSEN } })}${view.restoreAllHref !== undefined && linkButton({ href: view.restoreAllHref, label: 'Restore this directory…' })}</div>`;
  return html`<form id="${CHOSEN}" class="tree-form" method="post" action="${view.chooseAction}">${treeBranch(branch, view.face, true)}</form>${bar}`;
}

/** The entries of one directory. */
function treeBranch(branch: TreeBranch, face: Clockface, isTop: boolean): Html {
  const entries = treeEntries(branch, face);
  return isTop ? html`<ul class="tree">${entries}</ul>` : html`<ul class="tree-branch">${entries}</ul>`;
}

/** A page of entries, as it follows the one before it. */
export function treeEntries(branch: TreeBranch, face: Clockface): Html {
  const { more, problem } = branch;
  const rest =
    more !== undefined &&
    html`<li class="tree-more" id="${more.id}"><a class="button button-secondary button-small" href="${more.pageHref}" hx-get="${more.href}" hx-target="#${more.id}" hx-swap="outerHTML">Show more <span class="quiet">(${more.left})</span></a></li>`;
  const none =
    branch.lines.length === 0 && problem === undefined && html`<li class="tree-note quiet">This directory is empty.</li>`;
  return html`${branch.lines.map((line) => treeNode(line, face))}${rest}${none}${problem !== undefined && html`<li class="tree-note" role="alert">${icon('cross')}<span>${problem}</span></li>`}`;
}

/** One entry, with its branch when it is open. */
export function treeNode(line: TreeNodeLine, face: Clockface): Html {
  const size = line.sizeBytes === undefined ? '' : formatBytes(line.sizeBytes);
  return html`<li class="tree-node" id="${line.id}"><div class="tree-row">${tick(line)}${nameOf(line)}<span class="tree-size num">${size}</span><span class="tree-time num">${line.modifiedAt !== undefined && dayTime(line.modifiedAt, face)}</span><span class="tree-rights mono quiet">${line.rights}</span></div>${line.branch !== undefined && treeBranch(line.branch, face, false)}</li>`;
}

function tick({ path, name }: TreeNodeLine): Html {
  if (path === undefined)
    return html`<span class="tree-tick" title="Choose the directory it lies in: its name is no UTF-8"></span>`;
  return html`<label class="check-only tree-tick"><input type="checkbox" name="path" ${attrs({ value: path })}><span class="visually-hidden">Choose ${name}</span></label>`;
}

function nameOf(line: TreeNodeLine): Html {
  const { id, name, isDirectory, href, branchHref, branch, detail } = line;
  const words = html`<span class="tree-words"><span class="tree-label">${name}</span>${detail !== undefined && html`<span class="tree-detail quiet">${detail}</span>`}</span>`;
  if (isDirectory && href !== undefined && branchHref !== undefined) {
    const isOpen = branch !== undefined;
    return html`<a class="tree-name" href="${href}" hx-get="${branchHref}" hx-target="#${id}" hx-swap="outerHTML" ${attrs({ id: `${id}-name`, 'aria-expanded': isOpen ? 'true' : 'false' })}>${icon(isOpen ? 'down' : 'right')}${icon('folder')}${words}</a>`;
  }
  const face = html`${icon(isDirectory ? 'folder' : 'file')}${words}`;
  return href === undefined
    ? html`<span class="tree-name">${face}</span>`
    : html`<a class="tree-name" href="${href}">${face}</a>`;
}
