/** Looks into snapshots without a lock: one directory, a search by name, the difference between two. Nothing of it is written anywhere. */

import type { Command } from '@holdfast/shared/adapters/command.ts';
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import {
  findParentPath,
  isPlainText,
  joinStoredPath,
  splitStoredPath,
  toListedText,
} from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { BROWSE } from '@holdfast/shared/limits.ts';
import type { Found, TreeChange, TreeDiff, TreeEntry } from '@holdfast/shared/protocol/browse.ts';
import type { ToolResult } from '../../exec/contract.ts';
import type { ResticPlace } from './args.ts';
import { type EngineFailure, showName } from './classify.ts';
import { isUnreadableSnapshotLine } from './parse.ts';
import { placeAt, type ResticHost, runRestic } from './restic-tool.ts';
import { planCatTreeById, planCatTreeByPath, planDiff, planFind, planListBelow, planListDirectories } from './tree-args.ts';
import {
  isListedBelow,
  parseDiffLine,
  parseFound,
  parseListedEntry,
  parseRootTree,
  parseTree,
  type TreeNode,
} from './tree-parse.ts';

export interface BrowseInput {
  access: RepositoryAccess;
  workDir: string;
  /** restic's full id. */
  snapshotId: string;
  signal?: AbortSignal | undefined;
}

/** A person waits: a few attempts, then what was seen. */
const PATIENCE = { retries: 3 };
const UNREADABLE: EngineFailure = { reason: 'snapshot_missing', message: 'The repository holds no such snapshot.' };

interface Question {
  host: ResticHost;
  place: ResticPlace;
  input: BrowseInput;
}

function fail({ reason, message }: EngineFailure): never {
  throw createReasonError(reason, message);
}

function refuseMissing(path: string): never {
  throw new AppError('not_found', `The snapshot holds no directory at ${path}`);
}

/** restic's words for a path that is no directory of the snapshot. */
const NO_DIRECTORY = /path .*: (?:not found|not a directory)/s;

async function askRestic(
  { host, input }: Question,
  command: Command,
  more: { outputBytes?: number; enoughBytes?: number; onLine?: (line: string) => void } = {},
): Promise<{ result: ToolResult; failure?: EngineFailure | undefined }> {
  let snapshotUnreadable = false;
  const { result, failure } = await runRestic(host, {
    command,
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    timeoutMs: BROWSE.toolMs,
    patience: PATIENCE,
    outputBytes: more.outputBytes,
    enoughBytes: more.enoughBytes,
    onPlainLine: more.onLine,
    onStderrLine(line) {
      if (isUnreadableSnapshotLine(line) || /^Ignoring .{0,100}no matching ID found/.test(line)) snapshotUnreadable = true;
    },
  });
  // Some commands pass over a snapshot they cannot load, and end well.
  return { result, failure: failure ?? (snapshotUnreadable ? UNREADABLE : undefined) };
}

/** A tree too big to be held is undefined. */
async function readTree(question: Question, command: Command, path: string): Promise<TreeNode[] | undefined> {
  const { result, failure } = await askRestic(question, command, { outputBytes: BROWSE.treeBytes });
  if (failure) return NO_DIRECTORY.test(failure.message) ? refuseMissing(path) : fail(failure);
  if (result.truncated) return undefined;
  const nodes = parseTree(result.stdout);
  return nodes ?? fail({ reason: 'repository_damaged', message: `The directory ${path} of the snapshot cannot be read.` });
}

/** `ls` begins with the snapshot's own record; unlike `cat` it says at once that there is no such snapshot. */
async function readRootId(question: Question): Promise<string> {
  let treeId: string | undefined;
  const { failure } = await askRestic(question, planListDirectories(question.place, question.input.snapshotId, ['/']), {
    onLine(line) {
      treeId ??= parseRootTree(line);
    },
  });
  if (failure) fail(failure);
  return treeId ?? fail({ reason: 'repository_damaged', message: 'The record of the snapshot cannot be read.' });
}

/** What `ls` tells of a directory: all but links, owners by name, and holes. */
async function listPlainly(question: Question, path: string): Promise<TreeNode[]> {
  const nodes: TreeNode[] = [];
  const { failure } = await askRestic(question, planListDirectories(question.place, question.input.snapshotId, [path]), {
    onLine(line) {
      const listed = parseListedEntry(line);
      if (listed && findParentPath(listed.path) === path && listed.path !== path) nodes.push({ entry: listed.entry });
    },
  });
  if (failure) fail(failure);
  return nodes;
}

/** Where a walk to a directory begins: what is known of the snapshot from before. */
export interface KnownTrees {
  findTreeId(path: string): string | undefined;
  remember(path: string, nodes: readonly TreeNode[]): void;
}

/**
 * The entries of one directory, in the order of restic. A new restic reads it by its path, in one start; an old one, and names that are no
 * UTF-8, take a start for each directory on the way that is not known yet. Throws `not_found` where there is no such directory.
 */
export async function readDirectory(
  host: ResticHost,
  input: BrowseInput & { path: string; known: KnownTrees },
): Promise<readonly TreeNode[]> {
  const { path, known, snapshotId } = input;
  const question: Question = { host, place: placeAt(host, input.access), input };
  const isPlain = isPlainText(path);
  const keep = async (at: string, tree: TreeNode[] | undefined) => {
    const nodes = tree ?? (isPlainText(at) ? await listPlainly(question, at) : refuseMissing(at));
    known.remember(at, nodes);
    return nodes;
  };
  const treeId = known.findTreeId(path);
  if (treeId !== undefined) return keep(path, await readTree(question, planCatTreeById(question.place, treeId), path));
  if (host.capabilities.treeByPath && isPlain)
    return keep(path, await readTree(question, planCatTreeByPath(question.place, snapshotId, path), path));
  let at = '/';
  let nodes = await keep(at, await readTree(question, planCatTreeById(question.place, await readRootId(question)), at));
  for (const name of splitStoredPath(path)) {
    const next = nodes.find((node) => node.entry.name === name);
    if (next?.entry.type !== 'dir') return refuseMissing(path);
    at = joinStoredPath(at, name);
    // Below a directory too big to be held no ids are known, only paths.
    const tree = next.treeId === undefined ? undefined : planCatTreeById(question.place, next.treeId);
    nodes = await keep(at, tree && (await readTree(question, tree, at)));
  }
  return nodes;
}

export interface ListedNode {
  /** As restic lists it; bytes that are no UTF-8 are U+FFFD there. */
  path: string;
  type: TreeEntry['type'];
  sizeBytes: number;
}

/** Everything at and below `paths`, one call each; false from `onNode` ends it early. Throws when a path is not there. */
export async function listBelow(
  host: ResticHost,
  input: BrowseInput & { paths: readonly string[]; onNode: (node: ListedNode) => boolean },
): Promise<void> {
  const { paths, onNode } = input;
  const enough = new AbortController();
  const signal = input.signal === undefined ? enough.signal : AbortSignal.any([input.signal, enough.signal]);
  const question: Question = { host, place: placeAt(host, input.access), input: { ...input, signal } };
  const missing = new Set(paths.filter((path) => path !== '/').map(toListedText));
  // Names that are no UTF-8 cannot be asked for: then everything is listed, and what was not asked for is passed over.
  const asked = paths.every(isPlainText) ? paths : ['/'];
  const { failure } = await askRestic(question, planListBelow(question.place, input.snapshotId, asked), {
    onLine(line) {
      const listed = enough.signal.aborted ? undefined : parseListedEntry(line);
      if (!listed || !isListedBelow(listed.path, paths)) return;
      missing.delete(listed.path);
      if (!onNode({ path: listed.path, type: listed.entry.type, sizeBytes: listed.entry.sizeBytes })) enough.abort();
    },
  });
  if (enough.signal.aborted) return;
  if (failure) fail(failure);
  const [first] = missing;
  if (first !== undefined) throw createReasonError('snapshot_missing', `The snapshot holds nothing at ${showName(first)}`);
}

/** Files and directories by a part of their name; ends early when there is too much. */
export async function findByName(host: ResticHost, input: BrowseInput & { name: string }): Promise<Found> {
  const question: Question = { host, place: placeAt(host, input.access), input };
  const command = planFind(question.place, input.snapshotId, input.name);
  const limit = { outputBytes: BROWSE.foundBytes, enoughBytes: BROWSE.foundBytes };
  const { result, failure } = await askRestic(question, command, limit);
  const isCut = Buffer.byteLength(result.stdout) >= BROWSE.foundBytes;
  if (failure && !isCut) fail(failure);
  const entries = parseFound(result.stdout);
  return { entries: entries.slice(0, BROWSE.found), truncated: isCut || entries.length > BROWSE.found };
}

const CHANGE_WORDS: Readonly<Record<string, TreeChange['change']>> = { '+': 'added', '-': 'removed', T: 'type' };

/** What `snapshotId` has that `olderId` does not, and the other way round, with the sizes of what is told. */
export async function diffSnapshots(host: ResticHost, input: BrowseInput & { olderId: string }): Promise<TreeDiff> {
  const question: Question = { host, place: placeAt(host, input.access), input };
  const changes: TreeChange[] = [];
  let seen = 0;
  let totals = { added: 0, removed: 0, changed: 0 };
  const { failure } = await askRestic(question, planDiff(question.place, input.olderId, input.snapshotId), {
    onLine(line) {
      const read = parseDiffLine(line);
      if (read?.kind === 'totals') totals = { added: read.added, removed: read.removed, changed: read.changed };
      if (read?.kind !== 'change') return;
      seen += 1;
      const { path, isDirectory, modifier } = read;
      if (changes.length < BROWSE.changes)
        changes.push({ path, isDirectory, change: CHANGE_WORDS[modifier[0] ?? ''] ?? 'changed' });
    },
  });
  if (failure) fail(failure);
  const sized = await addSizes(question, changes, input.olderId);
  return { changes: sized, truncated: seen > changes.length, totals };
}

/** Sizes stand in the directories that hold what changed; each side is one more look. */
async function addSizes(question: Question, changes: readonly TreeChange[], olderId: string): Promise<TreeChange[]> {
  const files = changes.filter((change) => !change.isDirectory);
  const before = await readSizes(
    question,
    olderId,
    files.filter(({ change }) => change !== 'added'),
  );
  const after = await readSizes(
    question,
    question.input.snapshotId,
    files.filter(({ change }) => change !== 'removed'),
  );
  return changes.map((change) => {
    const [beforeBytes, afterBytes] = change.isDirectory ? [] : [before.get(change.path), after.get(change.path)];
    return {
      ...change,
      ...(beforeBytes === undefined || change.change === 'added' ? {} : { beforeBytes }),
      ...(afterBytes === undefined || change.change === 'removed' ? {} : { afterBytes }),
    };
  });
}

async function readSizes(question: Question, snapshotId: string, changes: readonly TreeChange[]): Promise<Map<string, number>> {
  const wanted = new Set(changes.map(({ path }) => path));
  const sizes = new Map<string, number>();
  if (wanted.size === 0) return sizes;
  const directories = [...new Set([...wanted].map(findParentPath))];
  const { failure } = await askRestic(question, planListDirectories(question.place, snapshotId, directories), {
    onLine(line) {
      const listed = parseListedEntry(line);
      if (listed?.entry.type === 'file' && wanted.has(listed.path)) sizes.set(listed.path, listed.entry.sizeBytes);
    },
  });
  if (failure) fail(failure);
  return sizes;
}
