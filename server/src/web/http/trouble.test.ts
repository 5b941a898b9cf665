import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { html } from '../html.ts';
import { serveApp } from './fixtures/served-app.ts';
import type { ScreenRoute } from './route.ts';
import { describeTrouble } from './trouble.ts';

const OK = { database: 'ok', schema: 'ok', disk: 'ok', scheduler: 'ok' };

const SCREEN: ScreenRoute = {
  method: 'get',
  path: '/hosts',
  handle: async (_context, visit) => ({
    kind: 'page',
    html: html`${visit.frame.trouble.map(({ tone, text }) => `${tone}: ${text}`)}`,
  }),
};

describe('A server that cannot do its work', () => {
  it('says on every page that nothing is stored, and that backups go on', () => {
    const [told, ...rest] = describeTrouble({ ...OK, database: 'cannot be written', disk: 'less than 256 MiB left' });
    assert.equal(told?.tone, 'problem');
    assert.match(String(told?.text), /nothing new is stored.*Hosts go on with their backups and keep their reports/s);
    assert.deepEqual(rest, [], 'one cause is named once');
    assert.deepEqual(describeTrouble(OK), []);
  });

  it('says what of its own clockwork stands still, and that what it says may be old', () => {
    const [told] = describeTrouble({ ...OK, scheduler: 'the task “alerts” stands still' });
    assert.equal(told?.tone, 'problem');
    assert.match(
      String(told?.text),
      /clockwork stands still \(the task “alerts” stands still\).*alerts may not come.*Restart the server/s,
    );
    const both = describeTrouble({ ...OK, scheduler: 'x', disk: 'less than 256 MiB left' });
    assert.deepEqual(
      both.map(({ tone }) => tone),
      ['problem', 'warning'],
    );
  });

  it('warns of a disk that is nearly full, to those who are signed in and on whole pages only', async () => {
    const served = await serveApp({ screens: [SCREEN], minFreeBytes: Number.MAX_SAFE_INTEGER });
    try {
      await served.addUser('ada', 'operator');
      const session = await served.signIn('ada');
      assert.match((await served.ask('/hosts', { session })).text, /warning: The disk of this server’s database is nearly full/);
      assert.equal((await served.ask('/hosts', { session, headers: { 'hx-request': 'true' } })).text, '');
      assert.doesNotMatch((await served.ask('/login')).text, /nearly full/);
    } finally {
      await served.close();
    }
  });
});
