import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemRandomBytes } from '../clock.ts';
import { createCrypto } from './crypto.ts';
import {
  type AnnounceClaim,
  type ConnectClaim,
  signAnnounceClaim,
  signConnectClaim,
  verifyAnnounceClaim,
  verifyConnectClaim,
} from './proof.ts';

const crypto = createCrypto(systemRandomBytes);
const keys = crypto.makeSigningKeys();
const serverKey = crypto.makeSigningKeys().publicKey;

describe('a connect proof', () => {
  const claim: ConnectClaim = { serverKey, hostId: 'host_1', nonce: 'bm9uY2U', counter: 12, bootId: 'boot-1' };
  const signature = signConnectClaim(crypto, keys.secretKey, claim);

  it('holds for exactly the claim it was made for', () => {
    assert.equal(verifyConnectClaim(crypto, keys.publicKey, claim, signature), true);
  });

  const others: Partial<ConnectClaim>[] = [
    { serverKey: crypto.makeSigningKeys().publicKey },
    { hostId: 'host_2' },
    { nonce: 'bm9uY2V' },
    { counter: 13 },
    { bootId: 'boot-2' },
    // The same letters in a row, cut at another place.
    { hostId: 'host_1b', nonce: 'm9uY2U' },
  ];
  for (const other of others) {
    it(`fails for another ${Object.keys(other).join(' and ')}`, () => {
      assert.equal(verifyConnectClaim(crypto, keys.publicKey, { ...claim, ...other }, signature), false);
    });
  }

  it('fails for another host key', () => {
    assert.equal(verifyConnectClaim(crypto, crypto.makeSigningKeys().publicKey, claim, signature), false);
  });
});

describe('an announce proof', () => {
  const claim: AnnounceClaim = { nonce: 'bm9uY2U', signingKey: keys.publicKey, sealingKey: crypto.makeSealingKeys().publicKey };
  const signature = signAnnounceClaim(crypto, keys.secretKey, claim);

  it('holds for exactly the announced keys', () => {
    assert.equal(verifyAnnounceClaim(crypto, claim, signature), true);
  });

  it('fails when the sealing key was exchanged on the way', () => {
    assert.equal(verifyAnnounceClaim(crypto, { ...claim, sealingKey: crypto.makeSealingKeys().publicKey }, signature), false);
  });

  it('fails for another nonce, another server key and another signing key', () => {
    assert.equal(verifyAnnounceClaim(crypto, { ...claim, nonce: 'b3RoZXI' }, signature), false);
    assert.equal(verifyAnnounceClaim(crypto, { ...claim, serverKey }, signature), false);
    assert.equal(verifyAnnounceClaim(crypto, { ...claim, signingKey: crypto.makeSigningKeys().publicKey }, signature), false);
  });

  it('never serves as a connect proof', () => {
    const connect: ConnectClaim = { serverKey: '', hostId: claim.nonce, nonce: claim.signingKey, counter: 0, bootId: '' };
    assert.equal(verifyConnectClaim(crypto, keys.publicKey, connect, signature), false);
  });
});
