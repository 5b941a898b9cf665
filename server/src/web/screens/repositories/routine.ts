/** The routine of one repository: as its page shows it, and the form that changes it, `/repositories/:repository/routine`. */
import { type HostId, idSchema } from '@holdfast/shared/domain/ids.ts';
import { describeCheckScope } from '@holdfast/shared/domain/maintenance.ts';
import { countParts, DEFAULT_ROUTINE, type Routine, routineSchema } from '@holdfast/shared/domain/routine.ts';
import { isTerminal } from '@holdfast/shared/domain/run.ts';
import { MAINTENANCE } from '@holdfast/shared/limits.ts';
import { demand, isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listAdminFields } from '../../../core/repositories/admin-credential.ts';
import { getRepository } from '../../../core/repositories/repositories.ts';
import { findLateRetention } from '../../../core/routine/late-retention.ts';
import { type PlannedDuty, planRetentionTurn, type Wait } from '../../../core/routine/planner.ts';
import { type RepositoryRoutine, readRoutine, setRoutine } from '../../../core/routine/routine.ts';
import type { Repository } from '../../../store/repositories.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem, toSchemaProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { findSought, offerHosts } from '../hosts/offered-hosts.ts';
import { findId, getParam } from '../params.ts';
import { parseWindowLines, writeWindowLines } from '../periods/window-lines.ts';
import { describeWindow } from '../periods/window-words.ts';
import { buildShell } from '../shell.ts';
import type { DutyView, RoutineView } from './routine.view.ts';
import { DAYS_FIELDS, type DaysField, routineFormPage } from './routine-form.view.ts';

const every = (days: number) => (days === 1 ? 'every day' : `every ${formatNoun(days, 'day')}`);

function describeDuty({ duty, scope }: PlannedDuty, settings: Routine): string {
  if (duty === 'measure') return `Size ${every(settings.measureDays)}`;
  if (duty === 'prune') return `Prune ${every(settings.pruneDays)}`;
  const parts = countParts(settings);
  const reads = scope === undefined || parts === 0 ? '' : `: next ${describeCheckScope(scope)}`;
  return `Check ${every(settings.checkDays)}${reads}`;
}

const WAITS: Readonly<Record<Exclude<Wait['kind'], 'host'>, string | undefined>> = {
  not_due: undefined,
  window: 'waits for its window',
  retry: 'the last try failed',
  refused: 'its credential may only add: give it an admin credential',
  busy: 'something else has the repository to itself',
  backups: 'backups are under way, and go first',
  damaged: 'the last check found damage',
  never: 'its windows never open',
};

function toDutyView(planned: PlannedDuty, settings: Routine): DutyView {
  const { duty, doneAt, dueAt, nextAt, wait, overdueSince } = planned;
  return {
    duty,
    title: describeDuty(planned, settings),
    doneAt,
    dueAt,
    nextAt,
    wait: wait === undefined ? undefined : wait.kind === 'host' ? wait.trouble : WAITS[wait.kind],
    isOverdue: overdueSince !== undefined && duty !== 'measure',
  };
}

/** One line for the retention of all plans: the turn that comes first. */
async function readRetentionView(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
  found: RepositoryRoutine,
): Promise<DutyView[]> {
  const { stored, retention, maintainer } = found;
  const { settings, since } = stored;
  if (retention === undefined || retention.plans.length === 0 || settings.forgetDays === 0) return [];
  const now = context.clock.now();
  const all = retention.plans;
  const turns = all.map(({ runs }) => planRetentionTurn(runs, { now, since, routine: settings }));
  const next = turns.toSorted((a, b) => (a.nextAt ?? a.dueAt) - (b.nextAt ?? b.dueAt))[0];
  if (next === undefined) return [];
  const ends = all.flatMap(({ runs }) => runs.filter(({ state }) => isTerminal(state)).slice(0, 1));
  const doneAt = ends.length === 0 ? undefined : Math.max(...ends.map(({ finishedAt, createdAt }) => finishedAt ?? createdAt));
  // What is due and did not go is not there to go, or nobody can remove it now.
  const isDue = next.wait === 'due';
  const trouble = isDue ? maintainer.trouble : undefined;
  const wait = next.wait === 'busy' ? WAITS.busy : trouble;
  return [
    {
      duty: 'forget',
      title: `Retention ${every(settings.forgetDays)}, through the admin credential`,
      doneAt,
      dueAt: next.dueAt,
      nextAt: next.nextAt,
      wait,
      isOverdue: (await findLateRetention(context, visit.caller, repository, found)) !== undefined,
      idle: isDue && trouble === undefined ? 'begins as soon as something is to go' : undefined,
    },
  ];
}

/** What its page shows of it. */
export async function readRoutineView(context: CoreContext, visit: Visit, repository: Repository): Promise<RoutineView> {
  const { caller, urls } = visit;
  const found = await readRoutine(context, caller, repository.id);
  const mayEdit = isAllowed(caller, 'repository.manage');
  const view = {
    editHref: mayEdit ? urls.repositoryRoutine({ repository: repository.id }) : undefined,
    face: readClockface(context, visit),
  };
  if (found === undefined) return { ...view, routine: undefined };
  const { stored, maintainer, duties } = found;
  const { host, lease, trouble } = maintainer;
  return {
    ...view,
    routine: {
      maintainer: host && { href: urls.host({ host: host.id }), name: host.name },
      isChosen: lease.isFixed,
      trouble,
      duties: [
        ...(await readRetentionView(context, visit, repository, found)),
        ...duties.map((duty) => toDutyView(duty, stored.settings)),
      ],
      windows: stored.settings.windows.map(describeWindow),
      zone: stored.settings.zone,
    },
  };
}

/** The form as it was typed. */
interface Draft {
  isOn: boolean;
  days: Readonly<Record<DaysField, string>>;
  windows: string;
  zone: string;
  maintainer: string;
}

const toDays = (read: (field: DaysField) => string): Draft['days'] =>
  Object.fromEntries(DAYS_FIELDS.map((field) => [field, read(field)])) as Record<DaysField, string>;

function readDraft({ form }: Visit): Draft {
  return {
    isOn: readText(form, 'isOn') !== '',
    days: toDays((field) => readText(form, field).trim()),
    windows: readText(form, 'windows').slice(0, 4000),
    zone: readText(form, 'zone').trim(),
    maintainer: readText(form, 'maintainer'),
  };
}

async function replyForm(
  context: CoreContext,
  visit: Visit,
  repository: Repository,
  draft: Draft,
  problem: FormProblem,
): Promise<PageReply> {
  const { urls, caller } = visit;
  const href = urls.repository({ repository: repository.id });
  const sought = readSought(visit);
  const hosts = await offerHosts(context, caller, { find: sought.find, keep: [findId(draft.maintainer, idSchema('host'))] });
  const view = {
    ...draft,
    name: repository.name,
    crumbs: [
      { label: 'Repositories', href: urls.repositories() },
      { label: repository.name, href },
      { label: 'Automatic maintenance' },
    ],
    action: urls.repositoryRoutine({ repository: repository.id }),
    cancelHref: href,
    hosts: hosts.rows.map(({ id, name }) => ({ id, name })),
    search: describeSearch('Find another host', sought, hosts),
    maintainer: findSought(sought, hosts) ?? draft.maintainer,
    daysMax: MAINTENANCE.daysMax,
    hasAdmin: listAdminFields(repository.kind).length > 0,
    problem: problem.text,
    errors: problem.fields,
  };
  const html = routineFormPage(await buildShell(context, visit, 'repositories'), view);
  return { kind: 'page', status: hasProblem(problem) ? 422 : 200, html };
}

const getVisited = (context: CoreContext, visit: Visit) =>
  getRepository(context, visit.caller, getParam(visit, 'repository', idSchema('repository')));

async function showRoutine(context: CoreContext, visit: Visit): Promise<PageReply> {
  demand(visit.caller, 'repository.manage');
  const repository = await getVisited(context, visit);
  const stored = await context.store.routines.findRoutine(visit.caller.tenant, repository.id);
  const settings = stored?.settings ?? { ...DEFAULT_ROUTINE, zone: visit.frame.zone ?? DEFAULT_ROUTINE.zone };
  const draft = {
    isOn: stored !== undefined,
    days: toDays((field) => String(settings[field])),
    windows: writeWindowLines(settings.windows),
    zone: settings.zone,
    maintainer: stored?.lease.isFixed ? (stored.lease.host ?? '') : '',
  };
  return replyForm(context, visit, repository, draft, NO_PROBLEM);
}

/** The routine that was typed, or what is wrong with it by field. */
function parseDraft({ days, windows: lines, zone }: Draft): { routine: Routine } | { problem: FormProblem } {
  const windows = parseWindowLines(lines);
  const numbers = Object.entries(days).map(([field, text]) => [field, /^\d{1,6}$/u.test(text) ? Number(text) : Number.NaN]);
  const parsed = routineSchema.safeParse({
    ...Object.fromEntries(numbers),
    windows: 'windows' in windows ? windows.windows : [],
    zone: zone === '' ? undefined : zone,
  });
  const fields = { ...(parsed.success ? {} : toSchemaProblem(parsed.error).fields) };
  for (const field of DAYS_FIELDS) if (Number.isNaN(Number(days[field] || 'x'))) fields[field] = 'must be a whole number of days';
  if ('problem' in windows) fields['windows'] = windows.problem;
  return parsed.success && Object.keys(fields).length === 0 ? { routine: parsed.data } : { problem: { fields } };
}

async function postRoutine(context: CoreContext, visit: Visit): Promise<PageReply> {
  const { caller, urls } = visit;
  demand(caller, 'repository.manage');
  const repository = await getVisited(context, visit);
  const draft = readDraft(visit);
  if (readSought(visit).isAsked) return replyForm(context, visit, repository, draft, NO_PROBLEM);
  const parsed = draft.isOn ? parseDraft(draft) : undefined;
  if (parsed && 'problem' in parsed) return replyForm(context, visit, repository, draft, parsed.problem);
  const maintainer: HostId | undefined = findId(draft.maintainer, idSchema('host'));
  try {
    const wish = parsed ? { kind: 'routine' as const, routine: parsed.routine, maintainer } : { kind: 'by_hand' as const };
    await setRoutine(context, caller, repository.id, wish);
  } catch (thrown) {
    return replyForm(context, visit, repository, draft, toFormProblem(thrown));
  }
  const text = parsed
    ? `Automatic maintenance of ${repository.name} is on.`
    : `Automatic maintenance of ${repository.name} is off.`;
  return { kind: 'redirect', to: urls.repository({ repository: repository.id }), flash: { tone: 'good', text } };
}

export const ROUTINE_SCREENS: readonly ScreenRoute[] = [
  { method: 'get', path: PAGES.repositoryRoutine, handle: showRoutine },
  { method: 'post', path: PAGES.repositoryRoutine, handle: postRoutine },
];
