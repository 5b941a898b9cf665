/** People: the first administrator, logins and their sessions, users. Tokens are stored as hashes. */
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { HTTP, TEXT } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import type { Role, Session, User } from '../../store/people.ts';
import { recordAct } from '../audit.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

/** What a new password must be; throws `invalid` with `details.field = "password"`. The vault has the rules. */
export type PasswordCheck = (password: string, user: { name: string }) => void;

/** Where a request comes from, for sessions and the audit trail. */
export interface Origin {
  address: string;
  agent: string;
  requestId?: string | undefined;
}

/** A session just made. The token is for the person's cookie; only its hash is stored. */
export interface IssuedSession {
  token: string;
  expiresAt: number;
  session: Session;
  user: User;
}

const BOOTSTRAP_SETTING = 'bootstrap';
const bootstrapSchema = z.object({ hash: z.string(), expiresAt: z.int() });
const AGENT_CHARS = 300;

/** The caller behind commands on the server's own machine: whoever may read the database is an administrator. */
export function createCliCaller(person: string): Caller {
  return { actor: { kind: 'cli', id: 'cli', name: person }, tenant: DEFAULT_TENANT, role: 'admin' };
}

// First start

/**
 * When there is no user yet, makes a new one-time token (an older one ends) and returns it for the log; undefined once
 * there is a user. The page is `<base URL>/bootstrap?token=…`.
 */
export async function ensureBootstrap(context: CoreContext): Promise<{ token: string; expiresAt: number } | undefined> {
  if (!(await isFirstStart(context))) return undefined;
  const token = context.crypto.randomToken('hfb');
  const expiresAt = context.clock.now() + HTTP.bootstrapLifeMs;
  await context.store.settings.putSetting(
    BOOTSTRAP_SETTING,
    JSON.stringify({ hash: context.crypto.hashToken(token), expiresAt }),
  );
  return { token, expiresAt };
}

/** Whether the first administrator is still to be made, so that nobody can sign in yet. */
export async function isFirstStart(context: Pick<CoreContext, 'store'>): Promise<boolean> {
  return (await context.store.people.countUsers()) === 0;
}

/**
 * Whether the token may make the first administrator now. Throws `conflict` with `details.gone` once there is a user or the
 * token has expired, `unauthenticated` when it is not the one of this start.
 */
export async function checkBootstrap(context: CoreContext, token: string): Promise<void> {
  if (!(await isFirstStart(context))) throw createGone('the first administrator exists already: sign in instead');
  const text = await context.store.settings.findSetting(BOOTSTRAP_SETTING);
  const stored = text === undefined ? undefined : bootstrapSchema.parse(JSON.parse(text));
  if (stored === undefined || !context.crypto.equalText(stored.hash, context.crypto.hashToken(token))) {
    throw new AppError(
      'unauthenticated',
      'this is not the newest first-start address: the server’s log shows the right one after each start',
    );
  }
  if (stored.expiresAt <= context.clock.now()) {
    throw createGone('this first-start address has expired: restart the server, its log shows a new one');
  }
}

/** Makes the first administrator and signs them in. Works once: a second call is `conflict` with `details.gone`. */
export async function redeemBootstrap(
  context: CoreContext,
  checkPassword: PasswordCheck,
  wanted: { token: string; name: string; password: string },
  from: Origin,
): Promise<IssuedSession> {
  await checkBootstrap(context, wanted.token);
  const user = await buildUser(context, checkPassword, { ...wanted, role: 'admin' });
  try {
    await context.store.people.insertFirstUser(user);
  } catch (error) {
    if (error instanceof AppError && error.code === 'conflict') throw createGone(error.message);
    throw error;
  }
  const caller = callerOfUser(user, from);
  await recordAct(context, caller, {
    action: 'user.created',
    target: { kind: 'user', id: user.id, name: user.name },
    change: { role: user.role, by: 'bootstrap' },
  });
  return issueSession(context, user, from);
}

function createGone(message: string): AppError {
  return new AppError('conflict', message, { retry: 'never', details: { gone: true } });
}

// Login and sessions

/**
 * Checks name and password and starts a session; the one of `replaces` (a token) ends, so that a session never survives
 * a login. Throws `unauthenticated` with the same words after the same work whatever was wrong, `limit` when too many
 * logins wait for their hash. The caller limits attempts before coming here.
 */
export async function login(
  context: CoreContext,
  given: { name: string; password: string; replaces?: string | undefined },
  from: Origin,
): Promise<IssuedSession> {
  const { store, passwords } = context;
  const name = given.name.trim().slice(0, TEXT.nameChars);
  const found = name === '' ? undefined : await store.people.findUserByName(DEFAULT_TENANT, name);
  const user = found?.disabled === true ? undefined : found;
  if (!(await passwords.verifyPassword(user?.passwordHash, given.password)) || user === undefined) {
    await recordAct(context, callerOfStranger(name, from), {
      action: 'login.failed',
      target: { kind: 'user', id: found?.id ?? '', name },
    });
    throw new AppError('unauthenticated', 'the name or the password is wrong');
  }
  if (user.passwordHash === undefined || passwords.needsRehash(user.passwordHash)) {
    await store.people.updatePassword(user.tenant, user.id, await passwords.hashPassword(given.password));
  }
  if (given.replaces !== undefined) await endSession(context, given.replaces);
  await store.people.deleteExpiredSessions(context.clock.now());
  const issued = await issueSession(context, user, from);
  await recordAct(context, callerOfUser(user, from), {
    action: 'login.succeeded',
    target: { kind: 'user', id: user.id, name: user.name },
  });
  return issued;
}

/** Ends the session of this token; nothing happens when there is none. */
export async function logout(context: CoreContext, caller: Caller, token: string): Promise<void> {
  if (!(await endSession(context, token))) return;
  await recordAct(context, caller, {
    action: 'logout',
    target: { kind: 'user', id: caller.actor.id, name: caller.actor.name },
  });
}

async function endSession(context: CoreContext, token: string): Promise<boolean> {
  const found = await context.store.people.findSession(context.crypto.hashToken(token), context.clock.now());
  if (found) await context.store.people.deleteSession(found.session.id);
  return found !== undefined;
}

/** Starts a session. Whoever calls has made sure who it is for. */
export async function issueSession(context: CoreContext, user: User, from: Origin): Promise<IssuedSession> {
  const token = context.crypto.randomToken('hfs');
  const now = context.clock.now();
  const session: Session = {
    id: context.createId('session'),
    tenant: user.tenant,
    user: user.id,
    tokenHash: context.crypto.hashToken(token),
    createdAt: now,
    lastSeenAt: now,
    expiresAt: now + HTTP.sessionMs,
    provenAt: now,
    address: from.address,
    agent: from.agent.slice(0, AGENT_CHARS),
  };
  await context.store.people.insertSession(session);
  context.bus.publish(user.tenant, { kind: 'refresh', topic: TOPICS.people });
  return { token, expiresAt: session.expiresAt, session, user };
}

/** Who is behind a session's token. */
export interface SessionCaller {
  caller: Caller;
  session: Session;
  user: User;
}

/** The person of a session that has neither ended nor been idle too long. Notes the use, unless `isPassive`. */
export async function findCallerBySession(
  context: CoreContext,
  token: string,
  from: { address?: string | undefined; requestId?: string | undefined } = {},
  isPassive = false,
): Promise<SessionCaller | undefined> {
  const now = context.clock.now();
  const found = await context.store.people.findSession(context.crypto.hashToken(token), now);
  if (!found) return undefined;
  const { session, user } = found;
  if (now - session.lastSeenAt > HTTP.sessionIdleMs) {
    await context.store.people.deleteSession(session.id);
    return undefined;
  }
  if (!isPassive && now - session.lastSeenAt >= HTTP.touchEveryMs) await context.store.people.touchSession(session.id, now);
  return { caller: { ...callerOfUser(user, from), provenAt: session.provenAt }, session, user };
}

/** A person acting for themselves. */
export function callerOfUser(user: User, from: { address?: string | undefined; requestId?: string | undefined }): Caller {
  return {
    actor: { kind: 'user', id: user.id, name: user.name },
    tenant: user.tenant,
    role: user.role,
    address: from.address,
    requestId: from.requestId,
  };
}

/** Stands in the audit row of a failed login, and is never allowed anything. */
function callerOfStranger(name: string, from: Origin): Caller {
  const actor = { kind: 'user' as const, id: '', name };
  return { actor, tenant: DEFAULT_TENANT, role: 'viewer', address: from.address, requestId: from.requestId };
}

// Users

export async function createUser(
  context: CoreContext,
  caller: Caller,
  checkPassword: PasswordCheck,
  wanted: { name: string; role: Role; password: string },
): Promise<User> {
  demand(caller, 'people.manage');
  const user = await buildUser(context, checkPassword, wanted);
  await context.store.people.insertUser(user);
  await recordAct(context, caller, {
    action: 'user.created',
    target: { kind: 'user', id: user.id, name: user.name },
    change: { role: user.role },
  });
  return user;
}

/** The name as it is kept. Throws `invalid` naming the field `name` for what is none. */
export function checkPersonName(wanted: string): string {
  const parsed = nameSchema.safeParse(wanted);
  if (parsed.success) return parsed.data;
  throw new AppError('invalid', `the name must be one line of at most ${TEXT.nameChars} characters`, {
    details: { field: 'name' },
  });
}

async function buildUser(
  context: CoreContext,
  checkPassword: PasswordCheck,
  wanted: { name: string; role: Role; password: string },
): Promise<User> {
  const name = checkPersonName(wanted.name);
  checkPassword(wanted.password, { name });
  return {
    id: context.createId('user'),
    tenant: DEFAULT_TENANT,
    name,
    role: wanted.role,
    passwordHash: await context.passwords.hashPassword(wanted.password),
    disabled: false,
    createdAt: context.clock.now(),
  };
}

/**
 * A person changes their own password. All their sessions end; the returned one is for the browser that asked. Throws `forbidden` for a caller
 * that is no person, `invalid` naming `current` for a wrong password, and what `checkPassword` throws for the next one.
 */
export async function changePassword(
  context: CoreContext,
  caller: Caller,
  checkPassword: PasswordCheck,
  given: { current: string; next: string },
  from: Origin,
): Promise<IssuedSession> {
  const { people } = context.store;
  const user = (await people.listUsers(caller.tenant)).find((one) => caller.actor.kind === 'user' && one.id === caller.actor.id);
  if (user === undefined) throw new AppError('forbidden', 'only a signed-in person has a password to change');
  if (!(await context.passwords.verifyPassword(user.passwordHash, given.current))) {
    throw new AppError('invalid', 'the present password is wrong', { details: { field: 'current' } });
  }
  checkPassword(given.next, user);
  await people.updatePassword(user.tenant, user.id, await context.passwords.hashPassword(given.next));
  await people.deleteSessionsOf(user.tenant, user.id);
  await people.deletePasswordLink(user.tenant, user.id);
  await recordAct(context, caller, { action: 'user.password_changed', target: { kind: 'user', id: user.id, name: user.name } });
  return issueSession(context, user, from);
}
