/** Every experiment, in the order in which they run: quick ones first. */
import type { Experiment } from './experiment.ts';

export const EXPERIMENTS: readonly Experiment[] = [];
