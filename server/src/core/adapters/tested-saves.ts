/** Saving only what works: the host is asked first, and what it cannot reach is refused in the words of its tool, with nothing saved. */
import type { HostId, RepositoryId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import type { Repository } from '../../store/repositories.ts';
import type { Source } from '../../store/sources.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import {
  createRepository,
  getRepository,
  keepFirstTest,
  type RepositoryChange,
  type RepositoryDraft,
  type RepositoryInput,
  testRepository,
  updateRepository,
} from '../repositories/repositories.ts';
import {
  createSource,
  getSource,
  type SourceChange,
  type SourceDraft,
  type SourceInput,
  testSource,
  updateSource,
} from '../sources/sources.ts';
import { findRepositoryPlace, findSourcePlace, type ToolPlace } from './tool-place.ts';

/** `what` is wrong, and nothing was saved; the rest are the tool's own words. */
export function createTestError(
  what: string,
  place: ToolPlace | undefined,
  { message, reason }: { message: string; reason?: string | undefined },
): AppError {
  const details = { ...(reason === undefined ? {} : { reason }), ...(place === undefined ? {} : { place }) };
  return new AppError('tool_failed', `not saved: ${what}: ${message}`, { retry: 'after_change', details });
}

async function demandSourceWorks(context: CoreContext, caller: Caller, question: SourceDraft): Promise<void> {
  const result = await testSource(context, caller, question);
  if (!result.ok) throw createTestError('the source does not work from its host', findSourcePlace(question.kind), result);
}

/** As `createSource`. With `tested`, throws `tool_failed` for a source that its host cannot read, and `unavailable` for a host that is away. */
export async function createTestedSource(
  context: CoreContext,
  caller: Caller,
  { tested = false, ...input }: SourceInput & { tested?: boolean | undefined },
): Promise<Source> {
  if (tested) await demandSourceWorks(context, caller, input);
  return createSource(context, caller, input);
}

/** As `updateSource`; `tested` as for a new one. */
export async function updateTestedSource(
  context: CoreContext,
  caller: Caller,
  id: SourceId,
  { tested = false, ...change }: SourceChange & { tested?: boolean | undefined },
  expectedVersion?: number,
): Promise<Source> {
  if (tested) {
    const { host, kind, config } = await getSource(context, caller, id);
    const draft = { host, kind, config: change.config ?? config, secrets: change.secrets ?? {}, base: id };
    await demandSourceWorks(context, caller, draft);
  }
  return updateSource(context, caller, id, change, expectedVersion);
}

async function demandRepositoryFits(context: CoreContext, caller: Caller, question: RepositoryDraft, isPinned: boolean) {
  const place = findRepositoryPlace(question.kind);
  const result = await testRepository(context, caller, question);
  if (result.state === 'failed') throw createTestError('the host cannot open the repository', place, result);
  if (result.state === 'missing' && isPinned) throw createTestError('there is no repository at this address', place, result);
  return result;
}

/**
 * As `createRepository`. With `testedFrom`, throws `tool_failed` for one that this host cannot open, and `unavailable` for a host that
 * is away. One that is not there yet is no failure; one that opens is pinned by its engine id.
 */
export async function createTestedRepository(
  context: CoreContext,
  caller: Caller,
  { testedFrom, ...input }: RepositoryInput & { testedFrom?: HostId | undefined },
): Promise<Repository> {
  if (testedFrom === undefined) return createRepository(context, caller, input);
  const result = await demandRepositoryFits(context, caller, { ...input, host: testedFrom }, false);
  const repository = await createRepository(context, caller, input);
  await keepFirstTest(context, caller, repository, testedFrom, result);
  return getRepository(context, caller, repository.id);
}

/** As `updateRepository`; `testedFrom` as for a new one, and one that was opened before has to be there still. */
export async function updateTestedRepository(
  context: CoreContext,
  caller: Caller,
  id: RepositoryId,
  { testedFrom, ...change }: RepositoryChange & { testedFrom?: HostId | undefined },
  expectedVersion?: number,
): Promise<Repository> {
  if (testedFrom === undefined) return updateRepository(context, caller, id, change, expectedVersion);
  const { kind, config, engineId } = await getRepository(context, caller, id);
  const draft = { host: testedFrom, kind, config: change.config ?? config, secrets: change.secrets ?? {}, base: id };
  const result = await demandRepositoryFits(context, caller, draft, engineId !== undefined);
  const repository = await updateRepository(context, caller, id, change, expectedVersion);
  await keepFirstTest(context, caller, repository, testedFrom, result);
  return getRepository(context, caller, id);
}
