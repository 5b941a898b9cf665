import { setTimeout as pause } from 'node:timers/promises';

export type WaitOptions = { readonly deadlineMs: number; readonly intervalMs?: number };

/**
 * Asks `probe` again and again until it gives something other than undefined.
 * A probe that throws counts as "not yet"; its last error is told when the deadline passes.
 * @throws Error naming `what` after `deadlineMs`.
 */
export async function waitFor<T>(what: string, probe: () => Promise<T | undefined>, options: WaitOptions): Promise<T> {
  const deadline = performance.now() + options.deadlineMs;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await probe();
      if (answer !== undefined) return answer;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`Waited ${options.deadlineMs} ms in vain for ${what}.`, { cause: lastError });
    }
    await pause(options.intervalMs ?? 20);
  }
}
