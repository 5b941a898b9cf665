/** Drawings as inline SVG, each with a text alternative. Positions are percentages, so they fit any width undistorted. */
import { type Html, html } from '../html.ts';
import type { Tone } from './status.ts';
import { formatMinute } from './time.ts';

/** Two decimals are a tenth of a pixel on any screen. */
function percent(ratio: number): string {
  return `${Math.round(Math.min(1, Math.max(0, ratio)) * 10_000) / 100}%`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** A line over time with its area; fewer than two points draw nothing. `label` says what it shows, with first and last value. */
export function sparkline(view: { readonly values: readonly number[]; readonly label: string }): Html {
  const { values, label } = view;
  if (values.length < 2) return html`<p class="quiet small">Not enough history yet.</p>`;
  const low = Math.min(...values);
  const high = Math.max(...values);
  const span = high - low === 0 ? 1 : high - low;
  const points = values.map(
    (value, at) => `${round((at / (values.length - 1)) * 300)} ${round(high === low ? 30 : 54 - ((value - low) / span) * 46)}`,
  );
  const line = `M${points.join('L')}`;
  return html`<svg class="chart spark" role="img" aria-label="${label}" viewBox="0 0 300 60" preserveAspectRatio="none" width="100%" height="60"><path class="spark-area" d="${line}L300 60L0 60Z"></path><path class="spark-line" d="${line}" vector-effect="non-scaling-stroke"></path></svg>`;
}

/** How many of each: `41 protected, 2 at risk, 1 unprotected`. Empty parts are left out; any part stays visible. */
export function stackedBar(view: {
  readonly parts: readonly { readonly count: number; readonly word: string; readonly tone: Tone }[];
}): Html {
  const parts = view.parts.filter((part) => part.count > 0);
  const total = parts.reduce((sum, part) => sum + part.count, 0);
  const label = parts.map((part) => `${part.count} ${part.word}`).join(', ');
  if (total === 0)
    return html`<svg class="chart stacked" role="img" aria-label="nothing yet" width="100%" height="10"><rect class="track" width="100%" height="10"></rect></svg>`;
  // Each part gets a least share, so that one failure among thousands is still seen.
  const least = 0.012;
  const shares = parts.map((part) => least + (part.count / total) * (1 - least * parts.length));
  let start = 0;
  return html`<svg class="chart stacked" role="img" aria-label="${label}" width="100%" height="10">${parts.map((part, at) => {
    const from = start;
    start += shares[at] ?? 0;
    return html`<rect class="fill tone-${part.tone}" x="${percent(from)}" width="${percent(shares[at] ?? 0)}" height="10"><title>${part.count} ${part.word}</title></rect>${at > 0 && html`<rect class="gap" x="${percent(from)}" width="2" height="10"></rect>`}`;
  })}</svg>`;
}

export type CalendarDay = { readonly date: string; readonly tone: Tone; readonly word: string };

/** One bar per day, oldest first. `label` sums up: `90 days, 2 bad: 12 and 13 October`. */
export function calendarStrip(view: { readonly days: readonly CalendarDay[]; readonly label: string }): Html {
  const { days, label } = view;
  const step = 1 / Math.max(1, days.length);
  return html`<svg class="chart calendar" role="img" aria-label="${label}" width="100%" height="22">${days.map(
    (day, at) =>
      html`<rect class="fill tone-${day.tone}" x="${percent(at * step)}" width="${percent(step * 0.78)}" height="22"><title>${day.date}: ${day.word}</title></rect>`,
  )}</svg>`;
}

export type GanttBar = {
  readonly start: number;
  readonly end: number;
  readonly tone: Tone;
  readonly title: string;
  readonly href?: string | undefined;
  /** Stands for many that would touch. */
  readonly many?: boolean | undefined;
};
export type GanttRow = {
  readonly label: string;
  readonly href?: string | undefined;
  readonly bars: readonly GanttBar[];
  /** Fires to come; drawn dashed. */
  readonly next?: readonly GanttFires[] | undefined;
};
/** One fire (`from` is `to`), or several that stand too close to be told apart; epoch milliseconds. */
export type GanttFires = {
  readonly from: number;
  readonly to: number;
  /** In the mark where it has room: `every 15 min`. */
  readonly word?: string | undefined;
  /** Instead of the word where it has less room. */
  readonly shortWord?: string | undefined;
  /** On hover, and for those who cannot see it. */
  readonly title: string;
};

const ROW_HEIGHT = 24;
const BAR_HEIGHT = 12;
const AXIS_HEIGHT = 24;
const HOUR_MS = 3_600_000;

/** A night's runs, one row per host. `from`, `to` and all instants are epoch milliseconds; ticks stand on whole hours of `zone`. */
export function gantt(view: {
  readonly rows: readonly GanttRow[];
  readonly from: number;
  readonly to: number;
  readonly now: number;
  readonly zone: string;
  readonly label: string;
}): Html {
  const span = Math.max(1, view.to - view.from);
  const place = (at: number): number => (at - view.from) / span;
  const height = view.rows.length * ROW_HEIGHT;
  const ticks = ticksOf(view.from, view.to, view.zone).filter(
    (tick) => Math.abs(place(tick) - place(view.now)) > 0.05 && place(tick) > 0.03 && place(tick) < 0.97,
  );
  return html`<div class="gantt" role="group" aria-label="${view.label}"><ol class="gantt-labels">${view.rows.map(
    (row) =>
      html`<li>${row.href === undefined ? html`<span>${row.label}</span>` : html`<a href="${row.href}">${row.label}</a>`}</li>`,
  )}</ol><svg class="chart" width="100%" height="${height + AXIS_HEIGHT}">${ticks.map(
    (tick, at) =>
      html`<g class="${(at % 2 === 1 || place(view.now) - place(tick) < 0.14) && 'tick-minor'}"><line class="grid" x1="${percent(place(tick))}" x2="${percent(place(tick))}" y1="0" y2="${height}"></line><text class="axis" x="${percent(place(tick))}" y="${height + 17}" text-anchor="middle">${formatMinute(tick, view.zone)}</text></g>`,
  )}${view.rows.map((row, at) => ganttRow(row, at, place))}<line class="now" x1="${percent(place(view.now))}" x2="${percent(place(view.now))}" y1="0" y2="${height}"></line><text class="axis axis-now" x="${percent(place(view.now))}" y="${height + 17}" text-anchor="middle">now</text></svg></div>`;
}

function ganttRow(row: GanttRow, at: number, place: (at: number) => number): Html {
  const top = at * ROW_HEIGHT + (ROW_HEIGHT - BAR_HEIGHT) / 2;
  const bars = row.bars
    .filter((bar) => place(bar.end) >= 0 && place(bar.start) <= 1)
    .map((bar) => {
      const from = Math.max(0, place(bar.start));
      const width = Math.max(0.007, Math.min(1, place(bar.end)) - from);
      const rect = html`<rect class="fill tone-${bar.tone} ${bar.many === true && 'fill-many'}" x="${percent(Math.min(from, 0.993))}" y="${top}" width="${percent(width)}" height="${BAR_HEIGHT}" rx="3"><title>${bar.title}</title></rect>`;
      return bar.href === undefined ? rect : html`<a href="${bar.href}" aria-label="${bar.title}">${rect}</a>`;
    });
  const next = (row.next ?? [])
    .filter((fires) => place(fires.to) >= 0 && place(fires.from) <= 1 - COMING_WIDTH)
    .map((fires) => comingMark(fires, top, place));
  return html`${bars}${next}`;
}

/** A mark is this part of the drawing at least, whatever its width in pixels: marks half an hour apart never touch. */
const COMING_WIDTH = 0.018;
/** The part of the drawing a word needs at the narrowest at which it shows; a narrower mark has its title alone. */
const WORD_WIDTH = 0.12;
const SHORT_WORD_WIDTH = 0.075;

function comingMark(fires: GanttFires, top: number, place: (at: number) => number): Html {
  const from = Math.max(0, place(fires.from));
  const width = Math.max(COMING_WIDTH, Math.min(1, place(fires.to)) - from);
  const { word, shortWord = word } = fires;
  const text = (name: string, words: string): Html =>
    html`<text class="coming-word ${name}" x="${percent(from + width / 2)}" y="${top + BAR_HEIGHT - 3}" text-anchor="middle" aria-hidden="true">${words}</text>`;
  const words = html`${word !== undefined && width >= WORD_WIDTH && text('coming-long', word)}${shortWord !== undefined && width >= SHORT_WORD_WIDTH && text(width >= WORD_WIDTH ? 'coming-short' : '', shortWord)}`;
  return html`<g class="${word !== undefined && 'coming-many'}"><rect class="coming" x="${percent(from)}" y="${top + 0.5}" width="${percent(width)}" height="${BAR_HEIGHT - 1}" rx="3"><title>${fires.title}</title></rect>${words}</g>`;
}

/** Whole hours of the zone, as many as fit. */
function ticksOf(from: number, to: number, zone: string): readonly number[] {
  const stepHours = [1, 2, 4, 6, 12, 24, 48].find((hours) => (to - from) / (hours * HOUR_MS) <= 8) ?? 96;
  const ticks: number[] = [];
  const quarter = HOUR_MS / 4;
  // Zones stand at quarter hours, so walking quarters finds every whole hour of any of them.
  for (let at = Math.ceil(from / quarter) * quarter; at <= to; at += quarter) {
    const [hour = 0, minute = 0] = formatMinute(at, zone).split(':').map(Number);
    if (minute === 0 && hour % Math.min(24, stepHours) === 0) ticks.push(at);
  }
  return ticks;
}
