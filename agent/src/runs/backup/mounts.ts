/** Which file systems a tree of files lies on, by `/proc/self/mountinfo` (proc_pid_mountinfo(5)). Pure. */
import { join, matchesGlob, relative } from 'node:path';
import type { TreeArtifact } from '@holdfast/shared/adapters/source.ts';

interface Mount {
  /** Where it is mounted. */
  point: string;
  /** `major:minor` of what is mounted, and the directory in it that is shown here. */
  device: string;
  root: string;
  type: string;
}

/** They hold nothing that is kept, or come and go with programs that run; `autofs` is where something is mounted as soon as it is looked at. */
const PASSING =
  /^(?:autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|fusectl|hugetlbfs|mqueue|nsfs|proc|pstore|ramfs|rootfs|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tmpfs|tracefs|aufs|overlay|fuse\.(?:.*overlay.*|gvfsd-fuse|lxcfs|portal|snapfuse))$/;

/** Snapshots of a file server or of ZFS, mounted while somebody looks into them. */
const OF_SNAPSHOTS = /\/\.(?:zfs|snapshots?)(?:\/|$)/;

export const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);

/** Blanks, tabs, line breaks and backslashes of names are written as octal numbers. */
const readName = (text: string) =>
  text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** By mount point: of several at one place the last is what is seen. */
function parseMounts(text: string): Map<string, Mount> {
  const mounts = new Map<string, Mount>();
  for (const line of text.split('\n')) {
    const [own = '', about = ''] = line.split(' - ');
    const [, , device, root, point] = own.split(' ');
    const type = about.split(' ')[0];
    if (device === undefined || root === undefined || point === undefined || type === undefined) continue;
    const mount = { point: readName(point), device, root: readName(root), type };
    mounts.delete(mount.point);
    mounts.set(mount.point, mount);
  }
  return mounts;
}

function findAbove(mounts: ReadonlyMap<string, Mount>, path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts.values())
    if (mount.point !== path && isBelow(path, mount.point) && mount.point.length > (best?.point.length ?? 0)) best = mount;
  return best;
}

/** Services are given mounts of what would be seen there anyway, to change the rights they have in them. */
function showsWhatIsThere(mounts: ReadonlyMap<string, Mount>, { point, device, root }: Mount): boolean {
  const above = findAbove(mounts, point);
  return above !== undefined && above.device === device && join(above.root, relative(above.point, point)) === root;
}

/** As restic reads its patterns: an absolute one from the root, another one anywhere; what is below an excluded directory is excluded too. */
function isExcluded(path: string, excludes: readonly string[]): boolean {
  const parts = path.split('/').slice(1);
  const ancestors = parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
  return excludes.some((pattern) => {
    const plain = pattern.replace(/(?<=.)\/+$/, '');
    const anywhere = plain.startsWith('/') ? plain : `/**/${plain}`;
    return ancestors.some((ancestor) => ancestor === plain || matchesGlob(ancestor, anywhere));
  });
}

export type Tree = Pick<TreeArtifact, 'paths' | 'excludes' | 'oneFileSystem' | 'removable'>;

/** Whether what is mounted there is part of the tree: below one of its paths, or holding one, and meant to be there. */
export function isPartOf({ paths, excludes, oneFileSystem, removable }: Tree, point: string): boolean {
  if (removable.some((path) => isBelow(point, path)) || isExcluded(point, excludes)) return false;
  return paths.some((path) => isBelow(path, point) || (!oneFileSystem && isBelow(point, path)));
}

/**
 * Mount points of the file systems that hold something of the tree, but the root of the host; sorted. A path’s own is the nearest above it.
 * `present`: all places at which anything is mounted, or will be when it is looked at.
 */
export function listVolumes(mountinfo: string, tree: Tree): { volumes: readonly string[]; present: ReadonlySet<string> } {
  const mounts = parseMounts(mountinfo);
  const own = [...mounts.values()].filter(
    (mount) => !PASSING.test(mount.type) && !OF_SNAPSHOTS.test(mount.point) && !showsWhatIsThere(mounts, mount),
  );
  const holders = new Set(
    tree.paths.flatMap((path) => {
      const above = own.filter(({ point }) => isBelow(path, point)).map(({ point }) => point);
      return above.toSorted((a, b) => b.length - a.length).slice(0, 1);
    }),
  );
  const volumes = own
    .map(({ point }) => point)
    .filter((point) => point !== '/' && isPartOf(tree, point))
    .filter((point) => holders.has(point) || tree.paths.some((path) => isBelow(point, path)));
  return { volumes: volumes.toSorted(), present: new Set(mounts.keys()) };
}
