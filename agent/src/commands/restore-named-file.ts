/** `holdfast-agent restore --file`: a dump or script of this host into a new database, with the server away. Whoever runs it names the file. */
import { resolve } from 'node:path';
import { describeDump } from '@holdfast/shared/domain/dump-file.ts';
import type { Spec, SpecSource } from '@holdfast/shared/domain/plan.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { GivenSecrets } from '../given-secrets.ts';
import { adaptRestore, openNamedDump } from '../runs/host-dump.ts';
import { prepareSource, withWorkDir } from '../runs/inputs.ts';
import { restoreDatabase } from '../runs/restore-database.ts';
import type { HostTooling } from '../tooling.ts';
import { createConsoleRecorder, listenForStop } from './console-run.ts';
import { printJson, printLine } from './output.ts';
import { parseOptions, type RestoreWishes } from './restore-wishes.ts';
import { createMissingError, isOpenable } from './secrets-by-hand.ts';

function getSource({ sources }: Spec, wanted: string | undefined, given: GivenSecrets | undefined): SpecSource {
  if (wanted === undefined)
    throw new AppError('invalid', 'say through which source’s connection the file is restored, with --source NAME');
  const source = sources.find(({ id, name }) => id === wanted || name === wanted);
  if (!source) throw new AppError('not_found', `this host has no source ${JSON.stringify(wanted)}`);
  if (!isOpenable(source, given)) throw createMissingError('source', [source]);
  return source;
}

function checkWishes(wishes: RestoreWishes): { file: string; database: string } {
  const { file, toDatabase, to } = wishes;
  if (wishes.list || to !== undefined || wishes.limit !== undefined)
    throw new AppError('invalid', '--file goes with --source, --to-database, --jobs and --no-owners alone');
  if (file === undefined || toDatabase === undefined)
    throw new AppError('invalid', 'say under which new name the dump is restored, with --to-database NAME');
  return { file: resolve(file), database: toDatabase };
}

/** Throws `invalid` with one line for what cannot be done. */
export async function restoreNamedFile(
  tooling: HostTooling,
  spec: Spec,
  wishes: RestoreWishes & { json?: boolean },
  given: GivenSecrets | undefined,
): Promise<void> {
  const { file: path, database } = checkWishes(wishes);
  const { owners, ...options } = parseOptions(wishes);
  const chosen = getSource(spec, wishes.source, given);
  const signal = listenForStop();
  const { evidence, warnings } = await withWorkDir(tooling, async (workDir) => {
    const connection = prepareSource(tooling, chosen, workDir);
    const { restore, kind } = connection.adapter;
    if (!restore)
      throw new AppError('invalid', 'this source is a tree of files; a dump goes through the connection of a database');
    const file = openNamedDump(path, { restore, kind, workDir });
    try {
      const recorder = createConsoleRecorder(tooling);
      recorder.log('info', `restores ${file.path}: ${describeDump(file.dump)}, ${file.sizeBytes} bytes`);
      return await restoreDatabase({
        tooling,
        exec: tooling.exec,
        recorder,
        sizeBytes: file.sizeBytes,
        workDir,
        signal,
        remember: () => undefined,
        connection,
        restore: adaptRestore(restore, file, tooling.crypto),
        file,
        origin: file,
        database,
        mode: 'new',
        tables: [],
        options: { ...options, ...(owners === false ? { owners } : {}) },
      });
    } finally {
      file.close();
    }
  });
  if (wishes.json) printJson({ file: path, source: chosen.name, target: database, evidence, warnings });
  else printLine(`restored ${path} to ${database}`);
}
