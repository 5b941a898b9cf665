/** The commands that get a snapshot back without this server: restic and the database's own tools. Pure. */
import { quoteWord } from '@holdfast/shared/shell-word.ts';

export interface ByHandSnapshot {
  engineId: string;
  /** The file inside a dump's snapshot; undefined for trees. */
  fileName?: string | undefined;
  role: 'data' | 'globals';
  /** How the source's adapter reads the file: the last line takes it on standard input. Empty where the source is gone. */
  lines: readonly string[];
  /** Where the repository is, as its adapter says it. */
  repository: string;
}

export interface ByHandStep {
  label: string;
  /** The line that does it; undefined where it depends on the server it is read into. */
  command?: string | undefined;
}

export function listByHandSteps(snapshot: ByHandSnapshot): readonly ByHandStep[] {
  const id = snapshot.engineId.slice(0, 16);
  const reach: ByHandStep = {
    label: `Tell restic where the repository is (${snapshot.repository}) and where its password lies.`,
    command: 'export RESTIC_REPOSITORY=… RESTIC_PASSWORD_FILE=…',
  };
  if (snapshot.fileName === undefined)
    return [reach, { label: 'Bring the files to a new directory.', command: `restic restore ${id} --target /restored` }];
  const path = quoteWord(`/${snapshot.fileName}`);
  const reader = snapshot.lines.at(-1);
  if (reader !== undefined) {
    const what = snapshot.role === 'globals' ? 'Read the roles into the server, before the data' : 'Read the dump into it';
    return [
      reach,
      ...snapshot.lines.slice(0, -1).map((command) => ({ label: 'Make a new, empty database.', command })),
      {
        label: `${what}; with pipefail a dump that breaks off does not look restored.`,
        command: `set -o pipefail; restic dump ${id} ${path} | ${reader}`,
      },
    ];
  }
  const file = quoteWord(snapshot.fileName);
  const dump: ByHandStep = {
    label: 'Take the dump out of the snapshot.',
    command: `restic dump ${id} ${path} > ${file}`,
  };
  const read =
    snapshot.role === 'globals'
      ? 'Read the roles into the server before the data, with its own client.'
      : 'Read it into a new, empty database with the server’s own tool: pg_restore, mariadb or mysql.';
  return [reach, dump, { label: read }];
}
