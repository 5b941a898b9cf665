import assert from 'node:assert/strict';
import { it } from 'node:test';
import { checkPdeathsig } from './pdeathsig.ts';

it('a child under setpriv dies with its parent', async () => {
  assert.equal(await checkPdeathsig('/usr/bin/setpriv'), true);
});

it('a launcher that does not know the request is no success', async () => {
  // `env` fails on the unknown option, so no child ever reports.
  assert.equal(await checkPdeathsig('/usr/bin/env'), false);
});

it('a launcher that says something else than a number is found out', async () => {
  assert.equal(await checkPdeathsig('/bin/echo'), false);
});

it('a host without a shell is no success', async (t) => {
  const path = process.env['PATH'];
  t.after(() => {
    process.env['PATH'] = path;
  });
  process.env['PATH'] = '/nonexistent';
  assert.equal(await checkPdeathsig('/usr/bin/setpriv'), false);
});

it('a missing setpriv is no success', async () => {
  assert.equal(await checkPdeathsig('/nonexistent/setpriv'), false);
});
