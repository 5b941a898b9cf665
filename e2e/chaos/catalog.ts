/** Every experiment, in the order in which they run: quick ones first. */
import type { Experiment } from './experiment.ts';
import { KILL_POINTS } from './experiments/kill-points/experiment.ts';
import { RECONNECT } from './experiments/reconnect.ts';

export const EXPERIMENTS: readonly Experiment[] = [RECONNECT, ...KILL_POINTS];
