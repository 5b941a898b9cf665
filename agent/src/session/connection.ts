/** One connection to the server, from dialling to the close: proof, durable events, requests, signs of life. */
import { type AppError, fromWireError, toAppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { decodeServerFrame, encodeFrame } from '@holdfast/shared/protocol/codec.ts';
import {
  type AgentFrame,
  type AgentFrames,
  type HostFacts,
  REQUEST_TYPES,
  type RequestBody,
  type RequestType,
  type ServerFrame,
  type ServerFrames,
  type ToolReport,
} from '@holdfast/shared/protocol/messages.ts';
import type { AgentPeer } from '@holdfast/shared/protocol/peer.ts';
import { PROTOCOL_OLDEST, PROTOCOL_VERSION } from '@holdfast/shared/protocol/version.ts';
import { toFrameError } from '@holdfast/shared/protocol/wire-error.ts';
import { WebSocket } from 'ws';
import type { HostCredentialStore } from '../identity/host-credentials.ts';
import { buildConnectProof } from '../identity/proof.ts';
import { writeIfPossible } from '../runs/possible-write.ts';
import type { Workbench } from '../runs/workbench.ts';
import { createEventStream } from './event-stream.ts';

export interface ConnectionPorts {
  workbench: Workbench;
  credentials: HostCredentialStore;
  handlers: AgentPeer;
  /** Made anew at each start of the agent. */
  boot: string;
  facts(): HostFacts;
  tools(): readonly ToolReport[];
  heartbeat(): AgentFrames['heartbeat'];
  listRuns(): AgentFrames['hello']['runs'];
}

/** How a connection ended. */
export interface ConnectionEnd {
  /** The server's last word on an open connection: this host was revoked, dialling again cannot help. */
  stop: AppError | undefined;
  /** Why this host is not admitted; a person has to act, so the next attempts are rare. */
  refusal: string | undefined;
  /** Welcomed at least once: the next attempt starts from the shortest wait. */
  welcomed: boolean;
  why: string;
  /** The server did not know the token (HTTP 401). */
  unauthorized: boolean;
  /** The server has too many at once: milliseconds over which to spread coming back. */
  retryAfterMs?: number;
}

export interface LiveConnection {
  /** Resolves when the connection is over; never rejects. */
  readonly ended: Promise<ConnectionEnd>;
  /** The server has accepted this host, and the line stands. */
  readonly isWelcomed: boolean;
  /** Dropped silently while not welcomed or when the line is slow. */
  sendVolatile<T extends 'progress' | 'inventory' | 'sources.seen' | 'repositories.seen'>(type: T, body: AgentFrames[T]): void;
  close(): void;
}

const requestTypes: ReadonlySet<string> = new Set(REQUEST_TYPES);

/** What a server, or a proxy before it, says to a request that was no upgrade any more when it arrived; ours leads to the login. */
const NO_UPGRADE: ReadonlySet<number> = new Set([303, 400, 404, 426]);

/** Dials `url` with one token. */
export function openConnection(ports: ConnectionPorts, url: string, token: string): LiveConnection {
  const { workbench, credentials } = ports;
  const { clock, journal, log } = workbench;
  const socket = new WebSocket(url, {
    headers: { authorization: `Bearer ${token}` },
    maxPayload: WIRE.frameBytes,
    perMessageDeflate: false,
    handshakeTimeout: WIRE.handshakeTimeoutMs,
    followRedirects: false,
    maxFragments: WIRE.fragmentsPerFrame,
  } as ConstructorParameters<typeof WebSocket>[2]);
  const end: ConnectionEnd = {
    stop: undefined,
    refusal: undefined,
    welcomed: false,
    why: 'connection closed',
    unauthorized: false,
  };
  let lastHeard = clock.monotonicMs();
  /** The server's clock minus the monotonic one: what it is there now, whatever the clock of this host is set to meanwhile. */
  let serverClockMs: number | undefined;

  /** Orders end by the server's clock. Here they end as far from now, by a clock that may be hours away from it. */
  function toOwnTime<T extends RequestType>(body: RequestBody<T>): RequestBody<T> {
    if (serverClockMs === undefined || !('notAfter' in body)) return body;
    return { ...body, notAfter: Math.round(clock.now() + body.notAfter - (serverClockMs + clock.monotonicMs())) };
  }

  const send = <T extends keyof AgentFrames>(type: T, body: AgentFrames[T], re?: string): string => {
    const id = workbench.createId('frame');
    const frame = { v: PROTOCOL_VERSION, id, type, at: clock.now(), body, ...(re === undefined ? {} : { re }) };
    socket.send(encodeFrame(frame as AgentFrame, WIRE));
    return id;
  };
  const stream = createEventStream({
    outbox: journal.outbox,
    log,
    send: (body) => send('events', body),
    isOpen: () => socket.readyState === WebSocket.OPEN,
  });

  async function greet(challenge: ServerFrames['challenge'], challengedAt: number): Promise<void> {
    const counter = await credentials.nextCounter();
    const held = credentials.get();
    const proof = buildConnectProof(workbench.crypto, workbench.identity, held, {
      nonce: challenge.nonce,
      counter,
      bootId: ports.boot,
    });
    const spec = journal.spec.load();
    const serverEpoch = journal.outbox.findServerEpoch();
    send('hello', {
      host: held.hostId,
      protocol: { oldest: PROTOCOL_OLDEST, newest: PROTOCOL_VERSION },
      proof: proof.signature,
      counter,
      boot: ports.boot,
      facts: ports.facts(),
      tools: [...ports.tools()],
      outbox: stream.greet(),
      specVersion: spec?.version ?? 0,
      ...(spec === undefined ? {} : { specSignature: spec.signature }),
      ...(serverEpoch === undefined ? {} : { serverEpoch }),
      challengedAt,
      ...(process.versions['tz'] === undefined ? {} : { zoneRules: process.versions['tz'] }),
      runs: ports.listRuns(),
    });
  }

  async function answer<T extends RequestType>(type: T, body: RequestBody<T>, id: string): Promise<void> {
    try {
      const result = await ports.handlers[type](toOwnTime(body), id);
      if (socket.readyState === WebSocket.OPEN) send('reply', { result }, id);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code === 'internal') log.error({ err: thrown, request: id, type }, 'a request failed');
      if (socket.readyState === WebSocket.OPEN) send('error', toFrameError(error, id), id);
    }
  }

  function noteWelcome({ serverTime, specVersion }: ServerFrames['welcome']): void {
    const at = clock.now();
    const note = { at, skewMs: Math.round(at - serverTime), ...(specVersion === undefined ? {} : { specVersion }) };
    writeIfPossible(log, 'doctor compares with an earlier welcome', () => workbench.journal.noteWelcome(note));
  }

  async function handle(frame: ServerFrame, arrivedAt: number): Promise<void> {
    switch (frame.type) {
      case 'challenge':
        return greet(frame.body, arrivedAt);
      case 'welcome':
        end.welcomed = true;
        serverClockMs = frame.body.serverTime - clock.monotonicMs();
        await credentials.confirmToken(token);
        noteWelcome(frame.body);
        log.info({ server: url, name: frame.body.hostName }, 'connected');
        stream.meet(frame.body);
        workbench.secrets.setConnected(true);
        send('heartbeat', ports.heartbeat());
        return;
      case 'ack':
        stream.acknowledge(frame.body);
        return;
      case 'goodbye': {
        const error = fromWireError(frame.body.error);
        end.why = error.message;
        if (!frame.body.reconnect && error.code === 'forbidden') end.stop = error;
        else if (!frame.body.reconnect) end.refusal = error.message;
        return;
      }
      case 'error': {
        const expected = frame.body.details?.['expected'];
        log.warn({ code: frame.body.code, reason: frame.body.message }, 'the server refused a frame');
        if (typeof expected === 'number') stream.refuse(expected, frame.re);
        return;
      }
      default:
        if (requestTypes.has(frame.type)) void answer(frame.type as RequestType, frame.body as never, frame.id);
    }
  }

  let handling: Promise<void> = Promise.resolve();
  socket.on('message', (payload: Buffer) => {
    lastHeard = clock.monotonicMs();
    const arrivedAt = clock.now();
    handling = handling
      .then(() => handle(decodeServerFrame(payload, WIRE), arrivedAt))
      .catch((thrown: unknown) => {
        const error = toAppError(thrown);
        log.warn({ code: error.code, reason: error.message }, 'a frame of the server could not be used');
        // An unknown type is a newer server's; anything else means that both no longer agree where they are.
        if (error.code !== 'unsupported') socket.close(1008);
      });
  });
  const unwatch = journal.outbox.watch(() => {
    try {
      stream.pump();
    } catch (error) {
      log.error({ err: error }, 'sending events failed');
      socket.close(1011);
    }
  });
  socket.on('ping', () => {
    lastHeard = clock.monotonicMs();
  });
  const pulse = setInterval(() => {
    if (end.welcomed && socket.readyState === WebSocket.OPEN) send('heartbeat', ports.heartbeat());
  }, WIRE.pingIntervalMs);
  const watch = setInterval(() => {
    if (clock.monotonicMs() - lastHeard > WIRE.silenceMs) socket.terminate();
  }, WIRE.watchIntervalMs);

  const ended = new Promise<ConnectionEnd>((resolve) => {
    const finish = () => {
      clearInterval(pulse);
      clearInterval(watch);
      unwatch();
      if (end.welcomed) workbench.secrets.setConnected(false);
      resolve(end);
    };
    socket.on('unexpected-response', (request, response) => {
      end.unauthorized = response.statusCode === 401;
      end.why = `the server answered ${response.statusCode ?? 'nothing'}`;
      if (NO_UPGRADE.has(response.statusCode ?? 0)) end.why += '; a proxy before it may not pass WebSockets under /ws/agent on';
      const retryAfterS = Number(response.headers['retry-after']);
      if (retryAfterS > 0) end.retryAfterMs = retryAfterS * 1000;
      if (end.unauthorized)
        end.refusal =
          'the server does not know this host’s token; enrol the host again with a fresh state directory, or restore the server';
      if (response.statusCode === 403) end.refusal = 'the server does not admit this host any more; see its page under Hosts';
      // With this listener ws leaves the request to us, and its `close` never comes.
      request.destroy();
      finish();
    });
    socket.on('error', (error) => {
      if (end.refusal === undefined && !end.stop) end.why = error.message;
    });
    socket.on('close', finish);
  });

  return {
    ended,
    get isWelcomed() {
      return end.welcomed && socket.readyState === WebSocket.OPEN;
    },
    sendVolatile(type, body) {
      if (end.welcomed && socket.readyState === WebSocket.OPEN && socket.bufferedAmount < WIRE.slowSocketBytes) send(type, body);
    },
    close: () => socket.close(1000),
  };
}
