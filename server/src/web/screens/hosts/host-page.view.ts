/** One host: how it stands, what it protects, what it ran, what it has, and what may be done to it. */
import type { HostCondition } from '@holdfast/shared/domain/ailments.ts';
import type { HostHealth } from '@holdfast/shared/domain/host-health.ts';
import { type Html, html } from '../../html.ts';
import { confirmButton, linkButton, onward, postButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout, type Flash } from '../../ui/flash.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { facts, panel, rows } from '../../ui/panel.ts';
import { formatCount, formatDuration, formatNoun } from '../../ui/quantity.ts';
import { badge, hostStatus, type ProtectionState, protectionStatus, status } from '../../ui/status.ts';
import { dayTime, relativeTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import { liveText } from '../live-text.view.ts';
import { type MissedFiresView, missedFiresPanel } from '../plans/missed-fires.view.ts';
import { type LastRunRow, lastRuns } from '../runs/last-runs.view.ts';
import { checksPanel } from './host-checks.view.ts';
import { type ClaimantRow, claimantsPanel } from './host-claimants.view.ts';
import { type DrainView, drainBanner, drainButton, drainStatus } from './host-drain.view.ts';
import { factsPanel, heartbeatPanel, type MachineView, toolsPanel } from './host-machine.view.ts';
import { type HostPlanRow, plansPanel } from './host-plans.view.ts';

export interface HostSourceRow {
  id: string;
  name: string;
  /** `PostgreSQL · app on 127.0.0.1:5432`. */
  what: string;
  protection: ProtectionState;
  reason: string;
  lastGoodAt: number | undefined;
}

export interface HostHappeningRow {
  at: number;
  level: 'info' | 'warn' | 'error';
  text: string;
  run: string | undefined;
}

export interface HostPageView extends MachineView {
  urls: Urls;
  here: string;
  id: string;
  name: string;
  condition: HostCondition;
  /** Why it is degraded. */
  ailments: readonly { name: string; text: string; isOfTools: boolean }[];
  tags: readonly string[];
  lastSeenAt: number | undefined;
  skewMs: number | undefined;
  skewLevel: 'good' | 'warn' | 'alert' | undefined;
  health: HostHealth;
  sources: readonly HostSourceRow[];
  /** By name. */
  plans: readonly HostPlanRow[];
  /** Where its plans keep what they make, by name. */
  repositories: readonly { id: string; name: string; href: string }[];
  runs: readonly LastRunRow[];
  missed: MissedFiresView;
  happenings: readonly HostHappeningRow[];
  claimants: readonly ClaimantRow[];
  /** Set while it takes no new runs. */
  drain: DrainView | undefined;
  /** How long a drain lasts unless another length is chosen. */
  drainMinutes: number;
  may: { approve: boolean; manage: boolean; addSources: boolean };
}

export const HOST_PART_ID = 'host-part';
export const HOST_ANSWER_ID = 'host-answer';
export const HOST_LEDE_ID = 'host-lede';

export function hostPage(shell: Shell, view: HostPageView): Html {
  const { urls, id, may } = view;
  return layout(shell, {
    title: view.name,
    heading: hostAnswer(view),
    lede: html`${hostLede(view)}${view.tags.map((tag) => html`<a href="${urls.hosts({ tag })}">${badge(tag)}</a>`)}`,
    crumbs: [{ label: 'Hosts', href: urls.hosts() }, { label: view.name }],
    actions: html`${may.manage && linkButton({ href: urls.editHost({ host: id }), label: 'Edit' })}${
      canDrain(view) &&
      drainButton({
        name: view.name,
        action: urls.drainHost({ host: id }),
        isDrained: view.drain !== undefined,
        minutes: view.drainMinutes,
      })
    }${
      canAddSource(view) && linkButton({ href: urls.addSource({ host: id }), label: 'Add source', kind: 'primary', icon: 'plus' })
    }`,
    content: html`<div class="stack">${hostPart(view)}${may.manage && dangerZone(view)}</div>`,
  });
}

function canAddSource({ may, standing }: HostPageView): boolean {
  return may.addSources && (standing === 'online' || standing === 'offline');
}

function canDrain({ may, standing }: HostPageView): boolean {
  return may.manage && (standing === 'online' || standing === 'offline');
}

/** The page's answer; also served alone. */
export function hostAnswer(view: HostPageView): Html {
  return liveText({ id: HOST_ANSWER_ID, topic: liveTopics(view), url: view.here, content: answerOf(view) });
}

export function hostLede(view: HostPageView): Html {
  const content = html`${hostStatus(view.standing, view.condition)}${view.drain !== undefined && html` ${drainStatus()}`} last seen ${relativeTime(view.lastSeenAt, view.face, 'never')}`;
  return liveText({ id: HOST_LEDE_ID, topic: liveTopics(view), url: view.here, content });
}

function liveTopics({ id }: HostPageView): string {
  return `hosts host:${id} sources runs`;
}

function answerOf(view: HostPageView): string {
  const { name, sources } = view;
  if (view.standing === 'revoked') return `${name} is revoked and cannot connect.`;
  if (view.standing === 'quarantined') return `${name} is quarantined.`;
  if (view.standing === 'offline') return view.lastSeenAt === undefined ? `${name} has not connected yet.` : `${name} is silent.`;
  if (view.condition === 'degraded')
    return `${name} is online and degraded: ${view.ailments.length === 1 ? 'something on it endangers' : `${formatCount(view.ailments.length)} things on it endanger`} its backups.`;
  if (view.drain !== undefined) return `${name} is online and drained: it takes no new runs.`;
  if (sources.length === 0) return `${name} is online and protects nothing yet.`;
  const good = sources.filter((source) => source.protection === 'protected').length;
  if (good === sources.length) return `${name} is online, and all it holds is protected.`;
  return `${name} is online, with ${formatCount(good)} of ${formatNoun(sources.length, 'source')} protected.`;
}

/** Everything that changes by itself; what the live update puts in its place. */
export function hostPart(view: HostPageView): Html {
  const warnings = hostWarnings(view);
  return html`<div id="${HOST_PART_ID}" class="stack" data-live="${liveTopics(view)}" data-live-get="${view.here}">${warnings.map(callout)}${drainNotice(view)}${view.standing === 'quarantined' && claimantsPanel({ claimants: view.claimants, chooseUrl: view.may.approve ? view.urls.chooseHostAgent({ host: view.id }) : undefined, face: view.face })}<div class="columns"><div class="stack">${sourcesPanel(view)}${plansPanel(view)}${missedFiresPanel(view.missed)}${lastRuns({ runs: view.runs, allHref: view.urls.runs({ host: view.id }), none: 'No run yet. A plan starts them, by schedule or by hand.', urls: view.urls, face: view.face })}${happeningsPanel(view)}</div><div class="stack">${checksPanel(view)}${keptPanel(view)}${factsPanel(view)}${heartbeatPanel(view)}${toolsPanel(view)}</div></div></div>`;
}

/** Where what it made lies. */
function keptPanel({ repositories, urls, id }: HostPageView): Html {
  const places =
    repositories.length === 0
      ? html`<span class="quiet">none: no plan has a source of it</span>`
      : html`${repositories.map(({ name, href }, place) => html`${place > 0 && ', '}<a href="${href}">${name}</a>`)}`;
  return panel({
    title: 'Backups',
    content: facts([
      { label: 'Snapshots', value: html`<a href="${urls.snapshots({ host: id })}">those of this host</a>` },
      { label: 'Runs', value: html`<a href="${urls.runs({ host: id })}">those of this host</a>` },
      { label: 'In no source', value: html`<a href="${urls.coverage({ host: id })}">what was found on it</a>` },
      { label: repositories.length === 1 ? 'Repository' : 'Repositories', value: places },
    ]),
  });
}

function drainNotice({ drain, face, may, urls, id }: HostPageView): Html | false {
  return drain !== undefined && drainBanner(drain, face, may.manage ? urls.resumeHost({ host: id }) : undefined);
}

const SILENT: Flash = {
  tone: 'notice',
  text: 'The agent keeps its schedule without this server and reports afterwards. Until then nothing here is shown as protected. On the host, look at: holdfast-agent status',
};

const SILENT_WITHOUT_SECRETS: Flash = {
  tone: 'warning',
  text: 'This host keeps no secrets, so nothing on it is backed up until it reaches this server again. Runs that come due wait as long as their plan’s grace. On the host, look at: holdfast-agent status',
};

const SPEC_TOO_BIG: Flash = {
  tone: 'problem',
  text: 'The settings of this host are more than it can be sent, so it works by older ones. Take sources off it, or shorten their lists of paths and certificates.',
};

function hostWarnings(view: HostPageView): readonly Flash[] {
  const warnings: Flash[] = [];
  if (view.standing === 'quarantined')
    warnings.push({
      tone: 'problem',
      text: 'Two agents used this identity at once: a copy of the machine or of its state. Neither is let in; both keep their schedule, and what they back up meanwhile is not shown. Say below which one is the host.',
    });
  if (view.standing === 'offline' && view.lastSeenAt !== undefined)
    warnings.push(view.secretsMode === 'kept' ? SILENT : SILENT_WITHOUT_SECRETS);
  return [...warnings, ...(view.condition === 'degraded' ? [degradedNotice(view)] : machineWarnings(view))];
}

/** All that is broken, in one place. */
function degradedNotice({ ailments, urls, id }: HostPageView): Flash {
  return {
    tone: 'problem',
    text: html`What makes it degraded:<ul>${ailments.map(({ name, text }) => html`<li><strong>${name}</strong>: ${text}</li>`)}</ul>`,
    ...(ailments.some(({ isOfTools }) => isOfTools)
      ? { action: html`<a href="${`${urls.host({ host: id })}#tools`}">See tools</a>` }
      : {}),
  };
}

/** Of a host that is not connected, or was not looked over yet, as far as it is known. */
function machineWarnings(view: HostPageView): readonly Flash[] {
  const { urls, id } = view;
  const warnings: Flash[] = [];
  if (view.standing === 'online' && view.spec.has < view.spec.wanted && view.spec.tooBig === true) warnings.push(SPEC_TOO_BIG);
  if (view.facts?.pdeathsig === false)
    warnings.push({
      tone: 'warning',
      text: 'On this host children outlive a killed agent, so a truncated dump could look good until the ledger is reconciled. Install util-linux with setpriv.',
    });
  if (view.skewMs !== undefined && view.skewLevel === 'alert')
    warnings.push({
      tone: 'warning',
      text: html`Its clock is ${formatDuration(Math.abs(view.skewMs))} ${view.skewMs > 0 ? 'ahead of' : 'behind'} this server’s. Schedules follow the host’s clock; let it keep time.`,
    });
  const missing = view.tools.filter((tool) => !tool.found);
  if (view.tools.length > 0 && missing.some((tool) => tool.tool === 'restic'))
    warnings.push({
      tone: 'problem',
      text: 'restic is missing: nothing on this host can be backed up.',
      action: html`<a href="${`${urls.host({ host: id })}#tools`}">See tools</a>`,
    });
  return warnings;
}

function sourcesPanel(view: HostPageView): Html {
  const { sources, urls, id, face } = view;
  if (sources.length === 0)
    return panel({
      title: 'Sources',
      content: emptyState({
        icon: 'database',
        title: 'Nothing on this host is protected',
        text: 'A source is a database or a set of folders. A plan then backs it up.',
        action: canAddSource(view) ? linkButton({ href: urls.addSource({ host: id }), label: 'Add source' }) : undefined,
      }),
    });
  return panel({
    title: 'Sources',
    aside: html`<a href="${urls.sources({ host: id })}">${formatNoun(sources.length, 'source')}</a>`,
    content: rows(
      sources.map((source) => ({
        id: `row-${source.id}`,
        status: protectionStatus(source.protection),
        title: html`<a href="${urls.source({ source: source.id })}">${source.name}</a>`,
        detail: html`${source.what}<br>${source.reason}`,
        action: relativeTime(source.lastGoodAt, face, 'never'),
      })),
    ),
  });
}

const LEVELS = {
  info: { word: 'info', tone: 'quiet', icon: 'info' },
  warn: { word: 'warning', tone: 'at-risk', icon: 'warning' },
  error: { word: 'error', tone: 'unprotected', icon: 'cross' },
} as const;

function happeningsPanel({ happenings, face, urls }: HostPageView): Html {
  return panel({
    title: 'Events',
    content:
      happenings.length === 0
        ? html`<p class="quiet">Nothing has happened yet.</p>`
        : rows(
            happenings.map((happening, place) => ({
              // Several can be of one instant: each is told by how many older ones are.
              id: `happening-${happening.at}-${happenings.slice(place + 1).filter(({ at }) => at === happening.at).length}`,
              status: status(LEVELS[happening.level]),
              title: happening.text,
              action: html`${happening.run !== undefined && html`<a href="${urls.run({ run: happening.run })}">run</a> · `}${dayTime(happening.at, face)}`,
            })),
          ),
  });
}

function dangerZone(view: HostPageView): Html {
  const { urls, id, name } = view;
  if (view.standing === 'revoked')
    return panel({
      title: 'Revoked',
      content: html`<p>This host cannot connect again with its old identity. Its runs and snapshots stay. To let the machine back in, remove the agent’s state directory on it and announce it anew.</p>${onward({ href: urls.addHost(), label: 'Add host' })}`,
    });
  const rotate = postButton({
    action: urls.rotateHostToken({ host: id }),
    label: 'Give a new token',
    disabled: view.standing !== 'online',
  });
  const revoke = confirmButton({
    id: 'revoke',
    label: 'Revoke…',
    kind: 'danger',
    confirm: {
      title: html`Revoke ${name}?`,
      effect: html`Its connection ends at once and it can never come back with this identity. ${view.sources.length > 0 && html`${formatNoun(view.sources.length, 'source')} on it will not be backed up any more. `}Runs, snapshots and what lies in repositories stay. The agent goes on with its schedule until it is stopped on the machine.`,
      verb: 'Revoke the host',
      action: urls.revokeHost({ host: id }),
      typedName: name,
    },
  });
  return panel({
    title: 'Access',
    tone: 'danger',
    content: rows([
      {
        title: 'New token',
        detail:
          view.standing === 'online'
            ? 'The old one works until the host has used the new one.'
            : 'Only while the host is online.',
        action: rotate,
      },
      { title: 'Revoke', detail: 'For a machine that is gone, stolen or copied.', action: revoke },
    ]),
  });
}
