/** Where a person chooses their own password, by a link that works once. */
import { type Html, html } from '../../html.ts';
import { accountField, form } from '../../ui/form.ts';
import { type AssetPaths, bareLayout } from '../../ui/layout.ts';

export type PasswordLinkView = {
  readonly assets: AssetPaths;
  readonly action: string;
  /** Whose link it is. */
  readonly name: string;
  readonly passwordMinChars: number;
  readonly errors: Readonly<Partial<Record<'password' | 'again', string>>>;
};

export function choosePasswordPage({ assets, action, name, passwordMinChars, errors }: PasswordLinkView): Html {
  return bareLayout(
    { assets },
    {
      title: 'Choose a password',
      heading: 'Choose your password.',
      lede: html`Nobody else ever knows it. With it you sign in as ${name}, and this address ends.`,
      content: form({
        action,
        fields: [
          accountField(name),
          {
            name: 'password',
            label: 'Password',
            kind: 'password',
            required: true,
            autocomplete: 'new-password',
            autofocus: Object.values(errors).length === 0,
            help: `At least ${passwordMinChars} characters. Several words in a row are easy to keep and hard to guess.`,
            error: errors.password,
          },
          {
            name: 'again',
            label: 'Password again',
            kind: 'password',
            required: true,
            autocomplete: 'new-password',
            error: errors.again,
          },
        ],
        submit: { label: 'Use this password' },
      }),
    },
  );
}
