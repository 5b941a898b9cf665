/** `/repositories/new` and `/repositories/:repository/edit`. */
import { getRepositoryAdapter, REPOSITORY_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import type { RepositoryAdapter } from '@holdfast/shared/adapters/repository.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema, runsAtOnceSchema } from '@holdfast/shared/domain/plan.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { type AdapterInput, changesConnection } from '../../../core/adapters/adapter-input.ts';
import { demand } from '../../../core/caller.ts';
import type { HostView } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { createRepository, getRepository, keepFirstTest, updateRepository } from '../../../core/repositories/repositories.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Html } from '../../html.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { fieldPartId } from '../../ui/form.ts';
import { PAGES } from '../../urls.ts';
import {
  type FormValues,
  findAdapterProblem,
  listDefaults,
  readAdapterForm,
  readTypedValues,
  toAdapterSections,
} from '../forms/adapter-form.ts';
import { type ChoiceSearch, foundChoices } from '../forms/choice-search.view.ts';
import { type FormProblem, mergeProblems, NO_PROBLEM, toFormProblem, toSchemaProblem } from '../forms/form-problem.ts';
import { findText, readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { type BeforeSave, keepTick, offerUntested, saySaved, tryBeforeSaving } from '../forms/save-test.ts';
import { offerHosts } from '../hosts/offered-hosts.ts';
import { findId, getParam, wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import type { TestAnswer } from '../sources/source-test.ts';
import type { SaveAnyway, TestResultView } from '../sources/source-test.view.ts';
import {
  chooseRepositoryPage,
  type RepositoryFormView,
  repositoryForm,
  repositoryFormPage,
  testedFromField,
} from './repository-form.view.ts';
import { askDraftTest, chooseHost, type DraftAnswer, toHostOption } from './repository-test.ts';

interface Draft {
  adapter: RepositoryAdapter;
  saved: Repository | undefined;
  /** Who can be asked to open it. */
  hosts: readonly HostView[];
  /** More are there than are listed, or somebody searched. */
  search: Pick<ChoiceSearch, 'label' | 'find' | 'found' | 'isCut'> | undefined;
  /** The chosen one: as posted, else the one that tested it last, else the first that is there. Undefined while no host has joined. */
  host: HostView | undefined;
}

interface Filling {
  name: string;
  /** As typed; empty for no limit. */
  runsAtOnce: string;
  values: FormValues;
  problem: FormProblem;
  /** What is wrong with the whole, where the problem does not say it. */
  lead?: Html | undefined;
  test?: TestResultView | undefined;
  anyway?: SaveAnyway | undefined;
  secretsGone?: boolean;
}

function toFormView(visit: Visit, { adapter, saved, hosts, search, host }: Draft, filling: Filling): RepositoryFormView {
  const { urls } = visit;
  const action = saved === undefined ? urls.addRepository({ kind: adapter.kind }) : urls.editRepository({ repository: saved.id });
  const { name, runsAtOnce, values, problem } = filling;
  const shared = {
    kindLabel: adapter.label,
    summary: adapter.summary,
    name: { value: name, error: problem.fields['name'] },
    runsAtOnce: { value: runsAtOnce, error: problem.fields['runsAtOnce'], most: RUNS.atOnceMax },
    sections: toAdapterSections(adapter.fields, { values, stored: Object.keys(saved?.secrets ?? {}), problem }),
    problem: filling.lead ?? problem.text,
    action,
    hosts: hosts.map(toHostOption),
    hostSearch: search && { ...search, follows: { field: 'host', action } },
    host: { value: host?.id, error: problem.fields['host'] },
    isLocal: adapter.localPath !== undefined,
    test: filling.test,
    anyway: filling.anyway,
    secretsGone: filling.secretsGone ?? false,
    isNew: saved === undefined,
    isPinned: saved?.engineId !== undefined,
  };
  const list = { label: 'Repositories', href: urls.repositories() };
  if (saved === undefined)
    return {
      ...shared,
      cancelHref: urls.repositories(),
      crumbs: [list, { label: 'Add repository', href: urls.addRepository() }, { label: adapter.label }],
      heading: 'Add a repository',
    };
  const href = urls.repository({ repository: saved.id });
  return {
    ...shared,
    cancelHref: href,
    crumbs: [list, { label: saved.name, href }, { label: 'Edit' }],
    heading: `Edit ${saved.name}`,
    version: saved.version,
  };
}

async function replyForm(context: CoreContext, visit: Visit, draft: Draft, filling: Filling, status = 200): Promise<PageReply> {
  const shell = await buildShell(context, visit, 'repositories');
  return { kind: 'page', status, html: repositoryFormPage(shell, toFormView(visit, draft, filling)) };
}

/** A form that comes back. In place it keeps what was typed; as a new page it cannot hold the secrets that were. */
async function replyRefused(context: CoreContext, visit: Visit, draft: Draft, filling: Filling): Promise<PageReply> {
  if (visit.isFragment) return { kind: 'page', status: 422, html: repositoryForm(toFormView(visit, draft, filling)) };
  const { secrets } = readAdapterForm(draft.adapter.fields, visit.form);
  return replyForm(context, visit, draft, { ...filling, secretsGone: Object.keys(secrets).length > 0 }, 422);
}

/** A search among hosts saves and tests nothing. What is typed stays, but for secrets where the page comes anew. */
async function replySearched(
  context: CoreContext,
  visit: Visit,
  draft: Draft,
  typed: Pick<Filling, 'name' | 'runsAtOnce' | 'values'>,
): Promise<PageReply> {
  const filling = { ...typed, problem: NO_PROBLEM, anyway: draft.host && keepTick(visit.form, draft.host) };
  const view = toFormView(visit, draft, filling);
  if (wantsPart(visit, fieldPartId('host'))) return { kind: 'page', html: foundChoices(testedFromField(view), view.hostSearch) };
  if (visit.isFragment) return { kind: 'page', html: repositoryForm(view) };
  const { secrets } = readAdapterForm(draft.adapter.fields, visit.form);
  return replyForm(context, visit, draft, { ...filling, secretsGone: Object.keys(secrets).length > 0 });
}

async function readHosts(
  context: CoreContext,
  visit: Visit,
  saved: Repository | undefined,
): Promise<Pick<Draft, 'hosts' | 'search' | 'host'>> {
  const posted = readText(visit.form, 'host');
  const keep = [findId(posted, idSchema('host')), saved?.testedFrom];
  const sought = readSought(visit, 'host');
  const offer = await offerHosts(context, visit.caller, { find: sought.find, keep });
  const hosts = offer.rows;
  return { hosts, search: describeSearch('Find a host', sought, offer), host: chooseHost(hosts, saved?.testedFrom, posted) };
}

async function showAdd(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'repository.manage');
  const kind = findText(visit.query, 'kind');
  const adapter = REPOSITORY_ADAPTERS.find((one) => one.kind === kind);
  if (adapter === undefined) {
    const kinds = REPOSITORY_ADAPTERS.map(({ kind: name, label, summary }) => ({ kind: name, label, summary }));
    const shell = await buildShell(context, visit, 'repositories');
    return { kind: 'page', html: chooseRepositoryPage(shell, { urls: visit.urls, kinds }) };
  }
  const draft = { adapter, saved: undefined, ...(await readHosts(context, visit, undefined)) };
  const values = listDefaults(adapter.fields);
  const anyway = draft.host && offerUntested(draft.host);
  return replyForm(context, visit, draft, { name: '', runsAtOnce: '', values, problem: NO_PROBLEM, anyway });
}

async function readSaved(context: CoreContext, visit: Visit): Promise<Draft & { saved: Repository }> {
  demand(visit.caller, 'repository.manage');
  const saved = await getRepository(context, visit.caller, getParam(visit, 'repository', idSchema('repository')));
  return { saved, adapter: getRepositoryAdapter(saved.kind), ...(await readHosts(context, visit, saved)) };
}

async function showEdit(context: CoreContext, visit: Visit): Promise<PageReply> {
  const draft = await readSaved(context, visit);
  const values = { ...listDefaults(draft.adapter.fields), ...draft.saved.config };
  const { name, runsAtOnce } = draft.saved;
  const anyway = draft.host && offerUntested(draft.host);
  const filling = { name, runsAtOnce: runsAtOnce?.toString() ?? '', values, problem: NO_PROBLEM, anyway };
  return replyForm(context, visit, draft, filling);
}

function readVersion(visit: Visit): number | undefined {
  const version = Number(readText(visit.form, 'version'));
  return Number.isInteger(version) && version > 0 ? version : undefined;
}

/** What is no adapter's: an empty limit is none. */
const ownSchema = z.object({
  name: nameSchema,
  runsAtOnce: z
    .string()
    .transform((typed) => (typed === '' ? null : Number(typed)))
    .pipe(runsAtOnceSchema.nullable()),
});

/** Whether saving would change what a test tries; with no host to ask, nothing is tried. */
function isTestDue({ adapter, saved, host }: Draft, input: AdapterInput): boolean {
  return host !== undefined && (saved === undefined || changesConnection(adapter.fields, saved, input));
}

/** Where one goes who has saved it, and what is said there: a first test that found nothing leads to the offer to create it. */
function saySavedRepository(
  urls: Visit['urls'],
  { saved, host }: Draft,
  { id, name }: Repository,
  before: Exclude<BeforeSave<TestAnswer>, { go: 'stop' }>,
): PageReply {
  const isMissing = before.go === 'tested' && before.answer.view.state === 'missing';
  const hint = isMissing
    ? ' Next: create it there.'
    : saved !== undefined
      ? ''
      : before.go === 'tested'
        ? ' Next: make a plan that backs up into it.'
        : ' Next: test it from the host that will use it.';
  const flash = { tone: 'good' as const, text: `${saySaved(name, before)}${hint}` };
  return { kind: 'redirect', to: urls.repository({ repository: id }, { missing: isMissing ? host?.id : undefined }), flash };
}

async function answerPost(context: CoreContext, visit: Visit, draft: Draft): Promise<PageReply> {
  const { caller, form, urls } = visit;
  const { adapter, saved, host } = draft;
  const own = { name: readText(form, 'name'), runsAtOnce: readText(form, 'runsAtOnce') };
  const typed = { ...own, values: readTypedValues(adapter.fields, form) };
  const refuse = (problem: FormProblem) =>
    replyRefused(context, visit, draft, { ...typed, problem, anyway: host && keepTick(form, host) });
  const parsed = ownSchema.safeParse(own);
  if (readSought(visit, 'host').isAsked) return replySearched(context, visit, draft, typed);
  if (!parsed.success) {
    const adapterProblem = findAdapterProblem(adapter.fields, form, Object.keys(saved?.secrets ?? {}));
    return refuse(mergeProblems(toSchemaProblem(parsed.error), adapterProblem));
  }
  const input = readAdapterForm(adapter.fields, form);
  try {
    const isDue = isTestDue(draft, input);
    const base = saved === undefined ? {} : { base: saved.id };
    const before: BeforeSave<DraftAnswer> =
      host === undefined
        ? { go: 'unchanged' }
        : await tryBeforeSaving(form, host, isDue, () =>
            askDraftTest(
              context,
              caller,
              { ...input, kind: adapter.kind, host: host.id, ...base },
              saved?.engineId !== undefined,
            ),
          );
    if (before.go === 'stop') return await replyRefused(context, visit, draft, { ...typed, ...before.unsaved });
    const wanted = { ...input, ...parsed.data };
    const repository =
      saved === undefined
        ? await createRepository(context, caller, { ...wanted, kind: adapter.kind })
        : await updateRepository(context, caller, saved.id, wanted, readVersion(visit));
    if (before.go === 'tested' && host !== undefined && before.answer.result !== undefined)
      await keepFirstTest(context, caller, repository, host.id, before.answer.result);
    return saySavedRepository(urls, draft, repository, before);
  } catch (thrown) {
    return refuse(toFormProblem(thrown));
  }
}

async function postAdd(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'repository.manage');
  const adapter = getRepositoryAdapter(findText(visit.query, 'kind') ?? '');
  return answerPost(context, visit, { adapter, saved: undefined, ...(await readHosts(context, visit, undefined)) });
}

async function postEdit(context: CoreContext, visit: Visit): Promise<PageReply> {
  return answerPost(context, visit, await readSaved(context, visit));
}

export const REPOSITORY_FORM_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.addRepository, handle: showAdd },
  { method: 'post', path: PAGES.addRepository, handle: postAdd },
  { method: 'get', path: PAGES.editRepository, handle: showEdit },
  { method: 'post', path: PAGES.editRepository, handle: postEdit },
];
