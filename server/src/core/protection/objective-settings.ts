/** The objectives an operator set, and what they come to for sources. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import type { Plan } from '../../store/plans.ts';
import type { Source } from '../../store/sources.ts';
import { TOPICS } from '../bus.ts';
import { type Caller, demand } from '../caller.ts';
import type { CoreContext } from '../ports.ts';
import { demandVersion, findSettingVersion, parseSetting, readSetting, writeSetting } from '../stored-setting.ts';
import { type Objectives, objectivesSchema, resolveObjectives, type SourceObjectives } from './objectives.ts';

const SETTING = { key: 'objectives', schema: objectivesSchema, name: 'objectives', action: 'objectives.updated' } as const;

export function readObjectives(context: Pick<CoreContext, 'store'>): Promise<Objectives> {
  return readSetting(context, SETTING);
}

export async function getObjectives(context: CoreContext, caller: Caller): Promise<Objectives> {
  demand(caller, 'view');
  return readObjectives(context);
}

/** For `saveObjectives`: what this content comes to. */
export function findObjectivesVersion(objectives: Objectives): number {
  return findSettingVersion(SETTING, objectives);
}

/**
 * Replaces all objectives; rules of plans that are gone are left out. Holds for pages at once and for alerts within a minute. `invalid`
 * names the field at fault, and `conflict` the version there is where it is not the expected one.
 */
export async function saveObjectives(
  context: CoreContext,
  caller: Caller,
  wanted: unknown,
  expectedVersion?: number,
): Promise<Objectives> {
  demand(caller, 'plan.manage');
  const parsed = parseSetting(SETTING, wanted);
  const { store, bus } = context;
  const before = await readObjectives(context);
  demandVersion(SETTING, before, expectedVersion);
  const there = new Set(
    (
      await store.plans.findPlans(
        caller.tenant,
        parsed.plans.map(({ plan }) => plan),
      )
    ).map(({ id }) => id),
  );
  const after = { ...parsed, plans: parsed.plans.filter(({ plan }) => there.has(plan)) };
  await writeSetting(context, caller, SETTING, { before, after });
  for (const topic of [TOPICS.sources, TOPICS.overview]) bus.publish(caller.tenant, { kind: 'refresh', topic });
  return after;
}

/** A dump of this kind can be tried out, or its files can be sampled. */
function canProve(kind: string): boolean {
  const adapter = getSourceAdapter(kind);
  return adapter.drill !== undefined || adapter.restore === undefined;
}

/** What rules one source. */
export function findSourceObjectives(
  objectives: Objectives,
  source: Pick<Source, 'kind'>,
  about: { plans: readonly Plan[]; tags: readonly string[]; proofDays?: number | undefined },
): SourceObjectives {
  return resolveObjectives(objectives, {
    plans: about.plans.filter(({ enabled }) => enabled),
    tags: about.tags,
    proofDays: about.proofDays,
    canProve: canProve(source.kind),
  });
}

/** What rules each of these sources. Five reads, however many. */
export async function listSourceObjectives(
  context: CoreContext,
  caller: Caller,
  sources: readonly Source[],
): Promise<ReadonlyMap<SourceId, SourceObjectives>> {
  demand(caller, 'view');
  const { store } = context;
  const ids = sources.map(({ id }) => id);
  const [objectives, hosts, plans, settings] = await Promise.all([
    readObjectives(context),
    store.hosts.findHosts(caller.tenant, [...new Set(sources.map(({ host }) => host))]),
    store.plans.listPlansOfSources(caller.tenant, ids),
    store.drills.listDrillSettings(caller.tenant, ids),
  ]);
  const tagsOf = new Map(hosts.map(({ id, tags }) => [id, tags]));
  const daysOf = new Map(settings.map(({ source, withinDays }) => [source, withinDays]));
  return new Map(
    sources.map((source) => {
      const own = plans.filter((plan) => plan.sources.includes(source.id));
      const about = { plans: own, tags: tagsOf.get(source.host) ?? [], proofDays: daysOf.get(source.id) };
      return [source.id, findSourceObjectives(objectives, source, about)];
    }),
  );
}
