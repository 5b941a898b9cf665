/** The whole environment a child sees: an allow-list and the command's own values. */
import type { StageCommand } from './contract.ts';

export interface ChildEnvironment {
  /** Where programs are looked up by the tools themselves (restic starts ssh). */
  path: string;
  home: string;
  /** Scratch space of the tools (restic assembles packs here); on disk, never the run's tmpfs. */
  tmpDir: string;
  /** `SSH_AUTH_SOCK` and the like stay out: nothing is inherited by accident. */
}

export function createChildEnvironment(base: ChildEnvironment, command: Pick<StageCommand, 'env'>): Record<string, string> {
  return { PATH: base.path, HOME: base.home, TMPDIR: base.tmpDir, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', TZ: 'UTC', ...command.env };
}
