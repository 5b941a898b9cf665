/** The proofs this host gives. The byte layout and the verifying side are in the shared proof module. */
import type { Crypto } from '@holdfast/shared/crypto/crypto.ts';
import { type AnnounceClaim, type ConnectClaim, signAnnounceClaim, signConnectClaim } from '@holdfast/shared/crypto/proof.ts';
import type { HostCredentials } from './host-credentials.ts';
import type { Identity } from './identity.ts';

/** A claim and the signature that proves it. */
export interface ConnectProof {
  claim: ConnectClaim;
  signature: string;
}

export interface AnnounceProof {
  claim: AnnounceClaim;
  signature: string;
}

/**
 * The proof for one connection: over the pinned server key, so that it is worth nothing to any other server. `counter`
 * comes fresh from `nextCounter()`.
 */
export function buildConnectProof(
  crypto: Crypto,
  identity: Pick<Identity, 'signing'>,
  credentials: Pick<HostCredentials, 'hostId' | 'serverKey'>,
  attempt: { nonce: string; counter: number; bootId: string },
): ConnectProof {
  const { nonce, counter, bootId } = attempt;
  const claim: ConnectClaim = { serverKey: credentials.serverKey, hostId: credentials.hostId, nonce, counter, bootId };
  return { claim, signature: signConnectClaim(crypto, identity.signing.secretKey, claim) };
}

/** The proof that the announced keys belong together and to the one who announces them now. */
export function buildAnnounceProof(
  crypto: Crypto,
  identity: Pick<Identity, 'signing' | 'sealing'>,
  attempt: { nonce: string; serverKey?: string | undefined },
): AnnounceProof {
  const claim: AnnounceClaim = {
    serverKey: attempt.serverKey,
    nonce: attempt.nonce,
    signingKey: identity.signing.publicKey,
    sealingKey: identity.sealing.publicKey,
  };
  return { claim, signature: signAnnounceClaim(crypto, identity.signing.secretKey, claim) };
}
