/** Fires over every time zone, and two weeks of a host that is switched off, put to sleep and set to another time. */
import { type Experiment, pickTries } from '../experiment.ts';
import { endure } from './endurance.ts';
import { checkAllZones } from './fires.ts';

/** For the short selection: clocks that change by an hour, by half an hour, twice a year the other way round, hardly ever, and over a whole day. */
const TELLING_ZONES = ['Europe/Berlin', 'Australia/Lord_Howe', 'America/Santiago', 'Asia/Kathmandu', 'Pacific/Apia'];

export const ALL_ZONES: Experiment = {
  figures: ['fires-all-zones'],
  async run(lab) {
    const years = pickTries(lab, { selection: 2, quarter: 1, full: 10 });
    const zones = lab.effort === 'selection' ? { zones: TELLING_ZONES } : {};
    const { tried, bad, findings } = checkAllZones({ years, ...zones });
    const where = lab.effort === 'selection' ? `${TELLING_ZONES.length} zones` : 'all zones of the runtime';
    const detail = `fires of ${where} over ${years} years, against an independent reading of the rules: skipped or doubled`;
    return [{ name: 'fires-all-zones', tried, bad, limit: 0, detail, findings }];
  },
};

export const ENDURANCE: Experiment = {
  figures: ['endurance-14-days'],
  async run(lab) {
    const seeds = pickTries(lab, { selection: 1, quarter: 1, full: 3 });
    const days = pickTries(lab, { selection: 2, quarter: 14, full: 14 });
    let tried = 0;
    let bad = 0;
    const findings: string[] = [];
    const counts = { runs: 0, missedOnRecord: 0, unhindered: 0, outages: 0, jumps: 0 };
    for (let index = 0; index < seeds; index += 1) {
      const { name } = lab.seed.fork(String(index));
      const life = endure({ days, plans: 20, seed: name, directory: await lab.makeDirectory('endurance') });
      tried += life.tried;
      bad += life.bad;
      for (const key of Object.keys(counts) as (keyof typeof counts)[]) counts[key] += life[key];
      findings.push(...life.findings.map((finding) => `${name}: ${finding}`));
    }
    const detail = `fires of 20 plans in ${seeds} × ${days} days of fake clock with ${counts.outages} outages and ${counts.jumps} times of sleep or clock jumps: missed without a word, doubled, or not run although nothing was in their way, as ${counts.unhindered} were; ${counts.runs} runs, ${counts.missedOnRecord} recorded as missed`;
    return [{ name: 'endurance-14-days', tried, bad, limit: 0, detail, findings: findings.slice(0, 20) }];
  },
};
