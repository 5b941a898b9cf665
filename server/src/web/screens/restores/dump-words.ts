/** What a person reads about dump files that lie on hosts. */
import type { ChosenDump, RecognisedDump } from '@holdfast/shared/domain/dump-file.ts';
import { showStoredText, splitStoredPath } from '@holdfast/shared/domain/stored-path.ts';
import type { RestoreTarget } from '@holdfast/shared/protocol/events.ts';

const ENGINES: Readonly<Record<RecognisedDump['engine'], string>> = {
  postgres: 'PostgreSQL',
  mariadb: 'MariaDB',
  mysql: 'MySQL',
};

/** What a server has to be so that the file can go to it. */
export const nameEngine = ({ engine }: Pick<RecognisedDump, 'engine'>): string => ENGINES[engine];

/** The file that a restore brings back in place of a snapshot. */
export function findRestoredFile({ target }: { readonly target?: RestoreTarget | undefined }): ChosenDump | undefined {
  return target?.kind === 'database' ? target.from : undefined;
}

/** The last name of a path, as people read it. */
export function nameFile({ path }: Pick<ChosenDump, 'path'>): string {
  return showStoredText(splitStoredPath(path).at(-1) ?? path);
}
