/** One database, backed up by an installation and by bare pipes, each into its own copy of the same empty repository. */
import { randomBytes } from 'node:crypto';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { ApiHost, ApiSnapshot, ApiSource } from '../harness/api.ts';
import {
  addPlan,
  addRepository,
  addSource,
  type Described,
  describeLocal,
  describeMariadb,
  describePostgres,
  runPlan,
} from '../harness/catalog.ts';
import { runTool } from '../harness/services/tool-run.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import type { BareSetup } from './bare-pipe.ts';
import { awaitNoChildren } from './process-usage.ts';
import { awaitSpecTaken, awaitSuccess, type TimedRun } from './run-record.ts';
import type { World } from './world.ts';

export type DatabaseKind = 'postgres' | 'mariadb';

export type DatabaseRig = {
  readonly stack: Stack;
  readonly agentPid: number;
  readonly bare: BareSetup;
  /** Gives both sides an empty repository with the same id and no cache, and writes everything else out to the disk. */
  resetRepositories(): Promise<void>;
  /** A backup by the installation; resolves when the agent is idle again. */
  backUp(): Promise<TimedRun>;
  /** A restore by the installation into a database that is made by it. */
  restore(snapshot: ApiSnapshot, database: string, options?: { readonly jobs?: number }): Promise<TimedRun>;
  /** A drill of the newest snapshot. */
  drill(): Promise<TimedRun>;
  /** The installation's repository, as a bare pipe uses it. */
  readonly ours: BareSetup;
  close(): Promise<void>;
};

/** A database of the world's server of that kind as a source names it. */
export async function describeDatabase(world: World, kind: DatabaseKind, database: string): Promise<Described> {
  return kind === 'postgres'
    ? describePostgres(await world.getPostgres(), database)
    : describeMariadb(await world.getMariadb(), database);
}

type Tool = { readonly tool: string; readonly path?: string };

/** Starts server and agent and enters the database, a local repository and a plan. */
export async function openDatabaseRig(world: World, kind: DatabaseKind, megabytes: number): Promise<DatabaseRig> {
  const database = await world.getDatabase(kind, megabytes);
  const described = await describeDatabase(world, kind, database);
  const directory = await world.makeDirectory(kind);
  const stack = await startStack();
  try {
    const { agent, host } = await stack.enrolHost('bench');
    const password = randomBytes(18).toString('base64url');
    const places = { ours: join(directory, 'ours'), bare: join(directory, 'bare'), empty: join(directory, 'empty') };
    const source = await addSource(stack.api, host, database, described);
    const repository = await addRepository(stack.api, host, 'disk', describeLocal(places.ours, password), { hasDearKey: true });
    const plan = await addPlan(stack.api, { name: 'bench', repository, sources: [source] });
    await awaitSpecTaken(stack.api, host.id);
    await cp(places.ours, places.empty, { recursive: true });
    const pid = agent.pid();
    await awaitNoChildren(pid);
    const setup = async (name: 'ours' | 'bare'): Promise<BareSetup> => {
      const own = { workDir: join(agent.runtimeDir, `bare-${name}`), tmpDir: join(directory, 'tmp'), home: directory };
      await mkdir(own.tmpDir, { recursive: true });
      const binaries = await findBinaries(stack, host);
      return {
        source: described,
        repository: { path: places[name], password },
        cacheDir: join(directory, `cache-${name}`),
        binaries,
        ...own,
      };
    };
    const bare = await setup('bare');
    const agentCache = join(agent.stateDir, 'cache');
    return {
      stack,
      agentPid: pid,
      bare,
      ours: await setup('ours'),
      async resetRepositories() {
        // A key that the agent added stays, as it would; both sides start from the same repository.
        await cp(join(places.ours, 'keys'), join(places.empty, 'keys'), { recursive: true });
        for (const path of [places.ours, places.bare]) {
          await rm(path, { recursive: true, force: true });
          await cp(places.empty, path, { recursive: true });
        }
        await emptyDirectory(agentCache);
        await emptyDirectory(bare.cacheDir);
        await runTool('sync', []);
      },
      backUp: () => watchRun(stack, pid, () => runPlan(stack.api, plan)),
      restore: (snapshot, target, options) =>
        watchRun(stack, pid, () => startRestore(stack, host, source, snapshot, { database: target, options })),
      drill: () => watchRun(stack, pid, async () => (await stack.api.post<{ id: RunId }>('/drills', { source: source.id })).id),
      close: () => stack.stop(),
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** The binaries the agent found and uses, so that both sides run the very same programs. */
async function findBinaries(stack: Stack, host: ApiHost): Promise<Record<string, string>> {
  const { tools } = await stack.api.get<{ tools: readonly Tool[] }>(`/hosts/${host.id}`);
  const binaries: Record<string, string> = {};
  for (const { tool, path } of tools) if (path !== undefined) binaries[tool] ??= path;
  return binaries;
}

/** Starts a run and waits for its clean end, and for the comparison of repository and ledger that follows it. */
export async function watchRun(stack: Stack, pid: number, start: () => Promise<RunId>): Promise<TimedRun> {
  const run = await awaitSuccess(stack.api, await start());
  await awaitNoChildren(pid);
  return run;
}

async function startRestore(
  stack: Stack,
  host: ApiHost,
  source: ApiSource,
  snapshot: ApiSnapshot,
  { database, options }: { database: string; options?: { readonly jobs?: number } | undefined },
): Promise<RunId> {
  const target = { kind: 'database', source: source.id, database };
  const order = { snapshot: snapshot.id, host: host.id, target, ...(options ? { options } : {}) };
  return (await stack.api.post<{ id: RunId }>('/restores', order)).id;
}

async function emptyDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true, mode: 0o700 });
}
