/** `/sources/:source`: one source, its test, its switch, its end. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { describeOrigin } from '../../../core/protection/objectives.ts';
import { judgeSources } from '../../../core/protection/protected-sources.ts';
import { listRuns } from '../../../core/runs/runs.ts';
import { findSourceHealth } from '../../../core/sources/source-health.ts';
import { deleteSource, getSource } from '../../../core/sources/sources.ts';
import type { Source } from '../../../store/sources.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatSpan } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { readProofs } from '../drills/proofs.ts';
import { describeConfig } from '../forms/adapter-form.ts';
import { isShown } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { toRunRow } from '../hosts/host-page.ts';
import { findParts, getParam } from '../params.ts';
import { buildShell } from '../shell.ts';
import {
  SOURCE_ANSWER_ID,
  SOURCE_LEDE_ID,
  SOURCE_PART_ID,
  type SourcePageView,
  sourceAnswer,
  sourceLede,
  sourcePage,
  sourcePart,
} from './source-page.view.ts';
import { askSourceTest } from './source-test.ts';
import { type TestResultView, testResult } from './source-test.view.ts';
import { describeSource } from './source-words.ts';

const RUNS_SHOWN = 8;

function getSourceId(visit: Visit) {
  return getParam(visit, 'source', idSchema('source'));
}

async function readSourcePage(
  context: CoreContext,
  visit: Visit,
  source: Source,
  test?: TestResultView,
): Promise<SourcePageView> {
  const { caller, urls } = visit;
  const [judged, runs, proofs, health] = await Promise.all([
    judgeSources(context, caller, [source]),
    listRuns(context, caller, { source: source.id }, { limit: RUNS_SHOWN }),
    readProofs(context, visit, [source]),
    findSourceHealth(context, caller, source.id),
  ]);
  const [found] = judged;
  if (found === undefined) throw new AppError('not_found', 'the host of this source is gone');
  const { host, plans, protection, standing, objectives } = found;
  const adapter = getSourceAdapter(source.kind);
  const planNames = new Map(plans.map((plan) => [plan.id, plan.name]));
  const good = standing?.lastGoodSnapshot;
  return {
    urls,
    face: readClockface(context, visit),
    id: source.id,
    name: source.name,
    enabled: source.enabled,
    kindLabel: adapter.label,
    what: describeSource(source),
    host: { id: host.id, name: host.name, standing: host.standing },
    protection: protection.status,
    reason: protection.reason,
    config: describeConfig(adapter.fields, source.config, Object.keys(source.secrets)),
    createdAt: source.createdAt,
    updatedAt: source.updatedAt,
    plans: plans.map((plan) => ({
      id: plan.id,
      name: plan.name,
      enabled: plan.enabled,
      schedule: plan.schedule && context.describeSchedule(plan.schedule),
    })),
    runs: runs.rows.map((run) => toRunRow(run, planNames)),
    newestGood:
      good === undefined || standing?.lastGoodAt === undefined
        ? undefined
        : { snapshot: good, at: standing.lastGoodAt, bytes: standing.lastGoodBytes },
    proof: proofs.get(source.id),
    health,
    objective: objectives.backup && `${formatSpan(objectives.backup.ms)}, ${describeOrigin(objectives.backup.origin)}`,
    discoverable: adapter.discovery !== undefined,
    test,
    may: {
      manage: isAllowed(caller, 'source.manage'),
      plan: isAllowed(caller, 'plan.manage'),
      restore: isAllowed(caller, 'restore.start'),
    },
  };
}

async function showSource(context: CoreContext, visit: Visit): Promise<PageReply> {
  const source = await getSource(context, visit.caller, getSourceId(visit));
  const view = await readSourcePage(context, visit, source);
  const parts = await findParts(visit, {
    [SOURCE_PART_ID]: () => sourcePart(view),
    [SOURCE_ANSWER_ID]: () => sourceAnswer(view),
    [SOURCE_LEDE_ID]: () => sourceLede(view),
  });
  return parts ?? { kind: 'page', html: sourcePage(await buildShell(context, visit, 'sources'), view) };
}

async function postTest(context: CoreContext, visit: Visit): Promise<PageReply> {
  const source = await getSource(context, visit.caller, getSourceId(visit));
  const { view } = await askSourceTest(context, visit.caller, { source: source.id }, getSourceAdapter(source.kind).fields);
  if (visit.isFragment) return { kind: 'page', html: testResult(view) };
  const page = await readSourcePage(context, visit, source, view);
  return { kind: 'page', html: sourcePage(await buildShell(context, visit, 'sources'), page) };
}

async function postDelete(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const source = await getSource(context, caller, getSourceId(visit));
  const back = urls.source({ source: source.id });
  if (readText(visit.form, 'confirm') !== source.name)
    return { kind: 'redirect', to: back, flash: { tone: 'bad', text: 'Nothing was deleted: the typed name is another one.' } };
  try {
    await deleteSource(context, caller, source.id);
  } catch (thrown) {
    if (!isShown(thrown)) throw thrown;
    return { kind: 'redirect', to: back, flash: { tone: 'bad', text: thrown.message } };
  }
  return {
    kind: 'redirect',
    to: urls.sources(),
    flash: { tone: 'good', text: `${source.name} is deleted. Its snapshots stay.` },
  };
}

export const SOURCE_PAGE_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.source, handle: showSource },
  { method: 'post', path: PAGES.testSource, handle: postTest },
  { method: 'post', path: PAGES.deleteSource, handle: postDelete },
];
