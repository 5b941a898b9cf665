import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Api } from './api-client.ts';
import { ensurePlans, ensureRepository, ensureSources, type Plan, type Source } from './catalog.ts';
import { ADMIN, type ListenWish, openAccess, startServer } from './control-plane.ts';
import { countParts, findDifference } from './digest-comparison.ts';
import { admitAgent, startAgent } from './local-agent.ts';
import type { Program } from './program.ts';
import { awaitEnd, awaitIdle, awaitSuccess, type RunDetail } from './run-watch.ts';
import {
  type Digest,
  digestRestored,
  digestSample,
  dropRestored,
  fillSampleData,
  type SampleData,
  startSampleData,
} from './sample-data.ts';
import { SHOP_RESTORED } from './samples/shop.ts';
import { WAREHOUSE_RESTORED } from './samples/warehouse.ts';
import type { StateFolder } from './state-folder.ts';
import type { StepReport } from './step-report.ts';

export const STEPS = 9;

export type DemonstrationOptions = {
  readonly folder: StateFolder;
  readonly listen: ListenWish;
  readonly steps: StepReport;
  /** Ends everything; its reason is thrown. */
  readonly signal: AbortSignal;
  /** Called for each thing that runs, as soon as it does. `ended` resolves when it ends without being asked. */
  readonly onStarted: (started: { name: string; stop: () => Promise<void>; ended?: Promise<string> }) => void;
};

export type Outcome = { readonly url: string; readonly login: string; readonly password: string };

/** Stopping waits for runs under way; the agent gives them ten seconds before it cancels them. */
const AGENT_GRACE_MS = 25_000;
const SERVER_GRACE_MS = 10_000;

/** From nothing, or from what an earlier demo left, to backups that were restored and compared. All through public doors. */
export async function demonstrate(options: DemonstrationOptions): Promise<Outcome> {
  const { folder, steps, signal, onStarted } = options;
  const own = (name: string, program: Program, graceMs: number) =>
    onStarted({ name, stop: () => program.stop(graceMs), ended: program.ended });

  const sample = await steps.run('Sample data', async () => {
    const result = await startSampleData(folder, (name, stop) => onStarted({ name, stop }));
    signal.throwIfAborted();
    await dropRestored(result);
    return { result, said: await fillSampleData(result) };
  });
  const server = await steps.run('Server', async () => {
    const result = await startServer(folder, options.listen, signal);
    own('server', result.program, SERVER_GRACE_MS);
    return { result, said: result.note };
  });
  const { api, password } = await steps.run('Administrator', async () => {
    const result = await openAccess(folder, server.url, signal);
    return { result, said: `${ADMIN}, ${result.isNew ? 'made' : 'as before'}` };
  });
  const host = await steps.run('Agent', async () => {
    own('agent', startAgent(folder, server.url), AGENT_GRACE_MS);
    const { host: found, fingerprint, isNew } = await admitAgent(folder, api, signal);
    return {
      result: found,
      said: `${found.name}, fingerprint ${fingerprint} ${isNew ? 'compared and approved' : 'known'}, online`,
    };
  });
  const sources = await steps.run('Sources', async () => {
    const result = await ensureSources(api, host.id, sample);
    return { result, said: `${result.map((source) => source.name).join(', ')}: each tested from the host` };
  });
  const repository = await steps.run('Repository', async () => {
    const result = await ensureRepository(api, host.id, folder);
    return { result: result.id, said: result.isNew ? 'a local restic repository, created on order' : 'opened again' };
  });
  const plans = await steps.run('Plans', async () => {
    const result = await ensurePlans(api, repository, sources);
    return { result, said: result.map((plan) => plan.name).join('; ') };
  });
  const backups = await steps.run('Backups', () => backUp({ api, sample, plans, sources, signal }));
  await steps.run('Restore and compare', () => proveRestores({ api, sample, folder, host: host.id, backups, signal }));
  return { url: server.url, login: ADMIN, password };
}

type Backup = { readonly source: Source; readonly snapshot: string; readonly expected: Digest };

type BackupWork = {
  readonly api: Api;
  readonly sample: SampleData;
  readonly plans: readonly Plan[];
  readonly sources: readonly Source[];
  readonly signal: AbortSignal;
};

const startedRuns = z.object({ runs: z.array(z.object({ id: z.string() })) });

async function backUp({ api, sample, plans, sources, signal }: BackupWork): Promise<{ result: Backup[]; said: string }> {
  const expected = await Promise.all(sources.map((source) => digestSample(sample, source.sample)));
  const runs = await Promise.all(plans.map((plan) => backUpPlan(api, plan, signal)));
  const done = runs.flat();
  const snapshots = done.flatMap((run) => run.snapshots);
  const result = sources.map((source, index) => {
    const snapshot = snapshots.find((one) => one.source === source.id && one.role === 'data' && one.state === 'good');
    if (snapshot === undefined) throw new Error(`no good snapshot of ${source.name} came of its run`);
    return { source, snapshot: snapshot.id, expected: expected[index] ?? {} };
  });
  const bytes = done.reduce((sum, run) => sum + run.bytes, 0);
  return {
    result,
    said: `${done.length} runs succeeded: ${snapshots.length} snapshots, ${(bytes / 1024 ** 2).toFixed(1)} MiB read`,
  };
}

/** Runs a plan now. When its own schedule, or what it catches up, comes in between, it is run once more after that. */
async function backUpPlan(api: Api, plan: Plan, signal: AbortSignal): Promise<readonly RunDetail[]> {
  const what = `the backup of plan "${plan.name}"`;
  const order = async (): Promise<readonly string[]> => {
    await awaitIdle(api, plan, signal);
    const { runs } = await api.post(`/plans/${plan.id}/run`, {}, startedRuns);
    return runs.map(({ id }) => id);
  };
  const first = await order();
  const ends = await Promise.all(first.map((id) => awaitEnd(api, id, what, signal)));
  const ids = ends.some(({ state }) => state === 'skipped') ? await order() : first;
  return Promise.all(ids.map((id) => awaitSuccess(api, id, what, signal)));
}

type RestoreWork = {
  readonly api: Api;
  readonly sample: SampleData;
  readonly folder: StateFolder;
  readonly host: string;
  readonly backups: readonly Backup[];
  readonly signal: AbortSignal;
};

async function proveRestores(work: RestoreWork): Promise<{ result: undefined; said: string }> {
  await rm(work.folder.restored, { recursive: true, force: true });
  const said: string[] = [];
  for (const backup of work.backups) said.push(await proveRestore(work, backup));
  // Copies that stayed would be found as databases that nothing backs up.
  await dropRestored(work.sample);
  return { result: undefined, said: said.join(', ') };
}

async function proveRestore({ api, sample, folder, host, signal }: RestoreWork, backup: Backup): Promise<string> {
  const { source, snapshot, expected } = backup;
  const target =
    source.sample === 'documents'
      ? { kind: 'directory', path: folder.restored }
      : { kind: 'database', source: source.id, database: source.sample === 'shop' ? SHOP_RESTORED : WAREHOUSE_RESTORED };
  const run = await api.post('/restores', { snapshot, host, target }, z.object({ id: z.string() }));
  await awaitSuccess(api, run.id, `the restore of ${source.name}`, signal);
  const found = await digestRestored(sample, source.sample, join(folder.restored, sample.documents));
  const difference = findDifference(expected, found);
  if (difference !== undefined) throw new Error(`the restored ${source.name} is not what was backed up: ${difference}`);
  return `${source.name} identical (${countParts(expected)} parts)`;
}
