/** What a host tells of the inside of a snapshot. Names and paths are texts of `domain/stored-path.ts`; all of it is hostile. */
import * as z from 'zod';
import { storedPathSchema } from '../domain/stored-path.ts';
import { BROWSE, TEXT } from '../limits.ts';

export const NODE_TYPES = ['dir', 'file', 'symlink', 'dev', 'chardev', 'fifo', 'socket', 'other'] as const;
export type NodeType = (typeof NODE_TYPES)[number];

const nodeFields = {
  type: z.enum(NODE_TYPES),
  sizeBytes: z.int().min(0),
  /** Unix permission bits with set-id and sticky. */
  mode: z.int().min(0).max(0o7777).optional(),
  /** User and group, by name where the snapshot has one. */
  owner: z.string().max(TEXT.nameChars).optional(),
  /** Epoch milliseconds. */
  modifiedAt: z.int().optional(),
  /** Names the file has; more than one is a hard link. */
  links: z.int().min(0).optional(),
  linkTarget: z.string().max(TEXT.pathChars).optional(),
  /** Bytes that are holes, at least. */
  holeBytes: z.int().min(0).optional(),
};

/** One entry of a directory. */
const treeEntrySchema = z.object({ name: z.string().min(1).max(TEXT.pathChars), ...nodeFields });
export type TreeEntry = z.infer<typeof treeEntrySchema>;

export const treeListingSchema = z.object({
  path: storedPathSchema,
  entries: z.array(treeEntrySchema).max(BROWSE.entriesPerPage),
  /** Entries the directory has in all. */
  total: z.int().min(0),
  /** Where the next page begins. */
  next: z.int().min(1).optional(),
});
export type TreeListing = z.infer<typeof treeListingSchema>;

/** One thing found by its name; where `exact` is false the path stands there as it can be read, and cannot be asked for. */
const foundEntrySchema = z.object({ path: z.string().min(1).max(TEXT.pathChars), exact: z.boolean(), ...nodeFields });
export type FoundEntry = z.infer<typeof foundEntrySchema>;

export const foundSchema = z.object({
  entries: z.array(foundEntrySchema).max(BROWSE.found),
  /** There is more than what is told. */
  truncated: z.boolean(),
});
export type Found = z.infer<typeof foundSchema>;

const CHANGES = ['added', 'removed', 'changed', 'type'] as const;

const treeChangeSchema = z.object({
  path: z.string().min(1).max(TEXT.pathChars),
  isDirectory: z.boolean(),
  change: z.enum(CHANGES),
  /** Bytes in the older and in the newer snapshot, where it is a file there. */
  beforeBytes: z.int().min(0).optional(),
  afterBytes: z.int().min(0).optional(),
});
export type TreeChange = z.infer<typeof treeChangeSchema>;

const countSchema = z.int().min(0);

export const treeDiffSchema = z.object({
  changes: z.array(treeChangeSchema).max(BROWSE.changes),
  truncated: z.boolean(),
  /** Of everything, also of what is not told one by one. */
  totals: z.object({ added: countSchema, removed: countSchema, changed: countSchema }),
});
export type TreeDiff = z.infer<typeof treeDiffSchema>;

export const restorePreviewSchema = z.object({
  files: countSchema,
  /** Links, devices, FIFOs. */
  others: countSchema,
  bytes: countSchema,
  /** Of the files and others, those in whose place something stands on the host. */
  existing: countSchema,
  /** What stands there and cannot be replaced, as sentences. */
  conflicts: z.array(z.string().max(TEXT.errorChars)).max(BROWSE.conflicts),
  /** False when counting ended at its limit: then all numbers are lower bounds. */
  complete: z.boolean(),
  /** Room on the disk of the target; undefined where nothing can be said. */
  freeBytes: countSchema.optional(),
});
export type RestorePreview = z.infer<typeof restorePreviewSchema>;
