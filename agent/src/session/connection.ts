/** One connection to the server, from dialling to the close: proof, durable events, requests, signs of life. */
import { toAppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { decodeServerFrame, encodeFrame } from '@holdfast/shared/protocol/codec.ts';
import {
  type AgentFrame,
  type AgentFrames,
  REQUEST_TYPES,
  type RequestBody,
  type RequestType,
  type ServerFrame,
  type ServerFrames,
} from '@holdfast/shared/protocol/messages.ts';
import type { AgentPeer } from '@holdfast/shared/protocol/peer.ts';
import { PROTOCOL_VERSION } from '@holdfast/shared/protocol/version.ts';
import { toFrameError } from '@holdfast/shared/protocol/wire-error.ts';
import { WebSocket } from 'ws';
import { writeIfPossible } from '../runs/possible-write.ts';
import { type ConnectionEnd, createConnectionEnd, noteAnswer, noteGoodbye } from './connection-end.ts';
import { createEventStream, type EventStream } from './event-stream.ts';
import { buildHello, type HelloPorts } from './hello.ts';
import { createServerTime } from './server-time.ts';

export interface ConnectionPorts extends HelloPorts {
  handlers: AgentPeer;
  heartbeat(): AgentFrames['heartbeat'];
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

/** Sends a frame and returns its id; `re` is the frame that it answers. */
type Send = <T extends keyof AgentFrames>(type: T, body: AgentFrames[T], re?: string) => string;

/** Dials `url` with one token. */
export function openConnection(ports: ConnectionPorts, url: string, token: string): LiveConnection {
  const { workbench } = ports;
  const { clock, journal, log } = workbench;
  const socket = dial(url, token);
  const end = createConnectionEnd();
  const isOpen = () => socket.readyState === WebSocket.OPEN;
  const send: Send = (type, body, re) => {
    const id = workbench.createId('frame');
    const frame = { v: PROTOCOL_VERSION, id, type, at: clock.now(), body, ...(re === undefined ? {} : { re }) };
    socket.send(encodeFrame(frame as AgentFrame, WIRE));
    return id;
  };
  const stream = createEventStream({ outbox: journal.outbox, log, send: (body) => send('events', body), isOpen });
  const handle = createHandler({ ports, url, token, end, stream, send, isOpen });

  let lastHeard = clock.monotonicMs();
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
  socket.on('ping', () => {
    lastHeard = clock.monotonicMs();
  });
  const unwatch = journal.outbox.watch(() => {
    try {
      stream.pump();
    } catch (error) {
      log.error({ err: error }, 'sending events failed');
      socket.close(1011);
    }
  });
  const pulse = setInterval(() => {
    if (end.welcomed && isOpen()) send('heartbeat', ports.heartbeat());
  }, WIRE.pingIntervalMs);
  const watch = setInterval(() => {
    if (clock.monotonicMs() - lastHeard > WIRE.silenceMs) socket.terminate();
  }, WIRE.watchIntervalMs);

  const ended = awaitEnd(socket, end).then(() => {
    clearInterval(pulse);
    clearInterval(watch);
    unwatch();
    if (end.welcomed) workbench.secrets.setConnected(false);
    return end;
  });
  return {
    ended,
    get isWelcomed() {
      return end.welcomed && isOpen();
    },
    sendVolatile(type, body) {
      if (end.welcomed && isOpen() && socket.bufferedAmount < WIRE.slowSocketBytes) send(type, body);
    },
    close: () => socket.close(1000),
  };
}

function dial(url: string, token: string): WebSocket {
  return new WebSocket(url, {
    headers: { authorization: `Bearer ${token}` },
    maxPayload: WIRE.frameBytes,
    perMessageDeflate: false,
    handshakeTimeout: WIRE.handshakeTimeoutMs,
    followRedirects: false,
    maxFragments: WIRE.fragmentsPerFrame,
  } as ConstructorParameters<typeof WebSocket>[2]);
}

/** Resolves when the line is gone, or was never made; what there is to say of that stands in `end` then. */
function awaitEnd(socket: WebSocket, end: ConnectionEnd): Promise<void> {
  return new Promise((resolve) => {
    socket.on('unexpected-response', (request, response) => {
      noteAnswer(end, response.statusCode, response.headers['retry-after']);
      // With this listener ws leaves the request to us, and its `close` never comes.
      request.destroy();
      resolve();
    });
    socket.on('error', (error) => {
      if (end.refusal === undefined && !end.stop) end.why = error.message;
    });
    socket.on('close', () => resolve());
  });
}

interface HandlerParts {
  ports: ConnectionPorts;
  url: string;
  token: string;
  end: ConnectionEnd;
  stream: EventStream;
  send: Send;
  isOpen(): boolean;
}

/** What is done about each frame of the server. Requests are answered when they are done; everything else in the order it came. */
function createHandler({ ports, url, token, end, stream, send, isOpen }: HandlerParts) {
  const { workbench, credentials, handlers } = ports;
  const { clock, journal, log, secrets } = workbench;
  const serverTime = createServerTime(clock);

  async function answer<T extends RequestType>(type: T, body: RequestBody<T>, id: string): Promise<void> {
    try {
      const result = await handlers[type](serverTime.toOwnTime(body), id);
      if (isOpen()) send('reply', { result }, id);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code === 'internal') log.error({ err: thrown, request: id, type }, 'a request failed');
      if (isOpen()) send('error', toFrameError(error, id), id);
    }
  }

  async function takeWelcome(welcome: ServerFrames['welcome']): Promise<void> {
    end.welcomed = true;
    serverTime.learn(welcome.serverTime);
    await credentials.confirmToken(token);
    const at = clock.now();
    const { specVersion } = welcome;
    const note = { at, skewMs: Math.round(at - welcome.serverTime), ...(specVersion === undefined ? {} : { specVersion }) };
    writeIfPossible(log, 'doctor compares with an earlier welcome', () => journal.noteWelcome(note));
    log.info({ server: url, name: welcome.hostName }, 'connected');
    stream.meet(welcome);
    secrets.setConnected(true);
    send('heartbeat', ports.heartbeat());
  }

  return async (frame: ServerFrame, arrivedAt: number): Promise<void> => {
    switch (frame.type) {
      case 'challenge':
        send('hello', await buildHello(ports, frame.body, arrivedAt, stream.greet));
        return;
      case 'welcome':
        return takeWelcome(frame.body);
      case 'ack':
        stream.acknowledge(frame.body);
        return;
      case 'goodbye':
        noteGoodbye(end, frame.body);
        return;
      case 'error': {
        const expected = frame.body.details?.['expected'];
        log.warn({ code: frame.body.code, reason: frame.body.message }, 'the server refused a frame');
        if (typeof expected === 'number') stream.refuse(expected, frame.re);
        return;
      }
      default:
        if (requestTypes.has(frame.type)) void answer(frame.type as RequestType, frame.body as never, frame.id);
    }
  };
}
