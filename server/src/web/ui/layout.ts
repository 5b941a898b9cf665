/** The page shell: side bar, title that answers the page's question, flash messages, connection bar, main. */
import { attrs, type Html, type HtmlValue, html } from '../html.ts';
import { type Flash, flashMessages } from './flash.ts';
import { icon, iconSprite, logo } from './icons.ts';
import { keyboardHelp } from './keyboard.ts';

/** Public paths of the page's own files, as `createAssets` gives them. */
export type AssetPaths = {
  readonly css: string;
  readonly icon: string;
  readonly htmx: string;
  readonly theme: string;
  readonly live: string;
  /** When a live page fetches what changed. */
  readonly looks: string;
  /** The event stream that tabs share, as a worker. */
  readonly stream: string;
  readonly log: string;
  readonly page: string;
};

export type NavItem = {
  /** Compared with `Shell.current`. */
  readonly id: string;
  readonly label: string;
  readonly href: string;
  /** A quiet count (`31`) or phrase (`2 running`) at the end of the line. */
  readonly count?: number | string | undefined;
  /** Shows the count as an alarm badge, with this word for those who cannot see it (`unread alerts`). */
  readonly alarm?: string | undefined;
  /** The second key of a `g x` shortcut. */
  readonly key?: string | undefined;
  /** The count comes and goes by itself, by what the `counts` topic says of `id`. */
  readonly isCounted?: boolean | undefined;
};

export type NavGroup = { readonly label?: string | undefined; readonly items: readonly NavItem[] };

/** What every page of one person shares. */
export type Shell = {
  readonly assets: AssetPaths;
  readonly homeHref: string;
  /** What the operator calls this server, to tell it from others. */
  readonly installation?: string | undefined;
  /** Only what the person may see; empty groups are left out. */
  readonly nav: readonly NavGroup[];
  readonly current: string;
  readonly user?: {
    readonly name: string;
    readonly role: string;
    readonly href?: string | undefined;
    readonly signOutHref?: string | undefined;
  };
  /** The zone all times are shown in, e.g. `UTC+1 · Berlin`. */
  readonly zone: string;
  /** The server's clock in epoch milliseconds: relative times tick from it, whatever the browser's clock says. */
  readonly now?: number | undefined;
  /** The event stream; without it the page is not live. */
  readonly streamUrl?: string | undefined;
  /** The stream's id before this page was read: what happened since is told again. */
  readonly streamFrom?: string | undefined;
  /** Where the side bar's own fragment (`sideNav`) is served again, for live counts. */
  readonly navUrl?: string | undefined;
  /** Where `/` leads: the form's GET target with parameter `q`. */
  readonly searchUrl?: string | undefined;
  readonly flash?: readonly Flash[] | undefined;
};

export type Crumb = { readonly label: string; readonly href?: string | undefined };

export type Page = {
  /** The browser tab; the product's name is added. */
  readonly title: string;
  /** The answer, as a sentence. */
  readonly heading: HtmlValue;
  /** One line below the answer: a status, figures, when. */
  readonly lede?: HtmlValue;
  readonly crumbs?: readonly Crumb[] | undefined;
  /** Buttons at the title's end; the primary one last. */
  readonly actions?: HtmlValue;
  readonly content: HtmlValue;
};

/** A whole page of the signed-in application. */
export function layout(shell: Shell, page: Page): Html {
  const body = html`
<a class="skip" href="#main">Skip to content</a>
<div class="shell">
  <header class="side">
    <a class="brand" href="${shell.homeHref}">${logo()}<span>Holdfast${shell.installation !== undefined && html`<small class="brand-name">${shell.installation}</small>`}</span></a>
    <details class="side-fold">
      <summary class="side-summary">${icon('menu')}<span>Menu</span></summary>
      <div class="side-body">${sideNav(shell)}${sideFoot(shell)}</div>
    </details>
  </header>
  <main id="main" class="main" tabindex="-1">${connectionBar()}${pageHead(page)}${flashMessages(shell.flash ?? [])}${page.content}</main>
</div>
${keyboardHelp(shell)}`;
  return documentShell(shell, shell.installation === undefined ? page.title : `${page.title} · ${shell.installation}`, body);
}

/** A page without a side bar: login, first start, an error before sign-in. */
export function bareLayout(
  shell: Pick<Shell, 'assets' | 'flash' | 'streamUrl' | 'streamFrom' | 'now'>,
  page: Pick<Page, 'title' | 'heading' | 'lede' | 'content'> & { readonly wide?: boolean },
): Html {
  const body = html`
<a class="skip" href="#main">Skip to content</a>
<div class="bare ${page.wide === true && 'bare-wide'}">
  <header class="bare-head"><span class="brand">${logo()}<span>Holdfast</span></span></header>
  <main id="main" class="bare-main" tabindex="-1">${connectionBar()}${pageHead(page)}${flashMessages(shell.flash ?? [])}${page.content}</main>
</div>`;
  return documentShell(shell, page.title, body);
}

/** The side bar's links; also served alone at `Shell.navUrl`, for when its lines change or counts were missed. */
export function sideNav(shell: Pick<Shell, 'nav' | 'current' | 'navUrl'>): Html {
  const live =
    shell.navUrl !== undefined &&
    attrs({ 'data-live': 'navigation', 'data-live-counts': 'counts', 'data-live-get': shell.navUrl });
  const groups = shell.nav.filter((group) => group.items.length > 0);
  return html`<nav id="side-nav" class="side-nav" aria-label="Main" ${live}>${groups.map((group) => navGroup(group, shell.current))}</nav>`;
}

function navGroup(group: NavGroup, current: string): Html {
  return html`<div class="side-group">${group.label !== undefined && html`<p class="side-label">${group.label}</p>`}<ul>${group.items.map(
    (item) => html`<li>${navLink(item, item.id === current)}</li>`,
  )}</ul></div>`;
}

function navLink(item: NavItem, isCurrent: boolean): Html {
  const count =
    item.count !== undefined &&
    item.count !== '' &&
    html`<span class="${item.alarm === undefined ? 'side-count' : 'side-alarm'}">${item.count}${
      item.alarm !== undefined && html`<span class="visually-hidden"> ${item.alarm}</span>`
    }</span>`;
  return html`<a class="side-link" href="${item.href}" ${attrs({ 'aria-current': isCurrent ? 'page' : null, 'data-key': item.key, 'data-count': item.isCounted === true ? item.id : null })}><span>${item.label}</span>${count}</a>`;
}

function sideFoot(shell: Shell): Html {
  const { user } = shell;
  const name =
    user !== undefined &&
    (user.href === undefined
      ? html`<span class="side-user">${user.name} · ${user.role}</span>`
      : html`<a class="side-user" href="${user.href}" ${attrs({ 'aria-current': shell.current === 'account' ? 'page' : null })}>${icon('person')}<span>${user.name} · ${user.role}</span></a>`);
  return html`<div class="side-foot">${name}<span class="side-zone">${shell.zone}</span><span class="side-tools"><button type="button" class="tool needs-js" data-theme-toggle>${icon(
    'theme',
  )}<span data-theme-word>Theme</span></button><button type="button" class="tool needs-js" data-help-open aria-label="Keyboard shortcuts"><kbd>?</kbd></button>${
    user?.signOutHref !== undefined &&
    html`<form method="post" action="${user.signOutHref}"><button class="tool">Sign out</button></form>`
  }</span></div>`;
}

/** The head of a page: crumbs, the answer, one line below it, and what to do. */
function pageHead(page: Pick<Page, 'heading' | 'lede' | 'crumbs' | 'actions'>): Html {
  const crumbs =
    page.crumbs !== undefined &&
    page.crumbs.length > 0 &&
    html`<nav class="crumbs" aria-label="Path"><ol>${page.crumbs.map(
      (crumb) => html`<li>${crumb.href === undefined ? crumb.label : html`<a href="${crumb.href}">${crumb.label}</a>`}</li>`,
    )}</ol></nav>`;
  const lede = page.lede !== undefined && page.lede !== null && html`<div class="lede">${page.lede}</div>`;
  const actions = page.actions !== undefined && page.actions !== null && html`<div class="page-actions">${page.actions}</div>`;
  return html`<div class="page-head">${crumbs}<div class="page-title"><h1>${page.heading}</h1>${lede}</div>${actions}</div>`;
}

function connectionBar(): Html {
  return html`<div id="connection" class="connection" role="status" aria-live="polite"></div>`;
}

function documentShell(shell: Pick<Shell, 'assets' | 'streamUrl' | 'streamFrom' | 'now'>, title: string, body: Html): Html {
  const { assets, streamUrl, streamFrom, now } = shell;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<meta name="htmx-config" content='{"includeIndicatorCSS":false,"history":false,"defaultTimeout":30000,"morphIgnore":["data-htmx-powered","open"]}'>
${now !== undefined && html`<meta name="holdfast-now" content="${new Date(now).toISOString()}">`}
<title>${title} · Holdfast</title>
<link rel="icon" type="image/svg+xml" href="${assets.icon}">
<link rel="stylesheet" href="${assets.css}">
<script src="${assets.theme}"></script>
<script src="${assets.htmx}" defer></script>
<script src="${assets.looks}" defer></script>
<script src="${assets.live}" defer></script>
<script src="${assets.log}" defer></script>
<script src="${assets.page}" defer></script>
</head>
<body ${streamUrl !== undefined && attrs({ 'data-live-stream': streamUrl, 'data-live-from': streamFrom, 'data-live-worker': assets.stream })}>
${iconSprite()}${body}
</body>
</html>
`;
}
