/**
 * What exists is changed in one transaction. Its tool may be cut right after the server has carried that out: by a cancellation, a crash, a lost
 * connection. So the mark by which the server remembers the transaction is looked for while it goes on, and journaled; afterwards the server is
 * asked, and nobody guesses.
 */
import type { TransactionEnd, TransactionWitness } from '@holdfast/shared/adapters/witness.ts';
import { createReasonError, findReason } from '@holdfast/shared/domain/reason.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import { withWorkDir } from '../../inputs.ts';
import type { HalfRestored } from '../../journaled-run.ts';
import type { Recorder } from '../../log/recorder.ts';
import { writeIfPossible } from '../../possible-write.ts';
import { getBinary } from '../../workbench.ts';
import { ask, createServerError, type DatabaseRestorePart, type InspectPart, MAKING_MS } from './restore-ask.ts';

/** Said of what was cancelled, or failed, after the point from which nothing is taken back. */
export const TOO_LATE = 'The last step could not be taken back any more, so the new content is in place';

/** What it takes to change a target and to know of it. */
interface ChangePart extends InspectPart, Pick<DatabaseRestorePart, 'database' | 'remember'> {
  recorder: Pick<Recorder, 'run' | 'log'>;
}

interface Watch {
  /** Ends the look, and says what it has seen. */
  stop(): Promise<string | undefined>;
}

/** Resolves when the server is looked at, or cannot be: then the mark stays unknown, and that is all. */
async function startWatch(part: ChangePart, witness: TransactionWitness, onMark: (mark: string) => void): Promise<Watch> {
  const ending = new AbortController();
  let mark: string | undefined;
  const { promise: looks, resolve: tellLooks } = Promise.withResolvers<void>();
  const done = withWorkDir(part.tooling, async (workDir) => {
    const command = witness.planWatch({ ...part.connection.input, workDir }, part.recorder.run);
    const onStdoutLine = (line: string) => {
      const read = witness.readLine(line);
      if (read?.mark !== undefined) {
        mark = read.mark;
        onMark(read.mark);
      } else if (read) tellLooks();
    };
    const stage = { command, binary: getBinary(part.tooling, command.tool), onStdoutLine };
    await part.exec.runTool({ stage, workDir, signal: ending.signal, timeoutMs: MAKING_MS });
  })
    .catch((error: unknown) => part.recorder.log('info', `the transaction is not watched: ${toAppError(error).message}`))
    .finally(() => tellLooks());
  await looks;
  return {
    async stop() {
      ending.abort();
      await done;
      return mark;
    },
  };
}

/** What became of the transaction with this mark. Throws what the server says when it does not answer. */
export async function askForEnd(part: InspectPart, run: string, mark: string): Promise<TransactionEnd> {
  const { witness } = part.restore;
  if (!witness) return 'unknown';
  const answer = await ask(part, witness.planAsk(part.connection.input, run, mark), { timeoutMs: MAKING_MS });
  if (answer.exitCode === 0) return witness.parseAsk(answer.stdout);
  throw createServerError(part, part.connection.adapter.classifyFailure(answer));
}

/** Whether the work was carried out although it failed. Throws the failure where it was not, with a word where nobody can tell. */
async function demandCarriedOut(part: ChangePart, mark: string | undefined, thrown: unknown): Promise<void> {
  if (mark === undefined) throw thrown;
  const end = await askForEnd(part, part.recorder.run, mark).catch((): TransactionEnd => 'unknown');
  if (end === 'carried_out') return;
  if (end === 'taken_back') throw thrown;
  const { message } = toAppError(thrown);
  const words = `It is not known whether ${part.database} was changed, because the server does not say: look before you restore again`;
  throw createReasonError(findReason(toAppError(thrown)) ?? 'restore_failed', `${message}. ${words}`, thrown);
}

/**
 * Does the work that changes the target in one transaction, and returns its warnings. Work that fails after the server has carried the
 * transaction out has succeeded, and is said to have. `made`: private databases that must not stay.
 */
export async function changeInOne(
  part: ChangePart,
  made: readonly string[],
  work: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const { witness } = part.restore;
  const note = (change: NonNullable<HalfRestored['change']>) => part.remember({ made: [...made], change });
  note({});
  const noteIfPossible = (change: NonNullable<HalfRestored['change']>) =>
    writeIfPossible(part.tooling.log, 'after a crash it would not be known whether the target was changed', () => note(change));
  const watch = witness && (await startWatch(part, witness, (mark) => noteIfPossible({ mark })));
  let mark: string | undefined;
  const noteDone = () => noteIfPossible({ ...(mark === undefined ? {} : { mark }), isDone: true });
  try {
    const warnings = await work().finally(async () => {
      mark = await watch?.stop();
    });
    noteDone();
    return warnings;
  } catch (thrown) {
    await demandCarriedOut(part, mark, thrown);
    noteDone();
    part.recorder.log('warn', `${TOO_LATE}. ${toAppError(thrown).message}`);
    return [`${TOO_LATE}.`];
  }
}
