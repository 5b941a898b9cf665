import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createUrls, findLocalPath, PAGES, readBasePath } from './urls.ts';

describe('Paths', () => {
  it('stand below the path of the base URL', () => {
    const urls = createUrls('https://example.com/backup');
    assert.equal(urls.overview(), '/backup/');
    assert.equal(urls.host({ host: 'host_1' }), '/backup/hosts/host_1');
    assert.equal(urls.stream(), '/backup/api/v1/stream');
    assert.equal(urls.api('/runs', { limit: 5 }), '/backup/api/v1/runs?limit=5');
    assert.equal(createUrls('https://example.com').hosts(), '/hosts');
    assert.equal(readBasePath('https://example.com/a/b/'), '/a/b');
  });

  it('leave empty query parameters out and repeat lists', () => {
    const urls = createUrls('');
    assert.equal(
      urls.runs({ state: 'failed', host: '', plan: undefined, kind: null, tag: ['a b', 'c&d'], page: 0 }),
      '/runs?state=failed&tag=a+b&tag=c%26d&page=0',
    );
  });

  it('keep a hostile parameter inside its segment', () => {
    const urls = createUrls('/backup');
    assert.equal(urls.run({ run: '../../login?x=1#y' }), '/backup/runs/..%2F..%2Flogin%3Fx%3D1%23y');
    for (const climbing of ['', '.', '..']) assert.throws(() => urls.run({ run: climbing }), /needs :run/);
  });

  it('have one pattern each', () => {
    const patterns = Object.values(PAGES).map((pattern) => pattern.replace(/:\w+/g, ':'));
    assert.equal(new Set(patterns).size, patterns.length);
  });
});

describe('The path to come back to', () => {
  for (const [text, expected] of [
    ['/', '/'],
    ['/runs?state=failed&x=%2F', '/runs?state=failed&x=%2F'],
    ['//evil.example', undefined],
    ['/\\evil.example', undefined],
    ['/a\\b', undefined],
    ['https://evil.example/', undefined],
    ['javascript:alert(1)', undefined],
    ['/a\r\nSet-Cookie: x=1', undefined],
    ['/\tevil', undefined],
    ['', undefined],
    [`/${'a'.repeat(2001)}`, undefined],
    ['/../../x', '/x'],
    ['/.//evil.example', undefined],
  ] as const) {
    it(`is ${expected === undefined ? 'refused' : 'taken'} for ${JSON.stringify(text).slice(0, 40)}`, () => {
      assert.equal(findLocalPath(text, ''), expected);
    });
  }

  it('stays below the base path', () => {
    assert.equal(findLocalPath('/backup/runs', '/backup'), '/backup/runs');
    assert.equal(findLocalPath('/backup', '/backup'), '/backup');
    assert.equal(findLocalPath('/backup-evil/runs', '/backup'), undefined);
    assert.equal(findLocalPath('/backup/../other', '/backup'), undefined);
  });
});
