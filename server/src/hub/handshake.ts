/** How a session begins: challenge, hello, and either a welcome or a new token for the agent that a person chose. */
import { PROOF_NONCE_BYTES } from '@holdfast/shared/crypto/proof.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { ENROLMENT, WIRE } from '@holdfast/shared/limits.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import type { Requests } from '@holdfast/shared/protocol/channel.ts';
import type { AgentFrames, Frame, RequestBody } from '@holdfast/shared/protocol/messages.ts';
import { PROTOCOL_OLDEST, PROTOCOL_VERSION } from '@holdfast/shared/protocol/version.ts';
import { readmitAgent, sendNewToken } from '../core/hosts/hosts.ts';
import { acceptHello, type Presented, recordHappening, recordSkew } from '../core/ingest.ts';
import type { CoreContext } from '../core/ports.ts';
import { announceHeldRuns } from '../core/runs/presumed-ends.ts';
import type { HostSession, HubDirectory } from './directory.ts';
import type { Fitness } from './fitness.ts';
import type { Hearing } from './hearing.ts';
import type { Line } from './line.ts';
import type { SkewWatch } from './skew.ts';
import { createSyncer, type Syncer } from './sync.ts';
import { describeZoneDrift } from './zone-drift.ts';

type Hello = AgentFrames['hello'];

export interface Handshake {
  /** Undefined until the host is welcomed. */
  readonly session: HostSession | undefined;
  /** The agent gets a new token and dials again with it; until then its answers count and nothing else. */
  readonly isReadmitting: boolean;
  challenge(): void;
  /**
   * Welcomes the host and registers its session, or lets it in again. Throws what `acceptHello` throws, `conflict` for a host that was
   * quarantined meanwhile, and `forbidden` for one that was revoked.
   */
  greet(hello: Frame<AgentFrames, 'hello'>, arrivedAt: number): Promise<void>;
}

export interface HandshakePorts {
  context: CoreContext;
  directory: HubDirectory;
  presented: Presented;
  line: Line;
  requests: Requests;
  hearing: Hearing;
  skew: SkewWatch;
  fitness: Pick<Fitness, 'refuse'>;
}

export function createHandshake(ports: HandshakePorts): Handshake {
  const { context, directory, presented, line, requests, hearing, skew, fitness } = ports;
  const { clock } = context;
  const { host } = presented;
  const nonce = context.crypto.toBase64Url(context.crypto.randomBytes(PROOF_NONCE_BYTES));
  const challengeSentAt = clock.now();
  let isReadmitting = false;
  let session: HostSession | undefined;

  /** Not awaited: the answer is a frame of this very connection. The agent dials again with its new token. */
  function readmit({ counter, boot }: Hello): void {
    isReadmitting = true;
    const ask = (body: RequestBody<'token.rotate'>) =>
      requests.request('token.rotate', body, context.createId('request'), WIRE.requestTimeoutMs);
    readmitAgent(context, host, { counter, boot }, ask).then(
      () =>
        line.end({ code: 'unavailable', message: 'this agent is let in again; dial with the new token', retry: 'later' }, true),
      line.fail,
    );
  }

  function openSession({ boot }: Hello, syncer: Syncer): HostSession {
    return {
      host: host.id,
      boot,
      request: requests.ask,
      sync: () => syncer.run(),
      end: (error, reconnect) => line.end(error, reconnect),
      progress: hearing.progress,
      get heartbeat() {
        return hearing.heartbeat;
      },
    };
  }

  /** Not awaited: the answer is a frame of this very connection, and frames are handled one after the other. */
  function rotateToken(): void {
    sendNewToken(context, host).catch((error: unknown) =>
      context.log.warn({ area: 'hosts', host: host.id, err: error }, 'a host did not take its new token; it is offered again'),
    );
  }

  async function noteConnection({ facts: { hostname, agentVersion }, zoneRules }: Hello): Promise<void> {
    const drift = describeZoneDrift(zoneRules, process.versions['tz']);
    const text = `connected from ${hostname}, agent ${agentVersion}${drift}`;
    await recordHappening(context, host, 'host.connected', drift === '' ? 'info' : 'warn', text);
  }

  return {
    get session() {
      return session;
    },
    get isReadmitting() {
      return isReadmitting;
    },
    challenge() {
      const protocol = { oldest: PROTOCOL_OLDEST, newest: PROTOCOL_VERSION };
      line.send('challenge', { nonce, serverTime: clock.now(), protocol });
    },
    async greet({ body: hello, at: helloSentAt }, helloArrivedAt) {
      const accepted = await acceptHello(context, presented, hello, nonce);
      if (accepted.kind === 'chosen') return readmit(hello);
      hearing.doubt(accepted.doubt);
      const { challengedAt = helloSentAt } = hello;
      await recordSkew(context, host, skew.greet({ challengeSentAt, challengedAt, helloSentAt, helloArrivedAt }));
      // The last wait before the session is registered: whoever is revoked or quarantined later is found in the directory.
      const current = await context.store.hosts.findHost(host.tenant, host.id);
      if (current?.state === 'quarantined') throw new AppError('conflict', 'this host is quarantined', { retry: 'never' });
      if (current?.state !== 'active') throw new AppError('forbidden', 'this host was revoked by an operator');
      if (line.isEnded) return;
      const target = {
        host,
        takesSecrets: hasCapability(hello.facts, 'secrets.put'),
        request: requests.request,
        onRound: fitness.refuse,
      };
      const syncer = createSyncer(context, target, hello.specVersion);
      session = openSession(hello, syncer);
      line.send('welcome', {
        version: accepted.version,
        serverEpoch: context.serverEpoch,
        serverTime: clock.now(),
        hostName: current.name,
        specVersion: current.specVersion,
        acknowledged: accepted.acknowledged,
        ...(accepted.isOwed ? { replay: true } : {}),
      });
      directory.register(session);
      await noteConnection(hello);
      await announceHeldRuns(context, host);
      syncer.run();
      if (clock.now() - presented.token.createdAt > ENROLMENT.hostTokenRotateAfterMs) rotateToken();
    },
  };
}
