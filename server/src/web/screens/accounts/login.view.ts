/** The login page. */
import type { Html } from '../../html.ts';
import type { Flash } from '../../ui/flash.ts';
import { form } from '../../ui/form.ts';
import { type AssetPaths, bareLayout } from '../../ui/layout.ts';

export type LoginView = {
  readonly assets: AssetPaths;
  readonly action: string;
  /** Where the person wanted to go; a path of this server. */
  readonly next?: string | undefined;
  readonly name: string;
  readonly problem?: string | undefined;
  readonly flash: readonly Flash[];
  /** Nobody can sign in yet: the first administrator is still to be made. */
  readonly isFirstStart: boolean;
};

const FIRST_START: Flash = {
  tone: 'notice',
  text: 'This server has no user yet. Its log shows an address that makes the first administrator: open that one.',
};

export function loginPage(view: LoginView): Html {
  return bareLayout(
    { assets: view.assets, flash: view.isFirstStart ? [FIRST_START, ...view.flash] : view.flash },
    {
      title: 'Sign in',
      heading: 'Sign in',
      content: form({
        action: view.action,
        fields: [
          {
            name: 'name',
            label: 'Name',
            kind: 'text',
            required: true,
            value: view.name,
            autocomplete: 'username',
            autofocus: view.problem === undefined,
          },
          {
            name: 'password',
            label: 'Password',
            kind: 'password',
            required: true,
            autocomplete: 'current-password',
          },
        ],
        ...(view.next === undefined ? {} : { hidden: { next: view.next } }),
        problem: view.problem,
        submit: { label: 'Sign in' },
      }),
    },
  );
}
