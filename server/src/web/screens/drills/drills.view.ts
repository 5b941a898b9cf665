/** Drills: how each source stands with its proof of recovery, and what the newest drills came to. */
import type { ProofState } from '@holdfast/shared/domain/drill.ts';
import { type Html, html } from '../../html.ts';
import { type HiddenFields, linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatCount, formatDuration, formatNoun, formatSpan } from '../../ui/quantity.ts';
import { type Column, filterSelect, type Sort, searchInput, table, toolbar } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import {
  type DrillLine,
  describeThings,
  drillButton,
  dueText,
  PROOF_STATES,
  type ProofView,
  proofSentence,
  proofStatus,
  wordOfProof,
} from './proof.view.ts';

export type SourceProofLine = {
  readonly id: string;
  readonly name: string;
  readonly href: string;
  readonly host: string;
  readonly proof: ProofView;
};

export type VerdictLine = DrillLine & { readonly id: string; readonly source: string; readonly isProven: boolean };

export type DrillsView = {
  readonly here: string;
  readonly face: Clockface;
  /** All sources, whatever the list is narrowed to. */
  readonly counts: Readonly<Record<ProofState, number>>;
  readonly filter: { readonly q?: string | undefined; readonly state?: ProofState | undefined };
  readonly sources: readonly SourceProofLine[];
  readonly previousHref?: string | undefined;
  readonly nextHref?: string | undefined;
  readonly sort: Sort;
  /** The order, which filters keep. */
  readonly kept: HiddenFields;
  readonly urls: Urls;
  readonly verdicts: readonly VerdictLine[];
  readonly runsHref: string;
  /** All that came to a verdict. */
  readonly historyHref: string;
  readonly addSourceHref: string;
};

export const DRILLS_PART = 'drills-part';
export const DRILLS_ANSWER = 'drills-answer';
export const PROOF_TABLE_ID = 'proofs';
const TOPICS = 'sources runs';

export function drillsPage(shell: Shell, view: DrillsView): Html {
  return layout(shell, {
    title: 'Drills',
    heading: drillsAnswer(view),
    lede: 'A drill restores the newest good backup into something private, on its own host, another one or a server you named, looks at what came back, and throws it away.',
    actions: linkButton({ href: view.runsHref, label: 'All drill runs' }),
    content: drillsPart(view),
  });
}

/** The page's answer; also served alone. */
export function drillsAnswer({ counts, here }: DrillsView): Html {
  return html`<span id="${DRILLS_ANSWER}" data-live="${TOPICS}" data-live-get="${here}">${answer(counts)}</span>`;
}

/** Of those that could be tried out at all. */
function answer(counts: DrillsView['counts']): string {
  const { proven } = counts;
  const all = countAll(counts) - counts.impossible;
  if (all === 0) return 'There is nothing yet that could be tried out.';
  if (proven === all)
    return all === 1 ? 'The recovery of the one source is proven.' : `The recovery of all ${formatCount(all)} sources is proven.`;
  return `The recovery of ${formatCount(proven)} of ${formatNoun(all, 'source')} is proven.`;
}

export function drillsPart(view: DrillsView): Html {
  return html`<div class="stack" id="${DRILLS_PART}" data-live="${TOPICS}" data-live-get="${view.here}">${standing(view)}<section>${proofToolbar(view)}<div class="panel panel-flush">${proofTable(view)}</div></section>${verdictPanel(view)}</div>`;
}

function countAll(counts: DrillsView['counts']): number {
  return PROOF_STATES.reduce((sum, state) => sum + counts[state], 0);
}

/** How many stand how, each leading to those. */
function standing({ counts, urls }: DrillsView): Html | false {
  const told = PROOF_STATES.filter((state) => counts[state] > 0);
  if (told.length < 2) return false;
  return html`<p class="quiet">${told.map((state, place) => html`${place > 0 && ' · '}<a href="${urls.drills({ state })}">${formatCount(counts[state])} ${wordOfProof(state)}</a>`)}</p>`;
}

function proofToolbar({ urls, filter, kept, counts }: DrillsView): Html | false {
  if (countAll(counts) === 0) return false;
  return toolbar({
    action: urls.drills(),
    label: 'Find proofs of recovery',
    target: PROOF_TABLE_ID,
    kept,
    controls: html`${searchInput({ name: 'q', value: filter.q, label: 'Name of the source or host' })}${filterSelect({
      name: 'state',
      label: 'Recovery',
      value: filter.state,
      options: [
        { value: '', label: 'Proven or not' },
        ...PROOF_STATES.map((state) => ({ value: state, label: wordOfProof(state) })),
      ],
    })}`,
  });
}

/** The table alone; what the filters put in its place. */
export function proofTable(view: DrillsView): Html {
  const isNarrowed = view.filter.q !== undefined || view.filter.state !== undefined;
  return table<SourceProofLine>({
    id: PROOF_TABLE_ID,
    caption: 'Proofs of recovery by source; the heads of the columns order them',
    sort: view.sort,
    rows: view.sources,
    rowId: (row) => `row-${row.id}`,
    columns: [
      {
        id: 'source',
        label: 'Source',
        primary: true,
        sortable: 'name',
        cell: (row) => html`<a href="${row.href}">${row.name}</a><br><span class="quiet">${row.host}</span>`,
      },
      { id: 'state', label: 'Recovery', width: 'fit', sortable: true, cell: (row) => proofStatus(row.proof.state) },
      { id: 'words', label: 'Proof', width: 'wide', sortable: 'proven', cell: (row) => proofSentence(row.proof) },
      {
        id: 'due',
        label: 'Drills',
        width: 'fit',
        cell: (row) => (row.proof.state === 'impossible' ? '—' : dueText(row.proof, true)),
      },
      {
        id: 'act',
        label: 'Act',
        hideLabel: true,
        align: 'end',
        width: 'fit',
        cell: (row) => row.proof.drillAction !== undefined && drillButton(row.proof.drillAction, 'secondary', true),
      },
    ],
    empty: isNarrowed
      ? emptyState({
          icon: 'search',
          title: 'No source matches',
          action: linkButton({ href: view.urls.drills(), label: 'Show all sources' }),
        })
      : emptyState({
          icon: 'shield',
          title: 'There is no source yet, so nothing can be proven.',
          action: linkButton({ href: view.addSourceHref, label: 'Add a source', kind: 'primary' }),
        }),
    pager: { summary: formatNoun(view.sources.length, 'source'), previousHref: view.previousHref, nextHref: view.nextHref },
  });
}

function verdictPanel(view: DrillsView): Html | false {
  if (view.verdicts.length === 0) return false;
  return panel({
    title: 'Newest drills',
    aside: html`<a href="${view.historyHref}">all with a verdict</a>`,
    flush: true,
    content: table<VerdictLine>({
      id: 'verdicts',
      caption: 'The newest drills',
      rows: view.verdicts,
      rowId: (row) => `verdict-${row.id}`,
      columns: verdictColumns(view.face),
    }),
  });
}

/** What a drill came to, for every list of them. */
export function verdictColumns(face: Clockface): readonly Column<VerdictLine>[] {
  return [
    { id: 'source', label: 'Source', primary: true, cell: (row) => html`<a href="${row.href}">${row.source}</a>` },
    { id: 'verdict', label: 'Verdict', width: 'fit', cell: (row) => proofStatus(row.isProven ? 'proven' : 'disproven') },
    { id: 'at', label: 'When', cell: (row) => relativeTime(row.at, face) },
    { id: 'restore', label: 'Time to restore', align: 'end', cell: (row) => formatDuration(row.restoreMs) },
    { id: 'age', label: 'Age of the backup', align: 'end', cell: (row) => formatSpan(row.snapshotAgeMs) },
    { id: 'things', label: 'Came back', cell: (row) => describeThings(row) },
  ];
}
