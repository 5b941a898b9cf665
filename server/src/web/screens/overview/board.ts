/** `/board`: the fleet by status. */
import { isAllowed } from '../../../core/caller.ts';
import type { LookedSource } from '../../../core/fleet/look.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { ProtectionStatus } from '../../../core/protection/protection.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatCount } from '../../ui/quantity.ts';
import { viewOfProtection } from '../../ui/status.ts';
import { PAGES } from '../../urls.ts';
import { wantsPart } from '../params.ts';
import { formatMonth } from '../periods/months.ts';
import { buildShell } from '../shell.ts';
import { BOARD_PART, type BoardView, boardPage, boardPart } from './board.view.ts';
import { describeFleet } from './overview.ts';

const CARDS_SHOWN = 30;
/** The worst first. */
const ORDER: readonly ProtectionStatus[] = ['unprotected', 'at_risk', 'unknown', 'paused', 'protected'];

async function readBoard(context: CoreContext, visit: Visit): Promise<BoardView> {
  const { caller, urls } = visit;
  const look = await context.fleet.look(caller.tenant);
  const { counts, sources } = look;
  const shown = new Map(ORDER.map((status) => [status, [] as LookedSource[]]));
  for (const one of sources) {
    const column = shown.get(one.protection.status);
    if (column !== undefined && column.length < CARDS_SHOWN) column.push(one);
  }
  const rest = ORDER.filter((status) => status !== 'protected' && counts[status] > 0).map(
    (status) => `${formatCount(counts[status])} ${viewOfProtection(status).word}`,
  );
  return {
    here: urls.board(),
    heading: describeFleet(counts, sources.length),
    lede: rest.join(' · '),
    overviewHref: urls.overview(),
    reportHref: urls.report({ month: formatMonth(context.clock.now()) }),
    ...(isAllowed(caller, 'source.manage') ? { addSourceHref: urls.addSource() } : {}),
    columns: ORDER.map((status) => ({
      status,
      count: counts[status],
      allHref: urls.sources({ status }),
      cards: (shown.get(status) ?? []).map((one) => ({
        id: one.source.id,
        title: `${one.host.name} / ${one.source.name}`,
        href: urls.source({ source: one.source.id }),
        reason: look.explain(one),
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
