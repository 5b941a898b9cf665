/** Checks, prunes and the admin credential of one repository: what its page says of them, and the form of the credential. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { describeCheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { countParts } from '@holdfast/shared/domain/routine.ts';
import { AppError } from '@holdfast/shared/errors.ts';
import { demand, isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listAdminFields, removeAdminCredential, setAdminCredential } from '../../../core/repositories/admin-credential.ts';
import { findWholeReading, readUpkeep } from '../../../core/repositories/maintenance.ts';
import { getRepository } from '../../../core/repositories/repositories.ts';
import { listUnderWay } from '../../../core/repositories/under-way.ts';
import { chooseScope, isDamaged } from '../../../core/routine/planner.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { Run } from '../../../store/runs.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatBytes } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { nameInput, readAdapterForm, readTypedValues, toAdapterSections } from '../forms/adapter-form.ts';
import { type FormProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { getParam } from '../params.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import { RUN_KIND_WORDS, shortenSentence, splitFailure } from '../runs/run-words.ts';
import { buildShell } from '../shell.ts';
import type { HostPicks } from './repository-hosts.view.ts';
import { adminCredentialPage, toOptional, type UpkeepRun, type UpkeepView } from './repository-upkeep.view.ts';

/** In so many parts is all data read by whoever asks for a part each time, where no routine says otherwise. */
const PARTS = 10;

function toUpkeepRun(run: Run | undefined, urls: Visit['urls']): UpkeepRun | undefined {
  if (run === undefined) return undefined;
  const freed = run.state === 'succeeded' ? `freed ${formatBytes(run.bytes)}` : 'data that no snapshot needs';
  return {
    href: urls.run({ run: run.id }),
    state: run.state,
    at: run.finishedAt ?? run.startedAt ?? run.createdAt,
    what: run.kind === 'prune' ? freed : describeCheckScope(run.scope ?? { kind: 'structure' }),
    problem:
      run.failure === undefined || run.state === 'cancelled'
        ? undefined
        : `${shortenSentence(splitFailure(run.failure).what)}.`.replace('….', '…'),
  };
}

/** The part that was read longest ago, of as many as the routine reads it in, so that what people read counts for both. */
async function findNextPart(
  context: CoreContext,
  { tenant, id }: Repository,
  checks: readonly Run[],
): Promise<{ part: number; of: number }> {
  const stored = await context.store.routines.findRoutine(tenant, id);
  const parts = stored === undefined ? 0 : countParts(stored.settings);
  const scope = chooseScope(checks, parts > 1 && stored ? stored.settings : { checkDays: 1, readAllDays: PARTS });
  return scope.kind === 'part' ? scope : { part: 1, of: PARTS };
}

/** What is going on in the repository, for whoever is about to prune it. */
async function readUnderWay(
  context: CoreContext,
  { caller, urls }: Visit,
  repository: Repository,
): Promise<UpkeepView['underWay']> {
  const runs = await listUnderWay(context, caller, repository);
  const names = await loadNames(context, caller, {
    hosts: runs.map((run) => run.host),
    plans: runs.map((run) => run.plan),
    repositories: [],
    sources: [],
  });
  return runs.map(({ id, kind, host, plan }) => ({
    href: urls.run({ run: id }),
    what: `${RUN_KIND_WORDS[kind]}${plan === undefined ? '' : ` of ${nameOf(names.plans, plan, 'plan')}`} on ${nameOf(names.hosts, host, 'host')}`,
  }));
}

export async function readUpkeepView(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
  hosts: HostPicks,
): Promise<UpkeepView> {
  const { caller, urls } = visit;
  const { checks, prunes, sizes } = await readUpkeep(context, caller, repository.id);
  const may = { check: isAllowed(caller, 'run.start'), manage: isAllowed(caller, 'repository.manage') };
  return {
    urls,
    face: readClockface(context, visit),
    repository: repository.id,
    name: repository.name,
    check: toUpkeepRun(checks[0], urls),
    prune: toUpkeepRun(prunes[0], urls),
    isDamaged: isDamaged(checks),
    wholeAt: findWholeReading(checks),
    sizes: sizes.map(({ measuredAt, sizeBytes, snapshots, restoreBytes }) => ({
      at: measuredAt,
      sizeBytes,
      snapshots,
      restoreBytes,
    })),
    hosts,
    scope: readText(visit.form, 'scope') || 'structure',
    nextPart: await findNextPart(context, repository, checks),
    admin: listAdminFields(repository.kind).length === 0 ? 'none' : repository.admin === undefined ? 'missing' : 'set',
    underWay: may.manage ? await readUnderWay(context, visit, repository) : [],
    may,
  };
}

async function getVisited(context: CoreContext, visit: Visit): Promise<Repository> {
  return getRepository(context, visit.caller, getParam(visit, 'repository', idSchema('repository')));
}

async function replyAdmin(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
  filling: { values: ReturnType<typeof readTypedValues>; problem: FormProblem },
  status = 200,
): Promise<PageReply> {
  const { urls } = visit;
  const fields = listAdminFields(repository.kind);
  if (fields.length === 0) throw new AppError('not_found', 'a repository of this kind is reached in one way only');
  const stored = Object.keys(repository.admin?.secrets ?? {});
  const sections = toAdapterSections(fields, { ...filling, stored });
  const everyday = new Map(fields.map((field) => [nameInput(field), repository.config[field.name]]));
  const href = urls.repository({ repository: repository.id });
  const view = {
    urls,
    repository: repository.id,
    name: repository.name,
    crumbs: [
      { label: 'Repositories', href: urls.repositories() },
      { label: repository.name, href },
      { label: 'Admin credential' },
    ],
    sections: toOptional(sections, (name) => everyday.get(name)?.toString()),
    problem: filling.problem.text,
    isSet: repository.admin !== undefined,
    version: repository.version,
  };
  return { kind: 'page', status, html: adminCredentialPage(await buildShell(context, visit, 'repositories'), view) };
}

async function showAdmin(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'repository.manage');
  const repository = await getVisited(context, visit);
  return replyAdmin(context, visit, repository, { values: repository.admin?.config ?? {}, problem: NO_PROBLEM });
}

async function postAdmin(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'repository.manage');
  const { caller, form, urls } = visit;
  const repository = await getVisited(context, visit);
  const fields = listAdminFields(repository.kind);
  const version = Number(readText(form, 'version'));
  try {
    const expected = Number.isInteger(version) && version > 0 ? version : undefined;
    await setAdminCredential(context, caller, repository.id, readAdapterForm(fields, form), expected);
  } catch (thrown) {
    return replyAdmin(context, visit, repository, { values: readTypedValues(fields, form), problem: toFormProblem(thrown) }, 422);
  }
  const text = `${repository.name} has an admin credential. Retention and prunes go through it from now on: in automatic maintenance, and when a person starts them.`;
  return { kind: 'redirect', to: urls.repository({ repository: repository.id }), flash: { tone: 'good', text } };
}

async function postRemoveAdmin(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  const repository = await getVisited(context, visit);
  await removeAdminCredential(context, caller, repository.id);
  const text = `${repository.name} has only its everyday credential now.`;
  return { kind: 'redirect', to: urls.repository({ repository: repository.id }), flash: { tone: 'good', text } };
}

export const REPOSITORY_UPKEEP_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.adminCredential, handle: showAdmin },
  { method: 'post', path: PAGES.adminCredential, handle: postAdmin },
  { method: 'post', path: PAGES.removeAdminCredential, handle: postRemoveAdmin },
];
