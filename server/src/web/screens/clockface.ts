/** Where the reader of a page stands in time. */
import type { CoreContext } from '../../core/ports.ts';
import type { Visit } from '../http/route.ts';
import type { Clockface } from '../ui/time.ts';
import { frameOf } from './shell-frame.ts';

export function readClockface(context: Pick<CoreContext, 'clock'>, visit: Visit): Clockface {
  return { now: context.clock.now(), zone: frameOf(visit).zone ?? 'UTC' };
}
