import type { Finding } from './import-rules.ts';
import type { SourceFile } from './imports.ts';

const EXACT = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;
const DEPENDENCY_FIELDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;

type Manifest = Readonly<Partial<Record<(typeof DEPENDENCY_FIELDS)[number], Readonly<Record<string, string>>>>>;
type LockEntry = { readonly resolved?: string; readonly link?: boolean; readonly hasInstallScript?: boolean };
type Lock = { readonly packages: Readonly<Record<string, LockEntry>> };

/** Dependencies that leave the choice of version to the day of the installation. */
export function findLooseVersions(manifests: readonly SourceFile[]): Finding[] {
  return manifests.flatMap((file) => {
    const manifest = JSON.parse(file.text) as Manifest;
    return DEPENDENCY_FIELDS.flatMap((field) =>
      Object.entries(manifest[field] ?? {})
        .filter(([, version]) => !EXACT.test(version))
        .map(([name, version]) => `${file.path}: ${name} is not pinned exactly (${version})`),
    );
  });
}

/** Addresses in the lock: each machine fetches from the registry it is configured for. Links between workspaces are paths. */
export function findResolvedAddresses(lock: SourceFile): Finding[] {
  return listLockEntries(lock)
    .filter(([, entry]) => entry.resolved !== undefined && entry.link !== true)
    .map(([name, entry]) => `${lock.path}: ${name} is resolved to ${entry.resolved}`);
}

/** Packages with an install script that package.json does not allow by name. */
export function findUnallowedInstallScripts(lock: SourceFile, root: SourceFile): Finding[] {
  const allowed = (JSON.parse(root.text) as { allowScripts?: Readonly<Record<string, boolean>> }).allowScripts ?? {};
  return listLockEntries(lock)
    .filter(([, entry]) => entry.hasInstallScript === true)
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
    .filter((name) => !(name in allowed))
    .map((name) => `${root.path}: allowScripts does not decide about ${name}, which has an install script`);
}

function listLockEntries(lock: SourceFile): [string, LockEntry][] {
  return Object.entries((JSON.parse(lock.text) as Lock).packages);
}
