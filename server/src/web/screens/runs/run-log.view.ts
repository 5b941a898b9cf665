/** The log of a run: on its page, and alone where it is long. */
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import { attrs, type Html, html } from '../../html.ts';
import { copyLinesButton } from '../../ui/copy.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { logView } from '../../ui/log.ts';
import { liveAttributes, panel } from '../../ui/panel.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { filterSelect, searchInput, toolbar } from '../../ui/table.ts';

export type RunLogView = {
  readonly zone: string;
  /** The stream's topic while lines still come and no filter hides them. */
  readonly topic?: string | undefined;
  readonly lines: readonly LogLine[];
  /** Lines the run wrote in all. */
  readonly total: number;
  /** Of these, lines above a limit that were not kept. */
  readonly leftOut?: number | undefined;
  /** Set when the log is gone because its time was over. */
  readonly removedAfterDays?: number | undefined;
  readonly action: string;
  readonly search: string;
  readonly level: string;
  readonly levels: readonly { readonly value: string; readonly label: string }[];
  readonly filtered: boolean;
  readonly earlierHref?: string | undefined;
  readonly laterHref?: string | undefined;
  readonly textHref: string;
  readonly jsonHref: string;
};

export const RUN_LOG = 'run-log';
export const RUN_LOG_HEAD = 'run-log-head';

export function runLogPanel(view: RunLogView): Html {
  const mayHaveLines = view.total > 0 || view.topic !== undefined;
  const copy = mayHaveLines && copyLinesButton({ log: RUN_LOG, label: 'the lines shown' });
  return panel({
    title: 'Log',
    aside: html`${runLogHead(view)}${copy}<a href="${view.textHref}" download>txt</a><a href="${view.jsonHref}" download>ndjson</a>`,
    content: html`${mayHaveLines && logToolbar(view)}${runLog(view)}`,
  });
}

/** How much the run wrote; while it writes, counted again as lines come. */
export function runLogHead(view: RunLogView): Html {
  const live =
    view.topic === undefined ? {} : { ...liveAttributes({ topic: view.topic, url: view.action }), 'data-live-lines': view.topic };
  return html`<span ${attrs({ id: RUN_LOG_HEAD, ...live })}>${summarize(view)}</span>`;
}

/** The lines alone; the filter takes them from here. */
export function runLog(view: RunLogView): Html {
  if (view.filtered && view.lines.length === 0)
    return html`<div class="log" id="${RUN_LOG}"><p class="log-none quiet">No line fits. <a href="${view.action}">Show all lines</a></p></div>`;
  return logView({
    id: RUN_LOG,
    topic: view.topic,
    url: view.action,
    zone: view.zone,
    lines: view.lines,
    earlierHref: view.earlierHref,
    laterHref: view.laterHref,
  });
}

/** What is wrong in it, as far as its lines are shown. */
function summarizeGrave({ lines, filtered }: RunLogView, isWhole: boolean): string | false {
  const warnings = lines.filter((line) => line.level === 'warn').length;
  const errors = lines.filter((line) => line.level === 'error').length;
  const said = [warnings > 0 && formatNoun(warnings, 'warning'), errors > 0 && formatNoun(errors, 'error')].filter(
    (part) => part !== false,
  );
  if (said.length === 0) return false;
  return isWhole && !filtered ? said.join(' · ') : `${said.join(' and ')} among the lines shown`;
}

function summarize(view: RunLogView): string {
  const isWhole = view.earlierHref === undefined && view.laterHref === undefined;
  const matches = formatNoun(view.lines.length, 'match', 'matches');
  return [
    formatNoun(view.total, 'line'),
    view.leftOut !== undefined && view.removedAfterDays === undefined && `${formatNoun(view.leftOut, 'line')} not kept`,
    view.removedAfterDays !== undefined && `removed after ${formatNoun(view.removedAfterDays, 'day')}`,
    view.filtered && (isWhole ? matches : `${matches} shown, there are more`),
    summarizeGrave(view, isWhole),
  ]
    .filter((part) => part !== false)
    .join(' · ');
}

function logToolbar(view: RunLogView): Html {
  return toolbar({
    action: view.action,
    label: 'Filter the log',
    target: RUN_LOG,
    controls: html`${searchInput({ name: 'q', value: view.search, label: 'Search the log' })}${filterSelect({ name: 'level', label: 'Level', value: view.level, options: view.levels })}`,
  });
}

export function runLogPage(
  shell: Shell,
  view: RunLogView,
  page: { readonly crumbs: readonly Crumb[]; readonly heading: string },
): Html {
  return layout(shell, { title: 'Log', crumbs: page.crumbs, heading: page.heading, content: runLogPanel(view) });
}
