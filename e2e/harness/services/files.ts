import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, link, lstat, lutimes, mkdir, open, readdir, readlink, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

export type FileTreeOptions = {
  /** The same seed and sizes always make the same tree, times included. */
  readonly seed: string;
  /** Plain files spread over folders, beside the odd ones. 20 unless told. */
  readonly files?: number;
  /** Total size of the plain files, incompressible. 1 unless told. */
  readonly megabytes?: number;
};

/** Everything a restore has to bring back about one path; `links` names the first path of a group of hard links. */
export type TreeEntry = {
  readonly kind: 'file' | 'directory' | 'symlink' | 'other';
  readonly mode: string;
  readonly owner: string;
  readonly mtimeNs: string;
  readonly size?: string;
  readonly sha256?: string;
  readonly target?: string;
  readonly links?: string;
};

/**
 * Fills a directory (made when missing) with plain files and with what backups get wrong: all kinds of modes, setuid,
 * sticky, unreadable, symbolic (dangling, absolute, to folders) and hard links, a sparse file, empty files and folders,
 * names with newlines, quotes, leading dashes, Unicode in both normal forms and bytes that are not UTF-8, old and odd times.
 */
export async function makeFileTree(root: string, options: FileTreeOptions): Promise<void> {
  await mkdir(root, { recursive: true });
  await makePlainFiles(root, options);
  await makeOddNames(join(root, 'odd names'));
  await makeOddKinds(join(root, 'odd kinds'));
  await setTimes(root, options.seed);
}

/** Describes every path below `root`, `root` itself excepted; equal answers mean identical trees. Paths are percent-encoded bytes. */
export async function hashTree(root: string): Promise<Readonly<Record<string, TreeEntry>>> {
  const entries: Record<string, TreeEntry> = {};
  const firstByInode = new Map<string, string>();
  for (const path of await listTree(Buffer.from(root))) {
    const name = encodeBytes(path.subarray(Buffer.byteLength(root) + 1));
    entries[name] = await describeEntry(path, name, firstByInode);
  }
  return entries;
}

async function makePlainFiles(root: string, { seed, files = 20, megabytes = 1 }: FileTreeOptions): Promise<void> {
  const sizeBytes = Math.ceil((megabytes * 1_000_000) / Math.max(1, files));
  for (let index = 0; index < files; index += 1) {
    const folder = join(root, `folder ${index % 7}`, `deep ${index % 3}`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `file-${index}.bin`), createBytes(`${seed}/${index}`, sizeBytes + index));
  }
}

async function makeOddNames(folder: string): Promise<void> {
  await mkdir(folder);
  const names = [
    ...[
      'line\nbreak',
      '--option',
      '-rf',
      ' spaces around ',
      'quote\'s "double" `back`',
      'back\\slash',
      '$HOME;ls|&',
      '*?[x]',
      '%41',
      '...',
    ],
    ...[
      'Größe.txt',
      'e\u0301 decomposed',
      'é composed',
      '注文 заказ 🦔',
      '\u202ertl',
      'tab\tbell\u0007',
      `${'long'.repeat(60)}.txt`,
      '#hash',
      '!bang',
      'a:b',
    ],
  ];
  for (const name of names) await writeFile(join(folder, name), `content of ${JSON.stringify(name)}`);
  await writeFile(Buffer.concat([Buffer.from(`${folder}/not utf-8 `), Buffer.from([0xff, 0xfe, 0xe9])]), 'bytes');
}

async function makeOddKinds(folder: string): Promise<void> {
  await mkdir(folder);
  for (const mode of [0o400, 0o600, 0o640, 0o755, 0o777, 0o4755, 0o2755, 0o000]) {
    const path = join(folder, `mode ${mode.toString(8)}`);
    await writeFile(path, `mode ${mode.toString(8)}`);
    if (mode !== 0 || process.getuid?.() === 0) await chmod(path, mode);
  }
  await writeFile(join(folder, 'empty'), '');
  for (const [name, mode] of [
    ['empty folder', 0o755],
    ['private folder', 0o700],
    ['sticky folder', 0o1777],
  ] as const) {
    await mkdir(join(folder, name));
    await chmod(join(folder, name), mode);
  }
  await writeFile(join(folder, 'linked'), 'shared content');
  await link(join(folder, 'linked'), join(folder, 'linked again'));
  await link(join(folder, 'linked'), join(folder, 'sticky folder', 'linked elsewhere'));
  await symlink('linked', join(folder, 'to a file'));
  await symlink('../odd names', join(folder, 'to a folder'));
  await symlink('/nowhere/at all\n', join(folder, 'dangling'));
  await symlink('.', join(folder, 'loop'));
  const sparse = await open(join(folder, 'sparse'), 'w');
  await sparse.truncate(8 * 1024 * 1024);
  await sparse.write('end', 8 * 1024 * 1024 - 3);
  await sparse.close();
}

/** Gives each path a time of its own, deepest first, because filling a folder changes the folder's time. */
async function setTimes(root: string, seed: string): Promise<void> {
  for (const path of (await listTree(Buffer.from(root))).reverse()) {
    const spread = createHash('sha256')
      .update(seed)
      .update(path.subarray(Buffer.byteLength(root)))
      .digest()
      .readUInt32BE();
    const seconds = spread % 50 === 0 ? 1 : 946_684_800 + (spread % 700_000_000) + 0.25;
    const isLink = (await lstat(path)).isSymbolicLink();
    await (isLink ? lutimes(path, seconds, seconds) : utimes(path, seconds, seconds));
  }
}

/** All paths below a folder in byte order, each folder before what it holds. */
async function listTree(folder: Buffer): Promise<Buffer[]> {
  const paths: Buffer[] = [];
  const names = await readdir(folder, { encoding: 'buffer' });
  for (const name of names.sort(Buffer.compare)) {
    const path = Buffer.concat([folder, Buffer.from('/'), name]);
    paths.push(path);
    if ((await lstat(path)).isDirectory()) paths.push(...(await listTree(path)));
  }
  return paths;
}

async function describeEntry(path: Buffer, name: string, firstByInode: Map<string, string>): Promise<TreeEntry> {
  const facts = await lstat(path, { bigint: true });
  const shared = {
    mode: (facts.mode & 0o7777n).toString(8),
    owner: `${facts.uid}:${facts.gid}`,
    mtimeNs: String(facts.mtimeNs),
  };
  if (facts.isDirectory()) return { kind: 'directory', ...shared };
  if (facts.isSymbolicLink())
    return { kind: 'symlink', ...shared, target: encodeBytes(await readlink(path, { encoding: 'buffer' })) };
  if (!facts.isFile()) return { kind: 'other', ...shared };
  const inode = `${facts.dev}:${facts.ino}`;
  const first = firstByInode.get(inode) ?? name;
  firstByInode.set(inode, first);
  const links = facts.nlink > 1n ? { links: first } : {};
  return { kind: 'file', ...shared, size: String(facts.size), sha256: await hashFile(path), ...links };
}

async function hashFile(path: Buffer): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Incompressible bytes from a seed. */
function createBytes(seed: string, sizeBytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

function encodeBytes(bytes: Buffer): string {
  return bytes.toString('latin1').replaceAll(/[^ !#$&-~]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
