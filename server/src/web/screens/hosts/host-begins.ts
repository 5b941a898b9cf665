/** When each host of a plan begins next: the fire, this host's part of the spread, then out of blackout windows. */
import type { HostId } from '@holdfast/shared/domain/ids.ts';
import type { Schedule } from '@holdfast/shared/domain/schedule.ts';
import type { Plan } from '../../../store/plans.ts';
import type { FireCalendar } from '../../api/fire-calendar.ts';
import { formatDuration, formatNoun } from '../../ui/quantity.ts';
import { type Clockface, formatRelative, formatStamp } from '../../ui/time.ts';
import type { HostBeginLine, HostBeginsView } from './host-begins.view.ts';

const HOSTS_SHOWN = 8;
/** Looked ahead for fires that are kept back. */
const BEGINS_ASKED = 7;

export type BeginningHost = { readonly id: HostId; readonly name: string; readonly href?: string | undefined };

/** Undefined for a plan whose hosts begin at its fires. `schedule` is one that can be read. */
export function findHostBegins(
  calendar: FireCalendar,
  plan: Pick<Plan, 'id' | 'options' | 'effectiveFrom'>,
  schedule: Schedule,
  hosts: readonly BeginningHost[],
  face: Clockface,
): HostBeginsView | undefined {
  const { spreadMinutes, blackouts } = plan.options;
  if ((spreadMinutes === 0 && blackouts.length === 0) || hosts.length === 0) return undefined;
  const warnings = new Set<string>();
  const lines = hosts.slice(0, HOSTS_SHOWN).map((host): HostBeginLine => {
    const { spreadMs, begins, missed } = calendar.listNextBegins({ ...plan, schedule }, host.id, face.now, BEGINS_ASKED);
    const [begin] = begins;
    if (begin === undefined) {
      if (missed.length > 0)
        warnings.add('Blackout windows keep back every fire for longer than the grace: nothing ever begins by this schedule.');
      return { host: host.name, href: host.href, reason: 'nothing begins' };
    }
    if (missed.length > 0)
      warnings.add('Blackout windows keep back some of the next fires for longer than the grace: those are recorded as missed.');
    const isMoved = begin.dueAt - begin.fireAt !== spreadMs;
    const reasons = [
      formatRelative(begin.dueAt, face),
      ...(isMoved ? ['as a blackout window ends'] : spreadMs > 0 ? [`${formatDuration(spreadMs)} after its fire`] : []),
      ...(begin.standsFor > 0 ? [`one run for ${formatNoun(begin.standsFor + 1, 'fire')}`] : []),
    ];
    return { host: host.name, href: host.href, stamp: formatStamp(begin.dueAt, schedule.zone), reason: reasons.join(', ') };
  });
  return { lines, left: hosts.length - lines.length, warnings: [...warnings] };
}
