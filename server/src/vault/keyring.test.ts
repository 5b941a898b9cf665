import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { ANY_CHARACTER } from '@holdfast/shared/fixtures/any-character.ts';
import fc from 'fast-check';
import { nameKey } from './boxed-text.ts';
import { createFieldCipher, createKeyring, type FieldPlace } from './keyring.ts';

const crypto = createCrypto(systemRandomBytes);

function makeMaster() {
  const key = crypto.randomBytes(32);
  return { key, keyId: nameKey(crypto, key) };
}

const keyring = createKeyring(crypto, makeMaster());
const { dataKey, wrapped } = keyring.wrapNewDataKey('ten_default');
const cipher = createFieldCipher(crypto, dataKey);
const place: FieldPlace = { tenant: 'ten_default', table: 'repositories', row: 'repo_1', field: 'password' };

function isIntegrity(thrown: unknown): boolean {
  return thrown instanceof AppError && thrown.code === 'integrity';
}

describe('data keys', () => {
  it('open again under the master key that wrapped them', () => {
    const opened = keyring.openDataKey('ten_default', wrapped);
    assert.deepEqual(opened, dataKey);
  });

  it('are refused to another tenant, and under another master key', () => {
    assert.throws(() => keyring.openDataKey('ten_other', wrapped), isIntegrity);
    assert.throws(() => createKeyring(crypto, makeMaster()).openDataKey('ten_default', wrapped), isIntegrity);
  });

  it('are refused under a master key that only claims the same name', () => {
    const impostor = { ...makeMaster(), keyId: keyring.masterKeyId };
    assert.throws(() => createKeyring(crypto, impostor).openDataKey('ten_default', wrapped), isIntegrity);
  });

  it('differ for every tenant and every call', () => {
    const other = keyring.wrapNewDataKey('ten_default');
    assert.notDeepEqual(other.dataKey.key, dataKey.key);
    assert.notEqual(other.dataKey.keyId, dataKey.keyId);
  });

  it('move to a new master key while the fields stay as they are', () => {
    const text = cipher.encryptField(place, 'canary');
    const next = createKeyring(crypto, makeMaster());
    const rewrapped = next.wrapDataKey(keyring.openDataKey('ten_default', wrapped));
    assert.equal(createFieldCipher(crypto, next.openDataKey('ten_default', rewrapped)).decryptField(place, text), 'canary');
    assert.throws(() => keyring.openDataKey('ten_default', rewrapped), isIntegrity);
  });

  it('are wrapped without showing a byte of the key', () => {
    assert.equal(wrapped.includes(crypto.toBase64Url(dataKey.key).slice(0, 16)), false);
    assert.match(wrapped, new RegExp(`^v1\\.${keyring.masterKeyId}\\.`));
  });
});

describe('encrypted fields', () => {
  it('decrypt at their place to any text that went in', () => {
    fc.assert(
      fc.property(fc.string({ unit: ANY_CHARACTER }), (plaintext) => {
        const wellFormed = plaintext.toWellFormed();
        assert.equal(cipher.decryptField(place, cipher.encryptField(place, wellFormed)), wellFormed);
      }),
    );
  });

  it('differ for equal plaintexts and show neither of them', () => {
    const texts = Array.from({ length: 20 }, () => cipher.encryptField(place, 'canary-canary'));
    assert.equal(new Set(texts).size, 20);
    for (const text of texts) {
      assert.equal(text.includes('canary'), false);
      assert.equal(Buffer.from(text.split('.')[3] ?? '', 'base64url').includes('canary'), false);
    }
  });

  const moves: Partial<FieldPlace>[] = [
    { row: 'repo_2' },
    { field: 'adminPassword' },
    { table: 'sources' },
    // The same letters in a row, cut at another place.
    { row: 'repo_', field: '1password' },
  ];
  for (const move of moves) {
    it(`are refused after a move to ${JSON.stringify(move)}`, () => {
      const text = cipher.encryptField(place, 'canary');
      assert.throws(
        () => cipher.decryptField({ ...place, ...move }, text),
        (thrown) => isIntegrity(thrown) && !String((thrown as Error).message).includes('canary'),
      );
    });
  }

  it('are refused in another tenant, even one whose row has the same id', () => {
    const other = createFieldCipher(crypto, keyring.wrapNewDataKey('ten_other').dataKey);
    assert.throws(() => other.decryptField({ ...place, tenant: 'ten_other' }, cipher.encryptField(place, 'x')), isIntegrity);
    assert.throws(() => other.encryptField(place, 'x'), { code: 'internal' });
  });

  it('are refused after any character of the text changed', () => {
    const text = cipher.encryptField(place, 'canary');
    for (let at = 0; at < text.length; at += 1) {
      const letter = text[at] === 'A' ? 'B' : 'A';
      assert.throws(() => cipher.decryptField(place, text.slice(0, at) + letter + text.slice(at + 1)), isIntegrity, `at ${at}`);
    }
  });

  it('are refused when the text is cut, empty or plain', () => {
    const text = cipher.encryptField(place, 'canary');
    for (const bad of ['', 'canary', 'v1', text.slice(0, -1), text.slice(1), `${text}.AAAA`, text.replace('v1', 'v2')]) {
      assert.throws(() => cipher.decryptField(place, bad), isIntegrity, bad);
    }
  });

  it('are read with an older data key and known as not current, until they are written again', () => {
    const old = cipher.encryptField(place, 'canary');
    const rotated = createFieldCipher(crypto, keyring.wrapNewDataKey('ten_default').dataKey, [dataKey]);
    assert.equal(rotated.isCurrent(old), false);
    const fresh = rotated.encryptField(place, rotated.decryptField(place, old));
    assert.equal(rotated.isCurrent(fresh), true);
    assert.equal(rotated.decryptField(place, fresh), 'canary');
    assert.throws(() => cipher.decryptField(place, fresh), isIntegrity);
  });
});
