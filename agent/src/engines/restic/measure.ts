/** How big a repository is. Reads the trees of all snapshots, most of them from the cache, and no data. */
import { PROCESS } from '@holdfast/shared/limits.ts';
import type { EngineFailure } from './classify.ts';
import { planRawStats } from './maintenance-args.ts';
import { parseRawStats, type RawStats } from './maintenance-parse.ts';
import { listSnapshots, type RepositoryInput } from './repository.ts';
import { placeAt, type ResticHost, runRestic } from './restic-tool.ts';

export type MeasureOutcome =
  | { size: RawStats & { snapshots: number }; failure?: undefined }
  | { size?: undefined; failure: EngineFailure };

export async function measure(host: ResticHost, input: RepositoryInput): Promise<MeasureOutcome> {
  const listed = await listSnapshots(host, input);
  if (listed.failure) return { failure: listed.failure };
  const { result, failure } = await runRestic(host, {
    command: planRawStats(placeAt(host, input.access)),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    stallMs: PROCESS.stallMs,
    patience: { retries: 10 },
  });
  if (failure) return { failure };
  const size = parseRawStats(result.stdout);
  if (!size) return { failure: { reason: 'unknown_failure', message: 'restic’s figures of the repository are not readable.' } };
  return { size: { ...size, snapshots: listed.snapshots.length + listed.unreadable } };
}
