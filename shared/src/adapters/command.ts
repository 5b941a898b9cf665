/**
 * A command as data. Adapters plan commands, only the agent's `exec` room starts them, without a shell.
 * Secrets travel in `files` (0600, in the run's private tmpfs directory) or `env`; never in `args`.
 */

/** Every program the agent may start; nothing outside this list is ever executed. */
export const TOOLS = [
  'restic',
  'pg_dump',
  'pg_dumpall',
  'pg_restore',
  'psql',
  'mariadb-dump',
  'mariadb',
  'mysqldump',
  'mysql',
  'ssh',
] as const;
export type ToolName = (typeof TOOLS)[number];

/** A file that exists only while the command runs. `path` lies inside the work directory given to the planner. */
export interface CommandFile {
  path: string;
  content: string;
}

export interface Command {
  tool: ToolName;
  args: readonly string[];
  /** The whole environment on top of the agent's allow-list (PATH, HOME, LANG=C.UTF-8, TMPDIR); nothing else leaks in. */
  env: Readonly<Record<string, string>>;
  files: readonly CommandFile[];
}

/**
 * What an installed tool was found to be. `path` is absolute; `version` is what it says itself, such as `15.18`.
 * PostgreSQL's clients may be installed in several major versions: one entry each, newest first.
 */
export interface FoundTool {
  tool: ToolName;
  path: string;
  version: string;
}
