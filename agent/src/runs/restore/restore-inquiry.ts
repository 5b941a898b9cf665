/**
 * A restore that the end of the agent cut in its last step: whether that was carried out only its database server knows. While that does not
 * answer, the run stays open and the server is asked again, so that the one end it is given is what it came to.
 */
import type { Executor } from '../executor.ts';
import { type HalfRestored, type JournaledRestore, journaledRestoreSchema } from '../journaled-run.ts';
import type { Recorder } from '../log/recorder.ts';
import { writeIfPossible } from '../possible-write.ts';
import type { Workbench } from '../workbench.ts';
import { FIRST_MS, LAST_MS, OWED_FOR_MS, settleOwedRestores } from './restore-owed.ts';
import { endCutRestore } from './restore-recovery.ts';

/** Whether the answer of the server decides how the run ends. Pure. */
export function dependsOnServer(half: HalfRestored | undefined): boolean {
  return half?.swap !== undefined || half?.change?.isDone === true || half?.change?.mark !== undefined;
}

export interface CutRestore {
  workbench: Workbench;
  executor: Pick<Executor, 'awaitCancel'>;
  recorder: Recorder;
  body: JournaledRestore;
  /** Epoch milliseconds. */
  openedAt: number;
}

/** How long the restore has gone on, until now at the latest. */
const measure = ({ workbench, openedAt }: CutRestore) => Math.max(0, workbench.clock.now() - openedAt);

/** As the journal has it: its secrets may have been taken out meanwhile. */
function readBody({ workbench, recorder, body }: CutRestore): JournaledRestore {
  const parsed = journaledRestoreSchema.safeParse(workbench.journal.runs.find(recorder.run)?.body);
  return parsed.success ? parsed.data : body;
}

/** Waits for the next question, or for somebody who cancels the run. */
function waitOn(cut: CutRestore, since: number, afterMs: number): void {
  const { workbench, executor, recorder } = cut;
  const goOn = async (next: () => Promise<boolean>) => {
    stopTimer();
    stopListening();
    try {
      if (!(await next())) return;
      workbench.secrets.release(recorder.run);
      // One that was given up may still have something to drop.
      await settleOwedRestores(workbench);
    } catch (err) {
      // The journal is closed when the agent ends; the next one goes on.
      workbench.log.warn({ run: recorder.run, err }, 'what became of a restore could not be asked');
    }
  };
  const stopTimer = workbench.setTimer(afterMs, () => void goOn(() => inquire(cut, since, Math.min(LAST_MS, 2 * afterMs))));
  const stopListening = executor.awaitCancel(
    recorder.run,
    () => void goOn(() => endCutRestore(workbench, recorder, readBody(cut), measure(cut), false)),
  );
}

/** Asks once more, and whether the run has ended; when it has not, it is asked again later, also in the next life of the agent. */
async function inquire(cut: CutRestore, since: number, afterMs: number): Promise<boolean> {
  const { workbench, recorder } = cut;
  const { journal, log } = workbench;
  const now = workbench.clock.now();
  const given = readBody(cut);
  const mayWait = dependsOnServer(given.half) && now - since < OWED_FOR_MS;
  if (await endCutRestore(workbench, recorder, given, measure(cut), mayWait)) return true;
  if (given.askedSince === undefined && afterMs === FIRST_MS) {
    const until = new Date(since + OWED_FOR_MS).toISOString();
    recorder.log(
      'warn',
      `The agent ended in the last step. Only the database server knows whether that was carried out, and it does not answer: it is asked again until ${until}, or until this run is cancelled`,
    );
  }
  writeIfPossible(log, 'that the server is asked again is not journaled', () => {
    recorder.settle();
    journal.runs.revise(recorder.run, { ...readBody(cut), askedSince: since, retryAt: now + afterMs });
  });
  waitOn(cut, since, afterMs);
  return false;
}

/** Ends a restore that was cut off, now or as soon as it is known what it came to. Resolves after the first question. */
export async function settleCutRestore(cut: CutRestore): Promise<void> {
  await inquire(cut, cut.body.askedSince ?? cut.workbench.clock.now(), FIRST_MS);
}
