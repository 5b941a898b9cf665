/** What time it is on the server, by a clock that does not jump: whatever the clock of this host is set to meanwhile. */
import type { Clock } from '@holdfast/shared/clock.ts';
import type { RequestBody, RequestType } from '@holdfast/shared/protocol/messages.ts';

export interface ServerTime {
  /** The server told its time, epoch milliseconds. */
  learn(serverTime: number): void;
  /**
   * Orders end by the server's clock. Here they end as far from now, by a clock that may be hours away from it. Before the server told its
   * time, they are left as they are.
   */
  toOwnTime<T extends RequestType>(body: RequestBody<T>): RequestBody<T>;
}

export function createServerTime(clock: Pick<Clock, 'now' | 'monotonicMs'>): ServerTime {
  /** The server's clock minus the monotonic one. */
  let aheadMs: number | undefined;
  return {
    learn(serverTime) {
      aheadMs = serverTime - clock.monotonicMs();
    },
    toOwnTime(body) {
      if (aheadMs === undefined || !('notAfter' in body)) return body;
      return { ...body, notAfter: Math.round(clock.now() + body.notAfter - (aheadMs + clock.monotonicMs())) };
    },
  };
}
