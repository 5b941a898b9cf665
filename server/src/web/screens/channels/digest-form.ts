/** When digests are told, as a panel on the page of channels. */
import { DAY_NAMES } from '@holdfast/shared/domain/calendar.ts';
import * as z from 'zod';
import { digestSettingsSchema, getDigestSettings, updateDigestSettings } from '../../../core/alerts/digest-settings.ts';
import { demand, isAllowed } from '../../../core/caller.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { PageReply, Visit } from '../../http/route.ts';
import { type FormProblem, toSchemaProblem } from '../forms/form-problem.ts';
import { readText } from '../forms/form-values.ts';
import { listZones } from '../plans/plan-schedule.ts';
import type { DigestView } from './digest.view.ts';

const NAMES = ['zone', 'hour', 'weekday'] as const;
type Typed = Record<(typeof NAMES)[number], string>;

function readTyped({ form }: Visit): Typed {
  const read = (name: (typeof NAMES)[number]) => readText(form, `digest-${name}`).trim().slice(0, 100);
  return { zone: read('zone'), hour: read('hour'), weekday: read('weekday') };
}

export async function readDigestView(context: CoreContext, visit: Visit, problem?: FormProblem): Promise<DigestView> {
  const stored = await getDigestSettings(context, visit.caller);
  const values =
    problem === undefined ? { zone: stored.zone, hour: String(stored.hour), weekday: String(stored.weekday) } : readTyped(visit);
  return {
    action: isAllowed(visit.caller, 'channel.manage') ? visit.urls.setDigest() : undefined,
    values,
    zones: listZones(),
    dayNames: DAY_NAMES,
    errors: problem?.fields ?? {},
  };
}

/** Answers the posted form; `refuse` shows the page again with what is wrong. */
export async function postDigest(
  context: CoreContext,
  visit: Visit,
  refuse: (problem: FormProblem) => Promise<PageReply>,
): Promise<PageReply> {
  demand(visit.caller, 'channel.manage');
  const whole = z
    .string()
    .regex(/^\d{1,2}$/u, 'must be a whole number')
    .transform(Number);
  const { zone, hour, weekday } = digestSettingsSchema.shape;
  const schema = z.object({ zone: zone.unwrap(), hour: whole.pipe(hour.unwrap()), weekday: whole.pipe(weekday.unwrap()) });
  const parsed = schema.safeParse(readTyped(visit));
  if (!parsed.success) return refuse(toSchemaProblem(parsed.error));
  await updateDigestSettings(context, visit.caller, parsed.data);
  return {
    kind: 'redirect',
    to: visit.urls.channels(),
    flash: { tone: 'good', text: 'Saved. The next digest comes at this hour.' },
  };
}
