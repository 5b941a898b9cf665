import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { DEFAULT_TENANT } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { html } from '../html.ts';
import { OWN_PAGE, type ServedApp, serveApp } from './fixtures/served-app.ts';
import type { PageReply, ScreenRoute, Visit } from './route.ts';

const visits: Visit[] = [];
const screen = (method: 'get' | 'post', path: string, handle: (visit: Visit) => PageReply | Promise<PageReply>): ScreenRoute => ({
  method,
  path,
  handle: async (_context, visit) => {
    visits.push(visit);
    return handle(visit);
  },
});
const page = (visit: Visit): PageReply => ({
  kind: 'page',
  html: html`<p>${visit.frame.flash.map((one) => `${one.tone}: ${one.text} ${JSON.stringify(one.undo)}`)}</p>`,
});
const HOSTILE = '<img src=x onerror=alert(1)>';

const SCREENS: readonly ScreenRoute[] = [
  screen('get', '/things/:thing', page),
  screen('get', '/things/new', () => ({ kind: 'page', html: html`new` })),
  screen('post', '/things/:thing/act', (visit) => ({
    kind: 'redirect',
    to: visit.urls.hosts(),
    flash: { tone: 'good', text: `${HOSTILE} done`, undo: { action: '/things/t/act', hidden: { undo: '1' } } },
  })),
  screen('get', '/hosts', page),
  screen('get', '/looked', ({ caller }) => ({ kind: 'page', html: html`<p>for ${caller.role}</p>` })),
  screen('get', '/gone', (visit) => ({ kind: 'redirect', to: visit.urls.hosts() })),
  screen('post', '/away', () => ({ kind: 'redirect', to: '//evil.example/' })),
  screen('get', '/broken', () => {
    throw new Error('the password is hunter2');
  }),
  screen('get', '/hostile', () => {
    throw new AppError('not_found', `there is no host ${HOSTILE}`);
  }),
  screen('get', '/log', () => ({
    kind: 'download',
    fileName: `run "1"\r\nSet-Cookie: x=1; ü.txt`,
    contentType: 'text/plain; charset=utf-8',
    body: (async function* () {
      for (let n = 0; n < 1000; n += 1) yield `${n} ${'x'.repeat(1000)}\n`;
    })(),
  })),
];

let served: ServedApp;
let session: string;
before(async () => {
  served = await serveApp({ screens: SCREENS });
  await served.addUser('ada', 'operator');
  session = await served.signIn('ada');
});
after(() => served.close());
const ask = (path: string, headers: Record<string, string> = {}, more: object = {}) =>
  served.ask(path, { session, headers: { ...OWN_PAGE, ...headers }, ...more });
const lastVisit = (): Visit => {
  const visit = visits.at(-1);
  assert.ok(visit);
  return visit;
};

describe('A screen', () => {
  it('is told who asks, where, and for what', async () => {
    await ask('/things/a%2Fb?state=failed&tag=x&tag=y', { 'user-agent': 'browser/1' });
    const visit = lastVisit();
    assert.equal(visit.caller.actor.name, 'ada');
    assert.equal(visit.caller.role, 'operator');
    assert.deepEqual(visit.params, { thing: 'a/b' });
    assert.deepEqual(visit.query, { state: 'failed', tag: ['x', 'y'] });
    assert.deepEqual(visit.form, {});
    assert.equal(visit.here, '/things/a%2Fb?state=failed&tag=x&tag=y');
    assert.equal(visit.facts.userAgent, 'browser/1');
    assert.equal(visit.caller.requestId, visit.facts.requestId);
  });

  it('with a fixed name comes before one with a parameter, whatever their order', async () => {
    assert.equal((await ask('/things/new')).text, 'new');
  });

  it('gets the posted form as it was sent', async () => {
    const body = 'name=a+b&paths=%2Fx&paths=%2Fy&__proto__=1&empty=';
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    await ask('/things/t/act', headers, { method: 'POST', body });
    const { form } = lastVisit();
    assert.deepEqual([form['name'], form['paths'], form['empty']], ['a b', ['/x', '/y'], '']);
    assert.equal(Object.hasOwn(Object.prototype, 'name'), false);
  });

  it('knows a fragment from a page, and its target in either spelling', async () => {
    const cases: readonly [Record<string, string>, boolean, string | undefined][] = [
      [{}, false, undefined],
      [{ 'hx-request': 'true', 'hx-request-type': 'partial', 'hx-target': 'div#host-table' }, true, 'host-table'],
      [{ 'hx-request': 'true', 'hx-target': 'side-nav' }, true, 'side-nav'],
      [{ 'hx-request': 'true', 'hx-request-type': 'full', 'hx-target': 'body' }, false, 'body'],
      [{ 'hx-request': 'true', 'hx-history-restore-request': 'true' }, false, undefined],
      [{ 'hx-request': 'true', 'hx-target': '"><b>' }, true, undefined],
    ];
    for (const [headers, isFragment, target] of cases) {
      await ask('/hosts', headers);
      const visit = lastVisit();
      assert.deepEqual([visit.isFragment, visit.fragmentTargets[0]], [isFragment, target], JSON.stringify(headers));
    }
  });

  describe('that a page looks up by itself', () => {
    const connections = new Agent({ keepAlive: true });
    after(() => connections.destroy());
    const look = (headers: Record<string, string> = {}, of = session) =>
      served.ask('/looked?page=2', {
        session: of,
        headers: { 'hx-request': 'true', 'holdfast-live': 'table answer', ...headers },
        agent: connections,
      });

    it('is told what is asked for, and not by whom', async () => {
      await look({ 'user-agent': 'browser/1' });
      const { caller, facts, frame, ...visit } = lastVisit();
      assert.deepEqual([visit.isFragment, visit.fragmentTargets, visit.here], [true, ['table', 'answer'], '/looked?page=2']);
      assert.deepEqual([caller.role, caller.tenant], ['operator', DEFAULT_TENANT]);
      assert.deepEqual([frame.flash, frame.trouble, frame.zone], [[], [], 'UTC']);
      assert.doesNotMatch(JSON.stringify([caller, facts]), /ada|browser|127\.0\.0\.1/);
      await assert.rejects(visit.takeAttempt('ada'), TypeError);
    });

    it('is shared by those of one role who ask together, and is another for another role', async () => {
      await served.addUser('vera', 'viewer');
      const vera = await served.signIn('vera');
      const asked = Array.from({ length: 30 }, (_, n) => (n % 3 === 0 ? vera : session));
      const askTogether = () => Promise.all(asked.map((of) => look({}, of)));
      // Requests on connections that are open already arrive together.
      await askTogether();
      const before = visits.length;
      const answers = await askTogether();
      assert.deepEqual(
        answers.map(({ text }) => text),
        asked.map((of) => `<p>for ${of === vera ? 'viewer' : 'operator'}</p>`),
      );
      assert.ok(visits.length - before < asked.length, `${visits.length - before} were made for ${asked.length} who asked`);
    });

    it('is not sent again to who has it', async () => {
      const { status, headers, text } = await look();
      const tag = headers.etag ?? assert.fail('it has no tag');
      assert.deepEqual([status, text], [200, '<p>for operator</p>']);
      const same = await look({ 'if-none-match': tag });
      assert.deepEqual([same.status, same.text, same.headers.etag], [304, '', tag]);
      assert.equal(same.headers['cache-control'], headers['cache-control']);
      assert.equal((await look({ 'if-none-match': 'W/"another"' })).status, 200);
    });

    it('is told only to who is signed in, and leads where the page leads', async () => {
      const none = await served.ask('/looked', { headers: { 'hx-request': 'true', 'holdfast-live': 'table' } });
      assert.equal(none.status, 401);
      const gone = await served.ask('/gone', { session, headers: { 'hx-request': 'true', 'holdfast-live': 'table' } });
      assert.deepEqual([gone.status, gone.headers['hx-redirect'], gone.text], [200, '/hosts', '']);
      assert.equal(
        (await served.ask('/broken', { session, headers: { 'hx-request': 'true', 'holdfast-live': 'a' } })).status,
        500,
      );
    });
  });

  it('answers HEAD as GET, without a body', async () => {
    const head = await ask('/hosts', {}, { method: 'HEAD' });
    assert.deepEqual([head.status, head.text], [200, '']);
  });

  it('may send a file of any length under any name', async () => {
    const answer = await ask('/log');
    assert.equal(answer.status, 200);
    assert.equal(answer.text.split('\n').length, 1001);
    assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
    assert.match(String(answer.headers['content-disposition']), /^attachment; filename="/);
    assert.equal(answer.headers['set-cookie'], undefined);
  });
});

describe('A redirect', () => {
  it('works with and without JavaScript', async () => {
    const plain = await ask('/things/t/act', {}, { method: 'POST' });
    assert.deepEqual([plain.status, plain.headers.location, plain.headers['hx-redirect']], [303, '/hosts', undefined]);
    const htmx = await ask('/things/t/act', { 'hx-request': 'true' }, { method: 'POST' });
    assert.deepEqual([htmx.status, htmx.headers.location, htmx.headers['hx-redirect']], [200, undefined, '/hosts']);
  });

  it('never leaves this server', async () => {
    const answer = await ask('/away', {}, { method: 'POST' });
    assert.equal(answer.status, 500);
    assert.equal(answer.headers.location, undefined);
  });

  it('leaves a message for the next whole page, once, as text', async () => {
    const acted = await ask('/things/t/act', {}, { method: 'POST' });
    const line = acted.cookies['holdfast_flash'] ?? '';
    assert.match(line, /; HttpOnly/);
    assert.match(line, /; Max-Age=60;/);
    const cookie = `holdfast_session=${session}; ${line.split(';')[0]}`;
    const fragment = await served.ask('/hosts', { headers: { cookie, 'hx-request': 'true' } });
    assert.equal(fragment.cookies['holdfast_flash'], undefined, 'a fragment leaves it');
    const shown = await served.ask('/hosts', { headers: { cookie } });
    assert.equal(
      shown.text,
      '<p>good: &lt;img src=x onerror=alert(1)&gt; done {&quot;action&quot;:&quot;/things/t/act&quot;,&quot;hidden&quot;:{&quot;undo&quot;:&quot;1&quot;}}</p>',
    );
    assert.match(shown.cookies['holdfast_flash'] ?? '', /Expires=Thu, 01 Jan 1970/);
  });

  it('believes no message that somebody else wrote', async () => {
    const forged = Buffer.from(JSON.stringify({ tone: 'bad', text: 'call +1 555' })).toString('base64url');
    for (const value of [forged, `${forged}.`, `${forged}.AAAA`, '.', 'x.y', `${forged}.${'A'.repeat(43)}`]) {
      const answer = await served.ask('/hosts', { headers: { cookie: `holdfast_session=${session}; holdfast_flash=${value}` } });
      assert.equal(answer.text, '<p></p>', value);
    }
  });
});

describe('A failure', () => {
  it('is a page with a way on and the request’s id, without what the server knows', async () => {
    const answer = await ask('/broken');
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.text, /hunter2/);
    const id = String(answer.headers['x-request-id']);
    assert.ok(answer.text.includes(id));
    assert.match(answer.text, /href="\/"/);
    const logged = served.lines.filter((line) => line['request'] === id && line['level'] === 'error');
    assert.equal(logged.length, 1, 'it is logged once');
    assert.match(JSON.stringify(logged[0]), /hunter2/, 'with its cause');
  });

  it('is a fragment where one was asked for', async () => {
    const answer = await ask('/hostile', { 'hx-request': 'true' });
    assert.equal(answer.status, 404);
    assert.doesNotMatch(answer.text, /<html/);
  });

  it('shows hostile text as text', async () => {
    for (const headers of [{}, { 'hx-request': 'true' }] as Record<string, string>[]) {
      const answer = await ask('/hostile', headers);
      assert.ok(answer.text.includes('&lt;img src=x onerror=alert(1)&gt;'));
      assert.ok(!answer.text.includes(HOSTILE));
    }
  });

  it('of an address that cannot be read is told as such', async () => {
    const answer = await ask('/things/%E0%A4%A');
    assert.equal(answer.status, 400);
  });
});

describe('A fragment asked for by someone signed out', () => {
  it('sends the browser to the login, and back to where it was', async () => {
    const answer = await served.ask('/hosts', {
      headers: { 'hx-request': 'true', 'hx-target': 'hosts', 'hx-current-url': 'http://backup.example.test/hosts?state=offline' },
    });
    assert.equal(answer.status, 401);
    assert.equal(answer.headers['hx-redirect'], '/login?next=%2Fhosts%3Fstate%3Doffline');
  });
});
