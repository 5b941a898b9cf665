/**
 * How the databases of one kind are restored into a throw-away server of the host's own: pure planning, like the rest of an adapter.
 *
 * Life of a drill: `planReading` with the head of the dump → `planCreation` → `planServer` runs until the end → `planDatabase` → the
 * consumer of `planRestore` reads the dump on standard input → `judgeRestore` → `planTables` and `parseTables`, `planStructure`,
 * `planScan` → one `planAssertion` for each question of the operator. Every program runs as a user without rights; the server listens on a
 * socket in a private directory and nowhere else.
 */
import type { FoundTable } from '../domain/contents.ts';
import type { Command, CommandFile } from './command.ts';
import type { ToolOutcome, Verdict } from './outcome.ts';
import type { PlanInput } from './plan-input.ts';

/** Every program a drill may start, beside the engine's. */
export type DrillProgram =
  | 'initdb'
  | 'postgres'
  | 'psql'
  | 'pg_restore'
  | 'pg_dump'
  | 'pg_amcheck'
  | 'mariadb-install-db'
  | 'mariadbd'
  | 'mariadb'
  | 'mariadb-check'
  | 'mysqld'
  | 'mysql'
  | 'mysqlcheck';

/** A planned call; `files` exist only while it runs. */
export interface DrillCall {
  program: DrillProgram;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  files: readonly CommandFile[];
}

/** Where a throw-away server lives. Absolute paths without blanks, of the agent's own making. */
export interface DrillPlace {
  /** Its private directory: data, socket, scratch files. */
  serverDir: string;
  /** Where `files` of calls may be put. */
  fileDir: string;
}

/** What the head of a dump says. */
export interface DumpFacts {
  /** Version of the server it was made of, such as `15.18`. */
  serverVersion: string;
  /** How the database was created, for `planDatabase`; an adapter's own text. */
  creation: string;
  structure: DrillStructure;
}

/** What a database is made of, without what is in it. */
export interface DrillStructure {
  /** Declarations of its tables, sorted. */
  tables: readonly string[];
  /** All statements that make it, in an order that depends on nothing, without settings and comments. */
  statements: readonly string[];
  /** Major version of the program that wrote it: those of different ones cannot be compared word by word. */
  writtenBy: string;
}

export interface DatabaseDrill {
  /** All must be in one folder, or on the path where a kind has no folders of its own. */
  programs: readonly DrillProgram[];
  /** Has folders of versions, of which the oldest that is not older than the dump's server is taken. */
  isVersioned: boolean;
  /** What to install when they are missing. */
  advice: string;
  /** Kinds whose dump begins with all it holds. */
  reading?: { planReading(): DrillCall; parseReading(outcome: ToolOutcome): DumpFacts } | undefined;
  planCreation(place: DrillPlace): DrillCall;
  planServer(place: DrillPlace): DrillCall;
  /** Ends the server sooner than SIGINT does; what it holds need not be kept. */
  planShutdown?: ((place: DrillPlace) => DrillCall) | undefined;
  /** A line of the server's standard error that says that it answers. */
  isReady(line: string): boolean;
  /** Creations in order: the first that succeeds counts. */
  planDatabase(place: DrillPlace, creation: string): readonly DrillCall[];
  planRestore(place: DrillPlace): DrillCall;
  /** What a dump passes on its way, as in `DatabaseRestore`. */
  renaming?: string | undefined;
  judgeRestore(outcome: ToolOutcome): Verdict;
  /** Its input knows its own end: it may end before the engine has. */
  knowsTheEnd: boolean;
  /** Counts the rows of every table, exactly. */
  planTables(place: DrillPlace): DrillCall;
  parseTables(stdout: string): readonly { table: string; rows: number }[];
  /** Tables and views with their shapes, as `DatabaseRecording` of the same engine has them. */
  planShapes(place: DrillPlace): DrillCall;
  parseShapes(stdout: string): readonly FoundTable[];
  /** The structure again, as it was restored; set where `reading` is. */
  structure?: { planStructure(place: DrillPlace): DrillCall; parseStructure(stdout: string): DrillStructure } | undefined;
  /** Reads tables and indexes for damage; its program may be missing. */
  planScan(place: DrillPlace): DrillCall;
  judgeScan(outcome: ToolOutcome): Verdict;
  /** Lets the reader of assertions see the database; it may write nothing, read no file and start no program. */
  planReader(place: DrillPlace): DrillCall;
  planAssertion(place: DrillPlace, sql: string): DrillCall;
  /** The same question through a connection to a server that is not the drill's own; `input` names the database. */
  planQuestion(input: PlanInput, sql: string): Command;
  /** The value, undefined for NULL. Throws nothing: a question that fails says why. */
  parseAssertion(outcome: ToolOutcome): { value: string | undefined } | { problem: string };
}
