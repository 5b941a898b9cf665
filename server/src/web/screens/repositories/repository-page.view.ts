/** One repository: where it is, who opened it, what lies in it; its test and, only when asked, its creation. */
import { type Html, type HtmlValue, html } from '../../html.ts';
import { confirmButton, linkButton, onward } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { facts, panel, rows } from '../../ui/panel.ts';
import { formatCount, formatNoun, formatSpan } from '../../ui/quantity.ts';
import { status } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import { liveText } from '../live-text.view.ts';
import { type TestResultView, testForm, testResult } from '../sources/source-test.view.ts';
import { type HostPick, hostPick } from './repository-hosts.view.ts';
import { type PasswordPanelView, passwordPanel } from './repository-password.view.ts';
import {
  locksPanel,
  repositoryAlertsPanel,
  repositoryStatus,
  type StandingView,
  type UsersView,
  usersPanel,
} from './repository-standing.view.ts';
import { type UpkeepView, upkeepPanel } from './repository-upkeep.view.ts';
import { type RoutineView, routinePanel } from './routine.view.ts';

export interface RepositoryPageView {
  urls: Urls;
  face: Clockface;
  id: string;
  name: string;
  kindLabel: string;
  where: string;
  config: readonly { label: string; value: string }[];
  engineId: string | undefined;
  /** Of each host; undefined for as many as the host runs. */
  runsAtOnce: number | undefined;
  testedFrom: { id: string; name: string } | undefined;
  updatedAt: number;
  standing: StandingView;
  users: UsersView;
  password: PasswordPanelView;
  snapshots: number;
  plans: readonly { id: string; name: string; enabled: boolean; schedule: string | undefined }[];
  testHost: HostPick;
  test?: TestResultView | undefined;
  /** Undefined while no host has opened it. */
  upkeep: UpkeepView | undefined;
  routine: RoutineView | undefined;
  may: { manage: boolean; plan: boolean; look: boolean };
}

export const REPOSITORY_PART_ID = 'repository-part';
export const REPOSITORY_ANSWER_ID = 'repository-answer';
const TOPICS = 'repositories plans runs hosts alerts';

export function repositoryPage(shell: Shell, view: RepositoryPageView): Html {
  const { urls, id, may } = view;
  const isReady = view.engineId !== undefined;
  return layout(shell, {
    title: view.name,
    heading: repositoryAnswer(view),
    lede: html`<span>${view.kindLabel}</span><code>${view.where}</code>`,
    crumbs: [{ label: 'Repositories', href: urls.repositories() }, { label: view.name }],
    actions: html`${may.manage && linkButton({ href: urls.editRepository({ repository: id }), label: 'Edit' })}${
      isReady &&
      view.plans.length === 0 &&
      may.plan &&
      linkButton({ href: urls.addPlan({ repository: id }), label: 'Make a plan', kind: 'primary' })
    }`,
    content: html`<div class="stack">${repositoryPart(view)}${may.manage && dangerZone(view)}</div>`,
  });
}

/** The page's answer; also served alone. */
export function repositoryAnswer(view: RepositoryPageView): Html {
  return liveText({ id: REPOSITORY_ANSWER_ID, topic: TOPICS, url: addressOf(view), content: answerOf(view) });
}

function addressOf({ urls, id }: RepositoryPageView): string {
  return urls.repository({ repository: id });
}

function answerOf({ name, engineId, snapshots, testedFrom, upkeep, standing, face }: RepositoryPageView): string {
  if (upkeep?.isDamaged) return `The last check of ${name} found damage.`;
  const [gravest] = standing.alerts;
  if (gravest !== undefined && gravest.severity !== 'notice') return `${gravest.title}.`;
  if (engineId === undefined) return `${name} has not been opened by any host yet.`;
  if (snapshots === 0) return `${name} is ready and empty.`;
  if (standing.standing === 'quiet')
    return standing.usedAt === undefined
      ? `Nobody knows whether ${name} works: no host has used it yet.`
      : `Nobody knows whether ${name} still works: it has not been used for ${formatSpan(face.now - standing.usedAt)}.`;
  return `${name} holds ${formatNoun(snapshots, 'snapshot')}${testedFrom === undefined ? '' : `, opened from ${testedFrom.name}`}.`;
}

function testPanel(view: RepositoryPageView): Html {
  const { urls, id, testHost } = view;
  const { hosts, search } = testHost;
  if (hosts.length === 0)
    return panel({
      title: 'Test it from a host',
      content: emptyState({
        icon: 'host',
        title: 'No host has joined yet',
        text: 'Only the hosts open repositories; this server never does.',
        action: linkButton({ href: urls.addHost(), label: 'Add host', kind: 'primary' }),
      }),
    });
  const isNext = view.engineId === undefined && view.test?.state !== 'missing';
  const anyOnline = hosts.some((host) => host.standing === 'online');
  return panel({
    id: 'test',
    title: isNext ? 'Next: test it from the host that will use it' : 'Test it from a host',
    content: html`<div class="stack"><p class="quiet">Opens it read-only and shows what the tool says. Nothing is created or changed.</p>${
      !anyOnline &&
      search === undefined &&
      callout({ tone: 'notice', text: 'No host is connected right now, so none can be asked.' })
    }${testForm({ action: urls.testRepository({ repository: id }), label: 'Test', content: html`<div class="fields">${hostPick(testHost)}</div>`, primary: isNext })}${testResult(view.test)}</div>`,
  });
}

/** What changes by itself, and the test. */
export function repositoryPart(view: RepositoryPageView): Html {
  return html`<div class="columns" id="${REPOSITORY_PART_ID}" data-live="${TOPICS}" data-live-get="${addressOf(view)}"><div class="stack">${repositoryAlertsPanel(view.standing, view.face)}${view.engineId === undefined && view.may.manage && testPanel(view)}${view.upkeep !== undefined && upkeepPanel(view.upkeep)}${view.routine !== undefined && routinePanel(view.routine)}${plansPanel(view)}${view.engineId !== undefined && view.may.manage && testPanel(view)}</div><div class="stack">${factsPanel(view)}${passwordPanel(view.password, view.face)}${usersPanel(view.users)}${locksPanel(view.users, view.face)}</div></div>`;
}

function plansPanel({ plans, urls, id, may, engineId }: RepositoryPageView): Html {
  if (plans.length === 0)
    return panel({
      title: 'Plans',
      content: emptyState({
        icon: 'shield',
        title: 'No plan uses it yet',
        text:
          engineId === undefined
            ? 'Test it first; then a plan can back up into it.'
            : 'A plan says what is backed up here, and when.',
        action:
          may.plan && engineId !== undefined
            ? linkButton({ href: urls.addPlan({ repository: id }), label: 'Make a plan' })
            : undefined,
      }),
    });
  return panel({
    title: 'Plans',
    aside: formatCount(plans.length),
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

function factsPanel(view: RepositoryPageView): Html {
  const { urls, id, face, engineId, testedFrom } = view;
  const { usedAt } = view.standing;
  const lines: { label: HtmlValue; value: HtmlValue }[] = [
    { label: 'State', value: repositoryStatus(view.standing) },
    ...(usedAt === undefined ? [] : [{ label: 'Last seen to work', value: relativeTime(usedAt, face) }]),
    { label: 'Kind', value: view.kindLabel },
    ...view.config,
    {
      label: 'Engine’s id',
      value:
        engineId === undefined
          ? html`<span class="quiet">not opened yet</span>`
          : html`<code title="${engineId}">${engineId.slice(0, 12)}</code>`,
    },
    {
      label: 'Last opened from',
      value:
        testedFrom === undefined
          ? html`<span class="quiet">no host yet</span>`
          : html`<a href="${urls.host({ host: testedFrom.id })}">${testedFrom.name}</a>`,
    },
    {
      label: 'Runs at once',
      value: view.runsAtOnce === undefined ? 'as many as each host runs' : `${formatCount(view.runsAtOnce)} of each host`,
    },
    { label: 'Changed', value: relativeTime(view.updatedAt, face) },
  ];
  return panel({
    title: 'What it is',
    content: facts(lines),
    foot: html`<div class="stack"><div>${onward({ href: urls.snapshots({ repository: id }), label: formatNoun(view.snapshots, 'snapshot') })}</div>${
      view.may.look &&
      engineId !== undefined &&
      html`<div>${onward({ href: urls.repositoryContents({ repository: id }), label: 'What it really holds' })}</div>`
    }</div>`,
  });
}

function dangerZone(view: RepositoryPageView): Html {
  const { urls, id, name, plans, snapshots } = view;
  const blocked =
    plans.length > 0
      ? `Used by ${plans.map((plan) => plan.name).join(', ')}.`
      : snapshots > 0
        ? `${formatNoun(snapshots, 'snapshot')} in it can still be restored.`
        : undefined;
  const remove = confirmButton({
    id: 'delete-repository',
    label: 'Remove…',
    kind: 'danger',
    disabled: blocked !== undefined,
    confirm: {
      title: html`Remove ${name} from Holdfast?`,
      effect: 'Its entry here is deleted, and its stored passwords with it. What lies in the repository is not touched.',
      verb: 'Remove it',
      action: urls.deleteRepository({ repository: id }),
      typedName: name,
    },
  });
  return panel({
    title: 'Remove',
    tone: 'danger',
    content: rows([
      {
        title: 'Remove from Holdfast',
        detail: blocked === undefined ? 'What lies in the repository itself stays.' : `Not now: ${blocked}`,
        action: remove,
      },
    ]),
  });
}
