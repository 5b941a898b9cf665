/** Where a person types their password once more, before an act that asks for it. What they had typed waits on the server. */
import { type Html, html } from '../html.ts';
import { accountField, form } from '../ui/form.ts';
import { type AssetPaths, bareLayout } from '../ui/layout.ts';

export type ConfirmView = {
  readonly assets: AssetPaths;
  /** Where the form that waits was sent to. */
  readonly action: string;
  readonly held: string;
  /** Who is signed in. */
  readonly name: string;
  /** Such as `approve a host`. */
  readonly what: string;
  readonly cancelHref: string;
  readonly problem?: string | undefined;
};

/** The fields of the form, which no form of a page has. */
export const CONFIRM_FIELDS = { held: 'confirmedForm', password: 'confirmedPassword' } as const;

export function confirmPage(view: ConfirmView): Html {
  return bareLayout(
    { assets: view.assets },
    {
      title: 'Confirm that it is you',
      heading: 'Confirm that it is you',
      content: form({
        action: view.action,
        intro: html`<p>You want to ${view.what}, and this browser was signed in a while ago. What you typed is kept: it is sent as soon as you have confirmed.</p>`,
        hidden: { [CONFIRM_FIELDS.held]: view.held },
        fields: [
          accountField(view.name, 'username'),
          {
            name: CONFIRM_FIELDS.password,
            label: 'Your password',
            kind: 'password',
            required: true,
            autocomplete: 'current-password',
            autofocus: true,
          },
        ],
        problem: view.problem,
        submit: { label: 'Confirm and go on' },
        cancelHref: view.cancelHref,
      }),
    },
  );
}
