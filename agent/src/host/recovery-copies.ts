/**
 * What opens the repositories of this host, sealed to a recovery key that people keep: a file for each, beside the agent's state. To the agent
 * they are text that it cannot read; they serve who has that key, when the server and its copies are gone.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RepositoryId } from '@holdfast/shared/domain/ids.ts';
import type { Spec } from '@holdfast/shared/domain/plan.ts';
import { RECOVERY } from '@holdfast/shared/limits.ts';
import { ensurePrivateDirectory, readPrivateFile, removePrivateFile, replacePrivateFile } from '../identity/private-file.ts';

/** With which every such text begins, and nothing but letters of ASCII follows. */
const AGE_FILE = /^-----BEGIN AGE ENCRYPTED FILE-----\n[\n\x20-\x7e]*$/u;

const nameFile = (id: RepositoryId): string => `${id}.age`;

/** In the state directory of the agent. */
function findRecoveryFolder(stateDir: string): string {
  return join(stateDir, 'recovery');
}

/** Where the copy of a repository lies. */
export function findCopyFile(stateDir: string, id: RepositoryId): string {
  return join(findRecoveryFolder(stateDir), nameFile(id));
}

export interface RecoveryCopy {
  id: RepositoryId;
  name: string;
  sealed: string;
}

/** Those that a spec brings; what is no file of age is none. */
export function listRecoveryCopies(spec: Pick<Spec, 'repositories'>): readonly RecoveryCopy[] {
  return spec.repositories.flatMap(({ id, name, recoveryCopy }) =>
    recoveryCopy !== undefined && AGE_FILE.test(recoveryCopy) ? [{ id, name, sealed: recoveryCopy }] : [],
  );
}

async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Makes the files those of the spec: what is as it should be stays untouched, and what belongs to no repository any more goes. */
export async function writeRecoveryCopies(stateDir: string, spec: Pick<Spec, 'repositories'>): Promise<void> {
  const folder = findRecoveryFolder(stateDir);
  const copies = listRecoveryCopies(spec);
  const wanted = new Set(copies.map(({ id }) => nameFile(id)));
  for (const file of await listFiles(folder)) if (!wanted.has(file)) await removePrivateFile(join(folder, file));
  if (copies.length === 0) return;
  await ensurePrivateDirectory(folder);
  for (const { id, sealed } of copies) {
    const path = join(folder, nameFile(id));
    // One that others may read, or that cannot be read, is written anew.
    const present = await readPrivateFile(path, RECOVERY.copyChars).catch(() => undefined);
    if (present !== sealed) await replacePrivateFile(path, sealed);
  }
}

export interface RecoveryKeeper {
  /** The files follow this spec, soon; of several in a row the last one counts. Never throws: a failure is logged. */
  adopt(spec: Spec): void;
  /** Resolves when nothing is being written. */
  settle(): Promise<void>;
}

export function createRecoveryKeeper(
  stateDir: string,
  log: { error(fields: { readonly err: unknown }, message: string): void },
): RecoveryKeeper {
  let next: Spec | undefined;
  let turn: Promise<void> = Promise.resolve();
  const write = async (): Promise<void> => {
    const spec = next;
    next = undefined;
    if (spec === undefined) return;
    await writeRecoveryCopies(stateDir, spec).catch((error: unknown) =>
      log.error({ err: error }, 'the sealed copies of what opens the repositories could not be written'),
    );
  };
  return {
    adopt(spec) {
      next = spec;
      turn = turn.then(write);
    },
    settle: () => turn,
  };
}
