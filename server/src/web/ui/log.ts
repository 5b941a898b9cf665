/** A run's log: time, level, text. Follows its end by itself until the reader scrolls up. */
import { attrs, type Html, html } from '../html.ts';
import { formatClock } from './time.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
/** `n` rises by one per line of a run; the browser drops a line it already shows. `at` is epoch milliseconds. */
export type LogLine = { readonly n: number; readonly at: number; readonly level: LogLevel; readonly text: string };

export type LogView = {
  readonly id: string;
  /** The stream's topic (`run:run_…`) while the run goes on. */
  readonly topic?: string | undefined;
  /** Where this very element comes from again, for a viewer that lost lines. */
  readonly url?: string | undefined;
  readonly zone: string;
  readonly lines: readonly LogLine[];
  /** Earlier lines that are not on this page. */
  readonly earlierHref?: string | undefined;
  /** Lines behind these that are not on this page. */
  readonly laterHref?: string | undefined;
};

export function logView(view: LogView): Html {
  const earlier =
    view.earlierHref !== undefined && html`<p class="log-earlier"><a href="${view.earlierHref}">Earlier lines</a></p>`;
  const later = view.laterHref !== undefined && html`<p class="log-later"><a href="${view.laterHref}">Later lines</a></p>`;
  const nothing =
    view.lines.length === 0 &&
    html`<p class="log-none quiet">${view.topic === undefined ? 'This run wrote no log.' : 'Waiting for the first line.'}</p>`;
  return html`<div class="log" ${attrs({ id: view.id, 'data-live-log': view.topic, 'data-live-get': view.topic === undefined ? undefined : view.url, 'data-zone': view.zone })}><div class="log-scroll" role="log" aria-label="Log" tabindex="0">${earlier}${nothing}<ol class="log-lines">${view.lines.map(
    (line) => logLine(line, view.zone),
  )}</ol>${later}</div><button type="button" class="log-latest button button-secondary button-small" hidden>Jump to latest</button></div>`;
}

function logLine(line: LogLine, zone: string): Html {
  return html`<li class="log-line log-${line.level}" data-n="${line.n}"><span class="log-time">${formatClock(line.at, zone)}</span><span class="log-level">${line.level}</span><span class="log-text">${line.text}</span></li>`;
}
