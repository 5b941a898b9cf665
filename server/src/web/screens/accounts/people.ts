/** `/settings/people`: who may sign in and what they may do; a person chooses their own password, at an address shown once. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import {
  changePerson,
  createPerson,
  findPersonState,
  type IssuedLink,
  issuePasswordLink,
  listPeople,
} from '../../../core/accounts/people.ts';
import { demand } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Person, Role, User } from '../../../store/people.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { createUrls, PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, isShown, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { findText, readText } from '../forms/form-values.ts';
import { getParam, wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import { PEOPLE_TABLE, type PeopleView, type PersonLine, peoplePage, peopleTable } from './people.view.ts';

const ROLE_WORDS: Readonly<Record<Role, string>> = {
  viewer: 'viewer: sees everything but the audit, people and keys',
  operator: 'operator: runs, sets up and restores',
  admin: 'admin: everything, with hosts, people and keys',
};
/** The least first: what a new person gets unless more is chosen. */
const ROLES = ['viewer', 'operator', 'admin'] as const;

function findRole(text: string): Role | undefined {
  return ROLES.find((role) => role === text);
}

function toLine({ urls, caller }: Visit, { user, lastLoginAt, linkExpiresAt }: Person): PersonLine {
  const { id, name, role } = user;
  return {
    ...{ id, name, role, lastLoginAt, linkExpiresAt },
    state: findPersonState(user),
    isSelf: caller.actor.id === id,
    roleAction: urls.changePersonRole({ user: id }),
    linkAction: urls.linkPerson({ user: id }),
    disableAction: urls.disablePerson({ user: id }),
    enableAction: urls.enablePerson({ user: id }),
  };
}

function describePeople(people: readonly Person[]): { heading: string; isLoneAdmin: boolean } {
  const active = people.filter(({ user }) => findPersonState(user) === 'active');
  const admins = active.filter(({ user }) => user.role === 'admin').length;
  const waiting = people.filter(({ user }) => findPersonState(user) === 'waiting').length;
  const parts = [
    `${formatNoun(active.length, 'person', 'people')} may sign in`,
    `${admins} as ${admins === 1 ? 'administrator' : 'administrators'}`,
    ...(waiting === 0 ? [] : [`${waiting} ${waiting === 1 ? 'has' : 'have'} chosen no password yet`]),
  ];
  return { heading: `${parts.join(', ')}.`, isLoneAdmin: admins === 1 };
}

type Outcome = { problem?: FormProblem; fresh?: { user: User; link: IssuedLink } };

async function render(context: CoreContext, visit: Visit, { problem = NO_PROBLEM, fresh }: Outcome = {}): Promise<PageReply> {
  demand(visit.caller, 'people.manage');
  const { caller, urls, form } = visit;
  const search = findText(visit.query, 'search');
  const all = await listPeople(context, caller);
  const shown = search === undefined ? all : await listPeople(context, caller, { search });
  const isRefused = problem !== NO_PROBLEM;
  const view: PeopleView = {
    here: urls.people({ search }),
    page: urls.people(),
    settings: urls.settings(),
    face: readClockface(context, visit),
    ...describePeople(all),
    search,
    people: shown.map((person) => toLine(visit, person)),
    fresh: fresh && {
      name: fresh.user.name,
      address: `${context.baseUrl}${createUrls('').choosePassword({ token: fresh.link.token })}`,
      expiresAt: fresh.link.expiresAt,
    },
    roles: ROLES.map((value) => ({ value, label: ROLE_WORDS[value] })),
    add: {
      name: isRefused ? readText(form, 'name') : '',
      role: isRefused ? readText(form, 'role') : ROLES[0],
      errors: problem.fields,
      problem: problem.text,
    },
  };
  if (wantsPart(visit, PEOPLE_TABLE)) return { kind: 'page', html: peopleTable(view) };
  const shell = await buildShell(context, visit, 'settings');
  return { kind: 'page', status: isRefused ? 422 : 200, html: peoplePage(shell, view) };
}

/** Answers with the page itself, not with a redirect: the address must not survive in a message or a history. */
async function create(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'people.manage');
  const role = findRole(readText(visit.form, 'role'));
  if (role === undefined) return render(context, visit, { problem: { fields: { role: 'choose one of these' } } });
  try {
    return await render(context, visit, {
      fresh: await createPerson(context, visit.caller, { name: readText(visit.form, 'name'), role }),
    });
  } catch (thrown) {
    return render(context, visit, { problem: toFormProblem(thrown) });
  }
}

function readUser(visit: Visit) {
  return getParam(visit, 'user', idSchema('user'));
}

/** An act on a person, answered by the list with what came of it. */
function createAct(act: (context: CoreContext, visit: Visit) => Promise<string>): ScreenRoute['handle'] {
  return async (context, visit) => {
    demand(visit.caller, 'people.manage');
    const to = visit.urls.people();
    try {
      return { kind: 'redirect', to, flash: { tone: 'good', text: await act(context, visit) } };
    } catch (thrown) {
      if (!isShown(thrown) || thrown.code === 'not_found') throw thrown;
      return { kind: 'redirect', to, flash: { tone: 'bad', text: `Nothing was changed: ${thrown.message}.` } };
    }
  };
}

const changeRole = createAct(async (context, visit) => {
  const id = readUser(visit);
  const role = findRole(readText(visit.form, 'role'));
  if (role === undefined) return 'No role was chosen, so nothing was changed.';
  const { user } = await changePerson(context, visit.caller, id, { role });
  return `${user.name} is ${role} from now on.`;
});

const disable = createAct(async (context, visit) => {
  const { user, endedSessions } = await changePerson(context, visit.caller, readUser(visit), { disabled: true });
  const ended = endedSessions === 0 ? '' : ` ${formatNoun(endedSessions, 'session')} of theirs ended.`;
  return `${user.name} may not sign in any more.${ended}`;
});

const enable = createAct(async (context, visit) => {
  const { user } = await changePerson(context, visit.caller, readUser(visit), { disabled: false });
  return user.passwordHash === undefined
    ? `${user.name} is enabled, and has no password yet: make them a new link.`
    : `${user.name} may sign in again, with the password they had.`;
});

async function link(context: CoreContext, visit: Visit): Promise<PageReply> {
  const id = readUser(visit);
  try {
    return await render(context, visit, { fresh: await issuePasswordLink(context, visit.caller, id) });
  } catch (thrown) {
    if (!isShown(thrown) || thrown.code === 'not_found') throw thrown;
    const text = `There is no new link: ${thrown.message}.`;
    return { kind: 'redirect', to: visit.urls.people(), flash: { tone: 'bad', text } };
  }
}

export const PEOPLE_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.people, handle: (context, visit) => render(context, visit) },
  { method: 'post', path: PAGES.people, handle: create },
  { method: 'post', path: PAGES.changePersonRole, handle: changeRole },
  { method: 'post', path: PAGES.disablePerson, handle: disable },
  { method: 'post', path: PAGES.enablePerson, handle: enable },
  // A link was shown at this address: whoever opens it again gets the list.
  { method: 'get', path: PAGES.linkPerson, handle: async (_context, visit) => ({ kind: 'redirect', to: visit.urls.people() }) },
  { method: 'post', path: PAGES.linkPerson, handle: link },
];
