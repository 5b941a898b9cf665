/** A server and a host that back up all the time: plans that are due every minute, and plans that are ordered. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import type { PlanId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { LogLine } from '@holdfast/shared/domain/run.ts';
import type { AgentProcess } from '../../../harness/agent-process.ts';
import type { ApiHost, ApiPlan, ApiRun, ApiRunDetail } from '../../../harness/api.ts';
import {
  addRepository,
  addSource,
  createResticByHand,
  describeFiles,
  describeLocal,
  type ResticByHand,
} from '../../../harness/catalog.ts';
import { hashTree, makeFileTree } from '../../../harness/services/files.ts';
import { getTool } from '../../../harness/services/tools.ts';
import { waitFor } from '../../../harness/services/wait-for.ts';
import { type Stack, startStack } from '../../../harness/stack.ts';
import type { JournalRun, LedgerRun, StoredSnapshot } from './judge.ts';

const PASSWORD = 'a repository that sees many crashes';
const ORDERED_PLANS = 3;
const SCHEDULED_PLANS = 3;
const WAIT_MS = 90_000;
const PAGE = 200;

type ListedRun = ApiRun & { readonly plan: PlanId };

export type BusyPlan = { readonly plan: ApiPlan; readonly folder: string; readonly effectiveFrom: number };

export type BusyWorld = {
  readonly stack: Stack;
  readonly agent: AgentProcess;
  readonly host: ApiHost;
  /** Run when they are ordered. */
  readonly ordered: readonly BusyPlan[];
  /** Due every minute. */
  readonly scheduled: readonly BusyPlan[];
  /** Reads the runs created since then; keeps asking while the server is away. */
  readLedger(since: number): Promise<LedgerRun[]>;
  readJournal(): { readonly runs: JournalRun[]; readonly waitingEvents: number };
  listStored(): Promise<ReadonlySet<string>>;
  /** Resolves with the instant at which the host was online and neither side had anything left to do or to tell. */
  settle(): Promise<number>;
  /** Everything in the repository, by restic itself. The newest good snapshot of every source is restored and compared with it. */
  readRepository(ledger: readonly LedgerRun[]): Promise<RepositoryFacts>;
  stop(): Promise<void>;
};

export type RepositoryFacts = {
  readonly snapshots: readonly StoredSnapshot[];
  /** What the verified snapshot of each plan holds. */
  readonly contents: ReadonlyMap<PlanId, string>;
  readonly problems: readonly string[];
};

type PlanWishes = { repository: { id: string }; name: string; megabytes: number; cron: string | undefined };

async function addBusyPlan(stack: Stack, host: ApiHost, { repository, name, megabytes, cron }: PlanWishes): Promise<BusyPlan> {
  const folder = join(stack.directory, name);
  await mkdir(folder);
  await makeFileTree(folder, { seed: name, files: 4, megabytes });
  const source = await addSource(stack.api, host, name, describeFiles([folder]));
  const plan = await stack.api.post<ApiPlan & { effectiveFromAt: number }>('/plans', {
    name,
    repository: repository.id,
    sources: [source.id],
    options: { attempts: 2, retryAfterSeconds: 1 },
    ...(cron === undefined ? {} : { schedule: { cron, zone: 'UTC' } }),
  });
  return { plan, folder, effectiveFrom: plan.effectiveFromAt };
}

function readJournalFile(stateDir: string): { runs: JournalRun[]; waitingEvents: number } {
  const database = new DatabaseSync(join(stateDir, 'journal.db'), { readOnly: true });
  try {
    const rows = database.prepare('SELECT run, closed_at AS closedAt FROM runs').all();
    const waiting = database.prepare('SELECT count(*) AS n FROM outbox WHERE acknowledged_at IS NULL').get();
    return {
      runs: rows.map((row) => ({ run: String(row['run']), isClosed: row['closedAt'] !== null })),
      waitingEvents: Number(waiting?.['n'] ?? 0),
    };
  } finally {
    database.close();
  }
}

export type BusyWorldOptions = {
  /** Where the server and the agent keep what they know, when that is another disk than everything else. */
  readonly dataDir?: string;
  readonly stateDir?: string;
  /** Of each source; 0.05 unless told. The first run of a source takes the longer the bigger it is. */
  readonly megabytes?: number;
};

export async function openBusyWorld({ dataDir, ...options }: BusyWorldOptions = {}): Promise<BusyWorld> {
  const stack = await startStack(dataDir === undefined ? {} : { env: { HOLDFAST_DATA_DIR: dataDir } });
  try {
    return await fillWorld(stack, options);
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function fillWorld(stack: Stack, { stateDir, megabytes = 0.05 }: Omit<BusyWorldOptions, 'dataDir'>): Promise<BusyWorld> {
  const { api } = stack;
  const { agent, host } = await stack.enrolHost('busy', stateDir === undefined ? {} : { env: { HOLDFAST_STATE_DIR: stateDir } });
  const path = join(stack.directory, 'repository');
  const repository = await addRepository(api, host, 'repository', describeLocal(path, PASSWORD));
  const add = (name: string, cron?: string) => addBusyPlan(stack, host, { repository, name, megabytes, cron });
  const ordered: BusyPlan[] = [];
  const scheduled: BusyPlan[] = [];
  for (let index = 0; index < ORDERED_PLANS; index += 1) ordered.push(await add(`ordered ${index}`));
  for (let index = 0; index < SCHEDULED_PLANS; index += 1) scheduled.push(await add(`scheduled ${index}`, '* * * * *'));
  const restic = createResticByHand(getTool('restic'), stack.directory, {
    RESTIC_REPOSITORY: path,
    RESTIC_PASSWORD: PASSWORD,
  });

  const readRun = async ({ id, plan, fireAt }: ListedRun): Promise<LedgerRun> => {
    const detail = await api.get<ApiRunDetail>(`/runs/${id}`);
    const { lines } = await api.get<{ lines: readonly LogLine[] }>(`/runs/${id}/log?limit=2000`);
    return {
      id,
      plan,
      state: detail.state,
      createdAt: detail.createdAt,
      fireAt,
      reason: detail.failure?.reason,
      lines: lines.map(({ n }) => n),
      logLines: detail.logLines,
      snapshots: detail.snapshots.map(({ engineId, state }) => ({ engineId, state })),
      attempts: detail.attempts.length,
    };
  };
  const readLedgerOnce = async (since: number): Promise<LedgerRun[]> => {
    const runs = await api.get<readonly ListedRun[]>(`/runs?host=${host.id}&since=${since}&limit=${PAGE}`);
    if (runs.length === PAGE) throw new Error('more runs than one page holds');
    return Promise.all(runs.map(readRun));
  };
  const readJournal = () => readJournalFile(stateDir ?? agent.stateDir);
  const isSettled = async (): Promise<number | undefined> => {
    const { standing } = await api.get<ApiHost>(`/hosts/${host.id}`);
    const active = await api.get<readonly ApiRun[]>(`/runs?active=true&host=${host.id}`);
    const at = Date.now();
    const { runs, waitingEvents } = readJournal();
    const isQuiet = active.length === 0 && waitingEvents === 0 && runs.every(({ isClosed }) => isClosed);
    return isQuiet && standing === 'online' ? at : undefined;
  };
  return {
    stack,
    agent,
    host,
    ordered,
    scheduled,
    readJournal,
    readLedger: (since) => waitFor('the ledger', () => readLedgerOnce(since), { deadlineMs: WAIT_MS }),
    listStored: async () => new Set(await readdir(join(path, 'snapshots'))),
    settle: () => waitFor('both sides to have nothing left to do', isSettled, { deadlineMs: WAIT_MS, intervalMs: 50 }),
    readRepository: (ledger) => readRepository(restic, stack.directory, [...ordered, ...scheduled], ledger),
    stop: () => stack.stop(),
  };
}

type Found = { readonly snapshot: string; readonly matches: readonly Readonly<Record<string, string | number>>[] };

async function readRepository(
  restic: ResticByHand,
  directory: string,
  plans: readonly BusyPlan[],
  ledger: readonly LedgerRun[],
): Promise<RepositoryFacts> {
  const listed = await restic.listSnapshots();
  const found = JSON.parse(await restic.run('find', '--json', '*')) as readonly Found[];
  const contents = new Map(found.map(({ snapshot, matches }) => [snapshot, describeContent(plans, matches)]));
  const snapshots = listed.map(({ id, tags = [] }) => ({ id, tags, content: contents.get(id) ?? '' }));
  const verified = new Map<PlanId, string>();
  const problems: string[] = [];
  for (const { plan, folder } of plans) {
    const runs = ledger.filter((run) => run.plan === plan.id);
    const good = new Set(
      runs.flatMap((run) => run.snapshots.filter(({ state }) => state === 'good').map(({ engineId }) => engineId)),
    );
    const newest = snapshots.findLast(({ id }) => good.has(id));
    if (newest === undefined) continue;
    verified.set(plan.id, newest.content);
    if (!(await restoresTo(restic, directory, newest.id, folder)))
      problems.push(`the newest snapshot of ${plan.name} does not restore to its source`);
  }
  await restic.run('check', '--read-data').catch((error: unknown) => problems.push(`restic check: ${String(error)}`));
  return { snapshots, contents: verified, problems };
}

/** What is below a source; the folders above it change as others write there. */
function describeContent(plans: readonly BusyPlan[], matches: Found['matches']): string {
  const inside = matches.filter(({ path }) => plans.some(({ folder }) => String(path).startsWith(`${folder}/`)));
  return inside.map(({ path, type, size, mtime, mode }) => [path, type, size, mtime, mode].join(' ')).join('\n');
}

async function restoresTo(restic: ResticByHand, directory: string, snapshot: string, folder: string): Promise<boolean> {
  const target = join(directory, 'restored');
  await restic.run('restore', snapshot, '--target', target);
  const [before, after] = [await hashTree(folder), await hashTree(join(target, folder))];
  await rm(target, { recursive: true, force: true });
  return isDeepStrictEqual(before, after);
}

/** Orders a run; undefined when no answer came, so that nobody knows whether it was taken. */
export async function orderRun({ stack }: BusyWorld, { plan }: BusyPlan): Promise<RunId | undefined> {
  try {
    const { runs } = await stack.api.post<{ runs: readonly ApiRun[] }>(`/plans/${plan.id}/run`);
    return runs[0]?.id;
  } catch {
    return undefined;
  }
}
