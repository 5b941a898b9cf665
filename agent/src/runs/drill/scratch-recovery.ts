/** After a crash, or a server that did not answer: databases of drills that must not stay on servers of others are dropped. */
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { prepareSourceDraft, withWorkDir } from '../inputs.ts';
import { type JournaledDrill, journaledDrillSchema } from '../journaled-run.ts';
import { dropMade } from '../restore/database/restore-ask.ts';
import type { Workbench } from '../workbench.ts';

/** Between two looks at a server that did not answer; doubled from one to the next. */
const FIRST_MS = MINUTE_MS;
const LAST_MS = 15 * MINUTE_MS;

/** The reference under which the secrets of an ordered server are sealed. */
export const toServerRef = (run: string): string => `${run}.sources`;

/** Drops the database of one drill; false when that is still to be done. Throws nothing. */
export async function settleScratch(workbench: Workbench, { order, scratch }: JournaledDrill): Promise<boolean> {
  const { server, run } = order;
  if (scratch === undefined || server === undefined) return true;
  try {
    return await withWorkDir(workbench, async (workDir) => {
      const connection = prepareSourceDraft(workbench, server, toServerRef(run), workDir);
      const { restore } = connection.adapter;
      if (!restore) return true;
      const { ok, words } = await dropMade({ tooling: workbench, exec: workbench.exec, workDir, connection, restore }, scratch);
      if (!ok) throw new Error(words);
      workbench.log.info({ run, database: scratch }, 'dropped what an interrupted drill had restored');
      return true;
    });
  } catch (thrown) {
    workbench.log.warn({ run, database: scratch }, `the database of a drill is not dropped yet: ${toAppError(thrown).message}`);
    return false;
  }
}

/** Tries what ended drills still owe, now and again after `pauseMs`, less and less often, until nothing is left. */
export async function settleOwedScratches(workbench: Workbench, pauseMs = FIRST_MS): Promise<void> {
  const { runs } = workbench.journal;
  let left = 0;
  for (const { body } of runs.listClosedWith('drill', 'scratch')) {
    const parsed = journaledDrillSchema.safeParse(body);
    if (!parsed.success) continue;
    if (!(await settleScratch(workbench, parsed.data))) {
      left += 1;
      continue;
    }
    runs.changeClosed('drill', (kept) => {
      const known = journaledDrillSchema.safeParse(kept);
      if (!known.success || known.data.order.run !== parsed.data.order.run) return kept;
      const { scratch: _dropped, ...rest } = known.data;
      return rest;
    });
  }
  if (left > 0) workbench.setTimer(pauseMs, () => void settleOwedScratches(workbench, Math.min(LAST_MS, 2 * pauseMs)));
}
