/** Making and changing a plan: `/plans/new`, `/plans/:plan/edit`, and the preview of its fires. */
import { idSchema, type PlanId } from '@holdfast/shared/domain/ids.ts';
import { SCHEDULE_PRESETS } from '@holdfast/shared/domain/schedule.ts';
import { demand } from '../../../core/caller.ts';
import { createPlan, getPlan, updatePlan } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Plan } from '../../../store/plans.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import { html } from '../../html.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { findText, readList, readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { findId, findParts, getParam } from '../params.ts';
import { offerRepositories, toRepositoryOption } from '../repositories/offered-repositories.ts';
import { buildShell } from '../shell.ts';
import { previewBegins } from './plan-begins.ts';
import { readCopiesForm } from './plan-copies.ts';
import { checkDraft, chooseSchedule, createDraft, type Draft, readDraft, readSourceIds, toDraft } from './plan-draft.ts';
import { previewDrills, readDrillsForm, readDrillsText } from './plan-drills.ts';
import { drillFires } from './plan-drills.view.ts';
import { firesPreview } from './plan-fires.view.ts';
import { foundParts, type PlanFormView, planFormPage } from './plan-form.view.ts';
import { applyWindowAct, findWindowAct, readOptionsText, WINDOWS_MAX } from './plan-options.ts';
import type { PlanOptionsView } from './plan-options.view.ts';
import { readPolicyChoices } from './plan-retention.ts';
import { previewFires } from './plan-rhythm.ts';
import { BY_HAND, listZones, OWN, type ScheduleText, SHARED } from './plan-schedule.ts';
import { readScheduleText, readSharing, shareTimes } from './plan-sharing.ts';
import { readSourceGroups } from './plan-source-groups.ts';

const toScheduleValues = ({ preset, cron, zone }: ScheduleText) => ({ preset, cron, zone });

interface FormScene {
  plan?: Plan | undefined;
  draft: Draft;
  problem: FormProblem;
  /** A row of windows was added or taken away, so their part of the form is open. */
  showsWindows?: boolean | undefined;
}

function toOptionsView({ draft, problem, showsWindows }: FormScene): PlanOptionsView {
  const { windows, ...values } = draft.options;
  return {
    values: { ...values },
    windows,
    mayAddWindow: windows.length < WINDOWS_MAX,
    errors: problem.fields,
    showsWindows: showsWindows === true,
  };
}

async function buildView(context: CoreContext, visit: Visit, calendar: FireCalendar, scene: FormScene): Promise<PlanFormView> {
  const { urls, caller } = visit;
  const { plan, draft, problem } = scene;
  const face = readClockface(context, visit);
  const { find } = readSought(visit);
  const sought = readSought(visit, 'repository');
  const keep = [findId(draft.repository, idSchema('repository'))];
  const offer = await offerRepositories(context, caller, { find: sought.find, keep });
  const sharing = await readSharing(context, visit, calendar, draft);
  const action = plan === undefined ? urls.addPlan() : urls.editPlan({ plan: plan.id });
  return {
    face,
    heading: plan === undefined ? 'Which sources go where, and when?' : `Change the plan “${plan.name}”.`,
    title: plan === undefined ? 'New plan' : `Edit ${plan.name}`,
    crumbs: [
      { label: 'Plans', href: urls.plans() },
      ...(plan === undefined ? [] : [{ label: plan.name, href: urls.plan({ plan: plan.id }) }]),
      { label: plan === undefined ? 'New plan' : 'Edit' },
    ],
    action,
    cancelHref: plan === undefined ? urls.plans() : urls.plan({ plan: plan.id }),
    submit: plan === undefined ? 'Make the plan' : 'Save the plan',
    ...(plan === undefined ? {} : { version: Number(findText(visit.form, 'version', 12) ?? plan.version) || plan.version }),
    ...(await readSourceGroups(context, visit, draft.sources, find)),
    find,
    addSourceHref: urls.addSource(),
    repositories: offer.rows.map(toRepositoryOption),
    repositorySearch: describeSearch('Find a repository', sought, offer, { field: 'repository', action }),
    copies: await readCopiesForm(context, visit, draft.copies, action),
    drills: await readDrillsForm(context, visit, calendar, draft.drills, action),
    addRepositoryHref: urls.addRepository(),
    values: { name: draft.name, repository: draft.repository, enabled: draft.enabled, ...toScheduleValues(draft.schedule) },
    sharing,
    presets: [
      ...SCHEDULE_PRESETS.map((preset) => ({ value: preset.name, label: preset.label })),
      { value: OWN, label: 'An expression of my own' },
      ...(sharing.choices.length > 0 ? [{ value: SHARED, label: 'A shared schedule' }] : []),
      { value: BY_HAND, label: 'Only by hand' },
    ],
    zones: listZones(),
    fires: {
      ...(await previewFires(context, visit, calendar, draft)),
      ...(await previewBegins(context, visit, calendar, { plan, ...draft }, face)),
    },
    firesUrl: urls.previewFires({ plan: plan?.id }),
    retention: {
      value: draft.retentionPolicy,
      choices: await readPolicyChoices(context, visit),
      policiesHref: urls.retention(),
    },
    options: toOptionsView(scene),
    problem: problem.text,
    errors: problem.fields,
  };
}

/** Nothing is saved by a search among sources, repositories or hosts. */
function isSearch(visit: Visit): boolean {
  return [undefined, 'repository', 'copyRepository', 'drillHost'].some((field) => readSought(visit, field).isAsked);
}

async function showForm(context: CoreContext, visit: Visit, calendar: FireCalendar, scene: FormScene): Promise<PageReply> {
  const view = await buildView(context, visit, calendar, scene);
  const parts = await findParts(visit, foundParts(view));
  if (parts !== undefined) return parts;
  const status = hasProblem(scene.problem) ? 422 : 200;
  return { kind: 'page', status, html: planFormPage(await buildShell(context, visit, 'plans'), view) };
}

async function countHosts(context: CoreContext, visit: Visit, id: PlanId): Promise<string> {
  const hosts = await context.store.plans.listHostsOfPlan(visit.caller.tenant, id);
  return formatNoun(hosts.length, 'host');
}

async function save(context: CoreContext, visit: Visit, calendar: FireCalendar, plan: Plan | undefined): Promise<PageReply> {
  demand(visit.caller, 'plan.manage');
  let draft = await readDraft(context, visit);
  if (isSearch(visit)) return showForm(context, visit, calendar, { plan, draft, problem: NO_PROBLEM });
  const act = findWindowAct(visit.form);
  if (act !== undefined) {
    const options = { ...draft.options, windows: applyWindowAct(draft.options.windows, act) };
    return showForm(context, visit, calendar, { plan, draft: { ...draft, options }, problem: NO_PROBLEM, showsWindows: true });
  }
  const checked = checkDraft(calendar, draft, context.clock.now());
  if ('problem' in checked) return showForm(context, visit, calendar, { plan, draft, problem: checked.problem });
  if (draft.shareAs !== '') {
    const shared = await shareTimes(context, visit, draft.schedule, draft.shareAs);
    if ('problem' in shared) return showForm(context, visit, calendar, { plan, draft, problem: shared.problem });
    draft = { ...draft, schedule: shared.schedule, shareAs: '' };
  }
  try {
    const input = { ...checked.input, schedule: undefined, ...chooseSchedule(draft.schedule) };
    const version = Number(findText(visit.form, 'version', 12) ?? Number.NaN);
    const saved =
      plan === undefined
        ? await createPlan(context, visit.caller, input)
        : await updatePlan(
            context,
            visit.caller,
            plan.id,
            {
              ...input,
              schedule: input.schedule ?? null,
              retentionPolicy: input.retentionPolicy ?? null,
              copyRepository: input.copyRepository ?? null,
              copyPolicy: input.copyPolicy ?? null,
            },
            Number.isInteger(version) ? version : undefined,
          );
    const text = `Plan “${saved.name}” is saved. ${await countHosts(context, visit, saved.id)} will have it within a minute.`;
    return { kind: 'redirect', to: visit.urls.plan({ plan: saved.id }), flash: { tone: 'good', text } };
  } catch (thrown) {
    return showForm(context, visit, calendar, { plan, draft, problem: toFormProblem(thrown) });
  }
}

async function getEdited(context: CoreContext, visit: Visit): Promise<Plan> {
  demand(visit.caller, 'plan.manage');
  return getPlan(context, visit.caller, getParam(visit, 'plan', idSchema('plan')));
}

export function createPlanFormScreens(calendar: FireCalendar): readonly ScreenRoute[] {
  return [
    {
      method: 'get',
      path: PAGES.addPlan,
      async handle(context, visit) {
        demand(visit.caller, 'plan.manage');
        return showForm(context, visit, calendar, { draft: await createDraft(context, visit), problem: NO_PROBLEM });
      },
    },
    { method: 'post', path: PAGES.addPlan, handle: (context, visit) => save(context, visit, calendar, undefined) },
    {
      method: 'get',
      path: PAGES.previewFires,
      async handle(context, visit) {
        demand(visit.caller, 'view');
        const text = await readScheduleText(context, visit, visit.query);
        const face = readClockface(context, visit);
        const id = findId(readText(visit.query, 'plan'), idSchema('plan'));
        const plan = id === undefined ? undefined : await getPlan(context, visit.caller, id);
        const typed = { plan, schedule: text, options: readOptionsText(visit.query) };
        const begins = await previewBegins(context, visit, calendar, typed, face);
        const draft = { schedule: text, retentionPolicy: readText(visit.query, 'retentionPolicy').slice(0, 100) };
        return {
          kind: 'page',
          html: html`${firesPreview({ ...(await previewFires(context, visit, calendar, draft)), ...begins }, face)}${drillFires(previewDrills(calendar, readDrillsText(visit.query), face.now), face)}`,
        };
      },
    },
    {
      method: 'get',
      path: PAGES.editPlan,
      async handle(context, visit) {
        const plan = await getEdited(context, visit);
        const draft = toDraft(plan);
        // The search for sources carries what is checked meanwhile.
        const sources = visit.isFragment ? readSourceIds(readList(visit.query, 'sources')) : draft.sources;
        return showForm(context, visit, calendar, { plan, draft: { ...draft, sources }, problem: NO_PROBLEM });
      },
    },
    {
      method: 'post',
      path: PAGES.editPlan,
      handle: async (context, visit) => save(context, visit, calendar, await getEdited(context, visit)),
    },
  ];
}
