/** `/drills`: how every source stands with its proof of recovery; and the act of trying one out. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { listDrills, startDrill } from '../../../core/drills/drills.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listSources } from '../../../core/sources/sources.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { isShown } from '../forms/form-problem.ts';
import { findText } from '../forms/form-values.ts';
import { findId, findParts, getParam } from '../params.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import { DRILLS_ANSWER, DRILLS_PART, type DrillsView, drillsAnswer, drillsPage, drillsPart } from './drills.view.ts';
import { readProofs, toDrillLine } from './proofs.ts';

const VERDICTS_SHOWN = 20;

async function readDrills(context: CoreContext, visit: Visit): Promise<DrillsView> {
  const { caller, urls } = visit;
  const trail = readTrail(visit);
  const [page, verdicts] = await Promise.all([
    listSources(context, caller, {}, trail.request),
    listDrills(context, caller, {}, { limit: VERDICTS_SHOWN }),
  ]);
  const [proofs, names] = await Promise.all([
    readProofs(context, visit, page.rows),
    loadNames(context, caller, {
      hosts: page.rows.map(({ host }) => host),
      sources: verdicts.rows.map(({ source }) => source),
    }),
  ]);
  const sources = page.rows.flatMap((source) => {
    const proof = proofs.get(source.id);
    const host = nameOf(names.hosts, source.host, 'host');
    return proof ? [{ id: source.id, name: source.name, href: urls.source({ source: source.id }), host, proof }] : [];
  });
  const tried = sources.filter(({ proof }) => proof.state !== 'impossible');
  const isWhole = page.next === undefined && trail.cursors.length === 0;
  return {
    here: visit.here,
    face: readClockface(context, visit),
    counted: isWhole ? { proven: tried.filter(({ proof }) => proof.state === 'proven').length, all: tried.length } : undefined,
    sources,
    ...linkPages(trail, page.next, (after) => urls.drills({ after })),
    verdicts: verdicts.rows.map((drill) => ({
      ...toDrillLine(drill, names.sources.get(drill.source)?.kind, urls),
      id: drill.run,
      source: nameOf(names.sources, drill.source, 'source'),
      isProven: drill.isProven,
    })),
    runsHref: urls.runs({ kind: 'drill' }),
    addSourceHref: urls.addSource(),
  };
}

async function showDrills(context: CoreContext, visit: Visit): Promise<PageReply> {
  const view = await readDrills(context, visit);
  const parts = await findParts(visit, {
    [DRILLS_PART]: () => drillsPart(view),
    [DRILLS_ANSWER]: () => drillsAnswer(view),
  });
  return parts ?? { kind: 'page', html: drillsPage(await buildShell(context, visit, 'drills'), view) };
}

async function drillNow(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { urls, caller } = visit;
  const source = getParam(visit, 'source', idSchema('source'));
  try {
    const snapshot = findId(findText(visit.form, 'snapshot'), idSchema('snapshot'));
    const server = findId(findText(visit.form, 'server'), idSchema('source'));
    const request = { source, ...(snapshot === undefined ? {} : { snapshot }), ...(server === undefined ? {} : { server }) };
    const run = await startDrill(context, caller, request);
    return { kind: 'redirect', to: urls.run({ run: run.id }) };
  } catch (thrown) {
    if (!isShown(thrown) || thrown.code === 'not_found') throw thrown;
    return { kind: 'redirect', to: urls.source({ source }), flash: { tone: 'bad', text: thrown.message } };
  }
}

export const DRILL_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.drills, handle: showDrills },
  { method: 'post', path: PAGES.drillSource, handle: drillNow },
];
