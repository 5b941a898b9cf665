/** A run's progress: a bar, and the figures that make it believable. */
import { attrs, type Html, html } from '../html.ts';
import { formatBytes, formatBytesOf, formatDuration, formatPercent, formatRate } from './quantity.ts';

export type ProgressView = {
  readonly label: string;
  /** The stream's topic (`run:run_…`); the bar then moves by itself. */
  readonly topic?: string | undefined;
  readonly doneBytes?: number | undefined;
  readonly totalBytes?: number | undefined;
  /** The total is an estimate (from earlier runs): it is said, and no percentage is. */
  readonly estimated?: boolean | undefined;
  readonly bytesPerSecond?: number | undefined;
  readonly etaMs?: number | undefined;
};

export type ProgressFigures = Omit<ProgressView, 'label' | 'topic'>;

/** What a host told, with the time that is left at the present rate. */
export function toProgressFigures(told: {
  readonly bytes: number;
  readonly totalBytes?: number | undefined;
  readonly bytesPerSecond: number;
}): ProgressFigures {
  const { bytes, totalBytes, bytesPerSecond } = told;
  const isMoving = totalBytes !== undefined && totalBytes > bytes && bytesPerSecond > 0;
  const etaMs = isMoving ? Math.round(((totalBytes - bytes) / bytesPerSecond) * 1000) : undefined;
  return { doneBytes: bytes, totalBytes, bytesPerSecond, etaMs };
}

/** For a title or a line of a list: `71 %, 1 m 19 s left`; undefined while no total is known. */
export function progressBrief(view: ProgressFigures): string | undefined {
  const ratio = ratioOf(view);
  if (ratio === undefined || view.estimated === true) return undefined;
  return [formatPercent(ratio), ...(view.etaMs === undefined ? [] : [formatTimeLeft(view.etaMs)])].join(', ');
}

function formatTimeLeft(ms: number): string {
  return ms < 10_000 ? 'a few seconds left' : `${formatDuration(ms)} left`;
}

/** From 0 to 1; undefined while no total is known. */
export function ratioOf(view: Pick<ProgressView, 'doneBytes' | 'totalBytes'>): number | undefined {
  if (view.doneBytes === undefined || view.totalBytes === undefined || view.totalBytes <= 0) return undefined;
  return Math.min(1, Math.max(0, view.doneBytes / view.totalBytes));
}

/** `71 % · 18.2 of 25.6 GiB · 96 MiB/s · 1 m 19 s left`. The stream sends this very text. */
export function progressText(view: ProgressFigures): string {
  const parts: string[] = [];
  const ratio = ratioOf(view);
  if (ratio !== undefined && view.estimated !== true) parts.push(formatPercent(ratio));
  if (view.doneBytes !== undefined) {
    parts.push(
      view.estimated === true && view.totalBytes !== undefined
        ? `${formatBytes(view.doneBytes)} of about ${formatBytes(view.totalBytes)}`
        : formatBytesOf(view.doneBytes, view.totalBytes),
    );
  }
  if (view.bytesPerSecond !== undefined) parts.push(formatRate(view.bytesPerSecond));
  if (view.etaMs !== undefined) parts.push(formatTimeLeft(view.etaMs));
  return parts.length === 0 ? 'starting' : parts.join(' · ');
}

export function progressBar(view: ProgressView): Html {
  const ratio = ratioOf(view);
  const value = ratio === undefined ? null : Math.round(ratio * 1000) / 10;
  return html`<div class="progress" ${attrs({ 'data-live-progress': view.topic })}><progress max="100" ${attrs({ value, 'aria-label': view.label })}></progress><span class="progress-text num">${progressText(view)}</span></div>`;
}

/** The brief words of a run that goes on, inside a sentence; they move with the stream. */
export function liveBrief(topic: string, brief: string): Html {
  return html`<span data-live-progress="${topic}"><span class="progress-brief num">${brief}</span></span>`;
}
