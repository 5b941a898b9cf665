import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleAgent, NODE_FLAGS } from '../build-agent.ts';

/** Names the folder that holds the agent for tests; without it they start the sources. */
export const TEST_AGENT = 'HOLDFAST_TEST_AGENT';

/**
 * The agent as hosts without Node have it, but for the executable around it: one module, which loads in half the time of its sources, and beside
 * it a program that starts it with the switches of the executable. Gives the folder, anew each time.
 */
export async function makeTestAgent(root: string, folder: string): Promise<string> {
  const bundle = join(folder, 'holdfast-agent.cjs');
  await bundleAgent(join(root, 'agent/src/main.ts'), bundle);
  const program = join(folder, 'holdfast-agent');
  const command = [process.execPath, ...NODE_FLAGS, bundle].map((word) => `'${word}'`).join(' ');
  writeFileSync(program, `#!/bin/sh\nexport MALLOC_ARENA_MAX=1\nexec ${command} "$@"\n`);
  chmodSync(program, 0o755);
  return folder;
}
