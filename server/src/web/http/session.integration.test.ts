import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { changePassword, ensureBootstrap } from '../../core/accounts/accounts.ts';
import { checkPasswordRules } from '../../vault/password-rules.ts';
import { html } from '../html.ts';
import { OWN_PAGE, PASSWORD, type ServedApp, serveApp } from './fixtures/served-app.ts';
import type { ScreenRoute } from './route.ts';

const whoScreen: ScreenRoute = {
  method: 'get',
  path: '/who',
  handle: async (_context, visit) => ({ kind: 'page', html: html`<p>${visit.caller.actor.name}</p>` }),
};
const FORM = { name: 'ada', password: PASSWORD };
const tokenOf = (line: string | undefined) => /=(hfs_[^;]+);/.exec(line ?? '')?.[1];

describe('Signing in', () => {
  let served: ServedApp;
  before(async () => {
    served = await serveApp({ screens: [whoScreen], limits: { loginsPerMinute: 1000, loginsPerMinutePerAddress: 1000 } });
    await served.addUser('ada', 'admin');
  });
  after(() => served.close());
  const post = (form: Record<string, string>, more: object = {}) => served.ask('/login', { form, headers: OWN_PAGE, ...more });

  it('leads where one wanted to go, with a cookie no script can read', async () => {
    const answer = await post({ ...FORM, next: '/who?x=1' });
    assert.deepEqual([answer.status, answer.headers.location], [303, '/who?x=1']);
    const line = answer.cookies['holdfast_session'];
    assert.match(line ?? '', /; HttpOnly/);
    assert.match(line ?? '', /; SameSite=Lax/);
    assert.match(line ?? '', new RegExp(`; Max-Age=${HTTP.sessionMs / 1000};`));
    const page = await served.ask('/who', { session: tokenOf(line) });
    assert.equal(page.text, '<p>ada</p>');
    assert.equal(page.headers['cache-control'], 'no-store');
  });

  it('never leads to another site', async () => {
    for (const next of ['//evil.example', 'https://evil.example/', '/\\evil.example', '/.//evil.example']) {
      assert.equal((await post({ ...FORM, next })).headers.location, '/');
      const page = await served.ask(`/login?next=${encodeURIComponent(next)}`);
      assert.ok(!page.text.includes('evil.example'), next);
    }
  });

  it('makes a new session each time and ends the one before', async () => {
    const first = tokenOf((await post(FORM)).cookies['holdfast_session']);
    const second = tokenOf((await post(FORM, { session: first })).cookies['holdfast_session']);
    assert.ok(first && second && first !== second);
    assert.equal((await served.ask('/who', { session: first })).status, 303);
    assert.equal((await served.ask('/who', { session: second })).status, 200);
  });

  it('takes no session that a visitor brings along', async () => {
    const planted = `hfs_${'A'.repeat(43)}`;
    const answer = await post(FORM, { session: planted });
    assert.notEqual(tokenOf(answer.cookies['holdfast_session']), planted);
    assert.equal((await served.ask('/who', { session: planted })).status, 303);
  });

  it('shows the form again with the name, without the password, whatever they were', async () => {
    const name = '"><img src=x onerror=alert(1)>';
    const answer = await post({ name, password: 'canary-wrong' });
    assert.equal(answer.status, 401);
    assert.match(answer.text, /The name or the password is wrong\./);
    assert.ok(!answer.text.includes('<img'));
    assert.match(answer.text, /value="&quot;&gt;&lt;img src=x onerror=alert\(1\)&gt;"/);
    assert.ok(!answer.text.includes('canary-wrong'));
    assert.equal(answer.cookies['holdfast_session'], undefined);
  });

  it('works by the Origin header where the browser sends no Sec-Fetch-Site', async () => {
    for (const origin of ['http://backup.example.test', served.origin]) {
      assert.equal((await served.ask('/login', { form: FORM, headers: { origin } })).status, 303);
    }
  });

  it('reads forms only', async () => {
    for (const type of ['text/plain', 'application/json', 'multipart/form-data; boundary=x', 'application/octet-stream']) {
      const answer = await served.ask('/login', {
        body: 'name=ada',
        method: 'POST',
        headers: { ...OWN_PAGE, 'content-type': type },
      });
      assert.equal(answer.status, 415, type);
    }
    const untyped = await served.ask('/login', {
      body: 'name=ada',
      method: 'POST',
      headers: { ...OWN_PAGE, 'content-type': '' },
    });
    assert.equal(untyped.status, 415);
  });

  it('reads no form above the limit, in bytes or in fields', async () => {
    const long = await post({ name: 'x'.repeat(HTTP.bodyBytes + 1), password: '' });
    assert.equal(long.status, 413);
    const many = await served.ask('/login', {
      body: 'a=1&'.repeat(4000),
      method: 'POST',
      headers: { ...OWN_PAGE, 'content-type': 'application/x-www-form-urlencoded' },
    });
    assert.equal(many.status, 413);
  });

  it('ends with logout, in the store and in the browser', async () => {
    const session = await served.signIn('ada');
    const answer = await served.ask('/logout', { method: 'POST', session, headers: OWN_PAGE });
    assert.deepEqual([answer.status, answer.headers.location], [303, '/login']);
    assert.match(answer.cookies['holdfast_session'] ?? '', /Expires=Thu, 01 Jan 1970/);
    assert.equal((await served.ask('/who', { session })).status, 303);
    assert.equal((await served.ask('/logout', { session })).status, 303, 'a GET changes nothing and leads to the login');
  });

  it('ends after its time', async () => {
    const session = await served.signIn('ada');
    served.clock.advance(HTTP.sessionMs);
    assert.equal((await served.ask('/who', { session })).status, 303);
  });

  it('is over everywhere when the password changes', async () => {
    const session = await served.signIn('ada');
    const user = await served.context.store.people.findUserByName(DEFAULT_TENANT, 'ada');
    assert.ok(user);
    const caller = { actor: { kind: 'user' as const, id: user.id, name: user.name }, tenant: user.tenant, role: user.role };
    const change = { current: PASSWORD, next: PASSWORD };
    await changePassword(served.context, caller, checkPasswordRules, change, { address: '::1', agent: 'test' });
    assert.equal((await served.ask('/who', { session })).status, 303);
  });
});

describe('The session’s cookie', () => {
  it('is bound to this host and to https where browsers come by https', async () => {
    const served = await serveApp({ baseUrl: 'https://example.test/backup' });
    try {
      await served.addUser('ada', 'admin');
      const answer = await served.ask('/backup/login', { form: FORM, headers: OWN_PAGE });
      const line = answer.cookies['__Host-holdfast_session'] ?? '';
      assert.match(line, /; Secure/);
      assert.match(line, /; Path=\/;/);
      assert.doesNotMatch(line, /Domain/i);
      assert.equal(answer.cookies['holdfast_session'], undefined);
    } finally {
      await served.close();
    }
  });

  it('is stored as a hash only', async () => {
    const served = await serveApp();
    try {
      await served.addUser('ada', 'admin');
      const token = await served.signIn('ada');
      const found = await served.context.store.people.findSession(served.context.crypto.hashToken(token), served.clock.now());
      assert.ok(found && !JSON.stringify(found).includes(token));
    } finally {
      await served.close();
    }
  });
});

describe('Guessing', () => {
  it('ends at the sixth try for a name in a minute, before any password is looked at, right or wrong', async () => {
    const served = await serveApp();
    try {
      await served.addUser('ada', 'admin');
      for (let n = 0; n < HTTP.loginsPerMinute; n += 1) {
        assert.equal((await served.ask('/login', { form: { name: 'Ada', password: 'wrong' }, headers: OWN_PAGE })).status, 401);
      }
      const sixth = await served.ask('/login', { form: { ...FORM, name: ' ADA ' }, headers: OWN_PAGE });
      assert.equal(sixth.status, 429);
      assert.match(String(sixth.headers['retry-after']), /^\d+$/);
      assert.match(sixth.text, /Too many tries\. Wait \d+ seconds/);
      assert.equal(
        (await served.ask('/login', { form: { name: 'bob', password: 'x' }, headers: OWN_PAGE })).status,
        401,
        'another name',
      );
      const failed = await served.context.store.trail.listAudit(DEFAULT_TENANT, { action: 'login.failed' }, { limit: 50 });
      assert.equal(failed.rows.length, HTTP.loginsPerMinute + 1);
    } finally {
      await served.close();
    }
  });

  it('of many names ends too', async () => {
    const served = await serveApp({ limits: { loginsPerMinutePerAddress: 3 } });
    try {
      for (let n = 0; n < 3; n += 1) {
        assert.equal((await served.ask('/login', { form: { name: `user-${n}`, password: 'x' }, headers: OWN_PAGE })).status, 401);
      }
      assert.equal((await served.ask('/login', { form: { name: 'user-9', password: 'x' }, headers: OWN_PAGE })).status, 429);
    } finally {
      await served.close();
    }
  });

  it('does not believe an address that a client writes itself', async () => {
    for (const [trustProxy, expected] of [
      [0, 429],
      [1, 401],
    ] as const) {
      const served = await serveApp({ config: { trustProxy, metrics: { cidrs: [] } }, limits: { loginsPerMinutePerAddress: 1 } });
      try {
        const guess = (address: string) =>
          served.ask('/login', { form: { name: 'x', password: 'x' }, headers: { ...OWN_PAGE, 'x-forwarded-for': address } });
        await guess('192.0.2.1');
        assert.equal((await guess('192.0.2.2')).status, expected, `with ${trustProxy} proxies`);
      } finally {
        await served.close();
      }
    }
  });
});

describe('The first start', () => {
  const FIRST = { name: 'ada', password: PASSWORD, again: PASSWORD };

  it('leads from the address in the log to a signed-in administrator, and never again', async () => {
    const served = await serveApp({ screens: [whoScreen] });
    try {
      const made = await ensureBootstrap(served.context);
      assert.ok(made);
      const address = `/bootstrap?token=${made.token}`;
      const opened = await served.ask(address);
      assert.deepEqual(
        [opened.status, opened.headers.location, opened.headers['referrer-policy']],
        [303, '/bootstrap', 'no-referrer'],
      );
      const cookie = (opened.cookies['holdfast_page_bootstrap'] ?? '').split(';')[0] ?? '';
      assert.match(opened.cookies['holdfast_page_bootstrap'] ?? '', /; Path=\/bootstrap;.*HttpOnly/);
      const page = await served.ask('/bootstrap', { headers: { cookie } });
      assert.equal(page.status, 200);
      assert.ok(!page.text.includes(made.token), 'the token stays out of the page');

      const headers = { ...OWN_PAGE, cookie };
      const differing = await served.ask('/bootstrap', { form: { ...FIRST, again: 'other' }, headers });
      assert.equal(differing.status, 400);
      assert.match(differing.text, /The two passwords differ\./);
      const weak = await served.ask('/bootstrap', { form: { name: 'ada', password: 'short', again: 'short' }, headers });
      assert.equal(weak.status, 400);
      assert.match(weak.text, /at least 12 characters/);

      const created = await served.ask('/bootstrap', { form: FIRST, headers });
      assert.deepEqual([created.status, created.headers.location], [303, '/']);
      const session = tokenOf(created.cookies['holdfast_session']);
      assert.equal((await served.ask('/who', { session })).text, '<p>ada</p>');

      for (const answer of [
        await served.ask(address),
        await served.ask('/bootstrap', { headers: { cookie } }),
        await served.ask('/bootstrap', { form: { ...FIRST, name: 'eve', token: made.token }, headers: OWN_PAGE }),
      ]) {
        assert.equal(answer.status, 410);
        assert.match(answer.text, /sign in instead/);
      }
      assert.equal(await served.context.store.people.countUsers(), 1);
    } finally {
      await served.close();
    }
  });

  it('takes the token from the form too, for programs, and no other token', async () => {
    const served = await serveApp();
    try {
      const made = await ensureBootstrap(served.context);
      assert.ok(made);
      for (const token of ['', `hfb_${'A'.repeat(43)}`]) {
        assert.equal((await served.ask('/bootstrap', { form: { ...FIRST, token }, headers: OWN_PAGE })).status, 401);
        const page = await served.ask(`/bootstrap?token=${token}`);
        assert.equal(page.status, 401);
        assert.match(page.text, /not the newest first-start address/);
      }
      assert.match((await served.ask('/login')).text, /has no user yet/);
      const form = { name: 'ada', password: PASSWORD, token: made.token };
      assert.equal((await served.ask('/bootstrap', { form, headers: OWN_PAGE })).status, 303);
      assert.doesNotMatch((await served.ask('/login')).text, /has no user yet/);
    } finally {
      await served.close();
    }
  });
});
