/** How the replies of screens go out: pages and parts of them, redirects, downloads, and the way to the form of sign-in. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import type { CoreContext } from '../../core/ports.ts';
import { PAGE_CACHE_CONTROL } from '../security-headers.ts';
import type { AssetPaths } from '../ui/layout.ts';
import { findLocalPath, type Urls } from '../urls.ts';
import type { Admission } from './admission.ts';
import type { AttemptLimiter } from './attempts.ts';
import { chooseEncoding, packPage } from './compression.ts';
import type { Cookies } from './cookies.ts';
import { errorFragment } from './error.view.ts';
import type { LiveFeed } from './live-feed.ts';
import type { LookedPage } from './live-looks.ts';
import type { Readiness } from './readiness.ts';
import { getScope } from './request-scope.ts';
import type { PageReply, Visit } from './route.ts';

export interface ScreenParts {
  context: CoreContext;
  urls: Urls;
  assets: AssetPaths;
  cookies: Cookies;
  admission: Admission;
  baseOrigin: string;
  feed: Pick<LiveFeed, 'findPosition'>;
  readiness: Pick<Readiness, 'recall'>;
  /** Attempts at secrets: per address and name, and per address alone. */
  attempts: { named: AttemptLimiter; address: AttemptLimiter };
  /** Ends what a session holds open. */
  endHolder(holder: string): void;
}

/** The value of `?next=` is only ever a path of this server. */
const NEXT_PARAM = 'next';

/** htmx asks for a part, unless it says it will replace the whole body. */
export function isFragment(request: Request): boolean {
  return (
    request.get('hx-request') === 'true' &&
    request.get('hx-request-type') !== 'full' &&
    request.get('hx-history-restore-request') === undefined
  );
}

/** What a screen replied, as this request may have it. */
export async function sendReply(
  parts: ScreenParts,
  visit: Pick<Visit, 'isFragment' | 'frame'>,
  reply: PageReply,
  request: Request,
  response: Response,
): Promise<void> {
  response.setHeader('Cache-Control', PAGE_CACHE_CONTROL);
  response.setHeader('Vary', 'HX-Request, Cookie');
  switch (reply.kind) {
    case 'page': {
      // Whole pages show the message of the last act; fragments leave it for the next one.
      if (!visit.isFragment && visit.frame.flash.length > 0) parts.cookies.clearFlash(response);
      const { body, encoding } = await packPage(request, reply.html.toString(), parts.baseOrigin.startsWith('https:'));
      response.vary('Accept-Encoding');
      if (encoding !== undefined) response.setHeader('Content-Encoding', encoding);
      response
        .status(reply.status ?? 200)
        .type('html')
        .send(body);
      return;
    }
    case 'redirect':
      if (reply.flash !== undefined) parts.cookies.writeFlash(response, reply.flash);
      if (reply.session === 'end') parts.cookies.clearSession(response);
      else if (reply.session !== undefined) parts.cookies.writeSession(response, reply.session, parts.context.clock.now());
      redirect(request, response, reply.to);
      return;
    case 'download':
      // The name decides the type too, so the type is set after it.
      response.attachment(reply.fileName);
      response.setHeader('Content-Type', reply.contentType);
      if (typeof reply.body === 'string') response.send(reply.body);
      else await pipeline(Readable.from(reply.body), response);
  }
}

/** See other. htmx would follow a redirect and swap its page into the fragment, so it is told to go there instead. */
export function redirect(request: Request, response: Response, to: string): void {
  if (findLocalPath(to, '') === undefined) throw new TypeError('a redirect leads only to a path of this server');
  response.setHeader('Cache-Control', PAGE_CACHE_CONTROL);
  if (request.get('hx-request') === 'true') response.setHeader('HX-Redirect', to).status(200).type('html').send('');
  else response.setHeader('Location', to).status(303).type('html').send('');
}

/** To the form of sign-in, and back here afterwards. */
export function sendToLogin(parts: ScreenParts, request: Request, response: Response): void {
  const { urls } = parts;
  const wanted = request.method === 'GET' && !isFragment(request) ? request.originalUrl : pathOf(request.get('hx-current-url'));
  const next = findLocalPath(wanted, urls.basePath);
  const to = urls.login({ [NEXT_PARAM]: next === urls.overview() ? undefined : next });
  if (request.get('hx-request') !== 'true') {
    redirect(request, response, to);
    return;
  }
  response.setHeader('HX-Redirect', to).setHeader('Cache-Control', PAGE_CACHE_CONTROL);
  response
    .status(401)
    .type('html')
    .send(errorFragment({ message: 'you are signed out', requestId: getScope(request).id }).toString());
}

function pathOf(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}

/** What was made for many, as this request may have it; nothing when it has it already. */
export async function sendLook(parts: ScreenParts, made: LookedPage, request: Request, response: Response): Promise<void> {
  response.setHeader('Cache-Control', PAGE_CACHE_CONTROL);
  response.setHeader('Vary', 'HX-Request, Cookie, Accept-Encoding');
  response.setHeader('ETag', made.tag);
  if (made.status === 200 && request.get('if-none-match') === made.tag) return void response.status(304).end();
  const { body, encoding } = await made.pack(chooseEncoding(request, made.body, parts.baseOrigin.startsWith('https:')));
  if (encoding !== undefined) response.setHeader('Content-Encoding', encoding);
  response.status(made.status).type('html').send(body);
}
