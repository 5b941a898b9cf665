/** The last runs of a host or a source. */
import { type Html, html } from '../../html.ts';
import { panel, rows } from '../../ui/panel.ts';
import { formatBytes, formatDuration } from '../../ui/quantity.ts';
import { type RunState, runStatus } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';

export interface LastRunRow {
  id: string;
  state: RunState;
  title: string;
  at: number;
  durationMs: number | undefined;
  bytes: number;
  problem: string | undefined;
}

export interface LastRunsView {
  runs: readonly LastRunRow[];
  /** Where all of them are. */
  allHref: string;
  /** Below "No run yet". */
  none: string;
  urls: Urls;
  face: Clockface;
}

export function lastRuns({ runs, allHref, none, urls, face }: LastRunsView): Html {
  return panel({
    title: 'Last runs',
    aside: runs.length > 0 ? html`<a href="${allHref}">all runs</a>` : undefined,
    content:
      runs.length === 0
        ? html`<p class="quiet">${none}</p>`
        : rows(
            runs.map((run) => ({
              id: `row-${run.id}`,
              status: runStatus(run.state),
              title: html`<a href="${urls.run({ run: run.id })}">${run.title}</a>`,
              detail: run.problem ?? figuresOf(run),
              action: relativeTime(run.at, face),
            })),
          ),
  });
}

function figuresOf(run: LastRunRow): string {
  const parts = [run.bytes > 0 && formatBytes(run.bytes), run.durationMs !== undefined && formatDuration(run.durationMs)];
  return parts.filter((part) => part !== false).join(' · ');
}
