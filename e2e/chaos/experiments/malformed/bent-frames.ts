/** Recorded frames, bent by chance, with what the receiver must do about each. */
import { AppError } from '@holdfast/shared/errors.ts';
import { WIRE } from '@holdfast/shared/limits.ts';
import { decodeAgentFrame } from '@holdfast/shared/protocol/codec.ts';
import { mutateFrame } from '@holdfast/shared/protocol/fixtures/frame-mutations.ts';
import { readRecordedFrames } from '@holdfast/shared/protocol/fixtures/recorded-frames.ts';
import type { AgentFrame } from '@holdfast/shared/protocol/messages.ts';
import { PROTOCOL_VERSION } from '@holdfast/shared/protocol/version.ts';
import type { Seed } from '../../seed.ts';

/** What the rules of the protocol say about a frame of an agent that was welcomed. */
export type Verdict =
  /** The connection ends with this code. */
  | { readonly kind: 'closes'; readonly code: number }
  /** Refused by name or judged; the answer names it in `re`, or the connection ends with 1008. */
  | { readonly kind: 'answered'; readonly id: string; readonly mayClose: boolean }
  | { readonly kind: 'silent' };

export type Bender = (seed: Seed) => Uint8Array;

export function createBender(from: 'agent' | 'server'): Bender {
  const texts = readRecordedFrames(PROTOCOL_VERSION)
    .filter((frame) => frame.from === from)
    .map(({ bytes }) => new TextDecoder().decode(bytes));
  return (seed) => mutateFrame((below) => (below > 0 ? seed.int([0, below - 1]) : 0), texts);
}

/** The codec's own tests say that it judges rightly; here the server has to do what it judged. */
export function judgeAgentFrame(bytes: Uint8Array): Verdict {
  let frame: AgentFrame;
  try {
    frame = decodeAgentFrame(bytes, WIRE);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { closeCode, frame: id } = error.details;
    if (error.code === 'unsupported' && typeof id === 'string') return { kind: 'answered', id, mayClose: false };
    if (typeof closeCode === 'number') return { kind: 'closes', code: closeCode };
    throw error;
  }
  if (frame.type === 'hello') return { kind: 'closes', code: 1008 };
  if (frame.type === 'events') return { kind: 'answered', id: frame.id, mayClose: true };
  return { kind: 'silent' };
}

/** True for an error that a codec may throw; everything else is a crash of whoever did not expect it. */
export function isTypedRefusal(error: unknown): boolean {
  if (!(error instanceof AppError)) return false;
  const { closeCode } = error.details;
  return error.code === 'unsupported' || (error.code === 'invalid' && typeof closeCode === 'number');
}
