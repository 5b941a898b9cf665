/** From an unknown machine to an approved host: announce, show the fingerprint, wait, claim the token. */
import type { Crypto } from '@holdfast/shared/crypto/crypto.ts';
import { fingerprintOfServer } from '@holdfast/shared/crypto/fingerprint.ts';
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import { AppError, fromWireError, toAppError } from '@holdfast/shared/errors.ts';
import { ENROLMENT, WIRE } from '@holdfast/shared/limits.ts';
import {
  type AnnounceReply,
  announceReplySchema,
  type ClaimReply,
  claimReplySchema,
  type HostFacts,
  wireErrorSchema,
} from '@holdfast/shared/protocol/messages.ts';
import type * as z from 'zod';
import type { HostCredentialStore } from '../identity/host-credentials.ts';
import type { Identity } from '../identity/identity.ts';
import { buildAnnounceProof } from '../identity/proof.ts';
import type { AgentLog } from '../runs/workbench.ts';
import { type JsonAnswer, postJson } from './post-json.ts';

export interface EnrolOptions {
  serverUrl: string;
  enrolToken: string | undefined;
  crypto: Crypto;
  identity: Identity;
  credentials: HostCredentialStore;
  facts: HostFacts;
  log: AgentLog;
  signal: AbortSignal;
  /** Waits between polls; rejects when aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** 0 ≤ x < 1. */
  random(): number;
}

/** Answers that waiting can change: the server is away or busy, or the announcement has expired. */
const WORTH_WAITING: ReadonlySet<string> = new Set(['unavailable', 'limit', 'internal', 'not_found']);

async function post<T>(options: EnrolOptions, path: string, body: object, schema: z.ZodType<T>): Promise<T> {
  const url = new URL(`${options.serverUrl}${path}`);
  let answer: JsonAnswer;
  try {
    answer = await postJson(url, body, options.signal);
  } catch (cause) {
    options.signal.throwIfAborted();
    throw new AppError(
      'unavailable',
      `the server at ${options.serverUrl} does not answer; check the address and that it is reachable`,
      { cause },
    );
  }
  const { status, content } = answer;
  if (content === undefined) {
    throw new AppError('unavailable', `${url} answered ${status} with something that is not JSON; is this a Holdfast server?`);
  }
  if (status < 200 || status > 299) {
    const error = wireErrorSchema.safeParse(content);
    if (error.success) throw fromWireError(error.data);
    throw new AppError('unavailable', `${url} answered ${status}`);
  }
  const parsed = schema.safeParse(content);
  if (!parsed.success)
    throw new AppError('unavailable', `${url} answered in a form this agent does not know; are both of the same version?`);
  return parsed.data;
}

function announce(options: EnrolOptions): Promise<AnnounceReply> {
  const { identity, facts, enrolToken } = options;
  return post(
    options,
    '/api/agents/announce',
    {
      hostname: facts.hostname,
      facts,
      signingKey: identity.signing.publicKey,
      sealingKey: identity.sealing.publicKey,
      ...(enrolToken === undefined ? {} : { enrolToken }),
    },
    announceReplySchema,
  );
}

function claim(options: EnrolOptions, announced: AnnounceReply, nonce: string): Promise<ClaimReply> {
  const { signature } = buildAnnounceProof(options.crypto, options.identity, { nonce, serverKey: announced.serverKey });
  return post(options, `/api/agents/announcements/${announced.announcement}/claim`, { proof: signature }, claimReplySchema);
}

async function settle(
  options: EnrolOptions,
  announced: AnnounceReply,
  reply: Extract<ClaimReply, { state: 'approved' }>,
): Promise<void> {
  const binding = { host: reply.host, purpose: 'token' as const, ref: announced.announcement, version: 1 };
  const { values } = openSealed(options.crypto, options.identity.sealing, announced.serverKey, binding, reply.token);
  const token = values['token'];
  if (token === undefined) throw new AppError('integrity', 'the server’s approval holds no token');
  await options.credentials.save({ hostId: reply.host, token, serverKey: announced.serverKey, serverUrl: options.serverUrl });
  options.log.info({ host: reply.host, name: reply.hostName }, `approved as ${reply.hostName}`);
}

/** Polls until the announcement is answered. Throws `forbidden` when it was rejected, `not_found` when it expired. */
async function awaitAnswer(options: EnrolOptions, announced: AnnounceReply): Promise<void> {
  let nonce = announced.nonce;
  for (;;) {
    const reply = await claim(options, announced, nonce);
    if (reply.state === 'approved') return settle(options, announced, reply);
    if (reply.state === 'rejected') throw new AppError('forbidden', `this host was rejected by the operator: ${reply.message}`);
    nonce = reply.nonce;
    await options.wait(announced.pollMs, options.signal);
  }
}

/**
 * Returns once the host is approved and its token is on disk. Waits out servers that are away and announcements that expire; throws
 * `forbidden` when a person said no, `unauthenticated` when the enrolment token is not accepted.
 */
export async function enrol(options: EnrolOptions): Promise<void> {
  const { identity, log } = options;
  log.info(
    { fingerprint: identity.fingerprint.text, hex: identity.fingerprint.hex },
    `this host's fingerprint: ${identity.fingerprint.text}`,
  );
  let shown: string | undefined;
  for (let failures = 0; ; ) {
    try {
      const announced = await announce(options);
      failures = 0;
      if (shown !== announced.serverKey) {
        shown = announced.serverKey;
        const server = fingerprintOfServer(options.crypto, announced.serverKey).text;
        log.info(
          { server: options.serverUrl, serverFingerprint: server },
          'announced; waiting for approval under Hosts, Pending',
        );
      }
      return await awaitAnswer(options, announced);
    } catch (thrown) {
      options.signal.throwIfAborted();
      const error = toAppError(thrown);
      if (!WORTH_WAITING.has(error.code)) throw error;
      if (failures === 0 || error.code !== 'not_found') log.warn({ reason: error.message }, 'not enrolled yet; trying again');
      failures += 1;
      const cap = Math.min(WIRE.reconnectMaxMs, ENROLMENT.pollIntervalMs * 2 ** Math.min(failures, 6));
      await options.wait(WIRE.reconnectMinMs + options.random() * cap, options.signal);
    }
  }
}
