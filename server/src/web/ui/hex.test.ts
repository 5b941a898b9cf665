import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shortenHex } from './hex.ts';

const LONG = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

describe('Hexadecimal numbers in a sentence', () => {
  it('are cut where they are long, with the whole on hover', () => {
    assert.equal(
      shortenHex(`begins with ${LONG}, then ${LONG.toUpperCase()}.`).toString(),
      `begins with <abbr class="hex" title="${LONG}">9f86d081884c7d65…</abbr>, then <abbr class="hex" title="${LONG.toUpperCase()}">9F86D081884C7D65…</abbr>.`,
    );
  });

  it('that were cut before are cut once', () => {
    const cut = `${LONG.slice(0, 40)}…`;
    assert.equal(
      shortenHex(`begins with ${cut}`).toString(),
      `begins with <abbr class="hex" title="${cut}">9f86d081884c7d65…</abbr>`,
    );
  });

  it('stay whole where they are short, and what stands around them is text', () => {
    for (const text of ['', 'Snapshot 608d753f holds 3 bytes', '2f2a214d3939393939392f2a'])
      assert.equal(shortenHex(text).toString(), text);
    assert.equal(
      shortenHex(`<b>${LONG}</b>`)
        .toString()
        .replace(/<abbr.*abbr>/, '#'),
      '&lt;b&gt;#&lt;/b&gt;',
    );
  });
});
