/** Reads how sources stand with their proofs of recovery, for every page that shows it. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import type { SourceId } from '@holdfast/shared/domain/ids.ts';
import { DAY_MS } from '@holdfast/shared/durations.ts';
import { isAllowed } from '../../../core/caller.ts';
import { findDrillFault } from '../../../core/drills/drill-fault.ts';
import { listProofs } from '../../../core/drills/drills.ts';
import { findDrillHost } from '../../../core/drills/plan-drills.ts';
import { judgeProof } from '../../../core/drills/proof-state.ts';
import { DRILL_NEWS_MS } from '../../../core/drills/proof-trouble.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listSourceObjectives } from '../../../core/protection/objective-settings.ts';
import { describeOrigin } from '../../../core/protection/objectives.ts';
import type { Drill } from '../../../store/drills.ts';
import type { Source } from '../../../store/sources.ts';
import type { Visit } from '../../http/route.ts';
import type { Urls } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { describeDrillRhythm } from './drill-words.ts';
import type { DrillLine, ProofView } from './proof.view.ts';

export function toDrillLine(drill: Drill, kind: string | undefined, urls: Urls): DrillLine {
  const { run, endedAt: at, restoreMs, snapshotAgeMs, rows, things } = drill;
  const isSample = kind !== undefined && getSourceAdapter(kind).restore === undefined;
  return { href: urls.run({ run }), at, restoreMs, snapshotAgeMs, rows, things, isSample };
}

/** One view for each source, by its id. Some reads, however many sources. */
export async function readProofs(
  context: CoreContext,
  visit: Visit,
  sources: readonly Source[],
): Promise<ReadonlyMap<SourceId, ProofView>> {
  const { caller, urls } = visit;
  const ids = sources.map(({ id }) => id);
  const since = context.clock.now() - DRILL_NEWS_MS;
  const [proofs, kept, objectives, newestDrills] = await Promise.all([
    listProofs(context, caller, ids),
    context.store.drills.listDrillSettings(caller.tenant, ids),
    listSourceObjectives(context, caller, sources),
    context.store.alerts.listNewestDrills(caller.tenant, ids, since),
  ]);
  const proofOf = new Map(proofs.map((proof) => [proof.source, proof]));
  const unfinishedOf = new Map(newestDrills.filter(({ hasVerdict }) => !hasVerdict).map((drill) => [drill.source, drill]));
  const settingsOf = new Map(kept.map((settings) => [settings.source, settings]));
  const servers = await context.store.sources.findSources(
    caller.tenant,
    kept.flatMap(({ server }) => server ?? []),
  );
  const serverNames = new Map(servers.map(({ id, name }) => [id, name]));
  const grounds = sources.map((source) => findDrillHost(source, settingsOf.get(source.id)));
  const names = await loadNames(context, caller, { plans: kept.flatMap(({ followed }) => followed?.plan ?? []), hosts: grounds });
  const face = readClockface(context, visit);
  const mayDrill = isAllowed(caller, 'restore.start');
  const mayManage = isAllowed(caller, 'source.manage');
  return new Map(
    sources.map((source) => {
      const proof = proofOf.get(source.id);
      const settings = settingsOf.get(source.id);
      const followed = settings?.followed;
      const ground = findDrillHost(source, settings);
      const objective = objectives.get(source.id)?.proof;
      const withinDays = objective && objective.ms / DAY_MS;
      const state = judgeProof(source.kind, proof, withinDays, face.now);
      const { proven, newest } = proof ?? {};
      const unfinished = unfinishedOf.get(source.id);
      const view: ProofView = {
        state,
        face,
        proven: proven && toDrillLine(proven, source.kind, urls),
        failed: newest && !newest.isProven ? toDrillLine(newest, source.kind, urls) : undefined,
        unfinished: unfinished && { href: urls.run({ run: unfinished.run }), at: unfinished.at },
        fault: findDrillFault(source.kind),
        withinDays,
        withinWhy: objective && describeOrigin(objective.origin),
        everyDays: settings?.everyDays,
        everyRuns: settings?.everyRuns,
        followed: followed && {
          words: describeDrillRhythm(context.describeSchedule, followed.drills),
          plan: nameOf(names.plans, followed.plan, 'plan'),
        },
        host: ground === source.host ? undefined : nameOf(names.hosts, ground, 'host'),
        nextAt: settings?.nextAt,
        missed: settings?.missed,
        server: settings?.server && (serverNames.get(settings.server) ?? 'a source that is gone'),
        questions: settings?.assertions.length ?? 0,
        drillAction: mayDrill && state !== 'impossible' ? urls.drillSource({ source: source.id }) : undefined,
        settingsHref: mayManage && state !== 'impossible' ? urls.sourceDrills({ source: source.id }) : undefined,
      };
      return [source.id, view];
    }),
  );
}
