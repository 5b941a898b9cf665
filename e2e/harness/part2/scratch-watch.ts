/** How much the tools of an agent hold in its scratch space at once, by the kernel's own count: also in files that have no name any more. */
import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentProcess } from '../agent-process.ts';
import { startTmpfs } from '../services/tmpfs.ts';

/** With less room the agent lets its tools go elsewhere. */
const ROOM_BYTES = 300 * 1024 * 1024;
const LOOK_MS = 20;

export type ScratchWatch = {
  /** The most bytes that lay there at once since the last call, or since the beginning. */
  takePeak(): number;
  stop(): Promise<void>;
};

/** Puts a file system of its own in the place of the agent's scratch space. Nothing of the agent may run, and it has to end before the agent. */
export async function watchScratch(agent: AgentProcess): Promise<ScratchWatch> {
  const disk = await startTmpfs(ROOM_BYTES, join(agent.stateDir, 'tmp'));
  let peak = 0;
  const timer = setInterval(() => {
    const { blocks, bfree, bsize } = statfsSync(disk.path);
    peak = Math.max(peak, (blocks - bfree) * bsize);
  }, LOOK_MS);
  return {
    takePeak() {
      const seen = peak;
      peak = 0;
      return seen;
    },
    async stop() {
      clearInterval(timer);
      await disk.stop();
    },
  };
}
