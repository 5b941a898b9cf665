/** Writes a command's secret files (0600) into the run's private directory and removes them afterwards. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, relative, sep } from 'node:path';
import { AppError } from '@holdfast/shared/errors.ts';
import type { StageCommand } from './contract.ts';

function assertInside(workDir: string, path: string): void {
  const inside = relative(workDir, path);
  if (inside === '' || inside.startsWith('..') || inside.startsWith(sep)) {
    throw new AppError('internal', 'a command wants a file outside its private directory');
  }
}

/**
 * Files may be shared by the commands of one pipeline; the same path must then have the same content. Returns how to remove them. Throws
 * `internal` for other content in the same path, and for a path outside `workDir`.
 */
export function writeCommandFiles(workDir: string, commands: readonly Pick<StageCommand, 'files'>[]): () => void {
  const written = new Map<string, string>();
  for (const file of commands.flatMap((command) => command.files)) {
    assertInside(workDir, file.path);
    const before = written.get(file.path);
    if (before === file.content) continue;
    if (before !== undefined) throw new AppError('internal', 'two commands want different content in one file');
    mkdirSync(dirname(file.path), { recursive: true, mode: 0o700 });
    writeFileSync(file.path, file.content, { mode: 0o600 });
    written.set(file.path, file.content);
  }
  return () => {
    for (const path of written.keys()) rmSync(path, { force: true });
  };
}
