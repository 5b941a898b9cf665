/** From the order to cancel to nothing left: no process, FIFO or temporary file on the host, no lock in the repository. */
import { signalQuietly } from '../../../harness/services/processes.ts';
import { type Experiment, type Lab, type Outcome, pickTries } from '../../experiment.ts';
import { drawTries } from '../gate-faults/drawing.ts';
import { DATABASES, type Fault, type Try } from '../gate-faults/fault.ts';
import { cancel } from '../gate-faults/faults.ts';
import { allDone, withLanes } from '../gate-faults/gate.ts';
import type { Lane } from '../gate-faults/lane.ts';
import { awaitNothing, listHostLeftovers, listRepositoryLeftovers } from '../gate-faults/leftovers.ts';
import { awaitMoment, drawMoment, drawPart, type Moment } from '../gate-faults/moments.ts';
import { carryOut, type Drawn, describeTry } from '../gate-faults/try.ts';
import { findQuantile } from './quantile.ts';

/** Cancels that came in time; those that came when the run was over are replaced. */
const WANTED = { selection: 1, quarter: 10, full: 200 } as const;
const DRAWN = { selection: 3, quarter: 15, full: 400 } as const;
/** At most this long in 99 of 100 tries, and at most that long in any. */
const LIMIT_MS = 7000;
const WORST_MS = 35_000;
/** What a try counts that left something for as long as it was watched, or whose verdict is bad. */
const NEVER_MS = 600_000;
const WATCH_MS = 60_000;
const FROZEN = 'repository-frozen';
const ALLOWED = ['cancelled', 'succeeded'] as const;

/** Milliseconds by the run's id. */
type Measures = Map<string, number>;

/**
 * Cancels, and measures until nothing is left. A repository that is frozen is thawed once the host is clean; it can give up its lock from that
 * moment on, so that its time counts by itself.
 */
async function measureCancel(current: Try, thaw?: () => void): Promise<number> {
  const { lane, storage, hasEnded } = current;
  const startedAt = performance.now();
  await cancel(current);
  const look = async () => [...(hasEnded() ? [] : ['the run goes on']), ...(await listHostLeftovers(lane))];
  const host = await awaitNothing(look, WATCH_MS);
  const hostMs = performance.now() - startedAt;
  thaw?.();
  const repository = await awaitNothing(() => listRepositoryLeftovers(storage), WATCH_MS);
  if (host.left.length + repository.left.length > 0) return NEVER_MS;
  return thaw === undefined ? hostMs + repository.ms : Math.max(hostMs, repository.ms);
}

/** A run that is cancelled at a moment, after something was done to it. */
function createCancelling(
  measures: Measures,
  fault: Omit<Fault, 'allowed' | 'during'>,
  drawWhen: (current: Try) => Moment,
  prepare: (current: Try) => (() => void) | undefined = () => undefined,
): Fault {
  return {
    ...fault,
    allowed: ALLOWED,
    async during(current) {
      const moment = drawWhen(current);
      if (!(await awaitMoment(current, moment))) return false;
      const thaw = prepare(current);
      current.record('cancelled', { moment });
      measures.set(current.run, await measureCancel(current, thaw));
      return true;
    },
  };
}

/** Most runs are cancelled as they are; the others hang in one of the ways in which a run can hang. */
function listCancellings(measures: Measures): readonly Fault[] {
  const middle = ({ seed }: Try) => drawPart(seed.fork('moment'));
  const anywhere = ({ seed }: Try) => drawMoment(seed.fork('moment'));
  const deaf: Omit<Fault, 'allowed' | 'during'> = {
    kind: 'dump-deaf',
    sources: DATABASES,
    async before({ lane, source, seed, mendWith }) {
      mendWith(() => lane.tools.behave());
      await lane.tools.misbehave({ kind: 'deaf', bytes: seed.fork('bytes').int([1, source.expectedBytes - 1]) });
    },
  };
  return [
    createCancelling(measures, { kind: 'in-the-middle' }, middle),
    createCancelling(measures, { kind: 'in-the-middle-again' }, middle),
    createCancelling(measures, { kind: 'at-any-moment' }, anywhere),
    createCancelling(measures, { kind: 'at-any-moment-again' }, anywhere),
    createCancelling(measures, deaf, ({ seed }) => ({ at: 'time', ms: seed.fork('time').int([800, 2500]) })),
    createCancelling(measures, { kind: 'dump-stopped', sources: DATABASES }, middle, ({ lane, source }) => {
      for (const { pid, commandLine } of lane.agent.listTools())
        if (source.dump?.test(commandLine)) signalQuietly(pid, 'SIGSTOP');
      return undefined;
    }),
    createCancelling(measures, { kind: FROZEN, storages: ['rest'], isSlow: true, leftoverMs: WORST_MS }, middle, (current) => {
      const { storage } = current;
      current.mendWith(async () => storage.freeze?.('SIGCONT'));
      storage.freeze?.('SIGSTOP');
      return () => storage.freeze?.('SIGCONT');
    }),
  ];
}

type Measured = { readonly what: string; readonly kind: string; readonly ms: number; readonly problem?: string };

async function measure(lab: Lab): Promise<readonly Measured[]> {
  const measures: Measures = new Map();
  const measured: Measured[] = [];
  const drawn = drawTries(lab.seed, lab.effort, listCancellings(measures), pickTries(lab, DRAWN));
  const wanted = pickTries(lab, WANTED);
  const hasEnough = () => measured.filter(({ kind }) => kind !== FROZEN).length >= wanted;
  await withLanes(lab, async ({ services, lanes }) => {
    const takeTry = async (lane: Lane, one: Drawn): Promise<void> => {
      const what = `${describeTry(one, lane)} (${one.seed.name})`;
      const count = (ms: number, problem?: string) =>
        measured.push({ what, kind: one.fault.kind, ms, ...(problem === undefined ? {} : { problem }) });
      try {
        const { run, state, problems } = await carryOut(lab, services, lane, one);
        const ms = measures.get(run);
        if (problems.length > 0) count(NEVER_MS, problems.join('; '));
        // The order to cancel came when the run was over.
        else if (ms !== undefined && state === 'cancelled') count(Math.round(ms));
        lab.record({ try: one.index, kind: one.fault.kind, state, ms });
      } catch (error) {
        count(NEVER_MS, `could not be carried out: ${error instanceof Error ? error.message : String(error)}`);
        await lane.restore();
      }
    };
    const runLane = async (lane: Lane, at: number): Promise<void> => {
      for (const one of drawn.filter(({ index }) => index % lanes.length === at)) {
        if (lab.effort === 'full' && hasEnough()) return;
        await takeTry(lane, one);
      }
    };
    await allDone(lanes.map(runLane));
  });
  return measured;
}

/** The two figures of what was measured. */
export function reportCancels(measured: readonly Measured[], least = 1): readonly Outcome[] {
  const answered = measured.filter(({ kind }) => kind !== FROZEN);
  const answering = answered.map(({ ms }) => ms);
  const all = measured.map(({ ms }) => ms);
  const worst = Math.max(...all, 0);
  const describe = ({ what, ms, problem }: Measured) => `${what}: ${problem ?? `${ms} ms`}`;
  const slow = (of: readonly Measured[], limit: number) => of.filter(({ ms }) => ms > limit).map(describe);
  const frozen = measured.length - answering.length;
  return [
    {
      name: 'cancel-latency',
      tried: answering.length,
      least,
      bad: findQuantile(answering, 0.99),
      limit: LIMIT_MS,
      unit: 'ms',
      detail: `99 % of the tries; half of them ${findQuantile(answering, 0.5)} ms; from the order to no process, FIFO, temporary file or lock`,
      findings: slow(answered, LIMIT_MS).slice(0, 20),
    },
    {
      name: 'cancel-latency-worst',
      tried: measured.length,
      bad: worst,
      limit: WORST_MS,
      unit: 'ms',
      detail: `the slowest, ${frozen} with a frozen repository among them`,
      findings: slow(measured, WORST_MS).slice(0, 20),
    },
  ];
}

export const cancelLatency: Experiment = {
  figures: ['cancel-latency', 'cancel-latency-worst'],
  run: async (lab) => reportCancels(await measure(lab), lab.effort === 'full' ? WANTED.full : 1),
};
