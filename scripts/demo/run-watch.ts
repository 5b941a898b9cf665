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

/** Waits until a run has ended. Throws unless it succeeded, with what the run itself says was wrong. */
export async function awaitSuccess(api: Api, id: string, what: string, signal: AbortSignal): Promise<RunDetail> {
  const run = await pollUntil(
    `${what} (${id})`,
    async () => {
      const detail = await api.get(`/runs/${id}`, runDetail);
      return TERMINAL.has(detail.state) ? detail : undefined;
    },
    { deadlineMs: RUN_DEADLINE_MS, signal, intervalMs: 150 },
  );
  if (run.state !== 'succeeded') {
    const reasons = [run.failure, ...run.parts.map((part) => part.failure)].flatMap((failure) => failure?.message ?? []);
    throw new Error(`${what} (${id}) ended ${run.state}: ${[...new Set(reasons)].join('; ') || 'no reason given'}`);
  }
  return run;
}
