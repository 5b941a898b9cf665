/** When a schedule comes due: in words, as the next fires, and on the nights clocks change. */
import { type Html, html } from '../../html.ts';
import { callout } from '../../ui/flash.ts';
import { icon } from '../../ui/icons.ts';
import { type Clockface, formatStamp, relativeTime } from '../../ui/time.ts';
import { type HostBeginsView, hostBegins } from '../hosts/host-begins.view.ts';

export type FiresView = {
  /** `every day at 02:00, Europe/Berlin`; undefined for a plan that runs only by hand. */
  readonly words?: string | undefined;
  /** What is wrong with the expression or zone, and what to change. */
  readonly problem?: string | undefined;
  /** Epoch milliseconds. */
  readonly fires: readonly number[];
  /** The schedule's own zone: fires are written in it. */
  readonly zone: string;
  readonly notes: readonly string[];
  /** How far the hosts are apart, as a sentence. */
  readonly spread?: string | undefined;
  /** When each host really begins, where that is not at the fire. */
  readonly begins?: HostBeginsView | undefined;
  /** Something typed that has no effect as things stand. */
  readonly hint?: string | undefined;
};

const PLAN_FIRES = 'plan-fires';

export function firesPreview(view: FiresView, face: Clockface): Html {
  return html`<div class="stack" id="${PLAN_FIRES}" aria-live="polite">${firesBody(view, face)}</div>`;
}

function firesBody(view: FiresView, face: Clockface): Html {
  const hint = view.hint !== undefined && callout({ tone: 'notice', text: view.hint });
  if (view.problem !== undefined) return html`<p class="error">${icon('cross')}<span>${view.problem}</span></p>${hint}`;
  if (view.words === undefined) return html`<p class="quiet">Runs only when somebody asks for it.</p>${hint}`;
  return html`<p>Fires <strong>${view.words}</strong>.</p>${view.spread !== undefined && html`<p>${view.spread}</p>`}${hint}${firesList(view, face)}${view.begins !== undefined && hostBegins(view.begins)}`;
}

/** The fires alone, with what clocks do to them. */
export function firesList(view: FiresView, face: Clockface): Html {
  const notes = view.notes.map((text) => callout({ tone: 'notice', text }));
  const lines = view.fires.map((at) => ({ label: formatFire(at, view.zone), relative: relativeTime(at, face) }));
  return html`<dl class="facts">${lines.map(
    (line) => html`<div><dt class="num">${line.label}</dt><dd class="quiet">${line.relative}</dd></div>`,
  )}</dl>${notes}`;
}

/** The stamp without seconds: fires stand on whole minutes. */
function formatFire(at: number, zone: string): string {
  return formatStamp(at, zone).replace(/:\d\d (?=\S+$)/u, ' ');
}
