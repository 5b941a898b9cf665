/** What a script would do to try a PostgreSQL backup out: make a throw-away cluster, restore into it by a bare pipe, and throw it away. */
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planDump } from '@holdfast/agent/engines/restic/args.ts';
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { DrillCall } from '@holdfast/shared/adapters/drill.ts';
import { findServiceIdentity } from '../harness/services/identity.ts';
import { type BareSetup, planPlace, quoteForShell, withFiles } from './bare-pipe.ts';

/** Where drills of an agent that is root are, so that both sides write to the same disk. */
const ROOT = '/var/tmp';

/**
 * Planned by the adapter of drills, so that both servers have the same settings. Resolves with the milliseconds from making the cluster until
 * nothing of it is left.
 */
export async function timeBareThrowaway(
  setup: BareSetup,
  stored: { snapshotId: string; fileName: string },
  programsDir: string,
): Promise<number> {
  const { drill } = getSourceAdapter(setup.source.kind);
  if (drill === undefined) throw new Error(`${setup.source.kind} has no drills`);
  const identity = findServiceIdentity(['nobody']);
  const dir = await mkdtemp(join(ROOT, 'holdfast-bench-'));
  const place = { fileDir: dir, serverDir: join(dir, 's') };
  await mkdir(place.serverDir, { mode: 0o700 });
  const calls = { creation: drill.planCreation(place), server: drill.planServer(place), restore: drill.planRestore(place) };
  const databases = drill.planDatabase(place, '');
  for (const { path, content } of databases.flatMap(({ files }) => files)) {
    await writeFile(path, content, { mode: 0o600 });
    if (identity) await chown(path, identity.uid, identity.gid);
  }
  if (identity) {
    await chown(place.serverDir, identity.uid, identity.gid);
    await chmod(dir, 0o711);
  }
  const drop =
    identity === undefined ? [] : ['setpriv', `--reuid=${identity.uid}`, `--regid=${identity.gid}`, '--clear-groups', '--'];
  const write = ({ program, args, env }: DrillCall) =>
    [...drop, 'env', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), join(programsDir, program), ...args]
      .map(quoteForShell)
      .join(' ');
  const [database] = databases;
  if (database === undefined) throw new Error('no database is planned');
  const compose = (dump: string) =>
    [
      'set -eo pipefail',
      `cd ${quoteForShell(dir)}`,
      `${write(calls.creation)} > /dev/null`,
      `${write(calls.server)} > /dev/null 2>&1 & server=$!`,
      `tries=0; until ${write(database)} > /dev/null 2>&1; do tries=$((tries+1)); [ $tries -lt 600 ]; sleep 0.05; done`,
      // A policy for a role that no throw-away cluster has makes it end with 1, for the drill as well.
      `${dump} | ${write(calls.restore)} || [ $? -eq 1 ]`,
      'kill -INT $server; wait $server || true',
      `rm -rf ${quoteForShell(dir)}`,
    ].join('\n');
  try {
    const dump = planDump(planPlace(setup), stored);
    return await withFiles(setup, [dump], (writePipe) => compose(writePipe([dump])));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
