/**
 * Proofs that whoever speaks holds the private key of a host. This file alone knows the byte layout, for both sides.
 */
import type { Crypto } from './crypto.ts';
import { encodeFields } from './field-bytes.ts';

/** Bytes of a server's nonce, fresh for every attempt and accepted once. */
export const PROOF_NONCE_BYTES = 32;

/** What an agent states when it dials. */
export interface ConnectClaim {
  /** The server key the agent pinned: a proof that was coaxed out by another server is useless here. */
  serverKey: string;
  hostId: string;
  /** The server's nonce, base64url. */
  nonce: string;
  /** Rises with every attempt; a lower or equal one betrays a copy of the host. */
  counter: number;
  /** The boot of the machine, to tell a reconnect from a clone. */
  bootId: string;
}

/** What an unknown agent states when it announces itself. */
export interface AnnounceClaim {
  /** Known when the operator handed it over with the install command; else empty, and pinned from the approval. */
  serverKey?: string | undefined;
  nonce: string;
  signingKey: string;
  sealingKey: string;
}

export function signConnectClaim(crypto: Crypto, secretKey: Uint8Array, claim: ConnectClaim): string {
  return crypto.sign(secretKey, 'connect', encodeConnectClaim(claim));
}

/** True when the holder of `signingKey` made this very claim. Nonce and counter are the caller's to judge. */
export function verifyConnectClaim(crypto: Crypto, signingKey: string, claim: ConnectClaim, signature: string): boolean {
  return crypto.verify(signingKey, 'connect', encodeConnectClaim(claim), signature);
}

export function signAnnounceClaim(crypto: Crypto, secretKey: Uint8Array, claim: AnnounceClaim): string {
  return crypto.sign(secretKey, 'announce', encodeAnnounceClaim(claim));
}

/** True when the holder of the announced signing key made this very claim, its sealing key included. */
export function verifyAnnounceClaim(crypto: Crypto, claim: AnnounceClaim, signature: string): boolean {
  return crypto.verify(claim.signingKey, 'announce', encodeAnnounceClaim(claim), signature);
}

function encodeConnectClaim(claim: ConnectClaim): Uint8Array {
  return encodeFields([claim.serverKey, claim.hostId, claim.nonce, String(claim.counter), claim.bootId]);
}

function encodeAnnounceClaim(claim: AnnounceClaim): Uint8Array {
  return encodeFields([claim.serverKey ?? '', claim.nonce, claim.signingKey, claim.sealingKey]);
}
