/** `/board`: the fleet by status. */
import { HTTP } from '@holdfast/shared/limits.ts';
import type { Caller } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import { judgeSources, type ProtectedSource } from '../../core/protected-sources.ts';
import { countProtections, type ProtectionStatus } from '../../core/protection.ts';
import { listSources } from '../../core/sources.ts';
import type { PageReply, ScreenRoute, Visit } from '../http/route.ts';
import { formatCount } from '../ui/quantity.ts';
import { viewOfProtection } from '../ui/status.ts';
import { PAGES } from '../urls.ts';
import { BOARD_PART, type BoardView, boardPage, boardPart } from './board.view.ts';
import { formatMonth } from './months.ts';
import { describeFleet } from './overview.ts';
import { wantsPart } from './params.ts';
import { buildShell } from './shell.ts';

/** Sources judged; a bigger fleet is told so. */
const SOURCES_JUDGED = 2000;
const CARDS_SHOWN = 30;
/** The worst first. */
const ORDER: readonly ProtectionStatus[] = ['unprotected', 'at_risk', 'unknown', 'paused', 'protected'];

/** The first sources, judged; `total` is how many there are. */
export async function judgeFleet(
  context: CoreContext,
  caller: Caller,
): Promise<{ judged: readonly ProtectedSource[]; total: number }> {
  const judged: ProtectedSource[] = [];
  let after: string | undefined;
  do {
    const page = await listSources(context, caller, {}, { limit: HTTP.pageSizeMax, after });
    judged.push(...(await judgeSources(context, caller, page.rows)));
    after = page.next;
  } while (after !== undefined && judged.length < SOURCES_JUDGED);
  return { judged, total: await context.store.catalog.countSources(caller.tenant) };
}

async function readBoard(context: CoreContext, visit: Visit): Promise<BoardView> {
  const { caller, urls } = visit;
  const { judged, total } = await judgeFleet(context, caller);
  const counts = countProtections(judged.map(({ protection }) => protection));
  const rest = ORDER.filter((status) => status !== 'protected' && counts[status] > 0).map(
    (status) => `${formatCount(counts[status])} ${viewOfProtection(status).word}`,
  );
  return {
    here: urls.board(),
    heading: describeFleet(counts, total),
    lede: [...rest, ...(judged.length < total ? [`judged by the first ${formatCount(judged.length)}`] : [])].join(' · '),
    overviewHref: urls.overview(),
    reportHref: urls.report({ month: formatMonth(context.clock.now()) }),
    columns: ORDER.map((status) => ({
      status,
      count: counts[status],
      allHref: urls.sources({ status }),
      cards: judged
        .filter(({ protection }) => protection.status === status)
        .slice(0, CARDS_SHOWN)
        .map(({ source, host, protection }) => ({
          id: source.id,
          title: `${host.name} / ${source.name}`,
          href: urls.source({ source: source.id }),
          reason: protection.reason,
        })),
    })),
  };
}

async function showBoard(context: CoreContext, visit: Visit): Promise<PageReply> {
  const view = await readBoard(context, visit);
  if (wantsPart(visit, BOARD_PART)) return { kind: 'page', html: boardPart(view) };
  return { kind: 'page', html: boardPage(await buildShell(context, visit, 'overview'), view) };
}

export const BOARD_SCREENS: readonly ScreenRoute[] = [{ method: 'get', path: PAGES.board, handle: showBoard }];
