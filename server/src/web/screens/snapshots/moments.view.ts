/** Snapshots of a source on a line of time. */
import { attrs, type Html, html } from '../../html.ts';
import type { Tone } from '../../ui/status.ts';
import { type Clockface, formatDate, formatDay } from '../../ui/time.ts';

/** One snapshot on the line. */
export type SnapshotPoint = {
  readonly at: number;
  readonly mark: 'proven' | 'good' | 'doubtful' | 'not_offered';
  /** `good, proven 3 days ago`. */
  readonly word: string;
  /** Where it leads; undefined where it must not. */
  readonly href?: string | undefined;
  readonly isChosen?: boolean | undefined;
};

const TONES: Readonly<Record<SnapshotPoint['mark'], Tone>> = {
  proven: 'protected',
  good: 'protected',
  doubtful: 'at-risk',
  not_offered: 'quiet',
};

/** Marks differ in form as well as in colour. */
function drawMark(mark: SnapshotPoint['mark'], x: string): Html {
  const tone = TONES[mark];
  if (mark === 'doubtful')
    return html`<rect class="fill tone-${tone} point-square" x="${x}" y="11" width="10" height="10" transform="translate(-5 0)"></rect>`;
  if (mark === 'not_offered') return html`<line class="point-gone" x1="${x}" x2="${x}" y1="11" y2="21"></line>`;
  return html`<circle class="tone-${tone} ${mark === 'proven' ? 'fill' : 'point-ring'}" cx="${x}" cy="16" r="5"></circle>`;
}

function drawPoint(point: SnapshotPoint, x: string, face: Clockface): Html {
  const title = `${formatDay(point.at, face)}, ${point.word}`;
  const inner = html`<title>${title}</title>${point.isChosen === true && html`<circle class="point-chosen" cx="${x}" cy="16" r="10"></circle>`}<circle class="point-reach" cx="${x}" cy="16" r="12"></circle>${drawMark(point.mark, x)}`;
  if (point.href === undefined) return html`<g>${inner}</g>`;
  return html`<a href="${point.href}" aria-label="${title}" ${attrs({ 'aria-current': point.isChosen === true ? 'true' : null })}>${inner}</a>`;
}

function timeLine(points: readonly SnapshotPoint[], face: Clockface): Html {
  const from = points[0]?.at ?? face.now;
  const span = Math.max(1, face.now - from);
  const place = (at: number) => `${Math.round((3 + Math.min(1, (at - from) / span) * 94) * 100) / 100}%`;
  const label = `${points.length} snapshots from ${formatDate(from, face.zone)} until now`;
  return html`<svg class="chart moments" role="group" aria-label="${label}" width="100%" height="52"><line class="grid" x1="0" x2="100%" y1="16" y2="16"></line>${points.map((point) => drawPoint(point, place(point.at), face))}<text class="axis" x="0" y="48">${formatDate(from, face.zone)}</text><text class="axis axis-now" x="100%" y="48" text-anchor="end">now</text></svg>`;
}

const LEGEND: readonly (readonly [SnapshotPoint['mark'], string])[] = [
  ['proven', 'proven by a drill'],
  ['good', 'good'],
  ['doubtful', 'partial, or of a suspicious size'],
  ['not_offered', 'not offered'],
];

function legend(points: readonly SnapshotPoint[]): Html {
  const shown = LEGEND.filter(([mark]) => points.some((point) => point.mark === mark));
  return html`<ul class="moments-legend quiet small">${shown.map(([mark, words]) => html`<li><svg class="chart" aria-hidden="true" viewBox="0 8 14 16" width="14" height="16">${drawMark(mark, '7')}</svg>${words}</li>`)}</ul>`;
}

/** The line with what its marks mean; the points rise in time. */
export function momentsLine(points: readonly SnapshotPoint[], face: Clockface): Html {
  return html`${timeLine(points, face)}${legend(points)}`;
}
