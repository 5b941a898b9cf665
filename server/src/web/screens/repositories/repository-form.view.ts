/** Add and edit a repository: what it is, and the form its adapter describes. */
import { type Html, type HtmlValue, html } from '../../html.ts';
import { linkButton } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { type Field, type FieldOption, type FieldSection, form } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel, rows } from '../../ui/panel.ts';
import type { Urls } from '../../urls.ts';
import { type ChoiceSearch, searchedField } from '../forms/choice-search.view.ts';
import { formTestResult, type SaveAnyway, saveAnywayField, type TestResultView } from '../sources/source-test.view.ts';

export interface ChooseRepositoryView {
  urls: Urls;
  kinds: readonly { kind: string; label: string; summary: string }[];
}

export interface RepositoryFormView {
  action: string;
  cancelHref: string;
  crumbs: readonly Crumb[];
  heading: string;
  kindLabel: string;
  summary: string;
  name: { value: string; error?: string | undefined };
  runsAtOnce: { value: string; error?: string | undefined; most: number };
  sections: readonly FieldSection[];
  problem?: HtmlValue;
  /** Hosts that can be asked to open it; none has joined when it is empty. */
  hosts: readonly FieldOption[];
  host: { value: string | undefined; error?: string | undefined };
  hostSearch: ChoiceSearch | undefined;
  /** The directory lies on the host itself. */
  isLocal: boolean;
  test?: TestResultView | undefined;
  /** See `SourceFormView`. */
  anyway?: SaveAnyway | undefined;
  secretsGone: boolean;
  version?: number | undefined;
  isNew: boolean;
  /** A host has opened it: an address that leads elsewhere would be refused by its pinned id. */
  isPinned: boolean;
}

export function chooseRepositoryPage(shell: Shell, { urls, kinds }: ChooseRepositoryView): Html {
  return layout(shell, {
    title: 'Add repository',
    heading: 'Where should backups go?',
    lede: 'All of them hold the same: encrypted, deduplicated, readable with restic alone.',
    crumbs: [{ label: 'Repositories', href: urls.repositories() }, { label: 'Add repository' }],
    content: panel({
      content: rows(
        kinds.map(({ kind, label, summary }) => ({
          title: html`<a href="${urls.addRepository({ kind })}">${label}</a>`,
          detail: summary,
          action: linkButton({ href: urls.addRepository({ kind }), label: 'Choose', small: true }),
        })),
      ),
    }),
  });
}

const NO_HOST = 'No host has joined yet, so none can open it: it is saved without a test. Test it on its page once one has.';

export function testedFromField({ hosts, host, isLocal }: RepositoryFormView): Field {
  return {
    name: 'host',
    label: 'Tested from',
    kind: 'select',
    required: true,
    value: host.value,
    options: hosts,
    error: host.error,
    help: isLocal
      ? 'The directory lies on this host.'
      : 'A host that will back up to it opens it, read-only, before it is saved: what counts is the way from there.',
  };
}

function testedFrom(view: RepositoryFormView): FieldSection {
  if (view.hosts.length === 0) return { fields: [], content: callout({ tone: 'notice', text: NO_HOST }) };
  return { fields: [searchedField(testedFromField(view), view.hostSearch)] };
}

/** The form; a refused one takes its place. */
export function repositoryForm(view: RepositoryFormView): Html {
  const nameField: Field = {
    name: 'name',
    label: 'Name',
    kind: 'text',
    value: view.name.value,
    required: true,
    error: view.name.error,
    help: 'What it is called here, such as s3-eu.',
  };
  const limitField: Field = {
    name: 'runsAtOnce',
    label: 'Runs at the same time',
    kind: 'number',
    value: view.runsAtOnce.value,
    min: 1,
    max: view.runsAtOnce.most,
    unit: 'for each host',
    error: view.runsAtOnce.error,
    help: 'Runs of one host beyond it wait for their turn, for storage or a line that takes no more. Empty: as many as the host runs.',
  };
  const keepIt =
    view.isNew &&
    callout({
      tone: 'warning',
      text: html`Keep the repository password somewhere else as well. <strong>Without it nothing can be restored</strong>, by nobody.`,
    });
  return form({
    id: 'repository-form',
    inPlace: true,
    action: view.action,
    problem: view.problem,
    sections: [{ fields: [nameField] }, ...view.sections, { fields: [limitField] }, testedFrom(view)],
    hidden: view.version === undefined ? undefined : { version: view.version },
    outro: html`${keepIt}${formTestResult(view.test)}${view.anyway && saveAnywayField(view.anyway)}${
      view.secretsGone &&
      callout({ tone: 'notice', text: 'Passwords are never sent back to a browser: type them again before saving.' })
    }`,
    submit: { label: view.isNew && view.hosts.length > 0 ? 'Test and save' : 'Save', busy: 'Testing…' },
    cancelHref: view.cancelHref,
  });
}

export function repositoryFormPage(shell: Shell, view: RepositoryFormView): Html {
  const tested =
    view.hosts.length > 0 &&
    ` ${view.isNew ? 'It is tested from the host you name before it is saved' : 'A changed address or password is tested before it is saved'}; nothing is created there by that.`;
  return layout(shell, {
    title: view.heading,
    heading: view.heading,
    lede: view.kindLabel,
    crumbs: view.crumbs,
    content: html`<div class="stack">${
      view.isPinned &&
      callout({
        tone: 'notice',
        text: 'A host has opened this repository and its id is pinned: if the address leads to another repository, runs stop instead of filling the wrong one.',
      })
    }${panel({ content: html`<div class="stack"><p class="quiet">${view.summary}${tested}</p>${repositoryForm(view)}</div>` })}</div>`,
  });
}
