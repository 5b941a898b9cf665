/** Every experiment, in the order in which they run: quick ones first. */
import type { Experiment } from './experiment.ts';
import { gateFaults } from './experiments/gate-faults/gate.ts';
import { KILL_POINTS } from './experiments/kill-points/experiment.ts';
import { MALFORMED } from './experiments/malformed.ts';
import { RECONNECT } from './experiments/reconnect.ts';

export const EXPERIMENTS: readonly Experiment[] = [MALFORMED, RECONNECT, gateFaults, ...KILL_POINTS];
