import * as z from 'zod';
import type { Api } from './api-client.ts';
import { pollUntil } from './waiting.ts';

const TERMINAL: ReadonlySet<string> = new Set(['succeeded', 'partial', 'failed', 'cancelled', 'skipped']);

const failureSchema = z.object({ message: z.string() }).optional();
const runDetail = z.object({
  id: z.string(),
  state: z.string(),
  bytes: z.number(),
  failure: failureSchema,
  evidence: z.array(z.object({ check: z.string(), ok: z.boolean() })),
  parts: z.array(z.object({ source: z.string(), state: z.string(), failure: failureSchema })),
  snapshots: z.array(z.object({ id: z.string(), source: z.string(), role: z.string(), state: z.string() })),
});
export type RunDetail = z.infer<typeof runDetail>;

/** Backups and restores of the small sample take seconds; a busy machine may need a multiple. */
const RUN_DEADLINE_MS = 180_000;

const runList = z.array(z.object({ state: z.string() }));

/** Waits until none of a plan's newest runs goes on: one that is ordered beside another would stand aside for it. */
export async function awaitIdle(api: Api, plan: { id: string; name: string }, signal: AbortSignal): Promise<void> {
  const isIdle = async () =>
    (await api.get(`/runs?plan=${plan.id}&limit=5`, runList)).every(({ state }) => TERMINAL.has(state)) || undefined;
  await pollUntil(`the runs of plan "${plan.name}"`, isIdle, { deadlineMs: RUN_DEADLINE_MS, signal, intervalMs: 150 });
}

/** Waits until a run has ended, however it did. */
export async function awaitEnd(api: Api, id: string, what: string, signal: AbortSignal): Promise<RunDetail> {
  return pollUntil(
    `${what} (${id})`,
    async () => {
      const detail = await api.get(`/runs/${id}`, runDetail);
      return TERMINAL.has(detail.state) ? detail : undefined;
    },
    { deadlineMs: RUN_DEADLINE_MS, signal, intervalMs: 150 },
  );
}

/** Waits until a run has ended. Throws unless it succeeded, with what the run itself says was wrong. */
export async function awaitSuccess(api: Api, id: string, what: string, signal: AbortSignal): Promise<RunDetail> {
  const run = await awaitEnd(api, id, what, signal);
  if (run.state !== 'succeeded') {
    const reasons = [run.failure, ...run.parts.map((part) => part.failure)].flatMap((failure) => failure?.message ?? []);
    throw new Error(`${what} (${id}) ended ${run.state}: ${[...new Set(reasons)].join('; ') || 'no reason given'}`);
  }
  return run;
}
