/** The stage that makes a dump fit a database of any name; its bytes go from process to process, never through the agent. */
import { join } from 'node:path';
import type { Stage } from '../../../exec/contract.ts';
import { findHostProgram } from './host-program.ts';

/** How the stage ends when the last line that passed is not that of a whole dump; no other program of a restore ends so. */
export const CUT_SHORT = 86;

const demandLast = (lastLine: string) => `\${\n/${lastLine}/!Q${CUT_SHORT}\n}\n`;

/**
 * `program`: as `renaming` of the adapter; undefined: there is nothing to change. `lastLine`: as `wholeLastLine` of the adapter, looked at as it
 * passes; undefined: a dump may end as it likes. Throws `tool_missing` where the host has no sed.
 */
export function planRenaming(program: string | undefined, workDir: string, lastLine?: string): Stage | undefined {
  if (program === undefined) return undefined;
  const path = join(workDir, 'renaming.sed');
  const content = lastLine === undefined ? program : `${demandLast(lastLine)}${program}`;
  const command = { args: ['-f', path], env: { LC_ALL: 'C' }, files: [{ path, content }] };
  return { command, binary: findHostProgram('sed') };
}
