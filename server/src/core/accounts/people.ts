/**
 * People as administrators look after them. Nobody chooses a password for somebody else: each person chooses their own at an
 * address that works once, of which the store keeps a hash alone.
 */
import type { UserId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Person, Role, User, UserChange } from '../../store/people.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand, demandScope } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { callerOfUser, checkPersonName, type IssuedSession, issueSession, type Origin, type PasswordCheck } from './accounts.ts';
import { demandPersonVersion } from './person-version.ts';
import { ROLE_SCOPES } from './scopes.ts';
import { demandProven } from './step-up.ts';

/** `waiting`: they have chosen no password yet. */
export type PersonState = 'active' | 'waiting' | 'disabled';

export function findPersonState({ disabled, passwordHash }: Pick<User, 'disabled' | 'passwordHash'>): PersonState {
  if (disabled) return 'disabled';
  return passwordHash === undefined ? 'waiting' : 'active';
}

/** The token of a link, given out this once: the address is `<base URL>/password?token=…`. */
export interface IssuedLink {
  token: string;
  expiresAt: number;
}

/** By name; with a search only those whose name holds it, whatever the case. */
export async function listPeople(
  context: CoreContext,
  caller: Caller,
  filter: { search?: string | undefined } = {},
): Promise<readonly Person[]> {
  demand(caller, 'people.manage');
  const people = await context.store.people.listPeople(caller.tenant, context.clock.now());
  const wanted = filter.search?.trim().normalize('NFKC').toLowerCase() ?? '';
  return people.filter(({ user }) => user.name.normalize('NFKC').toLowerCase().includes(wanted));
}

export async function getPerson(context: CoreContext, caller: Caller, id: UserId): Promise<Person> {
  demand(caller, 'people.manage');
  const person = await context.store.people.findPerson(caller.tenant, id, context.clock.now());
  if (person === undefined) throw new AppError('not_found', 'there is no such person');
  return person;
}

/** Makes somebody who can sign in once they have chosen a password. Nobody gives more than they may do themselves: `forbidden`. */
export async function createPerson(
  context: CoreContext,
  caller: Caller,
  wanted: { name: string; role: Role },
): Promise<{ user: User; link: IssuedLink }> {
  demand(caller, 'people.manage');
  demandRole(caller, wanted.role);
  await demandProven(context, caller, 'add a person');
  const user: User = {
    id: context.createId('user'),
    tenant: caller.tenant,
    name: checkPersonName(wanted.name),
    role: wanted.role,
    disabled: false,
    createdAt: context.clock.now(),
  };
  const { link, stored } = makeLink(context);
  await context.store.people.insertUser(user, stored);
  await recordAct(context, caller, {
    action: 'user.created',
    target: targetOf(user),
    change: { role: user.role, linkExpiresAt: link.expiresAt },
  });
  publish(context, caller);
  return { user, link };
}

/**
 * A new address for somebody who forgot their password, or whose first one expired; an older one ends. What they have now goes on
 * until they use it. Whoever is disabled gets none (`conflict`).
 */
export async function issuePasswordLink(
  context: CoreContext,
  caller: Caller,
  id: UserId,
): Promise<{ user: User; link: IssuedLink }> {
  const { user } = await getPerson(context, caller, id);
  // It lets its holder do what that person may do.
  demandRole(caller, user.role);
  await demandProven(context, caller, 'make a link that sets a password');
  const { link, stored } = makeLink(context);
  await context.store.people.putPasswordLink(caller.tenant, id, stored);
  await recordAct(context, caller, {
    action: 'user.password_link_issued',
    target: targetOf(user),
    change: { linkExpiresAt: link.expiresAt },
  });
  publish(context, caller);
  return { user, link };
}

/**
 * Changes what somebody may do, or whether they may sign in. Disabling ends their sessions and their link at once. `conflict` where
 * nobody would be left who can sign in as administrator, `forbidden` for a role, old or new, that may do more than the caller.
 * `version` is the one that the change was made for: `conflict` where the person has another one.
 */
export async function changePerson(
  context: CoreContext,
  caller: Caller,
  id: UserId,
  change: UserChange,
  version?: number,
): Promise<{ user: User; endedSessions: number }> {
  const { user } = await getPerson(context, caller, id);
  demandPersonVersion(user, version);
  if (change.role !== undefined) for (const role of [change.role, user.role]) demandRole(caller, role);
  await demandProven(context, caller, 'change what a person may do');
  const { before, after, endedSessions } = await context.store.people.changeUser(
    caller.tenant,
    id,
    change,
    version === undefined ? undefined : user,
  );
  const target = targetOf(after);
  if (before.role !== after.role) {
    await recordAct(context, caller, {
      action: 'user.role_changed',
      target,
      change: { before: { role: before.role }, after: { role: after.role } },
    });
  }
  if (before.disabled !== after.disabled) {
    await recordAct(context, caller, {
      ...{ action: after.disabled ? 'user.disabled' : 'user.enabled', target },
      ...(after.disabled ? { change: { endedSessions } } : {}),
    });
  }
  publish(context, caller);
  return { user: after, endedSessions };
}

/** Whose link this is. `conflict` with `details.gone` for one that was used, replaced or has expired, or is none at all. */
export async function checkPasswordLink(context: CoreContext, token: string): Promise<User> {
  const user = await context.store.people.findPasswordLink(context.crypto.hashToken(token), context.clock.now());
  if (user === undefined) throw createGone();
  return user;
}

/** The person behind the link has chosen a password: it is theirs, all their sessions end, and a new one begins. Works once. */
export async function redeemPasswordLink(
  context: CoreContext,
  checkPassword: PasswordCheck,
  given: { token: string; password: string },
  from: Origin,
): Promise<IssuedSession> {
  const { crypto, store, passwords, clock } = context;
  const owner = await checkPasswordLink(context, given.token);
  checkPassword(given.password, owner);
  const passwordHash = await passwords.hashPassword(given.password);
  const user = await store.people.redeemPasswordLink(crypto.hashToken(given.token), clock.now(), passwordHash);
  if (user === undefined) throw createGone();
  const caller = callerOfUser(user, from);
  await recordAct(context, caller, { action: 'user.password_chosen', target: targetOf(user) });
  publish(context, caller);
  return await issueSession(context, user, from);
}

function makeLink({ crypto, clock }: Pick<CoreContext, 'crypto' | 'clock'>) {
  const token = crypto.randomToken('hfp');
  const createdAt = clock.now();
  const expiresAt = createdAt + HTTP.passwordLinkLifeMs;
  return { link: { token, expiresAt }, stored: { tokenHash: crypto.hashToken(token), createdAt, expiresAt } };
}

function createGone(): AppError {
  const message =
    'this address was used already, or has expired, or a newer one took its place: ask an administrator for a new one';
  return new AppError('conflict', message, { retry: 'never', details: { gone: true } });
}

function demandRole(caller: Caller, role: Role): void {
  for (const scope of ROLE_SCOPES[role]) demandScope(caller, scope);
}

function targetOf({ id, name }: Pick<User, 'id' | 'name'>) {
  return { kind: 'user', id, name };
}

function publish({ bus }: Pick<CoreContext, 'bus'>, { tenant }: Pick<Caller, 'tenant'>): void {
  bus.publish(tenant, { kind: 'refresh', topic: TOPICS.people });
}
