/** Backups under every fault of the catalogue. A snapshot that is offered for restore is restored and compared, each time. */

import { startStack } from '../../../harness/stack.ts';
import { createTally, type Experiment, type Lab, type Outcome, pickTries } from '../../experiment.ts';
import { auditStorage } from './audit.ts';
import { drawTries } from './drawing.ts';
import type { Fault } from './fault.ts';
import { CONTROLS, FAULTS } from './faults.ts';
import { type Lane, type LaneOptions, nameDatabase, openLane } from './lane.ts';
import { createServices, type Services } from './services.ts';
import { carryOut, type Drawn, describeTry } from './try.ts';

/** Some strike too late and count as controls: more are carried out than the figure asks for. */
const TRIES = { selection: 8, quarter: 60, full: 1160 } as const;
const CONTROL_TRIES = { selection: 2, quarter: 12, full: 120 } as const;
/** Numbers of controls begin here, so that theirs stay what they are when there are more faults. */
const FIRST_CONTROL = 100_000;
const FIRST_CLOSING = 200_000;

const FEW_LANES: readonly LaneOptions[] = [
  { name: 'old', generation: 'old' },
  { name: 'new', generation: 'new' },
];
const LANES: readonly LaneOptions[] = [
  ...FEW_LANES,
  { name: 'old-beside', generation: 'old' },
  { name: 'new-beside', generation: 'new' },
];

function createTallies() {
  return {
    faults: createTally('gate-faults'),
    leftovers: createTally('gate-leftovers'),
    controls: createTally('gate-controls'),
    /** How the tries of each kind ended. */
    ends: new Map<string, number>(),
  };
}
type Tallies = ReturnType<typeof createTallies>;

type Bench = {
  readonly lab: Lab;
  readonly services: Services;
  readonly tallies: Tallies;
  /** By the API's id of the repository. */
  readonly verified: Map<string, Set<string>>;
};

async function carryOutAndCount({ lab, services, tallies, verified }: Bench, lane: Lane, drawn: Drawn): Promise<void> {
  const what = describeTry(drawn, lane);
  const seed = `${drawn.seed.name}`;
  const result = await carryOut(lab, services, lane, drawn);
  const storage = await lane.getStorage(drawn.storageKind);
  const known = verified.get(storage.api.id) ?? new Set<string>();
  for (const id of result.verified) known.add(id);
  verified.set(storage.api.id, known);
  const problem = result.problems.length === 0 ? undefined : `${what} (${seed}): ${result.problems.join('; ')}`;
  const isControl = CONTROLS.includes(drawn.fault);
  // A fault that came when the run was over is no injection: it must be green.
  if (isControl || !result.isStruck) tallies.controls.count(problem);
  else tallies.faults.count(problem);
  const left = result.leftovers.length === 0 ? undefined : `${what} (${seed}) left ${result.leftovers.join(', ')}`;
  tallies.leftovers.count(left);
  const end = `${drawn.fault.kind}${result.isStruck ? '' : ' (too late)'}: ${result.state}`;
  tallies.ends.set(end, (tallies.ends.get(end) ?? 0) + 1);
  if (problem !== undefined || left !== undefined) lab.say(`${problem ?? ''} ${left ?? ''}`);
}

/** Tries of one lane, one after the other; a try that cannot be carried out counts as bad and does not end the others. */
async function runLane(bench: Bench, lane: Lane, drawn: readonly Drawn[]): Promise<void> {
  for (const one of drawn) {
    try {
      await carryOutAndCount(bench, lane, one);
    } catch (error) {
      const text = `${describeTry(one, lane)} (${one.seed.name}) could not be carried out: ${error instanceof Error ? error.message : String(error)}`;
      bench.tallies.faults.count(text);
      bench.lab.say(text);
      await lane.restore();
    }
  }
}

/** A last undisturbed run into each storage, after which ledger and repository must agree. */
async function closeLane(bench: Bench, lane: Lane, control: Fault): Promise<void> {
  const { lab, tallies, verified } = bench;
  for (const [index, storage] of (await lane.listStorages()).entries()) {
    const seed = lab.seed.fork(`closing ${lane.name} ${storage.kind}`);
    const drawn = { index: FIRST_CLOSING + index, seed, fault: control, sourceKind: 'files' as const, storageKind: storage.kind };
    await runLane(bench, lane, [drawn]);
    const problems = await auditStorage(lane, storage, verified.get(storage.api.id) ?? new Set());
    const text =
      problems.length === 0 ? undefined : `after all tries, ${storage.kind} of lane ${lane.name}: ${problems.join('; ')}`;
    tallies.controls.count(text);
    if (text !== undefined) lab.say(text);
  }
}

/** Waits for all, also when one fails: what is still at work must not outlive its world. */
export async function allDone(works: readonly Promise<unknown>[]): Promise<void> {
  for (const end of await Promise.allSettled(works)) if (end.status === 'rejected') throw end.reason;
}

export type GateOptions = { readonly faults?: readonly Fault[]; readonly tries?: number; readonly controls?: number };

/** What tries work with. */
export type World = { readonly services: Services; readonly lanes: readonly Lane[] };

/** Opens the lanes that the effort asks for, with a server of their own, and ends everything afterwards. */
export async function withLanes<T>(lab: Lab, work: (world: World) => Promise<T>): Promise<T> {
  const stack = await startStack();
  const wanted = lab.effort === 'selection' ? FEW_LANES : LANES;
  const services = createServices(wanted.map(nameDatabase));
  const lanes: Lane[] = [];
  try {
    await allDone(wanted.map(async (lane) => lanes.push(await openLane(lab, stack, services, lane))));
    lanes.sort((one, other) => one.name.localeCompare(other.name));
    return await work({ services, lanes });
  } finally {
    const ends = [
      ...(await Promise.allSettled(lanes.map((lane) => lane.stop()))),
      ...(await Promise.allSettled([stack.stop(), services.stop()])),
    ];
    for (const end of ends) if (end.status === 'rejected') lab.say(`could not be stopped: ${end.reason}`);
  }
}

/** Carries out as many tries as the effort asks for, or those of `options`. `TRY` names one by its number. */
export async function tryGate(lab: Lab, options: GateOptions = {}): Promise<readonly Outcome[]> {
  const tallies = createTallies();
  const startedAt = performance.now();
  const tries = drawTries(lab.seed, lab.effort, options.faults ?? FAULTS, options.tries ?? pickTries(lab, TRIES));
  const controls = drawTries(lab.seed, lab.effort, CONTROLS, options.controls ?? pickTries(lab, CONTROL_TRIES), FIRST_CONTROL);
  const wanted = process.env['TRY'];
  const drawn = [...tries, ...controls].filter(({ index }) => wanted === undefined || String(index) === wanted);
  await withLanes(lab, async ({ services, lanes }) => {
    const bench: Bench = { lab, services, tallies, verified: new Map() };
    const listOf = (lane: Lane, isAlone: boolean) =>
      drawn.filter(({ index, fault }) => lanes[index % lanes.length] === lane && (fault.isAlone ?? false) === isAlone);
    await allDone(lanes.map((lane) => runLane(bench, lane, listOf(lane, false))));
    for (const lane of lanes) await runLane(bench, lane, listOf(lane, true));
    const [undisturbed] = CONTROLS;
    if (undisturbed !== undefined) await allDone(lanes.map((lane) => closeLane(bench, lane, undisturbed)));
  });
  return report(tallies, Math.round((performance.now() - startedAt) / 1000));
}

function report({ faults, leftovers, controls, ends }: Tallies, seconds: number): readonly Outcome[] {
  const controlled = new Set(CONTROLS.map(({ kind }) => kind));
  const kinds = new Set(
    [...ends.keys()].map((end) => end.replace(/(?: \(too late\))?: .*/, '')).filter((kind) => !controlled.has(kind)),
  );
  const told = [...ends].sort().map(([end, count]) => `${end} ${count}`);
  return [
    faults.toOutcome(
      `${kinds.size} kinds in ${seconds} s; every snapshot that is offered was restored and compared; ${told.join(', ')}`,
    ),
    leftovers.toOutcome(
      'process, lock, FIFO or temporary file, and upload in parts where restic makes any (above 200 MiB), 7 s after the end (35 s where the repository was frozen or swapped)',
    ),
    controls.toOutcome(
      'undisturbed or disturbed too late: green, restored and equal; then ledger and repository agree, restic check is clean',
    ),
  ];
}

export const gateFaults: Experiment = {
  figures: ['gate-faults', 'gate-leftovers', 'gate-controls'],
  run: (lab) => tryGate(lab),
};
