import type { PhaseResult } from './verdicts.ts';

/** More than these have not failed because the machine was crowded. */
const FILES_AT_MOST = 6;

/**
 * What failed while other files ran beside it is run once more by itself: where a machine is crowded, deadlines say more of the crowd than of
 * the product. What fails again has failed. What passes alone has passed, and is told with what it said the first time, so that somebody mends it:
 * a test that passes only sometimes waits for the wrong thing, or has found a race.
 */
export async function tryAgainAlone(
  first: ReadonlyMap<string, PhaseResult>,
  run: (file: string) => Promise<PhaseResult>,
): Promise<PhaseResult> {
  const results = new Map(first);
  const failing = [...first].filter(([, { failures }]) => failures.length > 0);
  if (failing.length <= FILES_AT_MOST) {
    for (const [file, { failures }] of failing) {
      const second = await run(file);
      if (second.failures.length === 0) results.set(file, { ...second, onlyAlone: failures });
    }
  }
  const all = [...results.values()];
  return {
    passed: all.reduce((sum, { passed }) => sum + passed, 0),
    failures: all.flatMap(({ failures }) => failures),
    onlyAlone: all.flatMap(({ onlyAlone }) => onlyAlone ?? []),
  };
}
