import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createCliCaller } from '../../../core/accounts/accounts.ts';
import { createPerson } from '../../../core/accounts/people.ts';
import { checkPasswordRules } from '../../../vault/password-rules.ts';
import { OWN_PAGE, PASSWORD, type ServedApp, serveApp } from '../../http/fixtures/served-app.ts';
import { createPasswordLinkScreens } from './password-link.ts';

let served: ServedApp;
before(async () => {
  served = await serveApp({ screens: createPasswordLinkScreens(checkPasswordRules) });
});
after(() => served.close());

describe('The address at which a person chooses a password', () => {
  it('leads to a signed-in person, once, and its token stays out of the page', async () => {
    const { link } = await createPerson(served.context, createCliCaller('test'), { name: 'Ada <i>', role: 'operator' });
    const address = `/password?token=${link.token}`;
    const opened = await served.ask(address);
    const { status, headers: head } = opened;
    assert.deepEqual([status, head.location, head['referrer-policy']], [303, '/password', 'no-referrer']);
    assert.match(opened.cookies['holdfast_page_password'] ?? '', /; Path=\/password;.*HttpOnly/);
    const cookie = (opened.cookies['holdfast_page_password'] ?? '').split(';')[0] ?? '';
    const page = await served.ask('/password', { headers: { cookie } });
    assert.match(page.text, /you sign in as Ada &lt;i&gt;/);
    assert.ok(!page.text.includes(link.token));

    const headers = { ...OWN_PAGE, cookie };
    const differing = await served.ask('/password', { form: { password: PASSWORD, again: 'other' }, headers });
    assert.equal(differing.status, 400);
    assert.match(differing.text, /The two passwords differ\./);
    const weak = await served.ask('/password', { form: { password: 'short', again: 'short' }, headers });
    assert.equal(weak.status, 400);
    assert.match(weak.text, /at least 12 characters/);

    const chosen = await served.ask('/password', { form: { password: PASSWORD, again: PASSWORD }, headers });
    assert.deepEqual([chosen.status, chosen.headers.location], [303, '/']);
    assert.match(chosen.cookies['holdfast_session'] ?? '', /^holdfast_session=hfs_/);
    await served.signIn('Ada <i>');

    for (const answer of [
      await served.ask(address),
      await served.ask('/password', { headers: { cookie } }),
      await served.ask('/password', { form: { password: PASSWORD, again: PASSWORD }, headers }),
    ]) {
      assert.equal(answer.status, 410);
      assert.match(answer.text, /ask an administrator for a new one/);
    }
    assert.ok(!JSON.stringify(served.lines).includes(link.token), 'the log does not know it');
  });

  it('is none without a token that somebody was given', async () => {
    for (const token of ['', 'x', `hfp_${'A'.repeat(43)}`])
      assert.equal((await served.ask(`/password?token=${token}`)).status, 410);
    assert.equal((await served.ask('/password')).status, 410);
    assert.equal(
      (await served.ask('/password', { form: { password: PASSWORD, again: PASSWORD }, headers: OWN_PAGE })).status,
      410,
    );
  });

  it('takes no form that another site sent', async () => {
    const headers = { 'sec-fetch-site': 'cross-site' };
    assert.equal((await served.ask('/password', { form: { password: PASSWORD, again: PASSWORD }, headers })).status, 403);
  });
});
