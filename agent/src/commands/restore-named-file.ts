/** `holdfast-agent restore --file`: a dump or script of this host into a database, with the server away. Whoever runs it names the file. */
import { resolve } from 'node:path';
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { describeDump } from '@holdfast/shared/domain/dump-file.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { withWorkDir } from '../runs/inputs.ts';
import { adaptRestore, openNamedDump } from '../runs/restore/database/host-dump.ts';
import { restoreDatabase } from '../runs/restore/database/restore-database.ts';
import { createConsoleRecorder } from './console-run.ts';
import { printJson, printLine } from './output.ts';
import { tellPolicy } from './policy-by-hand.ts';
import { type ByHand, chooseSafetyPlace, describeTarget, getOpenSource, openTarget } from './restore-into-database.ts';
import { decideDatabase, refuseWishes } from './restore-way.ts';
import { parseOptions, type RestoreWishes } from './restore-wishes.ts';

/** Throws `invalid` with one line for what cannot be done. */
function checkWishes(wishes: RestoreWishes): { path: string; source: string } {
  const { file, source, toDatabase } = wishes;
  refuseWishes(wishes, ['list', 'snapshot', 'limit', 'readFirst', 'throughSource', 'to'], 'does not go with --file');
  if (file === undefined || toDatabase === undefined)
    throw new AppError('invalid', 'say under which new name the dump is restored, with --to-database NAME');
  if (source === undefined)
    throw new AppError('invalid', 'say through which source’s connection the file is restored, with --source NAME');
  return { path: resolve(file), source };
}

export async function restoreNamedFile(byHand: ByHand & { json: boolean }): Promise<void> {
  const { tooling, wishes, signal } = byHand;
  const { path, source } = checkWishes(wishes);
  const { owners, ...options } = parseOptions(wishes);
  const through = getOpenSource(byHand, source);
  const { restore: engine } = getSourceAdapter(through.kind);
  if (!engine) throw new AppError('invalid', 'this source is a tree of files; a dump goes through the connection of a database');
  const way = decideDatabase(wishes, engine.planSchemas !== undefined);
  tellPolicy(tooling, way);
  const result = await withWorkDir(tooling, async (workDir) => {
    const target = openTarget(byHand, through, way, workDir);
    const { restore, connection } = target;
    const file = openNamedDump(path, { restore, kind: connection.adapter.kind, workDir });
    try {
      const recorder = createConsoleRecorder(tooling);
      recorder.log('info', `restores ${file.path}: ${describeDump(file.dump)}, ${file.sizeBytes} bytes`);
      const { evidence, warnings } = await restoreDatabase({
        ...describeTarget(byHand, target, () => chooseSafetyPlace(byHand, through)),
        tooling,
        exec: tooling.exec,
        recorder,
        sizeBytes: file.sizeBytes,
        workDir,
        signal,
        restore: adaptRestore(restore, file, tooling.crypto),
        file,
        origin: file,
        options: { ...options, ...(owners === false ? { owners } : {}) },
      });
      return { target: way.database, mode: way.mode, evidence, warnings };
    } finally {
      file.close();
    }
  });
  if (byHand.json) printJson({ file: path, source: through.name, ...result });
  else printLine(`restored ${path} to ${result.target}`);
}
