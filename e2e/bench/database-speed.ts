/** Wall time of backups and restores of a 1 GB database against the bare shell pipe. */
import { runTool } from '../harness/services/tool-run.ts';
import { timeBareBackup, timeBareFileRestore, timeBareRestore, timeScriptedBackup } from './bare-pipe.ts';
import { type DatabaseKind, type DatabaseRig, openDatabaseRig } from './database-rig.ts';
import { type Benchmark, type Figure, judgeFigure } from './figure.ts';
import { getStageMs, getWholeMs } from './run-record.ts';
import { comparePairs, type Pair, roundTo } from './statistics.ts';
import type { World } from './world.ts';

/** Rows for a dump of a little more than 1 GB. `HOLDFAST_BENCH_MB` takes fewer, to see that a benchmark works. */
export const GIGABYTE_MB = Number(process.env['HOLDFAST_BENCH_MB'] ?? 1060);
const PAIRS = 5;
const RATIO_LIMIT = 1.05;

/** What one pair gave, in milliseconds: the stage that carries the bytes, the run around it, the bare pipe, and a script that does what the run does. */
export type Round = {
  readonly stageMs: number;
  readonly wholeMs: number;
  readonly bareMs: number;
  readonly scriptMs?: number | undefined;
};

export function createBackupSpeed(kind: DatabaseKind): Benchmark {
  const name = `backup-${kind}`;
  return {
    figures: [`${name}-ratio`, `${name}-whole-run-ratio`, `${name}-script-ratio`],
    async measure(world) {
      const rig = await openDatabaseRig(world, kind, GIGABYTE_MB);
      try {
        let bytes = 0;
        const rounds = await measureRounds(world, name, {
          prepare: () => rig.resetRepositories(),
          async ours() {
            const run = await rig.backUp();
            bytes = run.bytes;
            return { stageMs: getStageMs(run, 'dump'), wholeMs: getWholeMs(run) };
          },
          theirs: () => timeBareBackup(rig.bare),
          script: () => timeScriptedBackup(rig.bare),
        });
        return judgeRounds(name, rounds, bytes);
      } finally {
        await rig.close();
      }
    },
  };
}

/** With `jobs`, by way of a file and through so many connections. */
export function createRestoreSpeed(kind: DatabaseKind, jobs?: number): Benchmark {
  const name = jobs === undefined ? `restore-${kind}` : `restore-${kind}-parallel`;
  return {
    figures: [`${name}-ratio`, `${name}-whole-run-ratio`],
    async measure(world) {
      const rig = await openDatabaseRig(world, kind, GIGABYTE_MB);
      try {
        return await compareRestores(world, rig, { kind, name, jobs });
      } finally {
        await rig.close();
      }
    },
  };
}

async function compareRestores(
  world: World,
  rig: DatabaseRig,
  { kind, name, jobs }: { kind: DatabaseKind; name: string; jobs: number | undefined },
): Promise<readonly Figure[]> {
  const backup = await rig.backUp();
  const snapshot = backup.snapshots.find((one) => one.role === 'data');
  if (snapshot?.fileName === undefined) throw new Error(`${backup.id} made no snapshot of a dump`);
  const stored = { snapshotId: snapshot.engineId, fileName: snapshot.fileName };
  const server = kind === 'postgres' ? await world.getPostgres() : await world.getMariadb();
  const target = 'bench_restored';
  const drop = () => server.query(`DROP DATABASE IF EXISTS ${target}`);
  const rounds = await measureRounds(world, name, {
    async prepare() {
      await drop();
      if (kind === 'postgres') await server.query('CHECKPOINT');
      await runTool('sync', []);
    },
    async ours() {
      const run = await rig.restore(snapshot, target, jobs === undefined ? {} : { jobs });
      // What brings the dump to the disk is part of the way there.
      const readMs = jobs === undefined ? 0 : getStageMs(run, 'read');
      return { stageMs: readMs + getStageMs(run, 'restore'), wholeMs: getWholeMs(run) };
    },
    async theirs() {
      await server.createDatabase(target);
      const into = { ...stored, database: target };
      return jobs === undefined ? timeBareRestore(rig.ours, into) : timeBareFileRestore(rig.ours, { ...into, jobs });
    },
  });
  await drop();
  return judgeRounds(name, rounds, backup.bytes);
}

export type Sides = {
  /** Brings both sides to the same start; called before each measurement. */
  prepare(): Promise<void>;
  ours(): Promise<Pick<Round, 'stageMs' | 'wholeMs'>>;
  /** Milliseconds of the bare pipe. */
  theirs(): Promise<number>;
  /** Milliseconds of a script that does all that the run does. */
  script?(): Promise<number>;
};

/** Pairs in alternating order, after one pair that only warms caches and is thrown away. */
export async function measureRounds(
  world: World,
  name: string,
  { prepare, ours, theirs, script }: Sides,
): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (let index = 0; index <= PAIRS; index += 1) {
    const measureOurs = async () => {
      await prepare();
      return ours();
    };
    const measureTheirs = async () => {
      await prepare();
      return theirs();
    };
    let own: Pick<Round, 'stageMs' | 'wholeMs'>;
    let bareMs: number;
    if (index % 2 === 0) {
      own = await measureOurs();
      bareMs = await measureTheirs();
    } else {
      bareMs = await measureTheirs();
      own = await measureOurs();
    }
    if (script) await prepare();
    const scriptMs = await script?.();
    const what = index === 0 ? 'warm-up' : `pair ${index} of ${PAIRS}`;
    world.say(
      `${name} ${what}: stage ${formatSeconds(own.stageMs)}, run ${formatSeconds(own.wholeMs)}, bare ${formatSeconds(bareMs)}${scriptMs === undefined ? '' : `, script ${formatSeconds(scriptMs)}`}`,
    );
    if (index > 0) rounds.push({ ...own, bareMs, scriptMs });
  }
  return rounds;
}

function judgeRounds(name: string, rounds: readonly Round[], bytes: number): readonly Figure[] {
  const judge = (figure: string, pick: (round: Round) => Pair): Figure => {
    const pairs = rounds.map(pick);
    const { median, lowest, highest } = comparePairs(pairs);
    const times = pairs.map(({ ours, theirs }) => `${formatSeconds(ours)}/${formatSeconds(theirs)}`).join(', ');
    const detail = `${roundTo(bytes / 1e6, 0)} MB, ${pairs.length} pairs from ${roundTo(lowest, 3)} to ${roundTo(highest, 3)}: ${times}`;
    return judgeFigure(figure, roundTo(median, 3), 'ratio', RATIO_LIMIT, detail);
  };
  const figures = [
    judge(`${name}-ratio`, ({ stageMs, bareMs }) => ({ ours: stageMs, theirs: bareMs })),
    judge(`${name}-whole-run-ratio`, ({ wholeMs, bareMs }) => ({ ours: wholeMs, theirs: bareMs })),
  ];
  if (rounds.some(({ scriptMs }) => scriptMs === undefined)) return figures;
  return [...figures, judge(`${name}-script-ratio`, ({ wholeMs, scriptMs = 0 }) => ({ ours: wholeMs, theirs: scriptMs }))];
}

export function formatSeconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
