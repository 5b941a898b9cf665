/** What a repository really holds, beside what the ledger knows of it. Machine names, tags and paths are hostile text. */
import { type Html, type HtmlValue, html } from '../../html.ts';
import { button, linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { formField } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatBytes, formatCount, formatNoun } from '../../ui/quantity.ts';
import { badge, type StatusView, status } from '../../ui/status.ts';
import { filterSelect, type Pager, type Selection, searchInput, table, toolbar } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import type { ChoiceSearch } from '../forms/choice-search.view.ts';
import type { HostChoice } from '../sources/source-form.view.ts';
import { hostLookPanel } from './host-look.view.ts';

export type ContentsWord = 'known' | 'missing' | 'back' | 'untold' | 'orphan';

const WORDS: Readonly<Record<ContentsWord, StatusView & { meaning: string }>> = {
  known: { word: 'known', tone: 'quiet', icon: 'check', meaning: 'In the ledger and in the repository.' },
  missing: {
    word: 'missing',
    tone: 'unprotected',
    icon: 'cross',
    meaning: 'In the ledger, and not in the repository: something other than Holdfast removed it.',
  },
  back: {
    word: 'still there',
    tone: 'at-risk',
    icon: 'warning',
    meaning:
      'The ledger has it as gone, and the repository holds it: a removal was not carried out, or the storage was set back.',
  },
  untold: {
    word: 'not told yet',
    tone: 'unknown',
    icon: 'question',
    meaning: 'A run of one of the hosts made it, and that host is yet to tell of it. Wait until the host is connected.',
  },
  orphan: {
    word: 'orphan',
    tone: 'at-risk',
    icon: 'question',
    meaning: 'No run that this server knows made it: somebody by hand, another Holdfast, or a run that was killed.',
  },
};

export function contentsStatus(word: ContentsWord): Html {
  return status(WORDS[word]);
}

export const explainWord = (word: ContentsWord): string => WORDS[word].meaning;

export interface ContentsLine {
  engineId: string;
  word: ContentsWord;
  /** Its own page: that of the snapshot where it is known. */
  href: string;
  at: number;
  /** The machine, as the snapshot says, or the host as the ledger does. */
  from: string;
  /** The first of what it is about: source, paths, tags. */
  about: string;
  detail: string;
  isAdopted: boolean;
  sizeBytes: number | undefined;
}

export interface ContentsView {
  face: Clockface;
  crumbs: readonly Crumb[];
  name: string;
  action: string;
  /** The list without a filter. */
  allHref: string;
  deleteAction: string;
  hosts: readonly HostChoice[];
  chosenHost: string | undefined;
  /** Where there are more than the select offers. */
  choiceSearch: ChoiceSearch | undefined;
  addHostHref: string;
  search: string;
  word: ContentsWord | undefined;
  problem: string | undefined;
  mayDelete: boolean;
  /** Undefined until somebody looked. */
  seen:
    | {
        host: string;
        counts: Readonly<Record<ContentsWord, number>>;
        unreadable: number;
        lines: readonly ContentsLine[];
        pager: Pager;
      }
    | undefined;
}

export function contentsPage(shell: Shell, view: ContentsView): Html {
  const { seen, problem } = view;
  return layout(shell, {
    title: `Contents of ${view.name}`,
    heading: answerOf(view),
    lede: seen && html`<span>Asked of ${seen.host} just now; nothing of this list is kept here</span>`,
    crumbs: view.crumbs,
    content: html`<div class="stack">${problem !== undefined && callout({ tone: 'problem', text: problem })}${
      seen !== undefined &&
      seen.unreadable > 0 &&
      callout({
        tone: 'warning',
        text: `${formatNoun(seen.unreadable, 'snapshot')} more could not be read or did not fit into the list; none is called missing.`,
      })
    }${seen !== undefined && listPart(view, seen)}${lookPanel(view)}</div>`,
  });
}

function answerOf({ seen, name, problem }: ContentsView): string {
  if (problem !== undefined && seen === undefined) return `Nobody could look into ${name}.`;
  if (seen === undefined) return `What does ${name} really hold?`;
  const { known, orphan, missing, untold, back } = seen.counts;
  const there = known + orphan + untold + back;
  const parts = [
    orphan > 0 ? formatNoun(orphan, 'orphan') : '',
    missing > 0 ? `${formatCount(missing)} missing` : '',
    back > 0 ? `${formatCount(back)} that the ledger has as gone` : '',
    untold > 0 ? `${formatCount(untold)} not told yet` : '',
  ].filter((part) => part !== '');
  const holds = there === 0 ? `${name} holds no snapshot` : `${name} holds ${formatNoun(there, 'snapshot')}`;
  if (parts.length > 0) return `${holds}: ${[`${formatCount(known)} known`, ...parts].join(', ')}.`;
  return there === 0 ? `${holds}.` : `${holds}, all known.`;
}

function lookPanel({ hosts, chosenHost, choiceSearch, action, seen, addHostHref, search, word }: ContentsView): Html {
  return hostLookPanel({
    ...{ hosts, chosenHost, search: choiceSearch, addHostHref, method: 'get', action },
    help: 'It opens the repository without taking a lock and lists every snapshot in it, whoever made it.',
    kept: html`<input type="hidden" name="q" value="${search}"><input type="hidden" name="state" value="${word ?? ''}">`,
    label: seen === undefined ? 'Look into it' : 'Look again',
    kind: seen === undefined ? 'primary' : 'secondary',
  });
}

const FORM = 'orphan-acts';

const SELECTION: Selection<ContentsLine> = {
  form: FORM,
  name: 'engine',
  value: ({ engineId }) => engineId,
  label: ({ engineId }) => `Choose ${engineId.slice(0, 8)}`,
};

function listPart(view: ContentsView, { lines, pager, counts }: NonNullable<ContentsView['seen']>): Html {
  const words = ['orphan', 'missing', 'back', 'untold', 'known'] as const;
  const bar = toolbar({
    action: view.action,
    label: 'Filter what the repository holds',
    controls: html`<input type="hidden" name="host" value="${view.chosenHost ?? ''}">${searchInput({ name: 'q', label: 'Machine, tag, path or id', value: view.search })}${filterSelect(
      {
        name: 'state',
        label: 'State',
        value: view.word ?? '',
        options: [
          { value: '', label: 'All' },
          ...words.map((word) => ({ value: word, label: `${WORDS[word].word} (${formatCount(counts[word])})` })),
        ],
      },
    )}`,
  });
  const canSelect = view.mayDelete && lines.length > 0 && lines.every(({ word }) => word === 'orphan');
  const list = panel({
    flush: true,
    content: table<ContentsLine>({
      id: 'contents',
      caption: 'Snapshots in the repository and in the ledger, newest first',
      rows: lines,
      rowId: ({ engineId }) => `row-${engineId}`,
      columns: [
        {
          id: 'state',
          label: 'State',
          width: 'fit',
          cell: ({ word, isAdopted }) => html`${contentsStatus(word)}${isAdopted && html` ${badge('adopted')}`}`,
        },
        {
          id: 'about',
          label: 'About',
          primary: true,
          cell: ({ href, about, detail }) =>
            html`<a href="${href}">${about}</a>${detail !== '' && html`<br><span class="quiet small">${detail}</span>`}`,
        },
        { id: 'from', label: 'Made on', cell: ({ from }) => from },
        { id: 'at', label: 'Made', width: 'fit', cell: ({ at }) => relativeTime(at, view.face) },
        { id: 'size', label: 'Size', align: 'end', width: 'fit', cell: ({ sizeBytes }) => formatBytes(sizeBytes) },
        {
          id: 'id',
          label: 'Id',
          width: 'fit',
          cell: ({ engineId }) => html`<code title="${engineId}">${engineId.slice(0, 8)}</code>`,
        },
      ],
      ...(canSelect ? { select: SELECTION } : {}),
      pager: lines.length === 0 ? undefined : pager,
      empty: emptyState({
        icon: 'search',
        title: 'Nothing here matches.',
        text: 'The search looks at machine names, tags, paths and ids.',
        action: linkButton({ href: view.allHref, label: 'Show all' }),
      }),
    }),
  });
  const acts =
    canSelect &&
    html`<form class="form-actions" id="${FORM}" method="post" action="${view.deleteAction}" aria-label="Chosen orphans"><input type="hidden" name="host" value="${view.chosenHost ?? ''}"><span class="quiet">With the ticked ones:</span>${button({ label: 'Delete…', small: true, kind: 'danger' })}</form>`;
  const hint: HtmlValue =
    view.mayDelete &&
    !canSelect &&
    counts.orphan > 0 &&
    html`<p class="quiet small">Show orphans alone to choose several of them.</p>`;
  return html`${bar}${list}${acts}${hint}`;
}

export interface OrphanDeletionView {
  crumbs: readonly Crumb[];
  action: string;
  cancelHref: string;
  host: string;
  phrase: string;
  engineIds: readonly string[];
  repository: string;
  /** Of the host that will do it, and with which credential. */
  doneBy: string;
  error: string | undefined;
}

/** The question before orphans are deleted. */
export function orphanDeletionPage(shell: Shell, view: OrphanDeletionView): Html {
  const count = formatNoun(view.engineIds.length, 'snapshot');
  const typed = formField({
    name: 'confirm',
    label: `Type ${view.phrase} to confirm`,
    kind: 'text',
    required: true,
    autocomplete: 'off',
    error: view.error,
  });
  const hidden = view.engineIds.map((engineId) => html`<input type="hidden" name="engine" value="${engineId}">`);
  const list = html`<ul class="choices">${view.engineIds.map((engineId) => html`<li><code class="small">${engineId}</code></li>`)}</ul>`;
  return layout(shell, {
    title: `Delete ${count}`,
    crumbs: view.crumbs,
    heading: `Delete ${count} of nobody’s for good?`,
    lede: `They go from ${view.repository}. Whoever made them by hand or with another Holdfast loses them; the audit keeps what they were.`,
    content: html`<div class="stack">${panel({ title: 'What goes', aside: count, content: list })}<p class="quiet">${view.doneBy}</p><form class="form" method="post" action="${view.action}"><input type="hidden" name="host" value="${view.host}"><input type="hidden" name="sure" value="1">${hidden}${typed}<div class="form-actions">${button({ label: `Delete ${count}`, kind: 'danger' })}${linkButton({ href: view.cancelHref, label: 'Cancel', kind: 'quiet' })}</div></form></div>`,
  });
}
