/**
 * Weeks of a host on a clock that moves by hand: the agent's real scheduler on its real journal, with power cuts, sleep, runs cut before
 * their commit, clocks set forward and back, and plans edited, all by chance that can be repeated.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makePlan, ScheduledHost, START } from '@holdfast/agent/scheduler/fixtures/scheduled-host.ts';
import { listFires } from '@holdfast/agent/scheduler/next-fire.ts';
import type { PlanId } from '@holdfast/shared/domain/ids.ts';
import type { PlanOptions, SpecPlan } from '@holdfast/shared/domain/plan.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import { createSeed, type Seed } from '../seed.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];
/** A window of each of these is black: long and short, over midnight, at the week-end. */
const WINDOWS: readonly PlanOptions['blackouts'][] = [
  [{ from: '08:00', to: '18:00', days: [1, 2, 3, 4, 5] }],
  [{ from: '22:30', to: '01:15', days: [0, 1, 2, 3, 4, 5, 6] }],
  [{ from: '06:00', to: '06:20', days: [0, 3, 6] }],
  [{ from: '00:00', to: '24:00', days: [0] }],
];
const FINDINGS = 20;
/** After an act what was missed is caught up, and a fire that was cut is tried again, within this. */
const HANDLING_MS = RUNS.catchUpWindowMs + 5 * MINUTE;

export interface EnduranceOptions {
  days: number;
  plans: number;
  seed: number | string;
  /** In which directory the journals lie while it goes on; the system's own for such things when left out. */
  directory?: string;
}

export interface Endurance {
  /** Fires that came. */
  tried: number;
  /** Fires that were neither run, stood for nor recorded as missed, and fires that became two runs. */
  bad: number;
  findings: readonly string[];
  /** What was done to the host, so that a seed that did little is seen. */
  outages: number;
  cuts: number;
  jumps: number;
  edits: number;
  runs: number;
  missedOnRecord: number;
  /** Fires that came while the host was up, awake and left alone, and nothing held them back: each had to be run at its own time. */
  unhindered: number;
}

/** Whether the clock is ever set back. Where it is not, each fire has exactly one record; where it is, an hour that comes again may be counted again. */
type Clockwork = 'forward' | 'both ways';

/**
 * Lives through the days twice, with a clock that only stands and leaps forward and with one that is also set back, and compares what came
 * of each fire with the schedule. The same seed lives through the same days.
 */
export function endure(options: EnduranceOptions): Endurance {
  const lives = (['forward', 'both ways'] as const).map((clockwork) => endureOnce(options, clockwork));
  const sum = (key: Exclude<keyof Endurance, 'findings'>) => lives.reduce((total, life) => total + life[key], 0);
  return {
    tried: sum('tried'),
    bad: sum('bad'),
    findings: lives.flatMap(({ findings }) => findings).slice(0, FINDINGS),
    outages: sum('outages'),
    cuts: sum('cuts'),
    jumps: sum('jumps'),
    edits: sum('edits'),
    runs: sum('runs'),
    missedOnRecord: sum('missedOnRecord'),
    unhindered: sum('unhindered'),
  };
}

function endureOnce(options: EnduranceOptions, clockwork: Clockwork): Endurance {
  const seed = createSeed(options.seed).fork(clockwork);
  const stateDir = mkdtempSync(join(options.directory ?? tmpdir(), 'holdfast-endurance-'));
  const host = new ScheduledHost(stateDir, undefined, RUNS.catchUpWindowMs);
  try {
    host.plans = Array.from({ length: options.plans }, (_, index) => drawPlan(seed.fork(`plan ${index}`), index));
    const story = live(host, seed.fork('history'), { until: START + options.days * DAY, clockwork });
    return { ...judge(host, story, clockwork), ...story.counts };
  } finally {
    host.crash();
    rmSync(stateDir, { recursive: true });
  }
}

function drawPlan(chance: Seed, index: number): SpecPlan {
  const minute = chance.int([0, 59]);
  const hour = chance.int([0, 23]);
  const cron = chance.pick([
    `${minute} * * * *`,
    '*/15 * * * *',
    `${minute} */4 * * *`,
    `${minute} ${hour} * * *`,
    `${minute} ${hour} * * 1-5`,
    `${minute} 1-3 * * *`,
  ]);
  return makePlan(`p${index}`, cron, { zone: chance.pick(ZONES), options: drawOptions(chance) });
}

function drawOptions(chance: Seed): Partial<PlanOptions> {
  return {
    catchUp: chance.chance(0.8),
    graceMinutes: chance.pick([30, 240, 1440, 4320]),
    spreadMinutes: chance.pick([0, 0, 20, 90, 600]),
    blackouts: chance.chance(0.5) ? chance.pick(WINDOWS) : [],
  };
}

/** Fires of a plan that had no excuse. */
interface Unhindered {
  plan: PlanId;
  fires: readonly number[];
}

export interface Story {
  /** The latest instant the clock has shown: fires up to here came. */
  end: number;
  unhindered: readonly Unhindered[];
  counts: Pick<Endurance, 'outages' | 'cuts' | 'jumps' | 'edits' | 'runs' | 'missedOnRecord'>;
}

/** What was due from a moment after the last act to a moment before the next one, of plans that nothing holds back. */
function listUnhindered(plans: readonly SpecPlan[], from: number, to: number): readonly Unhindered[] {
  const free = plans.filter(({ options }) => options.spreadMinutes === 0 && options.blackouts.length === 0);
  return free.flatMap(({ id, schedule }) =>
    schedule && to - from > 2 * HANDLING_MS
      ? [{ plan: id, fires: listFires(schedule, from + HANDLING_MS, to - HANDLING_MS, 1_000_000) }]
      : [],
  );
}

function live(host: ScheduledHost, chance: Seed, { until, clockwork }: { until: number; clockwork: Clockwork }): Story {
  const { clock } = host;
  const counts = { outages: 0, cuts: 0, jumps: 0, edits: 0, runs: 0, missedOnRecord: 0 };
  const cutting = chance.fork('cuts');
  const events = chance.fork('events');
  let isCutting = true;
  host.onRecorded = () => {
    if (!isCutting || !cutting.chance(0.03)) return;
    counts.cuts += 1;
    throw new Error('cut before the commit');
  };
  let latest = clock.now();
  const edit = (index: number, change: Partial<PlanOptions>) => {
    host.plans = host.plans.map((plan, at) => (at === index ? { ...plan, options: { ...plan.options, ...change } } : plan));
  };
  const acts: readonly (() => void)[] = [
    () => {
      counts.outages += 1;
      host.crash();
      clock.advance(Math.floor(events.fraction() ** 3 * 40 * HOUR));
      host.boot();
    },
    () => {
      // Asleep, or set by hand: the wall clock alone moves on. It is never set before the time the plans were made.
      counts.jumps += 1;
      const back = clockwork === 'forward' ? 0 : 0.4;
      clock.set(Math.max(clock.now() + Math.floor((events.fraction() - back) * 6 * HOUR), START));
    },
    () => {
      counts.edits += 1;
      edit(events.int([0, host.plans.length - 1]), drawOptions(events));
      host.scheduler.refresh();
    },
  ];
  host.start();
  const unhindered: Unhindered[] = [];
  while (clock.now() < until) {
    const from = clock.now();
    host.pass(events.int([1, 12 * 60]) * MINUTE);
    if (clockwork === 'forward') unhindered.push(...listUnhindered(host.plans, from, clock.now()));
    latest = Math.max(latest, clock.now());
    events.pick(acts)();
    latest = Math.max(latest, clock.now());
  }
  // What was cut is tried again, and nothing is kept back any more, so that each fire has to be settled.
  const settleMs = RUNS.catchUpWindowMs + 2 * MINUTE;
  host.pass(Math.max(latest - clock.now(), 0) + settleMs);
  isCutting = false;
  host.pass(settleMs);
  for (const index of host.plans.keys()) edit(index, { spreadMinutes: 0, blackouts: [], graceMinutes: 7 * 1440, catchUp: true });
  host.scheduler.refresh();
  host.pass(settleMs);
  counts.runs = host.fired.length;
  counts.missedOnRecord = host.missed.reduce((sum, { count }) => sum + count, 0);
  return { end: clock.now(), unhindered, counts };
}

/** What a host did, and what it says of it, against its plans. */
export function judge(
  host: Pick<ScheduledHost, 'plans' | 'fired' | 'missed' | 'errors'> & {
    journal: { runs: Pick<ScheduledHost['journal']['runs'], 'listOpen'> };
  },
  { end, unhindered }: Pick<Story, 'end' | 'unhindered'>,
  clockwork: Clockwork,
): Pick<Endurance, 'tried' | 'bad' | 'findings' | 'unhindered'> {
  const findings: string[] = [];
  let tried = 0;
  let bad = 0;
  let count = 0;
  const blame = (times: number, finding: string): void => {
    if (times === 0) return;
    bad += times;
    if (findings.length < FINDINGS) findings.push(finding);
  };
  for (const plan of host.plans) {
    if (!plan.schedule) continue;
    const due = new Set(listFires(plan.schedule, plan.effectiveFrom - 1, end, 1_000_000));
    const runs = host.fired.filter((fired) => fired.plan === plan.id);
    const fires = new Set(runs.map(({ fireAt }) => fireAt));
    const recorded = host.missed.filter((missed) => missed.plan === plan.id).reduce((sum, { count }) => sum + count, 0);
    const settled = runs.reduce((sum, { skipped }) => sum + 1 + skipped, recorded);
    tried += due.size;
    blame(runs.length - fires.size, `${plan.id}: ${runs.length - fires.size} fires became two runs`);
    blame([...fires].filter((at) => !due.has(at)).length, `${plan.id}: ran what its schedule does not name`);
    if (clockwork === 'forward') blame(Math.max(settled - due.size, 0), `${plan.id}: ${settled} records of ${due.size} fires`);
    blame(Math.max(due.size - settled, 0), `${plan.id}: ${due.size - settled} of ${due.size} fires left no record`);
    const mustRun = unhindered.flatMap((one) => (one.plan === plan.id ? one.fires : []));
    count += mustRun.length;
    const lost = mustRun.filter((at) => !fires.has(at));
    blame(lost.length, `${plan.id}: ${lost.length} fires were not run although nothing was in their way`);
    blame(runs.filter(({ at, dueAt, fireAt }) => at < dueAt || dueAt < fireAt).length, `${plan.id}: ran before its time`);
  }
  blame(
    Math.abs(host.journal.runs.listOpen().length - host.fired.length),
    'the journal holds other runs than those that were begun',
  );
  const strange = host.errors.filter((error) => !(error instanceof Error && error.message === 'cut before the commit'));
  blame(strange.length, `${strange.length} errors, the first: ${String(strange[0])}`);
  return { tried, bad, findings, unhindered: count };
}
