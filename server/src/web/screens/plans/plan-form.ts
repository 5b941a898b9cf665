/** Making and changing a plan: `/plans/new`, `/plans/:plan/edit`, and the preview of its fires. */
import { idSchema, type PlanId, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { SCHEDULE_PRESETS } from '@holdfast/shared/domain/schedule.ts';
import { HTTP, RUNS } from '@holdfast/shared/limits.ts';
import { demand } from '../../../core/caller.ts';
import { createPlan, getPlan, type PlanInput, updatePlan } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRepositories } from '../../../core/repositories/repositories.ts';
import type { Plan } from '../../../store/plans.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import { html } from '../../html.ts';
import type { PageReply, ScreenRoute, Visit } from '../../http/route.ts';
import { formatNoun } from '../../ui/quantity.ts';
import { PAGES } from '../../urls.ts';
import { readClockface } from '../clockface.ts';
import { type FormProblem, hasProblem, NO_PROBLEM, toFormProblem } from '../forms/form-problem.ts';
import { findText, readList, readText } from '../forms/form-values.ts';
import { findId, getParam, wantsPart } from '../params.ts';
import { buildShell } from '../shell.ts';
import { labelRepositoryKind } from '../sources/source-words.ts';
import { previewBegins } from './plan-begins.ts';
import { type CopiesText, checkCopies, NO_COPIES, readCopiesForm, readCopiesText, toCopiesText } from './plan-copies.ts';
import {
  checkDrills,
  type DrillsText,
  NO_DRILLS,
  previewDrills,
  readDrillsForm,
  readDrillsText,
  toDrillsText,
} from './plan-drills.ts';
import { drillFires } from './plan-drills.view.ts';
import { firesPreview } from './plan-fires.view.ts';
import { PLAN_SOURCES, type PlanFormView, planFormPage, sourceChoices } from './plan-form.view.ts';
import {
  applyWindowAct,
  checkOptionsText,
  DEFAULT_OPTIONS_TEXT,
  findWindowAct,
  type OptionsText,
  readOptionsText,
  toOptionsText,
  WINDOWS_MAX,
} from './plan-options.ts';
import type { PlanOptionsView } from './plan-options.view.ts';
import { checkPolicyChoice, EVERYTHING, findUsualPolicy, readPolicyChoices } from './plan-retention.ts';
import { previewFires } from './plan-rhythm.ts';
import {
  BY_HAND,
  findSchedule,
  findScheduleProblem,
  listZones,
  OWN,
  type ScheduleText,
  SHARED,
  toScheduleText,
} from './plan-schedule.ts';
import { readScheduleText, readSharing, shareTimes } from './plan-sharing.ts';
import { readSourceGroups } from './plan-source-groups.ts';

/** A plan as it stands in the form. */
interface Draft {
  name: string;
  repository: string;
  sources: readonly SourceId[];
  schedule: ScheduleText;
  /** The name of the shared schedule that its times would become; empty: none. */
  shareAs: string;
  options: OptionsText;
  /** A choice of the field. */
  retentionPolicy: string;
  copies: CopiesText;
  drills: DrillsText;
  enabled: boolean;
}

function readSourceIds(values: readonly string[]): SourceId[] {
  const ids = values.slice(0, RUNS.partsPerRun).map((text) => findId(text, idSchema('source')));
  return [...new Set(ids.filter((id) => id !== undefined))];
}

async function readDraft(context: CoreContext, visit: Visit): Promise<Draft> {
  const { form } = visit;
  return {
    name: readText(form, 'name').slice(0, 500),
    repository: readText(form, 'repository').slice(0, 100),
    sources: readSourceIds(readList(form, 'sources')),
    schedule: await readScheduleText(context, visit, form),
    shareAs: readText(form, 'shareAs').trim().slice(0, 500),
    options: readOptionsText(form),
    retentionPolicy: readText(form, 'retentionPolicy').slice(0, 100),
    copies: readCopiesText(visit),
    drills: readDrillsText(form),
    enabled: readText(form, 'enabled') === 'true',
  };
}

function toDraft(plan: Plan): Draft {
  return {
    name: plan.name,
    repository: plan.repository,
    sources: plan.sources,
    schedule: toScheduleText(plan.schedule, 'UTC', plan.sharedSchedule),
    shareAs: '',
    options: toOptionsText(plan.options),
    retentionPolicy: plan.retentionPolicy ?? EVERYTHING,
    copies: toCopiesText(plan),
    drills: toDrillsText(plan.options.drills),
    enabled: plan.enabled,
  };
}

const toScheduleValues = ({ preset, cron, zone }: ScheduleText) => ({ preset, cron, zone });

/** A link from a shared schedule names it. */
async function createScheduleText(context: CoreContext, visit: Visit): Promise<ScheduleText> {
  const text = await readScheduleText(context, visit, visit.query);
  return text.shared.schedule === undefined ? text : { ...text, preset: SHARED };
}

/** Where there is one repository, no other can be meant. */
async function findOnlyRepository(context: CoreContext, { caller }: Visit): Promise<string> {
  const { rows } = await listRepositories(context, caller, {}, { limit: 2 });
  return rows.length === 1 ? (rows[0]?.id ?? '') : '';
}

/** A new plan: every day or as the shared schedule of the address says, kept as usual, for the sources the address names. */
async function createDraft(context: CoreContext, visit: Visit): Promise<Draft> {
  return {
    name: '',
    repository: findText(visit.query, 'repository') ?? (await findOnlyRepository(context, visit)),
    sources: readSourceIds(readList(visit.query, 'sources')),
    schedule: await createScheduleText(context, visit),
    shareAs: '',
    options: DEFAULT_OPTIONS_TEXT,
    retentionPolicy: await findUsualPolicy(context, visit),
    copies: NO_COPIES,
    drills: NO_DRILLS,
    enabled: true,
  };
}

/** Turns a draft into input; what cannot be used is said by field. */
function checkDraft(calendar: FireCalendar, draft: Draft, now: number): { input: PlanInput } | { problem: FormProblem } {
  const name = nameSchema.safeParse(draft.name);
  const repository = findId(draft.repository, idSchema('repository'));
  const wrong = findScheduleProblem(calendar, draft.schedule, now);
  const options = checkOptionsText(draft.options);
  const retention = checkPolicyChoice(draft.retentionPolicy);
  const copies = checkCopies(draft.copies);
  const drills = checkDrills(calendar, draft.drills, now);
  const fields: Record<string, string> = {
    ...(draft.sources.length === 0 ? { sources: 'Choose at least one source.' } : {}),
    ...(repository === undefined ? { repository: 'Choose where the snapshots go.' } : {}),
    ...(wrong === undefined ? {} : { [wrong.field]: wrong.message }),
    ...(name.success ? {} : { name: name.error.issues[0]?.message ?? 'is needed' }),
    ...('fields' in options ? options.fields : {}),
    ...('problem' in retention ? { retentionPolicy: retention.problem } : {}),
    ...('fields' in copies ? copies.fields : {}),
    ...('fields' in drills ? drills.fields : {}),
  };
  if (
    !name.success ||
    repository === undefined ||
    'fields' in options ||
    'problem' in retention ||
    'fields' in copies ||
    'fields' in drills ||
    Object.keys(fields).length > 0
  )
    return { problem: { fields } };
  return {
    input: {
      name: name.data,
      repository,
      sources: draft.sources,
      ...chooseSchedule(draft.schedule),
      enabled: draft.enabled,
      options: { ...options.options, drills: drills.drills },
      retentionPolicy: retention.policy,
      ...copies.copies,
    },
  };
}

/** What a plan is given: the shared schedule, or its own. */
function chooseSchedule(text: ScheduleText): Pick<PlanInput, 'schedule' | 'sharedSchedule'> {
  if (text.preset !== SHARED) return { schedule: findSchedule(text) };
  return { sharedSchedule: findId(text.shared?.id ?? '', idSchema('schedule')) };
}

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
  const find = findText(visit.query, 'find') ?? '';
  const repositories = await listRepositories(context, caller, {}, { limit: HTTP.pageSizeMax });
  const sharing = await readSharing(context, visit, calendar, draft);
  const here = plan === undefined ? urls.addPlan() : urls.editPlan({ plan: plan.id });
  const places = repositories.rows.map((row) => ({ value: row.id, label: `${row.name} · ${labelRepositoryKind(row.kind)}` }));
  return {
    face,
    heading: plan === undefined ? 'Which sources go where, and when?' : `Change the plan “${plan.name}”.`,
    title: plan === undefined ? 'New plan' : `Edit ${plan.name}`,
    crumbs: [
      { label: 'Plans', href: urls.plans() },
      ...(plan === undefined ? [] : [{ label: plan.name, href: urls.plan({ plan: plan.id }) }]),
      { label: plan === undefined ? 'New plan' : 'Edit' },
    ],
    action: here,
    here,
    cancelHref: plan === undefined ? urls.plans() : urls.plan({ plan: plan.id }),
    submit: plan === undefined ? 'Make the plan' : 'Save the plan',
    ...(plan === undefined ? {} : { version: Number(findText(visit.form, 'version', 12) ?? plan.version) || plan.version }),
    ...(await readSourceGroups(context, visit, draft.sources, find)),
    find,
    addSourceHref: urls.addSource(),
    repositories: places,
    copies: await readCopiesForm(context, visit, draft.copies, places),
    drills: await readDrillsForm(context, visit, calendar, draft.drills),
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
      choices: await readPolicyChoices(context, visit, draft.retentionPolicy),
      policiesHref: urls.retention(),
    },
    options: toOptionsView(scene),
    problem: problem.text,
    errors: problem.fields,
  };
}

async function showForm(context: CoreContext, visit: Visit, calendar: FireCalendar, scene: FormScene): Promise<PageReply> {
  const view = await buildView(context, visit, calendar, scene);
  if (wantsPart(visit, PLAN_SOURCES)) return { kind: 'page', html: sourceChoices(view) };
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
