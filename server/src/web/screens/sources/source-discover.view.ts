/** What a server connection offers: which databases are sources already, and which nobody protects. */
import { type Html, html } from '../../html.ts';
import { button, linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { type FieldOption, formField } from '../../ui/form.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel, rows } from '../../ui/panel.ts';
import { formatBytes, formatCount, formatNoun } from '../../ui/quantity.ts';
import { status } from '../../ui/status.ts';
import type { Urls } from '../../urls.ts';

export const SELECT_ONE = 'Select at least one database.';

export interface FoundDatabase {
  name: string;
  sizeBytes: number | undefined;
  known: { id: string; name: string } | undefined;
}

export interface DiscoverView {
  urls: Urls;
  source: { id: string; name: string };
  hostName: string;
  kindLabel: string;
  found: readonly FoundDatabase[];
  /** Whether the boxes are ticked at first. */
  ticked: boolean;
  /** The question could not be put or was refused. */
  problem?: string | undefined;
  /** What became of an adoption that did not wholly succeed. */
  refused?: readonly RefusedDatabase[] | undefined;
  /** It was sent with no database selected. */
  nothing?: boolean | undefined;
}

export interface RefusedDatabase {
  name: string;
  why: string;
}

export function discoverPage(shell: Shell, view: DiscoverView): Html {
  const { urls, source } = view;
  return layout(shell, {
    title: 'Discover databases',
    heading: view.problem === undefined ? sayFound(view.found) : 'The databases could not be listed.',
    lede: `Found through ${source.name}, from ${view.hostName}`,
    crumbs: [
      { label: 'Sources', href: urls.sources() },
      { label: source.name, href: urls.source({ source: source.id }) },
      { label: 'Discover' },
    ],
    content: html`<div class="stack">${view.nothing === true && callout({ tone: 'problem', text: SELECT_ONE })}${refusals(view.refused)}${
      view.problem === undefined ? html`${freshPanel(view)}${knownPanel(view)}` : unasked(view)
    }</div>`,
  });
}

export function refusals(refused: readonly RefusedDatabase[] | undefined): Html {
  return html`${refused?.map(({ name, why }) => callout({ tone: 'problem', text: html`<strong>${name}</strong> was not added: ${why}` }))}`;
}

/** How many of them nobody protects, as a sentence. */
export function sayFound(found: readonly FoundDatabase[]): string {
  const fresh = found.filter((one) => one.known === undefined).length;
  if (found.length === 0) return 'This server has no database you can read.';
  if (fresh === 0)
    return found.length === 1
      ? 'The only database is a source already.'
      : `All ${formatCount(found.length)} databases are sources already.`;
  return `${formatNoun(fresh, 'database')} of ${formatCount(found.length)} ${fresh === 1 ? 'is' : 'are'} no source yet.`;
}

/** Names travel encoded: a browser changes line breaks in form values. */
export function encodeName(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}

/** Those that are no source yet. */
export function toDatabaseOptions(found: readonly FoundDatabase[]): readonly FieldOption[] {
  return found.flatMap((one) => {
    if (one.known !== undefined) return [];
    const help = one.sizeBytes === undefined ? undefined : formatBytes(one.sizeBytes);
    return [{ value: encodeName(one.name), label: one.name, help }];
  });
}

function unasked({ problem, urls, source }: DiscoverView): Html {
  return panel({
    content: html`<div class="stack">${callout({ tone: 'problem', text: problem })}<div class="cluster">${linkButton({ href: urls.discoverSources({ source: source.id }), label: 'Ask again', kind: 'primary' })}${linkButton({ href: urls.editSource({ source: source.id }), label: 'Edit the connection' })}</div></div>`,
  });
}

function freshPanel(view: DiscoverView): Html {
  const { urls, source, ticked } = view;
  const options = toDatabaseOptions(view.found);
  if (options.length === 0)
    return panel({
      title: 'Not yet a source',
      content: emptyState({
        icon: 'shield',
        title: 'Nothing is left out',
        action: linkButton({ href: urls.sources(), label: 'To the sources' }),
      }),
    });
  const other = ticked
    ? linkButton({
        href: urls.discoverSources({ source: source.id, select: 'none' }),
        label: 'Select none',
        small: true,
        kind: 'quiet',
      })
    : linkButton({ href: urls.discoverSources({ source: source.id }), label: 'Select all', small: true, kind: 'quiet' });
  const choice = formField({
    name: 'database',
    label: 'Databases',
    kind: 'multiselect',
    options,
    value: ticked ? options.map((option) => option.value) : [],
    help: 'Each becomes a source of its own, with the user and password of this connection.',
  });
  return panel({
    title: 'Not yet a source',
    aside: other,
    content: html`<form class="form" method="post" action="${urls.discoverSources({ source: source.id })}"><div class="fields">${choice}</div><div class="form-actions">${button(
      { label: 'Add the selected ones', kind: 'primary' },
    )}${linkButton({ href: urls.source({ source: source.id }), label: 'Cancel', kind: 'quiet' })}</div></form>`,
  });
}

function knownPanel({ found, urls }: DiscoverView): Html | false {
  const known = found.filter((one) => one.known !== undefined);
  if (known.length === 0) return false;
  return panel({
    title: 'Sources already',
    aside: formatCount(known.length),
    content: rows(
      known.map((one) => ({
        status: status({ word: 'known', tone: 'protected', icon: 'check' }),
        title: one.name,
        detail: one.known && html`as <a href="${urls.source({ source: one.known.id })}">${one.known.name}</a>`,
        action: one.sizeBytes === undefined ? undefined : html`<span class="num">${formatBytes(one.sizeBytes)}</span>`,
      })),
    ),
  });
}
