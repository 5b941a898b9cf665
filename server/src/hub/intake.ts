/** What comes from one host: decoded, paced by the flow, and handled one frame after the other. */
import { setImmediate as awaitTurn, setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { decodeAgentFrame } from '@holdfast/shared/protocol/codec.ts';
import type { AgentFrame } from '@holdfast/shared/protocol/messages.ts';
import type { WebSocket } from 'ws';
import type { CoreContext } from '../core/ports.ts';
import type { Host } from '../store/hosts.ts';
import { createFlow } from './flow.ts';
import type { Line } from './line.ts';

export interface IntakePorts {
  context: Pick<CoreContext, 'clock' | 'log'>;
  host: Pick<Host, 'id'>;
  socket: WebSocket;
  line: Line;
  handle(frame: AgentFrame, arrivedAt: number): Promise<void>;
  /** A frame could not be decoded (then without its id) or handled. */
  refuse(thrown: unknown, frameId: string | undefined): void;
}

/** Hears the socket until it closes or the line has ended. */
export function openIntake({ context, host, socket, line, handle, refuse }: IntakePorts): void {
  const { clock, log } = context;
  const flow = createFlow(clock, WIRE.framesPerSecond, WIRE.bytesPerSecond);
  let queued = 0;
  let handling: Promise<void> = Promise.resolve();

  async function receive(bytes: Buffer, arrivedAt: number): Promise<void> {
    let frame: AgentFrame | undefined;
    try {
      const pauseMs = flow.take(bytes.byteLength);
      if (pauseMs > 0) await sleep(pauseMs);
      if (line.isEnded) return;
      frame = decodeAgentFrame(bytes, WIRE);
      await handle(frame, arrivedAt);
    } catch (error) {
      // A socket that closed meanwhile has nobody left to tell.
      if (line.isOpen) refuse(error, frame?.id);
    }
  }

  /**
   * What is read waits its turn here; while too much waits, the socket is not read. Between two frames that came together every other
   * host has its turn: the store answers without leaving the event loop, so that a burst would else be handled in one go.
   */
  function enqueue(payload: Buffer): void {
    const arrivedAt = clock.now();
    queued += 1;
    if (queued >= WIRE.waitingFrames) socket.pause();
    handling = handling
      .then(() => receive(payload, arrivedAt))
      .catch((error: unknown) => {
        log.error({ area: 'hosts', host: host.id, err: error }, 'a frame could not even be refused');
        socket.terminate();
      })
      .then(() => (queued > 1 ? awaitTurn() : undefined))
      .then(() => {
        queued -= 1;
        if (!socket.isPaused || queued >= WIRE.waitingFrames / 2) return;
        // The silence was ours.
        line.noteSign();
        socket.resume();
      });
  }

  socket.on('message', (payload: Buffer, isBinary: boolean) => {
    line.noteSign();
    if (isBinary) line.fail(new AppError('invalid', 'frames are text', { retry: 'never', details: { closeCode: 1003 } }));
    else if (!line.isEnded) enqueue(payload);
  });
}
