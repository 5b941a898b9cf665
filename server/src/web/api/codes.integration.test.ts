import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { AppError, ERROR_CODES, type ErrorCode } from '@holdfast/shared/errors.ts';
import { HTTP } from '@holdfast/shared/limits.ts';
import { createCliCaller } from '../../core/accounts/accounts.ts';
import { createApiKey } from '../../core/accounts/api-keys.ts';
import { SCOPES } from '../../core/accounts/scopes.ts';
import * as calendar from '../../fires/fires.ts';
import { sampleHost } from '../../store/contract/samples.ts';
import { type Answer, type Asked, type ServedApp, serveApp } from '../http/fixtures/served-app.ts';
import { API_CODES } from '../http/http-error.ts';
import { createApiEndpoints } from './all.ts';
import { CLOSED_DOOR } from './fixtures/channel-door.ts';

const endpoints = createApiEndpoints(calendar, CLOSED_DOOR);
const HOST = 'host_01' as HostId;
const DRAFT = { host: HOST, kind: 'files', config: { paths: ['/srv'] } };
const REPOSITORY = {
  name: 'main',
  kind: 'rest',
  config: { url: 'https://rest.example.test/main' },
  secrets: { password: 'pw-of-a-test' },
};

let served: ServedApp;
let admin = '';
let reader = '';
/** How the host on the line answers whatever it is asked. */
let fault: unknown;

before(async () => {
  served = await serveApp({ endpoints });
  admin = await served.addKey('admin');
  reader = await served.addKey('viewer');
  await putHostOnTheLine();
});
after(() => served.close());

const ask = (path: string, asked: Asked = {}): Promise<Answer> => served.ask(`/api/v1${path}`, { key: admin, ...asked });

async function putHostOnTheLine(): Promise<void> {
  const { context, directory, clock } = served;
  const { publicKey: signingKey } = context.crypto.makeSigningKeys();
  const { publicKey: sealingKey } = context.crypto.makeSealingKeys();
  const now = clock.now();
  await context.store.hosts.insertHost(sampleHost({ id: HOST, signingKey, sealingKey, lastSeenAt: now }));
  directory.register({
    host: HOST,
    boot: 'boot-1',
    progress: new Map(),
    heartbeat: undefined,
    request: () => Promise.reject(fault),
    sync: () => undefined,
    end: () => undefined,
  } as never);
}

interface Refusal {
  success: boolean;
  data: null;
  error: { code: string; message: string; details: Record<string, unknown> };
  meta: { timestamp: string; requestId: string };
}

function readRefusal(answer: Answer, what: string): Refusal {
  const refusal = answer.json<Refusal>();
  assert.deepEqual(Object.keys(refusal).sort(), ['data', 'error', 'meta', 'success'], what);
  assert.deepEqual([refusal.success, refusal.data], [false, null], what);
  assert.ok(Number.isFinite(Date.parse(refusal.meta.timestamp)) && refusal.meta.requestId.length > 0, what);
  return refusal;
}

/** What a host may answer with reaches the asker as it is. */
const askHost = (thrown: unknown) => {
  fault = thrown;
  return ask('/sources/test', { json: DRAFT });
};
const fail = (code: ErrorCode, details = {}) => askHost(new AppError(code, 'on purpose', { details }));

const PROVOKED: Readonly<Record<ErrorCode, { status: number; provoke(): Promise<Answer> }>> = {
  invalid: { status: 400, provoke: () => ask('/repositories', { json: { name: '' } }) },
  unauthenticated: { status: 401, provoke: () => served.ask('/api/v1/hosts') },
  forbidden: { status: 403, provoke: () => ask('/repositories', { json: REPOSITORY, key: reader }) },
  not_found: { status: 404, provoke: () => ask('/runs/run_unknown') },
  conflict: {
    status: 409,
    async provoke() {
      assert.equal((await ask('/repositories', { json: REPOSITORY })).status, 201);
      return ask('/repositories', { json: REPOSITORY });
    },
  },
  precondition: { status: 409, provoke: () => fail('precondition') },
  limit: { status: 429, provoke: () => fail('limit', { retryAfterS: 7 }) },
  unavailable: { status: 503, provoke: () => fail('unavailable') },
  cancelled: { status: 409, provoke: () => fail('cancelled') },
  tool_failed: { status: 502, provoke: () => fail('tool_failed') },
  integrity: { status: 409, provoke: () => fail('integrity') },
  unsupported: { status: 501, provoke: () => fail('unsupported') },
  internal: { status: 500, provoke: () => askHost(new TypeError('a fault of ours')) },
};

describe('Codes of the API', () => {
  for (const code of ERROR_CODES)
    it(`${API_CODES[code]} is answered by a real route`, async () => {
      const { status, provoke } = PROVOKED[code];
      const answer = await provoke();
      const { error } = readRefusal(answer, code);
      assert.deepEqual([answer.status, error.code], [status, API_CODES[code]], answer.text);
      if (code === 'limit') assert.equal(answer.headers['retry-after'], '7');
      if (code === 'unavailable') assert.equal(answer.headers['retry-after'], '10');
    });
});

describe('A tool that failed', () => {
  const failed = () => new AppError('tool_failed', 'FATAL: on purpose', { details: { reason: 'x' } });
  const codeOf = async (answer: Answer) => {
    const { error } = readRefusal(answer, 'a tool');
    assert.deepEqual([answer.status, error.message, error.details['reason']], [502, 'FATAL: on purpose', 'x']);
    return error.code;
  };

  it('is a DATABASE_ERROR at a database, whether tested or discovered', async () => {
    const config = { host: '127.0.0.1', database: 'app', user: 'holdfast' };
    const draft = { host: HOST, kind: 'postgres', config, secrets: { password: 'pw-of-a-test' } };
    fault = failed();
    for (const path of ['/sources/test', '/sources/discover'])
      assert.equal(await codeOf(await ask(path, { json: draft })), 'DATABASE_ERROR', path);
    assert.equal(await codeOf(await askHost(failed())), 'TOOL_FAILED', 'at files');
  });

  it('is an S3_ERROR at S3, whether tested or created', async () => {
    const config = { endpoint: 'https://s3.example.test', bucket: 'backups', region: 'eu-1', accessKeyId: 'AKIA0000' };
    const secrets = { password: 'pw-of-a-test', secretAccessKey: 'key-of-a-test' };
    const made = await ask('/repositories', { json: { name: 'in s3', kind: 's3', config, secrets } });
    assert.equal(made.status, 201, made.text);
    const { id } = made.json<{ data: { id: string } }>().data;
    fault = failed();
    for (const act of ['test', 'init'])
      assert.equal(await codeOf(await ask(`/repositories/${id}/${act}`, { json: { host: HOST } })), 'S3_ERROR', act);
    assert.equal((await ask(`/repositories/${id}`, { method: 'DELETE' })).status, 200);
  });
});

describe('Every route of the API', () => {
  const paths = [...new Set(endpoints.map(({ path }) => path))];
  const fill = (path: string) => path.replace(/:(\w+)/gu, 'x_$1');

  it('answers a method it does not take in the envelope, and says which it takes', async () => {
    for (const path of paths) {
      const answer = await ask(fill(path), { method: 'PUT' });
      const { error } = readRefusal(answer, path);
      assert.deepEqual([answer.status, error.code], [405, 'UNSUPPORTED'], path);
      const first = endpoints.find((one) => one.path === path)?.method.toUpperCase() ?? '';
      assert.ok(answer.headers.allow?.split(', ').includes(first), `${path}: ${answer.headers.allow}`);
    }
  });

  it('that changes something refuses another kind of body, and one that is too large before it is read', async () => {
    for (const { method, path } of endpoints.filter((one) => one.method !== 'get')) {
      const asked = { method: method.toUpperCase(), body: '{}' };
      const text = await ask(fill(path), { ...asked, headers: { 'content-type': 'text/plain' } });
      assert.deepEqual([text.status, readRefusal(text, path).error.code], [415, 'VALIDATION_ERROR'], path);
    }
    const large = await ask('/repositories', { json: { name: 'x'.repeat(HTTP.bodyBytes) } });
    assert.deepEqual([large.status, readRefusal(large, 'large').error.code], [413, 'LIMIT_EXCEEDED']);
  });

  it('is open to exactly the keys that hold its scope', async () => {
    const caller = createCliCaller('test');
    const keys = new Map<string, string>();
    for (const scope of SCOPES)
      keys.set(scope, (await createApiKey(served.context, caller, { name: scope, scopes: [scope] })).token);
    for (const { method, path, scope: needed } of endpoints) {
      for (const [scope, key] of keys) {
        // A body of another kind stops whoever is let in before anything is done.
        const sent = method === 'get' ? {} : { body: 'x', headers: { 'content-type': 'text/plain' } };
        const answer = await ask(fill(path), { method: method.toUpperCase(), key, ...sent });
        const isOpen = needed === 'read' || needed === scope;
        assert.equal(answer.status !== 403, isOpen, `${method} ${path} with ${scope}: ${answer.text}`);
        if (isOpen) continue;
        const { error } = readRefusal(answer, path);
        assert.deepEqual([error.code, error.details['scope']], ['FORBIDDEN', needed], path);
        assert.match(error.message, new RegExp(`lacks ${needed}$`, 'u'));
      }
    }
  });

  it('says how many rows a page has, and all pages together where that is known', async () => {
    const metaOf = async (path: string) => (await ask(path)).json<{ meta: { limit?: number; total?: number | null } }>().meta;
    for (const name of ['b', 'c', 'd']) await ask('/repositories', { json: { ...REPOSITORY, name } });
    const { limit, total } = await metaOf('/repositories?limit=2');
    assert.equal(limit, 2);
    assert.ok(total === null || total === 4, String(total));
    assert.deepEqual((await metaOf('/repositories?limit=9')).total, 4);
    assert.deepEqual((await metaOf('/api-keys?limit=1')).total, 2 + SCOPES.length);
    assert.ok(!('limit' in (await metaOf('/me'))));
  });
});
