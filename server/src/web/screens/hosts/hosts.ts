/** `/hosts`: who waits for approval, and all hosts. */
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { HOST_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { countOnlineHosts, filterByStanding, type HostView, listHosts } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { HostFilter } from '../../../store/hosts.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import { readBulkBar } from '../bulk/bulk-bar.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { findText } from '../forms/form-values.ts';
import { keepSort, readSort } from '../list-sort.ts';
import { findParts, readOnce } from '../params.ts';
import { buildShell } from '../shell.ts';
import { answerApproval, answerRejection, answerTakeBack, type RefusedApproval, readPending } from './host-pending.ts';
import { PENDING_ID, pendingHosts } from './host-pending.view.ts';
import { HOST_ANSWER_ID, HOST_TABLE_ID, type HostRow, type HostsView, hostsAnswer, hostsPage, hostTable } from './hosts.view.ts';
import { listTagChoices } from './tag-choices.ts';

const STATES = ['online', 'degraded', 'offline', 'draining', 'quarantined', 'revoked'] as const;
type StateFilter = (typeof STATES)[number];

export function readHostFilter(visit: Pick<Visit, 'query'>): HostsView['filter'] & { state?: StateFilter | undefined } {
  const state = findText(visit.query, 'state');
  return { q: findText(visit.query, 'q'), state: STATES.find((known) => known === state), tag: findText(visit.query, 'tag') };
}

export function toHostFilter(context: CoreContext, { q, tag, state }: ReturnType<typeof readHostFilter>): HostFilter {
  return { search: q, tag, ...filterByStanding(context, state) };
}

/** Sources of each host and their newest clean backups: two reads, however many hosts. */
async function readRows(context: CoreContext, visit: Visit, hosts: readonly HostView[]): Promise<readonly HostRow[]> {
  const { store } = context;
  const { tenant } = visit.caller;
  const all = await store.sources.listSourcesOfHosts(
    tenant,
    hosts.map((host) => host.id),
  );
  const sourcesByHost = Map.groupBy(all, (source) => source.host);
  const standings = await store.standings.listStandings(
    tenant,
    all.map((source) => source.id),
  );
  const hostOf = new Map(all.map((source) => [source.id, source.host]));
  const goods = new Map<HostId, number[]>();
  for (const standing of standings) {
    const host = hostOf.get(standing.source);
    if (host !== undefined && standing.lastGoodAt !== undefined)
      goods.set(host, [...(goods.get(host) ?? []), standing.lastGoodAt]);
  }
  return hosts.map((host) => {
    const count = sourcesByHost.get(host.id)?.length ?? 0;
    const good = goods.get(host.id) ?? [];
    return {
      id: host.id,
      name: host.name,
      standing: host.standing,
      condition: host.condition,
      isDrained: host.drain !== undefined && host.state === 'active',
      tags: host.tags,
      system: host.facts?.os ?? 'not known yet',
      agentVersion: host.facts?.agentVersion ?? '—',
      lastSeenAt: host.lastSeenAt,
      sources: count,
      newestGoodAt: good.length === 0 ? undefined : Math.max(...good),
      withoutGood: count - good.length,
      drift: host.drift && host.state === 'active' ? { has: host.acknowledgedSpecVersion, wanted: host.specVersion } : undefined,
    };
  });
}

async function readHosts(context: CoreContext, visit: Visit, refused?: RefusedApproval): Promise<HostsView> {
  const { store } = context;
  const { caller, urls } = visit;
  const filter = readHostFilter(visit);
  const sort = readSort(visit, HOST_ORDERS);
  const trail = readTrail(visit);
  const [pending, page, counts, fresh] = await Promise.all([
    readPending(context, visit, refused),
    listHosts(context, caller, toHostFilter(context, filter), { ...trail.request, sort: sort.wish }),
    store.hosts.countHosts(caller.tenant),
    countOnlineHosts(context, caller.tenant),
  ]);
  return {
    urls,
    face: readClockface(context, visit),
    here: visit.here,
    counts: { total: counts.total, active: counts.active, ...fresh },
    pending,
    rows: await readRows(context, visit, page.rows),
    filter,
    tags: await listTagChoices(context, caller, filter.tag),
    ...linkPages(trail, page.next, (after) => urls.hosts({ ...filter, ...sort.query, after })),
    sort: sort.toTable((order) => urls.hosts({ ...filter, ...order })),
    kept: keepSort(sort.query),
    bulk: readBulkBar(visit, 'hosts', urls.hosts({ ...filter, ...sort.query })),
  };
}

async function showHosts(context: CoreContext, visit: Visit): Promise<PageReply> {
  const readView = readOnce(() => readHosts(context, visit));
  const parts = await findParts(visit, {
    [PENDING_ID]: async () => pendingHosts(await readPending(context, visit)),
    [HOST_TABLE_ID]: async () => hostTable(await readView()),
    [HOST_ANSWER_ID]: async () => hostsAnswer(await readView()),
  });
  if (parts !== undefined) return parts;
  return { kind: 'page', html: hostsPage(await buildShell(context, visit, 'hosts'), await readView()) };
}

async function postApproval(context: CoreContext, visit: Visit): Promise<PageReply> {
  const answer = await answerApproval(context, visit);
  if ('reply' in answer) return answer.reply;
  const asList: Visit = { ...visit, here: visit.urls.hosts(), query: {} };
  const view = await readHosts(context, asList, answer.refused);
  const gone = !view.pending.hosts.some((host) => host.id === answer.refused.announcement);
  // The form is no longer on the page, so its problem stands above everything.
  const text = answer.refused.problem.text ?? 'The host was not approved.';
  const shell = await buildShell(context, asList, 'hosts', gone ? [{ tone: 'problem', text }] : []);
  return { kind: 'page', status: 422, html: hostsPage(shell, view) };
}

export const HOST_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.hosts, handle: showHosts },
  { method: 'post', path: PAGES.approveHost, handle: postApproval },
  { method: 'post', path: PAGES.rejectHost, handle: answerRejection },
  { method: 'post', path: PAGES.takeBackRejection, handle: answerTakeBack },
];
