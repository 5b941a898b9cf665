/** Turns the tables of screens into handlers: who visits, the form, the page, and what a failure looks like. */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '@holdfast/shared/errors.ts';
import { type ErrorRequestHandler, type Request, type Response, Router } from 'express';
import { logout } from '../../core/accounts.ts';
import { readInstallation } from '../../core/installation-settings.ts';
import type { CoreContext } from '../../core/ports.ts';
import { PAGE_CACHE_CONTROL } from '../security-headers.ts';
import type { AssetPaths } from '../ui/layout.ts';
import { findLocalPath, type Urls } from '../urls.ts';
import type { Admission } from './admission.ts';
import { type AttemptLimiter, groupAddress } from './attempts.ts';
import { readForm } from './bodies.ts';
import { packPage } from './compression.ts';
import type { Cookies } from './cookies.ts';
import { errorFragment, errorPage } from './error.view.ts';
import { logFailure } from './failure-log.ts';
import { toHttpError } from './http-error.ts';
import type { LiveFeed } from './live-feed.ts';
import type { Readiness } from './readiness.ts';
import { type Access, getScope } from './request-scope.ts';
import type { PageReply, PublicReply, PublicRoute, PublicVisit, ScreenRoute, Visit } from './route.ts';
import { sortByPath } from './route-order.ts';
import { demandSameOrigin, isSafeMethod } from './same-origin.ts';
import { describeTrouble } from './trouble.ts';
import { createTurns } from './turns.ts';

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

export type AnyScreen = ScreenRoute | PublicRoute;

/** The value of `?next=` is only ever a path of this server. */
export const NEXT_PARAM = 'next';

export function createScreenRouter(parts: ScreenParts, screens: readonly AnyScreen[]): Router {
  const router = Router({ caseSensitive: true });
  // Before any route and any session: a forged request learns nothing and changes nothing.
  router.use((request, _response, next) => {
    if (!isSafeMethod(request.method)) demandSameOrigin(request, parts.baseOrigin);
    next();
  });
  const turns = createTurns();
  for (const screen of sortByPath(screens)) {
    router[screen.method](screen.path, async (request: Request, response: Response) => {
      await turns.take();
      if ('access' in screen) await answerAnyone(parts, screen, request, response);
      else await answerPerson(parts, screen, request, response);
    });
  }
  router.post(parts.urls.logout().slice(parts.urls.basePath.length), async (request, response) => {
    const person = await parts.admission.findPerson(request);
    const token = parts.cookies.readSession(request);
    if (person !== undefined && token !== undefined) {
      await logout(parts.context, person.caller, token);
      parts.endHolder(person.holder);
    }
    parts.cookies.clearSession(response);
    redirect(request, response, parts.urls.login());
  });
  router.use(async (request, response) => {
    // Only those who are signed in learn which addresses exist.
    const person = await parts.admission.findPerson(request);
    if (person === undefined) return sendToLogin(parts, request, response);
    getScope(request).access = person;
    throw new AppError('not_found', 'there is no page at this address');
  });
  return router;
}

async function answerPerson(parts: ScreenParts, screen: ScreenRoute, request: Request, response: Response): Promise<void> {
  const person = await parts.admission.findPerson(request);
  if (person === undefined) return sendToLogin(parts, request, response);
  getScope(request).access = person;
  const visit: Visit = { ...(await readVisit(parts, request, response, person)), caller: person.caller };
  const reply = await screen.handle(parts.context, visit);
  endReplacedSession(parts, reply, person);
  await sendReply(parts, visit, reply, request, response);
}

async function answerAnyone(parts: ScreenParts, screen: PublicRoute, request: Request, response: Response): Promise<void> {
  const person = await parts.admission.findPerson(request);
  getScope(request).access = person;
  const basic = await readVisit(parts, request, response, person);
  const visit: PublicVisit = {
    ...basic,
    caller: person?.caller,
    cookies: parts.cookies.readPage(request),
    sessionToken: person === undefined ? undefined : parts.cookies.readSession(request),
  };
  const reply: PublicReply = await screen.handle(parts.context, visit);
  if (reply.noReferrer === true) response.setHeader('Referrer-Policy', 'no-referrer');
  if (reply.retryAfterS !== undefined) response.setHeader('Retry-After', String(reply.retryAfterS));
  if (reply.cookies !== undefined) parts.cookies.writePage(response, `${parts.urls.basePath}${screen.path}`, reply.cookies);
  if (person !== undefined) endReplacedSession(parts, reply, person);
  await sendReply(parts, visit, reply, request, response);
}

/** A session in place of another one, after a login or a new password: what the old one held open ends with it. */
function endReplacedSession(parts: ScreenParts, reply: PageReply, person: Access): void {
  if (reply.kind === 'redirect' && reply.session !== undefined) parts.endHolder(person.holder);
}

async function readVisit(
  parts: ScreenParts,
  request: Request,
  response: Response,
  person: Access | undefined,
): Promise<Omit<Visit, 'caller'>> {
  const flash = parts.cookies.readFlash(request);
  const { facts } = getScope(request);
  // Only those who are signed in learn how the server fares.
  const trouble = person === undefined || isFragment(request) ? [] : describeTrouble(await parts.readiness.recall());
  return {
    params: { ...(request.params as Record<string, string>) },
    query: { ...(request.query as Record<string, string | string[]>) },
    form: isSafeMethod(request.method) ? {} : await readForm(request, response),
    facts,
    isFragment: isFragment(request),
    fragmentTarget: readTarget(request),
    here: request.originalUrl,
    urls: parts.urls,
    frame: {
      assets: parts.assets,
      zone: person === undefined ? undefined : (person.zone ?? (await readInstallation(parts.context)).zone),
      streamFrom: person === undefined ? undefined : parts.feed.findPosition(person.caller.tenant),
      flash: flash === undefined ? [] : [flash],
      trouble,
    },
    async takeAttempt(name) {
      const address = groupAddress(facts.address);
      await parts.attempts.address.take(address);
      await parts.attempts.named.take(`${address} ${name.trim().toLowerCase()}`);
    },
  };
}

/** htmx asks for a part, unless it says it will replace the whole body. */
function isFragment(request: Request): boolean {
  return (
    request.get('hx-request') === 'true' &&
    request.get('hx-request-type') !== 'full' &&
    request.get('hx-history-restore-request') === undefined
  );
}

/** htmx writes `div#id`, the live script `id`. */
function readTarget(request: Request): string | undefined {
  return /^(?:[a-z][a-z0-9-]*#)?([A-Za-z][\w:.-]{0,100})$/.exec(request.get('hx-target') ?? '')?.[1];
}

async function sendReply(
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
function redirect(request: Request, response: Response, to: string): void {
  if (findLocalPath(to, '') === undefined) throw new TypeError('a redirect leads only to a path of this server');
  response.setHeader('Cache-Control', PAGE_CACHE_CONTROL);
  if (request.get('hx-request') === 'true') response.setHeader('HX-Redirect', to).status(200).type('html').send('');
  else response.setHeader('Location', to).status(303).type('html').send('');
}

function sendToLogin(parts: ScreenParts, request: Request, response: Response): void {
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

/** Answers any failure of a page with a page, or with a fragment where one was asked for. */
export function createScreenFailure(parts: Pick<ScreenParts, 'assets' | 'urls'>): ErrorRequestHandler {
  return (thrown: unknown, request, response, _next) => {
    const scope = getScope(request);
    const failure = toHttpError(thrown, scope.id);
    logFailure(scope, failure, thrown);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (failure.retryAfterS !== undefined) response.setHeader('Retry-After', String(failure.retryAfterS));
    response.setHeader('Cache-Control', PAGE_CACHE_CONTROL);
    const { urls } = parts;
    const way =
      scope.access === undefined
        ? { href: urls.login(), label: 'Sign in' }
        : { href: urls.overview(), label: 'Go to the overview' };
    const view = { assets: parts.assets, status: failure.status, message: failure.message, requestId: scope.id, way };
    response
      .status(failure.status)
      .type('html')
      .send((isFragment(request) ? errorFragment(view) : errorPage(view)).toString());
  };
}
