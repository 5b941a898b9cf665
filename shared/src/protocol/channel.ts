/**
 * Correlation, deadlines and cumulative acknowledgement: the state between two peers, without sockets, timers or stores.
 * Three small machines: `createRequests` (who waits for which reply), `createEventWindow` (which durable events are in
 * flight), and `planApply` (which of the received events are new).
 */
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { SequencedEvent } from './events.ts';
import { REQUESTS, type RequestBody, type RequestResult, type RequestType } from './messages.ts';

export interface Requests {
  /**
   * Sends a request and resolves with the validated result. Rejects with the peer's typed error, `unavailable` after
   * `timeoutMs` or when the socket closes, `limit` when too many are waiting, `invalid` when the reply does not fit.
   */
  request<T extends RequestType>(type: T, body: RequestBody<T>, id: string, timeoutMs: number): Promise<RequestResult<T>>;
  /** As `request`, of a question that somebody may put again: it leaves `keptRequests` places to what has to come through. */
  ask: Requests['request'];
  /** A reply or error arrived for `re`. False when nobody waits: late, doubled or forged; the caller drops it. */
  settle(re: string, outcome: { result: unknown } | { error: AppError }): boolean;
  /** Rejects what is past its deadline; the owner calls it at least once a second. */
  expire(): void;
  /** The socket is gone: everything waiting rejects with `unavailable`. */
  close(why: string): void;
  readonly waiting: number;
}

interface Waiting {
  type: RequestType;
  deadline: number;
  resolve: (result: unknown) => void;
  reject: (error: AppError) => void;
}

export function createRequests(options: {
  clock: Pick<Clock, 'monotonicMs'>;
  send: (type: RequestType, id: string, body: unknown) => void;
  pendingRequests: number;
  keptRequests: number;
}): Requests {
  const waiting = new Map<string, Waiting>();

  const take = (id: string): Waiting | undefined => {
    const found = waiting.get(id);
    waiting.delete(id);
    return found;
  };

  /** Sends unless `room` requests wait already. */
  const sendWithin = <T extends RequestType>(
    room: number,
    type: T,
    body: RequestBody<T>,
    id: string,
    timeoutMs: number,
  ): Promise<RequestResult<T>> => {
    if (waiting.size >= room) {
      return Promise.reject(new AppError('limit', 'too many requests are waiting for this host; try again in a moment'));
    }
    if (waiting.has(id)) return Promise.reject(new AppError('conflict', `request ${id} is already waiting`));
    return new Promise((resolve, reject) => {
      const deadline = options.clock.monotonicMs() + timeoutMs;
      waiting.set(id, { type, deadline, resolve: resolve as (result: unknown) => void, reject });
      try {
        options.send(type, id, body);
      } catch (error) {
        waiting.delete(id);
        reject(error);
      }
    });
  };

  return {
    request: (type, body, id, timeoutMs) => sendWithin(options.pendingRequests, type, body, id, timeoutMs),
    ask: (type, body, id, timeoutMs) => sendWithin(options.pendingRequests - options.keptRequests, type, body, id, timeoutMs),
    settle(re, outcome) {
      const found = take(re);
      if (!found) return false;
      if ('error' in outcome) {
        found.reject(outcome.error);
        return true;
      }
      const parsed = REQUESTS[found.type].result.safeParse(outcome.result);
      if (parsed.success) found.resolve(parsed.data);
      else
        found.reject(
          new AppError('invalid', `the host answered ${found.type} with a result of the wrong shape`, { retry: 'never' }),
        );
      return true;
    },
    expire() {
      const now = options.clock.monotonicMs();
      for (const [id, entry] of waiting) {
        if (entry.deadline > now) continue;
        waiting.delete(id);
        entry.reject(new AppError('unavailable', `the host did not answer ${entry.type} in time`));
      }
    },
    close(why) {
      for (const entry of waiting.values()) entry.reject(new AppError('unavailable', why));
      waiting.clear();
    },
    get waiting() {
      return waiting.size;
    },
  };
}

/** What a window needs to know of the outbox; sequence numbers are of the current epoch. */
export interface OutboxReader {
  /** The highest sequence number written, 0 when empty. */
  lastSeq(): number;
  /** Events after `seq` in order, at most `count` of them and `bytes` of JSON (at least one, if there is one). */
  read(afterSeq: number, count: number, bytes: number): readonly SequencedEvent[];
}

export interface EventWindow {
  /** Sends as much as the window allows; call it after new events and after each acknowledgement. */
  pump(): void;
  /** The server has everything up to `through`. Never goes back; a number above what was sent is ignored. */
  acknowledge(through: number): boolean;
  readonly acknowledged: number;
  readonly sent: number;
}

/**
 * The sender's side of the durable stream. Starts after what the server says it has; a cut line means a new window,
 * so that whatever was in flight is sent again and the server ignores what it already has.
 */
export function createEventWindow(options: {
  outbox: OutboxReader;
  acknowledged: number;
  send: (events: readonly SequencedEvent[]) => void;
  unacknowledgedFrames: number;
  eventsPerFrame: number;
  eventBytesPerFrame: number;
}): EventWindow {
  let acknowledged = options.acknowledged;
  let sent = options.acknowledged;
  /** The last sequence number of each frame in flight, oldest first. */
  const inFlight: number[] = [];

  return {
    pump() {
      while (inFlight.length < options.unacknowledgedFrames && sent < options.outbox.lastSeq()) {
        const events = options.outbox.read(sent, options.eventsPerFrame, options.eventBytesPerFrame);
        const last = events.at(-1);
        if (!last) return;
        options.send(events);
        sent = last.seq;
        inFlight.push(last.seq);
      }
    },
    acknowledge(through) {
      if (through <= acknowledged || through > sent) return false;
      acknowledged = through;
      while (inFlight.length > 0 && (inFlight[0] as number) <= through) inFlight.shift();
      return true;
    },
    get acknowledged() {
      return acknowledged;
    },
    get sent() {
      return sent;
    },
  };
}

/**
 * The receiver's side: which events of a frame are new after `applied`. Repeats are dropped; a gap is an error
 * (`conflict`), because it means that something the agent believes delivered never arrived.
 */
export function planApply(applied: number, events: readonly SequencedEvent[]): readonly SequencedEvent[] {
  const fresh: SequencedEvent[] = [];
  let expected = applied + 1;
  let previous = 0;
  for (const event of events) {
    if (event.seq <= previous)
      throw new AppError('invalid', 'events of one frame are not in rising order', {
        retry: 'never',
        details: { closeCode: 1008 },
      });
    previous = event.seq;
    if (event.seq < expected) continue;
    if (event.seq > expected) {
      throw new AppError('conflict', `event ${event.seq} arrived where ${expected} was due`, { details: { expected } });
    }
    fresh.push(event);
    expected += 1;
  }
  return fresh;
}
