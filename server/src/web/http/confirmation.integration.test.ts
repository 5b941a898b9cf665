import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { demandProven } from '../../core/accounts/step-up.ts';
import { listAudit } from '../../core/audit.ts';
import type { Caller } from '../../core/caller.ts';
import { html } from '../html.ts';
import { type Asked, OWN_PAGE, PASSWORD, type ServedApp, serveApp } from './fixtures/served-app.ts';
import { defineEndpoint, type ScreenRoute } from './route.ts';

const SECRET = 'canary-of-the-form';

/** Repeats what it was sent, once the proof is fresh. */
const echoScreen: ScreenRoute = {
  method: 'post',
  path: '/echo',
  async handle(context, visit) {
    await demandProven(context, visit.caller, 'hear an echo');
    return {
      kind: 'page',
      html: html`<p>${visit.query['at']}|${visit.form['text']}|${visit.form['secret']}|${[visit.form['list']].flat().join('+')}</p>`,
    };
  },
};
const echoEndpoint = defineEndpoint({
  method: 'post',
  path: '/echo',
  scope: 'read',
  summary: 'An echo.',
  tag: 'echo',
  reply: z.strictObject({}),
  async handle(context, caller) {
    await demandProven(context, caller, 'hear an echo');
    return { data: {} };
  },
});

describe('A form whose sender has to confirm who they are', () => {
  let served: ServedApp;
  let ada: Caller;
  before(async () => {
    served = await serveApp({ screens: [echoScreen], endpoints: [echoEndpoint], limits: { loginsPerMinute: 3 } });
    ada = await served.addUser('ada', 'admin');
    await served.addUser('bob', 'admin');
  });
  after(() => served.close());

  const tokenOf = (line: string | undefined) => /=(hfs_[^;]+);/.exec(line ?? '')?.[1];
  const post = (path: string, session: string, form: Record<string, string>, more: Asked = {}) =>
    served.ask(path, { session, form, ...more, headers: { ...OWN_PAGE, ...more.headers } });
  const FORM = { text: 'a&b "c"', secret: SECRET };

  /** Signs in, lets the proof grow old, and sends the form; returns the page that asks. */
  async function sendStale(name = 'ada', more: Asked = {}) {
    const session = await served.signIn(name);
    served.clock.advance(11 * MINUTE_MS);
    const answer = await post('/echo?at=1', session, FORM, more);
    const page = answer.headers.location ?? String(answer.headers['hx-redirect']);
    return { session, answer, page, held: new URL(page, served.origin).searchParams.get('form') ?? '' };
  }
  const confirm = (session: string, held: string, password: string, path = '/echo?at=1') =>
    post(path, session, { confirmedForm: held, confirmedPassword: password });
  const listActs = async () => (await listAudit(served.context, ada, {}, { limit: 3 })).rows.map(({ action }) => action);

  it('is carried out as it was sent once the password is typed, and nothing of it stands in an address or a page', async () => {
    const { session, answer, page, held } = await sendStale();
    assert.equal(answer.status, 303);
    assert.match(page, /^\/confirm\?form=[A-Za-z0-9_-]{32}$/);
    const asked = await served.ask(page, { session });
    assert.equal(asked.status, 200);
    assert.match(asked.text, /You want to hear an echo/);
    assert.match(asked.text, /action="\/echo\?at=1"/);
    assert.ok(!asked.text.includes(SECRET));
    assert.ok(!asked.text.includes('a&amp;b'));
    const done = await confirm(session, held, PASSWORD);
    assert.equal(done.status, 200);
    assert.equal(done.text, `<p>1|a&amp;b &quot;c&quot;|${SECRET}|</p>`);
    assert.deepEqual((await listActs()).slice(0, 1), ['session.confirmed']);
    assert.ok(!JSON.stringify(served.lines).includes(SECRET));
  });

  it('goes on under a new session’s token, whose proof holds for the next act; the old one is worth nothing', async () => {
    const { session, held } = await sendStale();
    const done = await confirm(session, held, PASSWORD);
    const next = tokenOf(done.cookies['holdfast_session']);
    assert.ok(next !== undefined && next !== session);
    assert.equal((await post('/echo', next, FORM)).status, 200);
    assert.equal((await post('/echo', session, FORM)).headers.location, '/login');
    assert.equal((await confirm(next, held, PASSWORD)).status, 410, 'it is carried out once');
    served.clock.advance(10 * MINUTE_MS + 1);
    assert.match((await post('/echo', next, FORM)).headers.location ?? '', /^\/confirm/);
  });

  it('waits on while the password is wrong, and is tried as seldom as a login', async () => {
    served.clock.advance(2 * MINUTE_MS);
    const { session, held } = await sendStale('bob');
    for (let tries = 0; tries < 2; tries += 1) {
      const refused = await confirm(session, held, 'canary-wrong');
      assert.equal(refused.status, 403);
      assert.match(refused.text, /The password is wrong\./);
      assert.ok(!refused.text.includes('canary-wrong') && !refused.text.includes(SECRET));
      assert.equal(refused.cookies['holdfast_session'], undefined);
    }
    assert.deepEqual((await listActs()).slice(0, 2), ['session.confirmation_failed', 'session.confirmation_failed']);
    assert.equal((await confirm(session, held, PASSWORD)).status, 200);
    const again = await post('/echo', await served.signIn('bob'), FORM);
    assert.equal(again.status, 200);
    const other = await sendStale('bob');
    const flooded = await confirm(other.session, other.held, PASSWORD);
    assert.equal(flooded.status, 429);
    assert.match(flooded.text, /Too many tries/);
    assert.ok(Number(flooded.headers['retry-after']) > 0);
  });

  it('belongs to the session that sent it, at the address it was sent to, for some minutes', async () => {
    const { session, held, page } = await sendStale();
    const stranger = await served.signIn('bob');
    assert.equal((await served.ask(page, { session: stranger })).status, 410);
    assert.equal((await confirm(stranger, held, PASSWORD)).status, 410);
    assert.equal((await confirm(session, held, PASSWORD, '/echo?at=2')).status, 410);
    assert.equal((await served.ask('/confirm?form=none', { session })).status, 410);
    assert.equal((await served.ask(page)).headers.location, `/login?next=${encodeURIComponent(page)}`);
    served.clock.advance(HTTP.heldFormMs);
    const gone = await confirm(session, held, PASSWORD);
    assert.equal(gone.status, 410);
    assert.match(gone.text, /fill it in again/);
  });

  it('leads the whole page to the question where htmx sent it, and back where it came from', async () => {
    const headers = { 'hx-request': 'true', 'hx-current-url': `${served.origin}/settings/keys?x=1` };
    const { session, answer, page } = await sendStale('ada', { headers });
    assert.deepEqual([answer.status, answer.text], [200, '']);
    assert.match((await served.ask(page, { session })).text, /href="\/settings\/keys\?x=1"/);
  });

  it('is refused in the API with the reason; a key is not asked', async () => {
    const session = await served.signIn('ada');
    const ask = (asked: Asked) => served.ask('/api/v1/echo', { method: 'POST', json: {}, ...asked });
    assert.equal((await ask({ session, headers: OWN_PAGE })).status, 200);
    served.clock.advance(11 * MINUTE_MS);
    const refused = await ask({ session, headers: OWN_PAGE });
    assert.equal(refused.status, 403);
    const { error } = refused.json<{ error: { code: string; details: object } }>();
    assert.deepEqual([error.code, error.details], ['FORBIDDEN', { confirm: 'hear an echo' }]);
    assert.equal((await ask({ key: await served.addKey('admin') })).status, 200);
  });
});
