/** Short questions and orders to the database server of a restore. */
import type { Command } from '@holdfast/shared/adapters/command.ts';
import type { DatabaseRestore, TargetState } from '@holdfast/shared/adapters/source.ts';
import type { Contents } from '@holdfast/shared/domain/contents.ts';
import { createReasonError, type Reason } from '@holdfast/shared/domain/reason.ts';
import type { ChosenTable, RestoreMode, RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
import type { AppError } from '@holdfast/shared/errors.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import type { StoredGlobals } from '@holdfast/shared/protocol/restore-roles.ts';
import type { ToolResult } from '../../../exec/contract.ts';
import type { PreparedSource } from '../../inputs.ts';
import type { HalfRestored } from '../../journaled-run.ts';
import type { Recorder } from '../../log/recorder.ts';
import { getBinary } from '../../workbench.ts';
import type { RunningRestore } from '../restore-part.ts';
import type { DumpOrigin, StoredDump } from './dump-origin.ts';
import type { HostDump } from './host-dump.ts';

/** Making and dropping databases takes as long as their files are many. */
export const MAKING_MS = 15 * PROCESS.toolTimeoutMs;

export interface DatabaseRestorePart extends RunningRestore {
  remember(half: HalfRestored | undefined): void;
  connection: PreparedSource;
  restore: DatabaseRestore;
  /** The dump, wherever it lies; and what is more to know of it there: in a snapshot, or as a file of this host. */
  origin: DumpOrigin;
  stored?: StoredDump | undefined;
  file?: HostDump | undefined;
  /** The target. */
  database: string;
  mode: RestoreMode;
  tables: readonly ChosenTable[];
  options: RestoreOptions;
  /** A person started it at the host: no journal remembers what a failure leaves behind, and no agent clears it away. */
  isByHand?: boolean | undefined;
  /** Backs up what stands at the target, and says so. Undefined: there is nobody who could keep it. */
  backUpTarget?: (() => Promise<Evidence>) | undefined;
  /** The snapshot of the roles that were stored beside the data. */
  globals?: StoredGlobals | undefined;
  /** What the database held as it was backed up; undefined where nobody knows. */
  recorded?: Contents | undefined;
  /** The dump on this host's disk; undefined: it streams. */
  spool?: { descriptor: number; sizeBytes: number } | undefined;
}

export async function ask(
  part: Pick<DatabaseRestorePart, 'tooling' | 'exec' | 'workDir'>,
  command: Command,
  { signal, timeoutMs = PROCESS.toolTimeoutMs, stdin }: { signal?: AbortSignal; timeoutMs?: number; stdin?: number } = {},
): Promise<ToolResult> {
  const stage = { command, binary: getBinary(part.tooling, command.tool), stdin };
  return part.exec.runTool({ stage, workDir: part.workDir, timeoutMs, signal });
}

/** What the server or its tool said, as the failure of a restore. */
export function createServerError(
  { connection }: Pick<DatabaseRestorePart, 'connection'>,
  { reason, message }: { reason: Reason; message: string },
): AppError {
  // What a backup user may read is another question than what a restore does; who was given for it is no setting of the source.
  if (reason === 'database_permission') return createReasonError('restore_permission', message);
  const isGiven = reason === 'database_authentication' && connection.isGiven === true;
  return createReasonError(isGiven ? 'credential_refused' : reason, message);
}

/** Throws what the tool said, in the words of a reason. */
export function assertAnswered(part: Pick<DatabaseRestorePart, 'connection'>, result: ToolResult): void {
  if (result.ending === 'cancelled') throw createReasonError('cancelled', 'Cancelled before anything was changed');
  if (result.exitCode === 0) return;
  throw createServerError(part, part.connection.adapter.classifyFailure(result));
}

export interface InspectPart extends Pick<DatabaseRestorePart, 'tooling' | 'exec' | 'workDir' | 'connection' | 'restore'> {
  /** Another user made what is looked for, and this one may be shown less. */
  isOthers?: boolean | undefined;
}

/** What it takes to count what a restore brought. */
export interface CountPart extends InspectPart, Pick<DatabaseRestorePart, 'recorder' | 'recorded'> {
  origin: Pick<DumpOrigin, 'endWords'>;
}

/** The same command, whose connection the server knows by the restore, where it can be asked for it. */
export const nameForWitness = (
  { restore, recorder }: Pick<DatabaseRestorePart, 'restore'> & { recorder: Pick<Recorder, 'run'> },
  command: Command,
): Command => restore.witness?.name(command, recorder.run) ?? command;

/** Looks at one database of the server. Throws what the server says, and `restore_permission` for what `isOthers` keeps from being known. */
export async function inspect(part: InspectPart, database: string, signal?: AbortSignal): Promise<TargetState> {
  const input = { ...part.connection.input, targetDatabase: database };
  const looked = await ask(part, part.restore.planInspectTarget(input), signal ? { signal } : {});
  assertAnswered(part, looked);
  const seen = part.restore.parseInspectTarget(looked.stdout);
  if (part.isOthers && !seen.seesAll)
    throw createReasonError('restore_permission', `The user is not shown what there is of a database ${database}`);
  return seen;
}

/** What becomes of what could not be cleaned up; see `restore-owed.ts`. */
export const TRIED_AGAIN = 'it is tried again, less and less often, for three days';

/** What becomes of a database of ours that could not be removed, as the end of a sentence. */
export const describeLeftover = ({ isByHand }: Pick<DatabaseRestorePart, 'isByHand'>): string =>
  isByHand ? 'drop it by hand' : TRIED_AGAIN;

/** Reasons of a server that is there, and does not do what it is asked for. */
const REFUSALS: ReadonlySet<Reason> = new Set(['database_permission', 'database_authentication']);

/** Whether a server has answered that it will not, rather than not at all. */
export function isRefusal({ connection }: Pick<DatabaseRestorePart, 'connection'>, result: ToolResult): boolean {
  const { reason } = connection.adapter.classifyFailure(result);
  return REFUSALS.has(reason) || (reason === 'unknown_failure' && /\bERROR\b/.test(result.stderr));
}

/** Drops a database that this restore made; tells how that went, and throws nothing. `isRefused`: the server is there, and said no. */
export async function dropMade(part: InspectPart, database: string): Promise<{ ok: boolean; isRefused: boolean; words: string }> {
  const input = { ...part.connection.input, targetDatabase: database };
  const result = await ask(part, part.restore.planDropTarget(input), { timeoutMs: MAKING_MS });
  const ok = result.exitCode === 0;
  return { ok, isRefused: !ok && isRefusal(part, result), words: result.stderr.trim() };
}
