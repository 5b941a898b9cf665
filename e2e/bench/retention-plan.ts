/** Deciding over 100,000 snapshots of one series: what stays, what goes, and why of each. */
import { planRetention, type RetentionSnapshot } from '@holdfast/shared/domain/retention.ts';
import type { RetentionPolicy } from '@holdfast/shared/domain/retention-policy.ts';
import { type Benchmark, judgeFigure } from './figure.ts';
import { computeMedian, computePercentile, roundTo } from './statistics.ts';

const FIGURE = 'retention-plan';
const SNAPSHOTS = 100_000;
const ROUNDS = 40;
const WARM_UPS = 5;
const LIMIT_MS = 200;
/** About seven years of a backup every 37 minutes: neither hours nor days line up with it. */
const STEP_MS = 37 * 60_000;
const NOW = Date.UTC(2026, 10, 20, 12);

const POLICY: RetentionPolicy = {
  kind: 'rules',
  last: 10,
  hourly: 24,
  daily: 14,
  weekly: 8,
  monthly: 24,
  yearly: 5,
  withinHours: 48,
  minAgeHours: 24,
  maxAgeDays: 0,
  maxTotalBytes: 0,
};

/** Some of them are what guards look at. */
function makeSnapshots(): readonly RetentionSnapshot[] {
  return Array.from({ length: SNAPSHOTS }, (_, index) => ({
    id: `snap_${index}`,
    createdAt: NOW - index * STEP_MS,
    storedBytes: 1_000_000 + (index % 977) * 1000,
    standing: index % 50 === 49 ? 'suspicious' : 'good',
    isProven: index % 200 === 0,
    isPinned: index % 5000 === 0,
  }));
}

export const RETENTION_PLAN: Benchmark = {
  figures: [FIGURE],
  async measure() {
    const snapshots = makeSnapshots();
    const times: number[] = [];
    let removed = 0;
    for (let round = 0; round < WARM_UPS + ROUNDS; round += 1) {
      const begun = performance.now();
      ({ removed } = planRetention(snapshots, { policy: POLICY, now: NOW, zone: 'Europe/Berlin', isNewestRunClean: true }));
      if (round >= WARM_UPS) times.push(performance.now() - begun);
    }
    const spread = `median ${roundTo(computeMedian(times), 1)}, highest ${roundTo(Math.max(...times), 1)} ms`;
    const detail = `p95 of ${ROUNDS} plans of ${SNAPSHOTS} snapshots, of which ${removed} go; ${spread}`;
    return [judgeFigure(FIGURE, roundTo(computePercentile(times, 95), 1), 'ms', LIMIT_MS, detail)];
  },
};
