/** The login page. */
import type { Html } from '../html.ts';
import type { Flash } from '../ui/flash.ts';
import { form } from '../ui/form.ts';
import { type AssetPaths, bareLayout } from '../ui/layout.ts';

export type LoginView = {
  readonly assets: AssetPaths;
  readonly action: string;
  /** Where the person wanted to go; a path of this server. */
  readonly next?: string | undefined;
  readonly name: string;
  readonly problem?: string | undefined;
  readonly flash: readonly Flash[];
};

export function loginPage(view: LoginView): Html {
  return bareLayout(
    { assets: view.assets, flash: view.flash },
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
            autofocus: view.name === '',
          },
          {
            name: 'password',
            label: 'Password',
            kind: 'password',
            required: true,
            autocomplete: 'current-password',
            autofocus: view.name !== '',
          },
        ],
        ...(view.next === undefined ? {} : { hidden: { next: view.next } }),
        problem: view.problem,
        submit: { label: 'Sign in' },
      }),
    },
  );
}
