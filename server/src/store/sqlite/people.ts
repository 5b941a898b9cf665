import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import * as z from 'zod';
import { ROLE_SCOPES, SCOPES } from '../../core/accounts/scopes.ts';
import { type ApiKey, type PasswordLink, type PeopleStore, type Person, ROLES, type Session, type User } from '../people.ts';
import { counted, flag, foldName, json, optional } from './columns.ts';
import type { Params, Sql } from './statements.ts';

const USER = `u.id, u.tenant_id AS tenant, u.name, u.role, u.password_hash AS passwordHash, u.disabled, u.zone,
  u.created_at AS createdAt`;
const userColumns = {
  id: idSchema('user'),
  tenant: idSchema('tenant'),
  name: z.string(),
  role: z.enum(ROLES),
  passwordHash: z.string().transform((text) => (text === '' ? undefined : text)),
  disabled: flag,
  zone: optional(z.string()),
  createdAt: z.int(),
};
const userRow: z.ZodType<User> = z.object(userColumns);
const personRow = z
  .object({ ...userColumns, lastLoginAt: optional(z.int()), linkExpiresAt: optional(z.int()) })
  .transform(({ lastLoginAt, linkExpiresAt, ...user }): Person => ({ user, lastLoginAt, linkExpiresAt }));

const SESSION = `id, tenant_id AS tenant, user_id AS user, token_hash AS tokenHash, created_at AS createdAt,
  last_seen_at AS lastSeenAt, expires_at AS expiresAt, proven_at AS provenAt, address, agent`;
const sessionRow: z.ZodType<Session> = z.object({
  id: idSchema('session'),
  tenant: idSchema('tenant'),
  user: idSchema('user'),
  tokenHash: z.string(),
  createdAt: z.int(),
  lastSeenAt: z.int(),
  expiresAt: z.int(),
  provenAt: z.int(),
  address: z.string(),
  agent: z.string(),
});

const API_KEY = `id, tenant_id AS tenant, name, role, scopes, token_hash AS tokenHash, created_at AS createdAt,
  expires_at AS expiresAt, last_used_at AS lastUsedAt, revoked_at AS revokedAt`;
/** A key made before there were scopes has none of its own: it may do what its role may. */
const apiKeyRow: z.ZodType<ApiKey> = z
  .object({
    id: idSchema('apiKey'),
    tenant: idSchema('tenant'),
    name: z.string(),
    role: z.enum(ROLES),
    scopes: z.nullable(json(z.array(z.enum(SCOPES)))),
    tokenHash: z.string(),
    createdAt: z.int(),
    expiresAt: optional(z.int()),
    lastUsedAt: optional(z.int()),
    revokedAt: optional(z.int()),
  })
  .transform((row) => ({ ...row, scopes: row.scopes ?? ROLE_SCOPES[row.role] }));

const PERSON = `SELECT ${USER}, u.last_login_at AS lastLoginAt, l.expires_at AS linkExpiresAt FROM users u
  LEFT JOIN password_links l ON l.tenant_id = u.tenant_id AND l.user_id = u.id AND l.expires_at > @now`;

function prepareUsers(sql: Sql) {
  return {
    count: sql.select('SELECT count(*) AS count FROM users', counted),
    insert: sql.change(`INSERT INTO users (id, tenant_id, name, name_key, role, password_hash, disabled, zone, created_at)
      VALUES (@id, @tenant, @name, @nameKey, @role, @passwordHash, @disabled, @zone, @createdAt)`),
    byName: sql.select(`SELECT ${USER} FROM users u WHERE u.tenant_id = @tenant AND u.name_key = @nameKey`, userRow),
    byId: sql.select(`SELECT ${USER} FROM users u WHERE u.tenant_id = @tenant AND u.id = @id`, userRow),
    list: sql.select(`SELECT ${USER} FROM users u WHERE u.tenant_id = @tenant ORDER BY u.name_key, u.id`, userRow),
    listPeople: sql.select(`${PERSON} WHERE u.tenant_id = @tenant ORDER BY u.name_key, u.id`, personRow),
    person: sql.select(`${PERSON} WHERE u.tenant_id = @tenant AND u.id = @id`, personRow),
    /** Administrators who can sign in. */
    countAdmins: sql.select(
      `SELECT count(*) AS count FROM users
       WHERE tenant_id = @tenant AND role = 'admin' AND disabled = 0 AND password_hash <> ''`,
      counted,
    ),
    change: sql.change('UPDATE users SET role = @role, disabled = @disabled WHERE tenant_id = @tenant AND id = @id'),
    signedIn: sql.change(`UPDATE users SET last_login_at = max(coalesce(last_login_at, 0), @at)
      WHERE tenant_id = @tenant AND id = @id`),
    zone: sql.change('UPDATE users SET zone = @zone WHERE tenant_id = @tenant AND id = @id'),
    password: sql.change('UPDATE users SET password_hash = @passwordHash WHERE tenant_id = @tenant AND id = @id'),
  };
}

function prepareLinks(sql: Sql) {
  return {
    put: sql.change(`INSERT INTO password_links (tenant_id, user_id, token_hash, created_at, expires_at)
      VALUES (@tenant, @user, @tokenHash, @createdAt, @expiresAt)
      ON CONFLICT (tenant_id, user_id) DO UPDATE
        SET token_hash = excluded.token_hash, created_at = excluded.created_at, expires_at = excluded.expires_at`),
    owner: sql.select(
      `SELECT ${USER} FROM password_links l JOIN users u ON u.tenant_id = l.tenant_id AND u.id = l.user_id
       WHERE l.token_hash = @tokenHash AND l.expires_at > @now AND u.disabled = 0`,
      userRow,
    ),
    remove: sql.change('DELETE FROM password_links WHERE tenant_id = @tenant AND user_id = @user'),
  };
}

function prepareSessions(sql: Sql) {
  return {
    insert: sql.change(`INSERT INTO sessions
      (id, tenant_id, user_id, token_hash, created_at, last_seen_at, expires_at, proven_at, address, agent)
      VALUES (@id, @tenant, @user, @tokenHash, @createdAt, @lastSeenAt, @expiresAt, @provenAt, @address, @agent)`),
    byToken: sql.select(`SELECT ${SESSION} FROM sessions WHERE token_hash = @tokenHash AND expires_at > @now`, sessionRow),
    touch: sql.change('UPDATE sessions SET last_seen_at = max(last_seen_at, @lastSeenAt) WHERE id = @id'),
    prove: sql.change('UPDATE sessions SET token_hash = @tokenHash, proven_at = @provenAt WHERE id = @id'),
    remove: sql.change('DELETE FROM sessions WHERE id = @id'),
    removeOf: sql.change('DELETE FROM sessions WHERE tenant_id = @tenant AND user_id = @user'),
    removeExpired: sql.change('DELETE FROM sessions WHERE expires_at <= @now'),
  };
}

function prepareApiKeys(sql: Sql) {
  return {
    insert: sql.change(`INSERT INTO api_keys
      (id, tenant_id, name, role, scopes, token_hash, created_at, expires_at, last_used_at, revoked_at)
      VALUES (@id, @tenant, @name, @role, @scopes, @tokenHash, @createdAt, @expiresAt, @lastUsedAt, @revokedAt)`),
    byToken: sql.select(
      `SELECT ${API_KEY} FROM api_keys
       WHERE token_hash = @tokenHash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > @now)`,
      apiKeyRow,
    ),
    list: sql.select(`SELECT ${API_KEY} FROM api_keys WHERE tenant_id = @tenant ORDER BY created_at, id`, apiKeyRow),
    touch: sql.change('UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, 0), @lastUsedAt) WHERE id = @id'),
    revoke: sql.change('UPDATE api_keys SET revoked_at = @at WHERE tenant_id = @tenant AND id = @id AND revoked_at IS NULL'),
  };
}

function toUserParams(user: User): Params {
  return { ...user, passwordHash: user.passwordHash ?? '', nameKey: foldName(user.name) };
}

type PreparedUsers = ReturnType<typeof prepareUsers>;
type PreparedLinks = ReturnType<typeof prepareLinks>;
type PreparedSessions = ReturnType<typeof prepareSessions>;

const isActiveAdmin = ({ role, disabled, passwordHash }: User): boolean =>
  role === 'admin' && !disabled && passwordHash !== undefined;

/** What can be changed of a person by somebody else, and the links by which they choose a password. */
function createPersonActs(
  sql: Sql,
  users: PreparedUsers,
  links: PreparedLinks,
  sessions: PreparedSessions,
): Pick<PeopleStore, 'changeUser' | 'putPasswordLink' | 'findPasswordLink' | 'redeemPasswordLink' | 'deletePasswordLink'> {
  const getUser = (tenant: User['tenant'], id: User['id']): User => {
    const user = users.byId.find({ tenant, id });
    if (user === undefined) throw new AppError('not_found', 'there is no such person');
    return user;
  };
  return {
    changeUser: (tenant, id, { role, disabled }, expected) =>
      sql.write(() => {
        const before = getUser(tenant, id);
        if (expected && (before.role !== expected.role || before.disabled !== expected.disabled))
          throw new AppError(
            'conflict',
            'somebody else changed this person meanwhile; look at them again and repeat the change',
            {
              details: { field: 'version' },
            },
          );
        const after: User = { ...before, role: role ?? before.role, disabled: disabled ?? before.disabled };
        const isLast = isActiveAdmin(before) && !isActiveAdmin(after) && users.countAdmins.find({ tenant })?.count === 1;
        if (isLast) {
          throw new AppError('conflict', `${before.name} is the only administrator who can sign in; make another one first`, {
            details: { field: after.disabled ? 'disabled' : 'role' },
          });
        }
        users.change.run({ tenant, id, role: after.role, disabled: after.disabled });
        if (!after.disabled) return { before, after, endedSessions: 0 };
        links.remove.run({ tenant, user: id });
        return { before, after, endedSessions: sessions.removeOf.run({ tenant, user: id }) };
      }),
    putPasswordLink: (tenant, id, link) =>
      sql.write(() => {
        const user = getUser(tenant, id);
        if (user.disabled) throw new AppError('conflict', `${user.name} is disabled; enable them first`);
        links.put.run({ ...link, tenant, user: id });
        return user;
      }),
    findPasswordLink: (tokenHash, now) => sql.read(() => links.owner.find({ tokenHash, now })),
    redeemPasswordLink: (tokenHash, now, passwordHash) =>
      sql.write(() => {
        const user = links.owner.find({ tokenHash, now });
        if (user === undefined) return undefined;
        const { tenant, id } = user;
        links.remove.run({ tenant, user: id });
        users.password.run({ tenant, id, passwordHash });
        sessions.removeOf.run({ tenant, user: id });
        return { ...user, passwordHash };
      }),
    deletePasswordLink: (tenant, id) => sql.write(() => void links.remove.run({ tenant, user: id })),
  };
}

export function createPeopleStore(sql: Sql): PeopleStore {
  const users = prepareUsers(sql);
  const links = prepareLinks(sql);
  const sessions = prepareSessions(sql);
  const keys = prepareApiKeys(sql);
  return {
    countUsers: () => sql.read(() => users.count.find()?.count ?? 0),
    insertUser: (user, link?: PasswordLink) =>
      sql.write(() => {
        users.insert.run(toUserParams(user));
        if (link !== undefined) links.put.run({ ...link, tenant: user.tenant, user: user.id });
      }),
    insertFirstUser: (user) =>
      sql.write(() => {
        if ((users.count.find()?.count ?? 0) > 0) {
          throw new AppError('conflict', 'there is already a user; log in, or let an administrator add you', {
            details: { field: 'user' },
          });
        }
        users.insert.run(toUserParams(user));
      }),
    findUserByName: (tenant, name) => sql.read(() => users.byName.find({ tenant, nameKey: foldName(name) })),
    findUser: (tenant, id) => sql.read(() => users.byId.find({ tenant, id })),
    listUsers: (tenant) => sql.read(() => users.list.list({ tenant })),
    listPeople: (tenant, now) => sql.read(() => users.listPeople.list({ tenant, now })),
    findPerson: (tenant, id, now) => sql.read(() => users.person.find({ tenant, id, now })),
    updateZone: (tenant, id, zone) => sql.write(() => void users.zone.run({ tenant, id, zone })),
    updatePassword: (tenant, id, passwordHash) =>
      sql.write(() => {
        if (users.password.run({ tenant, id, passwordHash }) === 0) throw new AppError('not_found', 'there is no such user');
      }),

    ...createPersonActs(sql, users, links, sessions),

    insertSession: (session) =>
      sql.write(() => {
        sessions.insert.run({ ...session });
        users.signedIn.run({ tenant: session.tenant, id: session.user, at: session.createdAt });
      }),
    findSession: (tokenHash, now) =>
      sql.read(() => {
        const session = sessions.byToken.find({ tokenHash, now });
        const user = session && users.byId.find({ tenant: session.tenant, id: session.user });
        return session && user && !user.disabled ? { session, user } : undefined;
      }),
    touchSession: (id, lastSeenAt) => sql.note(() => void sessions.touch.run({ id, lastSeenAt })),
    proveSession: (id, tokenHash, provenAt) => sql.write(() => void sessions.prove.run({ id, tokenHash, provenAt })),
    deleteSession: (id) => sql.write(() => void sessions.remove.run({ id })),
    deleteSessionsOf: (tenant, user) => sql.write(() => sessions.removeOf.run({ tenant, user })),
    deleteExpiredSessions: (now) => sql.write(() => sessions.removeExpired.run({ now })),

    insertApiKey: (key) => sql.write(() => void keys.insert.run({ ...key, scopes: JSON.stringify(key.scopes) })),
    findApiKey: (tokenHash, now) => sql.read(() => keys.byToken.find({ tokenHash, now })),
    listApiKeys: (tenant) => sql.read(() => keys.list.list({ tenant })),
    touchApiKey: (id, lastUsedAt) => sql.note(() => void keys.touch.run({ id, lastUsedAt })),
    revokeApiKey: (tenant, id, at) => sql.write(() => keys.revoke.run({ tenant, id, at }) > 0),
  };
}
