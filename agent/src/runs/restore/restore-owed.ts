/**
 * What restores that have ended still owe: databases and roles that could not be dropped, because the server did not answer or refused. It is tried
 * again with a growing pause, and given up after some days: by then a person has to see to it.
 */
import { DAY_MS, MINUTE_MS } from '@holdfast/shared/durations.ts';
import { type JournaledRestore, journaledRestoreSchema } from '../journaled-run.ts';
import type { Workbench } from '../workbench.ts';
import { type HalfEnd, listMade, settleHalfRestored } from './restore-settle.ts';

/** From the first try on; the same time that a cut restore is asked for. */
export const OWED_FOR_MS = 3 * DAY_MS;
/** Between two tries; doubled from one to the next. */
export const FIRST_MS = MINUTE_MS;
export const LAST_MS = 15 * MINUTE_MS;

const OPEN: ReadonlySet<HalfEnd> = new Set<HalfEnd>(['unknown', 'refused', 'closed']);

function listOwed({ journal }: Workbench): JournaledRestore[] {
  return journal.runs.listClosedWith('restore', 'half').flatMap(({ body }) => {
    const parsed = journaledRestoreSchema.safeParse(body);
    return parsed.success ? [parsed.data] : [];
  });
}

/** Writes down what this run still owes; undefined: nothing, and what came with its order is forgotten. */
function setOwed(
  { journal, secrets }: Workbench,
  run: JournaledRestore['order']['run'],
  owed: Pick<JournaledRestore, 'half' | 'owedSince'> | undefined,
): void {
  journal.runs.changeClosed('restore', (body) => {
    const parsed = journaledRestoreSchema.safeParse(body);
    if (!parsed.success || parsed.data.order.run !== run) return body;
    const { half: _half, owedSince: _since, ...rest } = parsed.data;
    return { ...rest, ...owed };
  });
  if (owed === undefined) secrets.release(run);
}

const waiting = new WeakMap<Workbench, { pauseMs: number; stop(): void }>();

/** Has what ended restores still owe tried in a minute, and less and less often after that, until nothing is left or it is given up. */
export function settleOwedSoon(workbench: Workbench, pauseMs = FIRST_MS): void {
  const earlier = waiting.get(workbench);
  if (earlier && earlier.pauseMs <= pauseMs) return;
  earlier?.stop();
  const stop = workbench.setTimer(pauseMs, () => {
    waiting.delete(workbench);
    // The journal is closed when the agent ends; the next one goes on.
    settleOwedRestores(workbench, Math.min(LAST_MS, 2 * pauseMs)).catch((err: unknown) =>
      workbench.log.warn({ err }, 'what restores left behind could not be settled'),
    );
  });
  waiting.set(workbench, { pauseMs, stop });
}

/** Tries what ended restores still owe, now and again after `pauseMs` where something is left. */
export async function settleOwedRestores(workbench: Workbench, pauseMs = FIRST_MS): Promise<void> {
  const { log, clock } = workbench;
  let isLeft = false;
  for (const body of listOwed(workbench)) {
    const { run } = body.order;
    const since = body.owedSince ?? clock.now();
    const { end, words, left } = await settleHalfRestored(workbench, body);
    for (const text of words) log.warn({ run }, text);
    const half = OPEN.has(end) ? body.half : left;
    if (half === undefined) setOwed(workbench, run, undefined);
    else if (clock.now() - since >= OWED_FOR_MS) {
      log.error(
        { run, databases: listMade(half) },
        'what a restore left behind is not tried to be dropped any more: see to it by hand',
      );
      setOwed(workbench, run, undefined);
    } else {
      isLeft = true;
      setOwed(workbench, run, { half, owedSince: since });
    }
  }
  if (isLeft) settleOwedSoon(workbench, pauseMs);
}
