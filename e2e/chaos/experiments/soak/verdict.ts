/** What the looks at a soak say: its figures. Pure. */
import { roundTo } from '../../../bench/statistics.ts';
import { createTally, type Outcome } from '../../experiment.ts';
import type { Holdings, Look } from './look.ts';
import { computeHourlySlope, measureGrowth, type Sample } from './trend.ts';

export type Observed = {
  readonly warmUpMs: number;
  readonly soakedMs: number;
  readonly faults: number;
  /** Since the end of the warm-up. */
  readonly looks: readonly Look[];
  readonly reported: number;
  /** Pages that people read meanwhile. */
  readonly visits: number;
  readonly problems: readonly string[];
};

const SLOPE_LIMIT_MB = 1;
/** SQLite copies the log back every thousand pages; what a single long transaction or reader adds is in the rest. */
const WAL_LIMIT_MB = 16;
const MEGABYTE = 1024 * 1024;
const PROGRAMS = ['server', 'agent'] as const;
type Program = (typeof PROGRAMS)[number];

const toMegabytes = (bytes: number): number => bytes / MEGABYTE;

export function judgeSoak(observed: Observed): readonly Outcome[] {
  const { looks, warmUpMs, soakedMs, faults, visits } = observed;
  const length = `${roundTo(soakedMs / 60_000, 1)} minutes with ${faults} faults, the first ${roundTo(warmUpMs / 60_000, 1)} to warm up, ${visits} pages read`;
  const list = (program: Program, pick: (holdings: Holdings) => number): readonly Sample[] =>
    looks.map(({ atMs, programs }) => ({ atMs, value: pick(programs[program]) }));
  const last = (program: Program, pick: (holdings: Holdings) => number): number => list(program, pick).at(-1)?.value ?? 0;
  const slope = (program: Program, pick: (holdings: Holdings) => number): number =>
    roundTo(toMegabytes(computeHourlySlope(list(program, pick))), 2);
  const grown = (program: Program, pick: (holdings: Holdings) => number): number =>
    measureGrowth(list(program, pick).map(({ value }) => value));
  const forEach = (words: (program: Program) => string): string =>
    PROGRAMS.map((program) => `${program} ${words(program)}`).join('; ');
  const countGrowth = (name: string, what: string, pick: (holdings: Holdings) => number): Outcome => ({
    name,
    tried: looks.length,
    bad: Math.max(...PROGRAMS.map((program) => grown(program, pick))),
    limit: 0,
    detail: `${length}; ${what}: ${forEach((program) => `${last(program, pick)}, grown by ${grown(program, pick)}`)}`,
    findings: [],
  });
  const resident = (holdings: Holdings): number => holdings.residentBytes;
  const zombies = looks.map((look) => look.zombies);
  return [
    {
      name: 'soak-rss-slope',
      tried: looks.length,
      bad: Math.max(0, ...PROGRAMS.map((program) => slope(program, resident))),
      limit: SLOPE_LIMIT_MB,
      unit: 'MB/h',
      detail: `${length}; Theil–Sen over resident memory after a collection: ${forEach(
        (program) =>
          `${slope(program, resident)} MB/h (JavaScript ${slope(program, ({ heapBytes }) => heapBytes)}), ${roundTo(toMegabytes(last(program, resident)), 0)} MB at the end`,
      )}`,
      findings: [],
    },
    countGrowth('soak-fds', 'open descriptors when everybody was connected again', ({ descriptors }) => descriptors),
    countGrowth('soak-handles', 'sockets, timers and other handles of Node', ({ handles }) => handles),
    countGrowth('soak-threads', 'threads', ({ threads }) => threads),
    {
      name: 'soak-zombies',
      tried: looks.length,
      bad: measureGrowth(zombies),
      limit: 0,
      detail: `${length}; children that nobody waited for, of the server and both agents; ${Math.max(...zombies)} at the most at one moment`,
      findings: [],
    },
    {
      name: 'soak-wal',
      tried: looks.length,
      bad: roundTo(
        Math.max(
          ...PROGRAMS.flatMap((program) => list(program, ({ walBytes }) => toMegabytes(walBytes)).map(({ value }) => value)),
        ),
        1,
      ),
      limit: WAL_LIMIT_MB,
      unit: 'MB',
      detail: `${length}; the larger write-ahead log; what is kept grew by ${forEach(
        (program) =>
          `${slope(program, ({ databaseBytes }) => databaseBytes)} MB/h to ${roundTo(toMegabytes(last(program, ({ databaseBytes }) => databaseBytes)), 1)} MB`,
      )}`,
      findings: [],
    },
    judgeLosses(observed, length),
  ];
}

function judgeLosses({ reported, problems }: Observed, length: string): Outcome {
  const lost = createTally('soak-lost');
  for (let index = problems.length; index < reported; index += 1) lost.count();
  for (const problem of problems) lost.count(problem);
  return lost.toOutcome(
    `${length}; events of light agents that were not acknowledged in the end, broken promises, and newest green runs without a snapshot`,
  );
}
