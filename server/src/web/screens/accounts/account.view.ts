/** A person's own account: who they are here, and their password. */
import { type Html, html } from '../../html.ts';
import { accountField, form } from '../../ui/form.ts';
import { layout, type Shell } from '../../ui/layout.ts';
import { facts, panel } from '../../ui/panel.ts';

export type AccountView = {
  readonly name: string;
  /** `Admin`. */
  readonly role: string;
  /** What the role may do, in words. */
  readonly may: readonly string[];
  readonly zone: {
    readonly action: string;
    /** Empty for the installation's. */
    readonly value: string;
    readonly zones: readonly string[];
    /** The installation's own. */
    readonly usual: string;
    readonly shown: string;
  };
  readonly action: string;
  readonly rules: { readonly minChars: number; readonly maxBytes: string };
  readonly problem?: string | undefined;
  readonly errors: Readonly<Record<'current' | 'password' | 'again', string | undefined>>;
};

export function accountPage(shell: Shell, view: AccountView): Html {
  return layout(shell, {
    title: 'Account',
    heading: html`You are signed in as ${view.name}.`,
    content: html`<div class="columns">${passwordPanel(view)}<div class="stack">${personPanel(view)}${zonePanel(view)}${themePanel()}</div></div>`,
  });
}

function passwordPanel(view: AccountView): Html {
  const { errors, rules } = view;
  const isFresh = view.problem === undefined && Object.values(errors).every((error) => error === undefined);
  return panel({
    title: 'Change your password',
    id: 'password',
    content: form({
      action: view.action,
      problem: view.problem,
      intro: isFresh && html`<p class="quiet">Your other sessions end at once; this one stays.</p>`,
      fields: [
        accountField(view.name),
        {
          name: 'current',
          label: 'Present password',
          kind: 'password',
          required: true,
          autocomplete: 'current-password',
          error: errors.current,
        },
        {
          name: 'password',
          label: 'New password',
          kind: 'password',
          required: true,
          autocomplete: 'new-password',
          help: `At least ${rules.minChars} characters, at most ${rules.maxBytes}. Not your name, no sequence, none of the passwords everybody tries first. Several words in a row are easy to keep and hard to guess.`,
          error: errors.password,
        },
        {
          name: 'again',
          label: 'New password again',
          kind: 'password',
          required: true,
          autocomplete: 'new-password',
          error: errors.again,
        },
      ],
      submit: { label: 'Change password' },
    }),
  });
}

function personPanel(view: AccountView): Html {
  return panel({
    title: 'You',
    content: facts([
      { label: 'role', value: view.role },
      { label: 'times shown in', value: view.zone.shown },
    ]),
    foot: html`<p class="quiet">In this role you may ${joinWords(view.may)}.</p>`,
  });
}

function zonePanel({ zone }: AccountView): Html {
  return panel({
    title: 'Your time zone',
    content: form({
      action: zone.action,
      fields: [
        {
          name: 'zone',
          label: 'Times are shown in',
          kind: 'select',
          required: true,
          value: zone.value,
          options: [
            { value: '', label: `as everybody’s here: ${zone.usual}` },
            ...zone.zones.map((name) => ({ value: name, label: name })),
          ],
          help: 'On pages and their logs. Schedules keep the zone of their plan.',
        },
      ],
      submit: { label: 'Use this zone', kind: 'secondary' },
    }),
  });
}

function themePanel(): Html {
  return panel({
    title: 'Theme',
    content: html`<p>This browser keeps it: as the system says, light, or dark.</p><p class="needs-js"><button type="button" class="button button-secondary" data-theme-toggle><span>Theme: <span data-theme-word>System</span></span></button></p><p class="quiet no-js">Without JavaScript the system decides.</p>`,
  });
}

/** `read`, `read and write`, `read, write and run`. */
function joinWords(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
