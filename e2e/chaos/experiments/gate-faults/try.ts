/** One try from its order to its verdict. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import type { ApiRunDetail, ApiSnapshot } from '../../../harness/api.ts';
import { runPlan } from '../../../harness/catalog.ts';
import { waitFor } from '../../../harness/services/wait-for.ts';
import type { Lab } from '../../experiment.ts';
import type { Seed } from '../../seed.ts';
import type { Fault, Prepared, Try } from './fault.ts';
import type { Lane } from './lane.ts';
import { awaitGone, awaitNothing, listHostLeftovers, listRepositoryLeftovers } from './leftovers.ts';
import type { Services } from './services.ts';
import type { SourceKind, Truth } from './sources.ts';
import type { StorageKind } from './storages.ts';
import { judgeSight, type SeenSnapshot } from './verdict.ts';

export type Drawn = {
  readonly index: number;
  readonly seed: Seed;
  readonly fault: Fault;
  readonly sourceKind: SourceKind;
  readonly storageKind: StorageKind;
};

export type TryResult = {
  readonly run: RunId;
  /** Whether the fault struck while the run went on, or before it began. */
  readonly isStruck: boolean;
  readonly state: string;
  readonly problems: readonly string[];
  readonly leftovers: readonly string[];
  /** Snapshots that are offered for restore and were restored and compared. */
  readonly verified: readonly string[];
};

/** Nothing may be left after this long. */
const LEFTOVER_MS = 7000;
const END_DEADLINE_MS = 120_000;
const END_LOOK_MS = 100;

export const describeTry = ({ index, fault, sourceKind, storageKind }: Drawn, lane: Lane): string =>
  `try ${index}, ${fault.kind} on ${sourceKind} to ${storageKind} with the ${lane.generation} restic`;

/** Starts the run and watches it to its end; `hasEnded` says where it is meanwhile. */
function watchRun({ agent, stack }: Lane, run: RunId) {
  const { api } = stack;
  let hasEnded = false;
  const look = async (): Promise<ApiRunDetail | undefined> => {
    const seen = await api.get<ApiRunDetail>(`/runs/${run}`);
    return isTerminal(seen.state) ? seen : undefined;
  };
  const explain = async (error: unknown): Promise<never> => {
    const tools = agent.listTools().map(({ commandLine }) => commandLine.slice(0, 300));
    const log = await api.readLog(run).catch(String);
    throw new Error(
      `${error instanceof Error ? error.message : String(error)} It runs ${tools.join(' and ')}:\n${log.slice(-2000)}`,
    );
  };
  const end = waitFor(`run ${run} to end`, look, { deadlineMs: END_DEADLINE_MS, intervalMs: END_LOOK_MS })
    .catch(explain)
    .finally(() => {
      hasEnded = true;
    });
  // Awaited later; until then nobody else may take a rejection for unhandled.
  end.catch(() => undefined);
  return { end, hasEnded: () => hasEnded };
}

export async function carryOut(lab: Lab, services: Services, lane: Lane, drawn: Drawn): Promise<TryResult> {
  const { fault, seed, sourceKind, storageKind, index } = drawn;
  const source = await lane.getSource(sourceKind);
  const storage = await lane.getStorage(storageKind);
  const plan = await lane.getPlan(sourceKind, storageKind, fault.isWrongPassword);
  await source.refresh(seed.fork('content'));
  let truth = await source.readTruth();
  const mends: (() => Promise<unknown>)[] = [];
  const record = (what: string, facts: object = {}) =>
    lab.record({
      try: index,
      kind: fault.kind,
      source: sourceKind,
      storage: storageKind,
      restic: lane.generation,
      what,
      ...facts,
    });
  const prepared: Prepared = {
    lane,
    source,
    storage,
    services,
    seed,
    record,
    mendWith: (mend) => void mends.unshift(mend),
    expect(expected) {
      truth = expected;
    },
  };
  const mend = async (): Promise<void> => {
    for (const one of mends.splice(0)) await one();
  };
  try {
    await fault.before?.(prepared);
    const run = await runPlan(lane.stack.api, plan);
    const { end, hasEnded } = watchRun(lane, run);
    const current: Try = { ...prepared, run, hasEnded, awaitEnd: () => end };
    const isStruck = (await fault.during?.(current)) ?? true;
    const seen = await end;
    const limitMs = fault.leftoverMs ?? LEFTOVER_MS;
    const host = await awaitGone(() => listHostLeftovers(lane, seen.finishedAt), limitMs);
    await mend();
    const repository = await awaitNothing(() => listRepositoryLeftovers(storage), limitMs);
    if (seen.state === 'succeeded' && sourceKind !== 'files') source.expectedBytes = seen.bytes;
    const sight = await lookAt(lane, drawn, run, truth);
    record('ended', { run, state: sight.state, reason: seen.failure?.reason, isStruck });
    return {
      run,
      isStruck,
      state: sight.state,
      problems: judgeSight({ ...sight, allowed: fault.allowed }),
      leftovers: [...host.left, ...repository.left],
      verified: sight.ledger.filter(({ state }) => state === 'good' || state === 'partial').map(({ engineId }) => engineId),
    };
  } finally {
    await mend();
  }
}

/** What server and repository say of the run now; everything that is offered is restored and compared. */
async function lookAt(lane: Lane, { storageKind }: Drawn, run: RunId, truth: Truth) {
  const { api } = lane.stack;
  const storage = await lane.getStorage(storageKind);
  const seen = await api.get<ApiRunDetail>(`/runs/${run}`);
  const stored = await storage.byHand.listIds(`run:${run}`);
  const ledger: SeenSnapshot[] = [];
  for (const snapshot of seen.snapshots) {
    const { engineId, role, state } = snapshot;
    const isOffered = state === 'good' || state === 'partial';
    const found = isOffered
      ? { mismatch: await compare(lane, storageKind, snapshot, truth) }
      : await askToRestore(lane, snapshot);
    ledger.push({ engineId, role, state, ...found });
  }
  return { state: seen.state, ledger, stored };
}

async function compare(
  lane: Lane,
  kind: StorageKind,
  { engineId, role }: ApiSnapshot,
  truth: Truth,
): Promise<string | undefined> {
  const { byHand } = await lane.getStorage(kind);
  const folder = await mkdtemp(join(lane.scratch, 'restored-'));
  try {
    await byHand.run('restore', '--target', folder, engineId);
    return await truth.compare(folder, role);
  } catch (error) {
    return `it cannot be restored: ${error instanceof Error ? error.message.slice(0, 500) : String(error)}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Orders a restore of what nobody vouches for; a server that takes the order is found out. */
async function askToRestore(lane: Lane, { id, fileName }: ApiSnapshot): Promise<{ isOffered: boolean }> {
  const source = fileName === undefined ? undefined : await lane.getSource(fileName === 'database.sql' ? 'mariadb' : 'postgres');
  const target =
    source === undefined
      ? { kind: 'directory', path: join(lane.scratch, 'never') }
      : { kind: 'database', source: source.api.id, database: 'never' };
  const answer = await lane.stack.api.send('POST', '/restores', { snapshot: id, host: lane.host.id, target });
  return { isOffered: answer.status < 300 };
}
