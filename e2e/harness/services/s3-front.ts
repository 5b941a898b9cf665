/** The death and return of an S3 server: what its clients speak to is killed, what is stored stays. */
import { join } from 'node:path';
import { findServiceIdentity } from './identity.ts';
import { findProcesses, signalQuietly } from './processes.ts';
import type { S3Handle } from './s3.ts';
import { startServiceProcess } from './service-process.ts';
import { getTool } from './tools.ts';
import { waitFor } from './wait-for.ts';

const PROGRAM = 'swift-proxy-server';
const START_DEADLINE_MS = 60_000;

/** Kills it in the middle of whatever it does; every client is cut off and nobody listens any more. */
export async function killS3Front({ directory }: S3Handle): Promise<void> {
  const list = () => findProcesses({ directory }).filter(({ commandLine }) => commandLine.includes(PROGRAM));
  if (list().length === 0) throw new Error(`${PROGRAM} does not run.`);
  for (const { pid } of list()) signalQuietly(pid, 'SIGKILL');
  await waitFor(`${PROGRAM} to be gone`, async () => list().length === 0 || undefined, { deadlineMs: 5000, intervalMs: 1 });
}

/** Starts it again at the same port; resolves when it answers. The handle's own `stop` ends this one too. */
export async function reviveS3Front(s3: S3Handle): Promise<void> {
  const { directory } = s3;
  startServiceProcess({
    command: getTool(PROGRAM),
    args: [join(directory, 'proxy.conf')],
    cwd: directory,
    identity: findServiceIdentity(['swift', 'nobody']),
  });
  const answers = async () => ((await s3.request('GET', '/')).status === 200 ? true : undefined);
  await waitFor('S3 to answer again', answers, { deadlineMs: START_DEADLINE_MS });
}
