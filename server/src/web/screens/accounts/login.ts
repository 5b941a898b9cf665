/** Signing in by name and password. */
import { AppError } from '@holdfast/shared/errors.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import { isFirstStart, login } from '../../../core/accounts/accounts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { PublicReply, PublicRoute, PublicVisit } from '../../http/route.ts';
import { findLocalPath, PAGES } from '../../urls.ts';
import { loginPage } from './login.view.ts';

/** One value of a form or query; the first when the name stands there more than once. */
function readOne(values: Readonly<Record<string, string | string[]>>, name: string): string {
  const value = values[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function readNext(visit: PublicVisit): string | undefined {
  const wanted = readOne(visit.form, 'next') || readOne(visit.query, 'next');
  return findLocalPath(wanted, visit.urls.basePath);
}

async function render(context: CoreContext, visit: PublicVisit, given: { name: string; problem?: string | undefined }) {
  const { frame, urls } = visit;
  const flash = frame.flash.map((one) => ({
    tone: one.tone === 'good' ? ('done' as const) : ('problem' as const),
    text: one.text,
  }));
  return loginPage({
    assets: frame.assets,
    action: urls.login(),
    next: readNext(visit),
    flash,
    isFirstStart: await isFirstStart(context),
    ...given,
  });
}

async function showLogin(context: CoreContext, visit: PublicVisit): Promise<PublicReply> {
  if (visit.caller !== undefined) return { kind: 'redirect', to: readNext(visit) ?? visit.urls.overview() };
  return { kind: 'page', html: await render(context, visit, { name: '' }) };
}

/** Why signing in did not work, in words for the form; anything else is no matter of the form. */
function explainFailure(thrown: unknown): { problem: string; status: number; retryAfterS?: number } {
  if (!(thrown instanceof AppError)) throw thrown;
  if (thrown.code === 'unauthenticated') return { problem: 'The name or the password is wrong.', status: 401 };
  if (thrown.code !== 'limit') throw thrown;
  const seconds = thrown.details['retryAfterS'];
  const retryAfterS = typeof seconds === 'number' ? seconds : 5;
  return { problem: `Too many tries. Wait ${retryAfterS} seconds, then try once more.`, status: 429, retryAfterS };
}

async function signIn(context: CoreContext, visit: PublicVisit): Promise<PublicReply> {
  const name = readOne(visit.form, 'name').slice(0, TEXT.nameChars);
  const password = readOne(visit.form, 'password');
  try {
    // Before any hashing: a flood of tries costs nothing.
    await visit.takeAttempt(name);
    const { address, userAgent, requestId } = visit.facts;
    const session = await login(
      context,
      { name, password, replaces: visit.sessionToken },
      { address, agent: userAgent, requestId },
    );
    return { kind: 'redirect', to: readNext(visit) ?? visit.urls.overview(), session };
  } catch (thrown) {
    const { problem, status, retryAfterS } = explainFailure(thrown);
    return { kind: 'page', html: await render(context, visit, { name, problem }), status, retryAfterS };
  }
}

export const LOGIN_SCREENS: readonly PublicRoute[] = [
  { method: 'get', path: PAGES.login, access: 'public', handle: showLogin },
  { method: 'post', path: PAGES.login, access: 'public', handle: signIn },
];
