/** Waits for runs to end, and turns how they ended into one exit code. */
import type { Clock } from '@holdfast/shared/clock.ts';
import { isTerminal, RUN_STATES, type RunState } from '@holdfast/shared/domain/run.ts';
import * as z from 'zod';
import type { Client } from './client.ts';
import { CliError, EXIT, type ExitCode } from './exit.ts';
import { note, showBytes, type Terminal } from './output.ts';

export const runSchema = z.looseObject({
  id: z.string(),
  state: z.enum(RUN_STATES),
  kind: z.string(),
  host: z.string(),
  bytes: z.number().default(0),
  failure: z.looseObject({ message: z.string() }).optional(),
});
export type RunRow = z.infer<typeof runSchema>;

const EXIT_OF: { readonly [S in RunState]?: ExitCode } = {
  succeeded: EXIT.done,
  partial: EXIT.partial,
  failed: EXIT.failed,
  cancelled: EXIT.notRun,
  skipped: EXIT.notRun,
};
/** Of several runs the worst counts: failed, then not run at all, then partial. */
const WORST: readonly ExitCode[] = [EXIT.failed, EXIT.notRun, EXIT.partial, EXIT.done];

const POLL_MS = 1_000;
const TAIL_LINES = 20;

export interface WaitParts {
  client: Client;
  terminal: Terminal;
  clock: Pick<Clock, 'monotonicMs'>;
  sleep(ms: number): Promise<void>;
}

export function judgeRuns(states: readonly RunState[]): ExitCode {
  const codes = states.map((state) => EXIT_OF[state] ?? EXIT.failed);
  return WORST.find((code) => codes.includes(code)) ?? EXIT.failed;
}

/**
 * Resolves when all of them have ended. A server that is away for a while is waited for as well: runs go on without it.
 * @throws CliError `timeout` when they have not ended in time; they are not cancelled.
 */
export async function waitForRuns(parts: WaitParts, ids: readonly string[], timeoutMs: number): Promise<readonly RunRow[]> {
  const { client, terminal, clock, sleep } = parts;
  const until = clock.monotonicMs() + timeoutMs;
  const newest = new Map<string, RunRow>();
  let isAway = false;
  for (;;) {
    const open = ids.filter((id) => !isTerminal(newest.get(id)?.state ?? 'queued'));
    for (const id of open) {
      const before = newest.get(id)?.state;
      const run = await client.get(runSchema, `/runs/${id}`).catch((error: unknown) => {
        if (!(error instanceof CliError) || error.exitCode !== EXIT.unreachable) throw error;
        if (!isAway) note(terminal, `${error.message}; still waiting`);
        isAway = true;
        return undefined;
      });
      if (run === undefined) break;
      isAway = false;
      newest.set(id, run);
      if (run.state !== before) note(terminal, describeRun(run));
    }
    const runs = ids.flatMap((id) => newest.get(id) ?? []);
    if (runs.length === ids.length && runs.every(({ state }) => isTerminal(state))) return runs;
    if (clock.monotonicMs() + POLL_MS > until)
      throw new CliError(EXIT.timeout, `not ended in time: ${open.join(', ')}; holdfast runs show tells of it`);
    await sleep(POLL_MS);
  }
}

function describeRun(run: RunRow): string {
  const size = run.bytes > 0 && isTerminal(run.state) ? `, ${showBytes(run.bytes)}` : '';
  return `${run.id} ${run.kind} ${run.state}${size}${run.failure === undefined ? '' : `: ${run.failure.message}`}`;
}

const logSchema = z.looseObject({ text: z.string(), lastLine: z.number() });
const countSchema = z.looseObject({ logLines: z.number() });

/** The end of the log of each run that did not succeed, for whoever reads the output of a job in the morning. */
export async function showLogTails(parts: WaitParts, runs: readonly RunRow[]): Promise<void> {
  for (const { id, state } of runs) {
    if (state === 'succeeded' || state === 'skipped') continue;
    const { logLines } = await parts.client.get(countSchema, `/runs/${id}`);
    const query = { format: 'txt', after: Math.max(0, logLines - TAIL_LINES), limit: TAIL_LINES };
    const { text } = await parts.client.get(logSchema, `/runs/${id}/log`, query);
    for (const line of text.split('\n').filter((one) => one !== '')) note(parts.terminal, `  ${line}`);
  }
}
