/** The people who may sign in: what each may do, and a new one. */
import { type Html, html } from '../../html.ts';
import { confirmButton, linkButton, postButton } from '../../ui/button.ts';
import { copyLine } from '../../ui/copy.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { type FieldOption, form, formField } from '../../ui/form.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { badge, type StatusView, status } from '../../ui/status.ts';
import { searchInput, table, toolbar } from '../../ui/table.ts';
import { type Clockface, relativeTime, stampTime } from '../../ui/time.ts';

export interface PersonLine {
  id: string;
  name: string;
  role: string;
  state: 'active' | 'waiting' | 'disabled';
  lastLoginAt?: number | undefined;
  linkExpiresAt?: number | undefined;
  /** Whoever looks at the page. */
  isSelf: boolean;
  roleAction: string;
  linkAction: string;
  disableAction: string;
  enableAction: string;
}

export interface PeopleView {
  /** The list as it is searched now. */
  here: string;
  page: string;
  settings: string;
  face: Clockface;
  heading: string;
  /** Nobody could let the only administrator in again. */
  isLoneAdmin: boolean;
  search?: string | undefined;
  people: readonly PersonLine[];
  /** The address just made: in this answer and never again. */
  fresh?: { name: string; address: string; expiresAt: number } | undefined;
  roles: readonly FieldOption[];
  add: {
    name: string;
    role: string;
    errors: Readonly<Record<string, string>>;
    problem?: string | undefined;
  };
}

export const PEOPLE_TABLE = 'people';

const STATES: Readonly<Record<PersonLine['state'], StatusView>> = {
  active: { word: 'active', tone: 'protected', icon: 'check' },
  waiting: { word: 'no password yet', tone: 'unknown', icon: 'question' },
  disabled: { word: 'disabled', tone: 'quiet', icon: 'pause' },
};

export function peoplePage(shell: Shell, view: PeopleView): Html {
  const bar = toolbar({
    action: view.page,
    label: 'Search people',
    target: PEOPLE_TABLE,
    controls: searchInput({ name: 'search', value: view.search, label: 'Search people' }),
  });
  return layout(shell, {
    title: 'People',
    heading: view.heading,
    lede: 'Everybody chooses their own password, at an address that works once. Nobody else ever knows it.',
    crumbs: [{ label: 'Settings', href: view.settings }, { label: 'People' }],
    content: html`<div class="stack">${view.fresh === undefined ? addPanel(view) : freshPanel(view, view.fresh)}<div>${bar}${panel({ flush: true, content: peopleTable(view), foot: view.isLoneAdmin && loneAdmin() })}</div></div>`,
  });
}

function loneAdmin(): Html {
  return html`<p class="quiet">Only one administrator can sign in. Should they lose their password, nobody here can let them in again: a second one can. Until then, <code>holdfast-server user link</code> on the server’s own machine does.</p>`;
}

function freshPanel({ page, face }: PeopleView, { name, address, expiresAt }: NonNullable<PeopleView['fresh']>): Html {
  return panel({
    title: html`An address for ${name}`,
    content: html`<div class="stack">${callout({ tone: 'notice', text: html`Copy it now and give it to ${name} alone: it is shown this once. Whoever opens it chooses their password. It works once, until ${stampTime(expiresAt, face)}.` })}${copyLine({ text: address, label: 'the address' })}</div>`,
    foot: linkButton({ href: page, label: 'I have copied it', small: true }),
  });
}

function addPanel({ page, add, roles }: PeopleView): Html {
  return panel({
    title: 'Somebody new',
    content: form({
      id: 'new-person',
      action: page,
      problem: add.problem,
      fields: [
        {
          name: 'name',
          label: 'Name',
          kind: 'text',
          required: true,
          value: add.name,
          help: 'They sign in with it, and the audit calls them so.',
          error: add.errors['name'],
        },
        {
          name: 'role',
          label: 'Role',
          kind: 'select',
          required: true,
          value: add.role,
          options: roles,
          error: add.errors['role'],
        },
      ],
      submit: { label: 'Create, and show the link' },
    }),
  });
}

export function peopleTable(view: PeopleView): Html {
  const { face, people, search } = view;
  return table<PersonLine>({
    id: PEOPLE_TABLE,
    caption: 'People',
    rows: people,
    rowId: (row) => `row-${row.id}`,
    live: { topic: 'people', url: view.here },
    columns: [
      { id: 'state', label: 'State', width: 'fit', cell: (row) => status(STATES[row.state]) },
      {
        id: 'name',
        label: 'Name',
        primary: true,
        cell: (row) => html`${row.name}${row.isSelf && html` ${badge('you')}`}`,
      },
      { id: 'role', label: 'Role', width: 'fit', cell: (row) => row.role },
      { id: 'seen', label: 'Last signed in', width: 'fit', cell: (row) => relativeTime(row.lastLoginAt, face, 'never') },
      {
        id: 'link',
        label: 'Link',
        width: 'fit',
        cell: (row) => row.linkExpiresAt !== undefined && html`ends ${relativeTime(row.linkExpiresAt, face)}`,
      },
      { id: 'act', label: 'Act', hideLabel: true, align: 'end', width: 'fit', cell: (row) => acts(row, view) },
    ],
    empty: emptyState({
      icon: 'person',
      title: search === undefined ? 'There is nobody yet.' : 'Nobody is called that.',
      ...(search === undefined ? {} : { action: linkButton({ href: view.page, label: 'Show everybody' }) }),
    }),
  });
}

function acts(row: PersonLine, view: PeopleView): Html {
  if (row.state === 'disabled') {
    return html`<div class="cluster">${roleButton(row, view)}${postButton({ action: row.enableAction, label: 'Enable', small: true })}</div>`;
  }
  return html`<div class="cluster">${roleButton(row, view)}${newLinkButton(row)}${disableButton(row)}</div>`;
}

function roleButton({ id, name, role, roleAction, isSelf }: PersonLine, { roles }: PeopleView): Html {
  const label = 'Role';
  const field = formField({
    name: 'role',
    label,
    kind: 'select',
    required: true,
    value: role,
    options: roles,
    attributes: { id: `role-of-${id}` },
  });
  return confirmButton({
    id: `role-${id}`,
    label: 'Role…',
    small: true,
    confirm: {
      title: html`What may ${name} do?`,
      effect: isSelf
        ? 'It holds from the next click on. You are changing your own role: with less of it you may not be able to take it back.'
        : 'It holds from their next click on.',
      fields: field,
      verb: 'Change the role',
      kind: 'primary',
      action: roleAction,
    },
  });
}

function newLinkButton({ id, name, state, linkAction }: PersonLine): Html {
  return confirmButton({
    id: `link-${id}`,
    label: 'New link…',
    small: true,
    confirm: {
      title: html`A new link for ${name}?`,
      effect:
        state === 'waiting'
          ? 'For when the first one was lost or has expired. An older link ends now.'
          : 'For when they forgot their password. The one they have works until they choose a new one; then all their sessions end. An older link ends now.',
      verb: 'Make a link',
      kind: 'primary',
      action: linkAction,
    },
  });
}

function disableButton({ id, name, isSelf, disableAction }: PersonLine): Html {
  return confirmButton({
    id: `disable-${id}`,
    label: 'Disable…',
    small: true,
    confirm: {
      title: html`Disable ${name}?`,
      effect: isSelf
        ? 'This is you: you are signed out at once, and somebody else has to enable you.'
        : 'All their sessions and their link end at once. What they did stays in the audit, under their name. They can be enabled again.',
      verb: 'Disable',
      action: disableAction,
    },
  });
}
