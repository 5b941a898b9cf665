/** How a repository does, in a word with a sign: green only where something has lately shown that it works. */
import type { HostCondition } from '@holdfast/shared/domain/ailments.ts';
import { type Html, html } from '../../html.ts';
import { linkButton, onward } from '../../ui/button.ts';
import { panel, rows } from '../../ui/panel.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import { type HostState, hostStatus, type StatusView, status } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { alertStatus } from '../alerts/alerts.view.ts';

export interface RepositoryAlertLine {
  id: string;
  href: string;
  severity: 'notice' | 'warning' | 'critical';
  /** Beside a sign, such as `unreachable`. */
  word: string;
  title: string;
  text: string;
  since: number;
  /** Who sees to it, or until when it is put off. */
  handling: string | undefined;
}

export interface StandingView {
  /** `quiet`: opened once, and nothing has shown for long that it works. */
  standing: 'critical' | 'warning' | 'unopened' | 'quiet' | 'good';
  /** When it was last seen to work. */
  usedAt: number | undefined;
  /** The gravest first. */
  alerts: readonly RepositoryAlertLine[];
}

const GRAVE: Readonly<Record<'critical' | 'warning', StatusView>> = {
  critical: { word: 'in trouble', tone: 'unprotected', icon: 'cross' },
  warning: { word: 'needs a look', tone: 'at-risk', icon: 'warning' },
};
const UNOPENED: StatusView = { word: 'never opened', tone: 'at-risk', icon: 'question' };
const UNUSED: StatusView = { word: 'not used yet', tone: 'unknown', icon: 'question' };
const QUIET: StatusView = { word: 'not seen lately', tone: 'unknown', icon: 'question' };
const WORKS: StatusView = { word: 'works', tone: 'protected', icon: 'check' };

/** For a choice among them, what needs somebody first. */
export const STANDING_WORDS: Readonly<Record<StandingView['standing'], string>> = {
  critical: GRAVE.critical.word,
  warning: GRAVE.warning.word,
  unopened: UNOPENED.word,
  quiet: QUIET.word,
  good: WORKS.word,
};

export function repositoryStatus({ standing, usedAt, alerts }: StandingView): Html {
  if (standing === 'unopened') return status(UNOPENED);
  if (standing === 'quiet') return status(usedAt === undefined ? UNUSED : QUIET);
  if (standing === 'good') return status(WORKS);
  const [gravest] = alerts;
  const view = GRAVE[standing];
  return gravest === undefined ? status(view) : html`<a href="${gravest.href}">${status({ ...view, word: gravest.word })}</a>`;
}

/** The sign, what else is wrong, and when it was last seen to work. */
export function repositoryStatusCell(view: StandingView, face: Clockface): Html {
  const more = view.alerts.length - 1;
  const others = more > 0 && html`and ${formatNoun(more, 'more alert')} · `;
  const used = view.usedAt !== undefined && html`last used ${relativeTime(view.usedAt, face)}`;
  return html`${repositoryStatus(view)}${(others !== false || used !== false) && html`<br><span class="quiet">${others}${used}</span>`}`;
}

/** Nothing where nothing is wrong. */
export function repositoryAlertsPanel({ alerts }: StandingView, face: Clockface): Html | false {
  if (alerts.length === 0) return false;
  return panel({
    title: 'What is wrong',
    aside: alerts.length > 1 ? formatCount(alerts.length) : undefined,
    content: rows(
      alerts.map(({ id, href, severity, title, text, since, handling }) => ({
        id: `row-${id}`,
        status: alertStatus(severity, 'open'),
        title: html`<a href="${href}">${title}</a>`,
        detail: html`${text} · since ${relativeTime(since, face)}${handling !== undefined && html` · ${handling}`}`,
      })),
    ),
  });
}

export interface UsersView {
  hosts: readonly { id: string; name: string; href: string; standing: HostState; condition: HostCondition }[];
  total: number;
  plansHref: string;
  locks: { at: number; stuck: number; since: number | undefined; text: string | undefined } | undefined;
  /** Where they are looked at anew; undefined for those who are not allowed to. */
  locksHref: string | undefined;
}

/** Which hosts write to it. */
export function usersPanel(view: UsersView): Html | false {
  if (view.total === 0) return false;
  const more = view.total - view.hosts.length;
  return panel({
    title: 'Hosts that write to it',
    aside: formatCount(view.total),
    content: rows(
      view.hosts.map(({ id, name, href, standing, condition }) => ({
        id: `row-${id}`,
        title: html`<a href="${href}">${name}</a>`,
        action: hostStatus(standing, condition),
      })),
    ),
    foot: more > 0 ? onward({ href: view.plansHref, label: `${formatCount(more)} more, by their plans` }) : undefined,
  });
}

/** Locks that nobody renews, as they were last seen. */
export function locksPanel({ locks, locksHref }: UsersView, face: Clockface): Html | false {
  if (locks === undefined && locksHref === undefined) return false;
  const seen =
    locks === undefined
      ? html`<p class="quiet">Nobody has looked at its locks yet.</p>`
      : locks.stuck === 0
        ? html`<p>No lock was left behind when a host looked ${relativeTime(locks.at, face)}.</p>`
        : html`<p>${status(GRAVE.warning)} ${formatNoun(locks.stuck, 'lock')} that nobody renews${locks.since !== undefined && html`, since ${relativeTime(locks.since, face)}`}, seen ${relativeTime(locks.at, face)}.</p>${locks.text !== undefined && html`<p class="quiet">${locks.text}</p>`}`;
  return panel({
    title: 'Locks',
    content: html`<div class="stack">${seen}</div>`,
    foot: locksHref !== undefined && linkButton({ href: locksHref, label: 'Look at the locks…', small: true }),
  });
}
