/** Whether a source answers its host: a status, a sentence, and the last looks as a strip. */
import type { SourceHealthState } from '@holdfast/shared/domain/source-health.ts';
import { type Html, html } from '../../html.ts';
import { calendarStrip } from '../../ui/charts.ts';
import { facts, panel } from '../../ui/panel.ts';
import { formatDuration, formatNoun } from '../../ui/quantity.ts';
import { type StatusView, status, type Tone } from '../../ui/status.ts';
import { type Clockface, formatRelative, formatStamp, relativeTime } from '../../ui/time.ts';

export type HealthState = SourceHealthState | 'unknown';

export interface HealthView {
  state: HealthState;
  since: number;
  lookedAt: number;
  /** In a row. */
  failures: number;
  latencyMs: number;
  failure?: string | undefined;
  /** Oldest first. */
  looks: readonly { at: number; state: SourceHealthState; latencyMs: number }[];
}

const STATES: Readonly<Record<HealthState, StatusView>> = {
  online: { word: 'online', tone: 'protected', icon: 'online' },
  degraded: { word: 'degraded', tone: 'at-risk', icon: 'warning' },
  offline: { word: 'offline', tone: 'unprotected', icon: 'offline' },
  unknown: { word: 'unknown', tone: 'unknown', icon: 'question' },
};
const TONES: Readonly<Record<SourceHealthState, Tone>> = {
  online: 'protected',
  degraded: 'at-risk',
  offline: 'unprotected',
};

/** For a line of a list: a word and its sign. */
export function healthStatus(state: HealthState): Html {
  return status(STATES[state]);
}

/** Databases answer within milliseconds. */
function formatLatency(ms: number): string {
  return ms < 1000 ? `${ms} ms` : formatDuration(ms);
}

function sayHealth({ state, since, lookedAt, failures }: HealthView, face: Clockface): Html {
  switch (state) {
    case 'online':
      return html`It answers; this began ${relativeTime(since, face)}.`;
    case 'degraded':
      return html`${failures === 1 ? 'The last look failed' : `The last ${failures} looks failed`}; from the third on it is offline.`;
    case 'offline':
      return html`It does not answer; this began ${relativeTime(since, face)}.`;
    case 'unknown':
      return html`Its host last looked ${relativeTime(lookedAt, face)}.`;
  }
}

function lookStrip({ looks }: HealthView, face: Clockface): Html {
  const bad = looks.filter(({ state }) => state !== 'online').length;
  const [oldest] = looks;
  const span = oldest === undefined ? '' : `, the oldest ${formatRelative(oldest.at, face)}`;
  const label = `${formatNoun(looks.length, 'look')} told of${span}; ${bad === 0 ? 'none failed' : `${bad} failed`}`;
  const days = looks.map(({ at, state, latencyMs }) => ({
    date: formatStamp(at, face.zone),
    tone: TONES[state],
    word: `${state}, ${formatLatency(latencyMs)}`,
  }));
  return html`${calendarStrip({ days, label })}<p class="quiet small">${label}.</p>`;
}

export function healthPanel(view: { health: HealthView | undefined; hostName: string; face: Clockface }): Html {
  const { health, hostName, face } = view;
  const title = 'Does it answer?';
  if (health === undefined)
    return panel({
      title,
      content: html`<p class="quiet">${hostName} looks at its sources every few minutes, as soon as a plan has them, and has not told of this one yet.</p>`,
    });
  const lines = [
    { label: 'Looked at', value: relativeTime(health.lookedAt, face) },
    { label: 'The look took', value: formatLatency(health.latencyMs) },
    ...(health.failure === undefined ? [] : [{ label: 'What was said', value: health.failure }]),
  ];
  return panel({
    title,
    content: html`<p>${status(STATES[health.state])} ${sayHealth(health, face)}</p>${lookStrip(health, face)}${facts(lines)}`,
  });
}
