/**
 * A source adapter: one file that knows one kind of source. It is pure: config in, commands out, tool output in,
 * facts out. The contract suite in `contract.ts` holds for every adapter in `all.ts`.
 *
 * Life of a backup: `planProbe` → run it → `parseProbe` → `planBackup` gives the artifacts in the order in which they are
 * stored, each its own snapshot; the artifact with role `data` is the one a person restores, the others lie beside it.
 *
 * Life of a restore: `planInspectTarget` → run → `parseInspectTarget` (refuse when it exists and is not empty) → `planCreateTarget` →
 * the consumer of `planRestore` reads the artifact on standard input → `judgeRestore` reads its exit code and stderr →
 * on failure `planDropTarget` removes what was created. Modes that change what exists pour in one transaction, or build a database
 * beside the target and let it take the place in one step.
 */
import type { DatabaseDefaults } from '../domain/contents.ts';
import type { Reason } from '../domain/reason.ts';
import type { ChosenTable, RestoreMode } from '../domain/restore.ts';
import type { Command, ToolName } from './command.ts';
import type { DatabaseDrill } from './drill.ts';
import type { Config, Field } from './field.ts';
import type { DatabaseFilling } from './filling.ts';
import type { ToolOutcome, Verdict } from './outcome.ts';
import type { PlanInput } from './plan-input.ts';
import type { DatabaseProperties } from './properties.ts';
import type { DatabaseRecording } from './record.ts';
import type { DatabaseRoles } from './roles.ts';
import type { DatabaseScript } from './script.ts';
import type { TakePlan } from './take.ts';
import type { TransactionWitness } from './witness.ts';

/** What a look at the live source tells before anything is read. */
export interface Probe {
  /** The server's own version, such as `15.18` or `10.11.14-MariaDB`; empty for files. */
  serverVersion: string;
  /** A guess at the bytes the dump will have, for progress; undefined when unknown. */
  estimatedBytes?: number | undefined;
  /** Facts the planner needs later (adapter-private), such as `superuser: yes`. */
  facts: Readonly<Record<string, string>>;
  /** Sentences a person should read, such as tables that `--single-transaction` cannot cover. */
  warnings: readonly string[];
}

export interface StreamArtifact {
  kind: 'stream';
  /** `data` is what is restored; `globals` lies beside it (roles). */
  role: 'data' | 'globals';
  producer: Command;
  /** Name of the file inside the snapshot, without a directory; opaque, made of `[A-Za-z0-9._-]` only. */
  fileName: string;
  /** The first bytes every good artifact has, as one of several byte strings (hex). */
  magicHex: readonly string[];
  /** Smaller than this is never a good backup. */
  floorBytes: number;
}

export interface TreeArtifact {
  kind: 'tree';
  role: 'data';
  /** Absolute paths. */
  paths: readonly string[];
  /** Patterns as restic's `--exclude-file` reads them. */
  excludes: readonly string[];
  oneFileSystem: boolean;
  /** Where what is mounted may be away. */
  removable: readonly string[];
  /** Files below the paths that every drill has to find again, as they were. */
  canaries: readonly string[];
  floorBytes: number;
}

export type Artifact = StreamArtifact | TreeArtifact;

export interface Discovered {
  /** The database's name as the server knows it; hostile text. */
  name: string;
  sizeBytes?: number | undefined;
}

export interface TargetState {
  exists: boolean;
  /** True when it exists and holds nothing a person could miss. */
  empty: boolean;
  serverVersion: string;
  tables: number;
  sizeBytes: number;
  /** Sessions of others in it now. */
  sessions: number;
  /** Where the server keeps its files, by its own account, as far as the user may know. */
  filesAt?: string | undefined;
  /** Things that a swap cannot move with the tables; undefined where it moves everything. */
  fixed?: number | undefined;
  /** The restoring user may do everything; undefined where the engine does not ask. */
  superuser?: boolean | undefined;
  /**
   * What tells it from another database that has its name earlier or later: the server's own number of it, or what restores that made it have set
   * in it. No content is counted among them.
   */
  marks: readonly string[];
  /** False: the server shows the user only what it may use, so that a database which is not seen may be there all the same. */
  seesAll: boolean;
}

export type { PlanInput, ToolOutcome, Verdict };

export interface SourceAdapter {
  kind: string;
  label: string;
  /** One sentence for the picker. */
  summary: string;
  fields: readonly Field[];
  /** Tools without which nothing of this kind works on a host. */
  tools: readonly ToolName[];
  /** Another family of tools that does the same, where a host has all of it and not all of `tools`. */
  otherTools?: readonly ToolName[];
  /** A short description for lists, without secrets, such as `app on 127.0.0.1:5432`. */
  describe(config: Config): string;
  /** Undefined where there is nothing to ask (files: the engine looks itself). */
  planProbe(input: PlanInput): Command | undefined;
  parseProbe(outcome: ToolOutcome): Probe;
  planBackup(input: PlanInput, probe: Probe): readonly Artifact[];
  /** Exit code and stderr of a failed producer (or probe) to a reason. */
  classifyFailure(outcome: ToolOutcome): { reason: Reason; message: string };
  /** Databases only: what a server connection offers. */
  discovery?: {
    /** The field that discovery finds values for; `plan` works without it, `configFor` sets it. */
    fills: string;
    plan(input: PlanInput): Command;
    parse(stdout: string): readonly Discovered[];
    /** The config of a source for one discovered thing. */
    configFor(config: Config, discovered: Discovered): Config;
  };
  /**
   * Streams only: how a person gets an artifact back with the tools alone. Lines for a POSIX shell; the last one reads the
   * artifact on standard input, those before it prepare. The new database is called `new_database`. Fixed text for a
   * known file name, empty for an unknown one: nothing of a config or a secret is in it.
   */
  byHand?(fileName: string): readonly string[];
  /** Databases only: restore into a new database of the same server connection fields. Undefined for trees. */
  restore?: DatabaseRestore;
  /** Databases only: how a dump is tried out in a throw-away server. Undefined: such a dump cannot be tried out. */
  drill?: DatabaseDrill;
  /** Databases only: how what they hold is recorded beside the dump. Undefined: nothing is. */
  recording?: DatabaseRecording;
}

export interface RestoreInput extends PlanInput {
  /** Hostile text: quoted by the adapter wherever it enters SQL. */
  targetDatabase: string;
}

/** How the dump is poured into the target. */
export interface PourInput extends RestoreInput {
  /** `new` where left out; the modes that build beside the target pour into a database of their own, as `new`. */
  mode?: 'new' | 'clean' | 'append' | 'schema_only' | 'data_only' | undefined;
  /** Owners and grants too; true where left out. */
  owners?: boolean | undefined;
  /** What the look at the target said of the restoring user. */
  superuser?: boolean | undefined;
  /** With `new` and `schema_only`: all of it comes or none, because the target was there before, empty. Only where the engine `fillsInOne`. */
  inOne?: boolean | undefined;
  /** With `new`: the mark of the list that the target bears, which was there before, empty; the session that fills it is known by it. */
  filling?: string | undefined;
}

export interface SwapInput extends RestoreInput {
  /** The database that holds the new content, made by this restore. */
  scratch: string;
  /** The name under which the old content waits to be dropped. */
  aside: string;
  /** Other sessions in the target are ended; otherwise any of them makes the swap fail. */
  endSessions: boolean;
}

export interface CopyTablesInput extends RestoreInput {
  scratch: string;
  tables: readonly ChosenTable[];
  owners?: boolean | undefined;
}

export interface TakeInput extends RestoreInput {
  mode: RestoreMode;
  /** The database that holds the new content, made by this restore. */
  scratch: string;
  /** Where tables that give way wait to be dropped. */
  aside: string;
  /** A private database for what cannot be moved with the tables. */
  code: string;
  /** Whether the backup has anything of that kind. */
  hasCode: boolean;
  tables: readonly ChosenTable[];
}

export interface DatabaseRestore {
  /** The fields by which one user of the server differs from another. */
  login: { user: string; password: string };
  /** What can be done to a target of this engine. */
  modes: readonly RestoreMode[];
  /** What stands in the first `bytes` of the data artifact. */
  head: {
    bytes: number;
    /** `head` has one character for each byte. Undefined: this is no artifact of this engine. */
    read(head: string): { serverVersion: string } | undefined;
    /** Whether a server of one version may not understand what was dumped from the other. */
    isOlder(serverVersion: string, dumpedFrom: string): boolean;
  };
  /** Reads the whole data artifact on standard input, checks its form and changes nothing. Undefined: its last bytes prove that it is whole. */
  planProof?(input: PlanInput): Command;
  judgeProof?(outcome: ToolOutcome): Verdict;
  /** Whether a whole artifact ends like this; where there is no `planProof`. */
  isWholeEnd?(lastBytes: string): boolean;
  planInspectTarget(input: RestoreInput): Command;
  parseInspectTarget(stdout: string): TargetState;
  /**
   * With `mark`, where the server has no number of its own for a database, the new one bears that until `planUnmark`. With `defaults`, where the
   * server knows them, it has those that were recorded at the backup.
   */
  planCreateTarget(input: RestoreInput & { mark?: string | undefined; defaults?: DatabaseDefaults | undefined }): Command;
  planUnmark?(input: RestoreInput & { mark: string }): Command;
  /** Reads the data artifact on standard input. */
  planRestore(input: PourInput): Command;
  /** Fills an empty database in one transaction where that is asked for. */
  fillsInOne?: boolean | undefined;
  /** Fills an empty database that is there bit by bit, and empties it again of what came. Undefined: it does not have to. */
  filling?: DatabaseFilling | undefined;
  judgeRestore(outcome: ToolOutcome): Verdict;
  /** A program of GNU sed, for bytes, that the data artifact passes on its way into a database of any name. Undefined: it goes as it is. */
  renaming?: string | undefined;
  /**
   * With `renaming`: a regular expression of GNU sed that the last line of a whole artifact fits. It is looked at as the artifact passes, so
   * that one which was cut between two statements is noticed also where nothing is read first.
   */
  wholeLastLine?: string | undefined;
  /** Reads the data artifact from a file that it can seek in, with so many connections. Undefined: artifacts of this engine only stream. */
  planRestoreFile?(input: PourInput, file: { path: string; jobs: number }): Command;
  /** How scripts of this engine's tools are restored that lie in a file of the host. Undefined: such files are not. */
  script?: DatabaseScript;
  /** What belongs to the database itself, for one that a restore makes. Undefined: nothing does, or the artifact says nothing of it. */
  properties?: DatabaseProperties | undefined;
  /** How the roles that were stored beside the data are made on another server. Undefined: nothing is stored beside it. */
  roles?: DatabaseRoles;
  /** Ends all other sessions in the target, which has to be there. Undefined: nobody ends any; they only make the swap wait. */
  planEndSessions?(input: RestoreInput): Command;
  /** Sessions are in nobody's way and only make the last step wait, so that none are a reason to refuse; they are ended where that is wished. */
  sessionsOnlyWait?: boolean | undefined;
  /**
   * Modes that build beside the target. `planSwap` puts the scratch database in the place of the target in one step: afterwards the old
   * content is at `aside`, or nothing has changed. Cutting it anywhere leaves one or the other.
   */
  planSwap?(input: SwapInput): Command;
  /** Whether the swap has happened, by what the two private databases look like. */
  wasSwapped?(scratch: TargetState, aside: TargetState): boolean;
  /**
   * Engines without transactions over definitions: what changes a target that is there builds a scratch database first and takes the content
   * from there; `new` does where the target is there, empty.
   * Takes the place of `planSwap` and `planCopyTables`; `wasSwapped` tells whether the move was carried out.
   */
  planTake?(input: TakeInput): TakePlan;
  /** Tells whether the one transaction by which a mode changes what exists was carried out. Undefined: nobody can tell once its tool is gone. */
  witness?: TransactionWitness;
  /** Makes the schemas of the chosen tables where the target lacks them. */
  planSchemas?(input: CopyTablesInput): Command;
  /** Producer and consumer that bring chosen tables from the scratch database into the target, all or nothing; `judgeRestore` reads the consumer. */
  planCopyTables?(input: CopyTablesInput): { producer: Command; consumer: Command };
  /** Counts what is there afterwards; its output is shown as evidence. */
  planVerify(input: RestoreInput): Command;
  parseVerify(stdout: string): { tables: number; seen: string };
  planDropTarget(input: RestoreInput): Command;
  /** What a person types to drop a database that is there, as one statement. */
  sayDrop(database: string): string;
}
