import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createPrimitives, SIZES } from './primitives.ts';

const primitives = createPrimitives();
const { toHex } = primitives;

function unhex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

describe('Ed25519 gives the signatures of RFC 8032, section 7.1', () => {
  const vectors = [
    {
      title: 'test 1, empty message',
      seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      message: '',
      signature:
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    },
    {
      title: 'test 2, one byte',
      seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      message: '72',
      signature:
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    },
    {
      title: 'test 3, two bytes',
      seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      message: 'af82',
      signature:
        '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    },
  ];
  for (const vector of vectors) {
    it(vector.title, () => {
      const pair = primitives.makeSigningPair(unhex(vector.seed));
      assert.equal(toHex(pair.publicKey), vector.publicKey);
      assert.equal(toHex(primitives.signBytes(pair.secretKey, unhex(vector.message))), vector.signature);
      assert.equal(primitives.verifyBytes(pair.publicKey, unhex(vector.message), unhex(vector.signature)), true);
    });
  }

  it('a public key of small order verifies nothing', () => {
    const neutral = new Uint8Array(32);
    neutral[0] = 1;
    const signature = new Uint8Array(64);
    signature[0] = 1;
    assert.equal(primitives.verifyBytes(neutral, unhex('72'), signature), false);
  });
});

it('BLAKE2b-512 of "abc" is the one of RFC 7693, appendix A', () => {
  assert.equal(
    toHex(primitives.hashBytes(new TextEncoder().encode('abc'), 64)),
    'ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923',
  );
});

describe('XChaCha20-Poly1305 gives the vector of draft-irtf-cfrg-xchacha, appendix A.3.1', () => {
  const plaintext = new TextEncoder().encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const associated = unhex('50515253c0c1c2c3c4c5c6c7');
  const key = unhex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f');
  const nonce = unhex('404142434445464748494a4b4c4d4e4f5051525354555657');
  const box =
    'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452' +
    '2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52e' +
    'c0875924c1c7987947deafd8780acf49';

  it('when encrypting', () => {
    assert.equal(toHex(primitives.encryptBytes(key, nonce, plaintext, associated)), box);
  });
  it('when decrypting', () => {
    assert.deepEqual(primitives.decryptBytes(key, nonce, unhex(box), associated), plaintext);
  });
});

describe('base64url text', () => {
  it('survives the way there and back for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = primitives.toBase64Url(bytes);
        assert.equal(text, Buffer.from(bytes).toString('base64url'));
        assert.deepEqual(primitives.fromBase64Url(text), Uint8Array.from(bytes));
      }),
    );
  });
  it('is refused in any other writing than the canonical one', () => {
    for (const text of ['QQ==', 'QR', 'Q', 'a+b/', 'QQ\n', ' QQ', 'QUJD*', 'Q Q', 'é']) {
      assert.equal(primitives.fromBase64Url(text), undefined, JSON.stringify(text));
    }
  });
});

it('a sealed box grows by the overhead that the limits are computed with', () => {
  const pair = primitives.makeSealingPair(new Uint8Array(32).fill(7));
  assert.equal(
    primitives.sealBytes(pair.publicKey, new Uint8Array(10), new Uint8Array(32).fill(8)).length,
    10 + SIZES.sealOverhead,
  );
});
