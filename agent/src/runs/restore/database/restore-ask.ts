/** Short questions and orders to the database server of a restore. */
import type { Command } from '@holdfast/shared/adapters/command.ts';
import type { DatabaseRestore, TargetState } from '@holdfast/shared/adapters/source.ts';
import type { Contents } from '@holdfast/shared/domain/contents.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import type { ChosenTable, RestoreMode, RestoreOptions } from '@holdfast/shared/domain/restore.ts';
import type { Evidence } from '@holdfast/shared/domain/run.ts';
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
  { signal, timeoutMs = PROCESS.toolTimeoutMs }: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<ToolResult> {
  const stage = { command, binary: getBinary(part.tooling, command.tool) };
  return part.exec.runTool({ stage, workDir: part.workDir, timeoutMs, signal });
}

/** Throws what the tool said, in the words of a reason. */
export function assertAnswered(part: Pick<DatabaseRestorePart, 'connection'>, result: ToolResult): void {
  if (result.ending === 'cancelled') throw createReasonError('cancelled', 'Cancelled before anything was changed');
  if (result.exitCode === 0) return;
  const failure = part.connection.adapter.classifyFailure(result);
  throw createReasonError(failure.reason, failure.message);
}

export type InspectPart = Pick<DatabaseRestorePart, 'tooling' | 'exec' | 'workDir' | 'connection' | 'restore'>;

/** What it takes to count what a restore brought. */
export interface CountPart extends InspectPart, Pick<DatabaseRestorePart, 'recorder' | 'recorded'> {
  origin: Pick<DumpOrigin, 'endWords'>;
}

/** The same command, whose connection the server knows by the restore, where it can be asked for it. */
export const nameForWitness = (
  { restore, recorder }: Pick<DatabaseRestorePart, 'restore'> & { recorder: Pick<Recorder, 'run'> },
  command: Command,
): Command => restore.witness?.name(command, recorder.run) ?? command;

/** Looks at one database of the server. */
export async function inspect(part: InspectPart, database: string, signal?: AbortSignal): Promise<TargetState> {
  const input = { ...part.connection.input, targetDatabase: database };
  const looked = await ask(part, part.restore.planInspectTarget(input), signal ? { signal } : {});
  assertAnswered(part, looked);
  return part.restore.parseInspectTarget(looked.stdout);
}

/** What becomes of a database of ours that could not be removed, as the end of a sentence. */
export const describeLeftover = ({ isByHand }: Pick<DatabaseRestorePart, 'isByHand'>): string =>
  isByHand ? 'drop it by hand' : 'it is tried again every minute';

/** Drops a database that this restore made; tells how that went and throws nothing. */
export async function dropMade(part: InspectPart, database: string): Promise<{ ok: boolean; words: string }> {
  const input = { ...part.connection.input, targetDatabase: database };
  const result = await ask(part, part.restore.planDropTarget(input), { timeoutMs: MAKING_MS });
  return { ok: result.exitCode === 0, words: result.stderr.trim() };
}
