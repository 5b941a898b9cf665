/** The gallery's drawings: an invented fleet, the same on every visit. */
import { type Html, html } from '../html.ts';
import { type CalendarDay, calendarStrip, type GanttFires, type GanttRow, gantt, sparkline, stackedBar } from './charts.ts';
import { panel } from './panel.ts';
import { type Clockface, formatDate } from './time.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export function galleryCharts(face: Clockface): Html {
  const days: readonly CalendarDay[] = Array.from({ length: 90 }, (_, at) => {
    const date = formatDate(face.now - (89 - at) * DAY_MS, face.zone);
    if (at === 31 || at === 32) return { date, tone: 'unprotected', word: 'unprotected' };
    return at === 60 || at === 88 ? { date, tone: 'at-risk', word: 'at risk' } : { date, tone: 'protected', word: 'protected' };
  });
  const stored = Array.from({ length: 60 }, (_, at) => 900 + at * 8 + Math.sin(at / 6) * 40);
  const fleet = stackedBar({
    parts: [
      { count: 41, word: 'protected', tone: 'protected' },
      { count: 2, word: 'at risk', tone: 'at-risk' },
      { count: 1, word: 'unprotected', tone: 'unprotected' },
    ],
  });
  const night = gantt({
    rows: hostRows(face.now),
    from: face.now - 23 * HOUR_MS,
    to: face.now + 3 * HOUR_MS,
    now: face.now,
    zone: face.zone,
    label: 'Runs of the last 24 hours by host',
  });
  return html`${fleet}<div class="columns">${panel({ title: 'Last 24 hours', aside: html`<a href="#">all runs</a>`, content: night })}<div class="stack">${panel({ title: 'Stored', aside: '1.42 TiB · +9.1 GiB a week', content: sparkline({ values: stored, label: 'Stored bytes over 60 days, from 0.9 to 1.42 TiB' }) })}${panel(
    {
      title: '90 days',
      aside: '2 bad days',
      content: calendarStrip({ days, label: '90 days: 86 protected, 2 at risk, 2 unprotected' }),
    },
  )}</div></div>`;
}

function nextMark(label: string, row: number, now: number): GanttFires {
  const from = now + HOUR_MS * (0.4 + (row % 4) * 0.5);
  if (row !== 4) return { from, to: from, title: `${label}, once` };
  return { from, to: from + 2.2 * HOUR_MS, word: 'every 15 min', shortWord: '15 min', title: `${label} every 15 min: 9 fires` };
}

function hostRows(now: number): readonly GanttRow[] {
  const names = ['db-1.fra', 'db-2.fra', 'web-1', 'web-2', 'mail', 'files-with-a-rather-long-name', 'git', 'erp-prod'];
  return names.map((label, row) => ({
    label,
    href: '#',
    bars: [2, 7, 11, 16, 20, 22].map((hour, at) => {
      const start = now - (24 - hour) * HOUR_MS + row * 11 * 60_000;
      const minutes = 12 + ((row * 7 + at * 13) % 40);
      const tone = row === 1 && at === 3 ? 'unprotected' : row === 5 && at === 4 ? 'at-risk' : 'protected';
      return { start, end: Math.min(now, start + minutes * 60_000), tone, title: `${label}, ${minutes} min, ${tone}` } as const;
    }),
    next: [nextMark(label, row, now)],
  }));
}
