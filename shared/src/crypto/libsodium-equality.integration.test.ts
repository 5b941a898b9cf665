/** Both ways against libsodium: what it makes is read here, what is made here it reads, and both refuse the same. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import fc from 'fast-check';
import sodium from 'libsodium-wrappers';
import { encodeNumber, findMontgomeryU, listSmallOrderPoints, P } from './fixtures/edwards-points.ts';
import { createPrimitives, SIZES } from './primitives.ts';

await sodium.ready;
const primitives = createPrimitives();

const RUNS = { numRuns: 1000 };
const MAX_BYTES = 4096;
/** Where blocks of the ciphers and hashes begin and end. */
const EDGES = [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, MAX_BYTES];

/** Bytes of one size, that begin anywhere in the memory they lie in. */
function makeBytes(size: number, seed: number, offset: number): Uint8Array {
  const stream = createHash('shake128', { outputLength: size + offset })
    .update(String(seed))
    .digest();
  return Uint8Array.from(stream).subarray(offset);
}

function bytesOf(size: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array> {
  return fc.tuple(size, fc.nat(), fc.nat(7)).map(([length, seed, offset]) => makeBytes(length, seed, offset));
}

const anyBytes = bytesOf(fc.oneof(fc.constantFrom(...EDGES), fc.nat(MAX_BYTES)));
const bytes24 = bytesOf(fc.constant(24));
const bytes32 = bytesOf(fc.constant(32));

/** The bytes with one bit turned, for each bit. */
function* flipEachBit(original: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < original.length * 8; bit += 1) {
    const changed = Uint8Array.from(original);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield changed;
  }
}

/** libsodium throws where a check fails. */
function orUndefined<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch {
    return undefined;
  }
}

function unsealBySodium(pair: { publicKey: Uint8Array; secretKey: Uint8Array }, box: Uint8Array): Uint8Array | undefined {
  return orUndefined(() => sodium.crypto_box_seal_open(box, pair.publicKey, pair.secretKey));
}

function decryptBySodium(key: Uint8Array, nonce: Uint8Array, box: Uint8Array, associated: Uint8Array): Uint8Array | undefined {
  return orUndefined(() => sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, box, associated, nonce, key));
}

describe('signatures', () => {
  it('and keys are the same bytes, and each side verifies the other', () => {
    fc.assert(
      fc.property(bytes32, anyBytes, (seed, message) => {
        const pair = primitives.makeSigningPair(seed);
        const theirs = sodium.crypto_sign_seed_keypair(seed);
        assert.deepEqual(pair, { publicKey: theirs.publicKey, secretKey: theirs.privateKey });
        const signature = primitives.signBytes(pair.secretKey, message);
        assert.deepEqual(signature, sodium.crypto_sign_detached(message, theirs.privateKey));
        assert.equal(primitives.verifyBytes(theirs.publicKey, message, signature), true);
        assert.equal(sodium.crypto_sign_verify_detached(signature, message, pair.publicKey), true);
      }),
      RUNS,
    );
  });

  it('are refused by both after any bit of key, message or signature is flipped', () => {
    const { publicKey, secretKey } = primitives.makeSigningPair(makeBytes(32, 1, 0));
    const message = makeBytes(40, 2, 0);
    const signature = primitives.signBytes(secretKey, message);
    const refuses = (key: Uint8Array, text: Uint8Array, signed: Uint8Array) => {
      assert.equal(primitives.verifyBytes(key, text, signed), false);
      assert.equal(sodium.crypto_sign_verify_detached(signed, text, key), false);
    };
    for (const changed of flipEachBit(publicKey)) refuses(changed, message, signature);
    for (const changed of flipEachBit(message)) refuses(publicKey, changed, signature);
    for (const changed of flipEachBit(signature)) refuses(publicKey, message, changed);
  });
});

describe('sealed boxes', () => {
  it('open on either side, wherever they were made', () => {
    fc.assert(
      fc.property(bytes32, bytes32, anyBytes, (seed, ephemeral, message) => {
        const pair = primitives.makeSealingPair(seed);
        const theirs = sodium.crypto_box_seed_keypair(seed);
        assert.deepEqual(pair, { publicKey: theirs.publicKey, secretKey: theirs.privateKey });
        const box = primitives.sealBytes(pair.publicKey, message, ephemeral);
        assert.deepEqual(unsealBySodium(pair, box), Uint8Array.from(message));
        const theirBox = sodium.crypto_box_seal(message, pair.publicKey);
        assert.deepEqual(primitives.unsealBytes(pair, theirBox), Uint8Array.from(message));
        assert.equal(box.length, theirBox.length);
      }),
      RUNS,
    );
  });

  it('have the bytes that the parts of libsodium give for the same ephemeral key', () => {
    fc.assert(
      fc.property(bytes32, bytes32, anyBytes, (seed, ephemeral, message) => {
        const { publicKey } = primitives.makeSealingPair(seed);
        const led = sodium.crypto_scalarmult_base(ephemeral);
        const nonce = sodium.crypto_generichash(SIZES.nonce, Uint8Array.from([...led, ...publicKey]), null);
        const sealed = sodium.crypto_box_easy(message, nonce, publicKey, ephemeral);
        assert.deepEqual(primitives.sealBytes(publicKey, message, ephemeral), Uint8Array.from([...led, ...sealed]));
      }),
      RUNS,
    );
  });

  it('are refused by both for another pair, cut short, and after any bit is flipped', () => {
    const pair = primitives.makeSealingPair(makeBytes(32, 3, 0));
    const other = primitives.makeSealingPair(makeBytes(32, 4, 0));
    const box = primitives.sealBytes(pair.publicKey, makeBytes(40, 5, 0), makeBytes(32, 6, 0));
    const refuses = (keys: typeof pair, changed: Uint8Array) => {
      assert.equal(primitives.unsealBytes(keys, changed), undefined);
      assert.equal(unsealBySodium(keys, changed), undefined);
    };
    refuses(other, box);
    refuses({ ...pair, publicKey: other.publicKey }, box);
    refuses({ ...pair, secretKey: other.secretKey }, box);
    refuses({ ...pair, publicKey: pair.publicKey.subarray(1) }, box);
    refuses({ ...pair, secretKey: pair.secretKey.subarray(1) }, box);
    for (let size = 0; size < box.length; size += 1) refuses(pair, box.subarray(0, size));
    for (const changed of flipEachBit(box)) refuses(pair, changed);
  });

  it('are neither made for nor opened from a point of small order', () => {
    const pair = primitives.makeSealingPair(makeBytes(32, 7, 0));
    const known = listSmallOrderPoints().map((point) => findMontgomeryU(point) ?? 0n);
    // One below the prime has small order on the twist; values from the prime on are read as what is above it.
    const values = [...new Set([...known, P - 1n, P, P + 1n])];
    assert.equal(values.length, 7);
    for (const point of values.flatMap((u) => [u, u + (1n << 255n)]).map(encodeNumber)) {
      assert.throws(() => primitives.sealBytes(point, new Uint8Array(4), makeBytes(32, 8, 0)));
      assert.throws(() => sodium.crypto_box_seal(new Uint8Array(4), point));
      const box = sealWithAgreementOfZeros(point, pair.publicKey);
      assert.equal(primitives.unsealBytes(pair, box), undefined);
      assert.equal(unsealBySodium(pair, box), undefined);
    }
  });

  /** What anybody can compute when every secret agrees on zeros with the point. */
  function sealWithAgreementOfZeros(point: Uint8Array, publicKey: Uint8Array): Uint8Array {
    const key = new Uint32Array(8);
    const sigma = new Uint32Array(new TextEncoder().encode('expand 32-byte k').buffer);
    hsalsa(sigma, new Uint32Array(8), new Uint32Array(4), key);
    const nonce = primitives.hashBytes(Uint8Array.from([...point, ...publicKey]), SIZES.nonce);
    return Uint8Array.from([...point, ...xsalsa20poly1305(new Uint8Array(key.buffer), nonce).encrypt(new Uint8Array(4))]);
  }

  it('are not made with a key or an ephemeral secret of another size', () => {
    const { publicKey } = primitives.makeSealingPair(makeBytes(32, 9, 0));
    for (const size of [0, 31, 33]) {
      assert.throws(() => primitives.makeSealingPair(new Uint8Array(size)));
      assert.throws(() => primitives.sealBytes(publicKey, new Uint8Array(4), new Uint8Array(size)));
      assert.throws(() => primitives.sealBytes(new Uint8Array(size).fill(9), new Uint8Array(4), new Uint8Array(32)));
    }
  });
});

describe('encryption', () => {
  it('gives the same bytes, and each side reads the other', () => {
    fc.assert(
      fc.property(bytes32, bytes24, anyBytes, anyBytes, (key, nonce, message, associated) => {
        const box = primitives.encryptBytes(key, nonce, message, associated);
        assert.deepEqual(box, sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, associated, null, nonce, key));
        assert.deepEqual(primitives.decryptBytes(key, nonce, box, associated), Uint8Array.from(message));
        assert.deepEqual(decryptBySodium(key, nonce, box, associated), Uint8Array.from(message));
      }),
      RUNS,
    );
  });

  it('is refused by both after any bit of key, nonce, box or associated bytes is flipped, and cut short', () => {
    const [key, nonce, associated] = [makeBytes(32, 10, 0), makeBytes(24, 11, 0), makeBytes(20, 12, 0)];
    const box = primitives.encryptBytes(key, nonce, makeBytes(70, 13, 0), associated);
    const refuses = (...given: Parameters<typeof decryptBySodium>) => {
      assert.equal(primitives.decryptBytes(...given), undefined);
      assert.equal(decryptBySodium(...given), undefined);
    };
    for (const changed of flipEachBit(key)) refuses(changed, nonce, box, associated);
    for (const changed of flipEachBit(nonce)) refuses(key, changed, box, associated);
    for (const changed of flipEachBit(box)) refuses(key, nonce, changed, associated);
    for (const changed of flipEachBit(associated)) refuses(key, nonce, box, changed);
    for (let size = 0; size < box.length; size += 1) refuses(key, nonce, box.subarray(0, size), associated);
    refuses(key.subarray(1), nonce, box, associated);
    refuses(key, nonce.subarray(1), box, associated);
  });

  it('is not done with a key or a nonce of another size', () => {
    for (const size of [0, 16, 31, 33]) {
      assert.throws(() => primitives.encryptBytes(new Uint8Array(size), new Uint8Array(24), new Uint8Array(1), new Uint8Array()));
    }
    for (const size of [0, 8, 12, 23, 25]) {
      assert.throws(() => primitives.encryptBytes(new Uint8Array(32), new Uint8Array(size), new Uint8Array(1), new Uint8Array()));
    }
  });
});

describe('digests', () => {
  const key = bytesOf(fc.integer({ min: 16, max: 64 }));

  it('are the same bytes, with and without a key, in every size', () => {
    fc.assert(
      fc.property(anyBytes, fc.integer({ min: 16, max: 64 }), fc.option(key), (message, size, given) => {
        const digest = primitives.hashBytes(message, size, given ?? undefined);
        assert.deepEqual(digest, sodium.crypto_generichash(size, message, given));
      }),
      { numRuns: 2000 },
    );
  });

  it('are not made in sizes, or with keys of sizes, outside of 16 to 64 bytes', () => {
    for (const size of [0, 1, 15, 65, 16.5, Number.NaN]) {
      assert.throws(() => primitives.hashBytes(new Uint8Array(1), size), RangeError);
    }
    for (const size of [0, 15, 65]) {
      assert.throws(() => primitives.hashBytes(new Uint8Array(1), 32, new Uint8Array(size)), RangeError);
    }
  });
});

it('text in base64url and in hexadecimal is the same, and read or refused alike', () => {
  const variant = sodium.base64_variants.URLSAFE_NO_PADDING;
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      assert.equal(primitives.toBase64Url(bytes), sodium.to_base64(bytes, variant));
      assert.equal(primitives.toHex(bytes), sodium.to_hex(bytes));
    }),
    RUNS,
  );
  const letters = fc.string({ unit: fc.constantFrom(...'ABQRgwxyz019-_=+/ '), maxLength: 12 });
  fc.assert(
    fc.property(letters, (text) => {
      assert.deepEqual(
        primitives.fromBase64Url(text),
        orUndefined(() => sodium.from_base64(text, variant)),
      );
    }),
    { numRuns: 5000 },
  );
});

it('wiped bytes are zeros, and those beside them are left alone', () => {
  const bytes = new Uint8Array(12).fill(7);
  primitives.wipeBytes(bytes.subarray(2, 10));
  assert.deepEqual([...bytes], [7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7]);
});

it('bytes are equal when length and content are', () => {
  fc.assert(
    fc.property(anyBytes, fc.nat(), (bytes, at) => {
      assert.equal(primitives.equalBytes(bytes, Uint8Array.from(bytes)), true);
      assert.equal(primitives.equalBytes(bytes, Uint8Array.from([...bytes, 0])), false);
      if (bytes.length === 0) return;
      const changed = Uint8Array.from(bytes);
      changed[at % bytes.length] = (changed[at % bytes.length] ?? 0) ^ (1 << (at & 7));
      assert.equal(primitives.equalBytes(bytes, changed), false);
    }),
    RUNS,
  );
});
