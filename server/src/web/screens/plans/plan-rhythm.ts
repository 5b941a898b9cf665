/** What the pages of a plan say where its policy counts hours or days that its schedule cannot fill. */
import type { PolicyId } from '@holdfast/shared/domain/ids.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import { describeTierConflict } from '@holdfast/shared/domain/tier-rhythm.ts';
import type { CoreContext } from '../../../core/ports.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { Visit } from '../../http/route.ts';
import type { FiresView } from './plan-fires.view.ts';
import { checkPolicyChoice } from './plan-retention.ts';
import { findSchedule, previewSchedule, type ScheduleText } from './plan-schedule.ts';

/** A week of working days with its week-end between. */
const FIRES_READ = 8;

/** Notes beside the fires: none where the two go together, or one of them is missing. The schedule is one that can be read. */
export async function readRhythmNotes(
  { store, clock }: CoreContext,
  { caller }: Visit,
  calendar: FireCalendar,
  { schedule, policy }: { schedule: Schedule | undefined; policy: PolicyId | undefined },
): Promise<readonly string[]> {
  const found = policy === undefined ? undefined : await store.policies.findPolicy(caller.tenant, policy);
  if (found === undefined || schedule === undefined) return [];
  const note = describeTierConflict(found.policy, calendar.listNextFires(schedule, clock.now(), FIRES_READ));
  return note === undefined ? [] : [note];
}

/** The next fires of a form, with what its policy makes of them; `retentionPolicy` is a choice of its field. */
export async function previewFires(
  context: CoreContext,
  visit: Visit,
  calendar: FireCalendar,
  { schedule, retentionPolicy }: { schedule: ScheduleText; retentionPolicy: string },
): Promise<FiresView> {
  const fires = previewSchedule(calendar, schedule, context.clock.now());
  const retention = checkPolicyChoice(retentionPolicy);
  const policy = 'problem' in retention ? undefined : retention.policy;
  const readable = fires.fires.length === 0 ? undefined : findSchedule(schedule);
  const notes = await readRhythmNotes(context, visit, calendar, { schedule: readable, policy });
  return { ...fires, notes: [...notes, ...fires.notes] };
}
