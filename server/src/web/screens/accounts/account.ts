/** `/account`: who one is here, and changing one's own password. */
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { changePassword, type IssuedSession, type PasswordCheck } from '../../../core/accounts/accounts.ts';
import { changeZone, findOwnZone } from '../../../core/accounts/own-zone.ts';
import { isAllowed, PERMISSIONS, type Permission } from '../../../core/caller.ts';
import { readInstallation } from '../../../core/installation-settings.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatBytes } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { hasProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { listZones } from '../plans/plan-schedule.ts';
import { buildShell } from '../shell.ts';
import { type AccountView, accountPage } from './account.view.ts';

const MAY: Readonly<Record<Permission, string>> = {
  view: 'see everything',
  'host.approve': 'approve hosts',
  'host.manage': 'manage hosts',
  'source.manage': 'manage sources',
  'repository.manage': 'manage repositories',
  'plan.manage': 'manage plans',
  'run.start': 'start and cancel runs',
  'restore.start': 'restore',
  'alert.handle': 'acknowledge and snooze alerts',
  'channel.manage': 'manage the channels of alerts',
  'people.manage': 'manage people and keys',
  'settings.manage': 'change settings of the installation',
  'audit.view': 'read the audit',
};

/** What stands at the form. Passwords are never given back: only why they were refused. */
interface Refusal {
  text?: string | undefined;
  fields: Readonly<Record<string, string>>;
}

async function render(context: CoreContext, visit: Visit, refusal: Refusal): Promise<PageReply> {
  const { caller, urls } = visit;
  const shell = await buildShell(context, visit, 'account');
  const { current, password, again } = refusal.fields;
  const view: AccountView = {
    name: caller.actor.name,
    role: shell.user?.role ?? caller.role,
    may: PERMISSIONS.filter((permission) => isAllowed(caller, permission)).map((permission) => MAY[permission]),
    zone: {
      action: urls.changeZone(),
      value: (await findOwnZone(context, caller)) ?? '',
      zones: listZones(),
      usual: (await readInstallation(context)).zone,
      shown: shell.zone,
    },
    action: urls.changePassword(),
    rules: { minChars: HTTP.passwordMinChars, maxBytes: formatBytes(HTTP.passwordMaxBytes) },
    problem: refusal.text,
    errors: { current, password, again },
  };
  return { kind: 'page', html: accountPage(shell, view), ...(hasProblem(refusal) ? { status: 422 } : {}) };
}

/** What is wrong with the form itself, before anything is asked of the core. */
function checkForm({ form }: Visit): Refusal['fields'] {
  const [current, next, again] = ['current', 'password', 'again'].map((name) => readText(form, name));
  return {
    ...(current === '' ? { current: 'Your present password is needed.' } : {}),
    ...(next === '' ? { password: 'The new password is needed.' } : {}),
    ...(next !== '' && next === current ? { password: 'The new password is the present one.' } : {}),
    ...(next !== '' && next !== again ? { again: 'The two new passwords differ.' } : {}),
  };
}

function toSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}

function explainFailure(thrown: unknown): Refusal {
  const seconds = thrown instanceof AppError && thrown.code === 'limit' ? thrown.details['retryAfterS'] : undefined;
  if (typeof seconds === 'number') return { text: `Too many tries. Wait ${seconds} seconds, then try once more.`, fields: {} };
  const problem = toFormProblem(thrown);
  const fields = Object.entries(problem.fields).map(([name, text]) => [name, toSentence(text)] as const);
  return { text: problem.text === undefined ? undefined : toSentence(problem.text), fields: Object.fromEntries(fields) };
}

async function setPassword(context: CoreContext, visit: Visit, checkPassword: PasswordCheck): Promise<PageReply> {
  const { caller, facts, form } = visit;
  const fields = checkForm(visit);
  if (hasProblem({ fields })) return render(context, visit, { fields });
  let session: IssuedSession;
  try {
    // Whoever sits at a browser that was left open guesses no faster here than at the login.
    await visit.takeAttempt(caller.actor.name);
    session = await changePassword(
      context,
      caller,
      checkPassword,
      { current: readText(form, 'current'), next: readText(form, 'password') },
      { address: facts.address, agent: facts.userAgent, requestId: facts.requestId },
    );
  } catch (thrown) {
    return render(context, visit, explainFailure(thrown));
  }
  const text = 'Your password is changed. Wherever else you were signed in, you are signed out.';
  return { kind: 'redirect', to: visit.urls.account(), session, flash: { tone: 'good', text } };
}

async function setZone(context: CoreContext, visit: Visit): Promise<PageReply> {
  const zone = readText(visit.form, 'zone');
  await changeZone(context, visit.caller, zone === '' ? undefined : zone);
  const text = zone === '' ? 'Times are shown as to everybody here.' : `Times are shown in ${zone}.`;
  return { kind: 'redirect', to: visit.urls.account(), flash: { tone: 'good', text } };
}

/** `checkPassword` holds the rules for new passwords. */
export function createAccountScreens(checkPassword: PasswordCheck): readonly ScreenRoute[] {
  return [
    { method: 'get', path: PAGES.account, handle: (context, visit) => render(context, visit, NO_PROBLEM) },
    // A refused form stands at this address: whoever opens it again gets the page, with nothing in it.
    {
      method: 'get',
      path: PAGES.changePassword,
      handle: async (_context, visit) => ({ kind: 'redirect', to: visit.urls.account() }),
    },
    { method: 'post', path: PAGES.changeZone, handle: setZone },
    { method: 'post', path: PAGES.changePassword, handle: (context, visit) => setPassword(context, visit, checkPassword) },
  ];
}
