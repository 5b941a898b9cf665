import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ServedApp, serveApp } from './fixtures/served-app.ts';

describe('The served application', () => {
  let served: ServedApp;
  before(async () => {
    served = await serveApp();
    await served.addUser('ada', 'admin');
  });
  after(() => served.close());

  it('answers the health check', async () => {
    const answer = await served.ask('/healthz');
    assert.equal(answer.status, 200);
  });
  it('logs', async () => {
    const t = await served.signIn('ada');
    for (const p of ['/', '/login', '/readyz', '/metrics', '/nowhere', '/api/v1/hosts', '/api/v1/x?y=1']) {
      for (const session of [undefined, t]) {
        const a = await served.ask(p, { session });
        console.log(p, a.status, a.headers.location, a.text.slice(0, 150), a.headers['content-type']);
      }
    }
    console.log(served.lines.slice(-3));
  });
});
