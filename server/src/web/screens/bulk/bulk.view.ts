/** Acts on many rows of a list: the bar below it, the question before, and what became of each. */
import { attrs, type Html, html } from '../../html.ts';
import { button, hiddenInputs, linkButton, postButton } from '../../ui/button.ts';
import { type Field, formField } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { formatCount } from '../../ui/quantity.ts';
import { type StatusView, status } from '../../ui/status.ts';
import { type Column, type Selection, table } from '../../ui/table.ts';

export type BulkBarView = {
  /** The form that the boxes before the rows belong to. */
  readonly form: string;
  readonly action: string;
  /** What they are, such as `plans`. */
  readonly many: string;
  readonly acts: readonly { readonly value: string; readonly label: string; readonly isDangerous?: boolean | undefined }[];
  /** The list itself, for the way back and for all that match it. */
  readonly here: string;
};

/** The boxes before the rows, with the address of the list that they are in. */
export function selectRows<Row extends { readonly id: string }>(
  bar: BulkBarView,
  nameOf: (row: Row) => string,
): Selection<Row> | undefined {
  if (bar.acts.length === 0) return undefined;
  return {
    form: bar.form,
    name: 'ids',
    value: (row) => row.id,
    label: (row) => `Choose ${nameOf(row)}`,
    hidden: { back: bar.here },
  };
}

/**
 * One form for all that was ticked; each button asks first. Where scripts run, it shows once something is ticked. What list it is about
 * stands with the rows: filters that follow the typing change those and leave this.
 */
export function bulkBar(bar: BulkBarView): Html | false {
  if (bar.acts.length === 0) return false;
  const acts = bar.acts.map(({ value, label, isDangerous }) =>
    button({ label, name: 'act', value, small: true, ...(isDangerous === true ? { kind: 'danger' } : {}) }),
  );
  return html`<form class="bulk-bar" method="post" aria-label="${`Chosen ${bar.many}`}" ${attrs({ id: bar.form, action: bar.action })}><span class="quiet">With the ticked ones:</span>${acts}<label class="bulk-all"><input type="checkbox" name="all" value="true"><span>and all others that match this list</span></label></form>`;
}

export type BulkQuestion = {
  readonly crumbs: readonly Crumb[];
  readonly action: string;
  readonly backHref: string;
  readonly act: string;
  /** `Pause 3 plans`. */
  readonly verb: string;
  readonly effect: string;
  readonly isDangerous: boolean;
  readonly ids: readonly string[];
  /** The first of their names. */
  readonly names: readonly string[];
  readonly fields: readonly Field[];
  readonly problem?: string | undefined;
};

export function bulkQuestionPage(shell: Shell, view: BulkQuestion): Html {
  const more = view.ids.length - view.names.length;
  const names = html`<ul class="bulk-names">${view.names.map((name) => html`<li>${name}</li>`)}${more > 0 && html`<li class="quiet">and ${formatCount(more)} more</li>`}</ul>`;
  const form = html`<form class="form" method="post" action="${view.action}">${hiddenInputs({ act: view.act, chosen: view.ids.join(','), confirm: 'yes', back: view.backHref })}${view.fields.map((field) => formField(field))}<div class="form-actions">${button({ label: view.verb, kind: view.isDangerous ? 'danger' : 'primary' })}${linkButton({ href: view.backHref, label: 'Cancel', kind: 'quiet' })}</div></form>`;
  return layout(shell, {
    title: view.verb,
    crumbs: view.crumbs,
    heading: `${view.verb}?`,
    lede: view.effect,
    content: html`<div class="stack">${panel({ title: 'These', content: names })}${form}</div>`,
  });
}

export type BulkLine = {
  readonly id: string;
  readonly name: string;
  readonly href: string;
  readonly result: 'done' | 'unchanged' | 'refused';
  readonly text: string;
  readonly runs: readonly string[];
};

export type BulkAnswer = {
  readonly crumbs: readonly Crumb[];
  readonly title: string;
  readonly heading: string;
  readonly lines: readonly BulkLine[];
  /** Beside these. */
  readonly more: number;
  /** What its results are called, where they have words of their own. */
  readonly words?: { readonly done: string; readonly refused: string } | undefined;
  readonly back: { readonly href: string; readonly label: string };
  /** What is to be done next. */
  readonly onward?: { readonly href: string; readonly label: string } | undefined;
  /** Takes back what was done. */
  readonly undo?:
    | { readonly action: string; readonly label: string; readonly hidden: Readonly<Record<string, string>> }
    | undefined;
};

const RESULTS: Readonly<Record<BulkLine['result'], StatusView>> = {
  done: { word: 'done', tone: 'protected', icon: 'check' },
  unchanged: { word: 'as it was', tone: 'quiet', icon: 'info' },
  refused: { word: 'not done', tone: 'unprotected', icon: 'cross' },
};

function viewOf(result: BulkLine['result'], words: BulkAnswer['words']): StatusView {
  return words === undefined || result === 'unchanged' ? RESULTS[result] : { ...RESULTS[result], word: words[result] };
}

const RUNS_COLUMN: Column<BulkLine> = {
  id: 'runs',
  label: 'Runs',
  cell: ({ runs }) => runs.map((href, place) => html`${place > 0 && ', '}<a href="${href}">run</a>`),
};

export function bulkAnswerPage(shell: Shell, view: BulkAnswer): Html {
  const { undo, back, onward, words } = view;
  const hasRuns = view.lines.some(({ runs }) => runs.length > 0);
  const lines = table<BulkLine>({
    id: 'bulk-answer',
    caption: 'What became of each',
    rows: view.lines,
    columns: [
      { id: 'result', label: 'Result', width: 'fit', cell: ({ result }) => status(viewOf(result, words)) },
      { id: 'name', label: 'Name', primary: true, cell: ({ href, name }) => html`<a href="${href}">${name}</a>` },
      { id: 'text', label: 'What happened', cell: ({ text }) => text },
      ...(hasRuns ? [RUNS_COLUMN] : []),
    ],
  });
  return layout(shell, {
    title: view.title,
    crumbs: view.crumbs,
    heading: view.heading,
    actions: html`${undo !== undefined && postButton({ ...undo, kind: 'secondary' })}${
      onward === undefined
        ? linkButton({ ...back, kind: 'primary' })
        : html`${linkButton(back)}${linkButton({ ...onward, kind: 'primary' })}`
    }`,
    content: panel({
      flush: true,
      content: lines,
      ...(view.more > 0
        ? { foot: html`<span class="quiet">${formatCount(view.more)} more; what could not be done stands first.</span>` }
        : {}),
    }),
  });
}
