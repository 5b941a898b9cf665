/** Reads what restic prints of the inside of snapshots. Pure and tolerant, like `parse.ts`; names are hostile, texts of `domain/stored-path.ts`. */

import { toListedText, toStoredText } from '@holdfast/shared/domain/stored-path.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import { type FoundEntry, NODE_TYPES, type NodeType, type TreeEntry } from '@holdfast/shared/protocol/browse.ts';
import * as z from 'zod';

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const text = z.string().optional().catch(undefined);

const attributes = {
  type: z.string(),
  mode: count.optional().catch(undefined),
  size: count.optional().catch(undefined),
  mtime: text,
  uid: count.optional().catch(undefined),
  gid: count.optional().catch(undefined),
  user: text,
  group: text,
  links: count.optional().catch(undefined),
  linktarget: text,
  linktarget_raw: text,
};

const nodeSchema = z.object({
  ...attributes,
  name: z.string().min(1),
  subtree: z.string().optional().catch(undefined),
  content: z.unknown().optional(),
});
type Attributes = z.infer<z.ZodObject<typeof attributes>>;

const treeSchema = z.object({ nodes: z.array(z.unknown()).nullish() });
const foundSchema = z.object({ ...attributes, path: z.string().startsWith('/') });
const rootSchema = z.object({ struct_type: z.literal('snapshot'), tree: z.string().regex(/^[0-9a-f]{64}$/) });
const changeSchema = z.object({ message_type: z.literal('change'), path: z.string().startsWith('/'), modifier: z.string() });
const sideSchema = z.object({ files: count, others: count.catch(0) });
const statisticsSchema = z.object({
  message_type: z.literal('statistics'),
  changed_files: count,
  added: sideSchema,
  removed: sideSchema,
});

/** A block of 512 KiB of zeros, as restic stores a hole: the SHA-256 of it is the blob's name. */
const HOLE = { id: '07854d2fef297a06ba81685e660c332de36d5d18d546927d30daad6d7fda1541', bytes: 512 * 1024 };

const LETTER_ESCAPES: Readonly<Record<string, string>> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** A name as restic's trees hold it: quoted as Go's `strconv.Quote` does it, where `\xHH` above 0x7f is one byte that is no UTF-8. */
export function unquoteName(quoted: string): string {
  const parts: Buffer[] = [];
  let from = 0;
  for (const found of quoted.matchAll(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/gsu)) {
    parts.push(Buffer.from(quoted.slice(from, found.index)));
    const [whole, byte, short, long, letter] = found;
    const point = Number.parseInt(short ?? long ?? '', 16);
    if (byte !== undefined) parts.push(Buffer.from([Number.parseInt(byte, 16)]));
    else if (letter !== undefined) parts.push(Buffer.from(LETTER_ESCAPES[letter] ?? letter));
    else parts.push(Buffer.from(point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd'));
    from = found.index + whole.length;
  }
  parts.push(Buffer.from(quoted.slice(from)));
  return toStoredText(Buffer.concat(parts));
}

function toType(type: string): NodeType {
  return (NODE_TYPES as readonly string[]).includes(type) ? (type as NodeType) : 'other';
}

/** Go's bits for set-user-id, set-group-id and sticky, which stand elsewhere than those of Unix. */
const GO_BITS = [
  [23, 0o4000],
  [22, 0o2000],
  [20, 0o1000],
] as const;

function toUnixMode(mode: number): number {
  return GO_BITS.reduce((bits, [at, bit]) => (Math.floor(mode / 2 ** at) % 2 === 1 ? bits | bit : bits), mode & 0o777);
}

function readInstant(time: string | undefined): number | undefined {
  const at = time === undefined ? Number.NaN : Date.parse(time.replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(at) ? undefined : at;
}

function describeOwner({ user, group, uid, gid }: Attributes): string | undefined {
  const [who, whose] = [user || uid, group || gid];
  return who === undefined || whose === undefined ? undefined : `${who}:${whose}`.slice(0, TEXT.nameChars);
}

function readLinkTarget({ linktarget, linktarget_raw: raw }: Attributes): string | undefined {
  const target = raw === undefined ? linktarget : toStoredText(Buffer.from(raw, 'base64'));
  return target === undefined || target === '' ? undefined : target.slice(0, TEXT.pathChars);
}

/** What both a tree and a search tell of a node. */
function toEntryFields(node: Attributes): Omit<TreeEntry, 'name'> {
  const type = toType(node.type);
  const { mode, links } = node;
  const owner = describeOwner(node);
  const modifiedAt = readInstant(node.mtime);
  const linkTarget = type === 'symlink' ? readLinkTarget(node) : undefined;
  return {
    type,
    sizeBytes: type === 'file' ? (node.size ?? 0) : 0,
    ...(mode === undefined ? {} : { mode: toUnixMode(mode) }),
    ...(owner === undefined ? {} : { owner }),
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
    ...(type === 'file' && links !== undefined && links > 1 ? { links } : {}),
    ...(linkTarget === undefined ? {} : { linkTarget }),
  };
}

/** An entry of a directory, and of a directory the tree to go on with. */
export interface TreeNode {
  entry: TreeEntry;
  treeId?: string | undefined;
}

function toTreeNode(value: unknown): TreeNode | undefined {
  const parsed = nodeSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const name = unquoteName(parsed.data.name);
  // restic itself refuses such names; a tree made by somebody else may hold them.
  if (name === '.' || name === '..' || name.includes('/') || name.includes('\0') || name.length > TEXT.pathChars)
    return undefined;
  const { content } = parsed.data;
  const holes = Array.isArray(content) ? content.filter((id) => id === HOLE.id).length : 0;
  const entry = { name, ...toEntryFields(parsed.data), ...(holes > 0 ? { holeBytes: holes * HOLE.bytes } : {}) };
  return { entry, treeId: entry.type === 'dir' ? parsed.data.subtree : undefined };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** A directory as `cat` prints it; undefined when it is none. What in it is no node is passed over. */
export function parseTree(stdout: string): TreeNode[] | undefined {
  const parsed = treeSchema.safeParse(parseJson(stdout));
  if (!parsed.success) return undefined;
  return (parsed.data.nodes ?? []).map(toTreeNode).filter((node) => node !== undefined);
}

/** The id of the root's tree, from the line of `ls` that tells of the snapshot. */
export function parseRootTree(line: string): string | undefined {
  const parsed = rootSchema.safeParse(parseJson(line));
  return parsed.success ? parsed.data.tree : undefined;
}

/** Whether restic's JSON held a byte it could not read: it writes an escape for that, and a real U+FFFD as itself. */
function hasUnreadableByte(line: string): boolean {
  return /(?<!\\)(?:\\\\)*\\ufffd/.test(line);
}

/** A line of `ls` as an entry of a directory; one with bytes that are no UTF-8 is told as it can be read. */
export function parseListedEntry(line: string): { path: string; entry: TreeEntry; exact: boolean } | undefined {
  const parsed = foundSchema.extend({ struct_type: z.literal('node') }).safeParse(parseJson(line));
  if (!parsed.success) return undefined;
  const { path } = parsed.data;
  const name = path.slice(path.lastIndexOf('/') + 1);
  return { path, entry: { name, ...toEntryFields(parsed.data) }, exact: !hasUnreadableByte(line) };
}

/** The objects inside an object's lists, `[{"matches":[{…},{…}],…}]`, as far as the text goes. */
function* listInnerObjects(json: string): Generator<string> {
  let depth = 0;
  let from = 0;
  for (const { 0: mark, index } of json.matchAll(/[{}]|"(?:[^"\\]|\\.)*"/gsu)) {
    if (mark === '{') {
      depth += 1;
      if (depth === 2) from = index;
    } else if (mark === '}') {
      depth -= 1;
      if (depth === 1) yield json.slice(from, index + 1);
    }
  }
}

/** What `find --json` prints, whole or cut off. */
export function parseFound(stdout: string): FoundEntry[] {
  const found: FoundEntry[] = [];
  for (const object of listInnerObjects(stdout)) {
    const parsed = foundSchema.safeParse(parseJson(object));
    if (!parsed.success || parsed.data.path.length > TEXT.pathChars) continue;
    found.push({ path: parsed.data.path, exact: !hasUnreadableByte(object), ...toEntryFields(parsed.data) });
  }
  return found;
}

export type DiffLine =
  | { kind: 'change'; path: string; isDirectory: boolean; modifier: string }
  | { kind: 'totals'; added: number; removed: number; changed: number };

/** One line of `diff --json`. */
export function parseDiffLine(line: string): DiffLine | undefined {
  const value = parseJson(line);
  const change = changeSchema.safeParse(value);
  if (change.success) {
    const { path, modifier } = change.data;
    const isDirectory = path.endsWith('/') && path !== '/';
    return { kind: 'change', path: isDirectory ? path.slice(0, -1) : path, isDirectory, modifier };
  }
  const totals = statisticsSchema.safeParse(value);
  if (!totals.success) return undefined;
  const { added, removed, changed_files: changed } = totals.data;
  return { kind: 'totals', added: added.files + added.others, removed: removed.files + removed.others, changed };
}

/** Whether a path that `ls` printed is one of these, or lies below one. */
export function isListedBelow(listed: string, paths: readonly string[]): boolean {
  return paths.some((path) => {
    const place = toListedText(path);
    return place === '/' || listed === place || listed.startsWith(`${place}/`);
  });
}
