/** Every experiment, in the order in which they run: quick ones first. */
import { COVERAGE } from './coverage.ts';
import type { Experiment } from './experiment.ts';
import { cancelLatency } from './experiments/cancel-latency/cancel-latency.ts';
import { CLOCK_LEAPS } from './experiments/clock-leaps/experiment.ts';
import { DELIVERY } from './experiments/delivery/experiment.ts';
import { DISK_FULL } from './experiments/disk-full/experiment.ts';
import { FLOOD } from './experiments/flood.ts';
import { gateFaults } from './experiments/gate-faults/gate.ts';
import { HALF_OPEN } from './experiments/half-open.ts';
import { KILL_POINTS } from './experiments/kill-points/experiment.ts';
import { MALFORMED } from './experiments/malformed.ts';
import { RECONNECT } from './experiments/reconnect.ts';
import { SOAK } from './experiments/soak.ts';
import { STALLED_BROWSERS } from './experiments/stalled-browsers.ts';
import { ALL_ZONES, ENDURANCE } from './experiments/time.ts';

export const EXPERIMENTS: readonly Experiment[] = [
  ALL_ZONES,
  ENDURANCE,
  MALFORMED,
  RECONNECT,
  FLOOD,
  STALLED_BROWSERS,
  gateFaults,
  cancelLatency,
  DELIVERY,
  ...DISK_FULL,
  HALF_OPEN,
  CLOCK_LEAPS,
  ...KILL_POINTS,
  SOAK,
  COVERAGE,
];
