/** The first page of a new server: it makes the first administrator. */
import { type Html, html } from '../../html.ts';
import { callout } from '../../ui/flash.ts';
import { form } from '../../ui/form.ts';
import { type AssetPaths, bareLayout } from '../../ui/layout.ts';

export type BootstrapView = {
  readonly assets: AssetPaths;
  readonly action: string;
  readonly name: string;
  readonly passwordMinChars: number;
  readonly errors: Readonly<Partial<Record<'name' | 'password' | 'again', string>>>;
};

export function bootstrapPage(view: BootstrapView): Html {
  const { errors } = view;
  return bareLayout(
    { assets: view.assets },
    {
      title: 'Welcome',
      heading: 'Welcome. Who will look after your backups?',
      lede: html`This makes the first administrator. It works once.`,
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
            autofocus: Object.values(errors).length === 0,
            error: errors.name,
          },
          {
            name: 'password',
            label: 'Password',
            kind: 'password',
            required: true,
            autocomplete: 'new-password',
            help: `At least ${view.passwordMinChars} characters. Several words in a row are easy to keep and hard to guess.`,
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
        submit: { label: 'Create administrator' },
      }),
    },
  );
}

/** For an address that is not the one of the newest start. */
export function wrongTokenPage(view: { readonly assets: AssetPaths }): Html {
  return bareLayout(
    { assets: view.assets },
    {
      title: 'Welcome',
      heading: 'This is not the newest first-start address',
      content: callout({
        tone: 'warning',
        text: html`<p>Each start of the server makes a new address and ends the one before.</p><p>Look for <code>bootstrap</code> in the server’s log since its last start, and open the whole address that stands there.</p>`,
      }),
    },
  );
}
