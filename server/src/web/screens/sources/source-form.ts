/** `/sources/new` and `/sources/:source/edit`: choose, fill in, test, save. */
import { getSourceAdapter, SOURCE_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import type { SourceAdapter } from '@holdfast/shared/adapters/source.ts';
import { chooseTools } from '@holdfast/shared/adapters/tool-sets.ts';
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { TEXT } from '@holdfast/shared/limits.ts';
import { changesConnection } from '../../../core/adapters/adapter-input.ts';
import { demand } from '../../../core/caller.ts';
import { getHost, type HostView } from '../../../core/hosts/hosts.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { createSource, getSource, type SourceDraft, updateSource } from '../../../core/sources/sources.ts';
import type { Source } from '../../../store/sources.ts';
import type { Html } from '../../html.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { PAGES } from '../../urls.ts';
import {
  type FormValues,
  findAdapterProblem,
  listDefaults,
  readAdapterForm,
  readTypedValues,
  toAdapterSections,
} from '../forms/adapter-form.ts';
import { type FormProblem, mergeProblems, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { findText, readText } from '../forms/form-values.ts';
import { keepTick, offerUntested, saySaved, tryBeforeSaving } from '../forms/save-test.ts';
import { offerHosts } from '../hosts/offered-hosts.ts';
import { findId, getParam, wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import { sayAdopted } from './source-discover.ts';
import { adoptTyped, type Findings, findTyped } from './source-find.ts';
import { foundDatabases } from './source-find.view.ts';
import {
  chooseSourcePage,
  foundHosts,
  HOST_CHOICE_ID,
  type HostChoice,
  type KindChoice,
  type SourceFormView,
  sourceForm,
  sourceFormPage,
} from './source-form.view.ts';
import { askSourceTest } from './source-test.ts';
import { formTestResult, type SaveAnyway, type TestResultView } from './source-test.view.ts';

export function toHostChoice({ id, name, standing, condition }: HostView): HostChoice {
  return { id, name, standing, condition };
}

/** Tools of a kind that the host looked for and did not find. A host that never reported lacks nothing we know of. */
function listMissing(host: HostView, adapter: SourceAdapter): readonly string[] {
  const has = (tool: string) => host.tools.some((report) => report.tool === tool && report.found);
  return chooseTools(adapter, has).filter((tool) => host.tools.some((report) => report.tool === tool && !report.found));
}

function toKindChoice(adapter: SourceAdapter, host: HostView | undefined): KindChoice {
  const { kind, label, summary } = adapter;
  return { kind, label, summary, missing: host === undefined ? [] : listMissing(host, adapter) };
}

async function showChoice(context: CoreContext, visit: Visit, host: HostView | undefined): Promise<PageReply> {
  const find = host === undefined ? findText(visit.query, 'q', TEXT.searchChars) : undefined;
  const hosts = host === undefined ? await offerHosts(context, visit.caller, { find: find ?? '' }) : undefined;
  const kind = findText(visit.query, 'kind');
  const view = {
    urls: visit.urls,
    host: host && toHostChoice(host),
    hosts: hosts?.rows.map(toHostChoice) ?? [],
    more: hosts?.isCut === true,
    find,
    kinds: SOURCE_ADAPTERS.map((adapter) => toKindChoice(adapter, host)),
    chosenKind: SOURCE_ADAPTERS.find((adapter) => adapter.kind === kind)?.kind,
  };
  if (wantsPart(visit, HOST_CHOICE_ID)) return { kind: 'page', html: foundHosts(view) };
  return { kind: 'page', html: chooseSourcePage(await buildShell(context, visit, 'sources'), view) };
}

/** What one filling-in of the form is about: a new source on a host, or one that is saved. */
interface Draft {
  host: HostView;
  adapter: SourceAdapter;
  saved: Source | undefined;
}

interface Filling {
  name: string;
  values: FormValues;
  problem: FormProblem;
  /** What is wrong with the whole, where the problem does not say it. */
  lead?: Html | undefined;
  test?: TestResultView | undefined;
  anyway?: SaveAnyway | undefined;
  find?: Findings['find'] | undefined;
  secretsGone?: boolean;
}

function toFormView(visit: Visit, draft: Draft, filling: Filling): SourceFormView {
  const { host, adapter, saved } = draft;
  const { urls } = visit;
  const { problem, name, values } = filling;
  const stored = Object.keys(saved?.secrets ?? {});
  const sections = toAdapterSections(adapter.fields, { values, stored, problem });
  const shared = {
    urls,
    host: toHostChoice(host),
    kindLabel: adapter.label,
    summary: adapter.summary,
    missing: listMissing(host, adapter),
    name: { value: name, error: problem.fields['name'] },
    sections,
    problem: filling.lead ?? problem.text,
    test: filling.test,
    anyway: filling.anyway,
    isNew: saved === undefined,
    secretsGone: filling.secretsGone ?? false,
  };
  if (saved === undefined) {
    const chooseHref = urls.addSource({ host: host.id });
    const action = urls.addSource({ host: host.id, kind: adapter.kind });
    return {
      ...shared,
      action,
      find: adapter.discovery && { urls, action, ...filling.find },
      cancelHref: urls.host({ host: host.id }),
      crumbs: [{ label: 'Sources', href: urls.sources() }, { label: 'Add source', href: chooseHref }, { label: adapter.label }],
      heading: `Add a source of ${host.name}`,
    };
  }
  const href = urls.source({ source: saved.id });
  return {
    ...shared,
    action: urls.editSource({ source: saved.id }),
    cancelHref: href,
    crumbs: [{ label: 'Sources', href: urls.sources() }, { label: saved.name, href }, { label: 'Edit' }],
    heading: `Edit ${saved.name}`,
    version: saved.version,
  };
}

async function replyForm(context: CoreContext, visit: Visit, draft: Draft, filling: Filling, status = 200): Promise<PageReply> {
  const shell = await buildShell(context, visit, 'sources');
  return { kind: 'page', status, html: sourceFormPage(shell, toFormView(visit, draft, filling)) };
}

/** A form that comes back. In place it keeps what was typed; as a new page it cannot hold the secrets that were. */
async function replyRefused(context: CoreContext, visit: Visit, draft: Draft, filling: Filling): Promise<PageReply> {
  if (visit.isFragment) return { kind: 'page', status: 422, html: sourceForm(toFormView(visit, draft, filling)) };
  const { secrets } = readAdapterForm(draft.adapter.fields, visit.form);
  return replyForm(context, visit, draft, { ...filling, secretsGone: Object.keys(secrets).length > 0 }, 422);
}

async function findChosenHost(context: CoreContext, visit: Visit): Promise<HostView | undefined> {
  const id: HostId | undefined = findId(findText(visit.query, 'host'), idSchema('host'));
  return id === undefined ? undefined : getHost(context, visit.caller, id);
}

async function showAdd(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'source.manage');
  const host = await findChosenHost(context, visit);
  const kind = findText(visit.query, 'kind');
  const adapter = SOURCE_ADAPTERS.find((one) => one.kind === kind);
  if (host === undefined || adapter === undefined) return showChoice(context, visit, host);
  const draft: Draft = { host, adapter, saved: undefined };
  const values = listDefaults(adapter.fields);
  return replyForm(context, visit, draft, { name: '', values, problem: NO_PROBLEM, anyway: offerUntested(host) });
}

async function readSaved(context: CoreContext, visit: Visit): Promise<Draft & { saved: Source }> {
  demand(visit.caller, 'source.manage');
  const saved = await getSource(context, visit.caller, getParam(visit, 'source', idSchema('source')));
  return { saved, host: await getHost(context, visit.caller, saved.host), adapter: getSourceAdapter(saved.kind) };
}

async function showEdit(context: CoreContext, visit: Visit): Promise<PageReply> {
  const draft = await readSaved(context, visit);
  const values = { ...listDefaults(draft.adapter.fields), ...draft.saved.config };
  const anyway = offerUntested(draft.host);
  return replyForm(context, visit, draft, { name: draft.saved.name, values, problem: NO_PROBLEM, anyway });
}

function readQuestion({ adapter, host, saved }: Draft, form: Visit['form']): SourceDraft {
  const input = readAdapterForm(adapter.fields, form);
  return { ...input, host: host.id, kind: adapter.kind, ...(saved ? { base: saved.id } : {}) };
}

type Typed = Omit<Filling, 'problem'>;

/** Asks the host about what is typed. With htmx only the result changes; without, the page comes back with what was typed. */
async function answerTest(context: CoreContext, visit: Visit, draft: Draft, typed: Typed): Promise<PageReply> {
  const question = readQuestion(draft, visit.form);
  const { view, problem } = await askSourceTest(context, visit.caller, question, draft.adapter.fields);
  if (visit.isFragment) return { kind: 'page', html: formTestResult(view) };
  const secretsGone = Object.keys(question.secrets).length > 0;
  return replyForm(context, visit, draft, { ...typed, problem, test: view, secretsGone });
}

/** Lists what the typed connection offers; all of it is ticked at first, or nothing. */
async function answerFind(
  context: CoreContext,
  visit: Visit,
  draft: Draft,
  typed: Typed,
  chosen: readonly string[] | undefined,
): Promise<PageReply> {
  const { urls } = visit;
  const question = readQuestion(draft, visit.form);
  const { problem, find: listed } = await findTyped(context, visit.caller, question, draft.adapter.fields);
  const find = { ...listed, chosen };
  const action = urls.addSource({ host: draft.host.id, kind: draft.adapter.kind });
  if (visit.isFragment) return { kind: 'page', html: foundDatabases({ urls, action, ...find }) };
  const secretsGone = Object.keys(question.secrets).length > 0;
  return replyForm(context, visit, draft, { ...typed, problem, find, secretsGone });
}

/** Makes sources of the chosen databases. */
async function answerAdopt(context: CoreContext, visit: Visit, draft: Draft, typed: Typed): Promise<PageReply> {
  const question = readQuestion(draft, visit.form);
  const outcome = await adoptTyped(context, visit, question, draft.adapter.fields);
  if ('added' in outcome) return { kind: 'redirect', ...sayAdopted(visit.urls, draft.host.id, outcome) };
  return replyRefused(context, visit, draft, { ...typed, ...outcome });
}

function readVersion(visit: Visit): number | undefined {
  const version = Number(readText(visit.form, 'version'));
  return Number.isInteger(version) && version > 0 ? version : undefined;
}

async function save(context: CoreContext, visit: Visit, { saved }: Draft, question: SourceDraft, name: string): Promise<Source> {
  const { base: _base, ...input } = question;
  if (saved === undefined) return createSource(context, visit.caller, { ...input, name });
  const { config, secrets } = input;
  return updateSource(context, visit.caller, saved.id, { config, secrets, name }, readVersion(visit));
}

async function answerSave(context: CoreContext, visit: Visit, draft: Draft, typed: Typed): Promise<PageReply> {
  const { caller, form, urls } = visit;
  const { adapter, host, saved } = draft;
  const refuse = (problem: FormProblem) =>
    replyRefused(context, visit, draft, { ...typed, problem, anyway: keepTick(form, host) });
  const name = nameSchema.safeParse(typed.name);
  if (!name.success) return refuse(mergeProblems(refuseName(name.error.issues), checkAdapterForm(draft, form)));
  try {
    const question = readQuestion(draft, form);
    const isChanged = saved === undefined || changesConnection(adapter.fields, saved, question);
    const before = await tryBeforeSaving(form, host, isChanged, () => askSourceTest(context, caller, question, adapter.fields));
    if (before.go === 'stop') return await replyRefused(context, visit, draft, { ...typed, ...before.unsaved });
    const source = await save(context, visit, draft, question, name.data);
    const next = saved === undefined && before.go === 'tested' ? ' Next: put it into a plan.' : '';
    const flash = { tone: 'good' as const, text: `${saySaved(source.name, before)}${next}` };
    return { kind: 'redirect', to: urls.source({ source: source.id }), flash };
  } catch (thrown) {
    return refuse(toFormProblem(thrown));
  }
}

/** Test, find, adopt and save come to one address, because all of them take the whole form; `act` says which. */
async function answerPost(context: CoreContext, visit: Visit, draft: Draft): Promise<PageReply> {
  const { form } = visit;
  const typed = { name: readText(form, 'name'), values: readTypedValues(draft.adapter.fields, form) };
  const act = readText(form, 'act');
  if (act === 'test') return answerTest(context, visit, draft, typed);
  if (act === 'find' && draft.saved === undefined) return answerFind(context, visit, draft, typed, undefined);
  if (act === 'find-none' && draft.saved === undefined) return answerFind(context, visit, draft, typed, []);
  if (act === 'adopt' && draft.saved === undefined) return answerAdopt(context, visit, draft, typed);
  return answerSave(context, visit, draft, typed);
}

/** What the adapter says of the form, so that a wrong name does not hide what else is wrong. */
function checkAdapterForm({ adapter, saved }: Draft, form: Visit['form']): FormProblem {
  return findAdapterProblem(adapter.fields, form, Object.keys(saved?.secrets ?? {}));
}

function refuseName(issues: readonly { message: string }[]): FormProblem {
  return { fields: { name: issues[0]?.message ?? 'is not a name' } };
}

async function postAdd(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'source.manage');
  const host = await findChosenHost(context, visit);
  if (host === undefined) return showChoice(context, visit, undefined);
  return answerPost(context, visit, { host, adapter: getSourceAdapter(findText(visit.query, 'kind') ?? ''), saved: undefined });
}

async function switchSource(context: CoreContext, visit: Visit, enabled: boolean): Promise<PageReply> {
  const id = getParam(visit, 'source', idSchema('source'));
  const source = await updateSource(context, visit.caller, id, { enabled });
  const text = enabled
    ? `${source.name} is switched on.`
    : `${source.name} is switched off: nothing backs it up until it is on again.`;
  return { kind: 'redirect', to: visit.urls.source({ source: id }), flash: { tone: 'good', text } };
}

/** The switch of the source's page comes here as well: `act` says so, and nothing else of the form is read. */
async function postEdit(context: CoreContext, visit: Visit): Promise<PageReply> {
  const act = readText(visit.form, 'act');
  if (act === 'enable' || act === 'disable') return switchSource(context, visit, act === 'enable');
  return answerPost(context, visit, await readSaved(context, visit));
}

export const SOURCE_FORM_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.addSource, handle: showAdd },
  { method: 'post', path: PAGES.addSource, handle: postAdd },
  { method: 'get', path: PAGES.editSource, handle: showEdit },
  { method: 'post', path: PAGES.editSource, handle: postEdit },
];
