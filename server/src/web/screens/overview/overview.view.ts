/** The overview: is everything protected, and what needs a person? */
import { attrs, type Html, html } from '../../html.ts';
import { linkButton, onward, postButton } from '../../ui/button.ts';
import { type GanttRow, gantt, stackedBar } from '../../ui/charts.ts';
import { icon } from '../../ui/icons.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { facts, liveAttributes, panel, type RowView, rows } from '../../ui/panel.ts';
import { type ProgressFigures, progressBar } from '../../ui/progress.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { type HostState, hostStatus, type ProtectionState, protectionStatus, runStatus, type Tone } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { alertStatus, type Severity } from '../alerts/alerts.view.ts';
import { growthPanel, proofsPanel, stripPanel, type TrustView } from './overview-trust.view.ts';

export type Need = {
  /** Of what it is about, unique among the needs. */
  readonly id: string;
  readonly status: { readonly protection: ProtectionState } | { readonly host: HostState } | { readonly severity: Severity };
  readonly title: string;
  readonly href?: string | undefined;
  readonly detail: string;
  /** Shown in the fixed width of fingerprints. */
  readonly mono?: string | undefined;
  readonly act: { readonly label: string; readonly href: string };
};

export type GoingRun = {
  readonly id: string;
  readonly title: string;
  readonly href: string;
  readonly detail: string;
  readonly state: 'queued' | 'running' | 'finalizing' | 'unknown';
  readonly topic: string;
  readonly figures?: ProgressFigures | undefined;
};

export type FirstStep = {
  readonly title: string;
  readonly text: string;
  readonly done: boolean;
  readonly href: string;
  readonly label: string;
  /** The step is an act, not a page. */
  readonly posts?: boolean | undefined;
};

export type OverviewView = {
  readonly face: Clockface;
  readonly url: string;
  readonly heading: string;
  readonly lede: string;
  readonly shares: readonly { readonly count: number; readonly word: string; readonly tone: Tone }[];
  readonly addHostHref?: string | undefined;
  readonly needs: readonly Need[];
  /** Needs beyond those listed. */
  readonly moreNeeds: number;
  /** Alerts beyond those listed. */
  readonly moreAlerts: number;
  /** How many are open in all, as a sentence; undefined where none is. */
  readonly openAlerts?: string | undefined;
  readonly alertsHref: string;
  readonly sourcesHref: string;
  /** Undefined while there is nothing to show there. */
  readonly boardHref?: string | undefined;
  readonly going: readonly GoingRun[];
  /** Of all that run, as it is said: `12`, or `50+`. */
  readonly goingCount: string;
  readonly goingHref: string;
  readonly night: { readonly rows: readonly GanttRow[]; readonly from: number; readonly to: number; readonly left: number };
  readonly runsHref: string;
  readonly next: readonly { readonly id: string; readonly name: string; readonly href: string; readonly at: number }[];
  readonly totals: readonly { readonly label: string; readonly value: string; readonly href: string }[];
  readonly trust: TrustView;
  /** Where the first steps are taken one by one; undefined for those who may not. */
  readonly welcomeHref?: string | undefined;
  /** Until the first clean backup. */
  readonly steps: readonly FirstStep[];
};

export const OVERVIEW = { heading: 'overview-heading', lede: 'overview-lede', body: 'overview-body' } as const;
const TOPICS = 'overview hosts';

function live(view: OverviewView, id: string): ReturnType<typeof attrs> {
  return attrs({ id, ...liveAttributes({ topic: TOPICS, url: view.url }) });
}

export function overviewPage(shell: Shell, view: OverviewView): Html {
  return layout(shell, {
    title: 'Overview',
    heading: overviewHeading(view),
    lede: overviewLede(view),
    actions: html`${view.boardHref !== undefined && linkButton({ href: view.boardHref, label: 'Board' })}${
      view.addHostHref !== undefined && view.steps.length === 0 && linkButton({ href: view.addHostHref, label: 'Add host' })
    }`,
    content: overviewBody(view),
  });
}

export function overviewHeading(view: OverviewView): Html {
  return html`<span ${live(view, OVERVIEW.heading)}>${view.heading}</span>`;
}

export function overviewLede(view: OverviewView): Html {
  return html`<div ${live(view, OVERVIEW.lede)}>${view.lede}${view.shares.length > 0 && stackedBar({ parts: view.shares })}</div>`;
}

export function overviewBody(view: OverviewView): Html {
  const steps = view.steps.length > 0 && stepsPanel(view);
  const going = view.going.length > 0 && goingPanel(view);
  const main = html`<div class="stack">${steps}${needsPanel(view)}${going}${nightPanel(view)}</div>`;
  const side = html`<div class="stack">${proofsPanel(view.trust)}${nextPanel(view)}${growthPanel(view.trust)}${stripPanel(view.trust)}${totalsPanel(view)}</div>`;
  return html`<div class="columns" ${live(view, OVERVIEW.body)}>${main}${side}</div>`;
}

function stepsPanel(view: OverviewView): Html {
  const current = view.steps.findIndex((step) => !step.done);
  const lines = view.steps.map((step, at): RowView => {
    const kind = at === current && view.welcomeHref === undefined ? 'primary' : 'secondary';
    return {
      id: `step-${at + 1}`,
      status: html`<span class="status tone-${step.done ? 'protected' : 'quiet'}">${icon(step.done ? 'check' : 'queued')}<span>${step.done ? 'done' : at === current ? 'next' : 'later'}</span></span>`,
      title: `${at + 1}. ${step.title}`,
      detail: step.text,
      ...(step.done
        ? {}
        : {
            action:
              step.posts === true
                ? postButton({ action: step.href, label: step.label, kind })
                : linkButton({ href: step.href, label: step.label, kind }),
          }),
    };
  });
  const done = view.steps.filter((step) => step.done).length;
  return panel({
    title: 'First steps',
    aside: `${done} of ${view.steps.length}`,
    content: rows(lines),
    ...(view.welcomeHref === undefined
      ? {}
      : {
          foot: linkButton({
            href: view.welcomeHref,
            label: done === 0 ? 'Take me through them' : 'Go on with them',
            kind: 'primary',
          }),
        }),
  });
}

function needStatus({ status }: Need): Html {
  if ('host' in status) return hostStatus(status.host);
  return 'severity' in status ? alertStatus(status.severity, 'open') : protectionStatus(status.protection);
}

/** Only where no alert is open does nothing need anybody. */
function noNeeds({ openAlerts, alertsHref }: OverviewView): Html {
  return openAlerts === undefined
    ? html`<p class="check-line tone-protected">${icon('check')}<span>Nothing needs you now.</span></p>`
    : html`<p class="check-line tone-at-risk">${icon('warning')}<a href="${alertsHref}">${openAlerts}</a></p>`;
}

function needsPanel(view: OverviewView): Html | false {
  if (view.needs.length === 0) {
    const isSaid = view.steps.length === 0 || view.openAlerts !== undefined;
    return isSaid && panel({ title: 'Needs you', content: noNeeds(view) });
  }
  // One primary act: a host that waits, otherwise the gravest trouble; while there are first steps, the next of those.
  const waiting = view.needs.findIndex((need) => 'host' in need.status && need.status.host === 'pending');
  const first = view.steps.length > 0 ? -1 : Math.max(0, waiting);
  const lines = view.needs.map(
    (need, at): RowView => ({
      id: `need-${need.id}`,
      status: needStatus(need),
      title: need.href === undefined ? need.title : html`<a href="${need.href}">${need.title}</a>`,
      detail: html`${need.mono !== undefined && html`<span class="mono">${need.mono}</span> · `}${need.detail}`,
      action: linkButton({
        href: need.act.href,
        label: need.act.label,
        kind: at === first ? 'primary' : 'secondary',
      }),
    }),
  );
  const more = view.moreNeeds > 0 && onward({ href: view.sourcesHref, label: `${view.moreNeeds} more` });
  const alerts = view.moreAlerts > 0 && onward({ href: view.alertsHref, label: `${formatNoun(view.moreAlerts, 'more alert')}` });
  const foot = [more, alerts].filter((part) => part !== false);
  return panel({
    title: 'Needs you',
    aside: String(view.needs.length + view.moreNeeds + view.moreAlerts),
    content: rows(lines),
    ...(foot.length === 0 ? {} : { foot: html`${foot.map((part, at) => html`${at > 0 && ' · '}${part}`)}` }),
  });
}

function goingPanel(view: OverviewView): Html {
  const lines = view.going.map(
    (run): RowView => ({
      id: `going-${run.id}`,
      title: html`<a href="${run.href}">${run.title}</a>`,
      detail: run.detail,
      middle:
        run.state === 'running'
          ? html`<div id="progress-${run.id}" hx-morph-skip>${progressBar({ ...run.figures, label: run.title, topic: run.topic })}</div>`
          : runStatus(run.state),
    }),
  );
  return panel({
    title: 'Running now',
    aside: html`<a href="${view.goingHref}">${view.goingCount}</a>`,
    content: rows(lines),
  });
}

function nightPanel(view: OverviewView): Html | false {
  const { night, face } = view;
  if (night.rows.length === 0) return false;
  const left = night.left > 0 && `${night.left} more ${night.left === 1 ? 'host' : 'hosts'}`;
  return panel({
    title: 'Last 24 hours',
    aside: html`<a href="${view.runsHref}">all runs</a>`,
    content: gantt({
      rows: night.rows,
      from: night.from,
      to: night.to,
      now: face.now,
      zone: face.zone,
      label: 'Runs of the last 24 hours by host, and the next fires',
    }),
    ...(left === false ? {} : { foot: html`<span class="quiet">${left}: hosts with trouble come first.</span>` }),
  });
}

function nextPanel(view: OverviewView): Html {
  if (view.next.length === 0) return panel({ title: 'Next', content: html`<p class="quiet">No plan fires by itself.</p>` });
  return panel({
    title: 'Next',
    content: facts(
      view.next.map((fire) => ({
        id: `next-${fire.id}`,
        label: html`<a href="${fire.href}">${fire.name}</a>`,
        value: relativeTime(fire.at, view.face),
      })),
    ),
  });
}

function totalsPanel(view: OverviewView): Html {
  return panel({
    title: 'In all',
    content: facts(view.totals.map((total) => ({ label: total.label, value: html`<a href="${total.href}">${total.value}</a>` }))),
  });
}
