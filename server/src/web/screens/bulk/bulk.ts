/** `/hosts/acts` and its like: one act on many rows of a list, after a question that names them. */
import { setImmediate as giveWay } from 'node:timers/promises';
import { BULK_MOST, type BulkAct, type BulkInput, type BulkNoun, type BulkOutcome } from '../../../core/bulk.ts';
import { listHosts } from '../../../core/hosts/hosts.ts';
import { listPlans } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRuns } from '../../../core/runs/runs.ts';
import { listFindings } from '../../../core/sources/findings.ts';
import type { Page, PageRequest } from '../../../store/page.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatCount, formatNoun } from '../../ui/quantity.ts';
import { findLocalPath, PAGES, type Urls } from '../../urls.ts';
import { listFittingAlerts, readAlertQuery } from '../alerts/alerts.ts';
import { readClockface } from '../clockface.ts';
import { readCoverageQuery, toCoverageFilter } from '../coverage/coverage-query.ts';
import { readList, readText } from '../forms/form-values.ts';
import { readHostFilter, toHostFilter } from '../hosts/hosts.ts';
import { readPlanQuery, toPlanFilter } from '../plans/plan-filters.ts';
import { readRunQuery, toRunFilter } from '../runs/run-query.ts';
import { buildShell, type NavKey } from '../shell.ts';
import { listFittingSources, readSourceFilter } from '../sources/sources.ts';
import { type BulkLine, bulkAnswerPage, bulkQuestionPage } from './bulk.view.ts';
import { BULK_FORMS, findBulkAct } from './bulk-bar.ts';
import { findBulkFields, readBulkInput, writeBulkInput } from './bulk-input.ts';
import { type ActWords, BULK_WORDS } from './bulk-words.ts';

const NAMES_SHOWN = 20;
const AT_ONCE = 200;
/** Of what came of them, what could not be done first; of more it is said how many there are. */
const LINES_SHOWN = 500;

const LISTS: Readonly<Record<BulkNoun, (urls: Urls) => string>> = {
  hosts: (urls) => urls.hosts(),
  sources: (urls) => urls.sources(),
  plans: (urls) => urls.plans(),
  runs: (urls) => urls.runs(),
  alerts: (urls) => urls.alerts(),
  findings: (urls) => urls.coverage(),
};
const THINGS: Readonly<Record<BulkNoun, (urls: Urls, id: string) => string>> = {
  hosts: (urls, host) => urls.host({ host }),
  sources: (urls, source) => urls.source({ source }),
  plans: (urls, plan) => urls.plan({ plan }),
  runs: (urls, run) => urls.run({ run }),
  alerts: (urls, alert) => urls.alert({ alert }),
  // What was found has no page of its own.
  findings: (urls) => urls.coverage(),
};
const SECTIONS: Readonly<Record<BulkNoun, NavKey>> = {
  ...{ hosts: 'hosts', sources: 'sources', plans: 'plans', runs: 'runs', alerts: 'alerts' },
  findings: 'coverage',
};

async function readAll<T extends { id: string }>(list: (page: PageRequest) => Promise<Page<T>>): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await list({ limit: AT_ONCE, after });
    ids.push(...page.rows.map(({ id }) => id));
    if (page.next === undefined || ids.length > BULK_MOST) return ids;
    after = page.next;
    await giveWay();
  }
}

/** The ids of all that the list at this address shows, on all of its pages; one more than may be chosen tells that there are more. */
async function listMatching(
  context: CoreContext,
  { caller, frame }: Visit,
  noun: BulkNoun,
  address: string,
): Promise<readonly string[]> {
  const visit = { query: Object.fromEntries(new URL(address, 'http://local.invalid').searchParams) };
  const face = readClockface(context, { frame });
  switch (noun) {
    case 'hosts':
      return readAll((page) => listHosts(context, caller, toHostFilter(context, readHostFilter(visit)), page));
    case 'plans':
      return readAll((page) => listPlans(context, caller, toPlanFilter(readPlanQuery(visit)), page));
    case 'runs': {
      const filter = toRunFilter(readRunQuery(visit), face);
      return 'problem' in filter ? [] : readAll((page) => listRuns(context, caller, filter, page));
    }
    case 'alerts':
      return readAll((page) => listFittingAlerts(context, caller, readAlertQuery(visit), page));
    case 'findings':
      return readAll((page) => listFindings(context, caller, toCoverageFilter(readCoverageQuery(visit)), page));
    case 'sources':
      return readAll((page) => listFittingSources(context, caller, readSourceFilter(visit), page));
  }
}

interface Wish {
  noun: BulkNoun;
  name: string;
  act: BulkAct;
  words: ActWords;
  ids: readonly string[];
  back: string;
}

const crumbsOf = (urls: Urls, noun: BulkNoun, { label }: ActWords) => [
  { label: BULK_WORDS[noun].list, href: LISTS[noun](urls) },
  { label: label.replace('…', '') },
];

async function ask(context: CoreContext, visit: Visit, wish: Wish, problem?: string): Promise<PageReply> {
  const { noun, name, act, words, ids, back } = wish;
  const names = await act.name(context, visit.caller, ids.slice(0, NAMES_SHOWN));
  const fields = await findBulkFields(context, visit, words, ids, problem);
  if (fields === undefined)
    return { kind: 'redirect', to: back, flash: { tone: 'bad', text: words.nothing ?? 'There is nothing to choose from.' } };
  const html = bulkQuestionPage(await buildShell(context, visit, SECTIONS[noun]), {
    crumbs: crumbsOf(visit.urls, noun, words),
    action: BULK_FORMS[noun](visit.urls),
    backHref: back,
    act: name,
    verb: `${words.verb} ${formatNoun(ids.length, BULK_WORDS[noun].one)}`,
    effect: words.effect,
    isDangerous: words.isDangerous === true,
    ids,
    names: [...names.values()],
    fields,
  });
  return { kind: 'page', status: problem === undefined ? 200 : 422, html };
}

/** `12 done, 3 as before, 1 not done`. */
function summarize(outcomes: readonly BulkOutcome[], { results }: ActWords): string {
  const count = (result: BulkOutcome['result']) => outcomes.filter((outcome) => outcome.result === result).length;
  const parts = [
    [count('done'), results?.done ?? 'done'],
    [count('unchanged'), 'as before'],
    [count('refused'), results?.refused ?? 'not done'],
  ] as const;
  return parts
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${formatCount(number)} ${word}`)
    .join(', ');
}

const RANKS = ['refused', 'unchanged', 'done'] as const;

async function answer(
  context: CoreContext,
  visit: Visit,
  wish: Wish,
  input: BulkInput,
  outcomes: readonly BulkOutcome[],
): Promise<PageReply> {
  const { urls } = visit;
  const { noun, name, words, back } = wish;
  const done = outcomes.filter(({ result }) => result === 'done');
  const lines = outcomes
    .toSorted((a, b) => RANKS.indexOf(a.result) - RANKS.indexOf(b.result))
    .slice(0, LINES_SHOWN)
    .map(
      (outcome): BulkLine => ({
        ...outcome,
        href: THINGS[noun](urls, outcome.id),
        runs: outcome.runs.map((run) => urls.run({ run })),
      }),
    );
  const hidden = {
    act: words.undo ?? '',
    chosen: done.map(({ id }) => id).join(','),
    confirm: 'yes',
    back,
    ...writeBulkInput(input),
  };
  const html = bulkAnswerPage(await buildShell(context, visit, SECTIONS[noun]), {
    crumbs: crumbsOf(urls, noun, words),
    title: `${words.verb} ${formatNoun(outcomes.length, BULK_WORDS[noun].one)}`,
    heading: `${summarize(outcomes, words)}.`,
    lines,
    more: outcomes.length - lines.length,
    words: words.results,
    back: { href: back, label: noun === 'findings' ? 'Back to coverage' : `Back to the ${noun}` },
    ...(noun === 'findings' && name === 'protect' && done.length > 0
      ? { onward: { href: urls.sources({ plan: 'none' }), label: 'Sources in no plan' } }
      : {}),
    ...(words.undo === undefined || done.length === 0 ? {} : { undo: { action: BULK_FORMS[noun](urls), label: 'Undo', hidden } }),
  });
  return { kind: 'page', html };
}

async function readChosen(context: CoreContext, visit: Visit, noun: BulkNoun, back: string): Promise<readonly string[]> {
  const { form } = visit;
  if (readText(form, 'all') === 'true') return listMatching(context, visit, noun, back);
  const named = [...readList(form, 'ids'), ...readText(form, 'chosen').split(',')];
  return [...new Set(named.map((id) => id.trim()).filter((id) => /^[a-z]+_[0-9a-z]{1,40}$/.test(id)))];
}

async function actOnMany(context: CoreContext, visit: Visit, noun: BulkNoun): Promise<PageReply> {
  const { form, urls, caller } = visit;
  const back = findLocalPath(readText(form, 'back'), urls.basePath) ?? LISTS[noun](urls);
  const refuse = (text: string): PageReply => ({ kind: 'redirect', to: back, flash: { tone: 'bad', text } });
  const name = readText(form, 'act');
  const act = findBulkAct(noun, name);
  const words = Object.hasOwn(BULK_WORDS[noun].acts, name) ? BULK_WORDS[noun].acts[name] : undefined;
  if (act === undefined || words === undefined) return refuse('Choose what is to be done with them.');
  const ids = await readChosen(context, visit, noun, back);
  if (ids.length === 0) return refuse(`Tick at least one ${BULK_WORDS[noun].one} first.`);
  if (ids.length > BULK_MOST)
    return refuse(
      `More than ${formatCount(BULK_MOST)} ${BULK_WORDS[noun].one}s match; narrow the list, at most so many are taken at once.`,
    );
  const wish: Wish = { noun, name, act, words, ids, back };
  if (readText(form, 'confirm') !== 'yes') return ask(context, visit, wish);
  const { input, problem } = readBulkInput(visit, words, context.clock.now());
  if (problem !== undefined) return ask(context, visit, wish, problem);
  return answer(context, visit, wish, input, await act.carryOut(context, caller, ids, input));
}

export const BULK_SCREENS: readonly ScreenRoute[] = [
  { method: 'post', path: PAGES.hostActs, handle: (context, visit) => actOnMany(context, visit, 'hosts') },
  { method: 'post', path: PAGES.sourceActs, handle: (context, visit) => actOnMany(context, visit, 'sources') },
  { method: 'post', path: PAGES.planActs, handle: (context, visit) => actOnMany(context, visit, 'plans') },
  { method: 'post', path: PAGES.findingActs, handle: (context, visit) => actOnMany(context, visit, 'findings') },
  { method: 'post', path: PAGES.runActs, handle: (context, visit) => actOnMany(context, visit, 'runs') },
  { method: 'post', path: PAGES.alertActs, handle: (context, visit) => actOnMany(context, visit, 'alerts') },
];
