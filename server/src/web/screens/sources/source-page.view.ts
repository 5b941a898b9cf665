/** One source: whether it is protected, by which plans, what ran, and what can be done. */
import { type Html, type HtmlValue, html } from '../../html.ts';
import { confirmButton, linkButton, onward, postButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { facts, panel, rows } from '../../ui/panel.ts';
import { formatBytes, formatNoun } from '../../ui/quantity.ts';
import { badge, type HostState, hostStatus, type ProtectionState, protectionStatus, status } from '../../ui/status.ts';
import { type Clockface, relativeTime, stampTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import { type ProofView, proofPanel } from '../drills/proof.view.ts';
import { liveText } from '../live-text.view.ts';
import { type LastRunRow, lastRuns } from '../runs/last-runs.view.ts';
import { type HealthView, healthPanel } from './source-health.view.ts';
import { type TestResultView, testForm, testResult } from './source-test.view.ts';

export interface SourcePageView {
  urls: Urls;
  face: Clockface;
  id: string;
  name: string;
  enabled: boolean;
  kindLabel: string;
  what: string;
  host: { id: string; name: string; standing: HostState };
  protection: ProtectionState;
  reason: string;
  /** The config in the words of its form. */
  config: readonly { label: string; value: string }[];
  createdAt: number;
  updatedAt: number;
  plans: readonly { id: string; name: string; enabled: boolean; schedule: string | undefined }[];
  runs: readonly LastRunRow[];
  newestGood: { snapshot: string; at: number; bytes: number | undefined } | undefined;
  proof: ProofView | undefined;
  /** What its host sees at its regular looks; undefined before the first. */
  health: HealthView | undefined;
  /** How old its newest clean backup may be, and who says so: `24 h, of the plan nightly`. */
  objective: string | undefined;
  discoverable: boolean;
  test?: TestResultView | undefined;
  may: { manage: boolean; plan: boolean; restore: boolean };
}

export const SOURCE_PART_ID = 'source-part';
export const SOURCE_ANSWER_ID = 'source-answer';
export const SOURCE_LEDE_ID = 'source-lede';
const TOPICS = 'sources runs hosts';

export function sourcePage(shell: Shell, view: SourcePageView): Html {
  const { urls, id, may, host } = view;
  const discover =
    may.manage && view.discoverable && linkButton({ href: urls.discoverSources({ source: id }), label: 'Discover databases' });
  const edit = may.manage && linkButton({ href: urls.editSource({ source: id }), label: 'Edit' });
  const next =
    view.plans.length === 0
      ? may.plan && linkButton({ href: urls.addPlan({ sources: [id] }), label: 'Make a plan', kind: 'primary' })
      : view.newestGood !== undefined &&
        may.restore &&
        linkButton({ href: urls.restoreSnapshot({ snapshot: view.newestGood.snapshot }), label: 'Restore…', kind: 'primary' });
  return layout(shell, {
    title: view.name,
    heading: sourceAnswer(view),
    lede: sourceLede(view),
    crumbs: [
      { label: 'Sources', href: urls.sources() },
      { label: host.name, href: urls.host({ host: host.id }) },
      { label: view.name },
    ],
    actions: html`${edit}${discover}${next}`,
    content: html`<div class="stack">${sourcePart(view)}${may.manage && dangerZone(view)}</div>`,
  });
}

/** The page's answer; also served alone. */
export function sourceAnswer(view: SourcePageView): Html {
  const content = `${view.name} ${sayProtection(view.protection)}.`;
  return liveText({ id: SOURCE_ANSWER_ID, topic: TOPICS, url: addressOf(view), content });
}

export function sourceLede(view: SourcePageView): Html {
  const content = html`${protectionStatus(view.protection)} ${view.reason}`;
  return liveText({ id: SOURCE_LEDE_ID, topic: TOPICS, url: addressOf(view), content });
}

function addressOf({ urls, id }: SourcePageView): string {
  return urls.source({ source: id });
}

function sayProtection(state: ProtectionState): string {
  const words: Readonly<Record<ProtectionState, string>> = {
    protected: 'is protected',
    at_risk: 'is at risk',
    unprotected: 'is unprotected',
    unknown: 'is unknown until its host reports',
    paused: 'is paused',
  };
  return words[state];
}

/** What changes by itself, and the test. */
export function sourcePart(view: SourcePageView): Html {
  return html`<div class="columns" id="${SOURCE_PART_ID}" data-live="${TOPICS}" data-live-get="${addressOf(view)}"><div class="stack">${newestPanel(view)}${plansPanel(view)}${lastRuns({ runs: view.runs, allHref: view.urls.runs({ source: view.id }), none: 'No run yet.', urls: view.urls, face: view.face })}</div><div class="stack">${view.proof !== undefined && proofPanel(view.proof)}${view.enabled && view.plans.length > 0 && healthPanel({ health: view.health, hostName: view.host.name, face: view.face })}${configPanel(view)}${view.may.manage && testPanel(view)}</div></div>`;
}

function newestPanel({ newestGood, objective, urls, face, id }: SourcePageView): Html {
  if (newestGood === undefined)
    return panel({
      title: 'Newest good backup',
      content: html`<p class="quiet">None yet. A backup is good when every stage ended well and the snapshot could be read back.</p>`,
    });
  const { snapshot, at, bytes } = newestGood;
  return panel({
    title: 'Newest good backup',
    content: facts([
      { label: 'Made', value: html`${relativeTime(at, face)} · ${stampTime(at, face)}` },
      { label: 'Size when restored', value: formatBytes(bytes) },
      ...(objective === undefined ? [] : [{ label: 'Objective', value: objective }]),
      { label: 'Snapshot', value: html`<a href="${urls.snapshot({ snapshot })}">open</a>` },
    ]),
    foot: onward({ href: urls.snapshots({ source: id }), label: 'All snapshots' }),
  });
}

function plansPanel({ plans, urls, id, may }: SourcePageView): Html {
  if (plans.length === 0)
    return panel({
      title: 'Plans',
      content: emptyState({
        icon: 'shield',
        title: 'In no plan: nothing backs it up',
        text: 'A plan says where the backup goes and when.',
        action: may.plan ? linkButton({ href: urls.addPlan({ sources: [id] }), label: 'Make a plan' }) : undefined,
      }),
    });
  return panel({
    title: 'Plans',
    content: rows(
      plans.map((plan) => ({
        id: `row-${plan.id}`,
        title: html`<a href="${urls.plan({ plan: plan.id })}">${plan.name}</a>`,
        detail: plan.schedule ?? 'only by hand',
        action: plan.enabled ? undefined : status({ word: 'switched off', tone: 'quiet', icon: 'pause' }),
      })),
    ),
  });
}

function configPanel(view: SourcePageView): Html {
  const { urls, host, face } = view;
  const lines: { label: HtmlValue; value: HtmlValue }[] = [
    { label: 'Backed up from', value: html`<a href="${urls.host({ host: host.id })}">${host.name}</a>` },
    { label: 'Kind', value: html`${view.kindLabel}${!view.enabled && html` ${badge('switched off')}`}` },
    ...view.config,
    { label: 'Changed', value: relativeTime(view.updatedAt, face) },
  ];
  return panel({ title: 'What it is', content: facts(lines) });
}

function testPanel(view: SourcePageView): Html {
  const { urls, id, host } = view;
  const away =
    host.standing !== 'online' &&
    html`<p class="quiet">${host.name} is not connected, so it cannot be asked right now. ${hostStatus(host.standing)}</p>`;
  return panel({
    title: 'Does it work?',
    content: html`<p class="quiet">Connects from ${host.name} with what is saved and shows what the tool says.</p>${away}${testForm({ action: urls.testSource({ source: id }), label: 'Test the connection' })}${testResult(view.test)}`,
  });
}

/** What keeps it from being deleted, each leading to where it is taken out. */
function inTheWay({ plans, urls, may }: SourcePageView): Html {
  const href = (plan: string) => (may.plan ? urls.editPlan({ plan }) : urls.plan({ plan }));
  return html`${formatNoun(plans.length, 'plan')} ${plans.length === 1 ? 'stands' : 'stand'} in the way; take it out of ${plans.map(({ id, name }, place) => html`${place > 0 && ', '}<a href="${href(id)}">${name}</a>`)} first.`;
}

function dangerZone(view: SourcePageView): Html {
  const { urls, id, name, enabled, plans } = view;
  const toggle = postButton({
    action: urls.editSource({ source: id }),
    label: enabled ? 'Switch off' : 'Switch on',
    name: 'act',
    value: enabled ? 'disable' : 'enable',
  });
  const remove = confirmButton({
    id: 'delete-source',
    label: 'Delete…',
    kind: 'danger',
    disabled: plans.length > 0,
    confirm: {
      title: html`Delete ${name}?`,
      effect:
        'Its entry here is deleted, and its stored password with it. Its runs and snapshots stay, and so does everything in the repository.',
      verb: 'Delete the source',
      action: urls.deleteSource({ source: id }),
      typedName: name,
    },
  });
  return panel({
    title: 'Switch off or delete',
    tone: 'danger',
    content: rows([
      {
        title: enabled ? 'Switch off' : 'Switch on',
        detail: enabled
          ? 'Plans leave it out until it is switched on again.'
          : 'Its plans back it up again from the next time on.',
        action: toggle,
      },
      {
        title: 'Delete',
        detail: plans.length > 0 ? inTheWay(view) : 'Snapshots stay.',
        action: remove,
      },
    ]),
  });
}
