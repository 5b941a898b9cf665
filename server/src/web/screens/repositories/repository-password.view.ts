/** Whether the password of a repository is known to be kept elsewhere, and the form that shows it. */
import { type Html, html } from '../../html.ts';
import { linkButton, onward } from '../../ui/button.ts';
import { callout } from '../../ui/flash.ts';
import { type Field, type FieldOption, form } from '../../ui/form.ts';
import { type Crumb, layout, type Shell } from '../../ui/layout.ts';
import { panel } from '../../ui/panel.ts';
import { type StatusView, status } from '../../ui/status.ts';
import { type Clockface, relativeTime } from '../../ui/time.ts';
import { type ChoiceSearch, searchedField } from '../forms/choice-search.view.ts';

export interface PasswordView {
  /** `unopened`: nothing is in the repository yet. */
  standing: 'proven' | 'old' | 'never' | 'unopened';
  /** `host` opened it; undefined: the recovery key was shown. */
  proof: { at: number; by: string; host: string | undefined } | undefined;
}

const WORDS: Readonly<Record<PasswordView['standing'], StatusView>> = {
  proven: { word: 'proven', tone: 'protected', icon: 'check' },
  old: { word: 'proven long ago', tone: 'at-risk', icon: 'warning' },
  never: { word: 'never proven', tone: 'unprotected', icon: 'cross' },
  unopened: { word: 'not opened yet', tone: 'quiet', icon: 'question' },
};

/** The state, when it was proven, by whom and from where. */
export function passwordLine({ standing, proof }: PasswordView, face: Clockface): Html {
  return html`${status(WORDS[standing])}${proof !== undefined && html` <span class="quiet">${relativeTime(proof.at, face)} by ${proof.by}, ${proof.host === undefined ? 'with the recovery key' : `from ${proof.host}`}</span>`}`;
}

export interface PasswordPanelView extends PasswordView {
  /** When what opens it was sealed to the recovery key; undefined: it is not, as it is now. */
  sealedAt: number | undefined;
  sheetHref: string;
  keyHref: string;
  /** Undefined for who may not. */
  proveHref: string | undefined;
}

/** On the page of the repository; nothing before a host has opened it. */
export function passwordPanel(view: PasswordPanelView, face: Clockface): Html | false {
  if (view.standing === 'unopened') return false;
  const words: Readonly<Record<PasswordView['standing'], string>> = {
    proven:
      view.proof?.host === undefined
        ? 'Somebody has shown that they have the recovery key that it is sealed to.'
        : 'Somebody opened it with a copy of the password that does not come from Holdfast.',
    old: 'It is more than a quarter since somebody showed that it can be opened without Holdfast.',
    never: 'If the only copy of its password is in Holdfast, everything in it is lost with this server and its hosts.',
    unopened: '',
  };
  return panel({
    title: 'Password kept elsewhere',
    content: html`<div class="stack"><p>${passwordLine(view, face)}</p><p class="quiet">${words[view.standing]}</p>${view.sealedAt !== undefined && html`<p class="quiet">Sealed to the <a href="${view.keyHref}">recovery key</a> ${relativeTime(view.sealedAt, face)}.</p>`}</div>`,
    foot: html`<div class="stack">${view.proveHref !== undefined && html`<div>${linkButton({ href: view.proveHref, label: 'Prove it…', small: true })}</div>`}<div>${onward({ href: view.sheetHref, label: 'Recovery sheet' })}</div></div>`,
  });
}

export interface ProvePageView {
  face: Clockface;
  crumbs: readonly Crumb[];
  name: string;
  where: string;
  action: string;
  cancelHref: string;
  hosts: readonly FieldOption[];
  chosenHost: string | undefined;
  hostSearch: ChoiceSearch | undefined;
  password: PasswordView;
  /** Beside the password, and about the whole. */
  error: string | undefined;
  problem: string | undefined;
}

export function provingHostField({ hosts, chosenHost }: ProvePageView): Field {
  return {
    name: 'host',
    label: 'Host',
    kind: 'select',
    required: true,
    options: hosts,
    value: chosenHost,
    help: 'It opens the repository. User and keys of the storage are those that Holdfast has.',
  };
}

export function provePage(shell: Shell, view: ProvePageView): Html {
  const { name, where, action, cancelHref, hosts, password, error, problem, face } = view;
  const content =
    hosts.length === 0
      ? callout({ tone: 'notice', text: 'No host has joined yet, and only hosts open repositories.' })
      : form({
          action,
          intro: html`<p>Take the password from where it is kept outside Holdfast, and type it. The host opens the repository with it as restic would on a new machine; it is compared with nothing, and stored nowhere.</p><p>${passwordLine(password, face)}</p>`,
          fields: [
            {
              name: 'password',
              label: 'Password from your own copy',
              kind: 'password',
              required: true,
              autocomplete: 'off',
              secret: { stored: false },
              error,
            },
            searchedField(provingHostField(view), view.hostSearch),
          ],
          problem,
          submit: { label: 'Prove it', busy: 'Opening…' },
          cancelHref,
        });
  return layout(shell, {
    title: `Password of ${name}`,
    heading: `Can you open ${name} without Holdfast?`,
    lede: html`<code>${where}</code>`,
    crumbs: view.crumbs,
    content: panel({ content }),
  });
}
