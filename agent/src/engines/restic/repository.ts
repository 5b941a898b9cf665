/** The repository itself: is there one, make one because a person asked, list what it holds. */
import type { RepositoryAccess } from '@holdfast/shared/adapters/repository.ts';
import { PROCESS } from '@holdfast/shared/limits.ts';
import { planCatConfig, planInit, planSnapshots } from './args.ts';
import type { EngineFailure } from './classify.ts';
import type { Patience } from './movement.ts';
import { isUnreadableSnapshotLine, parseConfig, parseSnapshots, type StoredSnapshot } from './parse.ts';
import { placeAt, type ResticHost, runRestic } from './restic-tool.ts';

export interface RepositoryInput {
  access: RepositoryAccess;
  workDir: string;
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

export type FindRepositoryOutcome =
  | { state: 'found'; engineId: string; formatVersion: number; failure?: undefined }
  /** Reached, and there is none. */
  | { state: 'missing'; failure: EngineFailure }
  | { state: 'failed'; failure: EngineFailure };

/** A person waits for the answer: a few attempts, then what was seen. */
const PATIENCE = { retries: 3 };
/** A list of snapshots may need many reads, and is asked for by machines. */
const LIST_PATIENCE = { retries: 10 };

/** Reads the repository's config without a lock; never writes. */
export async function findRepository(host: ResticHost, input: RepositoryInput): Promise<FindRepositoryOutcome> {
  const place = placeAt(host, input.access);
  const { result, failure } = await runRestic(host, {
    command: planCatConfig(place),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    timeoutMs: input.timeoutMs ?? PROCESS.toolTimeoutMs,
    patience: PATIENCE,
  });
  if (failure) return { state: failure.reason === 'repository_missing' ? 'missing' : 'failed', failure };
  const config = parseConfig(result.stdout);
  if (config) return { state: 'found', ...config };
  return { state: 'failed', failure: { reason: 'repository_damaged', message: 'The repository’s config cannot be read.' } };
}

/** The failure when the repository at this place is not the pinned one, or cannot be asked. Undefined when it is, and when none was pinned. */
export async function findStranger(
  host: ResticHost,
  { pinnedId, ...input }: RepositoryInput & { pinnedId: string | undefined },
): Promise<EngineFailure | undefined> {
  if (pinnedId === undefined) return undefined;
  const found = await findRepository(host, input);
  return found.state === 'found' ? compareWithPinned(found.engineId, pinnedId) : found.failure;
}

/** Undefined when they are the same, or none was pinned. */
export function compareWithPinned(engineId: string, pinnedId: string | undefined): EngineFailure | undefined {
  if (pinnedId === undefined || pinnedId === engineId) return undefined;
  const message = `At this address lies another repository (${engineId.slice(0, 8)}) than the one that was pinned (${pinnedId.slice(0, 8)}).`;
  return { reason: 'repository_replaced', message };
}

/** Of another repository that the new one cuts its files like, reached as `joinAccess` says. */
export interface InitInput extends RepositoryInput {
  joint?: RepositoryAccess | undefined;
}

export type InitOutcome = { engineId: string; failure?: undefined } | { engineId?: undefined; failure: EngineFailure };

/** Creates a repository where there is none. One that is there, opened or not by this password, is `repository_exists`. */
export async function initRepository(host: ResticHost, input: InitInput): Promise<InitOutcome> {
  const before = await findRepository(host, input);
  if (before.state === 'found' || before.failure.reason === 'repository_password') {
    return { failure: { reason: 'repository_exists', message: 'There is already a repository at this address.' } };
  }
  if (before.state === 'failed') return { failure: before.failure };
  const { failure } = await runRestic(host, {
    command: planInit(placeAt(host, input.joint ?? input.access), { likeFrom: input.joint !== undefined }),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    timeoutMs: input.timeoutMs ?? PROCESS.toolTimeoutMs,
    patience: PATIENCE,
  });
  if (failure) return { failure };
  // Old versions print only a part of the id, so what is there now is read.
  const after = await findRepository(host, input);
  return after.state === 'found' ? { engineId: after.engineId } : { failure: after.failure };
}

export type SnapshotList =
  | { snapshots: readonly StoredSnapshot[]; unreadable: number; failure?: undefined }
  | { snapshots?: undefined; failure: EngineFailure };

/**
 * Snapshots that carry all of `tags`. `unreadable` counts those that are there but could not be read: restic leaves them out
 * and exits 0.
 */
export async function listSnapshots(
  host: ResticHost,
  input: RepositoryInput & { tags?: readonly string[] | undefined; patience?: Patience | undefined },
): Promise<SnapshotList> {
  let unreadable = 0;
  const { result, failure } = await runRestic(host, {
    command: planSnapshots(placeAt(host, input.access), { tags: input.tags }),
    workDir: input.workDir,
    operation: 'other',
    signal: input.signal,
    timeoutMs: input.timeoutMs ?? 5 * PROCESS.toolTimeoutMs,
    patience: input.patience ?? LIST_PATIENCE,
    onStderrLine(line) {
      if (isUnreadableSnapshotLine(line)) unreadable += 1;
    },
  });
  if (failure) return { failure };
  const parsed = result.truncated ? undefined : parseSnapshots(result.stdout);
  if (!parsed) return { failure: { reason: 'unknown_failure', message: 'The list of snapshots is too long or not readable.' } };
  return { snapshots: parsed.snapshots, unreadable: unreadable + parsed.unreadable };
}
