/** Tests many sources at once, each from its host, with an answer for each. */
import type { HostId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { toAppError } from '@holdfast/shared/errors.ts';
import type { RequestResult } from '@holdfast/shared/protocol/messages.ts';
import type { Source } from '../../store/sources.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { testSource } from './sources.ts';

/** What a fleet is asked at the same time: a few things of each host, and of so many hosts. */
export const SOURCE_TESTS = {
  perHost: 2,
  hostsAtOnce: 16,
  /** None is begun after this: a person waits for the answer, and so does every proxy between. */
  beginMs: 25_000,
  /** All of them, since the first began. */
  wholeMs: 50_000,
} as const;

export interface SourceTestOutcome {
  source: SourceId;
  works: boolean;
  /** The tool's own words, or why it was not asked. */
  text: string;
}

/** Directories have no version. */
function describeResult(result: RequestResult<'source.test'>): string {
  const { ok, message, serverVersion, latencyMs, warnings } = result;
  if (!ok) return message;
  const facts = [serverVersion === '' ? 'works' : `works: ${serverVersion}`, `${Math.round(latencyMs)} ms`];
  return `${facts.join(', ')}${warnings.length > 0 ? `; ${warnings.join('; ')}` : ''}`;
}

async function testOne(context: CoreContext, caller: Caller, source: SourceId, endsAt: number): Promise<SourceTestOutcome> {
  const timeoutMs = endsAt - context.clock.now();
  if (timeoutMs < SOURCE_TESTS.wholeMs - SOURCE_TESTS.beginMs)
    return { source, works: false, text: 'not asked: there were too many for one go; test it again' };
  try {
    const result = await testSource(context, caller, { source }, timeoutMs);
    return { source, works: result.ok, text: describeResult(result) };
  } catch (thrown) {
    const { code, message } = toAppError(thrown);
    const words = code === 'internal' ? 'something unexpected went wrong; test this one by itself' : message;
    return { source, works: false, text: `not tested: ${words}` };
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
      outcomes.set(id, await testOne(context, caller, id, endsAt));
    }),
  );
  return ids.flatMap((id) => outcomes.get(id) ?? []);
}
