/** A plan as its form has it: read from what was sent, or from the plan that is changed, and turned into what the use case takes. */
import { idSchema, type SourceId } from '@holdfast/shared/domain/ids.ts';
import { nameSchema } from '@holdfast/shared/domain/plan.ts';
import { RUNS } from '@holdfast/shared/limits.ts';
import type { PlanInput } from '../../../core/plans/plans.ts';
import type { CoreContext } from '../../../core/ports.ts';
import { listRepositories } from '../../../core/repositories/repositories.ts';
import type { Plan } from '../../../store/plans.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { Visit } from '../../http/route.ts';
import type { FormProblem } from '../forms/form-problem.ts';
import { findText, readList, readText } from '../forms/form-values.ts';
import { findId } from '../params.ts';
import { type CopiesText, checkCopies, NO_COPIES, readCopiesText, toCopiesText } from './plan-copies.ts';
import { checkDrills, type DrillsText, NO_DRILLS, readDrillsText, toDrillsText } from './plan-drills.ts';
import { checkOptionsText, DEFAULT_OPTIONS_TEXT, type OptionsText, readOptionsText, toOptionsText } from './plan-options.ts';
import { checkPolicyChoice, EVERYTHING, findUsualPolicy } from './plan-retention.ts';
import { findSchedule, findScheduleProblem, type ScheduleText, SHARED, toScheduleText } from './plan-schedule.ts';
import { readScheduleText } from './plan-sharing.ts';

/** A plan as it stands in the form. */
export interface Draft {
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

export function readSourceIds(values: readonly string[]): SourceId[] {
  const ids = values.slice(0, RUNS.partsPerRun).map((text) => findId(text, idSchema('source')));
  return [...new Set(ids.filter((id) => id !== undefined))];
}

export async function readDraft(context: CoreContext, visit: Visit): Promise<Draft> {
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

export function toDraft(plan: Plan): Draft {
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
export async function createDraft(context: CoreContext, visit: Visit): Promise<Draft> {
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
export function checkDraft(calendar: FireCalendar, draft: Draft, now: number): { input: PlanInput } | { problem: FormProblem } {
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
export function chooseSchedule(text: ScheduleText): Pick<PlanInput, 'schedule' | 'sharedSchedule'> {
  if (text.preset !== SHARED) return { schedule: findSchedule(text) };
  return { sharedSchedule: findId(text.shared?.id ?? '', idSchema('schedule')) };
}
