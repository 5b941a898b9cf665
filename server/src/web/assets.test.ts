import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { createAssets } from './assets.ts';
import { securityHeaders } from './security-headers.ts';

describe('Assets', () => {
  const assets = createAssets({ basePath: '/backup' });

  it('are served under the hash of what they hold, for good', () => {
    assert.equal(assets.all.length, 9);
    for (const path of assets.all) {
      const asset = assets.find(path);
      assert.ok(asset !== undefined);
      const hash = createHash('sha256').update(asset.body).digest('base64url').slice(0, 16);
      assert.ok(path.startsWith('/backup/assets/') && path.includes(`-${hash}.`), path);
      assert.equal(asset.cacheControl, 'public, max-age=31536000, immutable');
      assert.deepEqual(brotliDecompressSync(asset.encoded.br), asset.body);
      assert.deepEqual(gunzipSync(asset.encoded.gzip), asset.body);
    }
  });

  it('are found at no other path', () => {
    for (const path of [
      '',
      '/',
      '/assets/htmx.js',
      `${assets.paths.css}?x`,
      `${assets.paths.css}/..`,
      '/backup/assets/../assets.ts',
    ])
      assert.equal(assets.find(path), undefined);
  });

  it('come to less than 60 KB over the wire, all together', () => {
    const total = assets.all.reduce((sum, path) => sum + (assets.find(path)?.encoded.br.length ?? 0), 0);
    assert.ok(total < 60_000, `${total}`);
  });

  it('hold every layer of the style sheet in its order, and no address of another site', () => {
    const css = assets.find(assets.paths.css)?.body.toString() ?? '';
    assert.ok(css.startsWith('@layer reset,tokens,base,layout,components,utilities;'), css.slice(0, 80));
    for (const layer of ['reset', 'tokens', 'base', 'layout', 'components', 'utilities'])
      assert.ok(css.includes(`@layer ${layer}{`), layer);
    assert.ok(!/url\(|@import/.test(css), 'the style sheet fetches nothing');
    assert.equal(css.split('{').length, css.split('}').length);
  });

  it('run no code from text', () => {
    for (const path of [assets.paths.live, assets.paths.stream, assets.paths.log, assets.paths.page, assets.paths.theme]) {
      assert.doesNotMatch(
        assets.find(path)?.body.toString() ?? '',
        /\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write/,
      );
    }
  });
});

describe('Security headers', () => {
  it('allow nothing inline and no framing', () => {
    const policy = securityHeaders({ https: true })['Content-Security-Policy'] ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
  });

  it('insist on https only where there is https', () => {
    assert.ok('Strict-Transport-Security' in securityHeaders({ https: true }));
    assert.ok(!('Strict-Transport-Security' in securityHeaders({ https: false })));
  });
});
