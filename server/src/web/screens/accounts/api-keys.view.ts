/** Keys of programs: what each may do and until when, and a new one. */
import { type Html, html } from '../../html.ts';
import { confirmButton, linkButton } from '../../ui/button.ts';
import { copyLine } from '../../ui/copy.ts';
import { emptyState } from '../../ui/empty.ts';
import { callout } from '../../ui/flash.ts';
import { type FieldOption, form } from '../../ui/form.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { badge } from '../../ui/status.ts';
import { table } from '../../ui/table.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';

export interface ApiKeyLine {
  id: string;
  name: string;
  scopes: readonly string[];
  createdAt: number;
  lastUsedAt?: number | undefined;
  expiresAt?: number | undefined;
  state: 'valid' | 'expired' | 'revoked';
  revokeAction: string;
}

export interface ApiKeysView {
  here: string;
  settings: string;
  face: Clockface;
  keys: readonly ApiKeyLine[];
  /** The key just made: in this answer and never again. */
  fresh?: { name: string; token: string; scopes: readonly string[] } | undefined;
  add: {
    name: string;
    scopes: readonly string[];
    life: string;
    scopeOptions: readonly FieldOption[];
    lifeOptions: readonly FieldOption[];
    errors: Readonly<Record<string, string>>;
    problem?: string | undefined;
  };
}

export function apiKeysPage(shell: Shell, view: ApiKeysView): Html {
  return layout(shell, {
    title: 'API keys',
    heading: 'Programs that may ask.',
    lede: 'A key does what its scopes say, until it ends. Give each program one of its own, and no more than it needs.',
    crumbs: [{ label: 'Settings', href: view.settings }, { label: 'API keys' }],
    content: html`<div class="stack">${view.fresh === undefined ? addPanel(view) : freshPanel(view, view.fresh)}${listPanel(view)}</div>`,
  });
}

function freshPanel(view: ApiKeysView, fresh: NonNullable<ApiKeysView['fresh']>): Html {
  return panel({
    title: `The key “${fresh.name}”`,
    content: html`<div class="stack">${callout({ tone: 'notice', text: 'Copy it now: it is shown this once and kept only as a hash.' })}${copyLine({ text: fresh.token, label: 'the key' })}<p>It may: ${fresh.scopes.map((scope) => badge(scope))}</p></div>`,
    foot: linkButton({ href: view.here, label: 'I have copied it', small: true }),
  });
}

function addPanel({ here, add }: ApiKeysView): Html {
  return panel({
    title: 'A new key',
    content: form({
      id: 'new-key',
      action: here,
      problem: add.problem,
      fields: [
        {
          name: 'name',
          label: 'What for',
          kind: 'text',
          required: true,
          value: add.name,
          placeholder: 'deploy pipeline',
          error: add.errors['name'],
        },
        {
          name: 'scopes',
          label: 'What it may do besides reading',
          kind: 'multiselect',
          value: add.scopes,
          options: add.scopeOptions,
          help: 'Each key sees what a viewer sees. Nothing chosen: that is all it may.',
          error: add.errors['scopes'],
        },
        {
          name: 'life',
          label: 'Valid for',
          kind: 'select',
          required: true,
          value: add.life,
          options: add.lifeOptions,
          error: add.errors['life'],
        },
      ],
      submit: { label: 'Make the key' },
    }),
  });
}

function listPanel({ keys, face }: ApiKeysView): Html {
  return panel({
    title: 'Keys',
    aside: String(keys.length),
    flush: true,
    content: table<ApiKeyLine>({
      id: 'keys',
      caption: 'API keys',
      rows: keys,
      rowId: (row) => `row-${row.id}`,
      columns: [
        {
          id: 'name',
          label: 'Name',
          primary: true,
          cell: (row) => html`${row.name}${row.state !== 'valid' && html` ${badge(row.state)}`}`,
        },
        { id: 'scopes', label: 'May', cell: (row) => row.scopes.map((scope) => badge(scope)) },
        { id: 'made', label: 'Made', cell: (row) => relativeTime(row.createdAt, face) },
        {
          id: 'used',
          label: 'Last used',
          cell: (row) => (row.lastUsedAt === undefined ? 'never' : relativeTime(row.lastUsedAt, face)),
        },
        {
          id: 'ends',
          label: 'Ends',
          cell: (row) => (row.expiresAt === undefined ? 'never' : relativeTime(row.expiresAt, face)),
        },
        { id: 'act', label: 'Act', hideLabel: true, align: 'end', width: 'fit', cell: revokeButton },
      ],
      empty: emptyState({ icon: 'shield', title: 'No program has a key yet.' }),
    }),
  });
}

function revokeButton(row: ApiKeyLine): Html | false {
  if (row.state !== 'valid') return false;
  return confirmButton({
    id: `revoke-${row.id}`,
    label: 'Revoke…',
    small: true,
    confirm: {
      title: `Revoke the key “${row.name}”?`,
      effect: 'Whatever uses it is refused from now on. A revoked key never comes back.',
      verb: 'Revoke the key',
      action: row.revokeAction,
    },
  });
}
