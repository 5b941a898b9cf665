/** Tests many sources at once, each from its host, with an answer for each. */
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { type ErrorCode, toAppError } from '@holdfast/shared/errors.ts';
import type { RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { Source } from '../../store/sources.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { type SourceQuestion, testSource } from './sources.ts';

/** What a fleet is asked at the same time: a few things of each host, and of so many hosts. */
export const SOURCE_TESTS = {
  perHost: 2,
  hostsAtOnce: 16,
  /** None is begun after this: a person waits for the answer, and so does every proxy between. */
  beginMs: 25_000,
  /** All of them, since the first began. */
  wholeMs: 50_000,
} as const;

export interface TestOutcome {
  works: boolean;
  /** The tool's own words, or why it was not asked. */
  text: string;
  /** Why it does not work, where the tool said so. */
  reason?: string | undefined;
  /** It was not asked, for this. */
  unasked?: ErrorCode | undefined;
  /** Of what works all the same. */
  warnings: readonly string[];
}

export interface SourceTestOutcome extends TestOutcome {
  source: SourceId;
}

/** Directories have no version. */
function describeResult(result: RequestResult<'source.test'>): string {
  const { ok, message, serverVersion, latencyMs, warnings } = result;
  if (!ok) return message;
  const facts = [serverVersion === '' ? 'works' : `works: ${serverVersion}`, `${Math.round(latencyMs)} ms`];
  return `${facts.join(', ')}${warnings.length > 0 ? `; ${warnings.join('; ')}` : ''}`;
}

async function testOne(context: CoreContext, caller: Caller, question: SourceQuestion, endsAt: number): Promise<TestOutcome> {
  const timeoutMs = endsAt - context.clock.now();
  if (timeoutMs < SOURCE_TESTS.wholeMs - SOURCE_TESTS.beginMs)
    return { works: false, unasked: 'limit', text: 'not asked: there were too many for one go; test it again', warnings: [] };
  try {
    const result = await testSource(context, caller, question, timeoutMs);
    return { works: result.ok, text: describeResult(result), reason: result.reason, warnings: result.warnings };
  } catch (thrown) {
    const { code, message } = toAppError(thrown);
    const words = code === 'internal' ? 'something unexpected went wrong; test this one by itself' : message;
    // What is wrong with the settings themselves says so by itself.
    return { works: false, unasked: code, text: code === 'invalid' ? words : `not tested: ${words}`, warnings: [] };
  }
}

/** Takes from the front until nothing is left, so many at a time. */
async function workOff<T>(queue: T[], atOnce: number, work: (one: T) => Promise<void>): Promise<void> {
  const lane = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, queue.length) }, lane));
}

/** Within `SOURCE_TESTS.wholeMs`, in the order given; what is there no more is left out. */
export async function testSources(
  context: CoreContext,
  caller: Caller,
  ids: readonly SourceId[],
): Promise<readonly SourceTestOutcome[]> {
  demand(caller, 'source.manage');
  const sources = await context.store.sources.findSources(caller.tenant, ids);
  const endsAt = context.clock.now() + SOURCE_TESTS.wholeMs;
  const byHost = new Map<HostId, Source[]>();
  for (const source of sources) byHost.set(source.host, [...(byHost.get(source.host) ?? []), source]);
  const outcomes = new Map<SourceId, SourceTestOutcome>();
  await workOff([...byHost.values()], SOURCE_TESTS.hostsAtOnce, (ofHost) =>
    workOff(ofHost, SOURCE_TESTS.perHost, async ({ id }) => {
      outcomes.set(id, { source: id, ...(await testOne(context, caller, { source: id }, endsAt)) });
    }),
  );
  return ids.flatMap((id) => outcomes.get(id) ?? []);
}

/** Of one host, in the order given, within `SOURCE_TESTS.wholeMs`; what there was no time for says so. */
export async function testOnOneHost(
  context: CoreContext,
  caller: Caller,
  questions: readonly SourceQuestion[],
): Promise<readonly TestOutcome[]> {
  demand(caller, 'source.manage');
  const endsAt = context.clock.now() + SOURCE_TESTS.wholeMs;
  const outcomes: TestOutcome[] = [];
  await workOff([...questions.entries()], SOURCE_TESTS.perHost, async ([at, question]) => {
    outcomes[at] = await testOne(context, caller, question, endsAt);
  });
  return outcomes;
}
