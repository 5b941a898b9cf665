/** A look at the live source before anything is read: its version, its size, what a person should know. */
import { access, constants, lstat, opendir, realpath, stat } from 'node:fs/promises';
import type { Probe } from '@holdfast/shared/adapters/source.ts';
import { createReasonError } from '@holdfast/shared/domain/reason.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import type { Exec } from '../../exec/contract.ts';
import type { PreparedSource } from '../inputs.ts';
import { getBinary, type Tooling } from '../workbench.ts';

/** Whether a directory has nothing in it; false for what is none, or cannot be looked into. */
async function isEmpty(path: string): Promise<boolean> {
  const directory = await opendir(path).catch(() => undefined);
  if (!directory) return false;
  const first = await directory.read().catch(() => undefined);
  await directory.close();
  return first === null;
}

async function checkPaths(source: PreparedSource, takesLinks: boolean): Promise<Probe> {
  const paths = source.input.config['paths'];
  const warnings: string[] = [];
  for (const path of Array.isArray(paths) ? (paths as readonly string[]) : []) {
    try {
      if (takesLinks && (await lstat(path)).isSymbolicLink()) continue;
      await stat(path);
      await access(path, constants.R_OK);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EACCES') throw createReasonError('files_unreadable', `${path} may not be read by the agent`);
      throw createReasonError('source_missing', `${path} is not there (${code ?? 'unknown error'})`);
    }
    // The engine follows links on the way to a path, and stores one that a path ends in as what it is.
    if ((await lstat(path)).isSymbolicLink())
      throw createReasonError(
        'source_link',
        `${path} is a symbolic link to ${await realpath(path)}, whose content would not be in the backup`,
      );
    if (await isEmpty(path)) warnings.push(`${path} is an empty directory: where a disk or share belongs there, mount it`);
  }
  return { serverVersion: '', facts: {}, warnings };
}

/** Throws with a reason and the tool's own words when the source cannot be read. `takesLinks`: a path that is a link is to be stored as one. */
export async function probeSource(
  tooling: Tooling,
  exec: Exec,
  source: PreparedSource,
  { signal, takesLinks = false }: { signal?: AbortSignal | undefined; takesLinks?: boolean | undefined } = {},
): Promise<Probe> {
  const command = source.adapter.planProbe(source.input);
  if (!command) return checkPaths(source, takesLinks);
  const stage = { command, binary: getBinary(tooling, command.tool) };
  const result = await exec.runTool({ stage, workDir: source.input.workDir, timeoutMs: PROCESS.toolTimeoutMs, signal });
  if (result.ending === 'cancelled') throw createReasonError('cancelled', 'Cancelled while looking at the source');
  if (result.ending === 'timed_out') {
    throw createReasonError('database_unreachable', `${command.tool} did not answer within ${PROCESS.toolTimeoutMs / 1000} s`);
  }
  return source.adapter.parseProbe(result);
}
