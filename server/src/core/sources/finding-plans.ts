/** What was found goes into the plan of its neighbour: the source it was found through, or the directories that its host backs up already. */
import type { FindingId, HostId, PlanId, SourceId } from '@holdfast/shared/domain/ids.ts';
import { AppError, toAppError } from '@holdfast/shared/errors.ts';
import type { Finding } from '../../store/coverage.ts';
import type { Plan } from '../../store/plans.ts';
import type { Source } from '../../store/sources.ts';
import { type Caller, demand } from '../caller.ts';
import { getPlan, updatePlan } from '../plans/plans.ts';
import type { CoreContext } from '../ports.ts';
import { FILES } from './coverage-looks.ts';
import { adoptFinding } from './findings.ts';

/** The sources whose plan would be the plan of each. */
async function listNeighbours(
  { store }: CoreContext,
  { tenant }: Caller,
  findings: readonly Finding[],
): Promise<ReadonlyMap<FindingId, readonly SourceId[]>> {
  const hosts = [...new Set(findings.flatMap(({ kind, host }) => (kind === FILES ? [host] : [])))];
  const directories = new Map<HostId, readonly SourceId[]>();
  for (const host of hosts) {
    const sources = await store.sources.listSourcesOfHost(tenant, host);
    directories.set(
      host,
      sources.flatMap(({ id, kind }) => (kind === FILES ? [id] : [])),
    );
  }
  return new Map(
    findings.map(({ id, kind, host, via }) => [
      id,
      kind === FILES ? (directories.get(host) ?? []) : via === undefined ? [] : [via],
    ]),
  );
}

/** For each of these the plan that its neighbour is in, if any that is switched on; of several the first by name. */
export async function findNeighbourPlans(
  context: CoreContext,
  caller: Caller,
  findings: readonly Finding[],
): Promise<ReadonlyMap<FindingId, Plan>> {
  demand(caller, 'view');
  const neighbours = await listNeighbours(context, caller, findings);
  const sources = [...new Set([...neighbours.values()].flat())];
  if (sources.length === 0) return new Map();
  const plans = (await context.store.plans.listPlansOfSources(caller.tenant, sources))
    .filter(({ enabled }) => enabled)
    .toSorted((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1))
    .map((plan) => ({ plan, has: new Set(plan.sources) }));
  return new Map(
    findings.flatMap(({ id }): [FindingId, Plan][] => {
      const own = neighbours.get(id) ?? [];
      const found = plans.find(({ has }) => own.some((source) => has.has(source)));
      return found === undefined ? [] : [[id, found.plan]];
    }),
  );
}

/**
 * Makes a source of it and puts that into the plan, whose next backup has it. Throws what `adoptFinding` throws, with nothing made; what
 * `updatePlan` throws says that the source is made by then.
 */
export async function protectInPlan(
  context: CoreContext,
  caller: Caller,
  id: FindingId,
  wanted: PlanId,
  options: { tested?: boolean | undefined } = {},
): Promise<{ source: Source; plan: Plan }> {
  demand(caller, 'plan.manage');
  await getPlan(context, caller, wanted);
  const source = await adoptFinding(context, caller, id, options);
  try {
    const { sources, version } = await getPlan(context, caller, wanted);
    const plan = await updatePlan(context, caller, wanted, { sources: [...sources, source.id] }, version);
    return { source, plan };
  } catch (thrown) {
    const { code, message, retry, details } = toAppError(thrown);
    if (code === 'internal') throw thrown;
    throw new AppError(code, `${source.name} is a source now, and in no plan yet: ${message}`, { retry, details });
  }
}
