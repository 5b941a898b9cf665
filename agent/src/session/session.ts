/** Keeps the agent connected: dials, waits with full jitter, dials again, until this host is revoked or the agent ends. */
import { WIRE } from '@holdfast/shared/limits.ts';
import type { AgentFrames } from '@holdfast/shared/protocol/messages.ts';
import { type ConnectionPorts, type LiveConnection, openConnection } from './connection.ts';
import type { ConnectionEnd } from './connection-end.ts';

export interface SessionOptions extends ConnectionPorts {
  /** Where the server is now; undefined: where it was at enrolment. Another server is found out by the key that was pinned. */
  serverUrl?: string | undefined;
  signal: AbortSignal;
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** 0 ≤ x < 1. */
  random(): number;
}

export interface Session {
  /** Resolves when the signal aborts; rejects with the server's last word (revoked). */
  run(): Promise<void>;
  sendVolatile<T extends 'progress' | 'inventory' | 'sources.seen' | 'repositories.seen'>(type: T, body: AgentFrames[T]): void;
  readonly isConnected: boolean;
}

/** A server that names a time is there and knows how many wait; only when it goes on doing so are attempts made rarer. */
const NAMED_TIMES = 6;

/**
 * Full jitter between the shortest wait and a cap that doubles with each failure: a restarted server is not stormed. Where the server
 * named a time over which to come back, that is the cap. Milliseconds; 0 ≤ random < 1.
 */
export function chooseWaitMs(failures: number, random: number, retryAfterMs = 0): number {
  const counted = retryAfterMs > 0 ? failures - NAMED_TIMES : failures + 1;
  const doubled = counted > 0 ? WIRE.reconnectMinMs * 2 ** Math.min(counted, 10) : 0;
  const cap = Math.min(WIRE.reconnectMaxMs, Math.max(doubled, WIRE.reconnectMinMs + retryAfterMs));
  return Math.round(WIRE.reconnectMinMs + random * (cap - WIRE.reconnectMinMs));
}

/** `https://host/base` to `wss://host/base/ws/agent`. */
export function toSocketUrl(serverUrl: string): string {
  return `${serverUrl.replace(/^http/, 'ws').replace(/\/+$/, '')}/ws/agent`;
}

export function createSession(options: SessionOptions): Session {
  let live: LiveConnection | undefined;
  const { log } = options.workbench;

  async function connectOnce(): Promise<ConnectionEnd> {
    let last: ConnectionEnd = { stop: undefined, refusal: 'no token', welcomed: false, why: 'no token', unauthorized: true };
    for (const token of options.credentials.listTokens()) {
      live = openConnection(options, toSocketUrl(options.serverUrl ?? options.credentials.get().serverUrl), token);
      const close = () => live?.close();
      options.signal.addEventListener('abort', close, { once: true });
      try {
        last = await live.ended;
      } finally {
        options.signal.removeEventListener('abort', close);
        live = undefined;
      }
      // Only an unknown token makes the other one worth a try.
      if (!last.unauthorized || options.signal.aborted) return last;
    }
    return last;
  }

  return {
    async run() {
      let failures = 0;
      while (!options.signal.aborted) {
        const end = await connectOnce();
        if (options.signal.aborted) return;
        if (end.stop) throw end.stop;
        failures = end.welcomed ? 0 : failures + 1;
        const waitMs =
          end.refusal === undefined ? chooseWaitMs(failures, options.random(), end.retryAfterMs) : WIRE.reconnectMaxMs;
        if (end.refusal === undefined)
          log.warn({ reason: end.why, retryInMs: waitMs }, 'not connected; backups go on by schedule');
        // The boot is what the server's page calls this agent when a copy of it is about.
        else
          log.error(
            { reason: end.refusal, boot: options.boot, retryInMs: waitMs },
            'not admitted by the server; backups go on by schedule',
          );
        try {
          await options.wait(waitMs, options.signal);
        } catch {
          return;
        }
      }
    },
    sendVolatile: (type, body) => live?.sendVolatile(type, body),
    get isConnected() {
      return live?.isWelcomed ?? false;
    },
  };
}
