/**
 * Asks the sender of a form who they are, where its use case demands a fresh proof: the form waits here, the browser goes to a page that asks
 * for the password, and with that the form is carried out as it was sent. It works without script, and nothing that was typed is lost.
 */
import { AppError } from '@holdfast/shared/errors.ts';
import type { Request, Response } from 'express';
import { findUnconfirmed } from '../../core/accounts/proof-age.ts';
import { confirmSession } from '../../core/accounts/step-up.ts';
import { PAGE_CACHE_CONTROL } from '../security-headers.ts';
import { findLocalPath } from '../urls.ts';
import { CONFIRM_FIELDS, confirmPage } from './confirm.view.ts';
import { createHeldForms, type HeldForm } from './held-forms.ts';
import type { Access } from './request-scope.ts';
import type { Visit } from './route.ts';
import { redirect, type ScreenParts } from './screen-replies.ts';

/** A visit of somebody who is signed in, as it was let in. */
export interface Visited {
  person: Access;
  visit: Visit;
}

export interface Confirmation {
  /** The form that waited, where this visit brings the password for one; undefined where the answer was given here. */
  settle(visited: Visited, request: Request, response: Response): Promise<Visited | undefined>;
  /** Whether the failure asks for a proof; then the form waits, and the answer leads to the page that asks for it. */
  ask(thrown: unknown, visited: Visited, request: Request, response: Response): boolean;
  /** The page. */
  show(person: Access, request: Request, response: Response): void;
}

/** The page of ours that a form was sent from. */
function findOrigin(request: Request, basePath: string): string | undefined {
  const said = request.get('hx-current-url') ?? request.get('referer');
  if (said === undefined || !URL.canParse(said)) return undefined;
  const { pathname, search } = new URL(said);
  return findLocalPath(`${pathname}${search}`, basePath);
}

function readOne(values: Visit['form'], name: string): string {
  const value = values[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

const createGone = () =>
  new AppError('conflict', 'what you had sent is not kept any more: open its page, fill it in again, and send it', {
    retry: 'never',
    details: { gone: true },
  });

export function createConfirmation(parts: ScreenParts): Confirmation {
  const { context, urls, cookies, assets } = parts;
  const helds = createHeldForms(context.clock, () => context.crypto.toBase64Url(context.crypto.randomBytes(24)));

  const getHeld = ({ holder }: Access, name: string): HeldForm => {
    const held = helds.find(holder, name);
    if (held === undefined) throw createGone();
    return held;
  };
  const send = (
    response: Response,
    { caller }: Access,
    name: string,
    held: HeldForm,
    refusal: { status: number; problem?: string; retryAfterS?: number } = { status: 200 },
  ): void => {
    if (refusal.retryAfterS !== undefined) response.setHeader('Retry-After', String(refusal.retryAfterS));
    const view = {
      assets,
      action: held.url,
      held: name,
      name: caller.actor.name,
      what: held.what,
      cancelHref: held.from ?? urls.overview(),
    };
    response
      .setHeader('Cache-Control', PAGE_CACHE_CONTROL)
      .status(refusal.status)
      .type('html')
      .send(confirmPage({ ...view, problem: refusal.problem }).toString());
  };

  return {
    async settle({ person, visit }, request, response) {
      const name = readOne(visit.form, CONFIRM_FIELDS.held);
      if (name === '' || person.session === undefined) return { person, visit };
      const held = getHeld(person, name);
      if (held.url !== request.originalUrl) throw createGone();
      try {
        // Whoever sits at a browser that was left open guesses no faster here than at the login.
        await visit.takeAttempt(person.caller.actor.name);
        const password = readOne(visit.form, CONFIRM_FIELDS.password);
        const session = await confirmSession(context, person.caller, person.session, password);
        helds.forget(name);
        cookies.writeSession(response, session, context.clock.now());
        const proven = await parts.admission.findByToken(request, session.token);
        // Ended in this very moment, by somebody else.
        if (proven === undefined) throw new AppError('unauthenticated', 'you are signed out');
        return {
          person: proven,
          visit: { ...visit, caller: proven.caller, form: held.form, isFragment: false, fragmentTargets: [] },
        };
      } catch (thrown) {
        const refusal = explainRefusal(thrown);
        if (refusal === undefined || helds.find(person.holder, name) === undefined) throw thrown;
        send(response, person, name, held, refusal);
        return undefined;
      }
    },
    ask(thrown, { person, visit }, request, response) {
      const what = findUnconfirmed(thrown);
      if (what === undefined || request.method !== 'POST' || person.session === undefined || response.headersSent) return false;
      // Only what findLocalPath takes is an address that a form of ours was sent to.
      const url = findLocalPath(request.originalUrl, urls.basePath);
      if (url !== request.originalUrl) return false;
      const name = helds.hold(person.holder, { url, form: visit.form, from: findOrigin(request, urls.basePath), what });
      redirect(request, response, urls.confirm({ form: name }));
      return true;
    },
    show(person, request, response) {
      const { form } = request.query;
      const name = typeof form === 'string' ? form : '';
      send(response, person, name, getHeld(person, name));
    },
  };
}

/** Why the password was not taken, in words for the form; undefined for what is no matter of the form. */
function explainRefusal(thrown: unknown): { status: number; problem: string; retryAfterS?: number } | undefined {
  if (!(thrown instanceof AppError)) return undefined;
  if (thrown.code === 'unauthenticated') return { status: 403, problem: 'The password is wrong.' };
  if (thrown.code !== 'limit') return undefined;
  const seconds = thrown.details['retryAfterS'];
  const retryAfterS = typeof seconds === 'number' ? seconds : 5;
  return { status: 429, problem: `Too many tries. Wait ${retryAfterS} seconds, then try once more.`, retryAfterS };
}
