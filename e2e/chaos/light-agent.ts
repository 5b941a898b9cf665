/**
 * An agent without tools, journal and schedule, for crowds: the protocol, the proof, the window of events and the waits between two
 * attempts are the product's own. Its outbox lies in memory and lives as long as it does.
 */
import { randomBytes } from 'node:crypto';
import { signConnectClaim } from '@holdfast/shared/crypto/proof.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { createEventWindow, type EventWindow } from '@holdfast/shared/protocol/channel.ts';
import { decodeServerFrame, encodeFrame } from '@holdfast/shared/protocol/codec.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { AgentFrame, AgentFrames, ServerFrame, ServerFrames } from '@holdfast/shared/protocol/messages.ts';
import { PROTOCOL_OLDEST, PROTOCOL_VERSION } from '@holdfast/shared/protocol/version.ts';
import { WebSocket } from 'ws';
import { chooseWaitMs, toSocketUrl } from '../../agent/src/session/session.ts';
import { waitFor } from '../harness/services/wait-for.ts';
import { describeLightHost, type LightIdentity, lightCrypto } from './light-enrolment.ts';
import { createLightOutbox } from './light-outbox.ts';

/** One time without a connection, by the monotonic clock of this process. */
export type Absence = {
  readonly lostAt: number;
  welcomedAt: number | undefined;
  /** From the hello that was accepted to its welcome, in milliseconds. */
  helloMs: number | undefined;
  dials: number;
};

export type LightAgent = {
  readonly identity: LightIdentity;
  readonly isWelcomed: boolean;
  /** Every time without a connection, the first dial included; the last one may go on. */
  readonly absences: readonly Absence[];
  /** Events the server has not acknowledged yet. */
  readonly owed: number;
  /** What ended connections with the server's own words, newest last; nothing is left out. */
  readonly goodbyes: readonly string[];
  /** Promises the server broke, such as an acknowledged event it does not know any more. */
  readonly broken: readonly string[];
  /** Adds an event to the outbox; resolves with the milliseconds until it is acknowledged. */
  report(event: DurableEvent): Promise<number>;
  /** Sends bytes or text as a message, whatever they are; false when there is no connection. */
  sendRaw(message: string | Buffer): boolean;
  /** Bytes that were sent and that the socket has not taken. */
  readonly bufferedBytes: number;
  /** Ends the connection without a word and dials again after `waitMs`, or when the product's own rule says. Resolves when it is closed. */
  cut(waitMs?: number): Promise<void>;
  /** @throws Error when the server has not welcomed it within the time. */
  awaitWelcome(deadlineMs: number): Promise<void>;
  /** Ends for good. */
  stop(): Promise<void>;
};

export type LightAgentOptions = {
  /** Asked for at each dial: a proxy or a server may have moved. */
  readonly serverUrl: () => string;
  /** 0 ≤ x < 1, for the waits between two attempts. */
  readonly random: () => number;
  /** Hears every frame of the server, before the agent does. */
  readonly onFrame?: (frame: ServerFrame) => void;
};

const HEARTBEAT: AgentFrames['heartbeat'] = {
  loopLagMs: 1,
  outboxEvents: 0,
  outboxBytes: 0,
  activeRuns: 0,
  queuedRuns: 0,
  cpuRatio: 0.1,
  memoryUsedBytes: 61_231_104,
  memoryTotalBytes: 4_102_029_312,
  stateDiskFreeBytes: 20_971_520_000,
};

/** Dials at once and goes on until it is stopped. */
export function startLightAgent(identity: LightIdentity, options: LightAgentOptions): LightAgent {
  const boot = randomBytes(8).toString('hex');
  const epoch = randomBytes(16).toString('hex');
  const facts = describeLightHost(identity.name);
  const absences: Absence[] = [];
  const goodbyes: string[] = [];
  const broken: string[] = [];
  const outbox = createLightOutbox();
  let counter = 0;
  let frames = 0;
  let failures = 0;
  let spec = { version: 0, signature: undefined as string | undefined };
  let serverEpoch: number | undefined;
  let socket: WebSocket | undefined;
  let window: EventWindow | undefined;
  let isWelcomed = false;
  let isStopped = false;
  let isRefused = false;
  let lastHeard = performance.now();
  let redial: NodeJS.Timeout | undefined;
  let nextWaitMs: number | undefined;
  /** Over this a server that has no room for all named a time to come back. */
  let namedMs = 0;

  const send = <T extends keyof AgentFrames>(type: T, body: AgentFrames[T], re?: string): void => {
    if (socket?.readyState !== WebSocket.OPEN) return;
    frames += 1;
    const frame = { v: PROTOCOL_VERSION, id: `f_${frames}`, type, at: Date.now(), body, ...(re === undefined ? {} : { re }) };
    socket.send(encodeFrame(frame as AgentFrame, WIRE));
  };
  const greet = ({ nonce }: ServerFrames['challenge'], challengedAt: number): void => {
    counter += 1;
    const claim = { serverKey: identity.serverKey, hostId: identity.host, nonce, counter, bootId: boot };
    const promised = outbox.acknowledged() === 0 ? undefined : { epoch, seq: outbox.acknowledged() };
    send('hello', {
      host: identity.host,
      protocol: { oldest: PROTOCOL_OLDEST, newest: PROTOCOL_VERSION },
      proof: signConnectClaim(lightCrypto, identity.signing.secretKey, claim),
      counter,
      boot,
      facts,
      tools: [],
      outbox: { epoch, firstSeq: outbox.firstSeq(), lastSeq: outbox.lastSeq(), ...(promised ? { promised } : {}) },
      specVersion: spec.version,
      ...(spec.signature === undefined ? {} : { specSignature: spec.signature }),
      ...(serverEpoch === undefined ? {} : { serverEpoch }),
      challengedAt,
      runs: [],
    });
  };
  const openWindow = (acknowledged: number): void => {
    window = createEventWindow({
      outbox,
      acknowledged,
      send: (events) => send('events', { epoch, events: [...events] }),
      unacknowledgedFrames: WIRE.unacknowledgedFrames,
      eventsPerFrame: WIRE.eventsPerFrame,
      eventBytesPerFrame: WIRE.eventBytesPerFrame,
    });
    window.pump();
  };
  const meet = (welcome: ServerFrames['welcome'], greetedAt: number): void => {
    const absence = absences.at(-1);
    if (absence) {
      absence.welcomedAt = performance.now();
      absence.helloMs = absence.welcomedAt - greetedAt;
    }
    isWelcomed = true;
    failures = 0;
    serverEpoch = welcome.serverEpoch;
    if (welcome.acknowledged < outbox.acknowledged())
      broken.push(`acknowledged ${outbox.acknowledged()} and now has ${welcome.acknowledged}`);
    outbox.acknowledge(welcome.acknowledged);
    openWindow(welcome.acknowledged);
    send('heartbeat', HEARTBEAT);
  };
  const refuse = ({ error, reconnect }: ServerFrames['goodbye']): void => {
    goodbyes.push(`${error.code}: ${error.message}`);
    isRefused = !reconnect;
  };
  let greetedAt = 0;
  const handle = (frame: ServerFrame): void => {
    switch (frame.type) {
      case 'challenge':
        greetedAt = performance.now();
        greet(frame.body, Date.now());
        return;
      case 'welcome':
        meet(frame.body, greetedAt);
        return;
      case 'ack':
        if (frame.body.epoch !== epoch || window?.acknowledge(frame.body.through) !== true) return;
        outbox.acknowledge(frame.body.through);
        window.pump();
        return;
      case 'spec.put':
        spec = { version: frame.body.version, signature: frame.body.signature };
        send('reply', { result: { version: spec.version } }, frame.id);
        return;
      case 'error': {
        // Frames came out of order; the server says which event it waits for.
        const expected = frame.body.details?.['expected'];
        if (typeof expected !== 'number') return;
        outbox.acknowledge(expected - 1);
        openWindow(expected - 1);
        return;
      }
      case 'goodbye':
        refuse(frame.body);
    }
  };
  const dial = (): void => {
    const own = new WebSocket(toSocketUrl(options.serverUrl()), {
      headers: { authorization: `Bearer ${identity.token}` },
      maxPayload: WIRE.frameBytes,
      perMessageDeflate: false,
      handshakeTimeout: WIRE.handshakeTimeoutMs,
    });
    const absence = absences.at(-1);
    if (absence) absence.dials += 1;
    socket = own;
    isRefused = false;
    lastHeard = performance.now();
    const hear = (): void => {
      lastHeard = performance.now();
    };
    own.on('message', (payload: Buffer) => {
      hear();
      const frame = decodeServerFrame(payload, WIRE);
      options.onFrame?.(frame);
      handle(frame);
    });
    own.on('ping', hear);
    own.on('unexpected-response', (_request, response) => {
      const seconds = Number(response.headers['retry-after']);
      if (seconds > 0) namedMs = seconds * 1000;
      response.destroy();
      own.terminate();
    });
    own.on('error', () => {
      // Followed by `close`, which decides what comes next.
    });
    own.once('close', () => {
      if (isWelcomed) absences.push(createAbsence());
      else failures += 1;
      isWelcomed = false;
      window = undefined;
      if (isStopped) return;
      const waitMs = nextWaitMs ?? (isRefused ? WIRE.reconnectMaxMs : chooseWaitMs(failures, options.random(), namedMs));
      nextWaitMs = undefined;
      namedMs = 0;
      redial = setTimeout(dial, waitMs);
    });
  };
  const pulse = setInterval(() => {
    if (performance.now() - lastHeard > WIRE.silenceMs) socket?.terminate();
    else if (isWelcomed) send('heartbeat', { ...HEARTBEAT, outboxEvents: outbox.owed() });
  }, WIRE.pingIntervalMs);
  absences.push(createAbsence());
  dial();

  return {
    identity,
    absences,
    goodbyes,
    broken,
    get isWelcomed() {
      return isWelcomed;
    },
    get owed() {
      return outbox.owed();
    },
    report(event) {
      const acknowledged = outbox.add(event);
      window?.pump();
      return acknowledged;
    },
    get bufferedBytes() {
      return socket?.bufferedAmount ?? 0;
    },
    sendRaw(message) {
      if (socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(message, { binary: false });
      return true;
    },
    async cut(waitMs) {
      if (socket === undefined || socket.readyState === WebSocket.CLOSED) return;
      nextWaitMs = waitMs;
      await endSocket(socket);
    },
    async awaitWelcome(deadlineMs) {
      const look = async () => (isWelcomed ? true : undefined);
      await waitFor(`${identity.name} to be welcomed`, look, { deadlineMs });
    },
    async stop() {
      isStopped = true;
      clearInterval(pulse);
      clearTimeout(redial);
      if (socket !== undefined && socket.readyState !== WebSocket.CLOSED) await endSocket(socket);
    },
  };
}

const createAbsence = (): Absence => ({ lostAt: performance.now(), welcomedAt: undefined, helloMs: undefined, dials: 0 });

function endSocket(socket: WebSocket): Promise<void> {
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  socket.terminate();
  return closed;
}
