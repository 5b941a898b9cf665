/** Add and edit a channel: what it is, and the form its kind describes. */
import { type Html, html } from '../../html.ts';
import { linkButton } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { type Field, type FieldSection, form } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel, rows } from '../../ui/panel.ts';

export type ChannelFormView = {
  readonly title: string;
  readonly heading: string;
  readonly crumbs: readonly Crumb[];
  readonly action: string;
  readonly cancelHref: string;
  readonly kindLabel: string;
  readonly summary: string;
  readonly name: { readonly value: string; readonly error?: string | undefined };
  readonly sections: readonly FieldSection[];
  readonly problem?: string | undefined;
  /** Secrets were typed that this page cannot hold. */
  readonly secretsGone: boolean;
  readonly version?: number | undefined;
};

export function chooseChannelPage(
  shell: Shell,
  view: {
    readonly listHref: string;
    readonly choices: readonly { readonly label: string; readonly summary: string; readonly href: string }[];
  },
): Html {
  return layout(shell, {
    title: 'Add channel',
    heading: 'What should it be told, and how?',
    crumbs: [{ label: 'Channels', href: view.listHref }, { label: 'Add channel' }],
    content: panel({
      content: rows(
        view.choices.map(({ label, summary, href }) => ({
          title: html`<a href="${href}">${label}</a>`,
          detail: summary,
          action: linkButton({ href, label: 'Choose', small: true }),
        })),
      ),
    }),
  });
}

export function channelFormPage(shell: Shell, view: ChannelFormView): Html {
  const name: Field = {
    name: 'name',
    label: 'Name',
    kind: 'text',
    value: view.name.value,
    required: true,
    error: view.name.error,
    help: 'What it is called here, such as on-call.',
  };
  return layout(shell, {
    title: view.title,
    heading: view.heading,
    crumbs: view.crumbs,
    lede: view.summary,
    content: html`<div class="narrow">${panel({
      title: view.kindLabel,
      content: form({
        action: view.action,
        sections: [{ fields: [name] }, ...view.sections],
        hidden: view.version === undefined ? undefined : { version: view.version },
        problem: view.problem,
        outro:
          view.secretsGone &&
          callout({ tone: 'notice', text: 'Passwords are never sent back to a browser: type them again before saving.' }),
        submit: { label: 'Save' },
        cancelHref: view.cancelHref,
      }),
    })}</div>`,
  });
}
