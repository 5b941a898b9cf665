/** The recovery key: what it is for, setting it, what is sealed to it, and showing that somebody has its other half. */
import { type Html, html } from '../../html.ts';
import { confirmButton, linkButton, postButton } from '../../ui/button.ts';
import { copyButton, copyLine } from '../../ui/copy.ts';
import { callout } from '../../ui/flash.ts';
import { type Field, form } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { facts, panel } from '../../ui/panel.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import { type StatusView, status } from '../../ui/status.ts';
import { type Clockface, relativeTime, stampTime } from '../../ui/time.ts';

/** What is typed to remove the key. */
export const REMOVE_WORD = 'recovery key';

export interface RecoveryKeyFacts {
  recipient: string;
  setAt: number;
  setBy: string;
  standing: 'proven' | 'old' | 'never';
  proof?: { at: number; by: string } | undefined;
  repositories: number;
  sealed: number;
}

/** A code that waits to be typed back. */
export interface SealedCode {
  sealed: string;
  error: string | undefined;
}

export interface RecoveryKeyPageView {
  face: Clockface;
  crumbs: readonly Crumb[];
  key: RecoveryKeyFacts | undefined;
  mayManage: boolean;
  setAction: string;
  removeAction: string;
  codeAction: string;
  proveAction: string;
  kitHref: string;
  /** Of the forms that set a key: what was typed, and what is wrong with it. */
  typed: string;
  errors: Readonly<Record<string, string>>;
  problem: string | undefined;
  code: SealedCode | undefined;
}

const LEDE =
  'What opens each repository is sealed to this key with age, and lies in the database of this server and on the hosts that use the repository. With the secret half, which you alone keep, any one of these copies is enough.';
const OFFER =
  'With one, what opens each repository, passwords included, is sealed to it and lies in the database of this server and on the hosts. If everything else is lost, any one of these copies is enough together with the key that you keep.';

const WORDS: Readonly<Record<RecoveryKeyFacts['standing'], StatusView>> = {
  proven: { word: 'proven', tone: 'protected', icon: 'check' },
  old: { word: 'proven long ago', tone: 'at-risk', icon: 'warning' },
  never: { word: 'never proven', tone: 'unprotected', icon: 'cross' },
};

export function recoveryKeyPage(shell: Shell, view: RecoveryKeyPageView): Html {
  const { key, problem, code } = view;
  const panels =
    key === undefined
      ? [makePanel(view)]
      : [code !== undefined && codePanel(view, code), keyPanel(view, key), view.mayManage && replacePanel(view, key)];
  return layout(shell, {
    title: 'Recovery key',
    heading: answerOf(key),
    lede: key === undefined ? OFFER : LEDE,
    crumbs: view.crumbs,
    content: html`<div class="stack">${problem !== undefined && callout({ tone: 'problem', text: problem })}${panels}</div>`,
  });
}

function answerOf(key: RecoveryKeyFacts | undefined): string {
  if (key === undefined) return 'There is no recovery key.';
  const { standing, repositories, sealed } = key;
  if (sealed < repositories)
    return `${formatCount(repositories - sealed)} of ${formatNoun(repositories, 'repository', 'repositories')} ${repositories - sealed === 1 ? 'is' : 'are'} not sealed to the recovery key yet.`;
  if (standing === 'never') return 'Nobody has shown yet that they have the recovery key.';
  if (standing === 'old') return 'It is more than a quarter since somebody showed that they have the recovery key.';
  if (repositories === 0) return 'The recovery key is there; there is no repository yet.';
  return repositories === 1
    ? 'The recovery key opens the only repository.'
    : `The recovery key opens all ${formatCount(repositories)} repositories.`;
}

function recipientField({ typed, errors }: RecoveryKeyPageView): Field {
  return {
    name: 'recipient',
    label: 'Recipient',
    kind: 'text',
    required: true,
    mono: true,
    value: typed,
    error: errors['recipient'],
    placeholder: 'age1…',
    autocomplete: 'off',
    help: 'The public half alone: it begins with age1. The secret half stays with you.',
  };
}

function makePanel(view: RecoveryKeyPageView): Html {
  if (!view.mayManage)
    return panel({ content: html`<p class="quiet">Whoever may change the settings of this installation sets one.</p>` });
  return panel({
    title: 'Set a recovery key',
    content: form({
      action: view.setAction,
      intro: html`<p>Make a key on a machine of your own, with age. It prints the recipient:</p>${copyLine({ text: 'age-keygen -o recovery-key.txt', label: 'command' })}<p>Keep that file, or a print of it, where neither this server nor its hosts are needed to read it. Without age at hand, the console of this server makes one and prints it once: <code>holdfast-server recovery-key create</code>.</p>`,
      fields: [recipientField(view)],
      submit: { label: 'Set recovery key', busy: 'Sealing…' },
    }),
  });
}

function keyPanel(view: RecoveryKeyPageView, key: RecoveryKeyFacts): Html {
  const { face, mayManage, kitHref, codeAction, code } = view;
  const { recipient, setAt, setBy, standing, proof, repositories, sealed } = key;
  const acts = html`<div class="cluster">${postButton({ label: 'Prove that you have it…', action: codeAction, kind: standing === 'proven' || code !== undefined ? 'secondary' : 'primary' })}${linkButton({ href: kitHref, label: 'Download the sealed kit' })}</div>`;
  return panel({
    title: 'The key',
    content: facts([
      { label: 'Recipient', value: copyLine({ text: recipient, label: 'recipient' }) },
      { label: 'Set', value: html`${stampTime(setAt, face)} by ${setBy}` },
      {
        label: 'The secret half',
        value: html`${status(WORDS[standing])}${proof !== undefined && html` <span class="quiet">${relativeTime(proof.at, face)} by ${proof.by}</span>`}`,
      },
      {
        label: 'Sealed to it',
        value:
          repositories === 0
            ? html`<span class="quiet">no repository yet</span>`
            : `${formatCount(sealed)} of ${formatNoun(repositories, 'repository', 'repositories')}`,
      },
    ]),
    foot: mayManage ? acts : undefined,
  });
}

function codePanel({ proveAction }: RecoveryKeyPageView, { sealed, error }: SealedCode): Html {
  return panel({
    id: 'code',
    title: 'Prove that you have the secret half',
    aside: copyButton({ text: sealed, label: 'sealed code' }),
    content: html`<div class="stack"><p>A code was sealed to the key. Put this text into a file, <code>code.age</code>, on the machine that has the secret half:</p><pre class="shell-lines">${sealed
      .trimEnd()
      .split('\n')
      .map(
        (line) => html`<span>${line}</span>`,
      )}</pre><p>This prints the code, six groups of five:</p>${copyLine({ text: 'age -d -i recovery-key.txt code.age', label: 'command' })}${form(
      {
        action: proveAction,
        hidden: { sealed },
        fields: [
          {
            name: 'code',
            label: 'Code',
            kind: 'text',
            required: true,
            mono: true,
            autocomplete: 'off',
            error,
            help: 'It is worth half an hour, once, and five tries.',
          },
        ],
        submit: { label: 'Prove it' },
      },
    )}</div>`,
  });
}

function replacePanel(view: RecoveryKeyPageView, { recipient, sealed }: RecoveryKeyFacts): Html {
  const { setAction, removeAction, errors } = view;
  return panel({
    title: 'Another key',
    content: form({
      action: setAction,
      intro: html`<p>Every copy is sealed anew to it, also on the hosts. The key of today still opens what it opened: copies of the database that lie elsewhere, and kits that were downloaded. If it got into other hands, change the passwords of the repositories as well.</p>`,
      hidden: { replaces: recipient },
      fields: [
        recipientField(view),
        {
          name: 'understood',
          label: 'I understand that only the new key opens what is sealed from now on',
          kind: 'checkbox',
          required: true,
          error: errors['understood'],
        },
      ],
      submit: { label: 'Replace the recovery key', kind: 'secondary', busy: 'Sealing…' },
    }),
    foot: confirmButton({
      id: 'remove-recovery-key',
      label: 'Remove the recovery key…',
      kind: 'danger',
      confirm: {
        title: 'Remove the recovery key?',
        effect: `Removes ${formatNoun(sealed, 'sealed copy', 'sealed copies')} here and on the hosts. What opens the repositories then lies nowhere but in this server, its hosts and what you keep yourself.`,
        verb: 'Remove the recovery key',
        action: removeAction,
        hidden: { recipient },
        kind: 'danger',
        typedName: REMOVE_WORD,
      },
    }),
  });
}
