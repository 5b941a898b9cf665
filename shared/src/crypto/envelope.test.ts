import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { systemRandomBytes } from '../clock.ts';
import { createCrypto } from './crypto.ts';
import { signDocument, verifyDocument } from './envelope.ts';

const crypto = createCrypto(systemRandomBytes);
const server = crypto.makeSigningKeys();

it('a signed document comes back as the object it was made from', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (content) => {
      const signed = signDocument(crypto, server, 'spec', content);
      assert.deepEqual(verifyDocument(crypto, server.publicKey, 'spec', signed), JSON.parse(JSON.stringify(content)));
    }),
  );
});

describe('a document is refused', () => {
  const signed = signDocument(crypto, server, 'spec', { version: 7, plans: ['a', 'ü'] });
  const refuses = (change: Partial<typeof signed>, key = server.publicKey, context = 'spec') =>
    assert.throws(() => verifyDocument(crypto, key, context, { ...signed, ...change }), { code: 'integrity' });

  it('after any one character of it changed', () => {
    for (let at = 0; at < signed.document.length; at += 1) {
      refuses({ document: `${signed.document.slice(0, at)}~${signed.document.slice(at + 1)}` });
    }
  });
  it('when it means the same but is written differently', () => {
    refuses({ document: `${signed.document} ` });
  });
  it('under another key, another context, or without a real signature', () => {
    refuses({}, crypto.makeSigningKeys().publicKey);
    refuses({}, server.publicKey, 'request');
    refuses({ signature: '' });
  });
  it('when a lone surrogate stands for the replacement character it is encoded as', () => {
    const replaced = signDocument(crypto, server, 'spec', { name: '\ufffd' });
    assert.throws(
      () =>
        verifyDocument(crypto, server.publicKey, 'spec', {
          ...replaced,
          document: replaced.document.replace('\ufffd', '\ud800'),
        }),
      { code: 'integrity' },
    );
  });
});

it('a genuine signature over text that is not JSON is an invalid document', () => {
  const document = '{"version":';
  const signature = crypto.sign(server.secretKey, 'spec', new TextEncoder().encode(document));
  assert.throws(() => verifyDocument(crypto, server.publicKey, 'spec', { document, signature }), { code: 'invalid' });
});
