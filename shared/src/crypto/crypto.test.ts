import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { systemRandomBytes } from '../clock.ts';
import { AppError } from '../errors.ts';
import { createCrypto, publicKeySchema, signatureSchema, TOKEN_PREFIXES, tokenSchema } from './crypto.ts';

const crypto = createCrypto(systemRandomBytes);
const RUNS = { numRuns: 200 };
const bytes = fc.uint8Array({ maxLength: 200 });
const someBytes = fc.uint8Array({ minLength: 1, maxLength: 200 });

function isIntegrity(thrown: unknown): boolean {
  return thrown instanceof AppError && thrown.code === 'integrity' && thrown.retry === 'never';
}

/** The same bytes with one bit turned; which one is chosen by `at`. */
function flipBit(original: Uint8Array, at: number): Uint8Array {
  const changed = Uint8Array.from(original);
  const bit = at % (changed.length * 8);
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

describe('signatures', () => {
  const keys = crypto.makeSigningKeys();

  it('verify for the key, context and message they were made for', () => {
    fc.assert(
      fc.property(bytes, (message) => {
        const signature = crypto.sign(keys.secretKey, 'spec', message);
        assert.equal(signatureSchema.safeParse(signature).success, true);
        assert.equal(crypto.verify(keys.publicKey, 'spec', message, signature), true);
      }),
      RUNS,
    );
  });

  it('fail after any bit of message, signature or key is flipped', () => {
    fc.assert(
      fc.property(someBytes, fc.nat(100_000), fc.constantFrom('message', 'signature', 'key'), (message, at, what) => {
        const signature = crypto.sign(keys.secretKey, 'spec', message);
        const flip = (text: string) => crypto.toBase64Url(flipBit(crypto.fromBase64Url(text), at));
        const verdict = crypto.verify(
          what === 'key' ? flip(keys.publicKey) : keys.publicKey,
          'spec',
          what === 'message' ? flipBit(message, at) : message,
          what === 'signature' ? flip(signature) : signature,
        );
        assert.equal(verdict, false);
      }),
      RUNS,
    );
  });

  it('fail in another context and under another key', () => {
    const message = new TextEncoder().encode('message');
    const signature = crypto.sign(keys.secretKey, 'spec', message);
    assert.equal(crypto.verify(keys.publicKey, 'connect', message, signature), false);
    assert.equal(crypto.verify(crypto.makeSigningKeys().publicKey, 'spec', message, signature), false);
  });

  it('are false, not an exception, for malformed text from outside', () => {
    const message = new Uint8Array(3);
    const signature = crypto.sign(keys.secretKey, 'spec', message);
    for (const text of ['', 'x', '*'.repeat(86), `${signature}A`, signature.slice(1), `${signature}==`]) {
      assert.equal(crypto.verify(keys.publicKey, 'spec', message, text), false);
      assert.equal(crypto.verify(text, 'spec', message, signature), false);
    }
  });

  it('refuse a context that could run into the message', () => {
    for (const context of ['', 'a\0b', 'a/b', 'Spec', 'x'.repeat(41)]) {
      assert.throws(() => crypto.sign(keys.secretKey, context, new Uint8Array()), { code: 'internal' });
    }
  });
});

describe('encryption', () => {
  const key = crypto.randomBytes(32);

  it('gives back the plaintext under the same key and associated bytes', () => {
    fc.assert(
      fc.property(bytes, bytes, (plaintext, associated) => {
        assert.deepEqual(crypto.decrypt(key, crypto.encrypt(key, plaintext, associated), associated), Uint8Array.from(plaintext));
      }),
      RUNS,
    );
  });

  it('is refused after any bit of nonce, box, key or associated bytes is flipped', () => {
    fc.assert(
      fc.property(
        bytes,
        someBytes,
        fc.nat(100_000),
        fc.constantFrom('nonce', 'box', 'key', 'associated'),
        (plain, aad, at, what) => {
          const made = crypto.encrypt(key, plain, aad);
          const encrypted = {
            nonce: what === 'nonce' ? flipBit(made.nonce, at) : made.nonce,
            box: what === 'box' ? flipBit(made.box, at) : made.box,
          };
          assert.throws(
            () =>
              crypto.decrypt(what === 'key' ? flipBit(key, at) : key, encrypted, what === 'associated' ? flipBit(aad, at) : aad),
            isIntegrity,
          );
        },
      ),
      RUNS,
    );
  });

  it('refuses a box that is cut short, even below the size of a tag', () => {
    const made = crypto.encrypt(key, new Uint8Array(40), new Uint8Array());
    for (let size = 0; size < made.box.length; size += 1) {
      assert.throws(() => crypto.decrypt(key, { ...made, box: made.box.subarray(0, size) }, new Uint8Array()), isIntegrity);
    }
  });

  it('never gives the same box twice for the same plaintext', () => {
    const boxes = Array.from({ length: 50 }, () => crypto.toHex(crypto.encrypt(key, new Uint8Array(8), new Uint8Array()).box));
    assert.equal(new Set(boxes).size, 50);
  });
});

describe('sealed boxes', () => {
  it('open for their owner alone', () => {
    const owner = crypto.makeSealingKeys();
    const box = crypto.seal(owner.publicKey, new TextEncoder().encode('for you'));
    assert.equal(new TextDecoder().decode(crypto.unseal(owner, box)), 'for you');
    assert.throws(() => crypto.unseal(crypto.makeSealingKeys(), box), isIntegrity);
  });

  it('are not made for text that is no public key, nor for one of small order', () => {
    for (const key of ['', 'AAAA', '*'.repeat(43), 'A'.repeat(43)]) {
      assert.throws(() => crypto.seal(key, new Uint8Array(4)), { code: 'invalid' });
    }
  });
});

describe('tokens', () => {
  it('carry their prefix, 256 bits, and match the schema of their kind only', () => {
    for (const prefix of Object.values(TOKEN_PREFIXES)) {
      const token = crypto.randomToken(prefix);
      assert.match(token, new RegExp(`^${prefix}_[A-Za-z0-9_-]{43}$`));
      assert.equal(crypto.fromBase64Url(token.slice(4)).length, 32);
      for (const other of Object.values(TOKEN_PREFIXES)) {
        assert.equal(tokenSchema(other).safeParse(token).success, other === prefix);
      }
    }
  });

  it('are kept as a hash of 64 hex digits that does not contain them', () => {
    const token = crypto.randomToken('hfa');
    assert.match(crypto.hashToken(token), /^[0-9a-f]{64}$/);
    assert.equal(crypto.hashToken(token), crypto.hashToken(token));
    assert.notEqual(crypto.hashToken(token), crypto.hashToken(crypto.randomToken('hfa')));
  });
});

it('keys match the schemas of the wire', () => {
  assert.equal(publicKeySchema.safeParse(crypto.makeSigningKeys().publicKey).success, true);
  assert.equal(publicKeySchema.safeParse(crypto.makeSealingKeys().publicKey).success, true);
});

it('keys come from the randomness that was passed in, so a test can own them', () => {
  const fixed = createCrypto((size) => new Uint8Array(size).fill(9));
  assert.equal(fixed.makeSigningKeys().publicKey, fixed.makeSigningKeys().publicKey);
  assert.notEqual(fixed.makeSigningKeys().publicKey, crypto.makeSigningKeys().publicKey);
});

it('text compares equal only when it is the same, whatever its length', () => {
  assert.equal(crypto.equalText('abc', 'abc'), true);
  assert.equal(crypto.equalText('abc', 'abd'), false);
  assert.equal(crypto.equalText('abc', 'abcd'), false);
  assert.equal(crypto.equalText('', ''), true);
});
