import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createFixedClock, type FixedClock } from '@holdfast/shared/clock.ts';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { AppError, type ErrorCode } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { checkPasswordRules } from '../../vault/password-rules.ts';
import { openTestFoundation } from '../fixtures/core-rig.ts';
import type { CoreContext } from '../ports.ts';
import {
  changePassword,
  checkBootstrap,
  createCliCaller,
  createUser,
  ensureBootstrap,
  findCallerBySession,
  login,
  logout,
  redeemBootstrap,
} from './accounts.ts';
import { createApiKey, findCallerByApiKey, listApiKeys, revokeApiKey } from './api-keys.ts';
import { listPeople } from './people.ts';

const PASSWORD = 'seven otters juggle lamps';
const FROM = { address: '192.0.2.7', agent: 'test', requestId: 'req_test' };
const CLI = createCliCaller('root');

let context: CoreContext;
let clock: FixedClock;
let close: () => Promise<void>;

beforeEach(async () => {
  clock = createFixedClock(Date.UTC(2026, 10, 20));
  ({ context, close } = await openTestFoundation(clock));
});
afterEach(() => close());

const fails =
  (code: ErrorCode, details: object = {}) =>
  (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    for (const [name, value] of Object.entries(details)) assert.equal(error.details[name], value);
    return true;
  };
const addUser = (name: string, role: 'admin' | 'operator' | 'viewer' = 'operator') =>
  createUser(context, CLI, checkPasswordRules, { name, role, password: PASSWORD });
const listActions = async () =>
  (await context.store.trail.listAudit(DEFAULT_TENANT, {}, { limit: 50 })).rows.map((row) => row.action);

describe('The first start', () => {
  const redeem = (token: string, name = 'ada', password = PASSWORD) =>
    redeemBootstrap(context, checkPasswordRules, { token, name, password }, FROM);

  it('makes one administrator, who is signed in', async () => {
    const made = await ensureBootstrap(context);
    assert.ok(made);
    const issued = await redeem(made.token);
    assert.equal(issued.user.role, 'admin');
    assert.equal((await findCallerBySession(context, issued.token))?.caller.actor.name, 'ada');
    assert.equal(await ensureBootstrap(context), undefined);
    await assert.rejects(redeem(made.token, 'eve'), fails('conflict', { gone: true }));
    await assert.rejects(checkBootstrap(context, made.token), fails('conflict', { gone: true }));
    assert.deepEqual(await listActions(), ['user.created']);
  });

  it('lets only one of two simultaneous tries win', async () => {
    const made = await ensureBootstrap(context);
    assert.ok(made);
    const results = await Promise.allSettled([redeem(made.token, 'ada'), redeem(made.token, 'bob')]);
    assert.deepEqual(results.map((result) => result.status).sort(), ['fulfilled', 'rejected']);
    const refused = results.find((result) => result.status === 'rejected');
    assert.ok(refused && fails('conflict', { gone: true })(refused.reason));
    assert.equal(await context.store.people.countUsers(), 1);
  });

  it('ends an older token when the server starts again', async () => {
    const older = await ensureBootstrap(context);
    const newer = await ensureBootstrap(context);
    assert.ok(older && newer);
    await assert.rejects(redeem(older.token), fails('unauthenticated'));
    await checkBootstrap(context, newer.token);
  });

  it('ends with time', async () => {
    const made = await ensureBootstrap(context);
    assert.ok(made);
    clock.advance(HTTP.bootstrapLifeMs);
    await assert.rejects(redeem(made.token), fails('conflict', { gone: true }));
  });

  it('refuses a weak password or an empty name and can be tried again', async () => {
    const made = await ensureBootstrap(context);
    assert.ok(made);
    await assert.rejects(redeem(made.token, 'ada', 'short'), fails('invalid', { field: 'password' }));
    await assert.rejects(redeem(made.token, ' \u0000 '), fails('invalid', { field: 'name' }));
    await redeem(made.token);
  });

  it('keeps no token in the store', async () => {
    const made = await ensureBootstrap(context);
    assert.ok(made);
    assert.equal((await context.store.settings.findSetting('bootstrap'))?.includes(made.token), false);
  });
});

describe('A login', () => {
  it('starts a session that ends after its time, however much it is used', async () => {
    await addUser('ada');
    const { token } = await login(context, { name: 'ADA ', password: PASSWORD }, FROM);
    for (let hour = 0; hour < 23; hour += 1) {
      clock.advance(3_600_000);
      assert.ok(await findCallerBySession(context, token), `hour ${hour}`);
    }
    clock.advance(3_600_000);
    assert.equal(await findCallerBySession(context, token), undefined);
  });

  it('ends when it is idle too long, and passive looks are no use', async () => {
    await addUser('ada');
    const { token } = await login(context, { name: 'ada', password: PASSWORD }, FROM);
    clock.advance(HTTP.sessionIdleMs - 1);
    assert.ok(await findCallerBySession(context, token, {}, true));
    clock.advance(2);
    assert.equal(await findCallerBySession(context, token), undefined);
    clock.set(clock.now() - HTTP.sessionIdleMs);
    assert.equal(await findCallerBySession(context, token), undefined, 'it does not come back with the clock');
  });

  it('says the same for a wrong password and an unknown name, and records both', async () => {
    await addUser('ada');
    const wrong = await login(context, { name: 'ada', password: 'wrong' }, FROM).catch((error: unknown) => error);
    const unknown = await login(context, { name: 'nobody', password: 'wrong' }, FROM).catch((error: unknown) => error);
    assert.ok(wrong instanceof AppError && unknown instanceof AppError);
    assert.equal(wrong.message, unknown.message);
    assert.equal(wrong.code, 'unauthenticated');
    const rows = (await context.store.trail.listAudit(DEFAULT_TENANT, { action: 'login.failed' }, { limit: 10 })).rows;
    assert.deepEqual(rows.map((row) => row.target.name).sort(), ['ada', 'nobody']);
    assert.equal(rows[0]?.address, FROM.address);
    assert.equal(rows[0]?.requestId, FROM.requestId);
  });

  it('ends the session it replaces', async () => {
    await addUser('ada');
    const first = await login(context, { name: 'ada', password: PASSWORD }, FROM);
    const second = await login(context, { name: 'ada', password: PASSWORD, replaces: first.token }, FROM);
    assert.equal(await findCallerBySession(context, first.token), undefined);
    assert.ok(await findCallerBySession(context, second.token));
    assert.notEqual(first.token, second.token);
  });

  it('ends with logout, which is recorded', async () => {
    await addUser('ada');
    const { token } = await login(context, { name: 'ada', password: PASSWORD }, FROM);
    const found = await findCallerBySession(context, token);
    assert.ok(found);
    await logout(context, found.caller, token);
    assert.equal(await findCallerBySession(context, token), undefined);
    assert.ok((await listActions()).includes('logout'));
  });

  it('keeps only the hash of its token', async () => {
    await addUser('ada');
    const { token, session } = await login(context, { name: 'ada', password: PASSWORD }, FROM);
    assert.equal(session.tokenHash, context.crypto.hashToken(token));
    assert.equal(JSON.stringify(session).includes(token), false);
  });
});

describe('A change of password', () => {
  it('ends every session but the new one', async () => {
    await addUser('ada');
    const here = await login(context, { name: 'ada', password: PASSWORD }, FROM);
    const there = await login(context, { name: 'ada', password: PASSWORD }, FROM);
    const found = await findCallerBySession(context, here.token);
    assert.ok(found);
    const next = 'quiet harbour under seven moons';
    await assert.rejects(
      changePassword(context, found.caller, checkPasswordRules, { current: 'wrong', next }, FROM),
      fails('invalid', { field: 'current' }),
    );
    const issued = await changePassword(context, found.caller, checkPasswordRules, { current: PASSWORD, next }, FROM);
    for (const { token } of [here, there]) assert.equal(await findCallerBySession(context, token), undefined);
    assert.ok(await findCallerBySession(context, issued.token));
    await assert.rejects(login(context, { name: 'ada', password: PASSWORD }, FROM), fails('unauthenticated'));
    await login(context, { name: 'ada', password: next }, FROM);
  });
});

describe('Users', () => {
  it('are made by administrators only, with names that differ in more than case', async () => {
    const user = await addUser('Ada', 'viewer');
    const viewer = { actor: { kind: 'user' as const, id: user.id, name: user.name }, tenant: user.tenant, role: user.role };
    const wanted = { name: 'bob', role: 'admin' as const, password: PASSWORD };
    await assert.rejects(createUser(context, viewer, checkPasswordRules, wanted), fails('forbidden'));
    await assert.rejects(listPeople(context, viewer), fails('forbidden'));
    await assert.rejects(addUser('ADA'), fails('conflict', { field: 'name' }));
    assert.equal((await listPeople(context, CLI)).length, 1);
  });
});

describe('API keys', () => {
  it('admit until they are revoked or expire', async () => {
    const expiresAt = clock.now() + 1000;
    const lasting = await createApiKey(context, CLI, { name: 'ci', role: 'operator' });
    const brief = await createApiKey(context, CLI, { name: 'brief', role: 'viewer', expiresAt });
    assert.match(lasting.token, /^hfk_/);
    assert.equal((await findCallerByApiKey(context, lasting.token))?.caller.role, 'operator');
    assert.ok(await findCallerByApiKey(context, brief.token));
    clock.advance(1000);
    assert.equal(await findCallerByApiKey(context, brief.token), undefined);
    await revokeApiKey(context, CLI, lasting.key.id);
    assert.equal(await findCallerByApiKey(context, lasting.token), undefined);
    await assert.rejects(revokeApiKey(context, CLI, lasting.key.id), fails('not_found'));
    const listed = await listApiKeys(context, CLI);
    assert.equal(JSON.stringify(listed).includes(lasting.token), false);
    assert.deepEqual((await listActions()).sort(), ['api_key.created', 'api_key.created', 'api_key.revoked']);
  });

  it('do what they were made for, and reading alone where nothing is said', async () => {
    const wanted = [
      [{}, ['read'], 'viewer'],
      [{ scopes: [] }, ['read'], 'viewer'],
      [{ scopes: ['restore'] }, ['read', 'restore'], 'operator'],
      [{ scopes: ['admin', 'operate'] }, ['read', 'operate', 'admin'], 'admin'],
      [{ role: 'operator' }, ['read', 'operate', 'configure', 'restore'], 'operator'],
    ] as const;
    for (const [given, scopes, role] of wanted) {
      const { token } = await createApiKey(context, CLI, { name: 'ci', ...given });
      const caller = (await findCallerByApiKey(context, token))?.caller;
      assert.deepEqual([caller?.scopes, caller?.role], [scopes, role]);
    }
  });

  it('are given no more than whoever makes them may do', async () => {
    const { token } = await createApiKey(context, CLI, { name: 'keeper', scopes: ['admin'] });
    const keeper = (await findCallerByApiKey(context, token))?.caller;
    assert.ok(keeper);
    await createApiKey(context, keeper, { name: 'reader' });
    const refused = {
      code: 'forbidden',
      message: 'this API key may not do this: it has the scopes read, admin and lacks restore',
    };
    await assert.rejects(createApiKey(context, keeper, { name: 'more', scopes: ['restore'] }), refused);
    await assert.rejects(createApiKey(context, keeper, { name: 'more', role: 'admin' }), fails('forbidden'));
    assert.deepEqual((await listApiKeys(context, CLI)).map(({ name }) => name).sort(), ['keeper', 'reader']);
    const both = { name: 'both', role: 'viewer' as const, scopes: ['read' as const] };
    await assert.rejects(createApiKey(context, CLI, both), fails('invalid'));
  });

  it('note when they were used', async () => {
    const { token, key } = await createApiKey(context, CLI, { name: 'ci', role: 'viewer' });
    await findCallerByApiKey(context, token);
    assert.equal((await listApiKeys(context, CLI)).find((one) => one.id === key.id)?.lastUsedAt, clock.now());
  });
});
