/** The index files of a repository. Backups add to them; one that is gone was replaced by a prune or a repair, which then removes packs. */
import { PROCESS } from '@holdfast/shared/limits.ts';
import { planListIndexes } from './args.ts';
import type { EngineFailure } from './classify.ts';
import { parseIdLines } from './parse.ts';
import type { RepositoryInput } from './repository.ts';
import { placeAt, type ResticHost, runRestic } from './restic-tool.ts';

export type IndexList = { ids: readonly string[]; failure?: undefined } | { ids?: undefined; failure: EngineFailure };

/** Full ids, read without a lock. */
export async function listIndexes(host: ResticHost, input: RepositoryInput): Promise<IndexList> {
  const { result, failure } = await runRestic(host, {
    command: planListIndexes(placeAt(host, input.access)),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    timeoutMs: input.timeoutMs ?? PROCESS.toolTimeoutMs,
    patience: { retries: 3 },
  });
  if (failure) return { failure };
  if (result.truncated) return { failure: { reason: 'unknown_failure', message: 'The list of indexes is too long.' } };
  return { ids: parseIdLines(result.stdout) };
}
