import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { createCrypto } from '@holdfast/shared/crypto/crypto.ts';
import { verifyAnnounceClaim, verifyConnectClaim } from '@holdfast/shared/crypto/proof.ts';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { buildAnnounceProof, buildConnectProof } from './proof.ts';

const crypto = createCrypto(systemRandomBytes);
const identity = { signing: crypto.makeSigningKeys(), sealing: crypto.makeSealingKeys() };
const serverKey = crypto.makeSigningKeys().publicKey;
const credentials = { hostId: 'host_1' as HostId, serverKey };

it('a connect proof is accepted by the server whose key is pinned, and by no other', () => {
  const attempt = { nonce: crypto.toBase64Url(crypto.randomBytes(32)), counter: 5, bootId: 'boot' };
  const { claim, signature } = buildConnectProof(crypto, identity, credentials, attempt);
  assert.deepEqual(claim, { ...attempt, ...credentials });
  assert.equal(
    verifyConnectClaim(crypto, identity.signing.publicKey, { ...attempt, hostId: 'host_1', serverKey }, signature),
    true,
  );
  const foreign = crypto.makeSigningKeys().publicKey;
  assert.equal(verifyConnectClaim(crypto, identity.signing.publicKey, { ...claim, serverKey: foreign }, signature), false);
});

it('an announce proof ties both public keys to the nonce and to the server that was named', () => {
  for (const named of [undefined, serverKey]) {
    const { claim, signature } = buildAnnounceProof(crypto, identity, { nonce: 'bm9uY2U', serverKey: named });
    assert.equal(claim.sealingKey, identity.sealing.publicKey);
    assert.equal(verifyAnnounceClaim(crypto, claim, signature), true);
    assert.equal(verifyAnnounceClaim(crypto, { ...claim, nonce: 'b3RoZXI' }, signature), false);
    assert.equal(verifyAnnounceClaim(crypto, { ...claim, serverKey: named ? undefined : serverKey }, signature), false);
  }
});
