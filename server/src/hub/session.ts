/**
 * One connection of one host: challenge, hello, welcome, then frames in order until either side hangs up.
 * Whatever arrives is validated by the codec, paced by the flow, and handled one frame after the other.
 */
import { setImmediate as awaitTurn, setTimeout as sleep } from 'node:timers/promises';
import { PROOF_NONCE_BYTES } from '@holdfast/shared/crypto/proof.ts';
import { AppError, fromWireError, toAppError, type WireError } from '@holdfast/shared/errors.ts';
import { ENROLMENT, WIRE } from '@holdfast/shared/limits.ts';
import { hasCapability } from '@holdfast/shared/protocol/capabilities.ts';
import { createRequests } from '@holdfast/shared/protocol/channel.ts';
import { decodeAgentFrame, encodeFrame } from '@holdfast/shared/protocol/codec.ts';
import type { AgentFrame, AgentFrames, Frame, RequestBody, ServerFrame } from '@holdfast/shared/protocol/messages.ts';
import type { ToldType } from '@holdfast/shared/protocol/peer.ts';
import { PROTOCOL_OLDEST, PROTOCOL_VERSION } from '@holdfast/shared/protocol/version.ts';
import { toFrameError } from '@holdfast/shared/protocol/wire-error.ts';
import type { WebSocket } from 'ws';
import { readmitAgent, sendNewToken } from '../core/hosts/hosts.ts';
import { acceptHello, type Presented, recordHappening, recordSkew } from '../core/ingest.ts';
import type { CoreContext } from '../core/ports.ts';
import type { HostSession, HubDirectory } from './directory.ts';
import { createFlow } from './flow.ts';
import { createHearing } from './hearing.ts';
import { createSkewWatch } from './skew.ts';
import { createSyncer, type Syncer } from './sync.ts';
import { describeZoneDrift } from './zone-drift.ts';

export function runSession(context: CoreContext, directory: HubDirectory, socket: WebSocket, presented: Presented): void {
  const { clock } = context;
  const host = presented.host;
  const nonce = context.crypto.toBase64Url(context.crypto.randomBytes(PROOF_NONCE_BYTES));
  const flow = createFlow(clock, WIRE.framesPerSecond, WIRE.bytesPerSecond);
  const skew = createSkewWatch();
  const challengeSentAt = clock.now();
  let isReadmitting = false;
  let session: HostSession | undefined;
  let lastHeard = clock.monotonicMs();
  let queued = 0;
  let isEnded = false;
  let grace: NodeJS.Timeout | undefined;
  let handling: Promise<void> = Promise.resolve();

  const send = <T extends ServerFrame['type']>(
    type: T,
    body: Extract<ServerFrame, { type: T }>['body'],
    id: string,
    re?: string,
  ) => {
    if (socket.readyState !== socket.OPEN) throw new AppError('unavailable', 'the host is not connected');
    const frame = { v: PROTOCOL_VERSION, id, type, at: clock.now(), body, ...(re === undefined ? {} : { re }) };
    socket.send(encodeFrame(frame as ServerFrame, WIRE));
  };
  const requests = createRequests({
    clock,
    send: (type, id, body) => send(type, body as never, id),
    pendingRequests: WIRE.pendingRequests,
    keptRequests: WIRE.keptRequests,
  });

  const hearing = createHearing({
    context,
    host,
    skew,
    acknowledge: (body, re) => send('ack', body, context.createId('frame'), re),
  });

  /** From here on nothing the host says counts, whether it closes or not. */
  const end = (error: WireError, reconnect: boolean, closeCode = 1000) => {
    if (isEnded) return;
    isEnded = true;
    if (socket.readyState === socket.OPEN) send('goodbye', { error, reconnect }, context.createId('frame'));
    socket.close(closeCode);
    grace = setTimeout(() => socket.terminate(), WIRE.goodbyeGraceMs);
  };
  const fail = (thrown: unknown) => {
    const error = toAppError(thrown);
    const reference = context.createId('request');
    if (error.code === 'internal')
      context.log.error({ area: 'hosts', host: host.id, err: thrown, reference }, 'a host session failed');
    else context.log.warn({ area: 'hosts', host: host.id, code: error.code, reason: error.message }, 'a host session was ended');
    const closeCode = typeof error.details['closeCode'] === 'number' ? error.details['closeCode'] : 1008;
    end(toFrameError(error, reference), error.retry !== 'never', closeCode);
  };

  /** Not awaited: the answer is a frame of this very connection. The agent dials again with its new token. */
  function readmit({ counter, boot }: AgentFrames['hello']): void {
    isReadmitting = true;
    const ask = (body: RequestBody<'token.rotate'>) =>
      requests.request('token.rotate', body, context.createId('request'), WIRE.requestTimeoutMs);
    readmitAgent(context, host, { counter, boot }, ask).then(
      () => end({ code: 'unavailable', message: 'this agent is let in again; dial with the new token', retry: 'later' }, true),
      fail,
    );
  }

  async function greet(hello: AgentFrames['hello'], helloSentAt: number, helloArrivedAt: number): Promise<void> {
    const accepted = await acceptHello(context, presented, hello, nonce);
    if (accepted.kind === 'chosen') return readmit(hello);
    const { challengedAt = helloSentAt } = hello;
    await recordSkew(context, host, skew.greet({ challengeSentAt, challengedAt, helloSentAt, helloArrivedAt }));
    // The last wait before the session is registered: whoever is revoked or quarantined later is found in the directory.
    const current = await context.store.hosts.findHost(host.tenant, host.id);
    if (current?.state === 'quarantined') throw new AppError('conflict', 'this host is quarantined', { retry: 'never' });
    if (current?.state !== 'active') throw new AppError('forbidden', 'this host was revoked by an operator');
    if (isEnded) return;
    const syncer: Syncer = createSyncer(
      context,
      { host, takesSecrets: hasCapability(hello.facts, 'secrets.put'), request: requests.request },
      hello.specVersion,
    );
    session = {
      host: host.id,
      boot: hello.boot,
      request: requests.ask,
      sync: () => syncer.run(),
      end: (error, reconnect) => end(error, reconnect),
      progress: hearing.progress,
      get heartbeat() {
        return hearing.heartbeat;
      },
    };
    send(
      'welcome',
      {
        version: accepted.version,
        serverEpoch: context.serverEpoch,
        serverTime: clock.now(),
        hostName: current.name,
        specVersion: current.specVersion,
        acknowledged: accepted.acknowledged,
        ...(accepted.isOwed ? { replay: true } : {}),
      },
      context.createId('frame'),
    );
    directory.register(session);
    const { hostname, agentVersion } = hello.facts;
    const drift = describeZoneDrift(hello.zoneRules, process.versions['tz']);
    const text = `connected from ${hostname}, agent ${agentVersion}${drift}`;
    await recordHappening(context, host, 'host.connected', drift === '' ? 'info' : 'warn', text);
    syncer.run();
    if (clock.now() - presented.token.createdAt > ENROLMENT.hostTokenRotateAfterMs) rotateToken();
  }

  /** Not awaited: the answer is a frame of this very connection, and frames are handled one after the other. */
  function rotateToken(): void {
    sendNewToken(context, host).catch((error: unknown) =>
      context.log.warn({ area: 'hosts', host: host.id, err: error }, 'a host did not take its new token; it is offered again'),
    );
  }

  async function hear<T extends ToldType>({ id, type, at, body }: Frame<AgentFrames, T>, arrivedAt: number): Promise<void> {
    await hearing.peer[type](body, { id, at, arrivedAt });
  }

  async function handleFrame(frame: AgentFrame, arrivedAt: number): Promise<void> {
    if (frame.type === 'hello') {
      if (session || isReadmitting)
        throw new AppError('invalid', 'a second hello on one connection', { retry: 'never', details: { closeCode: 1008 } });
      return greet(frame.body, frame.at, arrivedAt);
    }
    const isAnswer = frame.type === 'reply' || frame.type === 'error';
    if (!session && !(isReadmitting && isAnswer)) throw new AppError('unauthenticated', 'the first frame must be hello');
    if (frame.type === 'reply') {
      if (frame.re !== undefined) requests.settle(frame.re, { result: frame.body.result });
    } else if (frame.type === 'error') {
      if (frame.re !== undefined) requests.settle(frame.re, { error: fromWireError(frame.body) });
    } else await hear(frame, arrivedAt);
  }

  /** What a frame breaks: an unknown type and a gap are answered, everything else ends the connection. */
  function refuse(thrown: unknown, frameId: string | undefined): void {
    const error = toAppError(thrown);
    const answerable = error.code === 'unsupported' || (error.code === 'conflict' && error.details['expected'] !== undefined);
    if (!answerable || !session) {
      fail(error);
      return;
    }
    const re = typeof error.details['frame'] === 'string' ? error.details['frame'] : frameId;
    send('error', toFrameError(error, ''), context.createId('frame'), re);
  }

  async function receive(bytes: Buffer, arrivedAt: number): Promise<void> {
    let frame: AgentFrame | undefined;
    try {
      const pauseMs = flow.take(bytes.byteLength);
      if (pauseMs > 0) await sleep(pauseMs);
      if (isEnded) return;
      frame = decodeAgentFrame(bytes, WIRE);
      await handleFrame(frame, arrivedAt);
    } catch (error) {
      // A socket that closed meanwhile has nobody left to tell.
      if (socket.readyState === socket.OPEN) refuse(error, frame?.id);
    }
  }

  /**
   * What is read waits its turn here; while too much waits, the socket is not read. Between two frames that came together every other
   * host has its turn: the store answers without leaving the event loop, so that a burst would else be handled in one go.
   */
  function enqueue(payload: Buffer): void {
    const arrivedAt = clock.now();
    queued += 1;
    if (queued >= WIRE.waitingFrames) socket.pause();
    handling = handling
      .then(() => receive(payload, arrivedAt))
      .catch((error: unknown) => {
        context.log.error({ area: 'hosts', host: host.id, err: error }, 'a frame could not even be refused');
        socket.terminate();
      })
      .then(() => (queued > 1 ? awaitTurn() : undefined))
      .then(() => {
        queued -= 1;
        if (!socket.isPaused || queued >= WIRE.waitingFrames / 2) return;
        // The silence was ours.
        lastHeard = clock.monotonicMs();
        socket.resume();
      });
  }

  socket.on('message', (payload: Buffer, isBinary: boolean) => {
    lastHeard = clock.monotonicMs();
    if (isBinary) {
      fail(new AppError('invalid', 'frames are text', { retry: 'never', details: { closeCode: 1003 } }));
      return;
    }
    if (!isEnded) enqueue(payload);
  });
  socket.on('pong', () => {
    lastHeard = clock.monotonicMs();
  });
  socket.on('error', (error) =>
    context.log.warn({ area: 'hosts', host: host.id, reason: error.message }, 'a host connection broke'),
  );

  const handshake = setTimeout(() => {
    if (!session && !isReadmitting) fail(new AppError('unauthenticated', 'no hello within the handshake time'));
  }, WIRE.handshakeTimeoutMs);
  const pulse = setInterval(() => {
    if (socket.readyState === socket.OPEN) socket.ping();
  }, WIRE.pingIntervalMs);
  const watch = setInterval(() => {
    requests.expire();
    if (!socket.isPaused && clock.monotonicMs() - lastHeard > WIRE.silenceMs) socket.terminate();
  }, WIRE.watchIntervalMs);

  socket.on('close', () => {
    isEnded = true;
    clearTimeout(handshake);
    clearTimeout(grace);
    clearInterval(pulse);
    clearInterval(watch);
    requests.close('the host lost its connection');
    if (session && directory.unregister(session)) {
      const lost = recordHappening(context, host, 'host.disconnected', 'warn', 'connection closed');
      lost.catch((error: unknown) =>
        context.log.error({ area: 'hosts', host: host.id, err: error }, 'noting a lost connection failed'),
      );
    }
  });
  send(
    'challenge',
    { nonce, serverTime: clock.now(), protocol: { oldest: PROTOCOL_OLDEST, newest: PROTOCOL_VERSION } },
    context.createId('frame'),
  );
}
