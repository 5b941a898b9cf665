/** `/sources/new` and `/sources/:source/edit`: choose, fill in, test, save. */
import { getSourceAdapter, SOURCE_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import type { SourceAdapter } from '@holdfast/shared/adapters/source.ts';
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { demand } from '../../core/caller.ts';
import { getHost, type HostView, listHosts } from '../../core/hosts.ts';
import type { CoreContext } from '../../core/ports.ts';
import { createSource, getSource, type SourceQuestion, updateSource } from '../../core/sources.ts';
import type { Source } from '../../store/catalog.ts';
import type { PageReply, ScreenRoute, Visit } from '../http/route.ts';
import { PAGES } from '../urls.ts';
import {
  type FormValues,
  findAdapterProblem,
  listDefaults,
  readAdapterForm,
  readTypedValues,
  toAdapterSections,
} from './adapter-form.ts';
import { type FormProblem, mergeProblems, NO_PROBLEM, toFormProblem } from './form-problem.ts';
import { findText, readText } from './form-values.ts';
import { findId, getParam } from './params.ts';
import { buildShell } from './shell.ts';
import { chooseSourcePage, type HostChoice, type KindChoice, type SourceFormView, sourceFormPage } from './source-form.view.ts';
import { askSourceTest } from './source-test.ts';
import { type TestResultView, testResult } from './source-test.view.ts';

const HOSTS_OFFERED = 200;

export function toHostChoice({ id, name, standing }: HostView): HostChoice {
  return { id, name, standing };
}

/** Tools of a kind that the host looked for and did not find. A host that never reported lacks nothing we know of. */
function listMissing(host: HostView, adapter: SourceAdapter): readonly string[] {
  return adapter.tools.filter((tool) => host.tools.some((report) => report.tool === tool && !report.found));
}

function toKindChoice(adapter: SourceAdapter, host: HostView | undefined): KindChoice {
  const { kind, label, summary } = adapter;
  return { kind, label, summary, missing: host === undefined ? [] : listMissing(host, adapter) };
}

async function showChoice(context: CoreContext, visit: Visit, host: HostView | undefined): Promise<PageReply> {
  const hosts =
    host === undefined ? await listHosts(context, visit.caller, { state: 'active' }, { limit: HOSTS_OFFERED }) : undefined;
  const kind = findText(visit.query, 'kind');
  const view = {
    urls: visit.urls,
    host: host && toHostChoice(host),
    hosts: hosts?.rows.map(toHostChoice) ?? [],
    more: hosts?.next !== undefined,
    kinds: SOURCE_ADAPTERS.map((adapter) => toKindChoice(adapter, host)),
    chosenKind: SOURCE_ADAPTERS.find((adapter) => adapter.kind === kind)?.kind,
  };
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
  test?: TestResultView | undefined;
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
    problem: problem.text,
    test: filling.test,
    secretsGone: filling.secretsGone ?? false,
  };
  if (saved === undefined) {
    const chooseHref = urls.addSource({ host: host.id });
    return {
      ...shared,
      action: urls.addSource({ host: host.id, kind: adapter.kind }),
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
  return replyForm(context, visit, draft, { name: '', values: listDefaults(adapter.fields), problem: NO_PROBLEM });
}

async function readSaved(context: CoreContext, visit: Visit): Promise<Draft & { saved: Source }> {
  demand(visit.caller, 'source.manage');
  const saved = await getSource(context, visit.caller, getParam(visit, 'source', idSchema('source')));
  return { saved, host: await getHost(context, visit.caller, saved.host), adapter: getSourceAdapter(saved.kind) };
}

async function showEdit(context: CoreContext, visit: Visit): Promise<PageReply> {
  const draft = await readSaved(context, visit);
  const values = { ...listDefaults(draft.adapter.fields), ...draft.saved.config };
  return replyForm(context, visit, draft, { name: draft.saved.name, values, problem: NO_PROBLEM });
}

/** Asks the host about what is typed. With htmx only the result changes; without, the page comes back with what was typed. */
async function answerTest(context: CoreContext, visit: Visit, draft: Draft, typed: Omit<Filling, 'problem'>): Promise<PageReply> {
  const { adapter, host, saved } = draft;
  const input = readAdapterForm(adapter.fields, visit.form);
  const question: SourceQuestion = { ...input, host: host.id, kind: adapter.kind, ...(saved ? { base: saved.id } : {}) };
  const { view, problem } = await askSourceTest(context, visit.caller, question, adapter.fields);
  if (visit.isFragment) return { kind: 'page', html: testResult(view) };
  const secretsGone = Object.keys(input.secrets).length > 0;
  return replyForm(context, visit, draft, { ...typed, problem, test: view, secretsGone });
}

function readVersion(visit: Visit): number | undefined {
  const version = Number(readText(visit.form, 'version'));
  return Number.isInteger(version) && version > 0 ? version : undefined;
}

async function save(context: CoreContext, visit: Visit, draft: Draft, name: string): Promise<Source> {
  const { caller, form } = visit;
  const { adapter, host, saved } = draft;
  const input = readAdapterForm(adapter.fields, form);
  if (saved === undefined) return createSource(context, caller, { ...input, host: host.id, kind: adapter.kind, name });
  return updateSource(context, caller, saved.id, { ...input, name }, readVersion(visit));
}

async function answerPost(context: CoreContext, visit: Visit, draft: Draft): Promise<PageReply> {
  const { form, urls } = visit;
  const typed = { name: readText(form, 'name'), values: readTypedValues(draft.adapter.fields, form) };
  if (readText(form, 'act') === 'test') return answerTest(context, visit, draft, typed);
  const name = nameSchema.safeParse(typed.name);
  try {
    if (!name.success) {
      const problem = mergeProblems(refuseName(name.error.issues), checkAdapterForm(draft, form));
      return await replyForm(context, visit, draft, { ...typed, problem }, 422);
    }
    const source = await save(context, visit, draft, name.data);
    const text = draft.saved === undefined ? `${source.name} is saved. Next: put it into a plan.` : `${source.name} is saved.`;
    return { kind: 'redirect', to: urls.source({ source: source.id }), flash: { tone: 'good', text } };
  } catch (thrown) {
    return replyForm(context, visit, draft, { ...typed, problem: toFormProblem(thrown) }, 422);
  }
}

/** What the adapter says of the form, so that a wrong name does not hide what else is wrong. */
function checkAdapterForm({ adapter, saved }: Draft, form: Visit['form']): FormProblem {
  return findAdapterProblem(adapter.fields, form, Object.keys(saved?.secrets ?? {}));
}

export function refuseName(issues: readonly { message: string }[]): FormProblem {
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
