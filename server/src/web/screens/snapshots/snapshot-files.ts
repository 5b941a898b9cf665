/** `/snapshots/:snapshot/files`: what lies in a snapshot, read by a host while the page waits. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import {
  findCommonParent,
  findParentPath,
  joinStoredPath,
  showStoredText,
  splitStoredPath,
  storedPathSchema,
} from '@holdfast/shared/domain/stored-path.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { BROWSE, TEXT } from '@holdfast/shared/limits.ts';
import type { Found, TreeEntry, TreeListing } from '@holdfast/shared/protocol/browse.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { findInSnapshot, listDirectory } from '../../../core/snapshots/snapshot-contents.ts';
import { getSnapshot } from '../../../core/snapshots/snapshots.ts';
import type { Snapshot } from '../../../store/snapshots.ts';
import type { Source } from '../../../store/sources.ts';
import { html } from '../../html.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatBytes, formatCount, formatNoun } from '../../ui/quantity.ts';
import { formatDay } from '../../ui/time.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { isShown } from '../forms/form-problem.ts';
import { findText, readText } from '../forms/form-values.ts';
import { getParam, wantsPart } from '../params.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import {
  type SnapshotFilesView,
  snapshotFilesPage,
  type TreeBranch,
  type TreeNodeLine,
  treeEntries,
  treeNode,
} from './snapshot-files.view.ts';

/** A short name for a path, as an id of the page: the same for the same path, and another one for any other as far as it matters there. */
function nameNode(path: string): string {
  let [one, two] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < path.length; at += 1) {
    const code = path.charCodeAt(at);
    one = Math.imul(one ^ code, 0x9e3779b1);
    two = Math.imul(two ^ code, 0x5f356495);
  }
  return `node-${(one >>> 0).toString(36)}-${(two >>> 0).toString(36)}`;
}

const BITS = 'rwxrwxrwx';

/** `rwxr-xr-x`, with `s` and `t` where they stand. */
function formatMode(mode: number): string {
  const letters = [...BITS].map((letter, at) => ((mode >> (8 - at)) & 1 ? letter : '-'));
  for (const [bit, at, letter] of [
    [0o4000, 2, 's'],
    [0o2000, 5, 's'],
    [0o1000, 8, 't'],
  ] as const)
    if (mode & bit) letters[at] = letters[at] === 'x' ? letter : letter.toUpperCase();
  return letters.join('');
}

const KIND_WORDS: Readonly<Partial<Record<TreeEntry['type'], string>>> = {
  dev: 'block device',
  chardev: 'character device',
  fifo: 'named pipe',
  socket: 'socket',
  other: 'of an unknown kind',
};

function describeEntry(entry: Omit<TreeEntry, 'name'>): string | undefined {
  const words = [
    entry.linkTarget === undefined ? (entry.type === 'symlink' ? 'link' : undefined) : `→ ${showStoredText(entry.linkTarget)}`,
    entry.links === undefined ? undefined : `${formatNoun(entry.links, 'name')}`,
    entry.holeBytes === undefined ? undefined : `sparse, ${formatBytes(entry.holeBytes)} of it empty`,
    KIND_WORDS[entry.type],
  ].filter((word) => word !== undefined);
  return words.length === 0 ? undefined : words.join(' · ');
}

interface Scene {
  context: CoreContext;
  visit: Visit;
  snapshot: Snapshot;
}

function hrefOf({ visit, snapshot }: Scene, query: Record<string, string | number | undefined>): string {
  return visit.urls.snapshotFiles({ snapshot: snapshot.id }, query);
}

function toLine(scene: Scene, entry: Omit<TreeEntry, 'name'>, path: string, name: string): TreeNodeLine {
  const isDirectory = entry.type === 'dir';
  const words = [entry.mode === undefined ? '' : formatMode(entry.mode), entry.owner ?? ''].filter((word) => word !== '');
  const rights = words.length === 0 ? undefined : words.join(' ');
  const at = entry.modifiedAt;
  return {
    id: nameNode(path),
    path,
    name,
    isDirectory,
    ...(isDirectory ? { href: hrefOf(scene, { path }), branchHref: hrefOf(scene, { path, branch: 'open', at, rights }) } : {}),
    detail: describeEntry(entry),
    sizeBytes: entry.type === 'file' ? entry.sizeBytes : undefined,
    modifiedAt: at,
    rights,
  };
}

function toBranch(scene: Scene, { path, entries, total, next }: TreeListing): TreeBranch {
  const lines = entries.map((entry) => toLine(scene, entry, joinStoredPath(path, entry.name), showStoredText(entry.name)));
  if (next === undefined) return { lines };
  const more = {
    id: nameNode(`${path}//${next}`),
    href: hrefOf(scene, { path, after: next, branch: 'more' }),
    pageHref: hrefOf(scene, { path, after: next }),
    left: `${formatCount(total - next)} left`,
  };
  return { lines, more };
}

function toFoundLine(scene: Scene, found: Found['entries'][number]): TreeNodeLine {
  const { path, exact } = found;
  if (exact) {
    const line = toLine(scene, found, path, showStoredText(path));
    return line.isDirectory
      ? { ...line, branchHref: undefined }
      : { ...line, href: hrefOf(scene, { path: findParentPath(path) }) };
  }
  // Its name is no UTF-8, so it cannot be asked for by what the search tells; the directory it lies in shows it.
  return { ...toLine(scene, found, path, showStoredText(path)), path: undefined, href: undefined, branchHref: undefined };
}

/** Where a person begins to look: the directory that holds all of what the source names. */
function findFirstPlace(source: Source | undefined): string {
  const paths = source?.config['paths'];
  if (!Array.isArray(paths)) return '/';
  const known = paths.filter((path) => storedPathSchema.safeParse(path).success);
  return known.length === 1 ? (known[0] ?? '/') : findCommonParent(known);
}

/** The branch a person asked for; where the source's own place is not in this snapshot, its root. */
async function readPlace(scene: Scene, asked: string | undefined, first: string, after: number): Promise<TreeListing> {
  const { context, visit, snapshot } = scene;
  const read = (path: string) => listDirectory(context, visit.caller, snapshot.id, { path, after });
  try {
    return (await read(asked ?? first)).answer;
  } catch (thrown) {
    const isElsewhere = thrown instanceof AppError && thrown.code === 'not_found' && asked === undefined && first !== '/';
    if (!isElsewhere) throw thrown;
    return (await read('/')).answer;
  }
}

function readQuery(visit: Visit) {
  const text = readText(visit.query, 'path');
  const parsed = storedPathSchema.safeParse(text);
  if (text !== '' && !parsed.success) throw new AppError('not_found', 'there is no such path in a snapshot');
  const after = Number.parseInt(readText(visit.query, 'after'), 10);
  return {
    path: parsed.success ? parsed.data : undefined,
    after: Number.isSafeInteger(after) && after > 0 ? after : 0,
    branch: readText(visit.query, 'branch'),
    search: findText(visit.query, 'q', TEXT.searchChars),
  };
}

/** A branch of the tree alone: opened in its place, closed again, or the next page of one. */
async function showBranch(scene: Scene, path: string, after: number, wish: string): Promise<PageReply> {
  const face = readClockface(scene.context, scene.visit);
  const name = showStoredText(splitStoredPath(path).at(-1) ?? '/');
  // What its own line showed comes back with the request: the directory above need not be read again.
  const at = Number.parseInt(readText(scene.visit.query, 'at'), 10);
  const rights = findText(scene.visit.query, 'rights', TEXT.nameChars + BITS.length);
  const kept = { modifiedAt: Number.isSafeInteger(at) ? at : undefined, rights };
  const bare = toLine(scene, { type: 'dir', sizeBytes: 0 }, path, name);
  const line = { ...bare, ...kept, branchHref: hrefOf(scene, { path, branch: 'open', at: kept.modifiedAt, rights }) };
  if (wish === 'closed') return { kind: 'page', html: treeNode(line, face) };
  let branch: TreeBranch;
  try {
    branch = toBranch(scene, await readPlace(scene, path, '/', after));
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    branch = { lines: [], problem: thrown.message };
  }
  if (wish === 'more') return { kind: 'page', html: html`${treeEntries(branch, face)}` };
  const open = { ...line, branchHref: hrefOf(scene, { path, branch: 'closed', at: kept.modifiedAt, rights }), branch };
  return { kind: 'page', html: treeNode(open, face) };
}

function listPlaces(scene: Scene, path: string): SnapshotFilesView['places'] {
  let at = '/';
  const below = splitStoredPath(path).map((name) => {
    at = joinStoredPath(at, name);
    return { label: showStoredText(name), href: hrefOf(scene, { path: at }) };
  });
  return [{ label: 'root', href: hrefOf(scene, { path: '/' }) }, ...below];
}

function describeTrouble(scene: Scene, thrown: unknown): SnapshotFilesView['trouble'] {
  if (!isShown(thrown)) throw thrown;
  const { urls } = scene.visit;
  const { snapshot } = scene;
  const byHand = { href: urls.snapshot({ snapshot: snapshot.id }), label: 'See how to restore by hand' };
  if (thrown.code === 'unavailable')
    return {
      title: 'No host could look into it.',
      text: thrown.message,
      href: urls.host({ host: snapshot.host }),
      label: 'Open the host',
    };
  if (thrown.code === 'not_found')
    return {
      title: 'There is no such directory.',
      text: thrown.message,
      href: hrefOf(scene, { path: '/' }),
      label: 'Go to the root',
    };
  return { title: 'This cannot be shown.', text: thrown.message, ...byHand };
}

async function readContents(
  scene: Scene,
  wish: ReturnType<typeof readQuery>,
  first: string,
): Promise<Pick<SnapshotFilesView, 'branch' | 'trouble' | 'lede'> & { path: string }> {
  const { context, visit, snapshot } = scene;
  const path = wish.path ?? first;
  try {
    if (wish.search !== undefined) {
      const { answer } = await findInSnapshot(context, visit.caller, snapshot.id, { name: wish.search });
      const lines = answer.entries.map((entry) => toFoundLine(scene, entry));
      const lede = answer.truncated
        ? `The first ${formatCount(lines.length)}; there are more. Type more of the name.`
        : undefined;
      return { path, branch: { lines }, lede };
    }
    const listing = await readPlace(scene, wish.path, first, wish.after);
    const shown =
      wish.after > 0 ? `Entries ${formatCount(wish.after + 1)} to ${formatCount(wish.after + listing.entries.length)} of` : '';
    const lede = `${shown} ${formatNoun(listing.total, 'entry', 'entries')}${listing.total > BROWSE.entriesPerPage ? ', directories first' : ''}.`;
    return { path: listing.path, branch: toBranch(scene, listing), lede: lede.trim() };
  } catch (thrown) {
    return { path, trouble: describeTrouble(scene, thrown) };
  }
}

async function showFiles(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const snapshot = await getSnapshot(context, caller, getParam(visit, 'snapshot', idSchema('snapshot')));
  const scene: Scene = { context, visit, snapshot };
  const wish = readQuery(visit);
  if (wish.path !== undefined && wish.branch !== '' && visit.isFragment) {
    const part = wish.branch === 'more' ? nameNode(`${wish.path}//${wish.after}`) : nameNode(wish.path);
    if (wantsPart(visit, part)) return showBranch(scene, wish.path, wish.after, wish.branch);
  }
  const names = await loadNames(context, caller, { sources: [snapshot.source], hosts: [snapshot.host] });
  const source = names.sources.get(snapshot.source);
  const face = readClockface(context, visit);
  const name = nameOf(names.sources, snapshot.source, 'source');
  const contents = await readContents(scene, wish, findFirstPlace(source));
  const view: SnapshotFilesView = {
    face,
    crumbs: [
      { label: 'Snapshots', href: urls.snapshots({ source: snapshot.source }) },
      { label: `${name} ${snapshot.engineId.slice(0, 8)}`, href: urls.snapshot({ snapshot: snapshot.id }) },
      { label: 'Files' },
    ],
    heading:
      wish.search === undefined
        ? `Files of ${name} as of ${formatDay(snapshot.createdAt, face)}.`
        : `${formatNoun(contents.branch?.lines.length ?? 0, 'name')} with “${wish.search}” in ${name}.`,
    lede: contents.lede,
    places: listPlaces(scene, contents.path),
    search: wish.search ?? '',
    action: hrefOf(scene, {}),
    chooseAction: urls.restoreFiles({ snapshot: snapshot.id }),
    restoreAllHref:
      wish.search === undefined && contents.trouble === undefined
        ? urls.restoreFiles({ snapshot: snapshot.id }, { path: contents.path })
        : undefined,
    branch: contents.branch,
    trouble: contents.trouble,
    backHref: urls.snapshot({ snapshot: snapshot.id }),
    diffHref: urls.snapshotDiff({ snapshot: snapshot.id }),
  };
  return { kind: 'page', html: snapshotFilesPage(await buildShell(context, visit, 'snapshots'), view) };
}

export const SNAPSHOT_FILES_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.snapshotFiles, handle: showFiles }];
