/** Add and edit a source: where it is, what it is, and the form its adapter describes. */
import type { HostCondition } from '@holdfast/shared/domain/ailments.ts';
import { type Html, type HtmlValue, html } from '../../html.ts';
import { linkButton } from '../../ui/button.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { type Field, type FieldSection, form } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel, rows } from '../../ui/panel.ts';
import { formatCount } from '../../ui/quantity.ts';
import { type HostState, hostStatus, status } from '../../ui/status.ts';
import { searchInput, toolbar } from '../../ui/table.ts';
import type { Urls } from '../../urls.ts';
import { type FindView, findPanel } from './source-find.view.ts';
import { formTestResult, type SaveAnyway, saveAnywayField, type TestResultView, testButton } from './source-test.view.ts';

export interface HostChoice {
  id: string;
  name: string;
  standing: HostState;
  condition: HostCondition;
}

export interface KindChoice {
  kind: string;
  label: string;
  summary: string;
  /** Tools this host lacks for it. */
  missing: readonly string[];
}

export interface ChooseSourceView {
  urls: Urls;
  /** Undefined: the host is still to be chosen. */
  host: HostChoice | undefined;
  hosts: readonly HostChoice[];
  /** There are more hosts than shown. */
  more: boolean;
  /** A part of a host's name. */
  find: string | undefined;
  kinds: readonly KindChoice[];
  chosenKind: string | undefined;
}

export interface SourceFormView {
  urls: Urls;
  /** Where Save and Test go. */
  action: string;
  cancelHref: string;
  crumbs: readonly Crumb[];
  heading: string;
  host: HostChoice;
  kindLabel: string;
  summary: string;
  missing: readonly string[];
  name: { value: string; error?: string | undefined };
  sections: readonly FieldSection[];
  isNew: boolean;
  problem?: HtmlValue;
  test?: TestResultView | undefined;
  /** Offers to save what no test vouches for, and says why there is none; undefined while nothing stands against a test. */
  anyway?: SaveAnyway | undefined;
  /** Of a kind whose connection can list several. */
  find?: FindView | undefined;
  /** A test without JavaScript answers with a new page, which cannot hold typed secrets. */
  secretsGone: boolean;
  /** The version the form was read at, so that two people do not overwrite each other. */
  version?: number | undefined;
}

const ADD_CRUMBS = (urls: Urls): readonly Crumb[] => [{ label: 'Sources', href: urls.sources() }, { label: 'Add source' }];

export function chooseSourcePage(shell: Shell, view: ChooseSourceView): Html {
  const { urls, host } = view;
  return layout(shell, {
    title: 'Add source',
    heading: host === undefined ? 'Which host is it on?' : 'What is it?',
    lede:
      host === undefined
        ? 'A source is tested and backed up from its host.'
        : html`<span>on ${host.name}</span>${hostStatus(host.standing, host.condition)}`,
    crumbs: ADD_CRUMBS(urls),
    content: host === undefined ? hostChoice(view) : kindChoice(view, host),
  });
}

export const HOST_CHOICE_ID = 'host-choice';
/** Hosts that are found at a glance: of more one is searched for. */
const AT_A_GLANCE = 10;

function hostChoice(view: ChooseSourceView): Html {
  const { urls, hosts, find, chosenKind } = view;
  if (hosts.length === 0 && find === undefined)
    return html`<section class="panel">${emptyState({
      icon: 'host',
      title: 'No host has joined yet',
      text: 'The agent on a host reads the database or the folders. Add the host first.',
      action: linkButton({ href: urls.addHost(), label: 'Add host', kind: 'primary' }),
    })}</section>`;
  const bar =
    (hosts.length > AT_A_GLANCE || find !== undefined) &&
    toolbar({
      action: urls.addSource(),
      label: 'Find a host',
      target: HOST_CHOICE_ID,
      kept: chosenKind === undefined ? {} : { kind: chosenKind },
      controls: searchInput({ name: 'q', value: find, label: 'Name of the host' }),
    });
  return html`<section>${bar}${foundHosts(view)}</section>`;
}

/** The hosts alone; the search takes them from here. */
export function foundHosts({ urls, hosts, more, find, chosenKind }: ChooseSourceView): Html {
  const addressOf = ({ id }: HostChoice) => urls.addSource({ host: id, kind: chosenKind });
  const content =
    hosts.length === 0
      ? emptyState({
          icon: 'search',
          title: 'No host matches',
          action: linkButton({ href: urls.addSource({ kind: chosenKind }), label: 'Show all hosts' }),
        })
      : rows(
          hosts.map((host) => ({
            status: hostStatus(host.standing, host.condition),
            title: html`<a href="${addressOf(host)}">${host.name}</a>`,
            action: linkButton({ href: addressOf(host), label: 'Choose', small: true }),
          })),
        );
  const count = `${more ? 'the first ' : ''}${formatCount(hosts.length)}${find === undefined ? '' : ' that fit'}`;
  const hint = more && html`<span class="quiet">There are more: search for a part of the name.</span>`;
  const whole = panel({ title: 'Hosts', aside: count, content, ...(hint === false ? {} : { foot: hint }) });
  return html`<div id="${HOST_CHOICE_ID}">${whole}</div>`;
}

function kindChoice({ urls, kinds }: ChooseSourceView, host: HostChoice): Html {
  return panel({
    content: rows(
      kinds.map((kind) => ({
        title: html`<a href="${urls.addSource({ host: host.id, kind: kind.kind })}">${kind.label}</a>`,
        detail: html`${kind.summary}${kind.missing.length > 0 && html`<br>${missingTools(kind.missing)}`}`,
        action: linkButton({ href: urls.addSource({ host: host.id, kind: kind.kind }), label: 'Choose', small: true }),
      })),
    ),
  });
}

function missingTools(missing: readonly string[]): Html {
  return status({
    word: `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing on this host`,
    tone: 'at-risk',
    icon: 'warning',
  });
}

/** The form; a refused one takes its place. */
export function sourceForm(view: SourceFormView): Html {
  const nameField: Field = {
    name: 'name',
    label: 'Name',
    kind: 'text',
    value: view.name.value,
    required: true,
    error: view.name.error,
    help: 'What it is called here, unique on its host.',
  };
  return form({
    id: 'source-form',
    inPlace: true,
    action: view.action,
    problem: view.problem,
    sections: [{ fields: [nameField] }, ...view.sections],
    hidden: view.version === undefined ? undefined : { version: view.version },
    outro: html`${formTestResult(view.test)}${view.anyway && saveAnywayField(view.anyway)}${
      view.secretsGone &&
      callout({ tone: 'notice', text: 'Passwords are never sent back to a browser: type them again before saving.' })
    }`,
    submit: { label: view.isNew ? 'Test and save' : 'Save', busy: 'Testing…' },
    extra: testButton(view.action),
    cancelHref: view.cancelHref,
    after: view.find && findPanel(view.find),
  });
}

export function sourceFormPage(shell: Shell, view: SourceFormView): Html {
  const { urls, host } = view;
  return layout(shell, {
    title: view.heading,
    heading: view.heading,
    lede: html`<span>${view.kindLabel} on ${host.name}</span>${hostStatus(host.standing, host.condition)}`,
    crumbs: view.crumbs,
    content: html`<div class="stack">${
      view.missing.length > 0 &&
      callout({
        tone: 'warning',
        text: html`<strong>${view.missing.join(', ')}</strong> is missing on ${host.name}; without it this source cannot be backed up.`,
        action: html`<a href="${`${urls.host({ host: host.id })}#tools`}">How to get it</a>`,
      })
    }${panel({
      content: html`<div class="stack"><p class="quiet">${view.summary} ${view.isNew ? 'It is tested' : 'Changed settings are tested'} from ${host.name} before ${view.isNew ? 'it is' : 'they are'} saved.</p>${sourceForm(view)}</div>`,
    })}</div>`,
  });
}
