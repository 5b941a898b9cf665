/** What is done to a repository without being asked: who does it, what comes next, and what stands in its way. */
import type { Duty } from '@holdfast/shared/domain/routine.ts';
import { type Html, type HtmlValue, html } from '../../html.ts';
import { linkButton } from '../../ui/button.ts';
import { panel, type RowView, rows } from '../../ui/panel.ts';
import { formatSpan } from '../../ui/quantity.ts';
import { type StatusView, status } from '../../ui/status.ts';
import { type Clockface, dayTime, relativeTime } from '../../ui/time.ts';

export interface DutyView {
  duty: Duty;
  /** `Prune every 7 days`. */
  title: string;
  doneAt: number | undefined;
  dueAt: number;
  nextAt: number | undefined;
  /** Why it does not begin although it is due; undefined where nothing stands in its way. */
  wait: string | undefined;
  isOverdue: boolean;
  /** It may begin, and there is nothing to do. */
  idle?: string | undefined;
}

export interface RoutineView {
  /** Where the settings are changed; undefined for who may not. */
  editHref: string | undefined;
  face: Clockface;
  /** Undefined: it is kept up by hand. */
  routine:
    | {
        maintainer: { href: string; name: string } | undefined;
        isChosen: boolean;
        trouble: string | undefined;
        duties: readonly DutyView[];
        /** One line each; none: at any time. */
        windows: readonly string[];
        zone: string;
      }
    | undefined;
}

const PLANNED: StatusView = { word: 'planned', tone: 'quiet', icon: 'queued' };
const DUE: StatusView = { word: 'due', tone: 'active', icon: 'running' };
const WAITS: StatusView = { word: 'waits', tone: 'unknown', icon: 'pause' };
const OVERDUE: StatusView = { word: 'overdue', tone: 'at-risk', icon: 'warning' };

function toStatus({ dueAt, isOverdue, wait, idle }: DutyView, now: number): StatusView {
  if (isOverdue) return OVERDUE;
  if (now < dueAt || idle !== undefined) return PLANNED;
  return wait === undefined ? DUE : WAITS;
}

function toDetail(view: DutyView, face: Clockface): HtmlValue {
  const { doneAt, dueAt, nextAt, wait, idle } = view;
  const done = doneAt !== undefined && html` · last ${relativeTime(doneAt, face)}`;
  if (face.now < dueAt) return html`${nextAt === undefined ? 'not planned' : html`next ${dayTime(nextAt, face)}`}${done}`;
  if (idle !== undefined) return html`${idle}${done}`;
  const late = face.now - dueAt;
  const since = late < 60_000 ? 'due now' : html`due since ${formatSpan(late)}`;
  const next = nextAt !== undefined && nextAt > face.now && html`, next ${dayTime(nextAt, face)}`;
  return html`${since}${wait !== undefined && html`: ${wait}`}${next}${done}`;
}

function maintainerRow({ maintainer, isChosen, trouble }: NonNullable<RoutineView['routine']>): RowView {
  const isAway = trouble !== undefined;
  const title =
    maintainer === undefined
      ? isAway
        ? 'No host maintains it'
        : 'A host takes it over within minutes'
      : html`<a href="${maintainer.href}">${maintainer.name}</a> maintains it`;
  const stays = isChosen
    ? 'No other host takes over: it was chosen.'
    : 'Another host takes over when it is away for half an hour.';
  const ready: StatusView = { word: 'ready', tone: 'protected', icon: 'check' };
  return {
    id: 'maintainer',
    status: status(isAway ? WAITS : maintainer === undefined ? PLANNED : ready),
    title,
    detail: isAway ? html`Not now: ${trouble}. ${maintainer !== undefined && stays}` : stays,
  };
}

/** Beside the upkeep that people order. */
export function routinePanel(view: RoutineView): Html {
  const { face, routine, editHref } = view;
  const title = 'Automatic maintenance';
  if (routine === undefined)
    return panel({
      id: 'routine',
      title,
      content: rows([
        {
          id: 'by-hand',
          status: status({ word: 'off', tone: 'quiet', icon: 'pause' }),
          title: 'Checks and prunes run only when somebody starts them',
          detail: 'Damage is found, and space given back, only then.',
          action: editHref === undefined ? undefined : linkButton({ href: editHref, label: 'Turn on…', small: true }),
        },
      ]),
    });
  const { windows, zone } = routine;
  const items: RowView[] = [
    maintainerRow(routine),
    ...routine.duties.map((duty) => ({
      id: `duty-${duty.duty}`,
      status: status(toStatus(duty, face.now)),
      title: duty.title,
      detail: toDetail(duty, face),
    })),
  ];
  const when = windows.length === 0 ? 'Begins at any time.' : `Begins only ${windows.join('; ')} (${zone}).`;
  return panel({
    id: 'routine',
    title,
    aside: editHref !== undefined && linkButton({ href: editHref, label: 'Change…', small: true }),
    content: rows(items),
    foot: html`<span class="quiet">${when}</span>`,
  });
}
