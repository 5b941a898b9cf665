/** Drills: how each source stands with its proof of recovery, and what the newest drills came to. */
import { type Html, html } from '../../html.ts';
import { linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatDuration, formatNoun, formatSpan } from '../../ui/quantity.ts';
import { table } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import {
  type DrillLine,
  describeThings,
  drillButton,
  dueText,
  type ProofView,
  proofSentence,
  proofStatus,
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
  /** Sources that could be tried out and are proven, of all that could; undefined where there are too many to count. */
  readonly counted: { readonly proven: number; readonly all: number } | undefined;
  readonly sources: readonly SourceProofLine[];
  readonly previousHref?: string | undefined;
  readonly nextHref?: string | undefined;
  readonly verdicts: readonly VerdictLine[];
  readonly runsHref: string;
  readonly addSourceHref: string;
};

export const DRILLS_PART = 'drills-part';
export const DRILLS_ANSWER = 'drills-answer';
const TOPICS = 'sources runs';

export function drillsPage(shell: Shell, view: DrillsView): Html {
  return layout(shell, {
    title: 'Drills',
    heading: drillsAnswer(view),
    lede: 'A drill restores the newest good backup into something private on its own host, looks at what came back, and throws it away.',
    actions: linkButton({ href: view.runsHref, label: 'All drill runs' }),
    content: drillsPart(view),
  });
}

/** The page's answer; also served alone. */
export function drillsAnswer({ counted, here }: DrillsView): Html {
  return html`<span id="${DRILLS_ANSWER}" data-live="${TOPICS}" data-live-get="${here}">${answer(counted)}</span>`;
}

function answer(counted: DrillsView['counted']): string {
  if (counted === undefined) return 'Recovery, source by source.';
  const { proven, all } = counted;
  if (all === 0) return 'There is nothing yet that could be tried out.';
  if (proven === all)
    return all === 1 ? 'The recovery of the one source is proven.' : `The recovery of all ${all} sources is proven.`;
  return `The recovery of ${proven} of ${formatNoun(all, 'source')} is proven.`;
}

export function drillsPart(view: DrillsView): Html {
  return html`<div class="stack" id="${DRILLS_PART}" data-live="${TOPICS}" data-live-get="${view.here}"><div class="panel panel-flush">${sourceTable(view)}</div>${verdictPanel(view)}</div>`;
}

function sourceTable(view: DrillsView): Html {
  return table<SourceProofLine>({
    id: 'proofs',
    caption: 'Proofs of recovery by source',
    rows: view.sources,
    rowId: (row) => `row-${row.id}`,
    columns: [
      {
        id: 'source',
        label: 'Source',
        primary: true,
        cell: (row) => html`<a href="${row.href}">${row.name}</a><br><span class="quiet">${row.host}</span>`,
      },
      { id: 'state', label: 'Recovery', width: 'fit', cell: (row) => proofStatus(row.proof.state) },
      { id: 'words', label: 'Proof', width: 'wide', cell: (row) => proofSentence(row.proof) },
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
    empty: emptyState({
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
    flush: true,
    content: table<VerdictLine>({
      id: 'verdicts',
      caption: 'The newest drills',
      rows: view.verdicts,
      rowId: (row) => `verdict-${row.id}`,
      columns: [
        { id: 'source', label: 'Source', primary: true, cell: (row) => html`<a href="${row.href}">${row.source}</a>` },
        { id: 'verdict', label: 'Verdict', width: 'fit', cell: (row) => proofStatus(row.isProven ? 'proven' : 'disproven') },
        { id: 'at', label: 'When', cell: (row) => relativeTime(row.at, view.face) },
        { id: 'restore', label: 'Time to restore', align: 'end', cell: (row) => formatDuration(row.restoreMs) },
        { id: 'age', label: 'Age of the backup', align: 'end', cell: (row) => formatSpan(row.snapshotAgeMs) },
        { id: 'things', label: 'Came back', cell: (row) => describeThings(row) },
      ],
    }),
  });
}
