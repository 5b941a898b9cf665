/** Hosts for light agents: real keys, announced and let in by an enrolment token, without the program and the state of an agent. */
import { type IncomingMessage, request } from 'node:http';
import { systemRandomBytes } from '@holdfast/shared/clock.ts';
import { type Crypto, createCrypto, type SealingKeys, type SigningKeys } from '@holdfast/shared/crypto/crypto.ts';
import { signAnnounceClaim } from '@holdfast/shared/crypto/proof.ts';
import { openSealed } from '@holdfast/shared/crypto/sealed.ts';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { ENROLMENT } from '@holdfast/shared/limits.ts';
import { announceReplySchema, claimReplySchema, type HostFacts } from '@holdfast/shared/protocol/messages.ts';
import type { Stack } from '../harness/stack.ts';

/** What a light agent keeps of its enrolment; all of it could be written down and taken up by another process. */
export type LightIdentity = {
  readonly name: string;
  readonly host: HostId;
  readonly token: string;
  readonly serverKey: string;
  readonly signing: SigningKeys;
  readonly sealing: SealingKeys;
};

/** Announcements under way at once. */
const AT_ONCE = 8;

export const lightCrypto: Crypto = createCrypto(systemRandomBytes);

export function describeLightHost(name: string): HostFacts {
  return {
    hostname: `${name}.example.com`,
    os: 'Debian GNU/Linux 12 (bookworm)',
    arch: 'x86_64',
    kernel: '6.1.0-28-amd64',
    cpus: 2,
    memoryBytes: 4_102_029_312,
    agentVersion: '0.1.0',
    zone: 'Europe/Berlin',
    bootedAt: 1_792_404_000_000,
    pdeathsig: true,
  };
}

/**
 * Enrols `count` hosts named `<name>-<number>`. Announcements are counted by address, so each ten of them come from an address
 * of their own in 127.0.0.0/8; call it once for each server, or with another `block` (0 to 99) each time.
 * @throws Error with the server's words when a host is not let in.
 */
export async function enrolLightHosts(
  { api, server }: Pick<Stack, 'api' | 'server'>,
  name: string,
  count: number,
  block = 0,
): Promise<readonly LightIdentity[]> {
  const { token } = await api.post<{ token: string }>('/enrolment-tokens', { uses: count });
  const identities: LightIdentity[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      identities[index] = await enrolOne(server.url, `${name}-${index + 1}`, token, chooseAddress(block, index));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, work));
  return identities;
}

function chooseAddress(block: number, index: number): string {
  const group = Math.floor(index / ENROLMENT.announcementsPerMinutePerAddress);
  return `127.${block + 1}.${Math.floor(group / 250)}.${(group % 250) + 1}`;
}

async function enrolOne(serverUrl: string, name: string, enrolToken: string, address: string): Promise<LightIdentity> {
  const signing = lightCrypto.makeSigningKeys();
  const sealing = lightCrypto.makeSealingKeys();
  const facts = describeLightHost(name);
  const keys = { signingKey: signing.publicKey, sealingKey: sealing.publicKey };
  const announced = announceReplySchema.parse(
    await post(`${serverUrl}/api/agents/announce`, { hostname: name, facts, ...keys, enrolToken }, address),
  );
  const { serverKey, nonce, announcement } = announced;
  const proof = signAnnounceClaim(lightCrypto, signing.secretKey, { serverKey, nonce, ...keys });
  const claimed = claimReplySchema.parse(
    await post(`${serverUrl}/api/agents/announcements/${announcement}/claim`, { proof }, address),
  );
  if (claimed.state !== 'approved') throw new Error(`${name} is ${claimed.state} in spite of its enrolment token`);
  const binding = { host: claimed.host, purpose: 'token' as const, ref: announcement, version: 1 };
  const { token } = openSealed(lightCrypto, sealing, serverKey, binding, claimed.token).values;
  if (token === undefined) throw new Error(`${name} was given no token`);
  return { name, host: claimed.host, token, serverKey, signing, sealing };
}

/** `fetch` cannot choose the address it comes from. */
async function post(url: string, body: object, localAddress: string): Promise<unknown> {
  const text = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method: 'POST', agent: false, localAddress, headers }, resolve).once('error', reject).end(text);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const answer = Buffer.concat(chunks).toString('utf8');
  if ((response.statusCode ?? 0) >= 300) throw new Error(`${url} gave ${response.statusCode}: ${answer.slice(0, 500)}`);
  return JSON.parse(answer);
}
