import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { WIRE } from '@holdfast/shared/limits.ts';
import { postJson } from './post-json.ts';

async function serve(t: TestContext, answer: RequestListener): Promise<URL> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/here`);
}

const never = new AbortController().signal;

describe('postJson', () => {
  it('sends the body as it is and reads status and content', async (t) => {
    const url = await serve(t, async (request, response) => {
      let text = '';
      for await (const chunk of request.setEncoding('utf8')) text += chunk;
      response.writeHead(201).end(JSON.stringify({ method: request.method, path: request.url, text }));
    });
    const { status, content } = await postJson(url, { name: 'Käse 🧀' }, never);
    assert.equal(status, 201);
    assert.deepEqual(content, { method: 'POST', path: '/here', text: '{"name":"Käse 🧀"}' });
  });

  it('tells an answer that is not JSON from one that is null', async (t) => {
    let text = '<html>';
    const url = await serve(t, (_request, response) => void response.end(text));
    assert.equal((await postJson(url, {}, never)).content, undefined);
    text = 'null';
    assert.equal((await postJson(url, {}, never)).content, null);
  });

  it('does not follow a redirect', async (t) => {
    const asked: (string | undefined)[] = [];
    const url = await serve(t, (request, response) => {
      asked.push(request.url);
      response.writeHead(307, { location: '/elsewhere' }).end('{}');
    });
    assert.equal((await postJson(url, {}, never)).status, 307);
    assert.deepEqual(asked, ['/here']);
  });

  it('refuses an answer above the limit and takes one at it', async (t) => {
    let bytes = WIRE.frameBytes;
    const url = await serve(t, (_request, response) => void response.end(`"${'x'.repeat(bytes - 2)}"`));
    assert.equal(String((await postJson(url, {}, never)).content).length, WIRE.frameBytes - 2);
    bytes += 1;
    await assert.rejects(postJson(url, {}, never), /larger than 262144 bytes/);
  });

  it('ends with the signal while no answer comes, and while one is half-way', async (t) => {
    for (const begin of [false, true]) {
      const stop = new AbortController();
      const url = await serve(t, (_request, response) => {
        if (begin) response.write('{');
        stop.abort(new Error('stopped'));
      });
      await assert.rejects(postJson(url, {}, stop.signal));
    }
  });

  it('rejects when nobody listens', async (t) => {
    const url = await serve(t, () => undefined);
    url.port = '1';
    await assert.rejects(postJson(url, {}, never), /ECONNREFUSED/);
  });

  it('rejects when the connection is cut in the middle of the answer', async (t) => {
    const url = await serve(t, (request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{', () => request.socket.resetAndDestroy());
    });
    await assert.rejects(postJson(url, {}, never));
  });
});
