/** A raw line behind the proof: an enrolled key, a true hello, and then whatever one likes. */
import { randomBytes } from 'node:crypto';
import { signConnectClaim } from '@holdfast/shared/crypto/proof.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { decodeServerFrame } from '@holdfast/shared/protocol/codec.ts';
import type { ServerFrame } from '@holdfast/shared/protocol/messages.ts';
import { describeLightHost, type LightIdentity, lightCrypto } from '../../light-enrolment.ts';
import { buildFrame, dialRaw, OPCODES, type RawLine } from './raw-line.ts';

/** Far above any honest wait, on a machine that others use as well. */
export const ANSWER_MS = 30_000;

/** The key of one host with the counter that only rises; its lines are opened one after the other. */
export type Intruder = { readonly identity: LightIdentity; readonly boot: string; readonly epoch: string; counter: number };

export function createIntruder(identity: LightIdentity): Intruder {
  return { identity, boot: randomBytes(8).toString('hex'), epoch: randomBytes(16).toString('hex'), counter: 0 };
}

export const buildText = (bytes: Uint8Array): Buffer => buildFrame({ opcode: OPCODES.text, payload: bytes });

export function findFrame<T extends ServerFrame['type']>(type: T) {
  return (text: string): Extract<ServerFrame, { type: T }> | undefined => {
    const frame = decodeServerFrame(Buffer.from(text), WIRE);
    return frame.type === type ? (frame as Extract<ServerFrame, { type: T }>) : undefined;
  };
}

/** Dials and waits for the challenge. @throws Error when the server does not begin. */
export async function openChallenged(port: number, { identity }: Intruder): Promise<{ line: RawLine; nonce: string }> {
  const line = dialRaw(port, identity.token);
  const challenge = await line.awaitText(findFrame('challenge'), ANSWER_MS);
  if (challenge === undefined) throw new Error(`${identity.name} was not challenged: ${JSON.stringify(await line.ended)}`);
  return { line, nonce: challenge.body.nonce };
}

/** Dials, proves the key and waits for the welcome. @throws Error when the server does not welcome the host. */
export async function openWelcomed(port: number, intruder: Intruder): Promise<RawLine> {
  const { identity, boot } = intruder;
  const { line, nonce } = await openChallenged(port, intruder);
  intruder.counter += 1;
  const { counter } = intruder;
  const claim = { serverKey: identity.serverKey, hostId: identity.host, nonce, counter, bootId: boot };
  const hello = {
    host: identity.host,
    protocol: { oldest: 1, newest: 1 },
    proof: signConnectClaim(lightCrypto, identity.signing.secretKey, claim),
    counter,
    boot,
    facts: describeLightHost(identity.name),
    tools: [],
    outbox: { epoch: intruder.epoch, firstSeq: 0, lastSeq: 0 },
    // As if it had the first spec, so that none is sent.
    specVersion: 1,
    runs: [],
  };
  line.write(buildText(Buffer.from(JSON.stringify({ v: 1, id: 'f_hello', type: 'hello', at: Date.now(), body: hello }))));
  const welcome = await line.awaitText(findFrame('welcome'), ANSWER_MS);
  if (welcome === undefined) throw new Error(`${identity.name} was not welcomed: ${line.texts.at(-1) ?? 'not a word'}`);
  return line;
}
