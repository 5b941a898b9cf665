import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import {
  dropCovered,
  findCommonParent,
  findParentPath,
  isAtOrBelow,
  isPlainText,
  joinStoredPath,
  showStoredText,
  storedPathSchema,
  toListedText,
  toStoredBytes,
  toStoredText,
} from './stored-path.ts';

const bytes = (...parts: (string | number)[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...Buffer.from(part)])));

describe('A name of a disk as text', () => {
  it('goes there and back unchanged, whatever bytes it is made of', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (name) => {
        const text = toStoredText(name);
        assert.deepEqual(toStoredBytes(text), name);
        assert.ok(text.isWellFormed());
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: ANY_CHARACTER, maxLength: 20 }), (name) => {
        const raw = new TextEncoder().encode(name);
        assert.deepEqual(toStoredBytes(toStoredText(raw)), raw);
      }),
    );
  });

  it('is the text itself where it is UTF-8, and marks each other byte alone', () => {
    assert.equal(toStoredText(bytes('注文 🦔')), '注文 🦔');
    const odd = toStoredText(bytes('latin-', 0xe9, 0xff, '.txt'));
    assert.equal(odd.replace(/[\u{f0080}-\u{f00ff}]/gu, '*'), 'latin-**.txt');
    assert.deepEqual([isPlainText('注文'), isPlainText(odd)], [true, false]);
    assert.equal(showStoredText(odd), 'latin-\\xe9\\xff.txt');
    assert.equal(toListedText(odd), 'latin-\ufffd\ufffd.txt');
    assert.equal(toListedText(toStoredText(bytes('cut ', 0xe6, 0xb3))), 'cut \ufffd\ufffd');
  });

  it('never looks like another name, not even one with letters of the range that marks bytes', () => {
    const sly = new TextEncoder().encode('\u{f00e9}');
    assert.notEqual(toStoredText(sly), toStoredText(bytes(0xe9)));
    assert.deepEqual(toStoredBytes(toStoredText(sly)), sly);
  });

  it('is shown in one line that turns nothing around', () => {
    assert.equal(showStoredText('a\nb\u202ec\u001b[31m'), 'a\\u{a}b\\u{202e}c\\u{1b}[31m');
  });
});

describe('Paths inside a snapshot', () => {
  it('begin at the root and never climb', () => {
    for (const good of ['/', '/srv', '/srv/…', '/--delete', '/a b/\n/c', '/..a/...'])
      assert.ok(storedPathSchema.safeParse(good).success, good);
    for (const bad of [
      '',
      'srv',
      '/srv/',
      '//srv',
      '/a//b',
      '/..',
      '/a/../b',
      '/a/.',
      '/nul\0',
      `/${'x'.repeat(5000)}`,
      '/\ud800',
    ])
      assert.equal(storedPathSchema.safeParse(bad).success, false, bad.slice(0, 20));
  });

  it('know their parents', () => {
    assert.deepEqual(['/', '/a', '/a/b'].map(findParentPath), ['/', '/', '/a']);
    assert.deepEqual([joinStoredPath('/', 'a'), joinStoredPath('/a', 'b')], ['/a', '/a/b']);
    assert.equal(findCommonParent(['/srv/www/a', '/srv/www/b/c', '/srv/www/b']), '/srv/www');
    assert.equal(findCommonParent(['/srv/www/a']), '/srv/www');
    assert.equal(findCommonParent(['/srv/a', '/home']), '/');
    assert.equal(findCommonParent([]), '/');
  });

  it('that lie below a chosen one are chosen with it', () => {
    assert.ok(isAtOrBelow('/a/b', '/a') && isAtOrBelow('/a', '/a') && isAtOrBelow('/a', '/'));
    assert.equal(isAtOrBelow('/ab', '/a'), false);
    assert.deepEqual(dropCovered(['/a/b', '/a', '/ab', '/c/d', '/c/d']), ['/a', '/ab', '/c/d']);
  });
});
