import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sodium from 'libsodium-wrappers';
import { hasSmallOrder, isCanonical, makeSigningPair, signBytes, verifyBytes } from './ed25519.ts';
import {
  addPoints,
  BASE,
  encodeNumber,
  encodePoint,
  forgeSignature,
  hashToScalar,
  L,
  listSmallOrderPoints,
  multiplyPoint,
  NEUTRAL,
  P,
} from './fixtures/edwards-points.ts';

await sodium.ready;

/** The multiples 0 to 7 of a point of order 8. */
const SMALL = listSmallOrderPoints();
/** What a signer who does not follow the rules knows. */
const SECRET = 0x1234567890abcdef1234567890abcdef1234567890abcdefn;
const CHANCE = 0xfedcba0987654321fedcba0987654321fedcba0987654321n;
const HONEST_KEY = multiplyPoint(BASE, SECRET);
const HONEST_COMMITMENT = multiplyPoint(BASE, CHANCE);
const SIGN_OF_X = 1n << 255n;

type Signed = { key: Uint8Array; message: Uint8Array; signature: Uint8Array };

function accepts({ key, message, signature }: Signed): boolean {
  return verifyBytes(key, message, signature);
}

function acceptsInLibsodium({ key, message, signature }: Signed): boolean {
  return sodium.crypto_sign_verify_detached(signature, message, key);
}

/** Whether S * B = R + h * A, when the parts of small order in A and R are these multiples of one point. */
function fitsEquation({ key, message, signature }: Signed, keyPart: number, commitmentPart: number): boolean {
  const hash = hashToScalar(signature.subarray(0, 32), key, message);
  return (hash * BigInt(keyPart) + BigInt(commitmentPart)) % 8n === 0n;
}

/** Tries messages until the equation of RFC 8032 holds; it does for one in eight, or for all. */
function forge(sign: (message: Uint8Array) => Signed, keyPart: number, commitmentPart: number): Signed {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const signed = sign(new TextEncoder().encode(`message ${attempt}`));
    if (fitsEquation(signed, keyPart, commitmentPart)) return signed;
  }
  throw new Error('the equation holds for none of 500 messages');
}

/** Both signs of x. */
function listWritings(y: bigint): Uint8Array[] {
  return [y, y + SIGN_OF_X].map(encodeNumber);
}

describe('a point of small order', () => {
  it('is one of eight, five by their y, and each of them is known', () => {
    assert.equal(new Set(SMALL.map((point) => `${point.x} ${point.y}`)).size, 8);
    assert.equal(new Set(SMALL.map((point) => point.y)).size, 5);
    for (const point of SMALL) {
      assert.deepEqual(multiplyPoint(point, 8n), NEUTRAL);
      for (const encoded of listWritings(point.y)) assert.equal(hasSmallOrder(encoded), true);
    }
    for (const point of [HONEST_KEY, HONEST_COMMITMENT, BASE]) assert.equal(hasSmallOrder(encodePoint(point)), false);
  });

  it('is refused as a public key although the equation holds for whoever knows no secret', () => {
    const commitment = encodePoint(HONEST_COMMITMENT);
    for (const [part, point] of SMALL.entries()) {
      const key = encodePoint(point);
      const signed = forge(
        (message) => ({ key, message, signature: forgeSignature(commitment, CHANCE, key, 0n, message) }),
        part,
        0,
      );
      assert.equal(accepts(signed), false);
      assert.equal(acceptsInLibsodium(signed), false);
    }
  });

  it('is refused as the first half of a signature although the equation holds', () => {
    // The part of small order in the key cancels the one in the signature.
    const key = encodePoint(addPoints(HONEST_KEY, SMALL[1] ?? NEUTRAL));
    for (const [part, point] of SMALL.entries()) {
      const signed = forge(
        (message) => ({ key, message, signature: forgeSignature(encodePoint(point), 0n, key, SECRET, message) }),
        1,
        part,
      );
      assert.equal(accepts(signed), false);
      assert.equal(acceptsInLibsodium(signed), false);
    }
  });
});

describe('a public key that is not written in its canonical way', () => {
  it('is known for each of the nineteen values that can be written twice, and refused', () => {
    for (let y = 0n; y < 19n; y += 1n) {
      for (const key of listWritings(y)) assert.equal(isCanonical(key), true);
      for (const key of listWritings(P + y)) {
        assert.equal(isCanonical(key), false);
        const message = new Uint8Array(1);
        const signed = { key, message, signature: forgeSignature(encodePoint(BASE), 1n, key, 0n, message) };
        assert.equal(accepts(signed), false);
        assert.equal(acceptsInLibsodium(signed), false);
      }
    }
  });

  it('is none of those below the prime', () => {
    for (const y of [P - 1n, P - 256n, P - 2n ** 248n, 2n ** 254n]) {
      for (const key of listWritings(y)) assert.equal(isCanonical(key), true);
    }
  });
});

it('keys and signatures with a part of small order fit exactly when the equation holds, as in libsodium', () => {
  const verdicts = new Set<boolean>();
  for (const [keyPart, small] of SMALL.entries()) {
    const key = encodePoint(addPoints(HONEST_KEY, small));
    for (const [commitmentPart, other] of SMALL.entries()) {
      const commitment = encodePoint(addPoints(HONEST_COMMITMENT, other));
      const message = commitment.subarray(5);
      const signed = { key, message, signature: forgeSignature(commitment, CHANCE, key, SECRET, message) };
      const holds = fitsEquation(signed, keyPart, commitmentPart);
      assert.equal(accepts(signed), holds);
      assert.equal(acceptsInLibsodium(signed), holds);
      verdicts.add(holds);
    }
  }
  assert.equal(verdicts.size, 2);
});

it('a signature whose second half is higher by the order of the base point is refused', () => {
  const { publicKey: key, secretKey } = makeSigningPair(new Uint8Array(32).fill(3));
  const message = new TextEncoder().encode('once');
  const signature = signBytes(secretKey, message);
  assert.equal(accepts({ key, message, signature }), true);
  const scalar = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`);
  signature.set(encodeNumber(scalar + L), 32);
  assert.equal(accepts({ key, message, signature }), false);
  assert.equal(acceptsInLibsodium({ key, message, signature }), false);
});

it('a secret key whose public half belongs to another seed gives the signature of its own seed', () => {
  const own = makeSigningPair(new Uint8Array(32).fill(1));
  const mixed = Uint8Array.from(own.secretKey);
  mixed.set(makeSigningPair(new Uint8Array(32).fill(2)).publicKey, 32);
  const message = new Uint8Array(10);
  assert.deepEqual(signBytes(mixed, message), signBytes(own.secretKey, message));
});

it('seeds and secret keys of another size are refused', () => {
  for (const size of [0, 31, 33, 64]) assert.throws(() => makeSigningPair(new Uint8Array(size)), RangeError);
  for (const size of [0, 32, 63, 65]) assert.throws(() => signBytes(new Uint8Array(size), new Uint8Array()), RangeError);
});
