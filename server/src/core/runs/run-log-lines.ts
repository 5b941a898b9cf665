/**
 * The server's own log of runs: one line when a run is ordered, one when its host has recorded it, one when it has ended. The run's id
 * leads from there to its page, the request's id to whoever asked.
 */
import type { HostId, RunId } from '@holdfast/shared/domain/ids.ts';
import type { Failure, TerminalState } from '@holdfast/shared/domain/run.ts';
import type { DurableEvent } from '@holdfast/shared/protocol/events.ts';
import type { Run } from '../../store/runs.ts';
import type { Caller } from '../caller.ts';
import type { CoreContext } from '../ports.ts';

type Logging = Pick<CoreContext, 'log'>;

/** An order without a request is the server's own, by a routine or a schedule. */
export function logRunOrdered({ log }: Logging, caller: Caller, { id, kind, plan, host }: Run): void {
  log.info({ request: caller.requestId, run: id, kind, plan, host }, 'run ordered');
}

/** Of what hosts tell, the first and the last event of a run; everything between is on the run's page. */
export function logRunEvent(context: Logging, host: HostId, event: DurableEvent): void {
  if (event.type === 'run.created') {
    const { run, kind, plan, trigger } = event;
    context.log.info({ run, kind, plan, host, trigger, state: 'queued' }, 'run created');
  } else if (event.type === 'run.finished') logRunEnd(context, { ...event, host });
}

/** Also of a run that ends before its host told anything of it. */
export function logRunEnd(
  { log }: Logging,
  end: { run: RunId; host: HostId; state: TerminalState; failure?: Failure | undefined },
): void {
  const { run, host, state, failure } = end;
  log.info({ run, host, state, reason: failure?.reason ?? failure?.code }, 'run finished');
}
