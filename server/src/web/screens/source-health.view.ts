/** Whether a source answers its host: a status, a sentence, and the last looks as a strip. */
import type { SourceHealthView } from '../../core/source-health.ts';
import { type Html, html } from '../html.ts';
import { calendarStrip } from '../ui/charts.ts';
import { facts, panel } from '../ui/panel.ts';
import { formatDuration, formatNoun } from '../ui/quantity.ts';
import { type StatusView, status, type Tone } from '../ui/status.ts';
import { type Clockface, formatRelative, formatStamp, relativeTime } from '../ui/time.ts';

type HealthState = SourceHealthView['state'];

const STATES: Readonly<Record<HealthState, StatusView>> = {
  online: { word: 'online', tone: 'protected', icon: 'online' },
  degraded: { word: 'degraded', tone: 'at-risk', icon: 'warning' },
  offline: { word: 'offline', tone: 'unprotected', icon: 'offline' },
  unknown: { word: 'unknown', tone: 'unknown', icon: 'question' },
};
const TONES: Readonly<Record<Exclude<HealthState, 'unknown'>, Tone>> = {
  online: 'protected',
  degraded: 'at-risk',
  offline: 'unprotected',
};

function sayHealth({ state, since, lookedAt, failures }: SourceHealthView, face: Clockface): Html {
  switch (state) {
    case 'online':
      return html`It answers, since ${relativeTime(since, face)}.`;
    case 'degraded':
      return html`${failures === 1 ? 'The last look failed' : `The last ${failures} looks failed`}; from the third on it is offline.`;
    case 'offline':
      return html`It does not answer, since ${relativeTime(since, face)}.`;
    case 'unknown':
      return html`Nobody has told of it since ${relativeTime(lookedAt, face)}.`;
  }
}

function lookStrip({ looks }: SourceHealthView, face: Clockface): Html {
  const bad = looks.filter(({ state }) => state !== 'online').length;
  const [oldest] = looks;
  const span = oldest === undefined ? '' : `, the oldest ${formatRelative(oldest.at, face)}`;
  const label = `${formatNoun(looks.length, 'look')} told of${span}; ${bad === 0 ? 'none failed' : `${bad} failed`}`;
  const days = looks.map(({ at, state, latencyMs }) => ({
    date: formatStamp(at, face.zone),
    tone: TONES[state],
    word: `${state}, ${formatDuration(latencyMs)}`,
  }));
  return html`${calendarStrip({ days, label })}<p class="quiet small">${label}.</p>`;
}

export function healthPanel(view: { health: SourceHealthView | undefined; hostName: string; face: Clockface }): Html {
  const { health, hostName, face } = view;
  const title = 'Does it answer?';
  if (health === undefined)
    return panel({
      title,
      content: html`<p class="quiet">${hostName} looks at its sources every few minutes, as soon as a plan has them, and has not told of this one yet.</p>`,
    });
  const lines = [
    { label: 'Looked at', value: relativeTime(health.lookedAt, face) },
    { label: 'The look took', value: formatDuration(health.latencyMs) },
    ...(health.failure === undefined ? [] : [{ label: 'What was said', value: health.failure }]),
  ];
  return panel({
    title,
    content: html`<p>${status(STATES[health.state])} ${sayHealth(health, face)}</p>${lookStrip(health, face)}${facts(lines)}`,
  });
}
