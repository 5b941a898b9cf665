/** What a person sees when a page cannot be shown: what happened, why, what to do, and the id to ask about. */
import { type Html, html } from '../html.ts';
import { linkButton } from '../ui/button.ts';
import { copyLine } from '../ui/copy.ts';
import { callout } from '../ui/flash.ts';
import { type AssetPaths, bareLayout } from '../ui/layout.ts';

export type ErrorPageView = {
  readonly assets: AssetPaths;
  readonly status: number;
  /** The error's own sentence. */
  readonly message: string;
  readonly requestId: string;
  /** The way on: the overview, or the login. */
  readonly way: { readonly href: string; readonly label: string };
};

const HEADINGS: Readonly<Record<number, string>> = {
  400: 'That request was not understood',
  401: 'Sign in first',
  403: 'You may not do this',
  404: 'There is nothing here',
  409: 'That does not fit what is there',
  410: 'This address has done its work',
  412: 'Somebody changed it meanwhile',
  413: 'That was too much at once',
  415: 'That kind of content is not read here',
  429: 'Too many tries',
  501: 'This cannot be done yet',
  502: 'A tool on the host failed',
  503: 'Not available right now',
};

const ADVICE: Readonly<Record<number, string>> = {
  400: 'Go back, look at what was entered, and try once more.',
  403: 'If you need it for your work, ask an administrator of this server.',
  404: 'The address may be mistyped, or what it showed was deleted.',
  409: 'Go back, look at how things are now, and decide again.',
  412: 'Go back and load the page again: it then shows the newest state.',
  429: 'Wait a little; nothing is lost.',
  503: 'Wait a minute and load the page again. Backups on the hosts go on meanwhile.',
};

const OUR_FAULT = 'Load the page again. If it stays, look for the request id in the server’s log: the line says why.';

function headingOf(status: number): string {
  return HEADINGS[status] ?? (status >= 500 ? 'Something went wrong on the server' : 'That did not work');
}

function adviceOf(status: number): string | undefined {
  return ADVICE[status] ?? (status >= 500 ? OUR_FAULT : undefined);
}

export function errorPage(view: ErrorPageView): Html {
  const title = headingOf(view.status);
  return bareLayout({ assets: view.assets }, { title, heading: title, content: errorContent(view) });
}

/** The page's body, for a shell of any kind. */
function errorContent(view: Omit<ErrorPageView, 'assets'>): Html {
  const advice = adviceOf(view.status);
  return html`<div class="stack"><section class="panel"><div class="panel-body stack"><p>${capitalize(view.message)}</p>${
    advice !== undefined && html`<p class="quiet">${advice}</p>`
  }<div>${linkButton({ href: view.way.href, label: view.way.label, kind: 'primary' })}</div></div></section><div><p class="quiet">Request id</p>${copyLine(
    { text: view.requestId, label: 'request id' },
  )}</div></div>`;
}

/** The same inside a page, for an answer that replaces a part of it. */
export function errorFragment(view: Pick<ErrorPageView, 'message' | 'requestId'>): Html {
  return callout({
    tone: 'problem',
    text: html`<p>${capitalize(view.message)}</p><p class="quiet">Request id <code>${view.requestId}</code></p>`,
  });
}

function capitalize(text: string): string {
  const sentence = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?…]$/.test(sentence) ? sentence : `${sentence}.`;
}
