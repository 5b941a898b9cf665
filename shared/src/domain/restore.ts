/**
 * The ways in which a dump may be brought back into a database, and what each of them may do to what is there.
 *
 * *new*: into a database that does not exist or is empty. *replace*: the new content is built beside the old one and takes its place in one
 * step. *clean*: what the backup holds is dropped and made again, everything else stays. *append*: what the backup holds is added; nothing
 * is dropped, and a name that is taken stops it. *schema_only*: a new database without rows. *data_only*: rows into tables that are there.
 * *tables*: the chosen tables take the place of their namesakes.
 */
import * as z from 'zod';

export const RESTORE_MODES = ['new', 'replace', 'clean', 'append', 'schema_only', 'data_only', 'tables'] as const;
export type RestoreMode = (typeof RESTORE_MODES)[number];

/** Tables one restore may name. */
export const CHOSEN_TABLES = 200;

/** Hostile text; the adapter quotes it. Without a schema the engine's usual one is meant. */
export const chosenTableSchema = z.object({
  schema: z.string().min(1).max(255).optional(),
  name: z.string().min(1).max(255),
});
export type ChosenTable = z.infer<typeof chosenTableSchema>;

/** Connections through which one restore fills a database. */
export const RESTORE_JOBS = 16;

/** The fastest limit that one restore may name. */
export const DOWNLOAD_KIBPS_MAX = 10_000_000;

/** Roles of the server that a restore makes where they are missing: those the backup's owners and grants name, or all that were stored. */
export const ROLE_CHOICES = ['needed', 'all'] as const;
export type RoleChoice = (typeof ROLE_CHOICES)[number];

/** One line of at most `chars` characters, not empty. */
const lineOf = (chars: number) =>
  z
    .string()
    .min(1, 'is needed')
    .max(chars, `has at most ${chars} characters`)
    .regex(/^[^\u0000-\u001f\u007f]*$/u, 'must be one line without control characters')
    .refine((text) => text.isWellFormed(), 'must be well-formed text');

/** A user of the target's server other than the connection's own. */
const connectAsSchema = lineOf(255);

/** Another user of the server at the target, for one restore or look; kept nowhere. */
export const credentialSchema = z.strictObject({ user: connectAsSchema, password: lineOf(1000) });
export type Credential = z.infer<typeof credentialSchema>;

/** How a restore goes about it. What is left out is off, but for the safety backup and the owners. */
export const restoreOptionsSchema = z.object({
  /** Sessions in the target are ended; otherwise a mode that needs the target for itself is refused while there are any. */
  endSessions: z.boolean().optional(),
  /** What is overwritten is backed up before; on unless said otherwise. */
  safetyBackup: z.boolean().optional(),
  /** The whole snapshot is read once before anything is made or changed, also where the mode does not ask for it. */
  readFirst: z.boolean().optional(),
  /** A server older than the one the dump was made of is accepted. */
  acceptOlderServer: z.boolean().optional(),
  /** A disk that seems to have less room than is needed is accepted. */
  acceptLittleRoom: z.boolean().optional(),
  /** Into a directory: setuid and setgid bits, capabilities of files and devices come as they were; otherwise they are left out. */
  keepPrivileges: z.boolean().optional(),
  /** Owners and grants are restored; on unless said otherwise. */
  owners: z.boolean().optional(),
  /** How fast the repository is read. */
  downloadKiBps: z.int().min(1).max(DOWNLOAD_KIBPS_MAX).optional(),
  /** The dump is first brought to this host's disk and restored from there, through so many connections; left out: it streams. */
  jobs: z.int().min(1).max(RESTORE_JOBS).optional(),
  /** Missing roles are made before the database; left out: none. */
  roles: z.enum(ROLE_CHOICES).optional(),
  /** The user of the server whose password comes with the order alone; left out: the connection's own. */
  connectAs: connectAsSchema.optional(),
});
export type RestoreOptions = z.infer<typeof restoreOptionsSchema>;

interface ModeRule {
  /** Whether something that exists may be overwritten, dropped or added to. */
  changesExisting: boolean;
  /** Whether no other session may be in the target. */
  needsAlone: boolean;
  /** Whether the new content is made under a private name first: the target is touched only when the whole snapshot was read. */
  isBuiltBeside: boolean;
  /** What the target has to be. */
  target: 'empty' | 'existing' | 'any';
}

const RULES: Record<RestoreMode, ModeRule> = {
  new: { changesExisting: false, needsAlone: false, isBuiltBeside: false, target: 'empty' },
  replace: { changesExisting: true, needsAlone: true, isBuiltBeside: true, target: 'any' },
  clean: { changesExisting: true, needsAlone: true, isBuiltBeside: false, target: 'existing' },
  append: { changesExisting: true, needsAlone: false, isBuiltBeside: false, target: 'existing' },
  schema_only: { changesExisting: false, needsAlone: false, isBuiltBeside: false, target: 'empty' },
  data_only: { changesExisting: true, needsAlone: false, isBuiltBeside: false, target: 'existing' },
  tables: { changesExisting: true, needsAlone: false, isBuiltBeside: true, target: 'any' },
};

export function getModeRule(mode: RestoreMode): Readonly<ModeRule> {
  return RULES[mode];
}

/** Whether several connections may fill the target: what is one transaction is one connection. */
export function isParallelMode(mode: RestoreMode): boolean {
  const { changesExisting, isBuiltBeside } = RULES[mode];
  return !changesExisting || isBuiltBeside;
}

/**
 * Whether the whole snapshot is read once before the restore proper: where something that exists is changed as it is read. `isTaken`: the
 * engine builds a private database in every mode.
 */
export function isReadFirst(mode: RestoreMode, options: RestoreOptions, isTaken = false): boolean {
  const { changesExisting, isBuiltBeside } = RULES[mode];
  return options.readFirst === true || (changesExisting && !isBuiltBeside && !isTaken);
}
