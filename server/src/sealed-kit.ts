/** `holdfast-server recovery-kit --sealed`: the sealed copies as they lie in a database, which needs no key of the server. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@holdfast/shared/errors.ts';
import { flatten } from './core/repositories/opening-text.ts';
import { nameCopyFile } from './core/repositories/repository-opening.ts';
import { readSealedCopies, type SealedFile } from './store/sqlite/file/sealed-copies.ts';

function getCopies(database: string): readonly SealedFile[] {
  const copies = readSealedCopies(database);
  if (copies.length > 0) return copies;
  throw new AppError('not_found', `${database} holds no sealed copy: there is no recovery key, or no repository`);
}

/** All of them as text for standard output, each below the name of its repository. Throws `not_found` where there is none. */
export function readSealedKit(database: string, json: boolean): string {
  const copies = getCopies(database);
  if (json) return `${JSON.stringify(copies)}\n`;
  return copies.map(({ name, sealed }) => `${flatten(name)}\n${sealed}`).join('\n');
}

/** A file for each in this directory, which is made where it is not there; says which, for standard output. Throws as `readSealedKit`. */
export function writeSealedKit(database: string, directory: string, json: boolean): string {
  const copies = getCopies(database);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const written = copies.map(({ repository, name, sealed }) => {
    const file = join(directory, nameCopyFile(repository, name));
    writeFileSync(file, sealed, { mode: 0o600 });
    return { repository, name, file };
  });
  return json ? `${JSON.stringify(written)}\n` : written.map(({ file }) => `${file}\n`).join('');
}
