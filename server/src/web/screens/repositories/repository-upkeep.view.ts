/** The upkeep of a repository: its last check and prune, its size over time, and what a person may order now. */
import { type Html, html } from '../../html.ts';
import { button, type Confirmation, confirmButton, linkButton, postButton } from '../../ui/button.ts';
import { sparkline } from '../../ui/charts.ts';
import { callout } from '../../ui/flash.ts';
import { type Field, type FieldSection, form, formField } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { figure, panel, type RowView, rows } from '../../ui/panel.ts';
import { formatBytes, formatNoun, formatSpan } from '../../ui/quantity.ts';
import { runStatus, status } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import { type HostPicks, hostPick } from './repository-hosts.view.ts';

/** A check or a prune, as one line tells it. */
export interface UpkeepRun {
  href: string;
  state: Parameters<typeof runStatus>[0];
  at: number;
  /** What it read, or what it freed. */
  what: string;
  /** Why it did not end clean. */
  problem: string | undefined;
}

export interface UpkeepView {
  urls: Urls;
  face: Clockface;
  repository: string;
  name: string;
  /** The newest of each, in whatever state; and of those that ended well. */
  check: UpkeepRun | undefined;
  prune: UpkeepRun | undefined;
  /** The newest check that came to its end found damage. */
  isDamaged: boolean;
  /** When the data was last read as a whole: the oldest reading that this rests on. */
  wholeAt: number | undefined;
  /** Oldest first; the last one is shown in numbers. */
  sizes: readonly { at: number; sizeBytes: number; snapshots: number; restoreBytes: number }[];
  hosts: HostPicks;
  /** What a check reads, as it was chosen. */
  scope: string;
  /** The part that a person is offered to read next. */
  nextPart: { part: number; of: number };
  /** Whether the kind knows a second credential, and whether there is one. */
  admin: 'none' | 'missing' | 'set';
  /** Runs in it that have not ended; empty for somebody who may not prune. */
  underWay: readonly { href: string; what: string }[];
  may: { check: boolean; manage: boolean };
}

const CHECK_FORM = 'check-form';

function checkForm(view: UpkeepView): Html {
  const { urls, repository, nextPart } = view;
  const scope = formField({
    name: 'scope',
    label: 'Read',
    kind: 'select',
    required: true,
    value: view.scope,
    options: [
      { value: 'structure', label: 'The structure: finds what is missing, reads no data' },
      { value: 'part', label: `The structure and part ${nextPart.part} of ${nextPart.of} of the data` },
      { value: 'everything', label: 'Everything: finds any altered byte, and takes its time' },
    ],
  });
  return html`<form id="${CHECK_FORM}" method="post" action="${urls.checkRepository({ repository })}"><input type="hidden" name="part" value="${nextPart.part}"><input type="hidden" name="of" value="${nextPart.of}"><div class="fields">${scope}${hostPick(view.hosts.check)}</div></form>`;
}

/** The question before a prune; `understood`: its runs under way are taken into account. */
export function askPrune(view: UpkeepView, understood = false): Confirmation {
  const { urls, repository, name, admin, underWay } = view;
  const going =
    underWay.length > 0 &&
    html`<p>Under way in it now:</p><ul>${underWay.map(({ href, what }) => html`<li><a href="${href}">${what}</a></li>`)}</ul><p>The prune waits for those of its own host until they end, and half an hour for those of others; then it fails.</p>`;
  const consent =
    underWay.length > 0 &&
    formField({
      name: 'understood',
      label: 'Prune although runs are under way',
      kind: 'checkbox',
      required: true,
      value: understood,
    });
  const effect = html`<div class="stack"><p>Data that no snapshot needs any more is removed from the storage for good. Every snapshot stays restorable. Backups into this repository wait until it is done.</p>${going}${
    admin === 'set' && html`<p>The host is given the admin credential with this one order.</p>`
  }</div>`;
  return {
    title: html`Prune ${name}?`,
    effect,
    verb: 'Prune',
    kind: 'primary',
    action: urls.pruneRepository({ repository }),
    fields: html`${hostPick(view.hosts.prune)}${consent}`,
  };
}

function toLine(run: UpkeepRun | undefined, face: Clockface, never: { title: string; detail: string }, title: string): RowView {
  const id = `upkeep-${title.toLowerCase()}`;
  if (run === undefined)
    return { id, status: status({ word: 'never', tone: 'quiet', icon: 'pause' }), title: never.title, detail: never.detail };
  return {
    id,
    status: runStatus(run.state),
    title: html`<a href="${run.href}">${title}: ${run.what}</a>`,
    detail: html`${relativeTime(run.at, face)}${run.problem !== undefined && html` · ${run.problem}`}`,
  };
}

const GROWTH_MS = 30 * 86_400_000;

/** How much it grew or shrank in 30 days, or since it was measured first; nothing for less than a day. */
function describeGrowth(sizes: UpkeepView['sizes']): string {
  const last = sizes.at(-1);
  const before = last && sizes.find(({ at }) => at >= last.at - GROWTH_MS);
  if (!last || !before || last.at - before.at < 86_400_000) return '';
  const bytes = last.sizeBytes - before.sizeBytes;
  const span = formatSpan(last.at - before.at);
  if (bytes === 0) return ` As much as ${span} before.`;
  return ` ${formatBytes(Math.abs(bytes))} ${bytes > 0 ? 'more' : 'less'} than ${span} before.`;
}

function sizePart({ sizes }: UpkeepView): Html {
  const last = sizes.at(-1);
  if (last === undefined)
    return html`<p class="quiet">Its size is not known yet. It is measured after each check and each prune, and as automatic maintenance says.</p>`;
  const times = last.sizeBytes > 0 ? last.restoreBytes / last.sizeBytes : 0;
  const gives = `Restored, its ${formatNoun(last.snapshots, 'snapshot')} would take ${formatBytes(last.restoreBytes)}`;
  const first = sizes[0] ?? last;
  const label = `Size over ${formatNoun(sizes.length, 'measurement')}: from ${formatBytes(first.sizeBytes)} to ${formatBytes(last.sizeBytes)}`;
  return html`${figure({
    value: formatBytes(last.sizeBytes),
    of: 'in storage',
    detail: `${times >= 1.1 ? `${gives}: ${times.toFixed(1)} times as much.` : `${gives}.`}${describeGrowth(sizes)}`,
  })}${sizes.length > 1 && sparkline({ values: sizes.map(({ sizeBytes }) => sizeBytes), label })}`;
}

function adminRow(view: UpkeepView): RowView {
  const { urls, repository } = view;
  const href = urls.adminCredential({ repository });
  if (view.admin === 'set')
    return {
      id: 'upkeep-admin',
      title: 'Only the admin credential removes',
      detail: 'Hosts remove nothing by themselves: automatic maintenance orders it, or a person does.',
      action: linkButton({ href, label: 'Change…', small: true }),
    };
  return {
    id: 'upkeep-admin',
    title: 'The everyday credential removes as well',
    detail: 'Where it may only add, give the repository an admin credential for retention and prunes.',
    action: linkButton({ href, label: 'Add…', small: true }),
  };
}

function damageNotice({ check }: UpkeepView): Html {
  const log = check !== undefined && html` <a href="${check.href}">What was found</a>`;
  return callout({
    tone: 'problem',
    text: html`Something in it cannot be read any more. Do not prune, and back up into another repository until it is mended.${log}`,
  });
}

/** Only for a repository that a host has opened. */
export function upkeepPanel(view: UpkeepView): Html {
  const { face, may, wholeAt } = view;
  const hasHosts = view.hosts.check.hosts.length > 0;
  const whole: RowView[] =
    wholeAt === undefined || view.isDamaged
      ? []
      : [
          {
            status: status({ word: 'readable', tone: 'protected', icon: 'check' }),
            title: 'All of its data was read',
            detail: relativeTime(wholeAt, face),
          },
        ];
  const acts = html`<div class="form-actions">${may.check && button({ label: 'Check now', attributes: { form: CHECK_FORM } })}${
    may.manage && confirmButton({ id: 'prune-repository', label: 'Prune now…', confirm: askPrune(view) })
  }</div>`;
  return panel({
    id: 'upkeep',
    title: 'Maintenance',
    content: html`<div class="stack">${view.isDamaged && damageNotice(view)}${sizePart(view)}${rows([
      toLine(
        view.check,
        face,
        { title: 'Not checked yet', detail: 'Nobody knows whether all of it can still be read.' },
        'Check',
      ),
      ...whole,
      toLine(view.prune, face, { title: 'Not pruned yet', detail: 'What retention removed still takes up space.' }, 'Prune'),
      ...(may.manage && view.admin !== 'none' ? [adminRow(view)] : []),
    ])}${hasHosts && may.check && checkForm(view)}${hasHosts && acts}</div>`,
  });
}

export interface AdminCredentialView {
  urls: Urls;
  repository: string;
  name: string;
  crumbs: readonly Crumb[];
  sections: readonly FieldSection[];
  problem: string | undefined;
  isSet: boolean;
  version: number;
}

export function adminCredentialPage(shell: Shell, view: AdminCredentialView): Html {
  const { urls, repository, name, isSet } = view;
  const body = form({
    id: 'admin-credential',
    action: urls.adminCredential({ repository }),
    problem: view.problem,
    sections: view.sections,
    hidden: { version: view.version },
    submit: { label: 'Save' },
    cancelHref: urls.repository({ repository }),
  });
  const remove = postButton({
    label: 'Remove it',
    kind: 'danger',
    action: urls.removeAdminCredential({ repository }),
  });
  return layout(shell, {
    title: `Admin credential of ${name}`,
    heading: 'Which credential may remove?',
    lede: name,
    crumbs: view.crumbs,
    content: html`<div class="stack">${callout({
      tone: 'notice',
      text: 'It stays on this server. A host is given it with one order to prune or to remove snapshots, keeps it in memory, and forgets it when that run has ended. Hosts then remove nothing by themselves.',
    })}${panel({
      content: html`<div class="stack"><p class="quiet">Fill in only what differs from the everyday credential. The repository’s own password is the same.</p>${body}</div>`,
    })}${
      isSet &&
      panel({
        title: 'Remove it',
        tone: 'danger',
        content: rows([
          {
            title: 'Only the everyday credential is left',
            detail: 'Hosts go by their plans’ retention by themselves again, as far as that credential may.',
            action: remove,
          },
        ]),
      })
    }</div>`,
  });
}

/** Fields of an admin credential are all optional, and say so by what an empty one means. */
export function toOptional(
  sections: readonly FieldSection[],
  everyday: (name: string) => string | undefined,
): readonly FieldSection[] {
  const toField = (field: Field): Field => ({
    ...field,
    required: false,
    placeholder: everyday(field.name) ?? field.placeholder,
  });
  return sections.map((section) => ({ ...section, fields: section.fields.map(toField) }));
}
