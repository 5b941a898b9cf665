/** How a person with restic alone opens a repository: the very access that an agent plans, as lines for a POSIX shell. Pure. */
import { quoteWord } from '../shell-word.ts';
import type { CommandFile } from './command.ts';
import type { Config, Secrets } from './field.ts';
import type { RepositoryAdapter } from './repository.ts';

/** What stands in the lines where a secret belongs: `REST_PASSWORD` for the field `restPassword`. Letters and underscores, so that no escaping changes it. */
export function nameSecret(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** A word on a line of its own that no line of the content is. */
function chooseEnd(content: string): string {
  let word = 'END';
  while (content.split('\n').includes(word)) word += '_';
  return word;
}

function writeFile({ path, content }: CommandFile): readonly string[] {
  const end = chooseEnd(content);
  return [`cat > ${quoteWord(path)} <<'${end}'`, ...content.replace(/\n$/, '').split('\n'), end];
}

/**
 * Lines after which plain `restic snapshots` works in that shell. Files are made in `folder`, an absolute path without blanks and quotes, for
 * their owner alone. `secrets` are all that the repository has, plain, or what stands in their places. Throws `invalid` as `planAccess` does.
 */
export function listOpeningLines(
  adapter: Pick<RepositoryAdapter, 'planAccess'>,
  input: { config: Config; secrets: Secrets; folder: string },
): readonly string[] {
  const { env, files, args } = adapter.planAccess({ config: input.config, secrets: input.secrets, workDir: input.folder });
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoteWord(value)}`);
  return [
    'umask 077',
    `mkdir -p ${quoteWord(input.folder)}`,
    ...files.flatMap(writeFile),
    ...exports,
    ...(args.length === 0 ? [] : [`restic() { command restic ${args.map(quoteWord).join(' ')} "$@"; }`]),
  ];
}
