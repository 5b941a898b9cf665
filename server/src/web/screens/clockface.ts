/** Where the reader of a page stands in time. */
import type { CoreContext } from '../../core/ports.ts';
import type { Visit } from '../http/route.ts';
import type { Clockface } from '../ui/time.ts';

export function readClockface(context: Pick<CoreContext, 'clock'>, visit: Pick<Visit, 'frame'>): Clockface {
  return { now: context.clock.now(), zone: visit.frame.zone ?? 'UTC' };
}
