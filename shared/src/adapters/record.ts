/**
 * What a database holds is recorded beside its dump: pure planning, like the rest of an adapter. Nothing of it can make a backup fail.
 *
 * Where the engine can, both read the same state: `planHold` keeps one until it is interrupted, `tie` makes the dump read it, and a look
 * reads it too. Elsewhere one look begins before the dump and another one follows it: `settle` believes what both agree on.
 */
import type { DatabaseDefaults, RecordedTable, RowCounts } from '../domain/contents.ts';
import type { Command } from './command.ts';
import type { PlanInput } from './plan-input.ts';

/** A table as one look saw it. */
export interface SeenTable extends RecordedTable {
  /** When it was last written to as far as the server knows, in seconds since the epoch. */
  touchedAt?: number | undefined;
}

export interface Look {
  /** When the look began by the server's clock, in seconds since the epoch; undefined where it does not matter. */
  begunAt?: number | undefined;
  defaults?: DatabaseDefaults | undefined;
  tables: readonly SeenTable[];
}

export interface DatabaseRecording {
  /** Each has its own private directory in `input`. */
  holding?: {
    /** Its first line of output names the state, for `readHold`. It ends when it is interrupted. */
    planHold(input: PlanInput): Command;
    /** Undefined: the line names none. */
    readHold(line: string): string | undefined;
    /** The dump, of that very state. */
    tie(producer: Command, hold: string): Command;
  };
  /** Whether a dump failed because of what is done beside it (no such state, no connection left): it is then made alone. */
  isToBlame(stderr: string): boolean;
  /** Lists tables and counts their rows. Its first line of output says that its own state is fixed. */
  planLook(input: PlanInput, wish: { rows: Exclude<RowCounts, 'none'>; hold?: string | undefined }): Command;
  /** Reads as much as there is: a look may be cut short. Throws where it makes no sense. */
  parseLook(stdout: string): Look;
  /** What is certain after two looks, the second one after the dump; set where nothing holds the state. */
  settle?: ((first: Look, second: Look | undefined) => Look) | undefined;
}
