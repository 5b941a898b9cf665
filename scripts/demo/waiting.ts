import { setTimeout as pause } from 'node:timers/promises';

export type PollOptions = { readonly deadlineMs: number; readonly signal: AbortSignal; readonly intervalMs?: number };

/**
 * Asks `probe` again and again until it answers something other than undefined. What the probe throws is thrown.
 * @throws the signal's reason as soon as it is aborted; Error naming `what` after `deadlineMs`.
 */
export async function pollUntil<T>(what: string, probe: () => Promise<T | undefined>, options: PollOptions): Promise<T> {
  const { deadlineMs, signal, intervalMs = 100 } = options;
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    signal.throwIfAborted();
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${Math.round(deadlineMs / 1000)} s in vain for ${what}`);
    await pause(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}
