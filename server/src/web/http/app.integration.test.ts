import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { API_ROOT } from '../urls.ts';
import { OWN_PAGE, type ServedApp, serveApp } from './fixtures/served-app.ts';
import type { ApiEndpoint } from './route.ts';
import type { AnyScreen } from './screen-routes.ts';

/** Every table of routes that a file of the folder, or of a folder in it, exports. */
async function collectRoutes<R extends { method: string; path: string }>(folder: string): Promise<readonly R[]> {
  const root = new URL(folder, import.meta.url);
  const files = readdirSync(root, { encoding: 'utf8', recursive: true }).filter((name) =>
    /^(?!fixtures\/)(?:[a-z-]+\/)?[a-z-]+\.ts$/.test(name),
  );
  const found = new Map<string, R>();
  for (const file of files) {
    const exported: Record<string, unknown> = await import(new URL(file, root).href);
    for (const value of Object.values(exported)) {
      for (const route of Array.isArray(value) ? value : []) {
        if (typeof route?.path === 'string' && typeof route.handle === 'function')
          found.set(`${route.method} ${route.path}`, route as R);
      }
    }
  }
  return [...found.values()];
}

const screens = (await collectRoutes<AnyScreen>('../screens/')).filter((screen) => !('access' in screen));
const endpoints = await collectRoutes<ApiEndpoint>('../api/');
const fill = (path: string) => path.replace(/:(\w+)/g, 'x_$1');

const FOREIGN: readonly [string, Record<string, string>][] = [
  ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
  ['a sister domain', { 'sec-fetch-site': 'same-site' }],
  ['no page', { 'sec-fetch-site': 'none' }],
  ['another origin, from an old browser', { origin: 'https://evil.example' }],
  ['an opaque origin', { origin: 'null' }],
  ['an origin that only begins like ours', { origin: 'http://backup.example.test.evil.example' }],
  ['nowhere', {}],
];

describe('Every route', () => {
  let served: ServedApp;
  let session: string;
  before(async () => {
    served = await serveApp({ screens, endpoints });
    await served.addUser('ada', 'admin');
    session = await served.signIn('ada');
  });
  after(() => served.close());

  it('is found in the tables', () => {
    assert.ok(screens.length > 100, `${screens.length} screens`);
    assert.ok(endpoints.length > 20, `${endpoints.length} end-points`);
  });

  const changing = [
    ...screens
      .filter((screen) => screen.method !== 'get')
      .map((screen) => [screen.method.toUpperCase(), fill(screen.path)] as const),
    ...endpoints
      .filter((one) => one.method !== 'get')
      .map((one) => [one.method.toUpperCase(), fill(`${API_ROOT}${one.path}`)] as const),
    ['POST', '/login'] as const,
    ['POST', '/logout'] as const,
    ['POST', '/bootstrap'] as const,
  ];
  for (const [method, path] of changing) {
    it(`refuses ${method} ${path} unless our own page sent it`, async () => {
      for (const [where, headers] of FOREIGN) {
        const answer = await served.ask(path, { method, session, headers });
        assert.equal(answer.status, 403, `from ${where}`);
      }
    });
  }

  const closed = [
    ...screens.map((screen) => [screen.method.toUpperCase(), fill(screen.path)] as const),
    ...endpoints.map((one) => [one.method.toUpperCase(), fill(`${API_ROOT}${one.path}`)] as const),
    ['GET', `${API_ROOT}/stream?topics=hosts`] as const,
    ['GET', '/no-such-page'] as const,
    ['GET', `${API_ROOT}/no-such-end-point`] as const,
  ];
  for (const [method, path] of closed) {
    it(`keeps ${method} ${path} from those who are not signed in`, async () => {
      const strangers = [{}, { session: `hfs_${'A'.repeat(43)}` }, { session: 'x' }];
      for (const stranger of strangers) {
        const answer = await served.ask(path, { method, ...stranger, headers: OWN_PAGE });
        if (path.startsWith('/api/')) assert.equal(answer.status, 401);
        else assert.deepEqual([answer.status, answer.headers.location?.split('?')[0]], [303, '/login']);
      }
    });
  }

  it('answers a preflight with no, and never allows another origin', async () => {
    for (const path of ['/hosts', `${API_ROOT}/hosts`, '/login', '/healthz', `${API_ROOT}/stream`]) {
      const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
      const answer = await served.ask(path, { method: 'OPTIONS', headers });
      assert.equal(answer.status, 403);
      const read = await served.ask(path, { session, headers: { origin: 'https://evil.example' }, method: 'HEAD' });
      for (const one of [answer, read]) assert.equal(one.headers['access-control-allow-origin'], undefined);
    }
  });

  it('lets no agent token and no session in as an API key', async () => {
    for (const token of [`hfa_${'A'.repeat(43)}`, session, `hfk_${'A'.repeat(43)}`, '']) {
      const answer = await served.ask(`${API_ROOT}/hosts`, { key: token, session });
      assert.equal(answer.status, 401);
      assert.equal(answer.headers['www-authenticate'], 'Bearer');
    }
  });

  it('needs neither cookie nor origin with an API key', async () => {
    const key = await served.addKey('admin');
    assert.equal((await served.ask(`${API_ROOT}/hosts`, { key })).status, 200);
    const refused = await served.ask(`${API_ROOT}/hosts/host_x/revoke`, { key, json: {} });
    assert.notEqual(refused.status, 403);
  });

  it('does not hand a page’s session to a read that another site asks for', async () => {
    const answer = await served.ask(`${API_ROOT}/hosts`, { session, headers: { 'sec-fetch-site': 'cross-site' } });
    assert.equal(answer.status, 403);
  });
});

describe('Every answer', () => {
  it('carries the headers that keep browsers in bounds, and insists on https only where it is used', async () => {
    for (const baseUrl of ['http://backup.example.test', 'https://backup.example.test']) {
      const served = await serveApp({ baseUrl });
      try {
        for (const path of ['/login', '/healthz', '/no-such-page', '/api/v1/hosts', '/assets/none.js', '/metrics']) {
          const { headers } = await served.ask(path);
          assert.match(String(headers['content-security-policy']), /default-src 'none'; script-src 'self'/);
          assert.equal(headers['x-content-type-options'], 'nosniff');
          assert.equal(headers['x-frame-options'], 'DENY');
          assert.equal(headers['x-powered-by'], undefined);
          assert.equal(headers['strict-transport-security'] !== undefined, baseUrl.startsWith('https:'));
          assert.match(String(headers['x-request-id']), /^req_/);
        }
      } finally {
        await served.close();
      }
    }
  });

  it('keeps a request id that is one, and makes a new one otherwise', async () => {
    const served = await serveApp();
    try {
      const kept = await served.ask('/login', { headers: { 'x-request-id': 'trace-0123456789' } });
      assert.equal(kept.headers['x-request-id'], 'trace-0123456789');
      for (const bad of ['short', 'a b c d e f g h', '<script>alert(1)</script>', 'x'.repeat(65)]) {
        const answer = await served.ask('/login', { headers: { 'x-request-id': bad } });
        assert.match(String(answer.headers['x-request-id']), /^req_[a-z0-9]+$/);
      }
    } finally {
      await served.close();
    }
  });

  it('leaves a line in the log without query, cookie or key', async () => {
    const served = await serveApp();
    try {
      await served.addUser('ada', 'admin');
      const session = await served.signIn('ada');
      const key = await served.addKey('admin');
      await served.ask('/login?token=canary-1&next=/x', { session });
      await served.ask('/api/v1/hosts?canary-2=1', { key });
      await served.ask('/login', { form: { name: 'ada', password: 'canary-3' }, headers: OWN_PAGE });
      const lines = served.lines.map((line) => JSON.stringify(line));
      assert.ok(lines.some((line) => line.includes('"path":"/login"')));
      for (const secret of ['canary', session, key]) assert.ok(!lines.some((line) => line.includes(secret)), secret);
    } finally {
      await served.close();
    }
  });
});

describe('Below a path of its own', () => {
  it('everything works there, and nothing elsewhere but the probes', async () => {
    const served = await serveApp({ baseUrl: 'http://example.test/backup', screens, endpoints });
    try {
      await served.addUser('ada', 'admin');
      const login = await served.ask('/backup/login');
      assert.equal(login.status, 200);
      for (const [, href] of login.text.matchAll(/(?:href|src|action)="(\/[^"]*)"/g)) assert.match(href ?? '', /^\/backup\//);
      const asset = /src="([^"]+htmx[^"]+)"/.exec(login.text)?.[1] ?? '';
      assert.equal((await served.ask(asset)).status, 200);
      const form = { name: 'ada', password: 'seven otters juggle lamps' };
      const signedIn = await served.ask('/backup/login', { form, headers: OWN_PAGE });
      assert.deepEqual([signedIn.status, signedIn.headers.location], [303, '/backup/']);
      assert.match(signedIn.cookies['holdfast_session'] ?? '', /; Path=\/backup;/);
      const session = await served.signIn('ada');
      assert.equal((await served.ask('/backup/api/v1/hosts', { session })).status, 200);
      assert.equal(
        (await served.ask('/backup/runs?state=failed')).headers.location,
        '/backup/login?next=%2Fbackup%2Fruns%3Fstate%3Dfailed',
      );
      for (const path of ['/healthz', '/backup/healthz', '/readyz']) assert.equal((await served.ask(path)).status, 200);
      for (const path of ['/login', '/api/v1/hosts', '/backupx/login'])
        assert.equal((await served.ask(path, { session })).status, 404);
    } finally {
      await served.close();
    }
  });
});
