/** Everything that is done to a backup: to its dump, to restic, to the repository, to the agent, to the server. */

import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { signalQuietly } from '../../../harness/services/processes.ts';
import { runTool } from '../../../harness/services/tool-run.ts';
import {
  DATABASES,
  FAILED_OR_LATE,
  type Fault,
  makeMischief,
  ONLY_FAILED,
  signalTool,
  strike,
  type Try,
  takeAway,
} from './fault.ts';
import { awaitNothing, listHostLeftovers } from './leftovers.ts';
import { drawMoment, drawPart } from './moments.ts';
import { changeTree } from './source-change.ts';
import { PASSWORD } from './storages.ts';

const DUMP_FAULTS: readonly Fault[] = [
  signalTool('dump-killed', ['dump'], 'SIGKILL'),
  signalTool('dump-terminated', ['dump'], 'SIGTERM'),
  signalTool('dump-and-restic-killed', ['dump', 'store'], 'SIGKILL'),
  {
    kind: 'backend-terminated',
    sources: DATABASES,
    allowed: FAILED_OR_LATE,
    during: (current) => strike(current, drawPart, 'backend ended', async () => (await current.source.endBackends?.()) !== 0),
  },
  {
    kind: 'database-line-cut',
    sources: DATABASES,
    allowed: FAILED_OR_LATE,
    during: (current) => strike(current, drawPart, 'reset', () => (current.source.line?.cutAll('reset') ?? 0) > 0),
  },
  {
    kind: 'database-stopped',
    sources: DATABASES,
    isAlone: true,
    allowed: FAILED_OR_LATE,
    async during(current) {
      const { source, services } = current;
      const server = await (source.kind === 'postgres' ? services.postgres() : services.mariadb());
      return await strike(current, drawPart, 'database killed', async () => {
        await server.crash();
        await server.startAgain();
      });
    },
  },
  makeMischief('dump-exits-3-after-all', () => ({ kind: 'exit-after' })),
  makeMischief('dump-exits-1-halfway', (seed, bytes) => ({ kind: 'half', bytes: seed.int([1, bytes - 1]) })),
  makeMischief('dump-empty', () => ({ kind: 'empty' })),
  makeMischief('dump-floods-stderr', (seed, bytes) => ({ kind: 'flood', bytes: seed.int([1, bytes - 1]) })),
];

const RESTIC_FAULTS: readonly Fault[] = [
  signalTool('restic-killed', ['store'], 'SIGKILL'),
  signalTool('restic-interrupted', ['store'], 'SIGINT'),
  signalTool('restic-terminated', ['store'], 'SIGTERM'),
];

/** restic tries again after a cut: both ends of the run are the truth. */
const REPOSITORY_FAULTS: readonly Fault[] = [
  {
    kind: 'repository-line-cut',
    storages: ['rest', 'sftp', 's3'],
    allowed: FAILED_OR_LATE,
    during: (current) => strike(current, drawMoment, 'reset', () => (current.storage.line?.cutAll('reset') ?? 0) > 0),
  },
  {
    kind: 'repository-frozen',
    isSlow: true,
    storages: ['rest'],
    allowed: ['cancelled', 'succeeded'],
    leftoverMs: 35_000,
    // An earlier comparison of repository and ledger would be frozen too, and wait for its own minute.
    before: async ({ lane }) => void (await awaitNothing(() => listHostLeftovers(lane), 60_000)),
    during: (current) =>
      strike(current, drawPart, 'frozen, then cancelled', async () => {
        const { storage } = current;
        current.mendWith(async () => storage.freeze?.('SIGCONT'));
        storage.freeze?.('SIGSTOP');
        await cancel(current);
      }),
  },
  {
    kind: 'repository-full',
    storages: ['local', 'rest'],
    allowed: FAILED_OR_LATE,
    async before({ lane, seed, record, mendWith }) {
      if (lane.disk.fill === undefined) return;
      const leftBytes = seed.fork('room').int([16_384, 900_000]);
      mendWith(() => lane.disk.makeRoom());
      await lane.disk.fill(leftBytes);
      record('disk filled', { leftBytes });
    },
    // Where no small disk can be mounted nothing was filled.
    during: async ({ lane }) => lane.disk.fill !== undefined,
  },
  takeAway('repository-config-gone', 'config', 'before'),
  takeAway('repository-config-deleted', 'config', 'during'),
  takeAway('repository-keys-deleted', 'keys', 'during'),
  { kind: 'repository-replaced', storages: ['local'], allowed: ONLY_FAILED, before: replaceRepository },
  {
    kind: 'repository-replaced-halfway',
    storages: ['local'],
    allowed: FAILED_OR_LATE,
    // The agent has looked in vain by then, and looks again after a while.
    leftoverMs: 35_000,
    during: (current) => strike(current, drawMoment, 'another repository', () => replaceRepository(current)),
  },
  { kind: 'wrong-password', isWrongPassword: true, allowed: ONLY_FAILED },
];

/** Another repository with the same password lies at the same address. */
async function replaceRepository({ lane, storage, record, mendWith }: Pick<Try, 'lane' | 'storage' | 'record' | 'mendWith'>) {
  const { directory } = storage;
  if (directory === undefined) throw new Error(`A repository on ${storage.kind} has no files here.`);
  const other = `${directory}.other`;
  await rm(other, { recursive: true, force: true });
  await mkdir(other);
  await runTool('cp', ['--recursive', join(await prepareOther(lane, directory), '.'), other]);
  mendWith(async () => {
    await rm(directory, { recursive: true, force: true });
    await rename(`${directory}.mine`, directory);
  });
  await rename(directory, `${directory}.mine`);
  await rename(other, directory);
  record('replaced');
}

/** Made once for a lane: a repository of somebody else. */
async function prepareOther(lane: Try['lane'], directory: string): Promise<string> {
  const other = `${directory}.theirs`;
  const env = { RESTIC_REPOSITORY: other, RESTIC_PASSWORD: PASSWORD, HOME: lane.scratch };
  const known = await runTool('find', [join(other, 'config')]).catch(() => undefined);
  if (known === undefined) await runTool(lane.resticPath, ['--quiet', 'init'], { env });
  return other;
}

export async function cancel({ lane, run, record }: Pick<Try, 'lane' | 'run' | 'record'>): Promise<void> {
  const answer = await lane.stack.api.send('POST', `/runs/${run}/cancel`);
  record('cancel', { status: answer.status });
  // A run that has just ended cannot be cancelled any more.
  if (answer.status >= 300 && answer.status !== 409) throw new Error(`Cancelling gave ${answer.status}: ${answer.text}`);
}

/** As a restart by the system does it. */
async function stopAgent({ lane: { agent, host, stack } }: Pick<Try, 'lane'>): Promise<void> {
  await agent.kill('SIGTERM');
  await agent.restart();
  await stack.api.waitForHost(host.id, 'online', 60_000);
}

const OWN_FAULTS: readonly Fault[] = [
  {
    kind: 'agent-killed',
    allowed: FAILED_OR_LATE,
    during: (current) =>
      strike(current, drawMoment, 'agent killed', async () => {
        const { agent, host, stack } = current.lane;
        await agent.kill('SIGKILL');
        await agent.restart();
        await stack.api.waitForHost(host.id, 'online', 60_000);
      }),
  },
  {
    kind: 'agent-stopped',
    // What a stop cuts off goes on as its next attempt.
    allowed: ['succeeded'],
    during: (current) => strike(current, drawMoment, 'agent stopped', () => stopAgent(current)),
  },
  {
    kind: 'agent-stopped-in-mid-run',
    isSlow: true,
    allowed: ['succeeded'],
    during: (current) =>
      strike(current, drawPart, 'tools frozen, agent stopped', async () => {
        // What stands still outlasts the moment that a stop gives it.
        for (const { pid } of current.lane.agent.listTools()) signalQuietly(pid, 'SIGSTOP');
        await stopAgent(current);
      }),
  },
  {
    kind: 'cancelled',
    allowed: ['cancelled', 'succeeded'],
    during: (current) => strike(current, drawMoment, 'cancel', () => cancel(current)),
  },
  {
    kind: 'server-killed',
    isAlone: true,
    allowed: ['succeeded'],
    during: (current) =>
      strike(current, drawMoment, 'server killed', async () => {
        const { server, api } = current.lane.stack;
        await server.kill('SIGKILL');
        await server.restart();
        await api.waitForHost(current.lane.host.id, 'online', 60_000);
      }),
  },
  {
    kind: 'source-changed',
    sources: ['files'],
    allowed: ['succeeded', 'partial'],
    during: (current) =>
      strike(
        current,
        (seed) => ({ at: 'time', ms: seed.int([0, 900]) }),
        'files change',
        async () => {
          const { source, seed, hasEnded, record } = current;
          const [tree = ''] = source.describe().config['paths'] as readonly string[];
          current.expect(await changeTree(tree, seed.fork('changes'), hasEnded, record));
        },
      ),
  },
];

export const FAULTS: readonly Fault[] = [...DUMP_FAULTS, ...RESTIC_FAULTS, ...REPOSITORY_FAULTS, ...OWN_FAULTS];

const late = (kind: string, act: (current: Try) => Promise<unknown>): Fault => ({
  kind,
  allowed: ['succeeded'],
  async during(current) {
    await current.awaitEnd();
    await act(current);
    current.record('too late');
    return true;
  },
});

/** Nothing is done, or only when it is too late to matter: the run must be green. */
export const CONTROLS: readonly Fault[] = [
  { kind: 'undisturbed', allowed: ['succeeded'] },
  late('cancelled-late', cancel),
  late('lines-cut-late', async ({ source, storage }) => {
    source.line?.cutAll('reset');
    storage.line?.cutAll('reset');
    await source.endBackends?.();
  }),
  late('agent-killed-late', async ({ lane }) => {
    await lane.agent.kill('SIGKILL');
    await lane.agent.restart();
    await lane.stack.api.waitForHost(lane.host.id, 'online', 60_000);
  }),
];
