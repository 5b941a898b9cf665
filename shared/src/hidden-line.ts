/** A line that is typed at a terminal and not shown: for passwords, which stand in no arguments. */
import { AppError } from './errors.ts';

/** What it takes of a terminal's input; Node's own has it. */
export interface KeyInput {
  setRawMode(isRaw: boolean): unknown;
  on(event: 'data', listener: (chunk: Uint8Array | string) => void): unknown;
  off(event: 'data', listener: (chunk: Uint8Array | string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

const ENDS = new Set(['\r', '\n', '\u0004']);
const ERASES = new Set(['\u007f', '\b']);
const INTERRUPT = '\u0003';
const CLEAR = '\u0015';
/** What arrow and function keys send comes as one piece that begins with it. */
const ESCAPE = '\u001b';

/** Reads to the end of the line. Throws `cancelled` for Ctrl-C; the terminal shows what is typed again in any case. */
export function readHiddenLine(input: KeyInput): Promise<string> {
  const decoder = new TextDecoder();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let typed: string[] = [];
  const listen = (chunk: Uint8Array | string) => {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    if (text.startsWith(ESCAPE)) return;
    for (const key of text) {
      if (ENDS.has(key)) return resolve(typed.join(''));
      if (key === INTERRUPT) return reject(new AppError('cancelled', 'nothing was begun'));
      if (ERASES.has(key)) typed.pop();
      else if (key === CLEAR) typed = [];
      else if (!/\p{Cc}/u.test(key)) typed.push(key);
    }
  };
  input.setRawMode(true);
  input.on('data', listen);
  input.resume();
  return promise.finally(() => {
    input.off('data', listen);
    input.setRawMode(false);
    input.pause();
  });
}
