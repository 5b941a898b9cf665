import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { Request } from 'express';
import { packPage } from './compression.ts';

const PAGE = `<ul>${'<li>a row – with a dash</li>'.repeat(500)}</ul>`;

function makeRequest(of: { method?: string; site?: string; accepts?: readonly string[] }): Request {
  const { method = 'GET', site, accepts = ['br', 'gzip'] } = of;
  const get = (name: string) => (name === 'sec-fetch-site' ? site : undefined);
  return { method, get, acceptsEncodings: (encoding: string) => (accepts.includes(encoding) ? encoding : false) } as Request;
}

describe('A page on its way', () => {
  it('is a small part of itself in either encoding, and comes out as it went in', async () => {
    const br = await packPage(makeRequest({ site: 'same-origin' }), PAGE, true);
    assert.equal(br.encoding, 'br');
    assert.ok(br.body.length < PAGE.length / 10, `${br.body.length} of ${PAGE.length}`);
    assert.equal(brotliDecompressSync(br.body).toString('utf8'), PAGE);
    const gz = await packPage(makeRequest({ site: 'none', accepts: ['gzip'] }), PAGE, true);
    assert.equal(gz.encoding, 'gzip');
    assert.equal(gunzipSync(gz.body).toString('utf8'), PAGE);
  });

  it('stays as it is where the browser knows no encoding, or the page is small', async () => {
    const plain = { body: Buffer.from(PAGE), encoding: undefined };
    assert.deepEqual(await packPage(makeRequest({ site: 'none', accepts: [] }), PAGE, true), plain);
    assert.deepEqual(await packPage(makeRequest({ site: 'none' }), '<p>ok</p>', true), {
      body: Buffer.from('<p>ok</p>'),
      encoding: undefined,
    });
  });

  it('tells nothing by its length to another site that has it asked for, nor when it answers a form', async () => {
    for (const [request, https] of [
      [makeRequest({ site: 'cross-site' }), true],
      [makeRequest({ site: 'same-site' }), true],
      [makeRequest({ site: 'cross-site' }), false],
      [makeRequest({}), true],
      [makeRequest({ method: 'POST', site: 'same-origin' }), true],
    ] as const)
      assert.equal((await packPage(request, PAGE, https)).encoding, undefined);
    assert.equal((await packPage(makeRequest({}), PAGE, false)).encoding, 'br');
  });
});
