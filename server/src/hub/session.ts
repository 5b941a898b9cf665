/**
 * One connection of one host: challenge, hello, welcome, then frames in order until either side hangs up.
 * Whatever arrives is validated by the codec, paced by the flow, and handled one frame after the other.
 */
import { AppError, fromWireError, toAppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { createRequests } from '@holdfast/shared/protocol/channel.ts';
import type { AgentFrame, AgentFrames, Frame } from '@holdfast/shared/protocol/messages.ts';
import type { ToldType } from '@holdfast/shared/protocol/peer.ts';
import { toFrameError } from '@holdfast/shared/protocol/wire-error.ts';
import type { WebSocket } from 'ws';
import { type Presented, recordHappening } from '../core/ingest.ts';
import type { CoreContext } from '../core/ports.ts';
import { announceHeldRuns } from '../core/runs/presumed-ends.ts';
import type { HubDirectory } from './directory.ts';
import { createFitness } from './fitness.ts';
import { createHandshake } from './handshake.ts';
import { createHearing } from './hearing.ts';
import { openIntake } from './intake.ts';
import { openLine } from './line.ts';
import { createSkewWatch } from './skew.ts';

export function runSession(context: CoreContext, directory: HubDirectory, socket: WebSocket, presented: Presented): void {
  const { host } = presented;
  const line = openLine({ context, host, socket, onWatch: () => requests.expire() });
  const requests = createRequests({
    clock: context.clock,
    send: (type, id, body) => line.send(type, body as never, { id }),
    pendingRequests: WIRE.pendingRequests,
    keptRequests: WIRE.keptRequests,
  });
  const skew = createSkewWatch();
  const fitness = createFitness(context, host);
  const hearing = createHearing({ context, host, skew, fitness, acknowledge: (body, re) => line.send('ack', body, { re }) });
  const handshake = createHandshake({ context, directory, presented, line, requests, hearing, skew, fitness });

  async function hear<T extends ToldType>({ id, type, at, body }: Frame<AgentFrames, T>, arrivedAt: number): Promise<void> {
    await hearing.peer[type](body, { id, at, arrivedAt });
  }

  async function handle(frame: AgentFrame, arrivedAt: number): Promise<void> {
    const { session, isReadmitting } = handshake;
    if (frame.type === 'hello') {
      if (session || isReadmitting)
        throw new AppError('invalid', 'a second hello on one connection', { retry: 'never', details: { closeCode: 1008 } });
      return handshake.greet(frame, arrivedAt);
    }
    const isAnswer = frame.type === 'reply' || frame.type === 'error';
    if (!session && !(isReadmitting && isAnswer)) throw new AppError('unauthenticated', 'the first frame must be hello');
    if (frame.type === 'reply') {
      if (frame.re !== undefined) requests.settle(frame.re, { result: frame.body.result });
    } else if (frame.type === 'error') {
      if (frame.re !== undefined) requests.settle(frame.re, { error: fromWireError(frame.body) });
    } else await hear(frame, arrivedAt);
  }

  /** What a frame breaks: an unknown type and a gap are answered, everything else ends the connection. */
  function refuse(thrown: unknown, frameId: string | undefined): void {
    const error = toAppError(thrown);
    const answerable = error.code === 'unsupported' || (error.code === 'conflict' && error.details['expected'] !== undefined);
    if (!answerable || !handshake.session) {
      line.fail(error);
      return;
    }
    const re = typeof error.details['frame'] === 'string' ? error.details['frame'] : frameId;
    line.send('error', toFrameError(error, ''), { re });
  }

  async function noteLoss(): Promise<void> {
    await recordHappening(context, host, 'host.disconnected', 'warn', 'connection closed');
    await announceHeldRuns(context, host);
  }

  openIntake({ context, host, socket, line, handle, refuse });
  const patience = setTimeout(() => {
    if (!handshake.session && !handshake.isReadmitting)
      line.fail(new AppError('unauthenticated', 'no hello within the handshake time'));
  }, WIRE.handshakeTimeoutMs);
  socket.on('close', () => {
    clearTimeout(patience);
    requests.close('the host lost its connection');
    const { session } = handshake;
    if (!session || !directory.unregister(session)) return;
    noteLoss().catch((error: unknown) =>
      context.log.error({ area: 'hosts', host: host.id, err: error }, 'noting a lost connection failed'),
    );
  });
  handshake.challenge();
}
