/** What opens one repository without this server: where it is, and what restic has to be told. */
import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import type { Secrets } from '@holdfast/shared/adapters/field.ts';
import { listOpeningLines, nameSecret } from '@holdfast/shared/adapters/opening-by-hand.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import type { Repository } from '../../store/repositories.ts';
import type { CoreContext } from '../ports.ts';
import { decryptSecrets } from '../secrets.ts';

/** Where the files that the lines make lie on the machine of whoever restores. */
const FOLDER = '/root/holdfast-recovery';

export interface RepositoryOpening {
  name: string;
  kind: string;
  where: string;
  /** The host on whose disk it lies; undefined for one that is reached from anywhere. */
  onHost?: string | undefined;
  engineId?: string | undefined;
  /** Lines for a POSIX shell after which plain `restic` works. */
  opening: readonly string[];
  /** Words in these lines that a person replaces, with what belongs there; empty where the secrets stand in them. */
  blanks: readonly { word: string; label: string }[];
}

/** A word in place of each secret that the repository has. */
function nameSecrets({ secrets }: Repository): Secrets {
  return Object.fromEntries(Object.keys(secrets).map((field) => [field, nameSecret(field)]));
}

/** What is left of a name without anything a shell or ssh would read in it; it may be nothing. */
function toPlainName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 40);
}

/** A directory's name that says whose it is. */
function nameFolder({ name, id }: Repository): string {
  const plain = toPlainName(name);
  return `${FOLDER}/${plain === '' ? id : plain}`;
}

/** A file's name that says whose it is and is no other one's. */
export function nameCopyFile(id: string, name: string): string {
  return `${[toPlainName(name), id.replaceAll(/[^A-Za-z0-9_-]/gu, '')].filter((part) => part !== '').join('-')}.age`;
}

/**
 * `hostName` is that of the host it was tested from. With secrets it throws `integrity` where one cannot be decrypted; settings that this
 * release cannot plan with stand as a remark in place of the lines.
 */
export function describeOpening(
  context: CoreContext,
  repository: Repository,
  hostName: string | undefined,
  hasSecrets: boolean,
): RepositoryOpening {
  const { id, name, kind, config, engineId, tenant } = repository;
  const adapter = getRepositoryAdapter(kind);
  const secrets = hasSecrets
    ? decryptSecrets(context, { tenant, table: 'repositories', row: id }, repository.secrets)
    : nameSecrets(repository);
  const labels = new Map(adapter.fields.map((field) => [field.name, field.label]));
  let opening: readonly string[];
  try {
    opening = listOpeningLines(adapter, { config, secrets, folder: nameFolder(repository) });
  } catch (error) {
    // Config of an older release that this one cannot plan with: the others are needed all the same.
    opening = [`# ${toAppError(error).message}`];
  }
  return {
    name,
    kind: adapter.label,
    where: adapter.describe(config),
    onHost: adapter.localPath === undefined ? undefined : hostName,
    engineId,
    opening,
    blanks: hasSecrets
      ? []
      : Object.keys(repository.secrets).map((field) => ({ word: nameSecret(field), label: labels.get(field) ?? field })),
  };
}
