/** The moments at which something is killed, and what is under way then. */
import { setTimeout as pause } from 'node:timers/promises';
import type { RunId } from '@holdfast/shared/domain/ids.ts';
import type { ApiPending, ApiRunDetail } from '../../../harness/api.ts';
import { waitFor } from '../../../harness/services/wait-for.ts';
import type { Seed } from '../../seed.ts';
import { type BusyWorld, orderRun } from './world.ts';

export const VICTIMS = ['agent', 'server', 'both'] as const;
export type Victim = (typeof VICTIMS)[number];

/** In this order, again and again: what a try of each number does. */
export const MOMENTS = ['run', 'order', 'restart', 'events', 'spec', 'ack', 'fire', 'hello', 'announce', 'idle'] as const;
export type Moment = (typeof MOMENTS)[number];

const WAIT_MS = 30_000;
const LOOK_MS = 5;
const MINUTE_MS = 60_000;

export type Orders = { readonly answered: RunId[]; uncertain: number };

export type TryContext = {
  readonly world: BusyWorld;
  readonly victim: Victim;
  readonly seed: Seed;
  readonly orders: Orders;
  /** Kills the victim now, and says so in the record. */
  strike(): Promise<void>;
  /** Starts again whatever of the victim is dead. */
  revive(): Promise<void>;
  /** Adds to the record of the try. */
  note(detail: object): void;
};

const isDone = (run: ApiRunDetail) => run.finishedAt !== undefined;

/** Orders the run of a plan; another `turn` is another plan, since two runs of one source would overlap and one be skipped. */
async function order({ world, orders, seed }: TryContext, turn = 0): Promise<RunId | undefined> {
  const plan = seed.fork('plan').shuffle(world.ordered)[turn % world.ordered.length];
  const run = plan && (await orderRun(world, plan));
  if (run === undefined) orders.uncertain += 1;
  else orders.answered.push(run);
  return run;
}

async function awaitRun({ world }: TryContext, run: RunId | undefined, what: string, isThere: (run: ApiRunDetail) => boolean) {
  if (run === undefined) throw new Error('an order was not answered although nothing was killed yet');
  const look = async () => isThere(await world.stack.api.get<ApiRunDetail>(`/runs/${run}`)) || undefined;
  await waitFor(`run ${run} to be ${what}`, look, { deadlineMs: WAIT_MS, intervalMs: LOOK_MS });
}

const awaitBegun = (context: TryContext, run: RunId | undefined) =>
  awaitRun(context, run, 'begun', (seen) => seen.startedAt !== undefined || isDone(seen));

async function strikeInRun(context: TryContext): Promise<void> {
  await awaitBegun(context, await order(context));
  await pause(context.seed.int([0, 2500]));
  await context.strike();
}

/** A host that announces itself while the kill falls; afterwards it is approved and asked to be online. */
async function strikeInAnnouncement(context: TryContext): Promise<void> {
  const { world, seed } = context;
  const { api } = world.stack;
  const name = `newcomer-${seed.name.replaceAll(/[^a-z0-9]/gi, '-')}`;
  const newcomer = await world.stack.startAgent(name);
  try {
    await pause(seed.int([300, 1500]));
    if (context.victim !== 'server') await newcomer.kill('SIGKILL');
    await context.strike();
    await context.revive();
    if (context.victim !== 'server') await newcomer.restart();
    const fingerprint = (await newcomer.awaitFingerprint()).replaceAll('-', ' ');
    const find = async () => {
      const waiting = await api.get<readonly ApiPending[]>('/hosts/pending');
      return waiting.find((pending) => pending.fingerprint.replaceAll('-', ' ').toLowerCase() === fingerprint);
    };
    const pending = await waitFor(`${name} to announce itself`, find, { deadlineMs: WAIT_MS });
    const host = await api.post<{ id: never }>(`/hosts/pending/${pending.id}/approve`, { name });
    await api.waitForHost(host.id, 'online', WAIT_MS);
    context.note({ newcomer: name });
  } finally {
    await newcomer.stop();
  }
}

const PREPARE: Readonly<Record<Moment, (context: TryContext) => Promise<void>>> = {
  run: strikeInRun,
  async order(context) {
    const answer = order(context);
    await pause(context.seed.int([0, 120]));
    await Promise.all([context.strike(), answer]);
  },
  async restart(context) {
    await awaitBegun(context, await order(context));
    await context.strike();
    const revived = context.revive();
    await pause(context.seed.int([50, 1800]));
    await revived.catch(() => undefined);
    await context.strike();
  },
  async events(context) {
    const [first] = [await order(context), await order(context, 1)];
    await awaitBegun(context, first);
    await pause(context.seed.int([0, 1500]));
    const look = async () => context.world.readJournal().waitingEvents > 0 || undefined;
    // Events may already be told; the kill then falls at the end of the runs.
    await waitFor('events that were not told', look, { deadlineMs: 2000, intervalMs: 1 }).catch(() => undefined);
    await context.strike();
  },
  async spec(context) {
    const { world, seed } = context;
    const { plan } = seed.pick(world.ordered);
    const change = world.stack.api.send('PATCH', `/plans/${plan.id}`, { options: { graceMinutes: seed.int([60, 2000]) } });
    const answer = Promise.all([change.catch(() => undefined), order(context)]);
    await pause(seed.int([0, 60]));
    await Promise.all([context.strike(), answer]);
  },
  async ack(context) {
    const run = await order(context);
    await awaitRun(context, run, 'at its end', isDone);
    await pause(context.seed.int([0, 20]));
    await context.strike();
  },
  async fire(context) {
    const leftMs = MINUTE_MS - (Date.now() % MINUTE_MS);
    await pause(Math.max(0, leftMs + context.seed.int([-50, 1500])));
    context.note({ fire: true });
    await context.strike();
  },
  async hello(context) {
    await context.strike();
    await context.revive();
    await pause(context.seed.int([0, 2500]));
    await context.strike();
  },
  announce: strikeInAnnouncement,
  async idle(context) {
    await pause(context.seed.int([0, 500]));
    await context.strike();
  },
};

/** Brings the world to the moment and kills the victim there; what was killed is dead afterwards, or alive again for an announcement. */
export async function strikeAt(moment: Moment, context: TryContext): Promise<void> {
  await PREPARE[moment](context);
}
