/** When each host of a plan begins next, where a spread or blackout windows move it away from the fire. */
import { type Html, html } from '../../html.ts';
import { callout } from '../../ui/flash.ts';

export type HostBeginLine = {
  readonly host: string;
  readonly href?: string | undefined;
  /** When it begins, in the schedule's zone; undefined when nothing begins. */
  readonly stamp?: string | undefined;
  /** Why then, in words. */
  readonly reason: string;
};

export type HostBeginsView = {
  readonly lines: readonly HostBeginLine[];
  /** Hosts that had no room. */
  readonly left: number;
  /** What windows keep back for good, as whole sentences. */
  readonly warnings: readonly string[];
};

export function hostBegins(view: HostBeginsView): Html {
  const name = (line: HostBeginLine) => (line.href === undefined ? line.host : html`<a href="${line.href}">${line.host}</a>`);
  const lines = view.lines.map(
    (line) =>
      html`<div><dt>${name(line)}</dt><dd>${line.stamp !== undefined && html`<span class="num">${line.stamp}</span> `}<span class="quiet">${line.reason}</span></dd></div>`,
  );
  const more = view.left > 0 && html`<p class="quiet">and ${view.left} more hosts, each at its own moment.</p>`;
  return html`<div><h3>Begins</h3><dl class="facts">${lines}</dl></div>${more}${view.warnings.map((text) => callout({ tone: 'warning', text }))}`;
}
