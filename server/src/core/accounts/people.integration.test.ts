import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createFixedClock, type FixedClock } from '@holdfast/shared/clock.ts';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { checkPasswordRules } from '../../vault/password-rules.ts';
import type { Caller } from '../caller.ts';
import { openTestFoundation } from '../fixtures/core-rig.ts';
import type { CoreContext } from '../ports.ts';
import { changePassword, createCliCaller, createUser, findCallerBySession, login } from './accounts.ts';
import { createApiKey, findCallerByApiKey } from './api-keys.ts';
import { changePerson, checkPasswordLink, createPerson, issuePasswordLink, listPeople, redeemPasswordLink } from './people.ts';

const PASSWORD = 'seven otters juggle lamps';
const OTHER = 'quiet harbour under seven moons';
const FROM = { address: '192.0.2.7', agent: 'test', requestId: 'req_test' };
const CLI = createCliCaller('root');
const GONE = { code: 'conflict', details: { gone: true } };

let context: CoreContext;
let clock: FixedClock;
let close: () => Promise<void>;

beforeEach(async () => {
  clock = createFixedClock(Date.UTC(2026, 10, 20));
  ({ context, close } = await openTestFoundation(clock));
});
afterEach(() => close());

const addUser = (name: string, role: 'admin' | 'operator' | 'viewer' = 'admin') =>
  createUser(context, CLI, checkPasswordRules, { name, role, password: PASSWORD });
const signIn = (name: string, password = PASSWORD) => login(context, { name, password }, FROM);
const redeem = (token: string, password = OTHER) => redeemPasswordLink(context, checkPasswordRules, { token, password }, FROM);
const listActs = async () =>
  (await context.store.trail.listAudit(DEFAULT_TENANT, {}, { limit: 50 })).rows.map(
    ({ action, target }) => `${action} ${target.name}`,
  );
const stateOf = async (name: string) => (await listPeople(context, CLI, { search: name }))[0];

describe('A new person', () => {
  it('chooses their own password by a link that works once, and is signed in', async () => {
    const { user, link } = await createPerson(context, CLI, { name: 'Ada', role: 'operator' });
    await assert.rejects(signIn('Ada'), { code: 'unauthenticated' });
    assert.equal((await stateOf('ada'))?.linkExpiresAt, link.expiresAt);
    await assert.rejects(redeem(link.token, 'short'), { code: 'invalid', details: { field: 'password' } });
    const issued = await redeem(link.token);
    assert.deepEqual([issued.user.id, issued.user.role], [user.id, 'operator']);
    assert.equal((await findCallerBySession(context, issued.token))?.caller.actor.name, 'Ada');
    await assert.rejects(redeem(link.token), GONE);
    await assert.rejects(checkPasswordLink(context, link.token), GONE);
    await signIn('ada', OTHER);
    const { linkExpiresAt, lastLoginAt } = (await stateOf('ada')) ?? assert.fail();
    assert.deepEqual([linkExpiresAt, lastLoginAt], [undefined, clock.now()]);
    assert.deepEqual((await listActs()).sort(), [
      'login.failed Ada',
      'login.succeeded Ada',
      'user.created Ada',
      'user.password_chosen Ada',
    ]);
  });

  it('lets only one of two who open the link at once choose', async () => {
    const { link } = await createPerson(context, CLI, { name: 'Ada', role: 'viewer' });
    const results = await Promise.allSettled([redeem(link.token, OTHER), redeem(link.token, PASSWORD)]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });

  it('has a link that ends with time and with a newer one, and of which the store keeps a hash', async () => {
    const { user, link } = await createPerson(context, CLI, { name: 'Ada', role: 'viewer' });
    const newer = await issuePasswordLink(context, CLI, user.id);
    await assert.rejects(checkPasswordLink(context, link.token), GONE);
    clock.advance(HTTP.passwordLinkLifeMs - 1);
    await checkPasswordLink(context, newer.link.token);
    clock.advance(1);
    await assert.rejects(redeem(newer.link.token), GONE);
    const rows = JSON.stringify([
      await listPeople(context, CLI),
      await context.store.trail.listAudit(DEFAULT_TENANT, {}, { limit: 9 }),
    ]);
    assert.ok(!rows.includes(link.token) && !rows.includes(newer.link.token));
  });

  it('needs a name of their own', async () => {
    await createPerson(context, CLI, { name: 'Ada', role: 'viewer' });
    await assert.rejects(createPerson(context, CLI, { name: 'ADA', role: 'viewer' }), { code: 'conflict' });
    await assert.rejects(createPerson(context, CLI, { name: ' ', role: 'viewer' }), {
      code: 'invalid',
      details: { field: 'name' },
    });
  });
});

describe('A link for a forgotten password', () => {
  it('leaves the present one until it is used, then ends every session', async () => {
    const user = await addUser('ada');
    const { link } = await issuePasswordLink(context, CLI, user.id);
    const { token } = await signIn('ada');
    const issued = await redeem(link.token);
    assert.equal(await findCallerBySession(context, token), undefined);
    assert.ok(await findCallerBySession(context, issued.token));
    await assert.rejects(signIn('ada'), { code: 'unauthenticated' });
    await signIn('ada', OTHER);
  });

  it('ends when its person changes the password themselves', async () => {
    const user = await addUser('ada');
    const { link } = await issuePasswordLink(context, CLI, user.id);
    const { caller } = (await findCallerBySession(context, (await signIn('ada')).token)) ?? assert.fail();
    await changePassword(context, caller, checkPasswordRules, { current: PASSWORD, next: OTHER }, FROM);
    await assert.rejects(checkPasswordLink(context, link.token), GONE);
  });
});

describe('A person who is disabled', () => {
  it('loses sessions and link at once, gets no new one, and may come back with their password', async () => {
    await addUser('root');
    const user = await addUser('ada', 'operator');
    const { token } = await signIn('ada');
    await signIn('ada');
    const { link } = await issuePasswordLink(context, CLI, user.id);
    assert.equal((await changePerson(context, CLI, user.id, { disabled: true })).endedSessions, 2);
    assert.equal(await findCallerBySession(context, token), undefined);
    await assert.rejects(signIn('ada'), { code: 'unauthenticated' });
    await assert.rejects(redeem(link.token), GONE);
    await assert.rejects(issuePasswordLink(context, CLI, user.id), { code: 'conflict' });
    await changePerson(context, CLI, user.id, { disabled: false });
    await assert.rejects(checkPasswordLink(context, link.token), GONE);
    assert.equal(await findCallerBySession(context, token), undefined, 'an old session does not come back');
    await signIn('ada');
    const acts = await listActs();
    for (const act of ['user.disabled ada', 'user.enabled ada', 'user.password_link_issued ada'])
      assert.ok(acts.includes(act), act);
  });
});

describe('A role', () => {
  it('holds from the next request on, and its change is told with what it was', async () => {
    await addUser('root');
    const user = await addUser('ada', 'viewer');
    const { token } = await signIn('ada');
    await changePerson(context, CLI, user.id, { role: 'operator' });
    assert.equal((await findCallerBySession(context, token))?.caller.role, 'operator');
    const { rows } = await context.store.trail.listAudit(DEFAULT_TENANT, { action: 'user.role_changed' }, { limit: 5 });
    assert.deepEqual(
      rows.map(({ change }) => change),
      [{ before: { role: 'viewer' }, after: { role: 'operator' } }],
    );
    await changePerson(context, CLI, user.id, { role: 'operator' });
    assert.equal((await listActs()).filter((act) => act.startsWith('user.role_changed')).length, 1, 'no change, no entry');
  });

  it('is given by nobody who may do less, and no link to somebody who may do more', async () => {
    const admin = await addUser('root');
    const { token } = await createApiKey(context, CLI, { name: 'keeper', scopes: ['admin'] });
    const { caller } = (await findCallerByApiKey(context, token)) ?? assert.fail();
    await createPerson(context, caller, { name: 'guest', role: 'viewer' });
    const refused = { code: 'forbidden' };
    await assert.rejects(createPerson(context, caller, { name: 'eve', role: 'admin' }), refused);
    await assert.rejects(issuePasswordLink(context, caller, admin.id), refused);
    await assert.rejects(changePerson(context, caller, admin.id, { role: 'operator' }), refused);
  });

  it('of an administrator is needed for all of this', async () => {
    const user = await addUser('ada');
    for (const role of ['operator', 'viewer'] as const) {
      const caller: Caller = { ...CLI, role };
      for (const act of [
        listPeople(context, caller),
        createPerson(context, caller, { name: 'x', role: 'viewer' }),
        changePerson(context, caller, user.id, { disabled: true }),
        issuePasswordLink(context, caller, user.id),
      ])
        await assert.rejects(act, { code: 'forbidden' });
    }
  });
});

describe('The last administrator', () => {
  it('is neither disabled nor given less, as long as nobody else can sign in as one', async () => {
    const ada = await addUser('ada');
    const waiting = await createPerson(context, CLI, { name: 'bob', role: 'admin' });
    const last = { code: 'conflict', message: /ada is the only administrator who can sign in/ };
    await assert.rejects(changePerson(context, CLI, ada.id, { disabled: true }), last);
    await assert.rejects(changePerson(context, CLI, ada.id, { role: 'operator' }), last);
    await changePerson(context, CLI, waiting.user.id, { role: 'viewer' });
    await changePerson(context, CLI, waiting.user.id, { role: 'admin' });
    await redeem(waiting.link.token);
    await changePerson(context, CLI, ada.id, { role: 'operator' });
    await assert.rejects(changePerson(context, CLI, waiting.user.id, { disabled: true }), { code: 'conflict' });
  });

  for (const change of [{ disabled: true }, { role: 'viewer' }] as const) {
    it(`stays when two administrators are changed at once: ${JSON.stringify(change)}`, async () => {
      const both = [await addUser('ada'), await addUser('bob')];
      const results = await Promise.allSettled(both.map(({ id }) => changePerson(context, CLI, id, change)));
      assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
      const left = (await listPeople(context, CLI)).filter(({ user }) => user.role === 'admin' && !user.disabled);
      assert.equal(left.length, 1);
    });
  }
});
