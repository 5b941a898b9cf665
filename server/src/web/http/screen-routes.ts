/** Turns the tables of screens into handlers: who visits, the form, the page, and what a failure looks like. */
import { AppError } from '@holdfast/shared/errors.ts';
import { type ErrorRequestHandler, type Request, type Response, Router } from 'express';
import { logout } from '../../core/accounts/accounts.ts';
import { readInstallation } from '../../core/installation-settings.ts';
import { PAGE_CACHE_CONTROL } from '../security-headers.ts';
import { groupAddress } from './attempts.ts';
import { readForm } from './bodies.ts';
import { type Confirmation, createConfirmation } from './confirmation.ts';
import { errorFragment, errorPage } from './error.view.ts';
import { logFailure } from './failure-log.ts';
import { toHttpError } from './http-error.ts';
import { createLiveLooks, type LiveLooks, nameLook, readLook, toAnybody } from './live-looks.ts';
import { type Access, getScope } from './request-scope.ts';
import type { PageReply, PublicReply, PublicRoute, PublicVisit, ScreenRoute, Visit } from './route.ts';
import { sortByPath } from './route-order.ts';
import { demandSameOrigin, isSafeMethod } from './same-origin.ts';
import { isFragment, redirect, type ScreenParts, sendLook, sendReply, sendToLogin } from './screen-replies.ts';
import { describeTrouble } from './trouble.ts';
import { createTurns } from './turns.ts';

export type AnyScreen = ScreenRoute | PublicRoute;

export function createScreenRouter(parts: ScreenParts, screens: readonly AnyScreen[]): Router {
  const router = Router({ caseSensitive: true });
  // Before any route and any session: a forged request learns nothing and changes nothing.
  router.use((request, _response, next) => {
    if (!isSafeMethod(request.method)) demandSameOrigin(request, parts.baseOrigin);
    next();
  });
  const turns = createTurns();
  const looks = createLiveLooks(turns);
  const confirmation = createConfirmation(parts);
  for (const screen of sortByPath(screens)) {
    router[screen.method](screen.path, async (request: Request, response: Response) => {
      if ('access' in screen) {
        await turns.take();
        return answerAnyone(parts, screen, request, response);
      }
      const look = readLook(request);
      if (look !== undefined) return answerLook({ parts, looks, screen, look }, request, response);
      await turns.take();
      await answerPerson({ parts, confirmation, screen }, request, response);
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
  router.get(parts.urls.confirm().slice(parts.urls.basePath.length), async (request, response) => {
    const person = await parts.admission.findPerson(request);
    if (person === undefined) return sendToLogin(parts, request, response);
    getScope(request).access = person;
    confirmation.show(person, request, response);
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

interface AskedPage {
  parts: ScreenParts;
  confirmation: Confirmation;
  screen: ScreenRoute;
}

async function answerPerson({ parts, confirmation, screen }: AskedPage, request: Request, response: Response): Promise<void> {
  const visitor = await parts.admission.findPerson(request);
  if (visitor === undefined) return sendToLogin(parts, request, response);
  getScope(request).access = visitor;
  const asked: Visit = { ...(await readVisit(parts, request, response, visitor)), caller: visitor.caller };
  const visited = await confirmation.settle({ person: visitor, visit: asked }, request, response);
  if (visited === undefined) return;
  const { person, visit } = visited;
  getScope(request).access = person;
  try {
    const reply = await screen.handle(parts.context, visit);
    endReplacedSession(parts, reply, person);
    await sendReply(parts, visit, reply, request, response);
  } catch (thrown) {
    if (!confirmation.ask(thrown, visited, request, response)) throw thrown;
  }
}

interface AskedLook {
  parts: ScreenParts;
  looks: LiveLooks;
  screen: ScreenRoute;
  look: readonly string[];
}

/** What a page asks for by itself. Everybody is let in as for the page; what they get may be made for many. */
async function answerLook({ parts, looks, screen, look }: AskedLook, request: Request, response: Response): Promise<void> {
  const person = await parts.admission.findPerson(request);
  if (person === undefined) return sendToLogin(parts, request, response);
  getScope(request).access = person;
  const visit: Visit = {
    caller: toAnybody(person.caller),
    params: { ...(request.params as Record<string, string>) },
    query: { ...(request.query as Record<string, string | string[]>) },
    form: {},
    facts: { address: '', requestId: '', userAgent: '' },
    isFragment: true,
    fragmentTargets: look,
    here: request.originalUrl,
    urls: parts.urls,
    frame: { assets: parts.assets, zone: await findZone(parts, person), flash: [], trouble: [] },
    takeAttempt: () => Promise.reject(new TypeError('what a page looks up by itself tries no secret')),
  };
  const made = await looks.take(nameLook(visit), () => screen.handle(parts.context, visit));
  if (made.kind === 'page') await sendLook(parts, made, request, response);
  else await sendReply(parts, visit, made, request, response);
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
    fragmentTargets: readTargets(request),
    here: request.originalUrl,
    urls: parts.urls,
    frame: {
      assets: parts.assets,
      zone: person === undefined ? undefined : await findZone(parts, person),
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

/** In which this person reads times. */
async function findZone({ context }: ScreenParts, person: Access): Promise<string | undefined> {
  return person.zone ?? (await readInstallation(context)).zone;
}

/** htmx writes `div#id`, or the id alone. */
function readTargets(request: Request): readonly string[] {
  const id = /^(?:[a-z][a-z0-9-]*#)?([A-Za-z][\w:.-]{0,100})$/.exec(request.get('hx-target') ?? '')?.[1];
  return id === undefined ? [] : [id];
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
