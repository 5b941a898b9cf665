/** Hosts that want to join: what they say they are, and the six words that prove who they are. */
import { attrs, type Html, html } from '../../html.ts';
import { button, confirmButton, postButton } from '../../ui/button.ts';
import { fingerprint } from '../../ui/fingerprint.ts';
import { callout } from '../../ui/flash.ts';
import { icon } from '../../ui/icons.ts';
import { facts, panel, rows } from '../../ui/panel.ts';
import { hostStatus } from '../../ui/status.ts';
import { type Clockface, dayTime, relativeTime } from '../../ui/time.ts';
import type { Urls } from '../../urls.ts';
import { listSecretsOptions, SECRETS_COST } from './secrets-mode.view.ts';

/** A host that has the name here, one that only calls itself so too, or another one that waits. */
export type NameTakerView = { kind: 'host'; name: string; href: string; by: 'name' | 'hostname' } | { kind: 'announcement' };

export interface PendingHostView {
  id: string;
  hostname: string;
  /** The fingerprint's six words. */
  words: readonly string[];
  system: string;
  agentVersion: string;
  address: string;
  announcedAt: number;
  expiresAt: number;
  nameTakenBy: NameTakerView | undefined;
  /** Whether its agent can do without keeping secrets. */
  canDoWithout: boolean;
  /** What was typed, when the form came back. */
  typed?:
    | { name: string; tags: string; secretsMode: string; errors: Readonly<Record<string, string>>; problem?: string | undefined }
    | undefined;
}

/** One that was turned away; what its keys announce is answered so until `expiresAt`. */
export interface RejectedHostView {
  id: string;
  hostname: string;
  words: readonly string[];
  address: string;
  message: string;
  expiresAt: number;
}

export interface PendingView {
  urls: Urls;
  face: Clockface;
  hosts: readonly PendingHostView[];
  rejected: readonly RejectedHostView[];
  /** Those that stand beside the ones shown. */
  moreRejected: number;
  /** Where this part is served again. */
  here: string;
  mayApprove: boolean;
  /** Where an approval leads; to the host unless given. */
  approvedTo?: string | undefined;
  /** Shown while nobody waits; without it the part is hidden then. */
  waiting?: Html | undefined;
}

export const PENDING_ID = 'pending-hosts';

/** All hosts that wait; the live update of the hosts page and of Add host puts the very same element in place. */
export function pendingHosts(view: PendingView): Html {
  const live = { id: PENDING_ID, 'data-live': 'hosts', 'data-live-get': view.here };
  const rejected = view.rejected.length > 0 && rejectedHosts(view);
  const waiting = view.hosts.length > 0 ? view.hosts.map((host) => pendingHost(host, view)) : view.waiting;
  if (waiting === undefined && !rejected) return html`<div ${attrs({ ...live, hidden: true })}></div>`;
  return html`<div class="stack" ${attrs(live)}>${waiting}${rejected}</div>`;
}

/** Why the name is no proof, and what to do about whoever has it already. */
function nameWarning(hostname: string, taker: NameTakerView): Html {
  const name = html`<strong>${hostname}</strong>`;
  if (taker.kind === 'announcement')
    return html`Another machine that waits calls itself ${name} as well. Compare each with its own words; if you expect only one, somebody may be posing as it.`;
  const link = html`<a href="${taker.href}">${taker.name}</a>`;
  return taker.by === 'name'
    ? html`A host is already named ${link}. If this machine was rebuilt, revoke the old one; if not, somebody may be posing as it.`
    : html`The host ${link} calls itself ${name} as well. If this is that machine, rebuilt, revoke the old one; if not, somebody may be posing as it.`;
}

function pendingHost(host: PendingHostView, view: PendingView): Html {
  const { face } = view;
  const warning =
    host.nameTakenBy !== undefined && callout({ tone: 'warning', text: nameWarning(host.hostname, host.nameTakenBy) });
  const known = facts([
    { label: 'System', value: host.system },
    { label: 'Agent', value: host.agentVersion },
    { label: 'Address', value: html`<code>${host.address}</code>` },
    { label: 'Announced', value: relativeTime(host.announcedAt, face) },
    { label: 'Waits until', value: relativeTime(host.expiresAt, face) },
  ]);
  const answer = view.mayApprove ? decision(host, view) : html`<p class="quiet">An administrator can let it in.</p>`;
  return panel({
    id: `pending-${host.id}`,
    title: html`${host.hostname} wants to join`,
    aside: hostStatus('pending'),
    content: html`<div class="stack"><p>Compare these six words with the ones the agent printed on the host. Approve only when all six are the same.</p>${fingerprint(host.words)}${warning}<div class="halves">${known}${answer}</div></div>`,
  });
}

/** A no that stands, so that a slip can be put right before its hour is over. */
function rejectedHosts({ urls, face, rejected, moreRejected, mayApprove }: PendingView): Html {
  const list = rows(
    rejected.map((host) => ({
      id: `rejected-${host.id}`,
      title: html`${host.hostname} at <code>${host.address}</code>`,
      detail: html`<code>${host.words.join(' ')}</code><br>Its agent was told: ${host.message}. That stands until ${dayTime(host.expiresAt, face)}.`,
      action: mayApprove && postButton({ action: urls.takeBackRejection({ announcement: host.id }), label: 'Take back' }),
    })),
  );
  return panel({
    id: 'rejected-hosts',
    title: 'Rejected',
    content: html`<p>These machines are told no whenever they announce themselves. After <em>Take back</em> a machine waits here again; start its agent again, which has ended.</p>${list}${moreRejected > 0 && html`<p class="quiet">And ${moreRejected} more; <code>holdfast hosts rejected</code> lists them.</p>`}`,
  });
}

function decision(host: PendingHostView, { urls, face, approvedTo }: PendingView): Html {
  const formId = `approve-${host.id}`;
  const { typed } = host;
  const fields = [
    {
      name: 'name',
      label: 'Name',
      value: typed?.name ?? host.hostname,
      help: 'What it is called here. You can change it later.',
      required: true,
    },
    {
      name: 'tags',
      label: 'Tags',
      value: typed?.tags ?? '',
      help: 'Separated by commas, such as production, fra.',
      required: false,
    },
  ];
  const inner = html`${typed?.problem !== undefined && callout({ tone: 'problem', text: typed.problem })}<div class="fields">${fields.map((field) => textField(`${formId}-${field.name}`, field, typed?.errors[field.name]))}${secretsField(`${formId}-secrets`, host)}</div>`;
  // What was refused stays as it was typed, with the reason, whatever a live update brings around it.
  const id = attrs({ id: `${formId}-typed` });
  const answer =
    typed === undefined ? html`<div ${id}>${inner}</div>` : html`<div class="stack" ${id} hx-morph-skip>${inner}</div>`;
  const form = html`<form class="form" method="post" action="${urls.approveHost({ announcement: host.id }, { next: approvedTo })}" ${attrs({ id: formId })}>${answer}</form>`;
  const reject = confirmButton({
    id: `reject-${host.id}`,
    label: 'Reject…',
    confirm: {
      title: html`Reject ${host.hostname}?`,
      effect: html`The agent is told, and ends. Nothing on the machine changes. Until ${dayTime(host.expiresAt, face)} it is told the same whenever it is started again; you can take that back here meanwhile.`,
      verb: 'Reject',
      action: urls.rejectHost({ announcement: host.id }),
      fields: textField(`reject-${host.id}-reason`, {
        name: 'reason',
        label: 'Reason',
        value: '',
        help: 'The agent prints it on the host.',
        required: false,
      }),
    },
  });
  return html`<div class="stack">${form}<div class="form-actions">${button({ label: 'Approve', kind: 'primary', attributes: { form: formId } })}${reject}</div></div>`;
}

type PlainField = { name: string; label: string; value: string; help: string; required: boolean };

/** A text field whose id is unique although several forms on the page have it. */
function textField(id: string, field: PlainField, error?: string): Html {
  const described = [`${id}-help`, ...(error === undefined ? [] : [`${id}-error`])].join(' ');
  return html`<div class="field ${error !== undefined && 'field-wrong'}"><label for="${id}">${field.label}${!field.required && html` <span class="optional">optional</span>`}</label><input class="input" type="text" autocomplete="off" spellcheck="false" ${attrs(
    {
      id,
      name: field.name,
      value: field.value,
      required: field.required,
      maxlength: 500,
      'aria-describedby': described,
      'aria-invalid': error === undefined ? null : 'true',
    },
  )}><p class="help" id="${id}-help">${field.help}</p>${error !== undefined && html`<p class="error" id="${id}-error">${icon('cross')}<span>${error}</span></p>`}</div>`;
}

/** Where the host will have its secrets. */
function secretsField(id: string, { typed, canDoWithout }: PendingHostView): Html {
  const chosen = typed?.secretsMode ?? 'kept';
  const error = typed?.errors['secretsMode'];
  const options = listSecretsOptions(chosen, canDoWithout).map(
    ({ value, label, disabled }) => html`<option ${attrs({ value, selected: value === chosen, disabled })}>${label}</option>`,
  );
  const described = [`${id}-help`, ...(error === undefined ? [] : [`${id}-error`])].join(' ');
  return html`<div class="field ${error !== undefined && 'field-wrong'}"><label for="${id}">Secrets</label><select class="input" ${attrs(
    { id, name: 'secretsMode', 'aria-describedby': described, 'aria-invalid': error === undefined ? null : 'true' },
  )}>${options}</select><p class="help" id="${id}-help">${SECRETS_COST}</p>${error !== undefined && html`<p class="error" id="${id}-error">${icon('cross')}<span>${error}</span></p>`}</div>`;
}

/** What Add host shows while it waits. */
export function waitingForHost(): Html {
  return panel({
    title: 'Waiting for the host',
    aside: hostStatus('pending'),
    content: html`<p>As soon as the agent announces itself it appears here, by itself. It prints six words on the host; you compare them and let it in.</p><p class="quiet no-js">Without JavaScript: reload this page.</p><p class="quiet">Nothing has announced itself yet.</p>`,
  });
}
