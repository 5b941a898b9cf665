/** Sources, repositories and plans by the API, for scenarios whose subject is something else. */
import { join } from 'node:path';
import { makeQuickRepository } from '@holdfast/agent/engines/restic/fixtures/quick-repository.ts';
import type { RunId, SourceId } from '@holdfast/shared/domain/ids.ts';
import type { PlanOptionsChange } from '@holdfast/shared/domain/plan.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { ApiClient, ApiHost, ApiPlan, ApiRepository, ApiRun, ApiSource } from './api.ts';
import type { MariadbHandle } from './services/mariadb.ts';
import type { PostgresHandle } from './services/postgres.ts';
import { runTool } from './services/tool-run.ts';

type Values = Readonly<Record<string, string | number | boolean | readonly string[]>>;
type Texts = Readonly<Record<string, string>>;

/** What a source or repository consists of, as the API and the forms take it. */
export type Described = { readonly kind: string; readonly config: Values; readonly secrets: Texts };

type DatabaseServer = Pick<PostgresHandle | MariadbHandle, 'host' | 'port' | 'superuser' | 'password'>;

export function describePostgres(server: DatabaseServer, database: string): Described {
  const { host, port, superuser: user, password } = server;
  return { kind: 'postgres', config: { host, port, user, database }, secrets: { password } };
}

export function describeMariadb(server: DatabaseServer, database: string): Described {
  const { host, port, superuser: user, password } = server;
  return { kind: 'mariadb', config: { host, port, user, database }, secrets: { password } };
}

export function describeFiles(paths: readonly string[], more: Values = {}): Described {
  return { kind: 'files', config: { paths, ...more }, secrets: {} };
}

export function describeLocal(path: string, password: string): Described {
  return { kind: 'local', config: { path }, secrets: { password } };
}

export function addSource(api: ApiClient, host: ApiHost, name: string, described: Described): Promise<ApiSource> {
  return api.post('/sources', { host: host.id, name, ...described });
}

export type RepositoryWishes = {
  /** It is not created in its storage. */
  readonly isMissing?: boolean;
  /** restic makes it, with a key as dear as it makes them; otherwise one in a directory opens fast, which a scenario does not notice but in time. */
  readonly hasDearKey?: boolean;
};

/** Adds a repository and, unless told otherwise, creates it in its storage: from `host`, or, in a directory, before `host` opens it for the first time. */
export async function addRepository(
  api: ApiClient,
  host: ApiHost,
  name: string,
  described: Described,
  { isMissing = false, hasDearKey = false }: RepositoryWishes = {},
): Promise<ApiRepository> {
  const repository = await api.post<ApiRepository>('/repositories', { name, ...described });
  if (isMissing) return repository;
  const { path } = described.config;
  const { password } = described.secrets;
  if (described.kind !== 'local' || typeof path !== 'string' || password === undefined || hasDearKey) {
    await api.post(`/repositories/${repository.id}/init`, { host: host.id });
    return repository;
  }
  const engineId = makeQuickRepository(path, password);
  const opened = await api.post<{ state: string; message: string; engineId?: string }>(`/repositories/${repository.id}/test`, {
    host: host.id,
  });
  if (opened.state !== 'ready' || opened.engineId !== engineId)
    throw new Error(`The repository ${name} does not open: ${opened.message}`);
  return repository;
}

export type PlanWishes = {
  readonly name: string;
  readonly repository: ApiRepository;
  readonly sources: readonly ApiSource[];
  readonly schedule?: Schedule;
  readonly options?: PlanOptionsChange;
};

export function addPlan(api: ApiClient, { name, repository, sources, schedule, options }: PlanWishes): Promise<ApiPlan> {
  return api.post('/plans', {
    name,
    repository: repository.id,
    sources: sources.map((source) => source.id),
    // Tried once: a scenario that wants to see a failure should not wait for the next attempt.
    options: { attempts: 1, ...options },
    ...(schedule === undefined ? {} : { schedule }),
  });
}

/** Starts a plan whose sources lie on one host; gives its run. */
export async function runPlan(api: ApiClient, plan: ApiPlan, sources?: readonly SourceId[]): Promise<RunId> {
  const { runs } = await api.post<{ runs: readonly ApiRun[] }>(`/plans/${plan.id}/run`, sources === undefined ? {} : { sources });
  const [run, ...more] = runs;
  if (run === undefined || more.length > 0) throw new Error(`Plan ${plan.name} started ${runs.length} runs.`);
  return run.id;
}

/** restic by hand, beside the product, on a local repository: what the operator would see without Holdfast. */
export type ResticByHand = {
  run(...args: readonly string[]): Promise<string>;
  listSnapshots(): Promise<readonly ResticSnapshot[]>;
  countSnapshots(): Promise<number>;
  listLocks(): Promise<readonly string[]>;
};

export type ResticSnapshot = {
  readonly id: string;
  readonly hostname: string;
  readonly tags?: readonly string[];
  readonly paths: readonly string[];
};

/** `env` holds restic's own variables. The cache is kept below `directory`, apart from the agent's. */
export function createResticByHand(tool: string, directory: string, env: Texts): ResticByHand {
  const run = async (...args: readonly string[]): Promise<string> => {
    const own = { HOME: directory, RESTIC_CACHE_DIR: join(directory, 'restic-by-hand'), ...env };
    return (await runTool(tool, ['--quiet', '--no-lock', ...args], { env: own })).stdout;
  };
  const listSnapshots = async (): Promise<readonly ResticSnapshot[]> =>
    (JSON.parse(await run('snapshots', '--json')) as ResticSnapshot[] | null) ?? [];
  return {
    run,
    listSnapshots,
    countSnapshots: async () => (await listSnapshots()).length,
    listLocks: async () => (await run('list', 'locks')).split('\n').filter((line) => line !== ''),
  };
}
