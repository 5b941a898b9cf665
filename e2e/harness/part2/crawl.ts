/** Walking the pages as a person's links do, by plain requests with a session of their own. */
import type { Account } from '../first-admin.ts';

export type Page = {
  /** Path and query, below the server's address. */
  readonly path: string;
  readonly status: number;
  readonly html: string;
};

export type Session = {
  /** One request as that person; any status is an answer, a redirect is not followed. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
};

/** Signs in by the plain form. @throws Error unless it worked. */
export async function openSession(baseUrl: string, account: Account): Promise<Session> {
  const form = new URLSearchParams({ name: account.name, password: account.password });
  const headers = { 'sec-fetch-site': 'same-origin', origin: new URL(baseUrl).origin };
  const answer = await fetch(`${baseUrl}/login`, { method: 'POST', body: form, redirect: 'manual', headers });
  const cookie = answer.headers.getSetCookie().find((line) => /session/.test(line));
  if (cookie === undefined) throw new Error(`Signing in as ${account.name} gave ${answer.status}.`);
  const [pair = ''] = cookie.split(';');
  return {
    fetch: (path, init) =>
      fetch(`${baseUrl}${path}`, { redirect: 'manual', ...init, headers: { ...headers, ...init?.headers, cookie: pair } }),
  };
}

const LIMIT = 500;

/** An order of a list that is narrowed already: the same rows again, for each filter and each column. */
function isOrderOfFiltered(link: string): boolean {
  const names = [...new URLSearchParams(link.split('?')[1]).keys()];
  return names.includes('sort') && names.some((name) => name !== 'sort' && name !== 'order');
}

/**
 * Every page that can be reached by links from `start`, each once; query strings count as pages of their own, but for the orders of a
 * list that is narrowed already.
 */
export async function crawlPages(session: Session, start = '/'): Promise<readonly Page[]> {
  const pages: Page[] = [];
  const seen = new Set([start]);
  const waiting = [start];
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    const answer = await session.fetch(path);
    const html = await answer.text();
    pages.push({ path, status: answer.status, html });
    if (pages.length > LIMIT) throw new Error(`More than ${LIMIT} pages, the last of them ${path}.`);
    if (!(answer.headers.get('content-type') ?? '').startsWith('text/html')) continue;
    for (const link of listLinks(html)) {
      if (seen.has(link) || isOrderOfFiltered(link)) continue;
      seen.add(link);
      waiting.push(link);
    }
  }
  return pages;
}

/** Internal addresses a page shows or asks by itself: links, assets and what htmx gets. */
export function listLinks(html: string): readonly string[] {
  const found = [...html.matchAll(/\s(?:href|src|hx-get|data-live-get)="([^"]*)"/g)].map((match) =>
    decodeEntities(match[1] ?? ''),
  );
  return found.flatMap((link) => {
    if (!link.startsWith('/') || link.startsWith('//')) return [];
    return [link.replace(/#.*$/, '')];
  });
}

/** Where the page's forms that change something go. */
export function listPostActions(html: string): readonly string[] {
  const forms = [...html.matchAll(/<form\b[^>]*\bmethod="post"[^>]*>/gi)].map(([tag]) => tag);
  return forms.map((tag) => decodeEntities(/\baction="([^"]*)"/.exec(tag)?.[1] ?? ''));
}

/** `/runs/run_01…` and `/runs/run_02…` are the same kind of page, and so are the chapters of the reference. */
export function describeKind(path: string): string {
  return path
    .replace(/\?.*$/, '')
    .replaceAll(/\/[a-z]+_[0-9A-Za-z]{10,}/g, '/:id')
    .replace(/^\/reference\/[a-z-]+$/, '/reference/:id');
}

function decodeEntities(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&#x27;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
