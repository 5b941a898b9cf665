import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemRandomBytes } from '../clock.ts';
import { createCrypto } from './crypto.ts';
import { fingerprintOf, fingerprintOfServer } from './fingerprint.ts';
import { FINGERPRINT_WORDS } from './words.ts';

const crypto = createCrypto(systemRandomBytes);

/** The number of letters to insert, delete or exchange to turn one word into the other, counted up to two. */
function differsByOneLetter(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  return restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1);
}

describe('the word list', () => {
  it('has 1,024 words of four to seven lower-case letters', () => {
    assert.equal(FINGERPRINT_WORDS.length, 1024);
    for (const word of FINGERPRINT_WORDS) assert.match(word, /^[a-z]{4,7}$/);
  });
  it('tells every word by its first four letters', () => {
    assert.equal(new Set(FINGERPRINT_WORDS.map((word) => word.slice(0, 4))).size, 1024);
  });
  it('has no two words that differ by a single letter', () => {
    const close = FINGERPRINT_WORDS.flatMap((a, index) =>
      FINGERPRINT_WORDS.slice(index + 1)
        .filter((b) => differsByOneLetter(a, b))
        .map((b) => `${a} ${b}`),
    );
    assert.deepEqual(close, []);
  });
  it('is the list every released agent knows, in its order', () => {
    const digest = crypto.digest(new TextEncoder().encode(FINGERPRINT_WORDS.join(' ')), 16);
    assert.equal(crypto.toHex(digest), '4ee84429e023400b7a8bde5685f2d171');
  });
});

describe('fingerprints', () => {
  const signing = 'A'.repeat(43);
  const sealing = `B${'A'.repeat(42)}`;

  it('stay the same for the same keys in every release', () => {
    assert.equal(fingerprintOf(crypto, signing, sealing).text, 'quiz-rapids-renewal-icicle-runner-vinegar');
    assert.equal(fingerprintOfServer(crypto, signing).text, 'square-meadow-border-vulcan-cosmos-banner');
  });

  it('are six words and their digest in hex', () => {
    const made = fingerprintOf(crypto, signing, sealing);
    assert.equal(made.words.length, 6);
    assert.equal(made.text, made.words.join('-'));
    for (const word of made.words) assert.equal(FINGERPRINT_WORDS.includes(word), true);
    assert.match(made.hex, /^[0-9a-f]{64}$/);
  });

  it('read the words from the first sixty bits of the digest, most significant first', () => {
    const made = fingerprintOf(crypto, signing, sealing);
    const bits = BigInt(`0x${made.hex}`).toString(2).padStart(256, '0');
    const expected = Array.from(
      { length: 6 },
      (_, index) => FINGERPRINT_WORDS[Number.parseInt(bits.slice(index * 10, index * 10 + 10), 2)],
    );
    assert.deepEqual(made.words, expected);
  });

  it('change when either key changes or the keys change places', () => {
    const texts = [
      fingerprintOf(crypto, signing, sealing),
      fingerprintOf(crypto, sealing, signing),
      fingerprintOf(crypto, signing, signing),
      fingerprintOfServer(crypto, signing),
    ].map((made) => made.hex);
    assert.equal(new Set(texts).size, 4);
  });
});
