import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { findCallerBySession } from '../../../core/accounts/accounts.ts';
import { checkPasswordRules } from '../../../vault/password-rules.ts';
import { OWN_PAGE, PASSWORD, type ServedApp, serveApp } from '../../http/fixtures/served-app.ts';
import { createAccountScreens } from './account.ts';

const NEXT = 'four badgers paint the moon';
const FORM = { current: PASSWORD, password: NEXT, again: NEXT };
const HOSTILE = '"><script>alert(1)</script>';

describe('The account page', () => {
  let served: ServedApp;
  let session: string;
  before(async () => {
    served = await serveApp({
      screens: createAccountScreens(checkPasswordRules),
      limits: { loginsPerMinute: 12, loginsPerMinutePerAddress: 100 },
    });
    await served.addUser('ada', 'operator');
    await served.addUser(HOSTILE, 'viewer');
    session = await served.signIn('ada');
  });
  after(() => served.close());

  const send = (form: Record<string, string>, by = session) =>
    served.ask('/account/password', { session: by, headers: OWN_PAGE, form });
  const errorOf = (page: string, field: string) => new RegExp(`id="f-${field}-error">.*?<span>(.*?)</span>`).exec(page)?.[1];
  const lives = async (token: string) => (await findCallerBySession(served.context, token)) !== undefined;

  it('says who one is, what one may do, and what a password must be; the side bar leads to it', async () => {
    const { text, status } = await served.ask('/account', { session });
    assert.equal(status, 200);
    assert.match(text, /<h1>You are signed in as ada\.<\/h1>/);
    assert.match(text, /<dt>Role<\/dt><dd>Operator<\/dd>/);
    assert.match(text, /In this role you may see everything, [^<]*, start and cancel runs and restore\.<\/p>/);
    assert.doesNotMatch(text, /manage people/);
    assert.match(text, /At least 12 characters, at most 1.KiB\./);
    assert.match(text, /<a class="side-user" href="\/account"\s+aria-current="page">.*?<span>ada · Operator<\/span><\/a>/);
    assert.match(text, /type="password" [^>]*autocomplete="current-password"/);
  });

  it('is for whoever is signed in, and shows a hostile name as text', async () => {
    assert.equal((await served.ask('/account')).headers.location, '/login?next=%2Faccount');
    const { text } = await served.ask('/account', { session: await served.signIn(HOSTILE) });
    assert.ok(text.includes('&lt;script&gt;') && !text.includes(HOSTILE));
  });

  it('refuses what is wrong at its field, keeps the session, and gives no password back', async () => {
    const cases: readonly [Record<string, string>, string, RegExp][] = [
      [{ ...FORM, current: 'nine frogs on a red bicycle' }, 'current', /^The present password is wrong\.$/],
      [{ ...FORM, current: '' }, 'current', /^Your present password is needed\.$/],
      [{ ...FORM, again: 'four badgers paint the sun' }, 'again', /^The two new passwords differ\.$/],
      [{ ...FORM, password: 'q8#k', again: 'q8#k' }, 'password', /^The password must have at least 12 characters\.$/],
      [{ ...FORM, password: 'password1234', again: 'password1234' }, 'password', /everybody tries first\.$/],
      [{ ...FORM, password: PASSWORD, again: PASSWORD }, 'password', /^The new password is the present one\.$/],
      [{ ...FORM, password: 'xy'.repeat(600), again: 'xy'.repeat(600) }, 'password', /at most 1024 bytes\.$/],
      [{}, 'password', /^The new password is needed\.$/],
    ];
    for (const [form, field, words] of cases) {
      const { status, text } = await send(form);
      assert.equal(status, 422, field);
      assert.match(errorOf(text, field) ?? 'no error', words);
      for (const secret of Object.values(form).filter((value) => value !== '')) assert.ok(!text.includes(secret), field);
    }
    assert.ok(await lives(session));
    assert.equal((await served.ask('/account/password', { session })).headers.location, '/account');
  });

  it('ends every other session and what they hold open, and signs this browser in anew', async () => {
    const other = await served.signIn('ada');
    const stream = await served.open('/api/v1/stream?topics=hosts', { session });
    stream.resume();
    const ended = once(stream, 'close');
    const answer = await send(FORM);
    assert.equal(answer.status, 303);
    assert.equal(answer.headers.location, '/account');
    await ended;
    const fresh = /^[^=]+=([^;]+)/.exec(answer.cookies['holdfast_session'] ?? '')?.[1] ?? assert.fail('no session');
    assert.deepEqual([await lives(session), await lives(other), await lives(fresh)], [false, false, true]);
    const flash = /^([^;]+)/.exec(answer.cookies['holdfast_flash'] ?? '')?.[1] ?? assert.fail('no message');
    const page = await served.ask('/account', { headers: { cookie: `holdfast_session=${fresh}; ${flash}` } });
    assert.match(page.text, /Your password is changed\./);
    session = fresh;
  });

  it('limits how often a password may be guessed at an open browser', async () => {
    const wrong = { ...FORM, current: 'nine frogs on a red bicycle', password: PASSWORD, again: PASSWORD };
    let last = await send(wrong);
    for (let tries = 0; tries < 20 && !/Too many tries/.test(last.text); tries += 1) last = await send(wrong);
    assert.match(last.text, /Too many tries\. Wait \d+ seconds/);
    assert.equal(last.status, 422);
    const right = await send({ ...wrong, current: NEXT });
    assert.match(right.text, /Too many tries/);
  });

  it('refuses a form of another site', async () => {
    const foreign = { ...OWN_PAGE, 'sec-fetch-site': 'cross-site' };
    const answer = await served.ask('/account/password', { session, headers: foreign, form: FORM });
    assert.equal(answer.status, 403);
  });
});
