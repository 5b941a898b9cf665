/**
 * The rest of the gallery: each component in the states that its scenes do not show. Every list of states here names each one of its type, so
 * that a new one is on the page as soon as it compiles.
 */
import { type Html, html } from '../html.ts';
import { type ButtonKind, button, confirmButton, confirmPanel, linkButton } from './button.ts';
import { calendarStrip, gantt, sparkline, stackedBar } from './charts.ts';
import { copyLinesButton } from './copy.ts';
import { emptyState } from './empty.ts';
import { type Field, type FieldKind, form } from './form.ts';
import { shortenHex } from './hex.ts';
import { type LogLevel, logView } from './log.ts';
import { facts, figure, panel } from './panel.ts';
import { liveBrief, progressBar } from './progress.ts';
import { type StageState, stageBar } from './stages.ts';
import { badge, hostStatus, type Tone } from './status.ts';
import { filterChips, filterDays, pager, table, toolbar } from './table.ts';
import { type Clockface, dayTime, relativeTime, stampTime } from './time.ts';

const GIB = 1024 ** 3;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TOPIC = 'run:run_gallery';

/** The keys of a record that must have each of them. */
const listAll = <T extends string>(each: Readonly<Record<T, true>>): readonly T[] => Object.keys(each) as T[];

const BUTTONS = listAll<ButtonKind>({ primary: true, secondary: true, danger: true, quiet: true });
const TONES = listAll<Tone>({ protected: true, 'at-risk': true, unprotected: true, unknown: true, active: true, quiet: true });
const STAGES = listAll<StageState>({
  ...{ pending: true, running: true, succeeded: true, partial: true },
  ...{ failed: true, cancelled: true, skipped: true, unknown: true },
});
const LEVELS = listAll<LogLevel>({ debug: true, info: true, warn: true, error: true });
const FIELDS = listAll<Exclude<FieldKind, 'hidden'>>({
  ...{ text: true, password: true, number: true, select: true, multiselect: true },
  ...{ checkbox: true, textarea: true, paths: true, duration: true },
});

/** `face` is the clock all figures hang on; buttons lead to `action`. */
export function galleryStates(face: Clockface, action: string): Html {
  return html`<div class="halves">${buttons()}${statuses()}</div>${fields(action)}<div class="halves">${lists()}${times(face)}</div><div class="halves">${moving()}${drawings(face)}</div>${logs(face, action)}<div class="halves">${questions(action)}</div>`;
}

function buttons(): Html {
  const line = (kind: ButtonKind) => ({
    label: kind,
    value: html`<span class="cluster">${button({ kind, label: 'Act', type: 'button' })}${button({ kind, label: 'With its sign', icon: 'play', type: 'button' })}${button({ kind, label: 'Small', small: true, type: 'button' })}${button({ kind, label: 'Not now', disabled: true, type: 'button' })}${linkButton({ kind, label: 'A link', href: '#' })}</span>`,
  });
  return panel({ title: 'Buttons in each state', content: facts(BUTTONS.map(line)) });
}

function statuses(): Html {
  const host = (label: string, value: Html) => ({ label, value });
  return panel({
    title: 'Labels and hosts',
    content: facts([
      { label: 'badges', value: html`<span class="cluster">${TONES.map((tone) => badge(tone, tone))}</span>` },
      host('connected, and well', hostStatus('online', 'good')),
      host('connected, and something on it is broken', hostStatus('online', 'degraded')),
      host('connected, and not judged yet', hostStatus('online', 'unknown')),
    ]),
    foot: html`<span class="quiet">A panel with a foot.</span>`,
  });
}

type FieldState = 'plain' | 'wrong' | 'off';

function fieldOf(kind: Exclude<FieldKind, 'hidden'>, state: FieldState): Field {
  const isList = kind === 'multiselect' || kind === 'paths';
  return {
    name: `${kind}-${state}`,
    label: `${kind}, ${state}`,
    kind,
    required: true,
    help: state === 'plain' ? 'A word of help.' : undefined,
    error: state === 'wrong' ? 'must be something else' : undefined,
    disabled: state === 'off',
    value: kind === 'checkbox' ? true : isList ? ['one'] : kind === 'number' ? 1 : kind === 'password' ? undefined : 'one',
    options: [
      { value: 'one', label: 'One' },
      { value: 'two', label: 'Two', disabled: true },
    ],
  };
}

function fields(action: string): Html {
  const section = (state: FieldState, title: string, folded?: boolean) => ({
    title,
    folded,
    fields: FIELDS.map((kind) => fieldOf(kind, state)),
  });
  return panel({
    title: 'Fields in each state',
    content: form({
      action,
      submit: { label: 'Save', busy: 'Saving…' },
      sections: [
        section('plain', 'As they are offered'),
        section('off', 'That cannot be changed now'),
        section('wrong', 'With a word at each; what was folded away is open', true),
      ],
    }),
  });
}

function lists(): Html {
  const chip = (label: string, value: string) => ({ label, value, removeHref: '#' });
  const days = toolbar({ action: '#', label: 'Filter by days', controls: filterDays({ from: '2026-11-01' }) });
  const ordered = table<string>({
    id: 'gallery-ordered',
    caption: 'Ordered downwards',
    rows: ['the newest', 'the oldest'],
    sort: { column: 'age', direction: 'desc', href: () => '#' },
    columns: [
      { id: 'name', label: 'Name', primary: true, cell: (row) => row },
      { id: 'age', label: 'Age', sortable: true, align: 'end', cell: () => '1 h' },
      { id: 'act', label: 'Act', hideLabel: true, cell: () => button({ label: 'Open', small: true, type: 'button' }) },
    ],
  });
  return panel({
    title: 'Lists',
    content: html`<div class="stack">${days}${filterChips([chip('state', 'failed')], '#')}${filterChips([chip('state', 'failed'), chip('host', 'db-1.fra')], '#')}${ordered}${pager({ summary: '1–50 of 120', label: 'Pages, at the first', nextHref: '#' })}${pager({ summary: '51–100 of 120', label: 'Pages, in the middle', previousHref: '#', nextHref: '#' })}${pager({ summary: '101–120 of 120', label: 'Pages, at the last', previousHref: '#' })}${pager({ summary: '3 runs', label: 'Pages, only one' })}${emptyState({ title: 'Nothing fits these filters.' })}</div>`,
  });
}

function times(face: Clockface): Html {
  const { now } = face;
  const hash = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
  return panel({
    title: 'Times and numbers',
    content: html`<div class="stack">${figure({ value: '41 s' })}${facts([
      { label: 'just now', value: relativeTime(now, face) },
      { label: 'past', value: relativeTime(now - 26 * HOUR_MS, face) },
      { label: 'to come', value: relativeTime(now + 8 * 60_000, face) },
      { label: 'long ago', value: relativeTime(now - 200 * DAY_MS, face) },
      { label: 'never', value: relativeTime(undefined, face, 'never') },
      {
        label: 'by the day',
        value: html`${dayTime(now - HOUR_MS, face)} · ${dayTime(now - DAY_MS, face)} · ${dayTime(now + DAY_MS, face)}`,
      },
      { label: 'whole', value: stampTime(now, face) },
      { label: 'a long number', value: shortenHex(`begins with ${hash}`) },
    ])}</div>`,
  });
}

function moving(): Html {
  const stages = stageBar(
    STAGES.map((state, at) => ({
      name: `Stage ${at + 1}`,
      state,
      ...(state === 'pending' ? {} : { durationMs: 1000 * (at + 1) }),
    })),
  );
  const bars = [
    progressBar({ label: 'begins' }),
    progressBar({ label: 'without a total', doneBytes: GIB, bytesPerSecond: GIB / 16 }),
    progressBar({ label: 'about', doneBytes: GIB, totalBytes: 4 * GIB, estimated: true }),
    progressBar({ label: 'all of it', doneBytes: 4 * GIB, totalBytes: 4 * GIB, bytesPerSecond: GIB / 16, etaMs: 0 }),
  ];
  return panel({
    title: 'What goes on, in each state',
    content: html`<div class="stack">${stages}${bars}<p>In a sentence: ${liveBrief(TOPIC, '71 %, 1 m 19 s left')}</p></div>`,
  });
}

function drawings({ now, zone }: Clockface): Html {
  const parts = TONES.map((tone) => ({ tone, word: tone, count: 3 }));
  const bar = {
    start: now - 3 * HOUR_MS,
    end: now - 2 * HOUR_MS,
    tone: 'protected' as const,
    title: 'many, too close to be told apart',
    many: true,
  };
  return panel({
    title: 'Drawings',
    content: html`<div class="stack">${stackedBar({ parts })}${stackedBar({ parts: [] })}${calendarStrip({
      days: TONES.map((tone, at) => ({ date: `2026-11-0${at + 1}`, tone, word: tone })),
      label: 'a day of each tone',
    })}${sparkline({ values: [5, 5, 5], label: 'the same all the time' })}${sparkline({ values: [1], label: 'one value' })}${gantt(
      {
        rows: [{ label: 'db-1.fra', bars: [bar] }],
        from: now - 4 * HOUR_MS,
        to: now,
        now,
        zone,
        label: 'Many runs in one mark',
      },
    )}</div>`,
  });
}

function logs({ now, zone }: Clockface, action: string): Html {
  const id = 'gallery-log-levels';
  const lines = LEVELS.map((level, at) => ({ n: at + 1, at: now + at, level, text: `a line of the level ${level}` }));
  const whole = logView({ id, zone, lines, earlierHref: '#', laterHref: '#' });
  const waiting = logView({ id: 'gallery-log-waiting', zone, lines: [], topic: TOPIC, url: action });
  return html`<div class="halves">${panel({ title: 'A part of a log', aside: copyLinesButton({ log: id, label: 'the log' }), content: whole })}${panel({ title: 'Logs without a line', content: html`${waiting}${logView({ id: 'gallery-log-none', zone, lines: [] })}` })}</div>`;
}

function questions(action: string): Html {
  const plain = confirmButton({
    id: 'gallery-ask',
    label: 'Start a drill…',
    kind: 'primary',
    confirm: {
      title: 'Restore db-1.fra / app on trial?',
      effect: 'Takes about 41 s and 3.6 GiB.',
      verb: 'Start',
      kind: 'primary',
      action,
    },
  });
  const asked = confirmPanel({
    id: 'gallery-question',
    cancelHref: '#',
    confirm: { title: 'Delete s3-eu?', effect: 'Nothing in the bucket is removed.', verb: 'Delete', action, typedName: 's3-eu' },
  });
  return html`${panel({ title: 'A question that overwrites nothing', content: plain })}${asked}`;
}
