/** The options of `holdfast-agent restore`. */
import type { Command } from 'commander';

export function addRestoreOptions(command: Command): Command {
  return command
    .option('--list', 'list what can be restored')
    .option('--source <name>', 'the source, by name or id')
    .option('--snapshot <id>', 'a snapshot, or "latest"', 'latest')
    .option('--repository <name>', 'look into this repository alone; with --file: where the safety backup goes')
    .option(
      '--file <path>',
      'restore this dump or script in place of a snapshot, through the connection of --source; any file you may read, whatever HOLDFAST_DUMP_DIRS says',
    )
    .option('--to <directory>', 'files: into a new directory')
    .option('--to-file <path>', 'files: the one --path as a new file; a directory with --archive')
    .option('--archive <format>', 'with --to-file: "tar" or "zip" of a directory')
    .option('--in-place', 'files: each --path back where it was, over what stands there; needs --confirm')
    .option('--path <path...>', 'files: only these paths of the snapshot, each with what lies below it')
    .option('--to-database <name>', 'databases: under this new name, or over this database with --mode')
    .option('--through-source <name>', 'databases: through the connection of this source; its own unless given')
    .option('--mode <mode>', 'databases: new, replace, clean, append, schema_only, data_only or tables')
    .option('--table <table...>', 'with --mode tables: which, as name or schema.name')
    .option('--understood', 'databases: consent to change one that exists')
    .option('--confirm <name>', 'the name of the database that is changed, or with --in-place of this host, once more')
    .option('--end-sessions', 'databases: end the sessions of others where the mode needs it for itself')
    .option('--no-safety-backup', 'databases: do not back up what is overwritten')
    .option('--read-first', 'databases: read the whole backup before anything is made')
    .option('--accept-older-server', 'databases: into a server older than the one that was dumped')
    .option('--jobs <number>', 'bring the dump to this disk first and restore it through so many connections (PostgreSQL)')
    .option('--roles <which>', 'make missing roles first: "needed" by owners and grants, or "all" that were stored (PostgreSQL)')
    .option('--no-owners', 'without owners and grants: everything belongs to the restoring user')
    .option('--limit <KiB/s>', 'how fast the repository is read')
    .option('--json', 'print JSON');
}
