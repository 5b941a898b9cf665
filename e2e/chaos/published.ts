/** What a figure must have tried before it is published: so many tries are promised, and not only their outcome. Pure. */
import type { Effort, Outcome } from './experiment.ts';

/** The tries of a published figure, by its name; figures that are not here say enough with one. */
export const LEAST_TRIES: Readonly<Record<string, number>> = {
  'gate-faults': 1000,
  // Together at least 1,000.
  'kill-points-agent': 334,
  'kill-points-server': 334,
  'kill-points-both': 334,
  delivery: 1_000_000,
  'malformed-frames': 1_000_000,
  'disk-full-server': 20,
  'disk-full-agent': 20,
  'clock-leaps': 48,
  'reconnect-hello-p99': 1000,
  'stalled-browsers': 100,
};

/** An outcome of the effort that makes the published figures is held to the number of tries that they ask for. */
export function holdToPublished(outcome: Outcome, effort: Effort): Outcome {
  const least = effort === 'full' ? LEAST_TRIES[outcome.name] : undefined;
  return least === undefined ? outcome : { ...outcome, least: Math.max(least, outcome.least ?? 1) };
}

/** The shortest soak whose figures are put into the documents. */
export const LEAST_SOAK_MS = 3_600_000;
