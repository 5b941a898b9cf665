/** `/coverage`: what hosts found that nothing protects. */
import { findSourceAdapter, SOURCE_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { FINDING_ORDERS } from '@holdfast/shared/domain/list-orders.ts';
import { isAllowed } from '../../../core/caller.ts';
import { countWithoutPlan } from '../../../core/fleet/look.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { FILES } from '../../../core/sources/coverage-looks.ts';
import { findNeighbourPlans, protectInPlan } from '../../../core/sources/finding-plans.ts';
import {
  adoptFinding,
  countFindings,
  hurryCoverage,
  ignoreFinding,
  listFindings,
  nameFinding,
  summarizeLooks,
  watchFinding,
} from '../../../core/sources/findings.ts';
import type { Finding } from '../../../store/coverage.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import type { BulkBarView } from '../bulk/bulk.view.ts';
import { readBulkBar } from '../bulk/bulk-bar.ts';
import { readClockface } from '../clockface.ts';
import { linkPages, readTrail } from '../cursor-trail.ts';
import { isShown } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { keepSort, readSort } from '../list-sort.ts';
import { findId, findParts, getParam } from '../params.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import {
  COVERAGE_ANSWER,
  COVERAGE_TABLE,
  type CoverageView,
  coverageAnswer,
  coveragePage,
  coverageTable,
  type FindingLine,
} from './coverage.view.ts';
import { readCoverageQuery, toCoverageFilter } from './coverage-query.ts';

/** Looks that failed; of more it is said how many there are. */
const FAILED_SHOWN = 20;

function describeFound({ open, fresh }: { open: number; fresh: number }, wasLooked: boolean): string {
  if (!wasLooked) return 'No host has been asked yet what it holds.';
  if (open === 0) return 'Nothing was found that no source covers.';
  const since = fresh === 0 ? '' : ` ${formatCount(fresh)} appeared since the first look.`;
  return `${formatNoun(open, 'thing')} ${open === 1 ? 'is' : 'are'} covered by no source.${since}`;
}

function labelKind(kind: string): string {
  return kind === FILES ? 'Directory' : (findSourceAdapter(kind)?.label ?? kind);
}

/** What is left alone can only be shown again, and all else only be protected or left alone. */
function narrowBar(bar: BulkBarView, isIgnored: boolean): BulkBarView {
  return { ...bar, acts: bar.acts.filter(({ value }) => (value === 'watch') === isIgnored) };
}

function toLine(finding: Finding, hostName: string, neighbourPlan: FindingLine['neighbourPlan'], visit: Visit): FindingLine {
  const { urls, caller } = visit;
  const { id, name, kind, place, sizeBytes, firstSeenAt, isNew, ignored } = finding;
  const mayManage = isAllowed(caller, 'source.manage') && isAllowed(caller, 'plan.manage');
  return {
    ...{ id, name: nameFinding(name), place, isNew, ignored, seenAt: firstSeenAt, bytes: sizeBytes },
    kind: labelKind(kind),
    host: { name: hostName, href: urls.host({ host: finding.host }) },
    neighbourPlan,
    protectAction: mayManage ? urls.adoptFinding({ finding: id }) : undefined,
    ignoreAction: mayManage ? urls.ignoreFinding({ finding: id }) : undefined,
    watchAction: mayManage ? urls.watchFinding({ finding: id }) : undefined,
  };
}

/** Whether any host was asked, and the looks that failed. */
async function readLooks(context: CoreContext, visit: Visit): Promise<{ wasLooked: boolean; failed: CoverageView['failed'] }> {
  const { looked, failed, newestFailed } = await summarizeLooks(context, visit.caller, FAILED_SHOWN);
  const names = await loadNames(context, visit.caller, { hosts: newestFailed.map(({ host }) => host) });
  const lines = newestFailed.map(({ host, kind, place, failure = '' }) => ({
    ...{ id: `${host}-${kind}-${place}`, host: nameOf(names.hosts, host, 'host'), place, failure },
  }));
  return { wasLooked: looked > 0, failed: { lines, more: failed - lines.length } };
}

async function readCoverage(context: CoreContext, visit: Visit): Promise<CoverageView> {
  const { caller, urls } = visit;
  const query = readCoverageQuery(visit);
  const sort = readSort(visit, FINDING_ORDERS);
  const shown = query.show ?? 'open';
  const trail = readTrail(visit);
  const [page, counts, look, { wasLooked, failed }] = await Promise.all([
    listFindings(context, caller, toCoverageFilter(query), { ...trail.request, ...(sort.wish && { sort: sort.wish }) }),
    countFindings(context, caller),
    context.fleet.look(caller.tenant),
    readLooks(context, visit),
  ]);
  const [names, plans] = await Promise.all([
    loadNames(context, caller, { hosts: [query.host, ...page.rows.map(({ host }) => host)] }),
    findNeighbourPlans(context, caller, page.rows),
  ]);
  return {
    face: readClockface(context, visit),
    here: visit.here,
    action: urls.coverage(),
    lookAction: isAllowed(caller, 'source.manage') ? urls.lookAtCoverage() : undefined,
    heading: describeFound(counts, wasLooked),
    lede: wasLooked
      ? 'Databases on the servers your sources are on, and big directories, as their hosts told it within the last day.'
      : 'Each host is asked some minutes after it joined, and then every day: for databases on the servers your sources are on, and for big directories.',
    shown,
    wasLooked,
    filter: query,
    hostName: query.host === undefined ? undefined : nameOf(names.hosts, query.host, 'host'),
    kinds: SOURCE_ADAPTERS.filter((adapter) => adapter.kind === FILES || adapter.discovery !== undefined).map((adapter) => ({
      value: adapter.kind,
      label: labelKind(adapter.kind),
    })),
    sort: sort.toTable((order) => urls.coverage({ ...query, ...order })),
    kept: keepSort(sort.query),
    bulk: narrowBar(readBulkBar(visit, 'findings', urls.coverage({ ...query, ...sort.query })), shown === 'ignored'),
    rows: page.rows.map((finding) => toLine(finding, nameOf(names.hosts, finding.host, 'host'), plans.get(finding.id), visit)),
    ...linkPages(trail, page.next, (after) => urls.coverage({ ...query, ...sort.query, after })),
    planless: { count: countWithoutPlan(look), href: urls.sources({ plan: 'none' }) },
    failed,
  };
}

async function showCoverage(context: CoreContext, visit: Visit): Promise<PageReply> {
  const view = await readCoverage(context, visit);
  const parts = await findParts(visit, {
    [COVERAGE_TABLE]: () => coverageTable(view),
    [COVERAGE_ANSWER]: () => coverageAnswer(view),
  });
  return parts ?? { kind: 'page', html: coveragePage(await buildShell(context, visit, 'coverage'), view) };
}

/** An act on one finding; what it says against it stands on the list. */
function createAct(act: (context: CoreContext, visit: Visit, id: Finding['id']) => Promise<PageReply>): ScreenRoute['handle'] {
  return async (context, visit) => {
    try {
      return await act(context, visit, getParam(visit, 'finding', idSchema('finding')));
    } catch (thrown) {
      if (!isShown(thrown)) throw thrown;
      const text = `It did not work: ${thrown.message}`;
      return { kind: 'redirect', to: visit.urls.coverage(), flash: { tone: 'bad', text } };
    }
  };
}

/** Makes the source, in the plan that is named; without one it opens the form of a plan that has it, filled in. */
const protect = createAct(async (context, visit, id) => {
  const wanted = findId(readText(visit.form, 'plan'), idSchema('plan'));
  if (wanted !== undefined) {
    const { source, plan } = await protectInPlan(context, visit.caller, id, wanted, { tested: true });
    const text = `${source.name} is a source now, in the plan ${plan.name}: its next backup has it.`;
    return { kind: 'redirect', to: visit.urls.coverage(), flash: { tone: 'good', text } };
  }
  const source = await adoptFinding(context, visit.caller, id, { tested: true });
  const text = `${source.name} is a source now. What is left: where its backups go, and when.`;
  return { kind: 'redirect', to: visit.urls.addPlan({ sources: [source.id] }), flash: { tone: 'good', text } };
});
const ignore = createAct(async (context, visit, id) => {
  const { name } = await ignoreFinding(context, visit.caller, id, readText(visit.form, 'why'));
  return { kind: 'redirect', to: visit.urls.coverage(), flash: { tone: 'good', text: `${nameFinding(name)} is left alone.` } };
});
const watch = createAct(async (context, visit, id) => {
  const { name } = await watchFinding(context, visit.caller, id);
  return { kind: 'redirect', to: visit.urls.coverage(), flash: { tone: 'good', text: `${nameFinding(name)} is counted again.` } };
});

async function lookNow(context: CoreContext, visit: Visit): Promise<PageReply> {
  const hosts = await hurryCoverage(context, visit.caller);
  const text = `${formatNoun(hosts, 'host')} ${hosts === 1 ? 'is' : 'are'} asked, those that are connected. What they say is here in a minute.`;
  return { kind: 'redirect', to: visit.urls.coverage(), flash: { tone: 'good', text } };
}

export const COVERAGE_SCREENS: readonly ScreenRoute[] = [
  { method: 'post', path: PAGES.lookAtCoverage, handle: lookNow },
  { method: 'get', path: PAGES.coverage, handle: showCoverage },
  { method: 'post', path: PAGES.adoptFinding, handle: protect },
  { method: 'post', path: PAGES.ignoreFinding, handle: ignore },
  { method: 'post', path: PAGES.watchFinding, handle: watch },
];
