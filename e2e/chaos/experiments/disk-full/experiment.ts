/**
 * The disk of the server's database, or of the agent's journal, fills up while runs go on. Backups to another disk must go on; when there is room
 * again both sides recover without anybody's help, and nothing that was acknowledged is lost.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import { startTmpfs } from '../../../harness/services/tmpfs.ts';
import { waitFor } from '../../../harness/services/wait-for.ts';
import { createTally, type Experiment, type Lab, type Outcome, pickTries } from '../../experiment.ts';
import type { Seed } from '../../seed.ts';
import { openLedger } from '../delivery/ledger.ts';
import { listFires, YOUNG_MS } from '../kill-points/experiment.ts';
import { judgeCrash } from '../kill-points/judge.ts';
import { type BusyWorld, openBusyWorld, orderRun } from '../kill-points/world.ts';
import { fillDisk } from './filler.ts';

const MIB = 1024 * 1024;
const TRIES = { selection: 1, quarter: 3, full: 20 } as const;
/** Room for what is measured as "enough disk" on each side, and for a reserve. */
const DISK_BYTES = { server: 192 * MIB, agent: 320 * MIB } as const;
const WAIT_MS = 60_000;
/** Writes that are asked for before one must have been refused. */
const STRAINS_MAX = 600;
/** By then a host with something to tell has told it. */
const REFUSAL_MS = 15_000;
/** Runs that are asked for while the agent's disk is full: so many, and more until it says that it was refused a write. */
const RUNS_LEAST = 2;
const RUNS_MAX = 12;

/** Of each source under a server whose disk fills: its first run takes longer than filling the disk. */
const MEGABYTES = 60;

/** The fault met nothing that it could harm: the try proves nothing, and is replaced by another one. */
class StruckTooLate extends Error {}

export type Side = keyof typeof DISK_BYTES;

const isFull = (world: BusyWorld, side: Side): boolean =>
  side === 'server'
    ? /disk with the database is full|database or disk is full|SQLITE_FULL/.test(world.stack.server.readLog())
    : world.agent.readLog().includes('the disk refuses writes');

/** A backup has gone on when its snapshot lies in the repository, whoever can write that down. */
async function awaitStored(world: BusyWorld, least: number): Promise<void> {
  const look = async () => (await world.listStored()).size >= least || undefined;
  await waitFor(`${least} snapshots while the disk is full`, look, { deadlineMs: WAIT_MS, intervalMs: 50 });
}

/** Changes something again and again until the server says that it cannot; runs go on meanwhile. */
async function strainServer(world: BusyWorld, seed: Seed): Promise<void> {
  const [first] = world.ordered;
  for (let strain = 0; strain < STRAINS_MAX && !isFull(world, 'server'); strain += 1) {
    const options = { options: { graceMinutes: seed.int([60, 2000]) } };
    const { status } = await world.stack.api.send('PATCH', `/plans/${first?.plan.id}`, options).catch(() => ({ status: 0 }));
    if (status >= 500) return;
  }
  if (!isFull(world, 'server')) throw new Error('the full disk of the server refused nothing: the fault did not take hold');
}

async function orderAll(world: BusyWorld, answered: RunId[]): Promise<number> {
  let uncertain = 0;
  for (const plan of world.ordered) {
    const run = await orderRun(world, plan);
    if (run === undefined) uncertain += 1;
    else answered.push(run);
  }
  return uncertain;
}

/** Runs that were begun before end while the server can write nothing, and what they tell waits at the host. */
async function fillUnderServer(world: BusyWorld, seed: Seed, disk: string, answered: RunId[]): Promise<void> {
  const before = (await world.listStored()).size;
  await orderAll(world, answered);
  await pause(seed.int([0, 300]));
  const filler = fillDisk(join(disk, 'filler'));
  try {
    await strainServer(world, seed);
    await awaitStored(world, before + answered.length);
    const look = async () => world.stack.server.readLog().includes('reports of hosts wait at the hosts') || undefined;
    await waitFor('the server to refuse what the host tells', look, { deadlineMs: REFUSAL_MS }).catch((cause: unknown) => {
      throw new StruckTooLate('everything was told before the disk was full', { cause });
    });
  } finally {
    filler.release();
  }
}

/** A source whose run goes on takes no other one: the order would be skipped. What ended is in the agent's log, whose disk has room. */
async function awaitEnds(world: BusyWorld, runs: readonly RunId[]): Promise<void> {
  const look = async () => {
    const ended = world.agent
      .readLog()
      .split('\n')
      .filter((line) => line.includes('"msg":"run finished"'));
    return runs.every((run) => ended.some((line) => line.includes(run))) || undefined;
  };
  await waitFor('the runs before to end', look, { deadlineMs: WAIT_MS, intervalMs: 50 });
}

/** Orders go on until the agent has been refused a write, and all of them are stored before there is room again. */
async function fillUnderAgent(world: BusyWorld, seed: Seed, disk: string, answered: RunId[]): Promise<void> {
  const before = (await world.listStored()).size;
  await orderAll(world, answered);
  await pause(seed.int([0, 1500]));
  const filler = fillDisk(join(disk, 'filler'));
  try {
    await awaitStored(world, before + answered.length);
    for (let turn = 0; turn < RUNS_LEAST || (turn < RUNS_MAX && !isFull(world, 'agent')); turn += 1) {
      await awaitEnds(world, answered);
      const stored = (await world.listStored()).size;
      const plan = world.ordered[turn % world.ordered.length];
      const run = plan && (await orderRun(world, plan));
      if (run === undefined) throw new Error('the server took no order although its own disk has room');
      answered.push(run);
      await awaitStored(world, stored + 1);
    }
    if (!isFull(world, 'agent')) throw new Error('the full disk of the agent refused nothing: the fault did not take hold');
  } finally {
    filler.release();
  }
}

/** What the journal believes to be acknowledged must be in the server's database. */
export function findLostAcknowledgements(dataDir: string, journalFile: string, host: string): string[] {
  const journal = new DatabaseSync(journalFile, { readOnly: true });
  const ledger = openLedger(dataDir);
  try {
    const find = (name: string) => String(journal.prepare('SELECT value FROM meta WHERE key = ?').get(name)?.['value'] ?? '');
    const promised = Number(find('outbox.acknowledged')) - Number(find('outbox.base'));
    const has = ledger.readStreams(host).get(find('outbox.epoch')) ?? 0;
    return has >= promised ? [] : [`${promised} events were acknowledged and the server has ${has}`];
  } finally {
    journal.close();
    ledger.close();
  }
}

async function tryOnce(lab: Lab, side: Side, index: number): Promise<{ problems: string[]; recoveryMs: number }> {
  const seed = lab.seed.fork(String(index));
  const disk = await startTmpfs(DISK_BYTES[side]);
  const dataDir = join(disk.path, 'data');
  await mkdir(dataDir, { mode: 0o700 });
  const world = await openBusyWorld(side === 'server' ? { dataDir, megabytes: MEGABYTES } : { stateDir: dataDir }).catch(
    async (error: unknown) => {
      await disk.stop();
      throw error;
    },
  );
  try {
    const answered: RunId[] = [];
    const pids = [world.stack.server.pid(), world.agent.pid()];
    lab.record({ index, side, fault: 'disk full', at: Date.now() });
    await (side === 'server' ? fillUnderServer : fillUnderAgent)(world, seed, disk.path, answered);
    lab.record({ index, side, fault: 'room again', at: Date.now() });
    const releasedAt = performance.now();
    const quietAt = await world.settle();
    const recoveryMs = performance.now() - releasedAt;
    // Orders are possible again as well.
    const [first] = world.ordered;
    const after = first && (await orderRun(world, first));
    if (after === undefined) throw new Error('no order is taken although there is room again');
    answered.push(after);
    await world.settle();
    const through = quietAt - YOUNG_MS;
    const ledger = (await world.readLedger(0)).filter(({ fireAt }) => fireAt === undefined || fireAt <= through);
    const problems = judgeCrash({
      ordered: answered,
      uncertainOrders: 0,
      fires: listFires(world, 0, through),
      firesWithin: [0, through],
      ledger,
      journal: world.readJournal().runs.filter(({ run, isClosed }) => isClosed || ledger.some(({ id }) => id === run)),
      stored: await world.listStored(),
      wasAgentHit: false,
    });
    const journalFile = join(side === 'agent' ? dataDir : world.agent.stateDir, 'journal.db');
    problems.push(
      ...findLostAcknowledgements(side === 'server' ? dataDir : world.stack.server.dataDir, journalFile, world.host.id),
    );
    if (pids[0] !== world.stack.server.pid() || pids[1] !== world.agent.pid()) problems.push('something was started anew');
    if (!world.stack.server.isRunning() || !world.agent.isRunning()) problems.push('something ended');
    return { problems, recoveryMs };
  } catch (error) {
    if (error instanceof StruckTooLate) throw error;
    const cause = error instanceof Error && error.cause !== undefined ? `, ${String(error.cause)}` : '';
    const logs = Object.values(await world.stack.readLogs()).map((log) => log.slice(-3000));
    lab.record({ index, side, failure: String(error), cause, logs });
    return { problems: [`${String(error)}${cause}`], recoveryMs: 0 };
  } finally {
    await world.stop();
    await disk.stop();
  }
}

function createDiskFull(side: Side): Experiment {
  const name = `disk-full-${side}`;
  return {
    figures: [name],
    async run(lab): Promise<readonly Outcome[]> {
      const tally = createTally(name);
      let slowestMs = 0;
      const tries = pickTries(lab, TRIES);
      let late = 0;
      for (let index = 0; index < tries + late; index += 1) {
        const found = await tryOnce(lab, side, index).catch((error: unknown) => {
          if (error instanceof StruckTooLate && late < tries) return undefined;
          throw error;
        });
        if (found === undefined) {
          late += 1;
          lab.say(`try ${index}: everything was told before the disk was full; another one takes its place`);
          continue;
        }
        const { problems, recoveryMs } = found;
        slowestMs = Math.max(slowestMs, recoveryMs);
        tally.count(problems.length === 0 ? undefined : `try ${index} of ${lab.seed.name}: ${problems.join('; ')}`);
        lab.say(`try ${index}: quiet ${Math.round(recoveryMs)} ms after there was room again`);
      }
      const seconds = (slowestMs / 1000).toFixed(1);
      const detail = `the disk of the ${side}'s ${side === 'server' ? 'database' : 'journal'} is full while runs go on; all was told ${seconds} s after there was room again at the latest: tries with a lost or failed run, a lost acknowledgement or a side that did not recover by itself${late > 0 ? `; ${late} that struck too late were replaced` : ''}`;
      return [tally.toOutcome(detail)];
    },
  };
}

export const DISK_FULL: readonly Experiment[] = [createDiskFull('server'), createDiskFull('agent')];
