/**
 * Reads what restic prints. Pure and tolerant: unknown kinds of message, half lines and values of the wrong type are
 * passed over, never trusted; text from file names is hostile and bounded here.
 */
import * as z from 'zod';

/** Longer lines are not looked at: restic's own are a few KiB, a status line with long names included. */
const LINE_CHARS = 1024 * 1024;
const NAME_CHARS = 4096;
const MESSAGE_CHARS = 4000;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** Cut rather than refused: a hostile name must not hide the message it is part of. */
const bounded = (chars: number) => z.string().transform((text) => text.slice(0, chars));

const statusSchema = z.object({
  message_type: z.literal('status'),
  total_files: count.optional().catch(undefined),
  files_done: count.optional().catch(undefined),
  files_restored: count.optional().catch(undefined),
  total_bytes: count.optional().catch(undefined),
  bytes_done: count.optional().catch(undefined),
  bytes_restored: count.optional().catch(undefined),
});

const summarySchema = z.object({
  message_type: z.literal('summary'),
  snapshot_id: z
    .string()
    .regex(/^[0-9a-f]{8,64}$/)
    .optional()
    .catch(undefined),
  total_bytes_processed: count.optional().catch(undefined),
  total_files_processed: count.optional().catch(undefined),
  data_added: count.optional().catch(undefined),
  data_added_packed: count.optional().catch(undefined),
  total_files: count.optional().catch(undefined),
  files_restored: count.optional().catch(undefined),
  total_bytes: count.optional().catch(undefined),
  bytes_restored: count.optional().catch(undefined),
});

const errorSchema = z.object({
  message_type: z.literal('error'),
  // Up to 0.15 the error is an empty object: Go's interface without fields.
  error: z
    .object({ message: bounded(MESSAGE_CHARS).optional().catch(undefined) })
    .optional()
    .catch(undefined),
  during: bounded(64).optional().catch(undefined),
  item: bounded(NAME_CHARS).optional().catch(undefined),
});

const exitErrorSchema = z.object({
  message_type: z.literal('exit_error'),
  code: z.number().int().optional().catch(undefined),
  message: bounded(MESSAGE_CHARS).catch(''),
});

const initializedSchema = z.object({ message_type: z.literal('initialized'), id: z.string().regex(/^[0-9a-f]{64}$/) });

const messageSchema = z.discriminatedUnion('message_type', [
  statusSchema,
  summarySchema,
  errorSchema,
  exitErrorSchema,
  initializedSchema,
]);

export type ResticMessage = z.infer<typeof messageSchema>;
export type ResticSummary = z.infer<typeof summarySchema>;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One line of `--json` output; undefined for plain text, half a line and messages of kinds nobody knows. */
export function parseMessage(line: string): ResticMessage | undefined {
  if (!line.startsWith('{') || line.length > LINE_CHARS) return undefined;
  const parsed = messageSchema.safeParse(parseJson(line));
  return parsed.success ? parsed.data : undefined;
}

const snapshotSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{64}$/),
  time: z.string().max(64),
  original: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullish()
    .catch(undefined),
  hostname: bounded(300).catch(''),
  tags: z.array(bounded(300)).max(100).nullish().catch(undefined),
  paths: z.array(bounded(NAME_CHARS)).max(100_000).nullish().catch(undefined),
  summary: z
    .object({ total_bytes_processed: count.optional(), total_files_processed: count.optional(), data_added: count.optional() })
    .optional()
    .catch(undefined),
});

/** A snapshot as the repository tells it. */
export interface StoredSnapshot {
  engineId: string;
  /** Epoch milliseconds, by the clock of the host that made it; may lie in the future. */
  createdAt: number;
  hostname: string;
  tags: readonly string[];
  paths: readonly string[];
  /** Of a copy: the full id of the snapshot it was first. */
  original?: string | undefined;
  /** Only where restic 0.17 or newer made it. */
  sizeBytes?: number | undefined;
}

function toSnapshot(value: unknown): StoredSnapshot | undefined {
  const parsed = snapshotSchema.safeParse(value);
  if (!parsed.success) return undefined;
  // Nine digits of fraction; Date reads three.
  const createdAt = Date.parse(parsed.data.time.replace(/(\.\d{3})\d+/, '$1'));
  if (Number.isNaN(createdAt)) return undefined;
  const { id, original, hostname, tags, paths, summary } = parsed.data;
  return {
    engineId: id,
    createdAt,
    hostname,
    tags: tags ?? [],
    paths: paths ?? [],
    sizeBytes: summary?.total_bytes_processed,
    ...(original ? { original } : {}),
  };
}

/**
 * The array `snapshots --json` prints. Undefined when the text is no such array at all; `unreadable` counts entries that are no
 * snapshots.
 */
export function parseSnapshots(stdout: string): { snapshots: StoredSnapshot[]; unreadable: number } | undefined {
  const list = parseJson(stdout);
  // An old restic prints `null` for none.
  if (list === null) return { snapshots: [], unreadable: 0 };
  if (!Array.isArray(list)) return undefined;
  const snapshots = list.map(toSnapshot).filter((snapshot) => snapshot !== undefined);
  return { snapshots, unreadable: list.length - snapshots.length };
}

const nodeSchema = z.object({
  struct_type: z.literal('node'),
  type: z.string().max(32),
  path: z.string(),
  size: count.optional().catch(undefined),
});

/** One line of `ls --json`. */
export type ListLine =
  | { kind: 'snapshot'; snapshot: StoredSnapshot }
  | { kind: 'node'; type: string; path: string; sizeBytes: number };

export function parseListLine(line: string): ListLine | undefined {
  if (!line.startsWith('{') || line.length > LINE_CHARS) return undefined;
  const value = parseJson(line);
  const node = nodeSchema.safeParse(value);
  if (node.success) return { kind: 'node', type: node.data.type, path: node.data.path, sizeBytes: node.data.size ?? 0 };
  const isSnapshot = z.object({ struct_type: z.literal('snapshot') }).safeParse(value).success;
  const snapshot = isSnapshot ? toSnapshot(value) : undefined;
  return snapshot && { kind: 'snapshot', snapshot };
}

const configSchema = z.object({ version: z.number().int(), id: z.string().regex(/^[0-9a-f]{64}$/) });

/** What `cat config` prints. */
export function parseConfig(stdout: string): { engineId: string; formatVersion: number } | undefined {
  const parsed = configSchema.safeParse(parseJson(stdout));
  return parsed.success ? { engineId: parsed.data.id, formatVersion: parsed.data.version } : undefined;
}

const statsSchema = z.object({ total_size: count, total_file_count: count.optional() });

export function parseStats(stdout: string): { sizeBytes: number; files?: number | undefined } | undefined {
  const parsed = statsSchema.safeParse(parseJson(stdout));
  return parsed.success ? { sizeBytes: parsed.data.total_size, files: parsed.data.total_file_count } : undefined;
}

/** Ids from `list locks`; other lines are passed over. */
export function parseIdLines(stdout: string): string[] {
  return stdout.split('\n').filter((line) => /^[0-9a-f]{64}$/.test(line));
}

const lockSchema = z.object({
  time: z.string().max(64),
  exclusive: z.boolean().catch(false),
  hostname: bounded(300).catch(''),
  username: bounded(300).catch(''),
  pid: z.number().int().min(0).catch(0),
});

/** A lock as `cat lock` shows it. */
export interface RepositoryLock {
  id: string;
  /** Epoch milliseconds, by the clock of the host that holds it. */
  createdAt: number;
  exclusive: boolean;
  hostname: string;
  username: string;
  pid: number;
}

export function parseLock(id: string, stdout: string): RepositoryLock | undefined {
  const parsed = lockSchema.safeParse(parseJson(stdout));
  if (!parsed.success) return undefined;
  const { time, ...rest } = parsed.data;
  const createdAt = Date.parse(time.replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(createdAt) ? undefined : { id, createdAt, ...rest };
}

/** Who holds the lock that is in the way, from the text of the refusal. */
export interface LockHolder {
  pid: number;
  hostname: string;
  username: string;
  exclusive: boolean;
  /** Epoch milliseconds; restic prints it in its process's zone, which is UTC. */
  createdAt?: number | undefined;
  /** First eight digits of the lock's id. */
  storageId?: string | undefined;
}

export function findLockHolder(text: string): LockHolder | undefined {
  const holder = /already locked (exclusively )?by PID (\d{1,10}) on (\S{1,300}) by (\S{1,300})/.exec(text);
  if (!holder) return undefined;
  const created = /lock was created at (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)/.exec(text);
  const storage = /storage ID ([0-9a-f]{8})/.exec(text);
  return {
    exclusive: holder[1] !== undefined,
    pid: Number(holder[2]),
    hostname: holder[3] ?? '',
    username: holder[4] ?? '',
    createdAt: created ? Date.parse(`${created[1]}T${created[2]}Z`) : undefined,
    storageId: storage?.[1],
  };
}

/** A path that a backup was told to store and that is not there: restic says so, skips it, and exits 0. */
export function findSkippedPath(line: string): string | undefined {
  const found = /^(\/.*) does not exist, skipping$/s.exec(line);
  return found?.[1]?.slice(0, NAME_CHARS);
}

/** A file of a restore that could not be written, as restic before 0.16 says it in plain text. */
export function findRestoreError(line: string): { item: string; message: string } | undefined {
  const found = /^ignoring error for (\/.*?): (.*)$/s.exec(line);
  return found ? { item: (found[1] ?? '').slice(0, NAME_CHARS), message: (found[2] ?? '').slice(0, MESSAGE_CHARS) } : undefined;
}

/** restic tells on stderr that it tries something again. */
export function isRetryLine(line: string): boolean {
  return /^\w+\((?:<[^>]{1,100}>.{0,40}|\w{1,20})\) returned error, retrying after /.test(line);
}

/** A snapshot that `snapshots` could not read and left out of the list although it exits 0. */
export function isUnreadableSnapshotLine(line: string): boolean {
  return /^(?:Ignoring "[0-9a-f]+"|could not load snapshot [0-9a-f]+): /.test(line) && !/no matching ID found/.test(line);
}
