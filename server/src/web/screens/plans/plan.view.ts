/** One plan: what it does, when next, and what it has done. */
import { type Html, html } from '../../html.ts';
import { button, confirmButton, hiddenInputs, linkButton } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { type Fact, facts, panel, rows } from '../../ui/panel.ts';
import { type ProtectionState, protectionStatus } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { type HostBeginsView, hostBegins } from '../hosts/host-begins.view.ts';
import { liveText } from '../live-text.view.ts';
import { type BriefRunsView, runsBrief } from '../runs/runs.view.ts';
import { type SnapshotLine, snapshotsBrief } from '../snapshots/snapshots.view.ts';
import { type MissedFiresView, missedFiresPanel } from './missed-fires.view.ts';
import { type PlanCopiesView, planCopiesPanel } from './plan-copies.view.ts';
import { type PlanDrillsView, planDrillsPanel } from './plan-drills.view.ts';
import { type FiresView, firesList } from './plan-fires.view.ts';
import { type PlanRetentionView, planRetentionPanel } from './plan-retention.view.ts';

export type PlanSourceLine = {
  /** Unique in the page: an update keeps the focus where it is. */
  readonly id: string;
  readonly name: string;
  readonly href?: string | undefined;
  readonly host: string;
  readonly protection?: { readonly state: ProtectionState; readonly reason: string } | undefined;
};

export type ChannelLink = { readonly id: string; readonly name: string; readonly href: string };

/** Channels, by name. */
export type PlanListeners = {
  readonly failures: readonly ChannelLink[];
  /** Of each backup that succeeds. */
  readonly runs: readonly ChannelLink[];
  readonly channelsHref: string;
};

export type PlanView = {
  readonly face: Clockface;
  readonly crumbs: readonly Crumb[];
  readonly name: string;
  readonly heading: string;
  readonly lede: string;
  readonly enabled: boolean;
  readonly nextAt?: number | undefined;
  readonly sources: readonly PlanSourceLine[];
  readonly facts: readonly { readonly label: string; readonly value: string; readonly href?: string | undefined }[];
  readonly listeners: PlanListeners;
  readonly cron?: string | undefined;
  /** What differs from a plan nobody has changed, and how it all reads. */
  readonly options: {
    readonly facts: readonly { readonly label: string; readonly value: string }[];
    readonly words: readonly string[];
  };
  readonly missed: MissedFiresView;
  readonly fires: FiresView;
  /** Where hosts do not begin at the fires themselves. */
  readonly begins?: HostBeginsView | undefined;
  readonly runs: BriefRunsView;
  readonly allRunsHref: string;
  readonly snapshots: readonly SnapshotLine[];
  readonly allSnapshotsHref: string;
  readonly retention: PlanRetentionView;
  /** Undefined without a second repository. */
  readonly copies: PlanCopiesView | undefined;
  /** Undefined where it says nothing of drills. */
  readonly drills: PlanDrillsView | undefined;
  /** What keeps it from running as it should, each with nothing hidden. */
  readonly remarks: readonly string[];
  readonly runAction?: string | undefined;
  readonly manage?: { readonly editHref: string; readonly action: string; readonly deleteAction: string } | undefined;
};

export function planPage(shell: Shell, view: PlanView): Html {
  const side = html`<div class="stack">${firesPanel(view)}${view.drills !== undefined && planDrillsPanel(view.drills, view.face)}${factsPanel(view)}${optionsPanel(view)}${view.manage !== undefined && dangerPanel(view, view.manage)}</div>`;
  const main = html`<div class="stack">${sourcesPanel(view)}${missedFiresPanel(view.missed)}${panel({ title: 'Runs', flush: true, aside: html`<a href="${view.allRunsHref}">all runs</a>`, content: runsBrief(view.runs) })}${view.copies !== undefined && planCopiesPanel(view.copies, view.face)}${planRetentionPanel(view.retention)}${snapshotsPanel(view)}</div>`;
  return layout(shell, {
    title: view.name,
    crumbs: view.crumbs,
    heading: view.heading,
    lede: html`<span>${view.lede}</span>${nextFire(view)}`,
    actions: planActions(view),
    content: html`<div class="stack">${view.remarks.map((text) => callout({ tone: 'warning', text }))}<div class="columns">${main}${side}</div></div>`,
  });
}

/** What else than its runs changes with them: the countdown begins anew, and how its sources stand. */
const TOPICS = 'plans runs';
const live = (view: PlanView, id: string) => ({ id, live: { topic: TOPICS, url: view.runs.liveUrl } });

function nextFire(view: PlanView): Html {
  const content = view.nextAt !== undefined && html`next ${relativeTime(view.nextAt, view.face)}`;
  return liveText({ id: 'plan-next', topic: TOPICS, url: view.runs.liveUrl, content });
}

function planActions(view: PlanView): Html {
  const { manage, runAction } = view;
  return html`${
    manage !== undefined &&
    html`<form class="inline-form" method="post" action="${manage.action}">${hiddenInputs({ enabled: String(!view.enabled) })}${button({ label: view.enabled ? 'Pause' : 'Resume', icon: view.enabled ? 'pause' : 'play' })}</form>${linkButton({ href: manage.editHref, label: 'Edit' })}`
  }${
    runAction !== undefined &&
    html`<form class="inline-form" method="post" action="${runAction}">${button({ label: 'Run now', kind: 'primary' })}</form>`
  }`;
}

function sourcesPanel(view: PlanView): Html {
  const lines = view.sources.map((source) => ({
    id: source.id,
    ...(source.protection === undefined ? {} : { status: protectionStatus(source.protection.state) }),
    title: html`${source.host} / ${source.href === undefined ? source.name : html`<a href="${source.href}">${source.name}</a>`}`,
    ...(source.protection === undefined ? {} : { detail: source.protection.reason }),
  }));
  return panel({ ...live(view, 'plan-sources'), title: 'Backs up', aside: String(view.sources.length), content: rows(lines) });
}

function snapshotsPanel(view: PlanView): Html {
  const aside = html`<a href="${view.allSnapshotsHref}">all snapshots</a>`;
  const content =
    view.snapshots.length === 0
      ? html`<p class="quiet">None yet: the first clean run makes them.</p>`
      : snapshotsBrief('plan-snapshots', view.snapshots, view.face);
  return panel({ ...live(view, 'plan-newest'), title: 'Snapshots', aside, flush: view.snapshots.length > 0, content });
}

function firesPanel(view: PlanView): Html {
  const content = !view.enabled
    ? html`<p class="quiet">Paused: its schedule does not fire.</p>`
    : view.fires.words === undefined
      ? html`<p class="quiet">It runs only when somebody asks for it.</p>`
      : view.fires.problem !== undefined
        ? html`<p>${view.fires.problem}</p>`
        : html`<div class="stack">${firesList(view.fires, view.face)}${view.begins !== undefined && hostBegins(view.begins)}</div>`;
  return panel({ ...live(view, 'plan-coming'), title: 'Next', content });
}

function factsPanel(view: PlanView): Html {
  const pairs = view.facts.map((fact) => ({
    label: fact.label,
    value: fact.href === undefined ? fact.value : html`<a href="${fact.href}">${fact.value}</a>`,
  }));
  const cron = view.cron === undefined ? [] : [{ label: 'expression', value: html`<code class="mono">${view.cron}</code>` }];
  return panel({ title: 'Plan', content: facts([...pairs, ...cron, ...listenerFacts(view.listeners)]) });
}

function listenerFacts({ failures, runs, channelsHref }: PlanListeners): readonly Fact[] {
  const name = (channels: readonly ChannelLink[]) =>
    html`${channels.map(({ name, href }, place) => html`${place > 0 && ', '}<a href="${href}">${name}</a>`)}`;
  const nobody = html`<a href="${channelsHref}">nobody</a>`;
  return [
    { label: 'told when it fails', value: failures.length === 0 ? nobody : name(failures) },
    ...(runs.length === 0 ? [] : [{ label: 'told of each backup', value: name(runs) }]),
  ];
}

function optionsPanel({ options }: PlanView): Html {
  const words = html`<p class="quiet">${options.words.join(' ')}</p>`;
  const differing = options.facts.length === 0 ? html`<p class="quiet">Every option is as usual.</p>` : facts(options.facts);
  return panel({ title: 'Options', content: html`<div class="stack">${differing}${words}</div>` });
}

function dangerPanel(view: PlanView, manage: NonNullable<PlanView['manage']>): Html {
  return panel({
    title: 'Delete',
    tone: 'danger',
    content: confirmButton({
      id: 'delete-plan',
      label: 'Delete this plan…',
      kind: 'danger',
      confirm: {
        title: html`Delete the plan “${view.name}”?`,
        effect:
          'Nothing is backed up by it any more. Its runs stay in the list, and its snapshots stay in the repository and can be restored.',
        verb: 'Delete the plan',
        action: manage.deleteAction,
      },
    }),
  });
}
