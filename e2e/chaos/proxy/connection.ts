/** One client of the proxy and the connection made to the target on its behalf. */
import { Socket } from 'node:net';
import type { Seed } from '../seed.ts';
import { type CutKind, coversDirection, type Direction, type Directions, type Faults, type Note } from './faults.ts';
import { createLane, type Lane } from './lane.ts';
import { PROXY } from './limits.ts';
import { createUpgradeWatch } from './upgrade.ts';

/** Where the proxy connects to. */
export type Target = { readonly port: number; readonly host?: string };

export type ConnectionPorts = {
  readonly id: number;
  readonly client: Socket;
  readonly target: Target;
  readonly seed: Seed;
  readonly faults: () => Faults;
  readonly note: Note;
  readonly monotonicMs: () => number;
};

/** A live connection as a scenario sees it. */
export type ProxyConnection = {
  readonly id: number;
  /** The client's own port, by which its process can be told. */
  readonly clientPort: number;
  forwardedBytes(direction: Direction): number;
  /** Bytes the proxy holds of this direction, at most `DIRECTION_BYTES_MAX`. */
  heldBytes(direction: Direction): number;
  /** Bytes of this direction that a half-open line has swallowed. */
  swallowedBytes(direction: Direction): number;
  /** The proxy has stopped reading from the sender of this direction. */
  isPushingBack(direction: Direction): boolean;
  /** Ends it on both sides. */
  cut(how: CutKind): void;
};

export type Connection = ProxyConnection & {
  stall(direction: Directions): void;
  resume(direction: Directions): void;
  /** The faults have changed. */
  refresh(): void;
  /** Ends it without a record, when the proxy itself closes. */
  close(): void;
  /** Both sockets are gone. Never rejects. */
  readonly closed: Promise<void>;
};

const EACH: readonly Direction[] = ['up', 'down'];

export function openConnection(ports: ConnectionPorts): Connection {
  const { client, note, faults, monotonicMs, seed } = ports;
  const upstream = dial(ports);
  const watch = createUpgradeWatch(PROXY.headBytes);
  let isOver = false;
  let isConnected = false;
  /** Somebody will never learn that the other side went away, or is there at all. */
  let hasLostEnd = isBlackHole(faults());
  let cutPlan: { readonly how: CutKind; bytesLeft: number; readonly direction: Directions | undefined } | undefined;
  let cutTimer: NodeJS.Timeout | undefined;
  let lingerTimer: NodeJS.Timeout | undefined;
  const cutSeed = seed.fork('cut');

  const buildLane = (direction: Direction, source: Socket, sink: Socket): Lane =>
    createLane({
      direction,
      source,
      sink,
      seed: seed.fork(direction),
      faults,
      note,
      monotonicMs,
      countPlain: direction === 'up' ? watch.countPlainUp : watch.countPlainDown,
      allowedBytes: () =>
        cutPlan !== undefined && coversDirection(cutPlan.direction, direction) ? cutPlan.bytesLeft : Number.POSITIVE_INFINITY,
      onForwarded: (bytes) => {
        if (cutPlan !== undefined && coversDirection(cutPlan.direction, direction)) cutPlan.bytesLeft -= bytes;
      },
      onCut: (how) => cut(how ?? cutPlan?.how ?? 'reset', how === undefined ? 'bytes' : 'message'),
    });
  const lanes: Readonly<Record<Direction, Lane>> = {
    up: buildLane('up', client, upstream),
    down: buildLane('down', upstream, client),
  };

  const stopLanes = (): void => {
    isOver = true;
    clearTimeout(cutTimer);
    for (const direction of EACH) {
      const bytes = lanes[direction].swallowedBytes;
      if (bytes > 0) note('swallow', { direction, bytes });
      lanes[direction].stop();
    }
  };

  const cut = (how: CutKind, cause: string): void => {
    if (isOver) return;
    note('cut', { how, cause, upBytes: lanes.up.forwardedBytes, downBytes: lanes.down.forwardedBytes });
    stopLanes();
    if (how === 'reset') {
      for (const socket of [client, upstream]) socket.resetAndDestroy();
      return;
    }
    for (const socket of [client, upstream]) socket.end();
    lingerTimer = setTimeout(destroyBoth, PROXY.lingerMs);
  };

  const destroyBoth = (): void => {
    for (const socket of [client, upstream]) socket.destroy();
  };

  const planCut = (): void => {
    clearTimeout(cutTimer);
    const fault = faults().cut;
    const isHit = cutSeed.chance(fault?.chance ?? 1);
    cutPlan = undefined;
    if (fault === undefined || !isHit) return;
    const { how, afterBytes, afterMs, direction } = fault;
    const bytesLeft = afterBytes === undefined ? Number.POSITIVE_INFINITY : cutSeed.int(afterBytes);
    cutPlan = { how, bytesLeft, direction };
    if (afterMs !== undefined) cutTimer = setTimeout(() => cut(how, 'time'), cutSeed.int(afterMs));
  };

  /** A socket broke: the other side learns it as it would without the proxy. */
  const handleError = (direction: Direction, other: Socket, error: Error): void => {
    if (isOver) return;
    if (direction === 'down' && !isConnected) note('unreachable', { code: 'code' in error ? String(error.code) : error.message });
    const { halfOpen } = faults();
    if (halfOpen !== undefined && coversDirection(halfOpen, direction)) {
      hasLostEnd = true;
      return;
    }
    stopLanes();
    other.resetAndDestroy();
  };
  upstream.once('connect', () => {
    isConnected = true;
  });
  client.on('error', (error) => handleError('up', upstream, error));
  upstream.on('error', (error) => handleError('down', client, error));

  const closed = Promise.all([client, upstream].map(awaitClose)).then(() => {
    clearTimeout(lingerTimer);
    if (!isOver) stopLanes();
  });

  planCut();
  return {
    id: ports.id,
    clientPort: client.remotePort ?? 0,
    forwardedBytes: (direction) => lanes[direction].forwardedBytes,
    heldBytes: (direction) => lanes[direction].heldBytes,
    swallowedBytes: (direction) => lanes[direction].swallowedBytes,
    isPushingBack: (direction) => lanes[direction].isPushingBack,
    cut: (how) => cut(how, 'asked'),
    stall(direction) {
      for (const one of EACH) if (coversDirection(direction, one)) lanes[one].stall();
    },
    resume(direction) {
      for (const one of EACH) if (coversDirection(direction, one)) lanes[one].resume();
    },
    refresh() {
      if (isOver) return;
      const isHurt = EACH.some((one) => lanes[one].swallowedBytes > 0 || lanes[one].hasSwallowedEnd) || hasLostEnd;
      if (isHurt && faults().halfOpen === undefined) {
        cut('reset', 'healed');
        return;
      }
      planCut();
      for (const one of EACH) lanes[one].refresh();
    },
    close() {
      if (!isOver) stopLanes();
      destroyBoth();
    },
    closed,
  };
}

/** A target behind a black hole is never dialled: nothing of the client's connection may reach it. */
function dial({ target, faults }: ConnectionPorts): Socket {
  const socket = new Socket({ allowHalfOpen: true });
  socket.setNoDelay(true);
  return isBlackHole(faults()) ? socket : socket.connect({ port: target.port, host: target.host ?? '127.0.0.1' });
}

function isBlackHole({ halfOpen }: Faults): boolean {
  return halfOpen === 'both';
}

function awaitClose(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}
