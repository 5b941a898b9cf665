/** A drill of a 1 GB database against the bare restore of the same backup into a throw-away cluster. */
import { globSync } from 'node:fs';
import { runTool } from '../harness/services/tool-run.ts';
import { timeBareThrowaway } from './bare-throwaway.ts';
import { openDatabaseRig } from './database-rig.ts';
import { formatSeconds, GIGABYTE_MB, measureRounds, type Round } from './database-speed.ts';
import { type Benchmark, type Figure, judgeFigure } from './figure.ts';
import { getStageMs, getWholeMs } from './run-record.ts';
import { comparePairs, roundTo } from './statistics.ts';

const NAME = 'drill-overhead';
const LIMIT = 1.1;

function judge(figure: string, rounds: readonly Round[], pick: (round: Round) => number, bytes: number): Figure {
  const pairs = rounds.map((round) => ({ ours: pick(round), theirs: round.bareMs }));
  const { median, lowest, highest } = comparePairs(pairs);
  const times = pairs.map(({ ours, theirs }) => `${formatSeconds(ours)}/${formatSeconds(theirs)}`).join(', ');
  const detail = `${roundTo(bytes / 1e6, 0)} MB, ${pairs.length} pairs from ${roundTo(lowest, 3)} to ${roundTo(highest, 3)}: ${times}`;
  return judgeFigure(figure, roundTo(median, 3), 'ratio', LIMIT, detail);
}

/** The programs that the drill takes on a host with one version of the server. */
function findPrograms(): string {
  const found = globSync('/usr/lib/postgresql/*/bin/initdb').toSorted().at(-1);
  if (found === undefined) throw new Error('no PostgreSQL server is installed');
  return found.slice(0, found.lastIndexOf('/'));
}

export const DRILL_OVERHEAD: Benchmark = {
  figures: [`${NAME}-ratio`, `${NAME}-restore-ratio`],
  async measure(world) {
    const rig = await openDatabaseRig(world, 'postgres', GIGABYTE_MB);
    try {
      const backup = await rig.backUp();
      const snapshot = backup.snapshots.find((one) => one.role === 'data');
      if (snapshot?.fileName === undefined) throw new Error(`${backup.id} made no snapshot of a dump`);
      const stored = { snapshotId: snapshot.engineId, fileName: snapshot.fileName };
      const programs = findPrograms();
      const rounds = await measureRounds(world, NAME, {
        prepare: async () => void (await runTool('sync', [])),
        async ours() {
          const run = await rig.drill();
          return { stageMs: getStageMs(run, 'restore'), wholeMs: getWholeMs(run) };
        },
        theirs: () => timeBareThrowaway(rig.ours, stored, programs),
      });
      return [
        judge(`${NAME}-ratio`, rounds, ({ wholeMs }) => wholeMs, backup.bytes),
        judge(`${NAME}-restore-ratio`, rounds, ({ stageMs }) => stageMs, backup.bytes),
      ];
    } finally {
      await rig.close();
    }
  },
};
