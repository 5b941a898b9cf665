/** Add and edit a repository: what it is, and the form its adapter describes. */
import { type Html, html } from '../html.ts';
import { linkButton } from '../ui/button.ts';
import { callout } from '../ui/flash.ts';
import { type Field, type FieldSection, form } from '../ui/form.ts';
import { type Crumb, layout, type Shell } from '../ui/layout.ts';
import { panel, rows } from '../ui/panel.ts';
import type { Urls } from '../urls.ts';

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
  problem?: string | undefined;
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

export function repositoryFormPage(shell: Shell, view: RepositoryFormView): Html {
  const nameField: Field = {
    name: 'name',
    label: 'Name',
    kind: 'text',
    value: view.name.value,
    required: true,
    error: view.name.error,
    help: 'How it is called here, such as s3-eu.',
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
  const body = form({
    id: 'repository-form',
    action: view.action,
    problem: view.problem,
    sections: [{ fields: [nameField] }, ...view.sections, { fields: [limitField] }],
    hidden: view.version === undefined ? undefined : { version: view.version },
    outro:
      view.isNew &&
      callout({
        tone: 'warning',
        text: html`Keep the repository password somewhere else as well. <strong>Without it nothing can be restored</strong>, by nobody.`,
      }),
    submit: { label: view.isNew ? 'Save, then test' : 'Save' },
    cancelHref: view.cancelHref,
  });
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
    }${panel({ content: html`<div class="stack"><p class="quiet">${view.summary}${view.isNew && ' Saving creates nothing there: you test it next, from a host.'}</p>${body}</div>` })}</div>`,
  });
}
