/** The fires to come as a night's drawing marks them: those that stand close together are one mark, with a word for all. */
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import { MINUTE_MS } from '@holdfast/shared/durations.ts';
import type { Plan } from '../../../store/plans.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import type { GanttFires } from '../../ui/charts.ts';
import { formatCount, formatNoun, formatSpan } from '../../ui/quantity.ts';
import { formatMinute } from '../../ui/time.ts';

/** Fires no further apart than this would touch each other in the drawing of a day. */
const TOUCHING_MS = 30 * MINUTE_MS;
/** Asked of the calendar at first, which is all of most plans; then, of plans that fire often. */
const FIRST_ASKED = 4;
const BATCH_ASKED = 50;
/** Above what one plan can have in the hours ahead that are drawn: one a minute. */
const MOST_ASKED = 300;
const NAMES_SHOWN = 3;

export interface ComingFire {
  at: number;
  plan: string;
}

/** When the plan begins on the host after `now` until `until`, epoch milliseconds: its fires, spread and blackout windows included. */
export function listComingFires(
  calendar: FireCalendar,
  plan: Pick<Plan, 'id' | 'name' | 'schedule' | 'enabled' | 'options' | 'effectiveFrom'>,
  host: HostId,
  now: number,
  until: number,
): readonly ComingFire[] {
  const { schedule } = plan;
  if (!plan.enabled || schedule === undefined || !calendar.checkCron(schedule.cron, schedule.zone, now).ok) return [];
  const list = (after: number, count: number) =>
    calendar.listNextBegins({ ...plan, schedule }, host, after, count).begins.map(({ dueAt }) => dueAt);
  const all = list(now, FIRST_ASKED);
  let last = all.at(-1);
  while (all.length >= FIRST_ASKED && all.length < MOST_ASKED && last !== undefined && last <= until) {
    const more = list(last, BATCH_ASKED);
    if (more.length === 0) break;
    all.push(...more);
    last = all.at(-1);
  }
  return all.filter((at) => at <= until).map((at) => ({ at, plan: plan.name }));
}

/** One mark for each fire that stands alone, one for each row of fires that would touch. */
export function groupFires(fires: readonly ComingFire[], zone: string): readonly GanttFires[] {
  const groups: ComingFire[][] = [];
  for (const fire of fires.toSorted((a, b) => a.at - b.at)) {
    const open = groups.at(-1);
    const last = open?.at(-1);
    if (open === undefined || last === undefined || fire.at - last.at > TOUCHING_MS) groups.push([fire]);
    else open.push(fire);
  }
  return groups.map((group) => describeGroup(group, zone));
}

function describeGroup(group: readonly ComingFire[], zone: string): GanttFires {
  const from = group[0]?.at ?? 0;
  const to = group.at(-1)?.at ?? from;
  const plans = [...new Set(group.map((fire) => fire.plan))];
  const more = plans.length - NAMES_SHOWN;
  const names = `${plans.slice(0, NAMES_SHOWN).join(', ')}${more > 0 ? ` and ${formatCount(more)} more` : ''}`;
  const start = formatMinute(from, zone);
  if (from === to) return { from, to, title: `${names} at ${start}` };
  const fires = formatNoun(group.length, 'fire');
  const range = `from ${start} to ${formatMinute(to, zone)}`;
  const gap = plans.length === 1 ? findGap(group) : undefined;
  if (gap === undefined) return { from, to, word: fires, title: `${names}: ${fires} ${range}` };
  const span = formatSpan(gap);
  return { from, to, word: `every ${span}`, shortWord: span, title: `${names} every ${span}: ${fires} ${range}` };
}

/** The one distance between all fires, when there is one. */
function findGap(group: readonly ComingFire[]): number | undefined {
  const gaps = new Set(group.slice(1).map((fire, index) => fire.at - (group[index]?.at ?? 0)));
  const [only] = gaps;
  return gaps.size === 1 && group.length > 2 ? only : undefined;
}
