import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import { nameKey } from './boxed-text.ts';
import { createServerIdentity, openServerIdentity, sealServerIdentity, serverIdentityRecordSchema } from './server-identity.ts';

const crypto = createCrypto(systemRandomBytes);

function makeMaster() {
  const key = crypto.randomBytes(32);
  return { key, keyId: nameKey(crypto, key) };
}

const master = makeMaster();

it('an identity opens again from its record, after the way through JSON', () => {
  const { keys, record } = createServerIdentity(crypto, master);
  const stored = serverIdentityRecordSchema.parse(JSON.parse(JSON.stringify(record)));
  assert.deepEqual(openServerIdentity(crypto, master, stored), keys);
});

it('the record shows nothing of the secret key', () => {
  const { keys, record } = createServerIdentity(crypto, master);
  const secret = Buffer.from(keys.secretKey);
  const stored = Buffer.from(record.sealedSecretKey.split('.')[3] ?? '', 'base64url');
  // The second half of an Ed25519 secret key is the public one, so both halves are looked for.
  assert.equal(stored.includes(secret.subarray(0, 16)), false);
  assert.equal(stored.includes(secret.subarray(32, 48)), false);
});

it('a record is refused under another master key and after its halves were mixed', () => {
  const { record } = createServerIdentity(crypto, master);
  const other = createServerIdentity(crypto, master).record;
  assert.throws(() => openServerIdentity(crypto, makeMaster(), record), { code: 'integrity' });
  assert.throws(() => openServerIdentity(crypto, master, { ...record, publicKey: other.publicKey }), { code: 'integrity' });
  assert.throws(() => openServerIdentity(crypto, master, { ...record, sealedSecretKey: other.sealedSecretKey }), {
    code: 'integrity',
  });
});

it('a record whose secret half never belonged to its public half is refused', () => {
  const one = crypto.makeSigningKeys();
  const two = crypto.makeSigningKeys();
  const mixed = sealServerIdentity(crypto, master, { publicKey: one.publicKey, secretKey: two.secretKey });
  assert.throws(() => openServerIdentity(crypto, master, mixed), { code: 'integrity' });
});

it('an identity moves to a new master key and stays the same key', () => {
  const { keys } = createServerIdentity(crypto, master);
  const next = makeMaster();
  assert.deepEqual(openServerIdentity(crypto, next, sealServerIdentity(crypto, next, keys)), keys);
});
