/** The socket of one host: frames that go out, signs of life, and the one way in which it is hung up. */
import { AppError, toAppError, type WireError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { encodeFrame } from '@holdfast/shared/protocol/codec.ts';
import type { ServerFrame } from '@holdfast/shared/protocol/messages.ts';
import { PROTOCOL_VERSION } from '@holdfast/shared/protocol/version.ts';
import { toFrameError } from '@holdfast/shared/protocol/wire-error.ts';
import type { WebSocket } from 'ws';
import type { CoreContext } from '../core/ports.ts';
import type { Host } from '../store/hosts.ts';

export interface Line {
  readonly isOpen: boolean;
  /** It was hung up or is gone: from then on nothing the host says counts, whether it closes or not. */
  readonly isEnded: boolean;
  /** Sends a frame with an id of its own, or the one given; `re` is the frame that it answers. Throws `unavailable` where the line is gone. */
  send<T extends ServerFrame['type']>(
    type: T,
    body: Extract<ServerFrame, { type: T }>['body'],
    about?: { id?: string; re?: string | undefined },
  ): void;
  /** Says goodbye and closes; only the first time counts. A host that does not close in time is cut off. */
  end(error: WireError, reconnect: boolean, closeCode?: number): void;
  /** Ends the line because of what was thrown, and logs it. The detail `closeCode` is how the socket is closed. */
  fail(thrown: unknown): void;
  /** Something was heard, or the silence was ours. */
  noteSign(): void;
}

export interface LinePorts {
  context: CoreContext;
  host: Pick<Host, 'id'>;
  socket: WebSocket;
  /** Every `WIRE.watchIntervalMs`. */
  onWatch(): void;
}

export function openLine({ context, host, socket, onWatch }: LinePorts): Line {
  const { clock, log } = context;
  let lastHeard = clock.monotonicMs();
  let isEnded = false;
  let grace: NodeJS.Timeout | undefined;
  const isOpen = () => socket.readyState === socket.OPEN;
  const noteSign = () => {
    lastHeard = clock.monotonicMs();
  };

  const send: Line['send'] = (type, body, { id = context.createId('frame'), re } = {}) => {
    if (!isOpen()) throw new AppError('unavailable', 'the host is not connected');
    const frame = { v: PROTOCOL_VERSION, id, type, at: clock.now(), body, ...(re === undefined ? {} : { re }) };
    socket.send(encodeFrame(frame as ServerFrame, WIRE));
  };
  const end: Line['end'] = (error, reconnect, closeCode = 1000) => {
    if (isEnded) return;
    isEnded = true;
    if (isOpen()) send('goodbye', { error, reconnect });
    socket.close(closeCode);
    grace = setTimeout(() => socket.terminate(), WIRE.goodbyeGraceMs);
  };

  const pulse = setInterval(() => {
    if (isOpen()) socket.ping();
  }, WIRE.pingIntervalMs);
  const watch = setInterval(() => {
    onWatch();
    if (!socket.isPaused && clock.monotonicMs() - lastHeard > WIRE.silenceMs) socket.terminate();
  }, WIRE.watchIntervalMs);
  socket.on('pong', noteSign);
  socket.on('error', (error) => log.warn({ area: 'hosts', host: host.id, reason: error.message }, 'a host connection broke'));
  socket.on('close', () => {
    isEnded = true;
    clearTimeout(grace);
    clearInterval(pulse);
    clearInterval(watch);
  });

  return {
    get isOpen() {
      return isOpen();
    },
    get isEnded() {
      return isEnded;
    },
    send,
    end,
    fail(thrown) {
      const error = toAppError(thrown);
      const reference = context.createId('request');
      if (error.code === 'internal') log.error({ area: 'hosts', host: host.id, err: thrown, reference }, 'a host session failed');
      else log.warn({ area: 'hosts', host: host.id, code: error.code, reason: error.message }, 'a host session was ended');
      const closeCode = typeof error.details['closeCode'] === 'number' ? error.details['closeCode'] : 1008;
      end(toFrameError(error, reference), error.retry !== 'never', closeCode);
    },
    noteSign,
  };
}
