/** The first start: a one-time address from the log makes the first administrator. */
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP, TEXT } from '@holdfast/shared/limits.ts';
import { checkBootstrap, type PasswordCheck, redeemBootstrap } from '../../../core/accounts/accounts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { PublicReply, PublicRoute, PublicVisit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { type BootstrapView, bootstrapPage, wrongTokenPage } from './bootstrap.view.ts';

const COOKIE = 'bootstrap';

function readOne(values: Readonly<Record<string, string | string[]>>, name: string): string {
  const value = values[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function render(visit: PublicVisit, name: string, errors: BootstrapView['errors']) {
  const { frame, urls } = visit;
  return bootstrapPage({
    assets: frame.assets,
    action: urls.bootstrap(),
    name,
    passwordMinChars: HTTP.passwordMinChars,
    errors,
  });
}

/** The page for a token that is not the newest one; undefined for the right one. A used or expired one is an error (410). */
async function refuseToken(context: CoreContext, visit: PublicVisit, token: string): Promise<PublicReply | undefined> {
  try {
    await checkBootstrap(context, token);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.code !== 'unauthenticated') throw thrown;
    return { kind: 'page', status: 401, html: wrongTokenPage({ assets: visit.frame.assets }), noReferrer: true };
  }
}

/**
 * The address with the token leads at once to the same page without it, so that the token stays out of the page, the
 * address bar and the history; until the form is sent it waits in a cookie that no script can read.
 */
async function showBootstrap(context: CoreContext, visit: PublicVisit): Promise<PublicReply> {
  const given = readOne(visit.query, 'token');
  const token = given || visit.cookies[COOKIE] || '';
  const refusal = await refuseToken(context, visit, token);
  if (refusal !== undefined) return refusal;
  if (given === '') return { kind: 'page', html: render(visit, '', {}) };
  return { kind: 'redirect', to: visit.urls.bootstrap(), cookies: { [COOKIE]: given }, noReferrer: true };
}

function explainFailure(thrown: unknown): BootstrapView['errors'] {
  const field = thrown instanceof AppError && thrown.code === 'invalid' ? thrown.details['field'] : undefined;
  if (!(thrown instanceof AppError) || (field !== 'name' && field !== 'password')) throw thrown;
  return { [field]: `${thrown.message.charAt(0).toUpperCase()}${thrown.message.slice(1)}.` };
}

async function createAdministrator(context: CoreContext, checkPassword: PasswordCheck, visit: PublicVisit): Promise<PublicReply> {
  const name = readOne(visit.form, 'name').slice(0, TEXT.nameChars + 1);
  const password = readOne(visit.form, 'password');
  const token = readOne(visit.form, 'token') || visit.cookies[COOKIE] || '';
  const refusal = await refuseToken(context, visit, token);
  if (refusal !== undefined) return refusal;
  const again = visit.form['again'];
  if (again !== undefined && again !== password) {
    return { kind: 'page', status: 400, html: render(visit, name, { again: 'The two passwords differ.' }) };
  }
  const { address, userAgent, requestId } = visit.facts;
  try {
    const session = await redeemBootstrap(
      context,
      checkPassword,
      { token, name, password },
      { address, agent: userAgent, requestId },
    );
    return { kind: 'redirect', to: visit.urls.overview(), session, cookies: { [COOKIE]: '' } };
  } catch (thrown) {
    return { kind: 'page', status: 400, html: render(visit, name, explainFailure(thrown)) };
  }
}

/** `checkPassword` holds the rules for new passwords. */
export function createBootstrapScreens(checkPassword: PasswordCheck): readonly PublicRoute[] {
  return [
    { method: 'get', path: PAGES.bootstrap, access: 'public', handle: showBootstrap },
    {
      method: 'post',
      path: PAGES.bootstrap,
      access: 'public',
      handle: (context, visit) => createAdministrator(context, checkPassword, visit),
    },
  ];
}
