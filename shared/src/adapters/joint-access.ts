/**
 * Two repositories that one restic reaches at once, to copy from one to the other. restic knows one password and one address for each, and
 * everything else, such as the keys of a cloud or the command for SFTP, only once for both. Pure.
 */
import { AppError } from '../errors.ts';
import type { RepositoryAccess } from './repository.ts';

/** What restic reads twice, and the name under which it looks for it the second time. */
const TWICE: Readonly<Record<string, string>> = {
  RESTIC_REPOSITORY: 'RESTIC_FROM_REPOSITORY',
  RESTIC_REPOSITORY_FILE: 'RESTIC_FROM_REPOSITORY_FILE',
  RESTIC_PASSWORD_FILE: 'RESTIC_FROM_PASSWORD_FILE',
  RESTIC_KEY_HINT: 'RESTIC_FROM_KEY_HINT',
};

const REFUSAL =
  'no single restic reaches these two repositories: they are of one kind and differ in more than address and password. Give both the same keys, or reach one of them in another way';

/** `-o name=value` by name; everything else may be there twice. */
function listOptions({ args }: RepositoryAccess): Map<string, string> {
  const pairs = args.flatMap((arg, index) => (args[index - 1] === '-o' ? [arg] : []));
  return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair]));
}

const listShared = ({ env }: RepositoryAccess) => Object.entries(env).filter(([name]) => !Object.hasOwn(TWICE, name));

function isSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([name, value]) => other.get(name) === value);
}

/** What begins alike, as `AWS_` and `s3.`, belongs to one kind of storage: where both have some, both must have all of it, and the same. */
function demandSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): void {
  const kindOf = (name: string) => name.split(/[_.]/u)[0] ?? name;
  const kinds = new Set([...one.keys()].map(kindOf));
  if (![...other.keys()].some((name) => kinds.has(kindOf(name)))) return;
  if (!isSame(one, other)) throw new AppError('unsupported', REFUSAL);
}

/**
 * The access to `to` that reaches `from` as the one to copy from. Both must have been planned for different directories, so that their files
 * stand side by side. Throws `unsupported` where restic would take the keys of one for the other.
 */
export function joinAccess(from: RepositoryAccess, to: RepositoryAccess): RepositoryAccess {
  const usesKeys = (access: RepositoryAccess) => listShared(access).length > 0;
  if (usesKeys(from) && usesKeys(to)) {
    demandSame(new Map(listShared(from)), new Map(listShared(to)));
    // A way of addressing that only one of two clouds has would be taken for the other as well.
    if (!isSame(listOptions(from), listOptions(to))) throw new AppError('unsupported', REFUSAL);
  }
  demandSame(listOptions(from), listOptions(to));
  const renamed = Object.entries(from.env).map(([name, value]) => [TWICE[name] ?? name, value] as const);
  const options = listOptions(to);
  const isRepeated = (index: number) => {
    const pair = from.args[index] === '-o' ? from.args[index + 1] : from.args[index];
    return pair !== undefined && [...options.values()].includes(pair);
  };
  return {
    env: { ...Object.fromEntries(renamed), ...to.env },
    files: [...from.files, ...to.files],
    args: [...from.args.filter((_, index) => !isRepeated(index)), ...to.args],
    redact: [...from.redact, ...to.redact],
  };
}
