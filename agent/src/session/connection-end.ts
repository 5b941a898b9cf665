/** How a connection ended, and what that means for the next attempt. */
import { type AppError, fromWireError } from '@holdfast/shared/errors.ts';
import type { ServerFrames } from '@holdfast/shared/protocol/messages.ts';

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

/** What a server, or a proxy before it, says to a request that was no upgrade any more when it arrived; ours leads to the login. */
const NO_UPGRADE: ReadonlySet<number> = new Set([303, 400, 404, 426]);

/** The end of a connection of which nothing is known yet. */
export function createConnectionEnd(): ConnectionEnd {
  return { stop: undefined, refusal: undefined, welcomed: false, why: 'connection closed', unauthorized: false };
}

/** The server said goodbye on the open connection. */
export function noteGoodbye(end: ConnectionEnd, { error: wire, reconnect }: ServerFrames['goodbye']): void {
  const error = fromWireError(wire);
  end.why = error.message;
  if (reconnect) return;
  if (error.code === 'forbidden') end.stop = error;
  else end.refusal = error.message;
}

/** What answered the request was no upgrade: the server, or a proxy before it. `retryAfter` is the header of that name, in seconds. */
export function noteAnswer(end: ConnectionEnd, status: number | undefined, retryAfter: string | undefined): void {
  end.unauthorized = status === 401;
  end.why = `the server answered ${status ?? 'nothing'}`;
  if (NO_UPGRADE.has(status ?? 0)) end.why += '; a proxy before it may not pass WebSockets under /ws/agent on';
  const retryAfterS = Number(retryAfter);
  if (retryAfterS > 0) end.retryAfterMs = retryAfterS * 1000;
  if (end.unauthorized)
    end.refusal =
      'the server does not know this host’s token; enrol the host again with a fresh state directory, or restore the server';
  if (status === 403) end.refusal = 'the server does not admit this host any more; see its page under Hosts';
}
