/** Asks a host about a repository that is not saved, or not saved like this, and puts its answer into words. */
import { getRepositoryAdapter } from '@holdfast/shared/adapters/all.ts';
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import type { RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { Caller } from '../../../core/caller.ts';
import type { HostView } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { type RepositoryQuestion, testRepository } from '../../../core/repositories/repositories.ts';
import type { FieldOption } from '../../ui/form.ts';
import { NO_PROBLEM } from '../forms/form-problem.ts';
import { findAdvice, type TestAnswer, toUnasked } from '../sources/source-test.ts';
import type { TestResultView } from '../sources/source-test.view.ts';

/** The posted host, else the one of the last test, else the first one that is there. */
export function chooseHost(hosts: readonly HostView[], testedFrom: HostId | undefined, posted: string): HostView | undefined {
  const find = (id: string | undefined) => hosts.find((host) => host.id === id);
  return find(posted) ?? find(testedFrom) ?? hosts.find((host) => host.standing === 'online') ?? hosts[0];
}

export function toHostOption({ id, name, standing }: Pick<HostView, 'id' | 'name' | 'standing'>): FieldOption {
  return { value: id, label: standing === 'online' ? name : `${name} (${standing})` };
}

type Draft = Extract<RepositoryQuestion, { kind: string }>;
type Result = RequestResult<'repository.test'>;

/** One that was opened before and is not there is never created anew without a word: that would hide the loss. */
export function describeGone({ message, latencyMs }: Pick<Result, 'message' | 'latencyMs'>): TestResultView {
  return {
    state: 'refused',
    sentence: 'The repository is gone.',
    words: message,
    advice:
      'It was opened here before, so it is not created anew: that would hide the loss. Check the address, the mount or the bucket.',
    latencyMs,
  };
}

function describeDraft(result: Result, isPinned: boolean): TestResultView {
  const { state, message, latencyMs } = result;
  if (state === 'ready') return { state, sentence: 'Ready: this host can open it.', words: message, latencyMs };
  if (state === 'missing' && isPinned) return describeGone(result);
  if (state === 'missing') return { state, sentence: 'There is no repository at this address yet.', words: message, latencyMs };
  const advice = findAdvice(result.reason);
  return { state: 'refused', sentence: 'This host cannot open it.', words: message, advice, latencyMs };
}

/** `result` is what the host answered; undefined when it could not be asked. */
export type DraftAnswer = TestAnswer & { result?: Result | undefined };

/** `isPinned`: it was opened before. */
export async function askDraftTest(
  context: CoreContext,
  caller: Caller,
  question: Draft,
  isPinned: boolean,
): Promise<DraftAnswer> {
  try {
    const result = await testRepository(context, caller, question);
    return { problem: NO_PROBLEM, view: describeDraft(result, isPinned), result };
  } catch (thrown) {
    return toUnasked(thrown, getRepositoryAdapter(question.kind).fields);
  }
}
