/** `/drills`: how every source stands with its proof of recovery; and the act of trying one out. */
import { PROOF_STATES } from '@holdfast/shared/domain/drill.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { PROOF_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { listDrills, startDrill } from '../../../core/drills/drills.ts';
import { listProofStandings } from '../../../core/drills/proof-list.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { isShown } from '../forms/form-problem.ts';
import { dropPrefix, findText } from '../forms/form-values.ts';
import { readSought } from '../forms/offer.ts';
import { keepSort, readSort } from '../list-sort.ts';
import { findId, findParts, getParam, wantsPart } from '../params.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import { showDrillSettings } from '../sources/source-drills.ts';
import { NOW, NOW_SERVER } from '../sources/source-drills.view.ts';
import {
  DRILLS_ANSWER,
  DRILLS_PART,
  type DrillsView,
  drillsAnswer,
  drillsPage,
  drillsPart,
  PROOF_TABLE_ID,
  proofTable,
} from './drills.view.ts';
import { readProofs, toDrillLine } from './proofs.ts';

const VERDICTS_SHOWN = 20;

/** What does not read as a filter is left out: an address someone kept must not become an error. */
function readFilter({ query }: Pick<Visit, 'query'>): DrillsView['filter'] {
  const state = findText(query, 'state');
  return { q: findText(query, 'q'), state: PROOF_STATES.find((known) => known === state) };
}

async function readDrills(context: CoreContext, visit: Visit): Promise<DrillsView> {
  const { caller, urls } = visit;
  const trail = readTrail(visit);
  const filter = readFilter(visit);
  const sort = readSort(visit, PROOF_ORDERS);
  const [page, verdicts] = await Promise.all([
    listProofStandings(
      context,
      caller,
      { search: filter.q, state: filter.state },
      { ...trail.request, ...(sort.wish === undefined ? {} : { sort: sort.wish }) },
    ),
    listDrills(context, caller, {}, { limit: VERDICTS_SHOWN }),
  ]);
  const ids = page.rows.map(({ source }) => source);
  const [proofs, names] = await Promise.all([
    context.store.sources.findSources(caller.tenant, ids).then((sources) => readProofs(context, visit, sources)),
    loadNames(context, caller, {
      hosts: page.rows.map(({ host }) => host),
      sources: verdicts.rows.map(({ source }) => source),
    }),
  ]);
  const sources = page.rows.flatMap(({ source, name, host }) => {
    const proof = proofs.get(source);
    return proof ? [{ id: source, name, href: urls.source({ source }), host: nameOf(names.hosts, host, 'host'), proof }] : [];
  });
  return {
    here: visit.here,
    face: readClockface(context, visit),
    counts: page.counts,
    filter,
    sources,
    ...linkPages(trail, page.next, (after) => urls.drills({ ...filter, ...sort.query, after })),
    sort: sort.toTable((order) => urls.drills({ ...filter, ...order })),
    kept: keepSort(sort.query),
    urls,
    verdicts: verdicts.rows.map((drill) => ({
      ...toDrillLine(drill, names.sources.get(drill.source)?.kind, urls),
      id: drill.run,
      source: nameOf(names.sources, drill.source, 'source'),
      isProven: drill.isProven,
    })),
    runsHref: urls.runs({ kind: 'drill' }),
    historyHref: urls.drillHistory(),
    addSourceHref: urls.addSource(),
  };
}

async function showDrills(context: CoreContext, visit: Visit): Promise<PageReply> {
  const view = await readDrills(context, visit);
  if (wantsPart(visit, PROOF_TABLE_ID)) return { kind: 'page', html: proofTable(view) };
  const parts = await findParts(visit, {
    [DRILLS_PART]: () => drillsPart(view),
    [DRILLS_ANSWER]: () => drillsAnswer(view),
  });
  return parts ?? { kind: 'page', html: drillsPage(await buildShell(context, visit, 'drills'), view) };
}

async function drillNow(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { urls, caller } = visit;
  const source = getParam(visit, 'source', idSchema('source'));
  if (readSought(visit, NOW_SERVER).isAsked) return showDrillSettings(context, visit);
  const form = dropPrefix(visit.form, [NOW]);
  try {
    const snapshot = findId(findText(form, 'snapshot'), idSchema('snapshot'));
    const server = findId(findText(form, 'server'), idSchema('source'));
    // It would take place on a server of its own, which is not what that form is for.
    if (Object.hasOwn(visit.form, NOW_SERVER) && server === undefined)
      throw new AppError('invalid', 'choose the server that the drill restores into');
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
