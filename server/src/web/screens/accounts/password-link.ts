/** `/password`: whoever holds a link that works chooses their own password there, and is signed in. */
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { PasswordCheck } from '../../../core/accounts/accounts.ts';
import { checkPasswordLink, redeemPasswordLink } from '../../../core/accounts/people.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { PublicReply, PublicRoute, PublicVisit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readText } from '../forms/form-values.ts';
import { choosePasswordPage, type PasswordLinkView } from './password-link.view.ts';

const COOKIE = 'password';

function render(visit: PublicVisit, name: string, errors: PasswordLinkView['errors']) {
  const { frame, urls } = visit;
  return choosePasswordPage({
    ...{ assets: frame.assets, action: urls.choosePassword(), name, errors },
    passwordMinChars: HTTP.passwordMinChars,
  });
}

/**
 * The address with the token leads at once to the same page without it, so that the token stays out of the page, the
 * address bar and the history; until the form is sent it waits in a cookie that no script can read.
 */
async function show(context: CoreContext, visit: PublicVisit): Promise<PublicReply> {
  const given = readText(visit.query, 'token');
  const { name } = await checkPasswordLink(context, given || visit.cookies[COOKIE] || '');
  if (given === '') return { kind: 'page', html: render(visit, name, {}) };
  return { kind: 'redirect', to: visit.urls.choosePassword(), cookies: { [COOKIE]: given }, noReferrer: true };
}

function explainFailure(thrown: unknown): PasswordLinkView['errors'] {
  if (!(thrown instanceof AppError) || thrown.code !== 'invalid' || thrown.details['field'] !== 'password') throw thrown;
  return { password: `${thrown.message.charAt(0).toUpperCase()}${thrown.message.slice(1)}.` };
}

async function choose(context: CoreContext, checkPassword: PasswordCheck, visit: PublicVisit): Promise<PublicReply> {
  const { address, userAgent, requestId } = visit.facts;
  const password = readText(visit.form, 'password');
  const token = readText(visit.form, 'token') || visit.cookies[COOKIE] || '';
  const { name } = await checkPasswordLink(context, token);
  if (readText(visit.form, 'again') !== password)
    return { kind: 'page', status: 400, html: render(visit, name, { again: 'The two passwords differ.' }) };
  try {
    const from = { address, agent: userAgent, requestId };
    const session = await redeemPasswordLink(context, checkPassword, { token, password }, from);
    const text = 'Your password is chosen. Wherever else you were signed in, you are signed out.';
    return { kind: 'redirect', to: visit.urls.overview(), session, cookies: { [COOKIE]: '' }, flash: { tone: 'good', text } };
  } catch (thrown) {
    return { kind: 'page', status: 400, html: render(visit, name, explainFailure(thrown)) };
  }
}

/** `checkPassword` holds the rules for new passwords. */
export function createPasswordLinkScreens(checkPassword: PasswordCheck): readonly PublicRoute[] {
  return [
    { method: 'get', path: PAGES.choosePassword, access: 'public', handle: show },
    {
      ...{ method: 'post', path: PAGES.choosePassword, access: 'public' },
      handle: (context, visit) => choose(context, checkPassword, visit),
    },
  ];
}
