/** `/sources/:source/drills`: what is asked at every drill of a source, and how often one is due. */
import { getSourceAdapter } from '@holdfast/shared/adapters/all.ts';
import { DRILL_OPERATORS, type DrillAssertion, describeOperator } from '@holdfast/shared/domain/drill.ts';
import { type HostId, idSchema, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { DRILL_RUNS_MAX } from '@holdfast/shared/domain/plan-drills.ts';
import { DRILL } from '@holdfast/shared/limits.ts';
import { demand, isAllowed } from '../../../core/caller.ts';
import { DRILL_DAYS_MAX, getDrillSettings, saveDrillSettings } from '../../../core/drills/drill-settings.ts';
import { findDrillHost } from '../../../core/drills/plan-drills.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { getSource } from '../../../core/sources/sources.ts';
import type { Source } from '../../../store/sources.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { fieldPartId } from '../../ui/form.ts';
import { PAGES } from '../../urls.ts';
import { describeDrillRhythm } from '../drills/drill-words.ts';
import { foundChoices } from '../forms/choice-search.view.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { findSought, offerHosts, offerSources } from '../hosts/offered-hosts.ts';
import { findId, findParts, getParam } from '../params.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { buildShell } from '../shell.ts';
import {
  NOW_SERVER,
  nowServerField,
  type QuestionText,
  type SourceDrillsView,
  serverField,
  sourceDrillsPage,
} from './source-drills.view.ts';
import { describeSource } from './source-words.ts';

/** Empty questions to fill in, below those there are. */
const EMPTY_SHOWN = 2;
const OWN_HOST = 'own';
const THROW_AWAY = 'throw-away';
const EMPTY: QuestionText = { sql: '', operator: '>', value: '' };

interface Draft {
  everyDays: string;
  withinDays: string;
  everyRuns: string;
  host: string;
  server: string;
  questions: readonly QuestionText[];
}

function readDraft({ form }: Visit): Draft {
  const questions: QuestionText[] = [];
  for (let index = 0; index < DRILL.assertions + EMPTY_SHOWN; index += 1) {
    const sql = readText(form, `sql-${index}`);
    if (sql.trim() === '') continue;
    questions.push({ sql, operator: readText(form, `operator-${index}`), value: readText(form, `value-${index}`) });
  }
  const read = (name: string) => readText(form, name).trim();
  const [everyDays, withinDays, everyRuns, host] = [read('everyDays'), read('withinDays'), read('everyRuns'), read('host')];
  return { everyDays, withinDays, everyRuns, host, server: read('server'), questions };
}

/** What is no number is given on as one that the use case refuses by its field. */
const readNumber = (text: string): number | undefined => (text === '' ? undefined : Number(text));

/** The source's own host first. A source on a disk of its own host cannot be drilled elsewhere, which the use case says when it is tried. */
async function listChoices(
  context: CoreContext,
  visit: Visit,
  source: Source,
  chosen: string,
): Promise<Pick<SourceDrillsView, 'host' | 'hosts' | 'search'>> {
  const sought = readSought(visit);
  const offer = await offerHosts(context, visit.caller, { find: sought.find, keep: [findId(chosen, idSchema('host'))] });
  const others = offer.rows.filter(({ id }) => id !== source.host).map(({ id, name }) => ({ value: id, label: name }));
  return {
    host: findSought(sought, offer) ?? chosen,
    hosts: [{ value: OWN_HOST, label: 'the host of the source' }, ...others],
    search: describeSearch('Find another host', sought, offer),
  };
}

/** Servers that drills may restore into, of whichever host: the use case refuses one of another host than drills take place on. */
async function listServers(
  context: CoreContext,
  visit: Visit,
  source: Source,
  chosen: string,
): Promise<Pick<SourceDrillsView, 'servers' | 'serverSearch'>> {
  const { drill, restore } = getSourceAdapter(source.kind);
  if (!drill || !restore) return { servers: [], serverSearch: undefined };
  const keep = [findId(chosen, idSchema('source'))];
  const sought = readSought(visit, 'server');
  const offer = await offerSources(context, visit.caller, { kind: source.kind, find: sought.find, keep });
  const { rows } = offer;
  const names = await loadNames(context, visit.caller, { hosts: rows.map(({ host }) => host) });
  const own = { value: THROW_AWAY, label: 'a server of its own, thrown away afterwards' };
  const label = (row: Source) => `${row.name} on ${nameOf(names.hosts, row.host, 'host')} · ${describeSource(row)}`;
  const action = visit.urls.sourceDrills({ source: source.id });
  return {
    servers: [own, ...rows.map((row) => ({ value: row.id, label: label(row) }))],
    serverSearch: describeSearch('Find a server, by its source or host', sought, offer, { field: 'server', action }),
  };
}

/** Servers of the host of drills, by the sources that know them; undefined where nothing could be restored into one. */
async function findServers(context: CoreContext, visit: Visit, source: Source): Promise<SourceDrillsView['onServer']> {
  const { caller, urls } = visit;
  const { drill, restore } = getSourceAdapter(source.kind);
  if (!drill || !restore || !isAllowed(caller, 'restore.start')) return undefined;
  const host = findDrillHost(source, await getDrillSettings(context, caller, source.id));
  const posted = findId(readText(visit.form, NOW_SERVER), idSchema('source'));
  const sought = readSought(visit, NOW_SERVER);
  const offer = await offerSources(context, caller, { host, kind: source.kind, find: sought.find, keep: [posted] });
  const action = urls.drillSource({ source: source.id });
  const search = describeSearch('Find a server, by its source', sought, offer, { field: NOW_SERVER, action });
  const servers = offer.rows.map((row) => ({ value: row.id as string, label: `${row.name} · ${describeSource(row)}` }));
  if (servers.length === 0 && search === undefined) return undefined;
  return { action, servers, chosen: posted, search };
}

/** Where the rhythm comes from that holds now; undefined where there is none. */
async function readRhythm(context: CoreContext, { caller, urls }: Visit, source: Source): Promise<SourceDrillsView['rhythm']> {
  const { everyDays, everyRuns, followed } = await getDrillSettings(context, caller, source.id);
  if (everyDays !== undefined || everyRuns !== undefined) return { kind: 'own' };
  if (followed === undefined) return undefined;
  const names = await loadNames(context, caller, { plans: [followed.plan] });
  const words = describeDrillRhythm(context.describeSchedule, followed.drills);
  return { kind: 'plan', words, name: nameOf(names.plans, followed.plan, 'plan'), href: urls.plan({ plan: followed.plan }) };
}

async function replyForm(
  context: CoreContext,
  visit: Visit,
  source: Source,
  draft: Draft,
  problem: FormProblem,
): Promise<PageReply> {
  const { urls } = visit;
  const href = urls.source({ source: source.id });
  const canAsk = getSourceAdapter(source.kind).drill !== undefined;
  const room = Math.min(EMPTY_SHOWN, DRILL.assertions - draft.questions.length);
  const { assertions, ...errors } = problem.fields;
  const view: SourceDrillsView = {
    name: source.name,
    crumbs: [{ label: 'Sources', href: urls.sources() }, { label: source.name, href }, { label: 'Drills' }],
    action: urls.sourceDrills({ source: source.id }),
    cancelHref: href,
    rhythm: await readRhythm(context, visit, source),
    everyDays: draft.everyDays,
    withinDays: draft.withinDays,
    everyRuns: draft.everyRuns,
    ...(await listChoices(context, visit, source, draft.host)),
    server: draft.server,
    ...(await listServers(context, visit, source, draft.server)),
    questions: canAsk ? [...draft.questions, ...Array.from({ length: Math.max(0, room) }, () => EMPTY)] : undefined,
    operators: DRILL_OPERATORS.map((value) => ({ value, label: describeOperator(value) })),
    onServer: await findServers(context, visit, source),
    daysMax: DRILL_DAYS_MAX,
    runsMax: DRILL_RUNS_MAX,
    problem: problem.text ?? assertions,
    errors,
  };
  const { onServer } = view;
  const part = await findParts(visit, {
    [fieldPartId('server')]: () => foundChoices(serverField(view), view.serverSearch),
    ...(onServer ? { [fieldPartId(NOW_SERVER)]: () => foundChoices(nowServerField(onServer), onServer.search) } : {}),
  });
  if (part) return part;
  const status = hasProblem(problem) ? 422 : 200;
  return { kind: 'page', status, html: sourceDrillsPage(await buildShell(context, visit, 'sources'), view) };
}

/** The form as it is stored, also for a search among the servers of its other form, which starts no drill. */
export async function showDrillSettings(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'source.manage');
  const source = await getSource(context, visit.caller, getParam(visit, 'source', idSchema('source')));
  const { assertions, everyDays, withinDays, everyRuns, host, server } = await getDrillSettings(context, visit.caller, source.id);
  const draft = {
    everyDays: String(everyDays ?? ''),
    withinDays: String(withinDays ?? ''),
    everyRuns: String(everyRuns ?? ''),
    host: host ?? OWN_HOST,
    server: server ?? THROW_AWAY,
    questions: assertions,
  };
  return replyForm(context, visit, source, draft, NO_PROBLEM);
}

async function saveSettings(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const source = await getSource(context, caller, getParam(visit, 'source', idSchema('source')));
  const draft = readDraft(visit);
  if (readSought(visit).isAsked || readSought(visit, 'server').isAsked) {
    demand(caller, 'source.manage');
    return replyForm(context, visit, source, draft, NO_PROBLEM);
  }
  try {
    await saveDrillSettings(context, caller, source.id, {
      // The use case checks the operator with everything else.
      assertions: draft.questions as readonly DrillAssertion[],
      everyDays: readNumber(draft.everyDays),
      withinDays: readNumber(draft.withinDays),
      everyRuns: readNumber(draft.everyRuns),
      // As of the operator, the use case refuses what is none.
      host: draft.host === OWN_HOST || draft.host === '' ? undefined : (draft.host as HostId),
      server: draft.server === THROW_AWAY || draft.server === '' ? undefined : (draft.server as SourceId),
    });
  } catch (thrown) {
    return replyForm(context, visit, source, draft, toFormProblem(thrown));
  }
  const flash = { tone: 'good', text: `Drills of ${source.name}: saved.` } as const;
  return { kind: 'redirect', to: urls.source({ source: source.id }), flash };
}

export const SOURCE_DRILL_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.sourceDrills, handle: showDrillSettings },
  { method: 'post', path: PAGES.sourceDrills, handle: saveSettings },
];
