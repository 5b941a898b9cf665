/** A TCP proxy on the loopback that fails on purpose, repeatably, and says what it did. See ../README.md. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '@holdfast/shared/clock.ts';
import type { Seed } from '../seed.ts';
import { type Connection, openConnection, type ProxyConnection, type Target } from './connection.ts';
import { type CutKind, checkFaults, coversDirection, type Directions, type Faults, type Injection, type Note } from './faults.ts';

/** Everything is destroyed by then; what still has to be said is said within this. */
const CLOSE_MS = 5_000;

export type FaultProxyOptions = {
  readonly target: Target;
  /** The proxy's own stream; each connection has a fork of it by its number, each direction and each fault one below. */
  readonly seed: Seed;
  /** Called for everything injected, in order. */
  readonly record: (injection: Injection) => void;
  /** In force from the first connection on; none by default. */
  readonly faults?: Faults;
  /** 0 takes any free port. */
  readonly port?: number;
  readonly clock?: Clock;
};

export type FaultProxy = {
  /** Where clients connect instead of to the target, on 127.0.0.1. */
  readonly port: number;
  /** Those that live, oldest first. */
  readonly connections: readonly ProxyConnection[];
  /** How many were ever accepted, the refused ones among them. */
  readonly accepted: number;
  /**
   * Puts these faults in place of all before, for live and for new connections.
   * @throws RangeError when a figure makes no sense.
   */
  set(faults: Faults): void;
  /** Takes all faults away, stalls too. */
  clear(): void;
  /** Nothing is forwarded this way, and senders feel it once 256 KiB and the sockets' buffers are full. Nothing is lost. */
  stall(direction?: Directions): void;
  resume(direction?: Directions): void;
  /** Ends every live connection on both sides. */
  cutAll(how?: CutKind): number;
  /** New connections go elsewhere, as after a restart on another port. */
  retarget(target: Target): void;
  /** Ends everything and frees the port. May be called again. */
  close(): Promise<void>;
};

/** @throws Error when the port is taken, RangeError when a fault's figure makes no sense. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { seed, record, clock = systemClock } = options;
  let faults = options.faults ?? {};
  let target = options.target;
  let accepted = 0;
  const stalled = { up: false, down: false };
  const connections = new Map<number, Connection>();
  checkFaults(faults);

  const createNote =
    (connection: number): Note =>
    (fault, detail) =>
      record({ at: clock.now(), connection, fault, detail });
  const noteProxy = createNote(0);
  const noteFaults = (): void => noteProxy('set', { faults: JSON.stringify(faults) });

  const accept = (client: Socket): void => {
    accepted += 1;
    const id = accepted;
    const note = createNote(id);
    const own = seed.fork(`connection ${id}`);
    if (own.fork('refuse').chance(faults.refuse?.chance ?? 0)) {
      note('refuse', {});
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const connection = openConnection({
      id,
      client,
      target,
      seed: own,
      faults: () => faults,
      note,
      monotonicMs: () => clock.monotonicMs(),
    });
    connections.set(id, connection);
    void connection.closed.then(() => connections.delete(id));
    for (const direction of ['up', 'down'] as const) if (stalled[direction]) connection.stall(direction);
  };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  server.listen({ port: options.port ?? 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  if (options.faults !== undefined) noteFaults();

  const set = (next: Faults): void => {
    checkFaults(next);
    faults = next;
    noteFaults();
    for (const connection of connections.values()) connection.refresh();
  };

  const setStalled = (direction: Directions, isStalled: boolean): void => {
    noteProxy(isStalled ? 'stall' : 'resume', { direction });
    for (const one of ['up', 'down'] as const) if (coversDirection(direction, one)) stalled[one] = isStalled;
    for (const connection of connections.values()) {
      if (isStalled) connection.stall(direction);
      else connection.resume(direction);
    }
  };

  return {
    port: address.port,
    get connections() {
      return [...connections.values()];
    },
    get accepted() {
      return accepted;
    },
    set,
    clear() {
      set({});
      if (stalled.up || stalled.down) setStalled('both', false);
    },
    stall: (direction = 'both') => setStalled(direction, true),
    resume: (direction = 'both') => setStalled(direction, false),
    cutAll(how = 'reset') {
      const open = [...connections.values()];
      for (const connection of open) connection.cut(how);
      return open.length;
    },
    retarget(next) {
      target = next;
    },
    async close() {
      const open = [...connections.values()];
      const isListening = server.listening;
      const unbound = isListening ? once(server, 'close') : undefined;
      if (isListening) server.close();
      for (const connection of open) connection.close();
      const ended = Promise.all([unbound, ...open.map((connection) => connection.closed)]);
      // A socket that was reset while it was still dialled may never say that it is closed; nothing waits behind it.
      const patience = new AbortController();
      await Promise.race([ended, sleep(CLOSE_MS, undefined, { signal: patience.signal })]);
      patience.abort();
    },
  };
}
