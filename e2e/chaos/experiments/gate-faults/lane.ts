/** One host with everything it backs up and backs up to. Tries of one lane follow each other; lanes go side by side. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AgentProcess } from '../../../harness/agent-process.ts';
import type { ApiHost, ApiPlan, ApiRepository, ApiSource } from '../../../harness/api.ts';
import { addPlan, addRepository, addSource } from '../../../harness/catalog.ts';
import { awaitSpec } from '../../../harness/part2/world.ts';
import { getRestic, getTool, type ResticGeneration } from '../../../harness/services/tools.ts';
import type { Stack } from '../../../harness/stack.ts';
import type { Lab } from '../../experiment.ts';
import { type FaultProxy, startFaultProxy } from '../../proxy/fault-proxy.ts';
import type { Services } from './services.ts';
import { createFilesSource, createMariadbSource, createPostgresSource, type LabSource, type SourceKind } from './sources.ts';
import { type Disk, type LabStorage, openDisk, openStorage, type StorageKind } from './storages.ts';
import { makeUnrulyTools, type UnrulyTools } from './unruly-tool.ts';

/** A backup then takes about a second, so that there is a middle to hit. */
const DUMP_BYTES_PER_SECOND = 1_400_000;
const UPLOAD_KIBPS = 1100;

export type LaneSource = LabSource & {
  readonly api: ApiSource;
  /** Between the dump and its server. */
  readonly line: FaultProxy | undefined;
  /** Bytes of the last whole backup. */
  expectedBytes: number;
};
export type LaneStorage = LabStorage & { readonly api: ApiRepository; readonly locked: ApiRepository };

export type Lane = {
  readonly name: string;
  readonly generation: ResticGeneration;
  readonly stack: Stack;
  readonly agent: AgentProcess;
  readonly host: ApiHost;
  readonly disk: Disk;
  readonly tools: UnrulyTools;
  readonly scratch: string;
  readonly resticPath: string;
  getSource(kind: SourceKind): Promise<LaneSource>;
  getStorage(kind: StorageKind): Promise<LaneStorage>;
  /** With `isLocked`, a plan whose repository has the wrong password. */
  getPlan(source: SourceKind, storage: StorageKind, isLocked?: boolean): Promise<ApiPlan>;
  listStorages(): Promise<readonly LaneStorage[]>;
  /** After a try that was broken off: agent and lines as they were. */
  restore(): Promise<void>;
  stop(): Promise<void>;
};

export type LaneOptions = { readonly name: string; readonly generation: ResticGeneration };

/** Makes each thing once, when it is first asked for. */
function createShelf<Key, Thing>(make: (key: Key) => Promise<Thing>) {
  const things = new Map<Key, Promise<Thing>>();
  return {
    get(key: Key): Promise<Thing> {
      const thing = things.get(key) ?? make(key);
      things.set(key, thing);
      return thing;
    },
    list: () => Promise.all(things.values()),
  };
}

/** The database of a lane, on both database servers. */
export const nameDatabase = ({ name }: Pick<LaneOptions, 'name'>): string => name.replaceAll('-', '_');

export async function openLane(lab: Lab, stack: Stack, services: Services, { name, generation }: LaneOptions): Promise<Lane> {
  const { api } = stack;
  const seed = lab.seed.fork(name);
  const scratch = await lab.makeDirectory(`lane-${name}`);
  const stops: (() => Promise<unknown>)[] = [];
  const onStop = (stop: () => Promise<unknown>) => void stops.unshift(stop);
  const { path: restic } = await getRestic(generation);
  const disk = await openDisk(() => lab.makeDirectory(`disk-${name}`));
  onStop(() => disk.stop());
  const programs = { pg_dump: join(services.postgresFolder, 'pg_dump'), 'mariadb-dump': getTool('mariadb-dump') };
  const tools = await makeUnrulyTools(join(scratch, 'tools'), programs);
  const { agent, host } = await stack.enrolHost(name, { toolPath: [tools.directory, dirname(restic)] });
  await api.send('PATCH', `/hosts/${host.id}`, { concurrency: 1 });

  const throttle = async (port: number): Promise<FaultProxy> => {
    const faults = { throttle: { bytesPerSecond: DUMP_BYTES_PER_SECOND, direction: 'down' } } as const;
    const line = await startFaultProxy({ target: { port }, seed: seed.fork(`line ${port}`), record: () => undefined, faults });
    onStop(() => line.close());
    return line;
  };
  const database = nameDatabase({ name });
  const makers: Readonly<Record<SourceKind, () => Promise<{ source: LabSource; line?: FaultProxy }>>> = {
    async postgres() {
      const server = await services.postgres();
      await server.fillDatabase(database, 0.1);
      return { source: createPostgresSource(server, database, scratch), line: await throttle(server.port) };
    },
    async mariadb() {
      const server = await services.mariadb();
      await server.fillDatabase(database, 0.1);
      return { source: createMariadbSource(server, database), line: await throttle(server.port) };
    },
    files: async () => ({ source: createFilesSource(join(scratch, 'tree')) }),
  };
  const sources = createShelf(async (kind: SourceKind): Promise<LaneSource> => {
    const { source, line } = await makers[kind]();
    await source.refresh(seed.fork(`first ${kind}`));
    const added = await addSource(api, host, `${kind} of ${name}`, source.describe(line?.port));
    return { ...source, api: added, line, expectedBytes: 1_250_000 };
  });
  const storages = createShelf(async (kind: StorageKind): Promise<LaneStorage> => {
    const byHandFolder = join(scratch, `by hand ${kind}`);
    await mkdir(byHandFolder);
    const ports = { name, disk, restic, scratch: byHandFolder, seed: seed.fork(kind), onStop, ...services };
    const storage = await openStorage(kind, { ...ports, record: (injection) => lab.record({ lane: name, kind, ...injection }) });
    const { described } = storage;
    const added = await addRepository(api, host, `${kind} of ${name}`, described, { isMissing: true });
    await awaitSpec(stack, host);
    // The first answer pins which repository it is.
    await api.post(`/repositories/${added.id}/test`, { host: host.id });
    const wrong = { ...described, secrets: { ...described.secrets, password: 'not the password' } };
    const locked = await addRepository(api, host, `${kind} of ${name}, wrong password`, wrong, { isMissing: true });
    return { ...storage, api: added, locked };
  });
  const plans = createShelf(async (key: string): Promise<ApiPlan> => {
    const [sourceKind, storageKind, variant] = key.split(' ') as [SourceKind, StorageKind, string | undefined];
    const source = await sources.get(sourceKind);
    const storage = await storages.get(storageKind);
    const plan = await addPlan(api, {
      name: `${key} of ${name}`,
      repository: variant === undefined ? storage.api : storage.locked,
      sources: [source.api],
      options: { attempts: 1, limits: sourceKind === 'files' ? { uploadKiBps: UPLOAD_KIBPS } : {} },
    });
    await awaitSpec(stack, host);
    return plan;
  });
  return {
    name,
    generation,
    stack,
    agent,
    host,
    disk,
    tools,
    scratch,
    resticPath: restic,
    getSource: (kind) => sources.get(kind),
    getStorage: (kind) => storages.get(kind),
    getPlan: (source, storage, isLocked) => plans.get([source, storage, ...(isLocked ? ['locked'] : [])].join(' ')),
    listStorages: () => storages.list(),
    async restore() {
      await tools.behave();
      await disk.makeRoom();
      for (const storage of await storages.list()) storage.freeze?.('SIGCONT');
      await agent.restart();
      await stack.api.waitForHost(host.id, 'online', 60_000);
    },
    /** Ends everything, also behind what cannot be ended, which is said afterwards. */
    async stop() {
      const failures: unknown[] = [];
      for (const stop of stops) await stop().catch((error: unknown) => failures.push(error));
      if (failures.length > 0)
        throw new Error(`${failures.length} parts of a lane did not end: ${failures.map(String).join('; ')}`);
    },
  };
}
