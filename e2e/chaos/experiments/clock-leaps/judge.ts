/** What one fire must have come to over which a host's clock leapt forward and then back again. Pure. */

export type LeapFacts = {
  /** The fire that the clock leapt over, epoch milliseconds by the host. */
  readonly fireAt: number;
  /** How long after it the clock stood, in milliseconds. */
  readonly latenessMs: number;
  readonly graceMs: number;
  /** Every run of its plan, with the fire that it is of; an ordered one is of none. */
  readonly runs: readonly { readonly fireAt?: number | undefined; readonly state: string; readonly trigger: string }[];
  /** How often the host said that it was missed and is not caught up. */
  readonly missed: number;
};

/** A sentence for each thing that is lost, doubled or silent. */
export function judgeLeap({ fireAt, latenessMs, graceMs, runs, missed }: LeapFacts): string[] {
  const problems: string[] = [];
  const isWithin = latenessMs < graceMs;
  const fired = runs.filter((run) => run.fireAt !== undefined);
  if (fired.length !== (isWithin ? 1 : 0))
    problems.push(`${fired.length} runs of a fire ${Math.round(latenessMs / 1000)} s ago, with a grace of ${graceMs / 1000} s`);
  if (missed !== (isWithin ? 0 : 1)) problems.push(`it was said to be missed ${missed} times`);
  for (const run of fired) {
    if (run.fireAt !== fireAt) problems.push(`a run is of ${run.fireAt}, when nothing was due`);
    if (run.trigger !== 'catch_up') problems.push(`a late run says that it is by ${run.trigger}`);
  }
  for (const { state } of runs) if (state !== 'succeeded') problems.push(`a run ended as ${state}`);
  return problems;
}
