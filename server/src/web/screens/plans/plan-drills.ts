/** What a plan says of the drills of its sources: as its form has it, and as its page shows it. */
import { idSchema } from '@holdfast/shared/domain/ids.ts';
import { DRILL_RUNS_MAX, type PlanDrills } from '@holdfast/shared/domain/plan-drills.ts';
import { SCHEDULE_PRESETS } from '@holdfast/shared/domain/schedule.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { Plan } from '../../../store/plans.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { Visit } from '../../http/route.ts';
import { describeDrillRhythm } from '../drills/drill-words.ts';
import { readText } from '../forms/form-values.ts';
import { describeSearch, readSought } from '../forms/offer.ts';
import { offerHosts } from '../hosts/offered-hosts.ts';
import { findId } from '../params.ts';
import { loadNames, nameOf } from '../runs/run-names.ts';
import type { DrillFiresView, DrillsFormView, PlanDrillsView } from './plan-drills.view.ts';
import {
  BY_HAND,
  findSchedule,
  findScheduleProblem,
  listStoredFires,
  OWN,
  previewSchedule,
  type ScheduleText,
  SHARED,
  toScheduleText,
} from './plan-schedule.ts';

const OWN_HOST = 'own';
const FIRES_SHOWN = 5;
const TYPED_CHARS = 200;

/** What was typed, as it was typed. */
export interface DrillsText {
  schedule: ScheduleText;
  runs: string;
  host: string;
}

export const NO_DRILLS: DrillsText = { schedule: { preset: BY_HAND, cron: '', zone: 'UTC' }, runs: '', host: OWN_HOST };

export function toDrillsText(drills: PlanDrills | undefined): DrillsText {
  if (drills === undefined) return NO_DRILLS;
  const { schedule, everyRuns, host } = drills;
  return { schedule: toScheduleText(schedule, 'UTC'), runs: String(everyRuns ?? ''), host: host ?? OWN_HOST };
}

export function readDrillsText(form: Visit['form']): DrillsText {
  const read = (name: string): string => readText(form, name).trim().slice(0, TYPED_CHARS);
  const preset = read('drillPreset');
  return {
    // What plans share is of their backups alone.
    schedule: { preset: preset === '' || preset === SHARED ? BY_HAND : preset, cron: read('drillCron'), zone: read('drillZone') },
    runs: read('drillRuns'),
    host: read('drillHost') || OWN_HOST,
  };
}

/** What was typed, `null` for nothing, or what is wrong by field. */
export function checkDrills(
  calendar: FireCalendar,
  text: DrillsText,
  now: number,
): { drills: PlanDrills | null } | { fields: Readonly<Record<string, string>> } {
  const wrong = findScheduleProblem(calendar, text.schedule, now);
  const everyRuns = text.runs === '' ? undefined : Number(text.runs);
  const isCount = everyRuns === undefined || (Number.isInteger(everyRuns) && everyRuns >= 1 && everyRuns <= DRILL_RUNS_MAX);
  const host = text.host === OWN_HOST ? undefined : findId(text.host, idSchema('host'));
  const schedule = findSchedule(text.schedule);
  const isIdle = schedule === undefined && everyRuns === undefined;
  const fields = {
    ...(wrong === undefined ? {} : { [wrong.field === 'zone' ? 'drillZone' : 'drillCron']: wrong.message }),
    ...(isCount ? {} : { drillRuns: `must be a whole number of backups from 1 to ${DRILL_RUNS_MAX}` }),
    ...(text.host !== OWN_HOST && host === undefined ? { drillHost: 'must be one of the choices' } : {}),
    ...(host !== undefined && isIdle
      ? { drillHost: 'says where, but nothing says when: choose times or a number of backups' }
      : {}),
  };
  if (Object.keys(fields).length > 0) return { fields };
  return { drills: isIdle ? null : { schedule, everyRuns, host } };
}

/** The next drills of what is typed. */
export function previewDrills(calendar: FireCalendar, text: DrillsText, now: number): DrillFiresView {
  const fires = previewSchedule(calendar, text.schedule, now);
  const checked = checkDrills(calendar, { ...text, host: OWN_HOST }, now);
  const words = 'drills' in checked && checked.drills ? describeDrillRhythm(calendar.describeCron, checked.drills) : undefined;
  return { ...fires, words, problem: fires.problem, fires: fires.fires.slice(0, FIRES_SHOWN) };
}

export async function readDrillsForm(
  context: CoreContext,
  visit: Visit,
  calendar: FireCalendar,
  text: DrillsText,
  action: string,
): Promise<DrillsFormView> {
  const sought = readSought(visit, 'drillHost');
  const offer = await offerHosts(context, visit.caller, { find: sought.find, keep: [findId(text.host, idSchema('host'))] });
  const { preset, cron, zone } = text.schedule;
  return {
    values: { preset, cron, zone, runs: text.runs, host: text.host },
    presets: [
      { value: BY_HAND, label: 'At no time of its own' },
      ...SCHEDULE_PRESETS.map(({ name, label }) => ({ value: name, label })),
      { value: OWN, label: 'An expression of my own' },
    ],
    hosts: [
      { value: OWN_HOST, label: 'the host of each source' },
      ...offer.rows.map(({ id, name }) => ({ value: id, label: name })),
    ],
    search: describeSearch('Find a host for drills', sought, offer, { field: 'drillHost', action }),
    runsMax: DRILL_RUNS_MAX,
    fires: previewDrills(calendar, text, context.clock.now()),
  };
}

/** Undefined for a plan that says nothing of drills. */
export async function readPlanDrills(
  context: CoreContext,
  { caller, urls }: Visit,
  calendar: FireCalendar,
  plan: Plan,
): Promise<PlanDrillsView | undefined> {
  const { drills } = plan.options;
  if (drills === undefined) return undefined;
  const kept = await context.store.drills.listDrillSettings(caller.tenant, plan.sources);
  const others = kept.filter(({ everyDays, everyRuns, followed }) =>
    followed === undefined ? everyDays !== undefined || everyRuns !== undefined : followed.plan !== plan.id,
  );
  const { host } = drills;
  const names = host === undefined ? undefined : await loadNames(context, caller, { hosts: [host] });
  const stored = listStoredFires(calendar, drills.schedule, context.clock.now(), FIRES_SHOWN);
  return {
    enabled: plan.enabled,
    words: describeDrillRhythm(calendar.describeCron, drills),
    host: names && host && { name: nameOf(names.hosts, host, 'host'), href: urls.host({ host }) },
    sources: plan.sources.length,
    others: others.length,
    fires: stored,
  };
}
