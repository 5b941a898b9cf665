/** Add host: the line to run, a token for machines nobody watches, and the wait for the announcement. */
import { type Html, html } from '../../html.ts';
import { confirmButton, linkButton } from '../../ui/button.ts';
import { copyLine } from '../../ui/copy.ts';
import { callout } from '../../ui/flash.ts';
import { type Field, type FieldOption, type FieldSection, form } from '../../ui/form.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { panel, rows } from '../../ui/panel.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { badge } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import { type ChoiceSearch, isSearched, searchedField } from '../forms/choice-search.view.ts';
import { type PendingView, pendingHosts } from './host-pending.view.ts';

export interface EnrolmentTokenRow {
  id: string;
  note: string;
  tags: readonly string[];
  hostname: string | undefined;
  paths: readonly string[];
  usesLeft: number;
  expiresAt: number;
}

export interface AddHostView {
  urls: Urls;
  face: Clockface;
  /** Where agents reach this server. */
  serverUrl: string;
  pending: PendingView;
  /** Whether the person may make enrolment tokens. */
  mayEnrol: boolean;
  tokens: readonly EnrolmentTokenRow[];
  /** The token just made: in this answer and never again. */
  fresh?: { token: string; uses: number; expiresAt: number } | undefined;
  /** Plans that a first source can join. */
  plans: readonly FieldOption[];
  /** Where there are more than the select offers. */
  planSearch: ChoiceSearch | undefined;
  tokenForm: { values: Readonly<Record<string, string>>; errors: Readonly<Record<string, string>>; problem?: string | undefined };
}

export const TOKEN_LIVES = [
  { value: '1', label: '1 hour' },
  { value: '24', label: '1 day' },
  { value: '168', label: '7 days' },
] as const;

export function addHostPage(shell: Shell, view: AddHostView): Html {
  const { urls } = view;
  return layout(shell, {
    title: 'Add host',
    heading: 'Run one line on the new host.',
    lede: 'The agent calls this server; no port is opened on the host.',
    crumbs: [{ label: 'Hosts', href: urls.hosts() }, { label: 'Add host' }],
    content: html`<div class="columns"><div class="stack">${announcePanel(view)}${pendingHosts(view.pending)}</div><div class="stack">${tokenPanel(view)}${tokenList(view)}</div></div>`,
  });
}

function announcePanel({ serverUrl }: AddHostView): Html {
  return panel({
    title: 'Announce and approve',
    content: html`<p>On the host, as the user that may read what is to be backed up:</p>${copyLine({ text: `holdfast-agent run --server ${quoteWord(serverUrl)}`, label: 'the command' })}<p class="quiet">It prints six words and waits. Compare them with the ones below, then approve.</p>`,
  });
}

function tokenPanel(view: AddHostView): Html {
  const { fresh, face, serverUrl, urls } = view;
  if (fresh !== undefined) {
    return panel({
      title: 'The enrolment token',
      content: html`<div class="stack">${callout({ tone: 'notice', text: 'Copy it now: it is shown this once and kept only as a hash.' })}${copyLine({ text: fresh.token, label: 'the token' })}<p>Whoever has it joins without being asked. Run on each host:</p>${copyLine(
        {
          text: `HOLDFAST_ENROLL_TOKEN=${fresh.token} holdfast-agent run --server ${quoteWord(serverUrl)}`,
          label: 'the command',
        },
      )}<p class="quiet">For ${formatNoun(fresh.uses, 'host')}, ends ${relativeTime(fresh.expiresAt, face)}. For unattended installs, put the token in a file and name it in <code>HOLDFAST_ENROLL_TOKEN_FILE</code>.</p></div>`,
      foot: linkButton({ href: urls.addHost(), label: 'I have copied it', small: true }),
    });
  }
  if (!view.mayEnrol)
    return panel({
      title: 'Without waiting',
      content: html`<p class="quiet">An administrator can make enrolment tokens for machines nobody watches.</p>`,
    });
  return panel({
    title: 'Without waiting',
    content: html`<p class="quiet">For machines nobody watches: a token lets hosts join at once, without your approval.</p>${form(
      {
        id: 'enrolment-token',
        action: urls.enrolmentTokens(),
        fields: tokenFields(view),
        sections: [preparation(view)],
        problem: view.tokenForm.problem,
        submit: { label: 'Make a token', kind: 'secondary' },
      },
    )}`,
  });
}

function tokenFields({ tokenForm }: AddHostView): readonly Field[] {
  const { values, errors } = tokenForm;
  const fields: readonly Field[] = [
    { name: 'note', label: 'What for', kind: 'text', value: values['note'], placeholder: 'web servers, autumn' },
    { name: 'uses', label: 'Hosts', kind: 'number', value: values['uses'] ?? '1', min: 1, max: 1000, required: true },
    {
      name: 'lifeHours',
      label: 'Valid for',
      kind: 'select',
      value: values['lifeHours'] ?? '1',
      options: TOKEN_LIVES,
      required: true,
    },
    { name: 'tags', label: 'Tags of these hosts', kind: 'text', value: values['tags'], help: 'Separated by commas.' },
  ];
  return fields.map((field) => ({ ...field, error: errors[field.name] }));
}

/** The name of the field. */
export const FIRST_PLAN = 'plan';

export function firstPlanField({ tokenForm, plans }: AddHostView): Field {
  return {
    name: FIRST_PLAN,
    label: 'In the plan',
    kind: 'select',
    value: tokenForm.values[FIRST_PLAN] ?? '',
    options: [{ value: '', label: 'None yet' }, ...plans],
    help: 'Plans whose repository is on the network; it says where to, when and how long.',
  };
}

/** What saves a person the way to the host's page afterwards. */
function preparation(view: AddHostView): FieldSection {
  const { values, errors } = view.tokenForm;
  const fields: readonly Field[] = [
    {
      name: 'hostname',
      label: 'Only for',
      kind: 'text',
      value: values['hostname'],
      placeholder: 'web-7',
      mono: true,
      help: html`What <code>hostname</code> prints there. Empty: any host.`,
    },
    {
      name: 'paths',
      label: 'Back up at once',
      kind: 'textarea',
      value: values['paths'],
      placeholder: '/etc\n/srv',
      mono: true,
      help: 'Absolute paths, one a line. Each host that joins gets a source of them.',
    },
    searchedField(firstPlanField(view), view.planSearch),
  ];
  return {
    title: 'First source of these hosts',
    folded: true,
    open: isSearched(view.planSearch),
    fields: fields.map((field) => ({ ...field, error: errors[field.name] })),
  };
}

function tokenList({ tokens, urls, face, mayEnrol }: AddHostView): Html | false {
  if (!mayEnrol || tokens.length === 0) return false;
  return panel({
    title: 'Open tokens',
    aside: String(tokens.length),
    content: rows(
      tokens.map((token) => ({
        title: token.note === '' ? html`<span class="quiet">without a note</span>` : token.note,
        detail: html`${formatNoun(token.usesLeft, 'use')} left · ends ${relativeTime(token.expiresAt, face)}${token.hostname !== undefined && html` · only for <code>${token.hostname}</code>`}${token.paths.length > 0 && html` · backs up ${token.paths.join(', ')}`} ${token.tags.map((tag) => badge(tag))}`,
        action: confirmButton({
          id: `end-${token.id}`,
          label: 'End…',
          small: true,
          confirm: {
            title: 'End this token?',
            effect: 'No further host can join with it. Hosts that joined already stay.',
            verb: 'End the token',
            action: urls.deleteEnrolmentToken({ token: token.id }),
          },
        }),
      })),
    ),
  });
}

/** A word of a shell command: quoted where a shell would read anything else into it. */
export function quoteWord(text: string): string {
  return /^[A-Za-z0-9._:/@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
