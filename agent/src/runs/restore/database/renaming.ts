/** The stage that makes a dump fit a database of any name; its bytes go from process to process, never through the agent. */
import { join } from 'node:path';
import type { Stage } from '../../../exec/contract.ts';
import { findHostProgram } from './host-program.ts';

/** `program`: as `renaming` of the adapter; undefined: there is nothing to change. Throws `tool_missing` where the host has no sed. */
export function planRenaming(program: string | undefined, workDir: string): Stage | undefined {
  if (program === undefined) return undefined;
  const path = join(workDir, 'renaming.sed');
  const command = { args: ['-f', path], env: { LC_ALL: 'C' }, files: [{ path, content: program }] };
  return { command, binary: findHostProgram('sed') };
}
