/** `/repositories/new` and `/repositories/:repository/edit`. */
import { getRepositoryAdapter, REPOSITORY_ADAPTERS } from '@holdfast/shared/adapters/all.ts';
import type { RepositoryAdapter } from '@holdfast/shared/adapters/repository.ts';
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { nameSchema, runsAtOnceSchema } from '@holdfast/shared/domain/plan.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import * as z from 'zod';
import { demand } from '../../core/caller.ts';
import type { CoreContext } from '../../core/ports.ts';
import { createRepository, getRepository, updateRepository } from '../../core/repositories.ts';
import type { Repository } from '../../store/catalog.ts';
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
import { type FormProblem, mergeProblems, NO_PROBLEM, toFormProblem, toSchemaProblem } from './form-problem.ts';
import { findText, readText } from './form-values.ts';
import { getParam } from './params.ts';
import { chooseRepositoryPage, type RepositoryFormView, repositoryFormPage } from './repository-form.view.ts';
import { buildShell } from './shell.ts';

interface Draft {
  adapter: RepositoryAdapter;
  saved: Repository | undefined;
}

interface Filling {
  name: string;
  /** As typed; empty for no limit. */
  runsAtOnce: string;
  values: FormValues;
  problem: FormProblem;
}

function toFormView(visit: Visit, { adapter, saved }: Draft, filling: Filling): RepositoryFormView {
  const { urls } = visit;
  const { name, runsAtOnce, values, problem } = filling;
  const shared = {
    kindLabel: adapter.label,
    summary: adapter.summary,
    name: { value: name, error: problem.fields['name'] },
    runsAtOnce: { value: runsAtOnce, error: problem.fields['runsAtOnce'], most: RUNS.atOnceMax },
    sections: toAdapterSections(adapter.fields, { values, stored: Object.keys(saved?.secrets ?? {}), problem }),
    problem: problem.text,
    isNew: saved === undefined,
    isPinned: saved?.engineId !== undefined,
  };
  const list = { label: 'Repositories', href: urls.repositories() };
  if (saved === undefined)
    return {
      ...shared,
      action: urls.addRepository({ kind: adapter.kind }),
      cancelHref: urls.repositories(),
      crumbs: [list, { label: 'Add repository', href: urls.addRepository() }, { label: adapter.label }],
      heading: 'Add a repository',
    };
  const href = urls.repository({ repository: saved.id });
  return {
    ...shared,
    action: urls.editRepository({ repository: saved.id }),
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

async function showAdd(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'repository.manage');
  const kind = findText(visit.query, 'kind');
  const adapter = REPOSITORY_ADAPTERS.find((one) => one.kind === kind);
  if (adapter === undefined) {
    const kinds = REPOSITORY_ADAPTERS.map(({ kind: name, label, summary }) => ({ kind: name, label, summary }));
    const shell = await buildShell(context, visit, 'repositories');
    return { kind: 'page', html: chooseRepositoryPage(shell, { urls: visit.urls, kinds }) };
  }
  const filling = { name: '', runsAtOnce: '', values: listDefaults(adapter.fields), problem: NO_PROBLEM };
  return replyForm(context, visit, { adapter, saved: undefined }, filling);
}

async function readSaved(context: CoreContext, visit: Visit): Promise<Draft & { saved: Repository }> {
  demand(visit.caller, 'repository.manage');
  const saved = await getRepository(context, visit.caller, getParam(visit, 'repository', idSchema('repository')));
  return { saved, adapter: getRepositoryAdapter(saved.kind) };
}

async function showEdit(context: CoreContext, visit: Visit): Promise<PageReply> {
  const draft = await readSaved(context, visit);
  const values = { ...listDefaults(draft.adapter.fields), ...draft.saved.config };
  const { name, runsAtOnce } = draft.saved;
  return replyForm(context, visit, draft, { name, runsAtOnce: runsAtOnce?.toString() ?? '', values, problem: NO_PROBLEM });
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

async function answerPost(context: CoreContext, visit: Visit, draft: Draft): Promise<PageReply> {
  const { caller, form, urls } = visit;
  const { adapter, saved } = draft;
  const own = { name: readText(form, 'name'), runsAtOnce: readText(form, 'runsAtOnce') };
  const typed = { ...own, values: readTypedValues(adapter.fields, form) };
  const parsed = ownSchema.safeParse(own);
  if (!parsed.success) {
    const adapterProblem = findAdapterProblem(adapter.fields, form, Object.keys(saved?.secrets ?? {}));
    const problem = mergeProblems(toSchemaProblem(parsed.error), adapterProblem);
    return replyForm(context, visit, draft, { ...typed, problem }, 422);
  }
  const input = { ...readAdapterForm(adapter.fields, form), ...parsed.data };
  try {
    const repository =
      saved === undefined
        ? await createRepository(context, caller, { ...input, kind: adapter.kind })
        : await updateRepository(context, caller, saved.id, input, readVersion(visit));
    const text =
      saved === undefined
        ? `${repository.name} is saved. Next: test it from the host that will use it.`
        : `${repository.name} is saved. Test it again if its address or a password has changed.`;
    return { kind: 'redirect', to: urls.repository({ repository: repository.id }), flash: { tone: 'good', text } };
  } catch (thrown) {
    return replyForm(context, visit, draft, { ...typed, problem: toFormProblem(thrown) }, 422);
  }
}

async function postAdd(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'repository.manage');
  return answerPost(context, visit, { adapter: getRepositoryAdapter(findText(visit.query, 'kind') ?? ''), saved: undefined });
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
