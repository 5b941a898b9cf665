import assert from 'node:assert/strict';
import { join } from 'node:path';
import { hashTree, makeFileTree } from './files.ts';
import { createPrivateDirectory } from './private-directory.ts';
import { runTool } from './tool-run.ts';
import type { ResticTool } from './tools.ts';

export type CycleTarget = {
  /** restic's own variables: RESTIC_REPOSITORY and whatever the repository needs. */
  readonly env: Readonly<Record<string, string>>;
  /** Options before the command, such as `--cacert` or `-o sftp.command=…`. */
  readonly options?: readonly string[];
  /** Makes the repository that was just made open fast: each of the commands that follow would spend half a second on the password. */
  readonly quicken: (password: string) => void | Promise<void>;
};

const PASSWORD = 'cycle';

/**
 * Takes a repository through its whole life with one restic: init, two backups, forget with prune, check of all bytes, and a
 * restore that must be identical to the source in content, modes, links and times.
 */
export async function proveResticCycle(tool: ResticTool, target: CycleTarget): Promise<void> {
  const home = await createPrivateDirectory('restic-cycle');
  const env = { RESTIC_PASSWORD: PASSWORD, RESTIC_CACHE_DIR: join(home.path, 'cache'), HOME: home.path, ...target.env };
  const restic = (...args: string[]) => runTool(tool.path, [...(target.options ?? []), ...args], { env, cwd: home.path });
  try {
    const source = join(home.path, 'source');
    await makeFileTree(source, { seed: `cycle ${tool.version}`, files: 40, megabytes: 3 });
    await restic('init');
    await target.quicken(PASSWORD);
    await restic('backup', '--host', 'test', '--tag', 'run:1', 'source');
    await makeFileTree(join(source, 'second'), { seed: 'second', files: 5, megabytes: 1 });
    await restic('backup', '--host', 'test', '--tag', 'run:2', 'source');
    await restic('forget', '--keep-last', '1', '--prune');
    await restic('check', '--read-data');
    const snapshots: unknown = JSON.parse((await restic('snapshots', '--json')).stdout);
    assert.ok(Array.isArray(snapshots));
    assert.equal(snapshots.length, 1);
    const restored = join(home.path, 'restored');
    await restic('restore', 'latest', '--target', restored);
    assert.deepEqual(await hashTree(join(restored, 'source')), await hashTree(source));
    assert.equal((await restic('list', 'locks')).stdout, '');
  } finally {
    await home.remove();
  }
}
